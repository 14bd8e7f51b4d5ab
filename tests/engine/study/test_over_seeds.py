"""Over seeds: each seed is the study of that seed, means and corrected intervals are what statistics books say."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from iffair_core import Cancelled, ConfigError, Study, Task, load_dataset
from iffair_core.study.over_seeds import (
    expected_seconds,
    mean_interval,
    over_seeds,
    seeds_of,
    spearman,
)
from iffair_core.telling import files, seeds
from iffair_core.telling.report import report_sections
from iffair_core.telling.reproduce import command_line, reproduce_script
from tests.engine.studies import example_seeds, plain_study, plain_table

METRIC = "demographic_parity_difference"


@pytest.fixture(scope="module")
def second():
    """The whole study under the second seed, run by itself."""
    table, task = load_dataset("example")
    return Study(
        table.head(1500), task, name="example", metric="demographic_parity", rivals="reweighing,label_bias", seed=1
    ).run()


def t_interval(values, overlap=0.0, level=0.95):
    """Student's interval of a mean; with `overlap` as Nadeau and Bengio (2003) correct it."""
    values = np.asarray(values, dtype=float)
    variance = values.var(ddof=1) * (1 / values.size + overlap)
    return stats.t.interval(level, values.size - 1, loc=values.mean(), scale=np.sqrt(variance))


def test_a_seed_is_the_study_of_that_seed(second):
    _, found = example_seeds()
    run = found.runs[1]
    assert [one.seed for one in found.runs] == [0, 1, 2] and run.strength == second.strength
    for ours, theirs in zip(run.curve.points, second.curve.points, strict=True):
        assert ours.refitted == theirs.refitted and ours.weights is None and ours.theta is None
    assert found.recommended[1] == second.curve.points[second.curve.recommended].strength
    assert run.values["after"]["test"] == second.after["test"].values
    assert run.values["baseline"]["validation"] == second.baseline["validation"].values
    assert run.rivals == {rival.name: rival.metrics for rival in second.rivals}
    assert run.rows.tolist() == second.dataset.row_id[second.train_rows].tolist()
    point = next(one for one in second.curve.points if one.strength == found.weights_at)
    assert (run.weights == point.weights).all()


def test_stability_is_spearmans_correlation_over_the_rows_that_two_seeds_share(second):
    first, found = example_seeds()
    assert first.strength == 0 and found.weights_at == 0.5, "the untouched model's weights are all alike"
    by_row = []
    for result in (first, second):
        point = next(one for one in result.curve.points if one.strength == 0.5)
        by_row.append(dict(zip(result.dataset.row_id[result.train_rows].tolist(), point.weights, strict=True)))
    shared = sorted(by_row[0].keys() & by_row[1].keys())
    pair = found.pairs()[0]
    assert pair.seeds == (0, 1) and pair.shared == len(shared)
    expected = stats.spearmanr(*([rows[row] for row in shared] for rows in by_row)).statistic
    assert pair.spearman == pytest.approx(expected, abs=1e-12)
    assert f"{np.mean([one.spearman for one in found.pairs()]):.2f}" in seeds.stability_sentence(found)
    assert len(found.pairs()) == 3


def test_ties_and_constant_weights():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)
    assert spearman(np.ones(5), np.arange(5)) is None
    assert spearman(np.array([1.0]), np.array([2.0])) is None


def test_the_change_is_that_of_the_recommendation_with_the_corrected_interval():
    first, found = example_seeds()
    changes = []
    for run in found.runs:
        points = run.curve.points
        changes.append(points[run.curve.recommended].refitted["test"][METRIC] - points[0].refitted["test"][METRIC])
    sizes = [np.count_nonzero(first.dataset.split == code) for code in (2, 0)]
    change = found.change()
    assert change.value == pytest.approx(np.mean(changes), abs=1e-15) and change.count == 3
    assert (change.low, change.high) == pytest.approx(t_interval(changes, sizes[0] / sizes[1]), abs=1e-12)
    plain = t_interval(changes)
    assert change.low < plain[0] and change.high > plain[1], "splits share rows, so differences are held to more"


def test_the_curve_and_other_methods_have_students_interval():
    _, found = example_seeds()
    curve = seeds.seeds_curve(found, ("accuracy", METRIC)).set_index("strength")
    points = [next(one for one in run.curve.points if one.strength == 0.5) for run in found.runs]
    for metric in ("accuracy", METRIC):
        values = [point.refitted["test"][metric] for point in points]
        assert curve.loc[0.5, metric] == pytest.approx(np.mean(values), abs=1e-15)
        ends = curve.loc[0.5, [f"{metric} low", f"{metric} high"]].tolist()
        assert ends == pytest.approx(t_interval(values), abs=1e-12)
    others = seeds.seeds_rivals(found, ("accuracy", METRIC)).set_index("method")
    values = [run.rivals["reweighing"]["test"]["accuracy"] for run in found.runs]
    line = others.iloc[0]
    assert line["accuracy"] == pytest.approx(np.mean(values)) and line["answers"] == 3
    assert [line["accuracy low"], line["accuracy high"]] == pytest.approx(t_interval(values), abs=1e-12)
    assert curve["recommended"].sum() == 3


def test_a_method_is_compared_at_a_strength_that_validation_rows_chose():
    _, found = example_seeds()
    limit = np.mean([run.rivals["reweighing"]["validation"][METRIC] for run in found.runs])
    validation = seeds.seeds_curve(found, ("accuracy", METRIC), "validation")
    reached = validation[validation[METRIC] <= limit]
    best = reached.sort_values(["accuracy", METRIC, "strength"], ascending=[False, True, True])["strength"].iloc[0]
    assert found.point_against("reweighing") == best
    points = [next(one for one in run.curve.points if one.strength == best) for run in found.runs]
    leads = [
        point.refitted["test"]["accuracy"] - run.rivals["reweighing"]["test"]["accuracy"]
        for point, run in zip(points, found.runs, strict=True)
    ]
    lead = found.lead("reweighing")
    assert lead.value == pytest.approx(np.mean(leads), abs=1e-15)
    assert (lead.low, lead.high) == pytest.approx(t_interval(leads, found.overlap, 1 - 0.05 / 2), abs=1e-12)
    assert found.verdict("reweighing") == "cannot be told apart" and lead.low < 0 < lead.high
    assert "cannot be told apart from 2" in seeds.seeds_rivals_sentence(found)


def shifted(found, amount):
    """The same seeds, each of whose recommendations changes the disparity by about `amount`."""
    runs = []
    for place, run in enumerate(found.runs):
        points = list(run.curve.points)
        start = points[0].refitted["test"][METRIC]
        moved = {"test": {**points[4].refitted["test"], METRIC: start + amount * (1 + 0.01 * place)}}
        points[4] = replace(points[4], refitted={**points[4].refitted, **moved})
        runs.append(replace(run, curve=replace(run.curve, points=tuple(points), recommended=4)))
    return replace(found, runs=tuple(runs))


def test_a_difference_is_claimed_only_where_the_interval_leaves_out_0():
    _, found = example_seeds()
    told = seeds.seeds_sentence(found)
    above = [strength for strength in found.recommended if strength > 0]
    assert told.startswith(f"Under {len(above)} of 3 seeds a strength above 0 is recommended ({min(above):g}")
    assert f"{max(above):g})." in told
    assert "neither can be told from unchanged" in told and "falls" not in told
    for amount, verb in ((-0.05, "difference falls"), (0.05, "difference grows")):
        clear = shifted(found, amount)
        assert verb in seeds.seeds_sentence(clear) and not clear.change().low <= 0 <= clear.change().high
    fixed = replace(shifted(found, -0.05), dealt=False)
    assert fixed.change().low is None and "falls" not in seeds.seeds_sentence(fixed)
    assert "A column fixes" in seeds.seeds_sentence(fixed) and "cannot tell" in seeds.seeds_rivals_sentence(fixed)
    assert fixed.verdict("reweighing") == ""


def test_nothing_recommended_and_a_single_seed_are_said_so():
    _, found = example_seeds()
    untouched = replace(found, runs=tuple(replace(run, curve=replace(run.curve, recommended=0)) for run in found.runs))
    assert seeds.seeds_sentence(untouched).startswith("Under none of 3 seeds")
    assert untouched.change().value == 0 and untouched.change().low is None, "an interval without width says nothing"
    alone = replace(found, runs=found.runs[:1])
    assert "at least two" in seeds.seeds_sentence(alone) and seeds.stability_sentence(alone) == ""
    assert seeds.seeds_rivals_sentence(alone) == "" and alone.change().low is None
    assert mean_interval([]) == (None, None, None, 0) and mean_interval([None, 2.0]) == (2.0, None, None, 1)


def test_the_budget_decides_what_each_seed_recommends(second):
    _, found = example_seeds()
    generous = found.within(0.5)
    assert generous.within(None).recommended == found.recommended
    assert sum(generous.recommended) >= sum(found.recommended)


def test_seeds_that_had_run_are_kept_and_a_cancel_leaves_them():
    result, found = example_seeds()
    table = load_dataset("example")[0].head(1500)
    said, cancel = [], threading.Event()

    def stop_in_the_second(doing, share, partial):
        said.append((doing, share, len(partial.runs)))
        if len(partial.runs) == 2:
            cancel.set()

    with pytest.raises(Cancelled) as stopped:
        over_seeds(result, table, 4, stop_in_the_second, cancel)
    partial = stopped.value.partial
    assert [run.seed for run in partial.runs] == [0, 1]
    assert said[0][0] == "Seed 2 of 4" and said[-1][0] == "Seed 3 of 4"
    assert [one[1] for one in said] == sorted(one[1] for one in said) and 0 <= said[0][1] < said[-1][1] < 1
    again = over_seeds(result, table, 3, previous=replace(found, runs=(*partial.runs, found.runs[2])))
    assert again.runs[1] is partial.runs[1] and again.runs[2] is found.runs[2], "nothing is run twice"
    assert 0 < expected_seconds(result, 3) < expected_seconds(result, 5)


def test_what_cannot_be_run_is_refused():
    result, table = plain_study(), plain_table()
    for count in (0, 1):
        with pytest.raises(ConfigError, match="at least 2"):
            over_seeds(result, table, count)
    with pytest.raises(ConfigError, match="has not finished"):
        over_seeds(replace(result, timing={}), table, 2)


def test_a_column_that_fixes_the_parts_is_known():
    table = plain_table().assign(part=["train", "train", "train", "test"] * 100)
    result = Study(table, Task("y", 1, "g", split="part"), rivals="none").run()
    found = over_seeds(result, table, 2)
    assert not found.dealt and found.change().low is None


# --------------------------------------------------------------------------------------------- where they are told


def test_files_and_report_tell_the_same_numbers():
    result, found = example_seeds()
    assert seeds_of(result) is None and "seeds" not in files.summary(result)
    told = result.having(found)
    summary = json.loads(files.summary_json(told))["seeds"]
    assert summary["used"] == [0, 1, 2] and summary["recommendation"]["strengths"] == list(found.recommended)
    assert summary["recommendation"]["change"]["accuracy"]["value"] == found.change("accuracy").value
    assert summary["rivals"]["reweighing"]["lead"]["low"] == found.lead("reweighing").low
    assert summary["curve"]["0.5"]["accuracy"]["mean"] == pytest.approx(
        np.mean([run.curve.points[8].refitted["test"]["accuracy"] for run in found.runs])
    )
    assert [one["spearman"] for one in summary["weights"]["pairs"]] == [one.spearman for one in found.pairs()]
    assert summary["after"]["test"]["accuracy"]["mean"] == pytest.approx(
        np.mean([run.values["after"]["test"]["accuracy"] for run in found.runs])
    )
    assert files.settings(told)["seeds"] == 3 and "seeds" not in files.settings(result)
    assert "--seeds 3" in command_line(told, "example") and "over_seeds(result, table, 3)" in reproduce_script(
        told, "x"
    )
    blocks = next(part["blocks"] for part in report_sections(told) if part["name"] == "seeds")
    assert blocks[0]["text"] == seeds.seeds_sentence(found)
    assert "seeds" not in [part["name"] for part in report_sections(result)]


def test_cohort_only_mode_tells_no_few_shared_rows():
    _, found = example_seeds()
    shared = [pair.shared for pair in found.pairs()]
    apart = found.runs[0].rows.size - min(shared)
    told = found.pairs(smallest=apart + 1)
    assert any(pair.shared is None and pair.spearman is None for pair in told)
    assert [pair.shared for pair in found.pairs(smallest=10)] == shared
    frame = seeds.seeds_pairs(found, smallest=max(shared) + 1)
    assert frame["shared rows"].isna().all() and frame["spearman"].isna().all()
    assert "cannot be told" in seeds.stability_sentence(found, smallest=max(shared) + 1)


def test_a_study_in_cohort_only_mode_says_what_it_withholds():
    table = plain_table(200)
    result = Study(table, Task("y", 1, "g", smallest_group=60), rivals="none").run()
    told = result.having(over_seeds(result, table, 2))
    summary = files.summary(told)
    assert summary["seeds"]["weights"]["pairs"][0]["shared_rows"] is None
    assert "seeds/weights/pairs/0" in summary["suppressed"]
