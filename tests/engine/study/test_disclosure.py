"""Cohort-only mode: what is withheld cannot be worked out from what is told, in tables, evaluations and files."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from iffair_core import Study, StudyResult, Task, read_table
from iffair_core.__main__ import main
from iffair_core.data.resolving import group_table
from iffair_core.errors import ConfigError
from iffair_core.metrics import evaluate
from iffair_core.reading.types import column_histograms, column_summary
from iffair_core.study.disclosure import (
    Withheld,
    disclosed,
    merged,
    split_counts,
    suppressed,
    tellable,
    told_columns,
    told_ends,
    told_evaluation,
    told_groups,
    told_share,
    withheld,
)
from iffair_core.study.smallest_fix import smallest_fix
from iffair_core.telling import files as outputs
from iffair_core.telling import rows, sentences, tables
from iffair_core.telling.figures import (
    calibration,
    influence_distribution,
    influence_scatter,
    proof,
    score_distribution,
    threshold_histogram,
    weights_by_group,
)
from iffair_core.telling.plotly_js import packed_plotly
from iffair_core.telling.report import report_html

K = 10
small_k = st.integers(2, 12)


# --------------------------------------------------------------------------------------------------------------- tables


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), small_k)
def test_withheld_cells_of_a_total_could_be_anything(counts: list[int], k: int) -> None:
    found = suppressed(counts, k)
    cells = np.array(counts)
    assert tellable(cells[~found], k).all()
    if found.any() and not found.all():
        assert found.sum() >= 2
        assert cells[found].sum() >= k  # each of them lies between 0 and this sum, and nothing says where
    if tellable(cells, k).all():
        assert not found.any()


@given(st.integers(2, 4), st.integers(2, 3), small_k, st.data())
def test_withheld_cells_of_a_crossed_table_have_a_range_of_k(n_rows: int, n_columns: int, k: int, data: Any) -> None:
    table = np.array(data.draw(st.lists(st.integers(0, 30), min_size=n_rows * n_columns, max_size=n_rows * n_columns)))
    table = table.reshape(n_rows, n_columns)
    table[:, 0] += np.where((table.sum(axis=1) > 0) & (table.sum(axis=1) < k), k, 0)
    hidden = suppressed(table, k)
    assert tellable(table[~hidden], k).all()
    told_rows = ~hidden.any(axis=1)
    if told_rows.all() or not told_rows.any():
        return
    rest = table[~told_rows]
    for cell in range(rest.size):
        low, high = _range(rest, cell)
        assert high - low >= k - 1e-6 or (rest.flat[cell] == 0 and high <= 1e-6), (table, hidden, cell, low, high)


def _range(table: np.ndarray, cell: int) -> tuple[float, float]:
    """What a cell could be, by all totals of the table."""
    n_rows, n_columns = table.shape
    totals = [np.kron(np.eye(n_rows), np.ones(n_columns)), np.kron(np.ones(n_rows), np.eye(n_columns))]
    known = np.concatenate([table.sum(axis=1), table.sum(axis=0)])
    return _ends(cell, np.vstack(totals), known)


def _ends(cell: int, told: np.ndarray, values: Any) -> tuple[float, float]:
    """The least and the most that a cell can be where the sums `told` (rows of 0/1) have these values."""
    goal = np.eye(told.shape[1])[cell]
    low, high = (sign * linprog(sign * goal, A_eq=told, b_eq=values).fun for sign in (1, -1))
    return low, high


@given(st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), min_size=1, max_size=20), small_k)
def test_bins_taken_together_may_be_told(counts: list[tuple[int, int]], k: int) -> None:
    runs, table = merged(counts, k), np.array(counts)
    if not runs:
        total = table.sum(axis=0)
        assert total.sum() < k or not tellable(total, k).all()
        return
    assert [runs[0][0], *(stop for _, stop in runs)] == [start for start, _ in runs] + [len(counts)]
    for start, stop in runs:
        held = table[start:stop].sum(axis=0)
        assert held.sum() >= k
        assert tellable(held, k).all()


def test_one_small_cell_takes_the_next_smallest_with_it() -> None:
    assert suppressed([3, 50, 20, 0], 10).tolist() == [True, False, True, False]
    assert suppressed([3, 4, 50, 20], 10).tolist() == [True, True, False, True]
    assert suppressed([30, 50, 20, 0], 10).tolist() == [False] * 4
    assert suppressed([[3, 40], [30, 40], [15, 12]], 10)[:, 0].tolist() == [True, False, True]


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.integers(1, 12))
def test_ends_of_a_scale_are_no_extreme_row(values: list[float], k: int) -> None:
    low, high = told_ends(np.array(values), k)
    assert low <= high
    if len(values) >= 2 * k:
        assert np.sum(np.array(values) <= low) >= k
        assert np.sum(np.array(values) >= high) >= k


@given(st.lists(st.booleans(), min_size=1, max_size=40), small_k)
def test_a_share_is_told_where_both_its_sides_may_be(marked: list[bool], k: int) -> None:
    hits = sum(marked)
    told = told_share(np.array(marked), k)
    assert (told is None) == (0 < hits < k or 0 < len(marked) - hits < k)
    assert told is None or told == pytest.approx(hits / len(marked))


# ---------------------------------------------------------------------------------------------------------- evaluations


@given(st.integers(0, 2**32 - 1), st.integers(2, 4), small_k)
def test_no_rate_tells_of_fewer_rows(seed: int, n_groups: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, n_groups, 150)
    y, score = rng.integers(0, 2, 150), rng.random(150)
    names = [f"g{code}" for code in range(n_groups)]
    found = evaluate(y, score, codes, names, "g0", seed=0, draws=20)
    nothing = Withheld(np.zeros(n_groups, dtype=bool), np.zeros(n_groups, dtype=bool))
    told = told_evaluation(found, k, nothing)
    hits = {"selection_rate": (0, 1), "true_positive_rate": (1, 1), "false_positive_rate": (0, 1), "error_rate": None}
    for code, group in enumerate(names):
        for rate in hits:
            estimate = told.rates[group][rate]
            if estimate.value is None:
                continue
            assert estimate.count is not None
            part = round(estimate.value * estimate.count)
            assert tellable([part, estimate.count - part, estimate.count], k).all(), (group, rate)
        if told.rates[group]["error_rate"].value is not None:
            assert tellable(found.counts[code], k).all()
        for rate, gap in told.gaps.get(group, {}).items():
            if gap.value is not None:
                assert told.rates[group][rate].value is not None
                assert told.rates["g0"][rate].value is not None
    counted = [told.rates[group]["true_positive_rate"].count is None for group in names]
    assert sum(counted) != 1
    again = told_evaluation(told, k, nothing)
    assert again == replace(told, counts=again.counts)


# ---------------------------------------------------------------------------------------------------------------- study


RARE = "Zyxville"


def people(rows_: int = 700) -> pd.DataFrame:
    """Two large groups, one small, one tiny; a town that one person has, an identifier, a number with an extreme."""
    rng = np.random.default_rng(5)
    clan = rng.choice(["Elm", "Oak", "Yew"], rows_, p=[0.44, 0.5, 0.06])
    clan[:4] = "Ash"
    years = rng.integers(18, 60, rows_).astype(float)
    years[11] = 9876.0
    town = rng.choice(["North", "South"], rows_, p=[0.7, 0.3]).astype(object)
    town[17] = RARE
    town[:3] = None
    hired = np.where(rng.random(rows_) < 0.35 + 0.2 * (clan == "Oak") + 0.004 * np.minimum(years, 60), "yes", "no")
    person = [f"person-{place:05d}" for place in range(rows_)]
    return pd.DataFrame({"person": person, "years": years, "town": town, "clan": clan, "hired": hired})


@cache
def study() -> StudyResult:
    table = read_table(io.BytesIO(people().to_csv(index=False).encode()), name="people.csv")
    return Study(table, Task("hired", "yes", "clan", smallest_group=K), name="people.csv", strength=0.5).run()


def numbers(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from numbers(one, f"{path}/{key}")
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from numbers(one, f"{path}/{place}")
    else:
        yield path, value


def test_a_summary_counts_no_few_people_and_says_what_it_left_out() -> None:
    found = outputs.summary(study())
    text = json.dumps(found)
    assert RARE not in text
    assert "person-0" not in text
    assert "Ash" not in text
    counted = re.compile(r"/(rows|count|rows_in_file|train|validation|test|groups/[^/]+|favorable/[^/]+)\Z")
    few = {path: n for path, n in numbers(found["dataset"] | found["baseline"] | found["after"])
           if counted.search(path) and isinstance(n, int) and 0 < n < K}  # fmt: skip
    assert not few
    assert found["weights"]["min"] is None
    assert found["weights"]["max"] is None
    assert found["dataset"]["rows_in_file"] is None  # the tiny group was left out: fewer than K rows
    assert {"weights/min", "weights/max", "dataset/rows_in_file"} <= set(found["suppressed"])
    assert found["encoding"]["town"]["pooled_levels"] >= 1
    assert "suppressed" not in outputs.summary(Study(people(), Task("hired", "yes", "clan"), strength=0.5).run())


@pytest.mark.parametrize(("k", "seed"), [(10, 0), (16, 1), (30, 2)])
def test_the_files_together_give_no_small_cell_away(k: int, seed: int) -> None:
    result = Study(people(), Task("hired", "yes", "clan", smallest_group=k), strength=0.25, seed=seed).run()
    data, found = result.dataset, outputs.summary(result)
    cells = np.bincount(
        (data.group_codes * 2 + (data.y > 0.5)) * 3 + data.split, minlength=6 * len(data.groups)
    ).reshape(-1, 2, 3)
    known, values = [], []

    def learn(value: Any, groups: Any = slice(None), outcomes: Any = slice(None), parts: Any = slice(None)) -> None:
        if value is not None and not pd.isna(value):
            row = np.zeros(cells.shape)
            row[groups, outcomes, parts] = 1.0
            assert row.ravel() @ cells.ravel() == value
            known.append(row.ravel())
            values.append(value)

    for part, name in enumerate(("train", "validation", "test")):
        learn(found["dataset"]["splits"][name], parts=part)
    files = pd.read_csv(io.BytesIO(outputs.weights_csv(result)))
    for code, group in enumerate(data.groups):
        learn(found["dataset"]["groups"][group], code)
        learn(found["dataset"]["favorable"][group], code, 1)
        for part, name in ((1, "validation"), (2, "test")):
            for stage in ("baseline", "after"):
                told = found[stage][name]["groups"][group]
                learn(told["rows"], code, slice(None), part)
                learn(told["rates"]["true_positive_rate"]["count"], code, 1, part)
                learn(told["rates"]["false_positive_rate"]["count"], code, 0, part)
        for outcome, label in enumerate(("no", "yes")):
            learn(files.loc[(files["group"] == group) & (files["outcome"] == label), "rows"].iloc[0], code, outcome, 0)
    small = np.flatnonzero((cells.ravel() > 0) & (cells.ravel() < k))
    assert small.size
    for cell in small:
        low, high = _ends(cell, np.array(known), values)
        assert high - low >= k - 1e-6, (k, data.groups[cell // 6], low, high)


def test_single_rows_are_refused() -> None:
    result = study()
    table = people()
    for refused in (
        lambda: outputs.rows_csv(result),
        lambda: outputs.rows_frame(result),
        lambda: outputs.design_parquet(result),
        lambda: tables.weights_frame(result),
        lambda: rows.ledger(result),
        lambda: rows.row_facts(result, table, int(result.dataset.row_id[result.train_rows[0]])),
        lambda: influence_scatter(result),
    ):
        with pytest.raises(ConfigError, match="cohort-only"):
            refused()


def test_pins_are_cohorts_of_enough_rows() -> None:
    table = people()
    task = Task("hired", "yes", "clan", smallest_group=K)
    for pins in ((12,), (f"town={RARE}",)):
        with pytest.raises(ConfigError, match="fewer rows than the smallest group, 10"):
            Study(table, task, pinned=pins).run()
    held = Study(table, task, pinned=("town=South",), strength=0.5).run()
    assert sentences.pinned_sentence(disclosed(held)).startswith(f"{int(np.sum(held.pinned)):,} pinned rows")


def test_a_fix_of_few_rows_does_not_say_how_many() -> None:
    result = study()
    before = result.baseline["validation"].values["equalized_odds_difference"]
    fix = replace(smallest_fix(result, before * 0.8), rows=3)
    said = sentences.fix_sentence(disclosed(result), fix)
    assert "moving fewer than 10 of" in said.lower()
    found = outputs.summary(result, fix=fix)
    assert found["smallest_fix"]["rows"] is None and "smallest_fix/rows" in found["suppressed"]
    with pytest.raises(ConfigError, match="cohort-only"):
        tables.fix_rows(result, fix)


def test_figures_draw_no_bar_for_few_rows() -> None:
    result = disclosed(study())
    for picture in (influence_distribution(result), weights_by_group(result)):
        assert (picture.table["rows"] >= K).all()
        by_cell = picture.table.groupby(["group", "outcome"])["rows"].sum()
        assert by_cell.sum() <= result.train_rows.size
    shown = proof(result.fidelity, smallest=K)
    assert (shown.table["rows"] >= K).all()
    assert "row_id" not in shown.table
    test = result.dataset.part(2)
    told = (result.scores_before[test], result.dataset.y[test], result.dataset.group_codes[test])
    for draw in (score_distribution, calibration):
        table = draw(*told, result.dataset.groups, result.dataset.reference, smallest=K).table
        assert (table["rows"] >= K).all()
    years = people()["years"].to_numpy()
    for cut in (30.0, 59.0, 9000.0):
        bars = threshold_histogram(years, cut, "light", name="years", at_least=True, smallest=K)
        assert (bars.table["rows"] >= K).all()
    assert "fewer than 10" in bars.alt


def test_tables_withhold_few_rows() -> None:
    result, frame = disclosed(study()), people()
    groups = told_groups(group_table(result.dataset.task), K)
    favorable = groups["favorable"].dropna()
    assert tellable(favorable, K).all()
    assert tellable(tables.flips(result)[["to_favorable", "to_other"]].dropna().to_numpy(dtype=int), K).all()
    assert {"smallest", "largest"}.isdisjoint(tables.weight_table(result))
    assert tellable(tables.weight_table(result)["rows"].dropna().to_numpy(dtype=int), K).all()
    crossed = tables.intersections(result, frame, "town", "error_rate")
    assert RARE not in set(crossed["level"])
    assert tellable(crossed["count"].dropna().to_numpy(dtype=int), K).all()
    sizes = split_counts(result.dataset)
    assert tellable(sizes.dropna().to_numpy(dtype=int), K).all()
    hidden = withheld(result.dataset).groups
    assert sizes.isna().any(axis=1).to_numpy().tolist() == hidden.tolist()


def test_columns_show_no_value_of_few_rows() -> None:
    frame = people()
    whole = column_summary(frame).assign(values=column_histograms(frame))
    told = told_columns(whole, frame, K).set_index("name")
    assert told.loc["person", "example"] == ""
    assert told.loc["town", "missing"] is pd.NA
    assert told.loc["clan", "example"] == ""  # the first row's clan is one that four people have
    assert told.loc["hired", "example"] in ("yes", "no")
    assert tellable(np.concatenate(told["values"].tolist()), K).all()
    assert told_columns(whole, frame, None) is whole


def test_showing_twice_shows_the_same() -> None:
    once = disclosed(study())
    assert outputs.summary_json(once) == outputs.summary_json(study())
    plain = Study(people(), Task("hired", "yes", "clan"), strength=0.5).run()
    assert disclosed(plain) is plain


def test_the_report_shows_no_row() -> None:
    html = report_html(study())
    body = html.replace(packed_plotly(), "")
    assert len(body) < 1_000_000
    for secret in (RARE, "person-0", "row_id", "9876"):
        assert secret not in body
    assert "cohort-only, k = 10" in html


# --------------------------------------------------------------------------------------------------------- command line


def test_the_command_line_writes_no_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "people.csv", tmp_path / "out"
    people().to_csv(file, index=False)
    run = ["run", str(file), "--target", "hired", "--favorable", "yes", "--sensitive", "clan", "--out", str(out)]
    assert main([*run, "--smallest-group", "10", "--strength", "0.5"]) == 0
    printed = capsys.readouterr()
    written = ["curve.csv", "report.html", "reproduce.py", "settings.json", "summary.json", "weights.csv"]
    assert sorted(path.name for path in out.iterdir()) == written
    weights = pd.read_csv(out / "weights.csv")
    assert {"group", "outcome", "rows", "mean"} <= set(weights)
    assert (weights["rows"].dropna() >= K).all()
    for secret in (RARE, "Ash", "person-0"):
        assert secret not in printed.out + printed.err
        assert secret not in (out / "summary.json").read_text() + (out / "settings.json").read_text()
    assert "weights.csv" in printed.err
    assert main([*run, "--smallest-group", "10", "--save-design"]) == 2
    assert "--save-design" in capsys.readouterr().err
