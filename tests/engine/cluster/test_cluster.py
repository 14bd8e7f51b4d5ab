"""Studies on a real cluster of two workers: the numbers of the study in memory, also when a worker ends on the way."""

import gc
import os
import pickle
import signal
import subprocess
import sys
import weakref

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iffair_core import Study, Task, read_table
from iffair_core.__main__ import main
from iffair_core.cluster.connecting import NOT_INSTALLED, connected, started_apart
from iffair_core.cluster.design import Given, Held
from iffair_core.cluster.folder import open_folder
from iffair_core.cluster.study import ClusterStudy
from iffair_core.data import design
from iffair_core.data.design import coded_design, cross_product, dense, row_forms
from iffair_core.errors import ConfigError, TableError, TaskError
from iffair_core.models.blocks import map_over
from iffair_core.telling.report import report_html

ROWS = 1200
TASK = Task("granted", "yes", "group", types={"since": "year and month"}, missing=("unknown",), exclude=("age<19",))
OPTIONS = {"rivals": ("reweighing", "influence_programme"), "strength": 0.5}
SAME = 1e-8


def people():
    """Numbers, a number with gaps, categories, whole numbers, dates, and a text that stands for a missing cell."""
    draw = np.random.default_rng(5)
    group = draw.choice(["A", "B"], ROWS, p=[0.6, 0.4])
    income = draw.normal(0, 1, ROWS) + (group == "A")
    town = draw.choice(["Elm", "Oak", "Ash", "unknown"], ROWS)
    age = draw.integers(18, 70, ROWS)
    chance = 1 / (1 + np.exp(-(1.2 * income + 0.6 * (town == "Elm") + 0.02 * (age - 40))))
    return pd.DataFrame(
        {
            "granted": np.where(draw.random(ROWS) < chance, "yes", "no"),
            "group": group,
            "income": income,
            "debt": np.where(draw.random(ROWS) < 0.1, np.nan, draw.exponential(3e5, ROWS)),
            "town": town,
            "job": pd.Categorical(draw.choice(["clerk", "cook", "nurse"], ROWS)),
            "age": age,
            "since": pd.Timestamp("2019-01-01") + pd.to_timedelta(draw.integers(0, 900, ROWS), unit="D"),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same rows as one file, and in two files of a folder."""
    place = tmp_path_factory.mktemp("tables")
    table = pa.Table.from_pandas(people(), preserve_index=False)
    (place / "parts").mkdir()
    pq.write_table(table.slice(0, 700), place / "parts" / "a.parquet", row_group_size=300)
    pq.write_table(table.slice(700), place / "parts" / "b.parquet")
    pq.write_table(table, place / "one.parquet")
    return place


@pytest.fixture(scope="module")
def client():
    with connected() as client:
        pids = list(client.run(os.getpid).values())
        yield client
        pids += client.run(os.getpid).values()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.fixture(scope="module")
def in_memory(folder):
    return Study(read_table(folder / "one.parquet"), TASK, **OPTIONS).run()


@pytest.fixture(scope="module")
def on_cluster(folder, client):
    return ClusterStudy(client, open_folder(folder / "parts"), TASK, **OPTIONS).run()


def close(one, other):
    np.testing.assert_allclose(one, other, rtol=0, atol=SAME)


def test_rows_and_encoding_are_those_of_the_table_in_memory(in_memory, on_cluster):
    ours, theirs = on_cluster.dataset, in_memory.dataset
    assert ours.feature_names == theirs.feature_names
    assert {name: one["kind"] for name, one in ours.encoding.items()} == {
        name: one["kind"] for name, one in theirs.encoding.items()
    }
    assert (ours.groups, ours.reference, ours.n_rows_in_file) == (theirs.groups, theirs.reference, ROWS)
    for name in ("y", "group_codes", "split", "row_id"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name))
    close(dense(ours.X), dense(theirs.X))


def test_a_study_gives_the_numbers_of_the_study_in_memory(in_memory, on_cluster):
    same_study(on_cluster, in_memory)


def test_categories_held_as_codes_give_the_same_numbers(folder, client, in_memory, monkeypatch):
    usual = {name: getattr(design, name) for name in ("CODED_FROM", "CODED_SHARE")}
    for name, everywhere in {"CODED_FROM": 0, "CODED_SHARE": np.inf}.items():
        monkeypatch.setattr(design, name, everywhere)
        client.run(setattr, design, name, everywhere)
    try:
        coded = ClusterStudy(client, open_folder(folder / "parts"), TASK, **OPTIONS).run()
    finally:
        for name, value in usual.items():
            client.run(setattr, design, name, value)
    plain = Study(read_table(folder / "one.parquet"), TASK, **OPTIONS).run()
    assert coded.dataset.X.of_levels.tolist() == plain.dataset.X.of_levels.tolist()
    assert coded.dataset.X.of_levels.size > 0
    same_study(coded, plain)
    same_study(coded, in_memory)


def same_study(on_cluster, in_memory):
    for name in ("scores_before", "scores_after", "influence", "removal", "relabel", "leverage", "weights"):
        close(getattr(on_cluster, name), getattr(in_memory, name))
    ours, theirs = (result.curve.frame().drop(columns="split") for result in (on_cluster, in_memory))
    close(ours, theirs)
    for one, other in zip(on_cluster.curve.points, in_memory.curve.points, strict=True):
        assert one.feasible == other.feasible
        if other.weights is not None:
            close(one.weights, other.weights)
    assert on_cluster.strength == in_memory.strength
    close(on_cluster.fidelity.removal_error, in_memory.fidelity.removal_error)


def test_a_rival_that_needs_all_rows_at_once_says_so_and_others_run(in_memory, on_cluster):
    reweighing, programme = on_cluster.rivals
    close(reweighing.theta, in_memory.rivals[0].theta)
    assert programme.reason == "It needs all rows in one place, and these lie on a cluster."


def test_a_worker_killed_on_the_way_changes_no_number(folder, client, on_cluster):
    killed = []

    def report(stage, share, partial):
        if stage == "curve" and not killed and share > 0.4:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    study = ClusterStudy(client, open_folder(folder / "parts"), TASK, strength=0.5, rivals=())
    again = study.run(report, bare=True)
    assert killed
    for one, other in zip(again.curve.points, on_cluster.curve.points, strict=True):
        close(one.weights, other.weights)
        close(one.theta, other.theta)
    close(again.scores_after, on_cluster.scores_after)
    assert again.strength == on_cluster.strength


def test_rows_of_a_design_in_any_order_and_number(in_memory, on_cluster):
    remote, local = on_cluster.dataset.X, dense(in_memory.dataset.X)
    n, p = local.shape
    assert remote.shape == (n, p)
    draw = np.random.default_rng(0)
    V, C, A = draw.normal(size=(p, 2)), draw.normal(size=n), draw.normal(size=(p + 1, p + 1))
    choices = (slice(None), slice(5, 900, 7), slice(3, 4), draw.permutation(n), draw.integers(0, n, 40), C > 1)
    for rows in choices:
        some = remote[rows]
        close(dense(some), local[rows])
        close(some @ V, local[rows] @ V)
        close(some.T @ C[rows], local[rows].T @ C[rows])
        close(map_over(some, row_forms(some, A + A.T)), row_forms(local, A + A.T)(local[rows]))
    close(dense(remote[::3][1:][draw.permutation(50)]).sum(), dense(remote[::3][1:51]).sum())
    close(cross_product(remote, C), cross_product(local, C))
    close(remote[np.arange(0)].T @ np.empty(0), np.zeros(p))


def test_what_belongs_to_the_rows_goes_to_the_workers_once_and_again_when_it_changed_or_is_lost(
    on_cluster, monkeypatch
):
    remote = on_cluster.dataset.X
    sent = []
    submit = remote.client.submit

    def recorded(work, held, part, rows, carried, given, *more, **options):
        sent.extend(values is not None for _, _, values in given.held[0])
        return submit(work, held, part, rows, carried, given, *more, **options)

    def forget(dask_worker):
        for held in dask_worker.data.values():
            getattr(held, "_vectors", {}).clear()

    monkeypatch.setattr(remote.client, "submit", recorded)
    whole = len(remote.pieces)
    values = np.random.default_rng(0).normal(size=remote.shape[0])
    first = remote.T @ values
    close(remote.T @ values, first)  # another worker may round one sum otherwise
    assert sent == [True] * 2 * whole  # the second time tells that there will be more
    sent.clear()
    close(remote.T @ values, first)
    assert sent[:whole] == [False] * whole  # what was moved since is sent again
    sent.clear()
    values *= 2.0
    close(remote.T @ values, 2.0 * first)
    close(remote.T @ values, 2.0 * first)
    assert sent == [True] * 2 * whole
    sent.clear()
    remote.client.run(forget)
    close(remote.T @ values, 2.0 * first)
    assert sorted(sent) == [False] * whole + [True] * whole
    whole_numbers = np.arange(remote.shape[0]) % 3 - 1.0
    for _ in range(3):
        close(remote.T @ whole_numbers, dense(remote).T @ whole_numbers)


def test_a_design_that_is_no_longer_used_is_let_go_also_after_an_error_on_a_worker(on_cluster):
    whole = on_cluster.dataset.X

    def fails(block, own):
        raise ZeroDivisionError("on a worker")

    some, ones = whole[5:900], np.ones(895)
    with pytest.raises(ZeroDivisionError, match="on a worker"):
        some.sum_over(fails, [ones], 0)
    with pytest.raises(ZeroDivisionError, match="on a worker"):
        some.map_over(fails, [ones])
    failed = weakref.ref(some)
    del some
    again = whole[5:900]
    close(again.T @ ones, dense(again).sum(axis=0))  # the client's connection holds the last answer until the next
    gc.collect()
    assert failed() is None
    used = weakref.ref(again)
    gc.disable()  # numpy's memory does not make it run
    try:
        del again
        assert used() is None
    finally:
        gc.enable()


def test_a_partition_that_moves_says_its_size_and_leaves_the_vectors_behind():
    values = np.arange(3.0)
    coded = coded_design(np.ones((2, 1)), [np.array([0, 1])], [2], np.empty(0, int), np.arange(2))
    held = Held([np.ones((3, 5)), coded])
    assert sys.getsizeof(held) >= 3 * 5 * 8 + 2 * (8 + 4)
    coming, known = (1, values.dtype, values), (1, values.dtype, None)
    assert held.vectors(0, Given(([known], {1}))) is None
    assert held.vectors(0, Given(([coming, None], {1})))[0].tolist() == [0, 1, 2]
    assert held.vectors(0, Given(([known], {1})))[0].tolist() == [0, 1, 2]
    small = len(pickle.dumps(held))
    held.designs[1][:1] @ np.ones(2)
    moved = pickle.loads(pickle.dumps(held))
    assert len(pickle.dumps(held)) == small
    assert moved.vectors(0, Given(([known], {1}))) is None
    assert held.vectors(0, Given(([known], set()))) is None


def test_the_command_line_writes_rows_in_the_order_of_the_folder(folder, tmp_path, capsys):
    words = ["--target", "granted", "--favorable", "yes", "--sensitive", "group", "--rivals", "none"]
    assert main(["run", str(folder / "parts"), "--engine", "dask", "--out", str(tmp_path / "out"), *words]) == 0
    said = capsys.readouterr()
    assert str(tmp_path / "out" / "rows.parquet") in said.out and "rows.csv" not in said.out
    assert "checks of the table" in said.err and "rows.parquet stands in for rows.csv" in said.err
    rows = pd.read_parquet(tmp_path / "out" / "rows.parquet")
    assert rows["row_id"].tolist() == list(range(ROWS))
    assert np.array_equal(rows["outcome"] == 1, people()["granted"] == "yes")


def test_without_dask_one_sentence_says_what_to_install(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = ["--target", "granted", "--favorable", "yes", "--sensitive", "group", "--out", str(tmp_path / "out")]
    assert main(["run", str(folder / "parts"), "--engine", "dask", *words]) == 2
    assert capsys.readouterr().err == f"error: {NOT_INSTALLED}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scheduler", "tcp://host:1"], "--scheduler is of --engine dask"),
        (["--engine", "dask", "--causes"], "--causes needs all rows in one place"),
        (["--engine", "dask", "--seeds", "3"], "--seeds needs all rows in one place"),
        (["--engine", "dask", "--delimiter", ";"], "--delimiter is of other files"),
        (["--engine", "spark"], "spark"),
    ],
)
def test_options_that_do_not_go_with_the_engine_are_refused(folder, tmp_path, capsys, words, message):
    given = ["--target", "granted", "--favorable", "yes", "--sensitive", "group", "--out", str(tmp_path / "out")]
    assert main(["run", str(folder / "parts"), *given, *words]) == 2
    assert message in capsys.readouterr().err


def test_what_needs_all_rows_in_one_place_is_refused_before_anything_is_read(folder):
    files = open_folder(folder / "parts")
    with pytest.raises(ConfigError, match="Only the model logistic"):
        ClusterStudy(None, files, TASK, model="mlp")
    with pytest.raises(TaskError, match="compares all cells"):
        ClusterStudy(None, files, Task("granted", "yes", "group", exclude=("duplicates",)))
    with pytest.raises(TaskError, match="not a column"):
        ClusterStudy(None, files, Task("grantd", "yes", "group"))


def test_a_folder_has_rows_under_the_same_columns(tmp_path):
    with pytest.raises(TableError, match="no folder with files"):
        open_folder(tmp_path)
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "1.parquet")
    pd.DataFrame({"b": [1]}).to_parquet(tmp_path / "2.parquet")
    with pytest.raises(TableError, match=r"2\.parquet has other columns than 1\.parquet"):
        open_folder(tmp_path)
    (tmp_path / "2.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(TableError, match="cannot be read as Parquet"):
        open_folder(tmp_path)


def test_workers_that_were_started_apart_end_with_the_process_that_started_them_though_it_is_killed():
    script = (
        "from iffair_core.cluster.connecting import started_apart\n"
        "with started_apart() as address:\n    print(address, flush=True)\n    input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    server = subprocess.Popen([sys.executable, "-c", script], text=True, **pipes)
    address = server.stdout.readline().strip()
    with connected(address) as client:
        pids = [*client.run(os.getpid).values(), client.run_on_scheduler(os.getpid)]
    server.kill()
    server.communicate()
    for pid in pids:
        psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=60)
        assert not psutil.pid_exists(pid)


def test_workers_that_were_started_apart_end_with_the_block_though_garbage_is_collected_in_it():
    with started_apart() as address, connected(address) as client:
        gc.collect()
        pids = client.run(os.getpid).values()
        assert len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_the_report_of_a_folder_claims_nothing_that_only_a_table_in_memory_has(on_cluster, in_memory):
    ours, theirs = (report_html(result, source="parts", parts=("reproduce",)) for result in (on_cluster, in_memory))
    for claim in ("SHA-256 over every cell", "--save-design", "design.parquet"):
        assert claim in theirs and claim not in ours
