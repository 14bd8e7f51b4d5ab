"""The cohort ledger: the search against all conjunctions, shares that add up, proofs by refits, the injected cause."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core import Study, Task, load_dataset
from iffair_core.causes import cohorts
from iffair_core.causes.change import refit
from iffair_core.causes.cohorts import best_conjunctions, cohort_ledger, conditions_of, members, proven_ledger
from iffair_core.datasets.example import example_biased_rows
from iffair_core.errors import Cancelled, ConfigError, never_stop
from iffair_core.models import LogisticModel
from iffair_core.telling.causes import cohort_table, cohorts_sentence
from iffair_core.telling.figures import cohort_bars
from tests.engine.studies import example_study, plain_study, plain_table


@st.composite
def searches(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n = draw(st.integers(30, 120))
    sizes = draw(st.lists(st.integers(2, 4), min_size=1, max_size=5))
    atoms = [
        cohorts._Atoms(str(place), rng.integers(-1, size, n).astype(np.int32), tuple("abcd"[:size]))
        for place, size in enumerate(sizes)
    ]
    excess = rng.normal(size=n) + 2.0 * (atoms[0].codes == 0)
    return atoms, excess - excess.mean(), draw(st.integers(1, 12))


@given(searches(), st.integers(1, 15))
def test_no_conjunction_is_better_than_those_found(search, keep):
    atoms, excess, least = search
    most = excess.size // 2
    every = []
    for size in (1, 2, 3):
        for columns in itertools.combinations(range(len(atoms)), size):
            for codes in itertools.product(*(range(len(atoms[column].labels)) for column in columns)):
                rows = members(atoms, tuple(zip(columns, codes, strict=True)))
                if least <= rows.size <= most:
                    every.append(excess[rows].sum() / np.sqrt(rows.size))
    expected = sorted((one for one in every if one > 1e-12), reverse=True)[:keep]
    found = best_conjunctions(atoms, excess, least, most, keep, never_stop)
    assert [quality for quality, _ in found] == pytest.approx(expected)
    for quality, conditions in found:
        rows = members(atoms, conditions)
        assert excess[rows].sum() / np.sqrt(rows.size) == pytest.approx(quality)


def test_shares_are_sums_of_row_scores_and_rows_meet_the_conditions():
    result = example_study()
    table, _ = load_dataset("example")
    found = cohort_ledger(result, table)
    assert 3 <= len(found) <= 10
    mine = table.iloc[result.dataset.row_id[result.train_rows]].reset_index(drop=True)
    for one in found:
        assert one.share == pytest.approx(-result.goal.removal[one.rows].sum() / result.goal.value)
        assert one.low < one.share < one.high
        assert 0 <= one.overlap < 1
        for column, value in one.conditions:
            if value in set(mine[column].astype(str)):
                assert (mine[column].astype(str) == value).to_numpy()[one.rows].all()
    assert len({one.name for one in found}) == len(found)


def test_the_first_cohort_of_the_example_holds_the_rows_that_were_altered():
    result = example_study()
    first = cohort_ledger(result, load_dataset("example")[0], most=3)[0]
    altered = example_biased_rows()[result.dataset.row_id[result.train_rows]]
    assert altered[first.rows].mean() > 3 * altered.mean()
    assert ("decision", "denied") in first.conditions
    assert ("prior_defaults", "0") in first.conditions


def test_what_is_predicted_is_what_a_refit_shows():
    result = example_study()
    ledger = proven_ledger(result, load_dataset("example")[0], refits=4)
    assert len(ledger.proofs) == 4
    for cohort, proof in zip(ledger.cohorts, ledger.proofs, strict=False):
        assert proof.share == pytest.approx(cohort.predicted, rel=0.05)
    cohort = ledger.cohorts[0]
    weights = result.model.sample_weight_.copy()
    weights[cohort.rows] = 0.0
    again = LogisticModel(result.config.C).fit(result.model.X_, result.model.y_, weights)
    goal = result.goal
    values = {
        gap.name: value for gap, value in zip(result.quantities.gaps, result.quantities.values(again), strict=False)
    }
    rate = {"true_positive_rate": "true_positive_rate", "false_positive_rate": "false_positive_rate"}[goal.rate]
    base = result.dataset.reference

    def gap_of(group):
        return 0.0 if group == base else values[f"{rate}[{group} - {base}]"]

    change = gap_of(goal.over) - gap_of(goal.under) - goal.value
    assert ledger.proofs[0].soft == pytest.approx(change, abs=1e-8)


def test_numbers_are_cut_and_rare_levels_are_no_conditions():
    frame = plain_table(800)
    rng = np.random.default_rng(1)
    frame["many"] = rng.integers(0, 200, 800).astype(str)
    frame["id"] = [f"person {i}" for i in range(800)]
    result = Study(frame, Task("y", 1, "g"), rivals="none").run()
    atoms = {one.column: one for one in conditions_of(result, frame)}
    assert set(atoms) == {"x", "c", "age", "g", "y", "many"}
    assert len(atoms["many"].labels) == cohorts.MOST_LEVELS
    assert atoms["age"].labels[0].startswith("< ")
    assert atoms["y"].labels == ("0", "1")
    found = cohort_ledger(result, frame)
    least = max(cohorts.LEAST_ROWS, cohorts.LEAST_SHARE * result.train_rows.size)
    assert all(one.rows.size >= least for one in found)


def test_many_rows_are_searched_on_a_part_and_summed_over_all(monkeypatch):
    monkeypatch.setattr(cohorts, "SEARCHED", 2_000)
    result = example_study()
    found = cohort_ledger(result, load_dataset("example")[0], most=3)
    assert found[0].share == pytest.approx(-result.goal.removal[found[0].rows].sum() / result.goal.value)
    assert found[0].conditions[-1] == ("decision", "denied")


def test_it_can_be_stopped_and_is_withheld_in_cohort_only_mode():
    result = example_study()

    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        cohort_ledger(result, load_dataset("example")[0], stop_check=stop)
    hidden = Study(plain_table(), Task("y", 1, "g", smallest_group=5), rivals="none").run()
    with pytest.raises(ConfigError, match="cohort-only"):
        cohort_ledger(hidden, plain_table())


def test_it_is_told_in_a_sentence_a_table_and_a_picture():
    result = plain_study()
    ledger = proven_ledger(result, plain_table(), most=4, refits=1)
    table = cohort_table(result, ledger)
    assert list(table["rows"]) == [one.rows.size for one in ledger.cohorts]
    assert table["refitted"].notna().tolist() == [True] + [False] * (len(table) - 1)
    said = cohorts_sentence(result, ledger)
    assert ledger.cohorts[0].name in said and " refitted (predicted: " in said
    left = 100 * (result.goal.value + ledger.proofs[0].soft)
    assert f"goes from {100 * result.goal.value:.1f} points to {left:.1f} points, refitted" in said
    picture = cohort_bars(result, ledger)
    assert ledger.cohorts[0].name in picture.alt
    pd.testing.assert_frame_equal(picture.table, table)
    assert refit(result, "remove", ledger.cohorts[0].rows).share == pytest.approx(ledger.proofs[0].share)
