"""Laws of the checks: what is planted is found, with the numbers an independent computation gives; chance is not."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency
from sklearn.metrics import roc_auc_score

from iffair_core import Study
from iffair_core.__main__ import main
from iffair_core.checks import evidence
from iffair_core.checks.evidence import Shares
from iffair_core.checks.run import Check, proxy_table, run_checks
from iffair_core.checks.separation import FOLDS, auc_interval, folds_of, prepared, separation
from iffair_core.data.resolving import resolve
from iffair_core.data.row_selectors import rows_meeting
from iffair_core.data.task import Task
from iffair_core.datasets.catalog import DATASETS, load_dataset
from iffair_core.errors import Cancelled, SplitError
from iffair_core.telling.files import summary
from iffair_core.telling.report import report_html
from iffair_core.wording import figure, percent, points
from tests.strategies import tables

TASK = Task("outcome", "yes", "group")


def table(n: int = 600, seed: int = 0, **columns: object) -> pd.DataFrame:
    """Rows in which nothing depends on anything: outcome, group, a number and a category; then the given columns."""
    rng = np.random.default_rng(seed)
    base = {
        "outcome": np.where(rng.random(n) < 0.4, "yes", "no"),
        "group": np.asarray(("ash", "beech", "cherry"), dtype=object)[rng.choice(3, n, p=(0.5, 0.3, 0.2))],
        "score": rng.normal(size=n),
        "kind": np.asarray(("red", "green", "blue"), dtype=object)[rng.choice(3, n)],
    }
    return pd.DataFrame(base | columns).astype({"outcome": "str", "group": "str", "kind": "str"})


def found(frame: pd.DataFrame, kind: str, task: Task | None = TASK, **options: object) -> Check:
    """The one check of a kind."""
    checks = [check for check in run_checks(frame, task, **options) if check.kind == kind]  # type: ignore[arg-type]
    assert len(checks) == 1, f"{kind} found {len(checks)} times"
    return checks[0]


def kinds(frame: pd.DataFrame, task: Task | None = TASK) -> set[str]:
    return {check.kind for check in run_checks(frame, task)}


def remedied(task: Task, stop_check: Check, place: int = 0) -> Task:
    return replace(task, **dict(stop_check.remedies[place].change))


def coded(values: pd.Series) -> np.ndarray:
    return (values == "yes").to_numpy().astype(np.int64)


# --------------------------------------------------------------------------------------------------------- separation


def slow_separation(column: pd.Series, inside: np.ndarray, folds: np.ndarray) -> float:
    """The larger of the ROC AUC of the values and that of shares learned on the other folds, by scikit-learn."""
    best = 0.5
    if column.dtype.kind in "if":
        filled = column.fillna(column.median())
        area = roc_auc_score(inside, filled)
        best = max(best, area, 1 - area)
        level = filled.astype(object)
        if filled.nunique() > 64:
            bins = min(64, max(2, len(column) // 50))
            level = np.floor((filled.rank() - 0.5) * bins / len(column)).astype(object)
        level[column.isna()] = "missing"
    else:
        level = column.fillna("missing")
    won, pairs = 0.0, 0
    for fold in range(FOLDS):
        learning, held = folds != fold, folds == fold
        prior = inside[learning].mean()
        known = pd.DataFrame({"level": level[learning], "inside": inside[learning]}).groupby("level")["inside"]
        scores = ((known.sum() + prior) / (known.count() + 1)).reindex(level[held]).fillna(prior)
        here = int(inside[held].sum()) * int((1 - inside[held]).sum())
        won += roc_auc_score(inside[held], scores) * here if here else 0.0
        pairs += here
    return max(best, won / pairs)


@given(st.integers(0, 2**32 - 1), st.integers(60, 500), st.sampled_from(("number", "whole", "text", "identifier")))
def test_the_separation_of_a_column_is_that_of_scikit_learn(seed, n, kind):
    rng = np.random.default_rng(seed)
    groups = rng.choice(3, n, p=(0.5, 0.3, 0.2))
    column = {
        "number": pd.Series(rng.normal(size=n) + groups * rng.normal()),
        "whole": pd.Series(rng.poisson(2 + groups).astype(float)),
        "text": pd.Series([f"level {value}" for value in rng.integers(0, 1 + rng.integers(1, 30), n) + groups]),
        "identifier": pd.Series([f"row {row}" for row in range(n)]),
    }[kind]
    column[rng.random(n) < rng.choice((0.0, 0.2))] = None
    folds = folds_of(n, seed)
    ours = separation(prepared(column), groups, 3, folds)
    for group in range(3):
        inside = (groups == group).astype(int)
        if min(inside.sum(), n - inside.sum()) < 10:
            assert np.isnan(ours[group])
        else:
            assert ours[group] == pytest.approx(slow_separation(column, inside, folds), abs=1e-9)


def test_a_value_of_its_own_in_every_row_tells_nothing():
    labels = pd.Series([f"row {row}" for row in range(2000)])
    outcome = np.arange(2000) % 2
    assert separation(prepared(labels), outcome, 2, folds_of(2000, 0)).tolist() == [0.5, 0.5]


def test_pooling_rare_levels_keeps_what_the_common_ones_tell():
    rng = np.random.default_rng(0)
    outcome = rng.integers(0, 2, 30_000)
    labels = pd.Series(np.where(outcome == 1, "common", [f"rare {row}" for row in range(outcome.size)]))
    assert separation(prepared(labels), outcome, 2, folds_of(outcome.size, 0))[1] > 0.999


@given(st.floats(0.5, 1.0), st.integers(10, 5000), st.integers(10, 5000))
def test_the_interval_of_an_area_holds_it_and_ends_where_the_area_is_two_standard_errors_away(area, inside, outside):
    low, high = (float(end) for end in auc_interval(np.array(area), np.array(inside), np.array(outside)))
    assert 0 < low <= area <= high <= 1 and low < high
    for end in (low, high):
        spread = end / (2 - end) + 2 * end**2 / (1 + end) - 2 * end**2
        pairs = (inside + outside) / 2 - 1
        variance = (end * (1 - end) + pairs * spread) / (inside * outside)
        assert end == 1.0 or abs(area - end) == pytest.approx(1.959964 * np.sqrt(variance), abs=1e-6)


def test_the_interval_of_an_area_holds_the_true_one_in_95_of_100_samples():
    rng = np.random.default_rng(3)
    samples = [(rng.normal(1.2, 1, 40), rng.normal(0, 1, 90)) for _ in range(1000)]
    areas = np.array([np.mean(a[:, None] > b[None]) for a, b in samples])
    low, high = auc_interval(areas, np.full(1000, 40), np.full(1000, 90))
    true = 0.80193  # Phi(1.2 / sqrt 2)
    assert 0.93 <= np.mean((low <= true) & (true <= high)) <= 0.975


# ------------------------------------------------------------------------------------------------------- false alarms


@given(tables())
def test_independent_columns_raise_no_grave_check(frame):
    # Chance may raise one with less than 1e-5: an AUC of 0.99 where both outcomes have 10 rows, or runs below 1e-6.
    assert not [check for check in run_checks(frame, TASK) if check.severity == "high"]


def test_plain_independent_rows_raise_nothing():
    for seed in range(20):
        assert kinds(table(n=1200, seed=seed)) == set()


def test_the_example_raises_no_grave_check_and_shows_the_proxies_that_were_built_in():
    frame, task = load_dataset("example")
    checks = run_checks(frame, task)
    assert {check.severity for check in checks} <= {"medium", "low"}
    assert found(frame, "proxies", task).columns == ("district", "monthly_income")


def test_checks_come_gravest_first_and_the_same_every_time():
    frame = table(copy=coded(table()["outcome"]), constant=1)
    first = run_checks(frame, TASK)
    assert [check.severity for check in first] == sorted(
        (check.severity for check in first), key=["high", "medium", "low"].index
    )
    assert first == run_checks(frame, TASK) and {"leakage", "constant_columns"} <= {check.kind for check in first}


# ------------------------------------------------------------------------------------------------------------ leakage


@pytest.mark.parametrize(
    "leak",
    [
        lambda y, rng: np.where(y == 1, "A", "B"),
        lambda y, rng: np.where(y == 1, 2, rng.choice((1, 3), y.size)),
        lambda y, rng: np.where(y == 1, rng.normal(size=y.size), np.nan),
        lambda y, rng: np.where(y == 1, 10.0, 0.0) + rng.normal(size=y.size),
        lambda y, rng: np.where(y == 1, np.array([f"case {row}" for row in range(y.size)], dtype=object), None),
        lambda y, rng: np.where(y == 0, "none", rng.choice(("a", "b", "c"), y.size)),
    ],
)
def test_a_column_that_gives_the_outcome_away_is_found_and_its_remedy_ends_it(leak):
    frame = table(n=900)
    frame["leak"] = leak(coded(frame["outcome"]), np.random.default_rng(1))
    task = replace(TASK, types={"leak": "category"} if frame["leak"].dtype.kind == "O" else None)
    check = found(frame, "leakage", task)
    assert check.severity == "high" and check.columns == ("leak",)
    after = remedied(task, check)
    assert after.drop == ("leak",) and "leakage" not in kinds(frame, after)


def test_the_leak_says_how_it_tells():
    frame = table(n=900)
    y = coded(frame["outcome"])
    frame["paid_back"] = np.where(y == 1, 1.5 + np.arange(y.size) % 97, np.nan)
    frame["verdict"] = np.where(y == 1, "A", "B")
    frame["note"] = np.where((y == 1) & (np.arange(y.size) % 10 > 0), "late", "early")
    frame["turned"] = np.where((y == 0) & (np.arange(y.size) % 10 > 0), "late", "early")
    check = found(frame, "leakage")
    assert set(check.columns) == {"paid_back", "verdict", "turned"}
    assert "'paid_back' (filled in only where 'outcome' is yes)" in check.text
    assert "'verdict' (AUC 1.000; each value occurs with one outcome only)" in check.text
    area, late = slow_separation(frame["turned"], y, folds_of(y.size, 0)), np.mean(frame["turned"] == "late")
    assert f"'turned' (AUC {figure(area)}; {percent(late)} of rows hold values that only one outcome has)" in check.text


def test_columns_named_after_the_outcome_or_a_leak_are_asked_about():
    rng = np.random.default_rng(0)
    frame = table().rename(columns={"outcome": "loan_paid"})
    y = coded(frame["loan_paid"])
    frame["exam"] = y
    for name in ("exam_year", "examiner", "score_prediction", "paidOnLoan", "loan_size", "Forecasted"):
        frame[name] = rng.normal(size=len(frame))
    check = found(frame, "outcome_names", Task("loan_paid", "yes", "group"))
    assert check.columns == ("exam_year", "score_prediction", "paidOnLoan", "Forecasted")
    assert check.severity == "medium"


def test_one_column_far_stronger_than_all_others_is_asked_about():
    frame = table(n=1500)
    y = coded(frame["outcome"])
    rng = np.random.default_rng(5)
    frame["duration"] = y * 1.4 + rng.normal(size=y.size)
    frame["weak"] = y * 0.3 + rng.normal(size=y.size)
    check = found(frame, "dominant_feature")
    assert check.columns == ("duration",) and check.severity == "medium"
    strong, weak = (roc_auc_score(y, frame[name]) for name in ("duration", "weak"))
    assert f"'duration' (AUC {figure(strong)})" in check.text and f"the next has {figure(weak)}" in check.text
    assert "dominant_feature" not in kinds(frame, remedied(TASK, check))
    frame["next"] = y * 1.2 + rng.normal(size=y.size)
    for strength in (1.0, 0.8, 0.6):
        frame[f"also {strength}"] = y * strength + rng.normal(size=y.size)
    ahead = strong - roc_auc_score(y, frame["next"])
    assert 0.03 <= ahead < 0.1 and found(frame, "dominant_feature").severity == "low"
    frame["between"] = y * 1.5 + rng.normal(size=y.size)
    assert abs(strong - roc_auc_score(y, frame["between"])) < 0.03
    assert "dominant_feature" not in kinds(frame)  # no gap sets any of them apart


def test_values_that_only_one_outcome_has_are_asked_about():
    frame = table(n=2000)
    y = coded(frame["outcome"])
    rng = np.random.default_rng(2)
    frame["grade"] = np.where((y == 0) & (rng.random(y.size) < 0.3), "failed", rng.choice(("a", "b"), y.size))
    check = found(frame, "one_sided_values")
    assert check.columns == ("grade",)
    assert f"'grade' ({percent(np.mean(frame['grade'] == 'failed'))} of rows)" in check.text


def flagged(share: float, given: float, elsewhere: float, n: int = 2000) -> pd.DataFrame:
    """A table with a flag in `share` of the rows: so many of these have outcome yes, so many of the others."""
    rng = np.random.default_rng(3)
    flag = rng.random(n) < share
    outcome = np.where(rng.random(n) < np.where(flag, given, elsewhere), "yes", "no")
    return table(n=n, outcome=outcome, flag=np.where(flag, 1, 0))


def test_a_flag_that_nearly_decides_an_open_outcome_is_asked_about():
    frame = flagged(0.12, 0.95, 0.4)
    y, flag = coded(frame["outcome"]), frame["flag"] == 1
    check = found(frame, "deciding_flags")
    assert check.severity == "medium" and check.columns == ("flag",)
    assert (
        f"Of {flag.sum():,} rows with 'flag' = 1, {percent(y[flag].mean())} have 'outcome' = yes, of the others "
        f"{percent(y[~flag].mean())}" in check.text
    )
    assert "deciding_flags" not in kinds(frame, remedied(TASK, check))
    assert "rows with" not in found(frame, "deciding_flags", replace(TASK, smallest_group=50)).text
    turned = frame.assign(flag=frame["flag"].map({1: "yes", 0: "no"}), outcome=np.where(y == 1, "no", "yes"))
    assert "with 'flag' = yes" in found(turned, "deciding_flags").text


@pytest.mark.parametrize(
    ("share", "given", "elsewhere"), [(0.12, 0.84, 0.4), (0.02, 0.99, 0.4), (0.12, 0.97, 0.8), (0.5, 0.9, 0.55)]
)
def test_a_flag_that_decides_less_for_fewer_or_in_a_lopsided_outcome_is_not_asked_about(share, given, elsewhere):
    assert "deciding_flags" not in kinds(flagged(share, given, elsewhere))


# ------------------------------------------------------------------------------------------------------------ proxies


def test_the_proxy_table_holds_each_feature_with_the_group_it_tells_best():
    frame = table(n=1200)
    rng = np.random.default_rng(4)
    codes = frame["group"].map({"ash": 0, "beech": 1, "cherry": 2}).to_numpy()
    frame["rent"] = (codes == 2) * 2.0 + rng.normal(size=codes.size)
    frame["copy"] = np.where(codes == 1, "x", rng.choice(("y", "z"), codes.size))
    resolved = resolve(TASK, frame)
    proxies = proxy_table(frame, resolved).set_index("column")
    assert list(proxies.index[:2]) == ["copy", "rent"] and set(proxies.index) == {"copy", "rent", "score", "kind"}
    assert proxies.loc["rent", "group"] == "cherry" and proxies.loc["copy", "group"] == "beech"
    assert proxies.loc["rent", "auc"] == pytest.approx(roc_auc_score(codes == 2, frame["rent"]))
    assert ((proxies["low"] <= proxies["auc"]) & (proxies["auc"] <= proxies["high"])).all()
    copies, others = found(frame, "attribute_copies"), found(frame, "proxies")
    assert (copies.severity, copies.columns) == ("high", ("copy",))
    assert (others.severity, others.columns) == ("medium", ("rent",))
    line = proxies.loc["rent"]
    assert (
        f"'rent' tells cherry from the others with AUC {figure(line['auc'])} (95 % {line['low']:.3f} to "
        f"{line['high']:.3f})" in others.text
    )
    seen = replace(TASK, use_sensitive_as_feature=True)
    assert not {"proxies", "attribute_copies"} & kinds(frame, seen)
    assert "attribute_copies" not in kinds(frame, remedied(TASK, copies))


def test_of_two_groups_the_reference_is_not_named_and_few_rows_are_no_group():
    frame = table(n=400)
    frame["group"] = np.where(frame["group"] == "ash", "ash", "other")
    proxies = proxy_table(frame, resolve(replace(TASK, reference="ash"), frame))
    assert set(proxies["group"]) == {"other"}
    frame.loc[:20, "group"] = "tiny"
    frame["tell"] = np.where(frame["group"] == "tiny", 5.0, 0.0) + frame["score"]
    assert "tiny" not in set(proxy_table(frame, resolve(TASK, frame))["group"])


# -------------------------------------------------------------------------------------------------------------- dates


def dated(n: int = 1500, *, text: bool = False) -> pd.DataFrame:
    """The last days of `when` have outcome no only; the column is no feature."""
    frame = table(n=n)
    days = np.datetime64("2013-01-01") + np.sort(np.random.default_rng(1).integers(0, 500, n))
    frame.loc[days >= np.datetime64("2014-04-02"), "outcome"] = "no"
    frame.loc[days == np.datetime64("2014-04-01"), "outcome"] = "yes"
    when = pd.Series(days.astype("datetime64[s]"))
    return frame.assign(when=when.dt.strftime("%d.%m.%Y") if text else when)


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("late", [False, True])
def test_an_end_of_the_dates_with_one_outcome_only_is_found_and_left_out(text, late):
    frame = dated(text=text)
    days = pd.to_datetime(frame["when"], format="%d.%m.%Y") if text else frame["when"]
    if not late:
        days = pd.Timestamp("2015-01-01") - (days - pd.Timestamp("2013-01-01"))
        frame["when"] = days.dt.strftime("%d.%m.%Y") if text else days
    check = found(frame, "one_outcome_dates")
    assert check.severity == "high" and check.columns == ("when",)
    last = days[frame["outcome"] == "yes"].max() if late else days[frame["outcome"] == "yes"].min()
    beyond = days > last if late else days < last
    rest = np.mean(frame["outcome"][~beyond] == "no")
    side = "after" if late else "before"
    assert f"All {beyond.sum():,} rows with 'when' {side} {last.date()} have 'outcome' = no" in check.text
    assert f"against {percent(rest)} of the other dated rows" in check.text
    task = remedied(TASK, check)
    assert (rows_meeting(frame, task.exclude[0]) == beyond).all()
    assert "one_outcome_dates" not in kinds(frame, task)


@pytest.mark.parametrize("name", ["dob", "DateOfBirth", "geburtsdatum"])
def test_a_date_of_birth_says_nothing_of_how_long_rows_were_followed(name):
    frame = dated()
    assert not {"one_outcome_dates", "drift_along_dates"} & kinds(frame.rename(columns={"when": name}))
    assert found(frame.assign(**{name: frame["when"]}), "one_outcome_dates").columns == ("when",)


def test_copies_of_a_date_are_one_finding_and_dates_of_what_followed_the_outcome_are_none():
    frame = dated()
    frame["same"] = frame["when"]
    frame["repaid_on"] = frame["when"].where(frame["outcome"] == "yes")
    check = found(frame, "one_outcome_dates")
    assert check.columns == ("when", "same") and "(the same rows by 'same')" in check.text
    assert len(check.remedies) == 1


def test_a_short_run_of_one_outcome_at_the_end_is_chance():
    frame = table(n=900)
    days = np.datetime64("2013-01-01") + np.arange(900)
    frame["when"] = pd.Series(days.astype("datetime64[s]"))
    frame.loc[885:, "outcome"] = "no"
    assert "one_outcome_dates" not in kinds(frame)


def test_drift_is_told_with_cramers_v_of_the_tenths():
    frame = table(n=2000)
    rng = np.random.default_rng(9)
    frame["outcome"] = np.where(rng.random(2000) < np.linspace(0.2, 0.7, 2000), "yes", "no")
    frame["when"] = pd.Series((np.datetime64("2013-01-01") + np.arange(2000)[::-1]).astype("datetime64[s]"))
    y = coded(frame["outcome"])
    tenths = np.repeat(np.arange(10), 200)
    counts = pd.crosstab(tenths, y)
    strength = np.sqrt(chi2_contingency(counts, correction=False).statistic / 2000)
    shares = counts[1] / counts.sum(axis=1)
    file, dates = found(frame, "drift_along_file"), found(frame, "drift_along_dates")
    assert file.severity == ("medium" if strength >= 0.2 else "low")
    told = (
        f"between {percent(shares.min())} (part {shares.idxmin() + 1}) and {percent(shares.max())} "
        f"(part {shares.idxmax() + 1}) (Cramér's V {figure(strength)})"
    )
    assert told in file.text and dates.columns == ("when",)
    assert f"Cramér's V {figure(strength)}" in dates.text


def test_a_file_sorted_by_its_outcome_is_only_mentioned():
    frame = table().sort_values("outcome", ignore_index=True)
    assert found(frame, "sorted_file").severity == "low"
    assert "drift_along_file" not in kinds(frame)


# ------------------------------------------------------------------------------------------------------------ outcome


def test_a_rare_and_a_missing_outcome_are_told():
    frame = table(n=1000)
    frame["outcome"] = np.where(np.arange(1000) % 40 == 0, "yes", "no")
    check = found(frame, "rare_outcome")
    assert "Only 25 rows (2.5 %) of 1,000 have 'outcome' = yes" in check.text and "97.5 %" in check.text
    turned = found(frame, "rare_outcome", replace(TASK, favorable="no"))
    assert "have 'outcome' = yes" in turned.text
    frame = table(n=1000)
    frame.loc[:79, "outcome"] = None
    assert "80 rows (8.0 %) of 1,000 have no value of 'outcome'" in found(frame, "missing_outcome").text


def test_a_numeric_outcome_gets_a_threshold_and_several_values_are_mentioned():
    frame = table(n=1000, grade=np.random.default_rng(0).integers(0, 21, 1000)).drop(columns="outcome")
    task = Task("grade", 12, "group")
    check = found(frame, "numeric_outcome", task)
    assert (
        f"holds 21 different numbers, of which 12 counts as favorable, {np.sum(frame['grade'] == 12)} rows"
        in check.text
    )
    middle = np.median(frame["grade"])
    for place, expected in enumerate((frame["grade"] >= middle, frame["grade"] < middle)):
        after = remedied(task, check, place)
        assert (resolve(after, frame).y == expected).all()
        assert not {"numeric_outcome", "many_outcomes"} & kinds(frame, after)
    few = table().assign(outcome=lambda one: np.where(one["score"] > 1, "late", one["outcome"]))
    check = found(few, "many_outcomes")
    assert "has 3 values; yes is held against all others (late, no)" in check.text
    assert found(few, "many_outcomes", replace(TASK, favorable=("yes", "late"))).severity == "low"


def uneven(n: int = 2000) -> pd.DataFrame:
    """The large group ash has yes in about 15 %, birch and cherry in about 40 % of rows."""
    rng = np.random.default_rng(7)
    frame = table(n=n)
    frame["group"] = np.asarray(("ash", "birch", "cherry"), dtype=object)[rng.choice(3, n, p=(0.8, 0.1, 0.1))]
    frame["outcome"] = np.where(rng.random(n) < np.where(frame["group"] == "ash", 0.15, 0.4), "yes", "no")
    return frame


def newcombe(k: int, n: int, j: int, m: int) -> tuple[float, float]:
    """The interval of k/n - j/m from scipy's Wilson intervals."""
    first, second = (binomtest(a, b).proportion_ci(method="wilson") for a, b in ((k, n), (j, m)))
    gap = k / n - j / m
    low = gap - np.hypot(k / n - first.low, second.high - j / m)
    return low, gap + np.hypot(first.high - k / n, j / m - second.low)


@given(st.integers(1, 300), st.integers(1, 300), st.floats(0, 1), st.floats(0, 1))
def test_the_interval_of_a_difference_of_shares_is_newcombes(n, m, first, second):
    k, j = round(first * n), round(second * m)
    shares = Shares(k, n, j, m)
    gap, (low, high) = shares.gap, shares.interval()
    assert gap == pytest.approx(k / n - j / m) and low <= gap <= high
    assert (low, high) == pytest.approx(newcombe(k, n, j, m), abs=1e-9)


def test_the_largest_group_behind_another_raises_the_question_of_the_good_outcome():
    frame = uneven()
    check = found(frame, "direction")
    rates = frame.groupby("group")["outcome"].agg(lambda one: (one == "yes").mean())
    rows = frame["group"].value_counts()
    ahead = rates.drop("ash").idxmax()
    hits = {name: round(rates[name] * rows[name]) for name in rates.index}
    low, high = newcombe(hits[ahead], rows[ahead], hits["ash"], rows["ash"])
    assert check.severity == "medium"
    assert (
        f"ash, the largest group, has 'outcome' = yes in {percent(rates['ash'])} of {rows['ash']:,} rows" in check.text
    )
    assert f"{ahead} in {percent(rates[ahead])} of {rows[ahead]:,} rows" in check.text
    assert f"({points(rates[ahead] - rates['ash'])}, 95 % {100 * low:.1f} to {100 * high:.1f})" in check.text
    flipped, other = remedied(TASK, check, 0), remedied(TASK, check, 1)
    assert flipped.favorable == "no" and "direction" not in kinds(frame, flipped)
    assert other.reference == "ash" and "the reference group that you chose" in found(frame, "direction", other).text
    assert "direction" not in kinds(frame, remedied(other, found(frame, "direction", other), 1))


# ------------------------------------------------------------------------------------------------------- small groups


def sized(sizes: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """A table with these (favorable, other) rows per group, in random order."""
    rows = [(group, outcome) for group, pair in sizes.items() for outcome, n in zip(("yes", "no"), pair, strict=True)
            for _ in range(n)]  # fmt: skip
    frame = table(n=len(rows))
    order = np.random.default_rng(0).permutation(len(rows))
    frame[["group", "outcome"]] = np.array(rows, dtype=object)[order]
    return frame


def test_small_groups_and_cells_are_told_and_pooling_ends_them():
    frame = sized({"ash": (300, 300), "beech": (9, 12), "cherry": (60, 70), "elm": (30, 80)})
    groups, cells = found(frame, "small_groups"), found(frame, "small_cells")
    assert "fewer than 30 rows: beech (21)" in groups.text
    assert "of elm with yes (6)" in cells.text and "cherry" not in cells.text and "beech" not in cells.text
    after = remedied(TASK, groups)
    # beech and elm are enough to be a group, but with yes only 7.8 of them would be tested on.
    assert after.pool == {"group": {"beech or cherry or elm": ("beech", "cherry", "elm")}}
    assert not {"small_groups", "small_cells"} & kinds(frame, after)
    wider = remedied(TASK, cells)
    assert "small_cells" not in kinds(frame, wider)
    half = replace(TASK, pool={"group": {"Other groups": ("beech", "elm")}})
    again = remedied(half, found(frame, "small_cells", half))
    assert again.pool is not None
    ((title, members),) = again.pool["group"].items()
    assert set(members) == {"beech", "elm", "cherry"} and title == " or ".join(members)
    assert "small_cells" not in kinds(frame, again)


def test_pooled_groups_are_named_after_their_values_where_that_is_short_and_clear():
    def title(*small: str) -> str:
        frame = sized({"ash": (300, 300), "beech": (300, 300)} | dict.fromkeys(small, (13, 16)))
        (name,) = (remedied(TASK, found(frame, "small_groups")).pool or {})["group"]
        return name

    assert title("cherry", "elm", "fir", "oak") == "cherry or elm or fir or oak"
    many = ("cherry", "elm", "fir", "gingko", "hornbeam", "juniper")
    assert title(*many) == title("cherry", "elm", "fir", "red/blue oak") == "Other groups"


def test_a_reference_that_is_pooled_is_given_up():
    frame = sized({"ash": (300, 300), "beech": (9, 12), "cherry": (9, 12)})
    task = replace(TASK, reference="beech")
    after = remedied(task, found(frame, "small_groups", task))
    assert after.reference is None and resolve(after, frame).groups == ("ash", "beech or cherry")


def test_small_bins_are_joined_and_crossed_columns_taken_apart():
    rng = np.random.default_rng(0)
    frame = table(n=800, age=np.clip(rng.normal(40, 9, 800), 18, 80).round())
    task = Task("outcome", "yes", "age", bins={"age": (20, 30, 40, 50, 70)})
    check = found(frame, "small_groups", task)
    after = remedied(task, check)
    assert after.bins is not None and set(after.bins["age"]) < {20, 30, 40, 50, 70}
    assert "small_groups" not in kinds(frame, after)
    cells = remedied(task, found(frame, "small_cells", task))
    assert not {"small_groups", "small_cells"} & kinds(frame, cells)

    whole = Task("outcome", "yes", "age")
    frame["age"] = frame["age"].clip(25, 60)
    bare = remedied(whole, found(frame, "small_groups", whole))
    assert bare.bins is not None and "small_groups" not in kinds(frame, bare)

    frame["place"] = np.where(np.arange(800) % 100 == 0, "isle", "town")
    both = Task("outcome", "yes", ("group", "place"), reference=("ash", "town"), bins=None)
    check = found(frame, "small_groups", both)
    assert [remedied(both, check, place).sensitive for place in (0, 1)] == ["place", "group"]
    assert remedied(both, check, 1).reference is None and "small_groups" not in kinds(frame, remedied(both, check, 1))


def test_fixed_parts_count_the_test_rows_there_are():
    frame = sized({"ash": (300, 300), "beech": (100, 100)})
    rng = np.random.default_rng(0)
    frame["part"] = rng.choice(("train", "validation", "test"), len(frame), p=(0.75, 0.22, 0.03))
    check = found(frame, "small_cells", replace(TASK, split="part"))
    test = frame[frame["part"] == "test"]
    count = int(np.sum((test["group"] == "beech") & (test["outcome"] == "yes")))
    assert count < 10 and f"beech with yes ({count})" in check.text and "there are" in check.text


# ------------------------------------------------------------------------------------------------------------ missing


def test_values_missing_more_often_in_a_group_are_told_with_their_interval():
    frame = table(n=3000)
    rng = np.random.default_rng(0)
    frame["income"] = rng.normal(size=3000)
    frame.loc[rng.random(3000) < np.where(frame["group"] == "cherry", 0.25, 0.05), "income"] = np.nan
    task = replace(TASK, reference="ash")
    check = found(frame, "missing_by_group", task)
    missing = frame["income"].isna().groupby(frame["group"]).agg(["sum", "count"])
    (k, n), (j, m) = missing.loc["cherry"], missing.loc["ash"]
    low, high = newcombe(int(k), int(n), int(j), int(m))
    assert check.columns == ("income",) and (
        f"'income' is missing in {percent(k / n)} of cherry rows against {percent(j / m)} of ash "
        f"({points(k / n - j / m)}, 95 % {100 * low:.1f} to {100 * high:.1f})" in check.text
    )
    assert "missing_by_group" not in kinds(frame, remedied(task, check))
    # Five points of difference in few rows are chance.
    frame["income"] = frame["score"].where(np.arange(3000) > 100)
    assert "missing_by_group" not in kinds(frame.iloc[:220], task)


def test_values_missing_with_one_outcome_are_told():
    frame = table(n=3000)
    rng = np.random.default_rng(0)
    yes = frame["outcome"] == "yes"
    frame["income"] = rng.normal(size=3000)
    frame.loc[rng.random(3000) < np.where(yes, 0.3, 0.1), "income"] = np.nan
    check = found(frame, "missing_by_outcome")
    absent = frame["income"].isna()
    there, here = yes[absent].mean(), yes[~absent].mean()
    low, high = newcombe(int(yes[absent].sum()), int(absent.sum()), int(yes[~absent].sum()), int((~absent).sum()))
    assert check.severity == "medium" and (
        f"Where 'income' is missing, {percent(there)} have 'outcome' = yes, elsewhere {percent(here)} "
        f"({points(there - here)}, 95 % {100 * low:.1f} to {100 * high:.1f})" in check.text
    )


# -------------------------------------------------------------------------------------------------- the table by itself


def test_columns_that_carry_nothing_are_told_with_or_without_a_task():
    n = 1000
    frame = table(n=n, blank=np.full(n, np.nan), same=7, word="x", almost=np.where(np.arange(n) < 3, 1.5, 0.0))
    frame["many"] = [f"value {row % 200}" for row in range(n)]
    frame["rare"] = np.where(np.arange(n) == 5, "b", "a")
    for task in (TASK, None):
        assert found(frame, "empty_columns", task).columns == ("blank",)
        assert found(frame, "constant_columns", task).columns == ("same", "word")
        check = found(frame, "nearly_constant_columns", task)
        assert check.columns == ("almost", "rare")
        assert "'almost' (all but 3 rows), 'rare' (all but 1 row)" in check.text
        assert "'many' (200)" in found(frame, "high_cardinality", task).text
    after = remedied(TASK, found(frame, "constant_columns"))
    assert "constant_columns" not in kinds(frame, after)


def test_identifiers_and_free_text_are_told_only_where_the_user_makes_features_of_them():
    n = 400
    names = [f"person {row * 7919 % 100_003}" for row in range(n)]
    prose = [f"the applicant wrote {row} long and quite different sentences about it" for row in range(n)]
    frame = table(n=n, name=names, letter=prose)
    assert not {"identifiers", "free_text"} & kinds(frame)
    task = replace(TASK, types={"name": "category", "letter": "category"})
    assert found(frame, "identifiers", task).columns == ("name",)
    check = found(frame, "free_text", task)
    assert check.columns == ("letter",) and "free_text" not in kinds(frame, remedied(task, check))


@given(st.integers(0, 2**32 - 1))
def test_copied_rows_are_those_of_pandas(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(80, 300))
    frame = pd.DataFrame(
        {
            "outcome": rng.choice(("yes", "no"), n),
            "group": rng.choice(("ash", "beech", None), n, p=(0.5, 0.4, 0.1)),
            "score": rng.choice((0.5, -0.0, 0.0, np.nan, np.inf), n),
            "count": rng.integers(0, 4, n),
            "word": rng.choice((" a", "a", "b"), n),
            "flag": rng.random(n) < 0.5,
        }
    )
    frame.loc[:19, "outcome"] = ["yes", "no"] * 10
    copies = int(frame.duplicated().sum())
    others = frame.drop(columns="outcome")
    mixed = int(frame.groupby(list(others), dropna=False)["outcome"].transform("nunique").gt(1).sum())
    checks = {check.kind: check for check in run_checks(frame, TASK)}
    assert ("duplicate_rows" in checks) == (copies > 0) and ("conflicting_rows" in checks) == (mixed > 0)
    if copies:
        assert checks["duplicate_rows"].text.startswith(f"{copies:,} row")
        after = remedied(TASK, checks["duplicate_rows"])
        assert after.exclude == ("duplicates",)
    if mixed:
        assert checks["conflicting_rows"].text.startswith(f"{mixed:,} row")
    alone = {check.kind: check for check in run_checks(frame, None)}
    assert ("duplicate_rows" in alone) == (copies > 0)


def test_copies_beyond_chance_are_graver_and_end_with_their_remedy():
    frame = table(n=800)
    frame = pd.concat([frame, frame.iloc[:40]], ignore_index=True)
    check = found(frame, "duplicate_rows")
    assert check.severity == "medium" and "40 rows (4.8 %) repeat an earlier row" in check.text
    assert "duplicate_rows" not in kinds(frame, remedied(TASK, check))
    few = frame[["outcome", "group", "kind"]]
    assert found(few, "duplicate_rows").severity == "low" and "chance" in found(few, "duplicate_rows").text


def test_markers_that_may_mean_missing_are_told_and_taken_as_missing():
    frame = table(n=1000)
    frame.loc[:99, "kind"] = "unknown"
    frame["pay"] = np.where(np.arange(1000) % 25 == 0, -999.0, np.arange(1000) % 90)
    frame["visits"] = np.where(np.arange(1000) % 3 == 0, -1, np.arange(1000) % 8)
    text = found(frame, "missing_markers")
    assert text.severity == "medium" and "'kind' holds “unknown” in 100 rows" in text.text
    numbers = {check.title: check for check in run_checks(frame, TASK) if check.kind == "number_markers"}
    (check,) = numbers.values()
    assert check.title == "Numbers that may mean “missing”: -1, -999" and check.severity == "medium"
    assert "'pay' holds -999 in 40 rows" in check.text and check.remedies[0].change == {"missing": ("-1", "-999")}
    assert "'visits' holds -1 in 334 rows" in check.text
    task = replace(TASK, missing=("unknown", "-999", "-1"))
    assert not {"missing_markers", "number_markers"} & kinds(frame, task)
    frame["change"] = np.arange(1000) % 9 - 4.0  # -1 is an ordinary number here
    shared = next(check for check in run_checks(frame, TASK) if check.title.endswith(": -1"))
    assert "ordinary number (-1 in 'change')" in shared.text
    assert not any("missing" in remedy.change for remedy in shared.remedies)


# --------------------------------------------------------------------------------------------- sizes, limits, secrecy


def test_large_tables_are_measured_on_rows_that_the_seed_draws(monkeypatch):
    monkeypatch.setattr(evidence, "MOST_ROWS", 500)
    frame = table(n=3000)
    y = coded(frame["outcome"])
    frame["duration"] = y * 1.6 + np.random.default_rng(5).normal(size=y.size)
    check = found(frame, "dominant_feature", seed=3)
    drawn = np.sort(np.random.default_rng(3).choice(3000, 500, replace=False))
    area = roc_auc_score(y[drawn], frame["duration"].to_numpy()[drawn])
    assert f"'duration' (AUC {figure(area)})" in check.text
    assert check.text.endswith("Measured on 500 rows drawn from the 3,000.")


def test_the_checks_can_be_stopped_between_columns():
    calls = 0

    def stop() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_checks(table(), TASK, stop_check=stop)


@given(st.integers(0, 2**32 - 1), st.integers(5, 40))
def test_no_text_tells_of_fewer_rows_than_allowed(seed, smallest):
    rng = np.random.default_rng(seed)
    frame = table(n=700, seed=int(rng.integers(1000)))
    frame["almost"] = np.where(np.arange(700) < 2, 1.5, 0.0)
    frame.loc[rng.choice(700, 3, replace=False), "kind"] = "unknown"
    frame["income"] = rng.normal(size=700)
    frame.loc[rng.random(700) < np.where(frame["outcome"] == "yes", 0.3, 0.02), "income"] = np.nan
    frame.loc[:100, "outcome"] = "no"
    frame["when"] = pd.Series((np.datetime64("2013-01-01") + np.arange(700)).astype("datetime64[s]"))
    frame = pd.concat([frame, frame.iloc[-2:]], ignore_index=True)
    task = replace(TASK, smallest_group=smallest)
    for check in run_checks(frame, task):
        told = [int(number.replace(",", "")) for number in re.findall(r"([\d,]+) rows?\b", check.text)]
        assert not [rows for rows in told if 0 < rows < smallest and f"fewer than {rows} rows" not in check.text], check
        for day in re.findall(r"\d{4}-\d\d-\d\d", check.text + repr(check.remedies)):
            assert pd.Timestamp(day).day == 1 or (pd.Timestamp(day) + pd.Timedelta("1D")).day == 1
    assert "fewer than" in found(frame, "nearly_constant_columns", task).text
    assert "fewer than" in found(frame, "duplicate_rows", task).text
    assert "missing_markers" not in kinds(frame, task)


def test_odd_tables_are_checked_without_an_error():
    frame = table(n=200)
    frame["gone"] = pd.Series([None] * 200, dtype="str")
    frame["infinite"] = np.where(np.arange(200) % 2, np.inf, -np.inf)
    frame["gap"] = pd.Series(pd.to_timedelta(np.arange(200), unit="D"))
    frame["zone"] = pd.date_range("2020-01-01", periods=200, tz="Europe/Paris")
    frame["level"] = pd.Categorical(np.where(np.arange(200) % 2, "a", "b"))
    frame["flag"] = pd.array([True, False, None, True] * 50, dtype="boolean")
    frame["small"] = pd.array([1, 2, None, 4] * 50, dtype="Int64")
    frame[5] = np.arange(200) % 7
    frame.index = pd.Index(range(1000, 800, -1))
    checks = run_checks(frame, TASK)
    assert Counter(check.kind for check in checks)["empty_columns"] == 1
    assert run_checks(frame, None)
    assert run_checks(frame.iloc[:60], replace(TASK, drop=("score",)))


# -------------------------------------------------------------------------------------------------------- where they go


def test_a_study_keeps_its_checks_and_the_files_tell_them():
    frame = table(n=400)
    frame["copy"] = coded(frame["outcome"]) * 3.0 + np.random.default_rng(0).normal(size=400) * 0.2
    frame["same"] = 1
    task = replace(TASK, reference="ash")
    result = Study(frame, task, rivals="none").run()
    assert result.checks == run_checks(frame, task) and "leakage" in {check.kind for check in result.checks}
    assert summary(result)["checks"] == [
        {"kind": c.kind, "severity": c.severity, "title": c.title, "text": c.text, "columns": list(c.columns)}
        for c in result.checks
    ]
    page = report_html(result, parts=("checks",))
    assert "High: Columns that give the outcome away" in page and "Columns with one value" not in page
    assert "1 of low severity is in summary.json" in page
    again = Study(frame, task, rivals="none", strength=0.5).run(previous=result)
    assert again.checks is result.checks


def test_the_command_line_tells_checks_and_options_that_take_care_of_them(tmp_path: Path, capsys):
    frame = table(n=900)
    frame["the copy"] = coded(frame["outcome"])
    frame.loc[:49, "kind"] = "?"
    path = tmp_path / "some.csv"
    frame.to_csv(path, index=False)
    assert main(["check", str(path), "--target", "outcome", "--favorable", "yes", "--sensitive", "group"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("high: Columns that give the outcome away\n    'the copy' (AUC 1.000;")
    assert "    Leave out 'the copy': --drop 'the copy'\n" in said
    assert "    Let “?” mean missing: --missing '?'\n" in said
    given = ["--target", "outcome", "--favorable", "yes", "--sensitive", "group", "--drop", "the copy", "--missing=?"]
    assert main(["check", str(path), *given]) == 0
    assert capsys.readouterr().out == "Nothing was found that you should know before a model is fitted.\n"
    assert main(["check", str(path)]) == 0
    assert "?" in capsys.readouterr().out
    assert main(["check", str(path), "--target", "outcome"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# ----------------------------------------------------------------------------------------------------------- real data


@pytest.fixture
def mirrored(shared_data, monkeypatch):
    monkeypatch.setenv("IFFAIR_MIRROR", str(shared_data))


def of_real(name: str, **changes: object) -> dict[str, Check]:
    frame, task = load_dataset(name)
    return {check.kind: check for check in run_checks(frame, replace(task, **changes))}


@pytest.mark.usefixtures("mirrored")
def test_what_is_known_to_be_wrong_with_public_data_is_found():
    bank = of_real("bank_full", drop=())
    assert bank["dominant_feature"].columns == ("duration",)
    assert "10.5 % of 42,618 rows" in bank["direction"].text and "31.1 % of 2,593 rows" in bank["direction"].text
    assert bank["direction"].remedies[0].change == {"favorable": "no"}

    law = of_real("law_bar_pass", drop=())
    named = {name for kind in ("leakage", "outcome_names", "nearly_constant_columns") for name in law[kind].columns}
    leaking = {"bar", "bar1", "bar2", "bar1_yr", "bar2_yr", "Dropout", "grad", "dnn_bar_pass_prediction"}
    assert leaking <= named and {"bar", "bar1", "bar2"} <= set(law["leakage"].columns)
    assert {"race", "race2", "black", "asian"} <= set(law["attribute_copies"].columns)

    for name in ("student_por", "student_mat"):
        assert set(of_real(name, drop=())["dominant_feature"].columns) == {"G1", "G2"}

    adult = of_real("adult", drop=(), missing=())
    assert adult["proxies"].columns == ("relationship",)
    assert "'workclass' holds “?” in 2,799 rows" in adult["missing_markers"].text
    assert "52 rows" in adult["duplicate_rows"].text
    assert not [check for check in adult.values() if check.severity == "high"]


@pytest.mark.usefixtures("mirrored")
def test_compas_screened_too_late_to_be_followed_is_found_and_left_out(shared_data):
    import gzip
    import io

    from iffair_core.reading.door import read_table

    raw = gzip.decompress((shared_data / "compas" / "compas-scores-two-years.csv.gz").read_bytes())
    frame, task = read_table(io.BytesIO(raw)), Task("two_year_recid", 0, "race", reference="Caucasian")
    check = found(frame, "one_outcome_dates", task)
    assert check.severity == "high" and check.text.startswith(
        "All 998 rows with 'compas_screening_date' after 2014-04-01 (the same rows by 'screening_date', "
        "'v_screening_date') have 'two_year_recid' = 1, against 36.2 % of the other dated rows"
    )
    assert check.remedies[0].change == {"exclude": ("compas_screening_date>=2014-04-02",)}
    after = resolve(remedied(task, check), frame)
    assert after.y.size == 6216 and 1 - after.y.mean() == pytest.approx(0.362, abs=5e-4)
    assert "compas_screening_date" not in {
        name
        for one in run_checks(frame, remedied(task, check))
        if one.kind == "one_outcome_dates"
        for name in one.columns
    }


@pytest.mark.usefixtures("mirrored")
def test_the_pool_offered_for_compas_is_large_enough_at_once():
    frame, task = load_dataset("compas")
    task = replace(task, pool=None)
    after = remedied(task, found(frame, "small_groups", task))
    (title,) = (after.pool or {})["race"]
    assert title == "Asian or Native American or Other"
    assert not {"small_groups", "small_cells"} & kinds(frame, after)


@pytest.mark.usefixtures("mirrored")
def test_of_public_flags_only_those_recorded_after_the_outcome_decide_it():
    """A new violent charge comes with the new charge, which is the outcome."""
    for entry in DATASETS:
        frame, task = load_dataset(entry.name)
        for drop in {task.drop, ()}:
            flags = {
                name
                for one in run_checks(frame, replace(task, drop=drop))
                if one.kind == "deciding_flags"
                for name in one.columns
            }
            assert flags == ({"is_violent_recid"} if entry.name == "compas" and not drop else set())


@pytest.mark.parametrize(
    ("frame", "task", "says"),
    [
        (table(40), TASK, "Only 40 rows have an outcome"),
        (table(300, home=["one"] * 300), replace(TASK, unit="home"), "'home' has one value only"),
    ],
)
def test_rows_that_cannot_be_divided_are_told_before_the_study_is_run(frame, task, says):
    grave = found(frame, "indivisible", task)
    assert grave.severity == "high" and grave.text.startswith(says)
    with pytest.raises(SplitError, match=re.escape(grave.text)):
        Study(frame, task).run()


def test_rows_that_can_be_divided_are_no_finding():
    assert "indivisible" not in kinds(table(60))


def test_leaks_that_hide_one_another_are_all_named():
    frame = table(n=900)
    y, rng = coded(frame["outcome"]), np.random.default_rng(1)
    names = [f"after{i}" for i in range(6)]
    for name in names:
        frame[name] = np.where(rng.random(900) < 0.02, 1 - y, y)
    check = found(frame, "dominant_feature")
    assert check.severity == "high" and set(check.columns) == set(names)
    result = Study(frame, TASK, rivals="none").run()
    assert any("better than what people do can be foreseen" in text for text in result.findings)


def test_few_rows_told_apart_by_chance_are_no_sign_of_a_leak():
    x = np.arange(52) ** 2 / 7
    frame = pd.DataFrame({"x": x, "group": ["a", "b"] * 26, "outcome": ["no"] * 20 + ["yes"] * 32})
    result = Study(frame, TASK, rivals="none").run()
    assert result.baseline["test"].values["roc_auc"] == 1
    assert not any("better than what people do can be foreseen" in text for text in result.findings)


def test_a_column_with_one_value_in_a_whole_group_is_named():
    frame = table(n=600)
    where = frame["group"] == frame["group"].mode()[0]
    frame["tenure"] = np.where(where, 3.0, np.arange(600) % 7)
    check = found(frame, "constant_in_group")
    assert check.columns == ("tenure",) and str(frame["group"].mode()[0]) in check.text
    frame["tenure"] = np.arange(600) % 7
    assert "constant_in_group" not in kinds(frame)


def test_more_columns_than_rows_are_told():
    frame = table(n=100)
    extra = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 80)), columns=[f"m{i}" for i in range(80)])
    assert "about 60 training rows" in found(pd.concat([frame, extra], axis=1), "wide_table").text
    assert "wide_table" not in kinds(frame)
