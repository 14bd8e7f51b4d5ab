"""Audits without a model: against sums by pandas, laws of shares and ratios, intervals against what they promise."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    demographic_parity_ratio,
    false_positive_rate,
    true_positive_rate,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import precision_score, zero_one_loss

from iffair_core.__main__ import main
from iffair_core.audit import audit, ratio_interval
from iffair_core.data.task import Task
from iffair_core.errors import TaskError
from iffair_core.reading.door import read_table
from iffair_core.telling.audits import audit_frame, audit_json, audit_lines, audit_sentence, judged_sentence

SEXES, RACES = ("Female", "Male"), ("Asian", "Black", "White", "Unknown")


def selections(n: int = 600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    sex, race = rng.choice(SEXES, n), rng.choice(RACES, n, p=[0.15, 0.3, 0.5, 0.05])
    chance = 0.3 + 0.3 * (sex == "Male") - 0.1 * (race == "Black")
    passed = np.where(rng.random(n) < chance, "yes", "no")
    return pd.DataFrame({"sex": sex, "race": race, "passed": passed, "score": rng.integers(0, 100, n)})


PASSED = Task("passed", "yes", ("sex", "race"))


def test_shares_and_ratios_are_those_of_counting():
    table = selections()
    found = audit(table, PASSED)
    assert [one.columns for one in found.tables] == [("sex",), ("race",), ("sex", "race")]
    for one in found.tables:
        keys = table[list(one.columns)].agg(" / ".join, axis=1)
        seen = (table["passed"] == "yes").groupby(keys).agg(["size", "sum", "mean"])
        assert [group.group for group in one.groups] == list(seen.index)
        counts = [(group.rows, group.selected) for group in one.groups]
        assert counts == list(zip(seen["size"], seen["sum"], strict=True))
        assert [group.rate.value for group in one.groups] == pytest.approx(seen["mean"].tolist(), abs=1e-15)
        largest = max(group.rate.value for group in one.groups if not (group.unknown or group.small))
        assert [group.ratio.value for group in one.groups] == pytest.approx((seen["mean"] / largest).tolist())
        counts = keys.isin([group.group for group in one.groups if not (group.unknown or group.small)])
        selected = (table["passed"] == "yes").astype(int)[counts]
        fairlearn = {"y_true": selected, "y_pred": selected, "sensitive_features": keys[counts]}
        assert one.difference.value == pytest.approx(demographic_parity_difference(**fairlearn))
        if one.columns == ("sex",):
            assert one.lowest_ratio.value == pytest.approx(demographic_parity_ratio(**fairlearn))


def test_unknown_and_small_groups_are_told_and_set_no_standard():
    table = selections()
    table.loc[:4, "race"] = "Rare"
    table.loc[:4, "passed"] = "yes"
    table.loc[table["race"] == "Unknown", "passed"] = "yes"
    races = audit(table, PASSED).tables[1]
    by_name = {one.group: one for one in races.groups}
    assert by_name["Unknown"].unknown and not by_name["Unknown"].small
    assert by_name["Rare"].small and not by_name["Rare"].unknown
    assert by_name["Rare"].rate.value == by_name["Unknown"].rate.value == 1.0
    assert races.highest in ("Asian", "White")
    assert by_name["Rare"].ratio.value > 1


def test_no_model_is_needed_and_a_missing_attribute_is_a_group():
    table = selections()[["sex", "passed"]]
    table.loc[::7, "sex"] = None
    found = audit(table, Task("passed", "yes", "sex"))
    assert [(one.group, one.unknown) for one in found.tables[0].groups][-1] == ("(missing)", True)
    assert found.rows == len(table) and found.left_out == 0


@pytest.mark.parametrize(("above", "cut"), [("median", None), (62, 62.0)])
def test_a_score_is_selected_strictly_above_its_cut(above, cut):
    table = selections()
    table.loc[:9, "score"] = np.nan
    cut = table["score"].median() if cut is None else cut
    found = audit(table, Task("score", "", ("sex", "race")), above=above)
    assert found.selected == f"score > {cut:g}" and found.left_out == 10
    seen = (table["score"] > cut)[table["score"].notna()].groupby(table["race"]).mean()
    assert [one.rate.value for one in found.tables[1].groups] == pytest.approx(seen.tolist())


@pytest.mark.parametrize(
    ("column", "above", "words"),
    [
        ("passed", "median", "not a column of numbers"),
        ("score", "high", "is no number"),
        ("grade", 1, "'grade' is not"),
    ],
)
def test_a_cut_that_does_not_fit_says_so(column, above, words):
    with pytest.raises(TaskError, match=words):
        audit(selections(), Task(column, "", "sex"), above=above)


def test_nobody_selected_leaves_ratios_open():
    table = selections().assign(score=5)
    table.loc[0, "score"] = 4
    one = audit(table, Task("score", "", "race"), above=4.5).tables[0]
    assert all(group.rate.value > 0.9 for group in one.groups)
    with pytest.raises(TaskError, match="only the value"):
        audit(table, Task("score", "", "race"), above=9)


def test_the_command_line_prints_and_writes_the_audit(tmp_path, capsys):
    path = tmp_path / "log.csv"
    selections().to_csv(path, index=False)
    asked = ["audit", str(path), "--sensitive", "sex", "--sensitive", "race"]
    assert main([*asked, "--target", "passed", "--favorable", "yes", "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    found = audit(read_table(path), PASSED)
    assert all(audit_sentence(found, one) in out for one in found.tables)
    frame = pd.read_csv(tmp_path / "out" / "audit.csv", keep_default_na=False)
    assert len(frame) == sum(len(one.groups) for one in found.tables)
    saved = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert saved["tables"][0]["lowest_ratio"]["value"] == found.tables[0].lowest_ratio.value
    assert main([*asked, "--target", "score", "--above", "median"]) == 0
    assert capsys.readouterr().out.startswith("score > ")
    assert main([*asked, "--target", "score", "--above", "high"]) == 2
    assert "The cut 'high' is no number" in capsys.readouterr().err


def test_cohort_only_mode_withholds_small_numbers(capsys):
    table = selections(300)
    found = audit(table, Task("passed", "yes", ("sex", "race"), smallest_group=12))
    assert [one.columns for one in found.tables] == [("sex", "race")]
    for group in found.tables[0].groups:
        if group.selected is None:
            assert group.rate.value is None and group.ratio.value is None
        else:
            assert group.selected == 0 or group.selected >= 12
            assert group.rows == group.selected or group.rows - group.selected >= 12
    assert any(group.selected is None for group in found.tables[0].groups)
    assert "withheld" in "\n".join(audit_lines(found))


def test_repeating_every_row_by_its_weight_is_the_same():
    table = selections(200)
    weights = np.random.default_rng(1).integers(1, 4, len(table))
    weighted = audit(table.assign(w=weights), Task("passed", "yes", "race", weights="w")).tables[0]
    repeated = audit(table.loc[table.index.repeat(weights)], Task("passed", "yes", "race")).tables[0]
    for one, other in zip(weighted.groups, repeated.groups, strict=True):
        assert one.rate.value == pytest.approx(other.rate.value)
        assert one.ratio.value == pytest.approx(other.ratio.value)


def test_the_intervals_published_for_a_ratio_of_shares():
    """Koopman (1984), section 4: 36 of 40 against 16 of 80."""
    assert ratio_interval(36, 40, 16, 80) == pytest.approx((2.94, 7.15), abs=0.005)


@given(
    rows=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    factor=st.integers(2, 5),
)
def test_a_ratio_lies_in_its_interval_and_more_rows_narrow_it(rows, shares, factor):
    hits = [int(share * of) for share, of in zip(shares, rows, strict=True)]
    low, high = ratio_interval(hits[0], rows[0], hits[1], rows[1])
    if not any(hits):
        assert (low, high) == (None, None)
        return
    if hits[1]:
        ratio = (hits[0] / rows[0]) / (hits[1] / rows[1])
        assert 0 <= low <= ratio <= high
        wide = np.log(high / low) if low else high
        low, high = ratio_interval(factor * hits[0], factor * rows[0], factor * hits[1], factor * rows[1])
        assert (np.log(high / low) if low else high) < wide
    else:
        assert high is None and low > 0


@pytest.mark.parametrize(("n", "p", "m", "q"), [(30, 0.2, 50, 0.5), (60, 0.9, 40, 0.95), (100, 0.05, 200, 0.1)])
def test_the_interval_of_a_ratio_covers_it_95_times_in_100(n, p, m, q):
    """Exactly, over all outcomes that have a chance worth counting."""
    covered = total = 0.0
    hits, base = np.arange(n + 1), np.arange(m + 1)
    chance = np.outer(binom.pmf(hits, n, p), binom.pmf(base, m, q))
    for a, b in np.argwhere(chance > 1e-5):
        low, high = ratio_interval(int(a), n, int(b), m)
        total += chance[a, b]
        inside = low is None or (low <= p / q and (high is None or p / q <= high))
        covered += chance[a, b] * inside
    assert 0.93 <= covered / total <= 0.98


def decided(n: int = 900, seed: int = 3) -> pd.DataFrame:
    table = selections(n, seed)
    rng = np.random.default_rng(seed)
    came_true = np.where(rng.random(n) < 0.2 + 0.5 * (table["passed"] == "yes"), "good", "bad").astype(object)
    came_true[rng.random(n) < 0.1] = None
    return table.assign(later=came_true)


def test_decisions_are_held_against_what_came_true():
    table = decided()
    found = audit(table, PASSED, truth=("later", "good"))
    known = table["later"].notna()
    truth, decision = (table["later"][known] == "good").astype(int), (table["passed"][known] == "yes").astype(int)
    for one in found.tables:
        keys = table.loc[known, list(one.columns)].agg(" / ".join, axis=1)
        seen = MetricFrame(
            metrics={"true_positive_rate": true_positive_rate, "false_positive_rate": false_positive_rate,
                     "error_rate": zero_one_loss, "precision": precision_score},
            y_true=truth, y_pred=decision, sensitive_features=keys,
        ).by_group  # fmt: skip
        assert one.judged.n == known.sum()
        for group, rates in seen.iterrows():
            for rate, value in rates.items():
                assert one.judged.rates[group][rate].value == pytest.approx(value, abs=1e-12)
        assert judged_sentence(found, one).startswith(f"Against later = good, known of {known.sum()} rows, groups")
    assert json.loads(audit_json(found))["tables"][0]["judged"]["n"] == known.sum()
    assert "true positive rate low" in audit_frame(found)


def test_groups_with_the_same_share_are_told_beside_each_other():
    table = pd.DataFrame({"g": ["a", "b"] * 100, "y": ["no", "no", "yes", "yes"] * 50})
    found = audit(table, Task("y", "yes", "g"))
    said = audit_sentence(found, found.tables[0])
    assert "of b and for 50.0 % " in said and "of a, an impact ratio of 1.000" in said


def test_what_came_true_may_be_a_number_that_is_cut():
    table = decided()
    table["amount"] = np.random.default_rng(0).integers(0, 100, len(table))
    cut = table.assign(amount=np.where(table["amount"] >= 40, "much", "little"))
    found = audit(table, replace(PASSED, bins={"amount": (40,)}), truth=("amount", ">= 40"))
    plain = audit(cut, PASSED, truth=("amount", "much"))
    assert [one.judged.to_dict() for one in found.tables] == [one.judged.to_dict() for one in plain.tables]
    with pytest.raises(TaskError, match="Its values: < 40, >= 40"):
        audit(table, replace(PASSED, bins={"amount": (40,)}), truth=("amount", "40"))


def test_rates_against_what_came_true_are_withheld_in_cohort_only_mode():
    table = decided(120)
    least = 10
    found = audit(table, Task("passed", "yes", "race", smallest_group=least), truth=("later", "good")).tables[0]
    known = table["later"].notna()
    shown = table[known]
    cells = pd.crosstab(shown["race"], [shown["later"], shown["passed"]])
    for group, counts in cells.iterrows():
        if group in found.judged.rates and ((counts > 0) & (counts < least)).any():
            assert found.judged.rates[group]["true_positive_rate"].value is None


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        (("nowhere", "good"), "is not a column"),
        (("later", "best"), "Its values: bad, good"),
        (("passed", "yes"), "Name another column"),
        (("later", "(missing)"), "No row has"),
    ],
)
def test_a_wrong_truth_says_what_there_is(truth, says):
    with pytest.raises(TaskError, match=says):
        audit(decided(), PASSED, truth=truth)


def test_the_command_line_holds_decisions_against_what_came_true(tmp_path, capsys):
    path = tmp_path / "decided.csv"
    decided().to_csv(path, index=False)
    options = ["audit", str(path), "--target", "passed", "--favorable", "yes", "--sensitive", "sex"]
    assert main([*options, "--truth", "later=good"]) == 0
    assert "Against later = good, known of" in capsys.readouterr().out
    assert main([*options, "--truth", "later"]) == 2
    assert "give a column and its favorable value" in capsys.readouterr().err
