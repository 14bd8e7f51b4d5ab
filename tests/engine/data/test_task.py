"""Laws of the task: values compare by value, groups come from the rows, errors name the column and the way out."""

import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core.data.groups import suggested_reference
from iffair_core.data.resolving import group_table, resolve
from iffair_core.data.task import Task
from iffair_core.errors import TaskError
from iffair_core.reading.values import label_codes, quantile_cuts, suggest_bins, value_label
from tests.strategies import tables


def table(n=120, **columns):
    rng = np.random.default_rng(0)
    base = {"y": np.arange(n) % 2, "g": np.where(np.arange(n) % 3, "a", "b"), "x": rng.normal(size=n)}
    return pd.DataFrame(base | columns)


# ------------------------------------------------------------------------------------------------------------ labels


@given(st.integers(-(10**15), 10**15))
def test_a_whole_number_has_one_label_however_it_is_written(number):
    same = [number, float(number), str(number), f"{number}.0", f" {number} ", np.int64(number), np.float64(number)]
    assert {value_label(value) for value in same} == {str(number)}


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_numbers_share_a_label_exactly_when_they_are_equal(one, other):
    assert (value_label(one) == value_label(other)) == (one == other)
    assert value_label(repr(one)) in (value_label(one), repr(one))


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none()))
def test_a_label_is_its_own_label(value):
    label = value_label(value)
    assert value_label(label) == label != ""


def test_special_values_have_their_labels():
    assert {value_label(v) for v in (None, np.nan, pd.NaT, pd.NA, "", "  ", "(missing)")} == {"(missing)"}
    assert {value_label(v) for v in (True, np.True_, "True", "TRUE", "true")} == {"True"}
    assert [value_label(v) for v in ("NA", "None", "nan", ">50K", "1e3", "007", -0.0, np.float32(0.1))] == [
        "NA", "None", "nan", ">50K", "1e3", "7", "0", "0.1",
    ]  # fmt: skip


@given(st.lists(st.one_of(st.none(), st.sampled_from(["a", "1", "1.0", " a", "b"]), st.floats(0, 3)), max_size=30))
def test_codes_lead_to_the_labels_of_the_cells(values):
    codes, labels = label_codes(pd.Series(values, dtype=object, index=range(5, 5 + len(values))))
    assert [labels[code] for code in codes] == [value_label(value) for value in values]


# -------------------------------------------------------------------------------------------------------------- task


@pytest.mark.parametrize("favorable", [1, 1.0, "1", "1.0", np.int64(1), np.float64(1)])
@pytest.mark.parametrize("dtype", [int, float, str, "category", object])
def test_the_favorable_value_is_matched_by_value(favorable, dtype):
    frame = table()
    resolved = resolve(Task("y", favorable, "g"), frame.assign(y=frame["y"].astype(dtype)))
    assert resolved.favorable_label == "1"
    assert resolved.other_labels == ("0",)
    assert resolved.y.tolist() == frame["y"].tolist()


def test_yes_no_outcomes_with_gaps_are_matched_by_value():
    answer = pd.Series([True, False, None] * 40, dtype=object)
    resolved = resolve(Task("y", "true", "g"), table(y=answer))
    assert (resolved.favorable_label, resolved.y.mean(), resolved.used.sum()) == ("True", 0.5, 80)


@pytest.mark.parametrize(
    "task",
    [
        Task("y", 1, "g"),
        Task("y", np.float64(1), ["g"], reference=np.str_("b"), drop="x", bins={"age": np.array([25, 60])}),
        Task("y", True, ("g", "h"), reference=("a", 2), drop=["x", "z"], use_sensitive_as_feature=True),
        Task("y", (1, "2", np.int64(3)), "g", bins={"y": "quantiles:4"}, types={"z": "category"}, missing="?"),
        Task("y", [1], "g", pool={"g": {"rest": ["a", 2.0, None]}}, exclude="x<3", weights="w", smallest_group=5),
        Task("y", 1, "g", missing=["?", "-"], exclude=["x<3", "duplicates"], split="fold", unit="person"),
    ],
)
def test_a_task_survives_json(task):
    again = Task.from_dict(json.loads(json.dumps(task.to_dict())))
    assert again == task
    assert repr(again) == repr(task)
    assert hash(again) == hash(task)


OLD_BYTES = (
    '{"target": "y", "favorable": 1.0, "sensitive": ["g"], "reference": "b", "drop": ["x"], '
    '"bins": {"age": [25, 60]}, "use_sensitive_as_feature": true}'
)


def test_a_task_of_old_keeps_its_bytes():
    assert json.dumps(Task.from_dict(json.loads(OLD_BYTES)).to_dict()) == OLD_BYTES
    empty = {"types": {}, "missing": [], "pool": {"g": {}}, "exclude": (), "weights": None, "smallest_group": None}
    assert json.dumps(Task.from_dict(json.loads(OLD_BYTES) | empty).to_dict()) == OLD_BYTES


@pytest.mark.parametrize("name", ["bins", "types", "pool"])
def test_a_saved_task_of_another_shape_is_refused(name):
    with pytest.raises(TaskError, match=f"The choice {name} is 'x'"):
        Task.from_dict({"target": "y", "favorable": 1, "sensitive": "g", name: "x"})


def test_a_saved_task_with_other_entries_is_refused():
    with pytest.raises(TaskError, match="unknown entries: color"):
        Task.from_dict({"target": "y", "favorable": 1, "sensitive": "g", "color": "red"})
    with pytest.raises(TaskError, match="has no favorable"):
        Task.from_dict({"target": "y", "sensitive": "g"})


def test_rows_without_an_outcome_are_left_out_and_counted():
    frame = table(y=pd.Series([1.0, 0.0, np.nan] * 40))
    resolved = resolve(Task("y", 1, "g"), frame)
    assert np.array_equal(resolved.used, frame["y"].notna())
    assert len(resolved.y) == len(resolved.group_codes) == 80
    assert "40 rows without a value of the outcome 'y' left out." in resolved.warnings


def test_several_outcome_values_are_favorable_against_the_rest_with_a_warning():
    resolved = resolve(Task("y", "good", "g"), table(y=["good", "fair", "bad"] * 40))
    assert resolved.other_labels == ("bad", "fair")
    assert resolved.y.sum() == 40
    assert any("bad, fair" in warning for warning in resolved.warnings)


@given(tables(), st.randoms(use_true_random=False))
def test_permuting_columns_changes_only_the_order_of_features(frame, random):
    task = Task("outcome", "yes", "group")
    columns = list(frame.columns)
    random.shuffle(columns)
    before, after = resolve(task, frame), resolve(task, frame[columns])
    assert np.array_equal(before.y, after.y)
    assert np.array_equal(before.group_codes, after.group_codes)
    assert (before.groups, before.reference) == (after.groups, after.reference)
    assert after.feature_columns == tuple(name for name in columns if name not in ("outcome", "group"))


@given(tables())
def test_groups_partition_the_rows(frame):
    resolved = resolve(Task("outcome", "yes", ("group", "color")), frame)
    color = frame["color"].fillna("(missing)")
    names = frame["group"] + " / " + color
    assert [resolved.groups[code] for code in resolved.group_codes] == names.tolist()
    assert list(resolved.groups) == sorted(set(names), key=lambda name: (name.split(" / ")[0], "(m" in name, name))
    counts = group_table(resolved)
    assert counts["rows"].sum() == len(frame)
    assert counts["favorable"].sum() == (frame["outcome"] == "yes").sum()
    assert np.isclose(counts["share"].sum(), 1)
    inside = (counts["low"] <= counts["favorable_share"]) & (counts["favorable_share"] <= counts["high"])
    assert inside.all()
    assert counts["low"].min() >= 0
    assert counts["high"].max() <= 1


def test_group_bounds_are_wilson_bounds():
    n, share, z = 40, 0.25, 1.959963984540054
    resolved = resolve(Task("y", 1, "g"), table(80, y=[1, 0, 0, 0] * 20, g=["a"] * n + ["b"] * n))
    row = group_table(resolved).iloc[0]
    # Both bounds solve |share - bound| = z sqrt(bound (1 - bound) / n), Wilson 1927.
    for bound in (row["low"], row["high"]):
        assert abs(share - bound) == pytest.approx(z * np.sqrt(bound * (1 - bound) / n), rel=1e-9)
    assert row["low"] < share < row["high"]


def test_bins_are_left_closed_and_keep_missing_apart():
    ages = pd.Series([24.9, 25, 59.9, 60, np.nan, np.inf] * 20)
    resolved = resolve(Task("y", 1, "age", bins={"age": (25, 60)}), table(age=ages))
    assert resolved.groups == ("< 25", "25 to < 60", ">= 60", "(missing)")
    assert [resolved.groups[code] for code in resolved.group_codes[:6]] == [
        "< 25", "25 to < 60", "25 to < 60", ">= 60", "(missing)", "(missing)",
    ]  # fmt: skip
    assert resolve(Task("y", 1, "age", bins={"age": [60]}), table(age=ages)).groups[:2] == ("< 60", ">= 60")
    assert "age" not in resolved.feature_columns


def test_numeric_groups_are_ordered_by_size():
    assert resolve(Task("y", 1, "g"), table(g=[10, 9, 2, 2] * 30)).groups == ("2", "9", "10")


def test_the_sensitive_column_is_a_feature_only_on_request():
    assert resolve(Task("y", 1, "g"), table()).feature_columns == ("x",)
    assert resolve(Task("y", 1, "g", use_sensitive_as_feature=True), table()).feature_columns == ("g", "x")


def test_the_reference_is_the_highest_share_among_large_groups():
    groups = ["small"] * 20 + ["low"] * 60 + ["high"] * 40
    y = [1] * 20 + [0] * 40 + [1] * 20 + [1, 0] * 20
    resolved = resolve(Task("y", 1, "g"), table(g=groups, y=y))
    assert resolved.reference == "high"
    assert "50.0 %" in resolved.reference_reason
    tie = resolve(Task("y", 1, "g"), table(g=["a"] * 40 + ["b"] * 80))
    assert tie.reference == "b"
    tiny = resolve(Task("y", 1, "g"), table(50, g=["a"] * 22 + ["b"] * 28))
    assert (tiny.reference, "largest" in tiny.reference_reason) == ("b", True)
    chosen = resolve(Task("y", 1, ("g", "h"), reference=("a", 1.0)), table(h=[1, 2] * 60))
    assert chosen.reference == "a / 1"
    assert resolve(Task("y", 1, ("g", "h"), reference="b / 2"), table(h=[1, 2] * 60)).reference == "b / 2"


def test_groups_that_cannot_be_estimated_are_named():
    groups = np.where(np.arange(120) < 100, "large", np.where(np.arange(120) % 2, "only yes", "only no"))
    warnings = " ".join(resolve(Task("y", 1, "g"), table(g=groups)).warnings)
    assert "'only yes' has only rows with the favorable outcome" in warnings
    assert "'only no' has no row with the favorable outcome" in warnings
    assert "only no (10), only yes (10)" in warnings
    assert warnings.count("not estimable") == 2


@pytest.mark.parametrize(
    ("task", "says"),
    [
        (Task("income", 1, "g"), ("'income'", "Columns: y, g, x")),
        (Task("Y ", 1, "g"), ("'Y '", "Did you mean 'y'?")),
        (Task("y", 1, "sex"), ("sensitive attribute 'sex'", "Columns:")),
        (Task("y", 1, "g", drop=("z",)), ("drop, 'z', is not a column", "Columns:")),
        (Task("y", 2, "g"), ("'2' does not occur", "its values: 0, 1.")),
        (Task("one", 5, "g"), ("only the value '5'", "at least two")),
        (Task("none", 5, "g"), ("no value at all", "at least two")),
        (Task("y", 1, "one"), ("one group ('5')", "another column")),
        (Task("y", 1, "y"), ("as outcome and as sensitive", "two different")),
        (Task("y", 1, "g", drop=("y",)), ("among the columns to drop", "Take it off")),
        (Task("y", 1, ()), ("No sensitive attribute", "at least one")),
        (Task("y", 1, ("g", "g")), ("twice", "once")),
        (Task("y", 1, "g", reference="c"), ("'c' does not occur", "a, b")),
        (Task("y", 1, "x"), ("'x' gives 120 groups", "bins, for example at")),
        (Task("y", 1, "g", bins={"x": [1]}), ("'x', which is neither a sensitive", "only for g, y")),
        (Task("y", 1, "g", bins={"g": [1]}), ("'g' holds neither numbers nor dates", "Leave")),
        (Task("y", 1, "x", bins={"x": [2, 1]}), ("do not rise", "increasing")),
        (Task("y", 1, "x", bins={"x": ["low"]}), ("not all numbers", "25, 60")),
        (Task("y", 1, "x", bins={"x": "quartiles"}), ("bins of 'x' are 'quartiles'", "quantiles:4")),
        (Task("y", 1, "x", bins={"x": "quantiles:1"}), ("'quantiles:1'", "from 2 to 50")),
        (Task("y", 1, "g", bins={"g": "quantiles:4"}), ("'g' holds neither numbers nor dates", "Leave")),
        (Task("y", 1, "one", bins={"one": "quantiles:4"}), ("'one' has fewer than two different", "Leave")),
        (
            Task("x", 1, "g", bins={"x": (0,)}),
            ("'1' does not occur in the outcome 'x', which is cut at 0", "< 0, >= 0"),
        ),
        (Task("y", (), "g"), ("No favorable value", "Choose some of 0, 1")),
        (Task("y", (0, 1), "g"), ("Every value of the outcome 'y' is favorable", "Leave at least one")),
        (Task("x", 1, "g"), ("'1' does not occur in the outcome 'x'", "cut it with bins, for example at")),
        (Task("y", (0, 2), "g"), ("'2' does not occur", "its values: 0, 1.")),
        (Task("y", 1, "g", pool={"x": {"z": ["1"]}}), ("Pools are given for 'x', which is no sensitive", "only for g")),
        (Task("y", 1, "g", pool={"g": {"z": ["a", "c"]}}), ("'z' takes in 'c'", "Its values: a, b.")),
        (Task("y", 1, "g", pool={"g": {"z": ["a"], "w": ["a"]}}), ("'a' of 'g' is in two pools, 'z' and 'w'", "one")),
        (Task("y", 1, "g", pool={"g": {"z": []}}), ("pool 'z' of 'g' is empty", "Name values")),
        (Task("y", 1, "g", pool={"g": {"z": ["a", "b"]}}), ("one group ('z')", "another column")),
        (Task("y", 1, "g", exclude=("x<3", "x>=3")), ("No row is left", "Leave out fewer")),
        (Task("y", 1, "g", exclude=("z=3",)), ("'z=3' is no condition", "COLUMN=VALUE")),
        (Task("y", 1, "g", exclude=("g=c",)), ("No row has g=c", "Values of 'g': a, b")),
        (Task("y", 1, "g", weights="z"), ("row weights, 'z', is not a column", "Columns:")),
        (Task("y", 1, "g", split="Fold "), ("fixed split, 'Fold ', is not a column", "Did you mean 'fold'?")),
        (Task("y", 1, "g", weights="fold"), ("row weights 'fold' are not numbers", "type number")),
        (
            Task("y", 1, "g", weights="x"),
            ("'x' is negative in row 1, counted from 0 (and in", "Leave such rows out with 'x<0'"),
        ),
        (Task("y", 1, "g", weights="none"), ("'none' is missing in row 0", "'none=(missing)'")),
        (Task("y", 1, "g", weights="nothing"), ("'nothing' are all 0", "another column")),
        (Task("y", 1, "g", weights="y"), ("'y' is chosen as outcome and as row weights", "two different")),
        (Task("y", 1, "g", split="g"), ("as sensitive attribute and as fixed split", "two different")),
        (Task("y", 1, "g", split="fold", unit="fold"), ("as fixed split and as unit", "two different")),
        (Task("y", 1, "g", split="one"), ("values that name no part: 5", "train: train, training", "holdout")),
        (Task("y", 1, "g", smallest_group=1), ("smallest group is 1", "at least 2")),
        (Task("y", 1, "g", smallest_group="5"), ("smallest group is '5'", "whole number")),
        (Task("y", 1, "g", smallest_group=130), ("every row into groups that are too small", "fewer rows")),
        (Task("y", 1, "g", types={"z": "number"}), ("'z', which is not a column", "Columns:")),
        (Task("y", 1, "g", types={"x": "color"}), ("type of 'x' is 'color'", "year and month")),
    ],
)
def test_errors_name_the_choice_and_the_way_out(task, says):
    frame = table(one=5, none=np.nan, nothing=0.0, fold="train")
    with pytest.raises(TaskError) as caught:
        resolve(task, frame)
    message = str(caught.value)
    assert all(part in message for part in says), message
    assert "\n" not in message


def test_too_many_text_groups_ask_for_another_column():
    with pytest.raises(TaskError, match=r"'name' gives 120 groups.*fewer values"):
        resolve(Task("y", 1, "name"), table(name=[f"n{i}" for i in range(120)]))


def test_values_from_the_file_are_escaped_in_messages():
    with pytest.raises(TaskError) as caught:
        resolve(Task("y", "no\nsuch" + "x" * 200, "g"), table())
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=60))
def test_suggested_bins_rise_and_separate(values):
    cuts = suggest_bins(pd.Series(values))
    assert list(cuts) == sorted(set(cuts))
    assert all(min(values) < cut <= max(values) for cut in cuts)
    assert bool(cuts) == (min(values) < max(values))


def test_suggested_bins_are_round():
    assert suggest_bins(pd.Series(np.arange(17, 91))) == (35.0, 55.0, 70.0)
    assert suggest_bins(pd.Series(["a", "b"])) == ()


@pytest.mark.parametrize(
    ("rows", "favorable", "expected"),
    [
        ((100, 100, 20), (50, 60, 20), 1),  # a small group's share does not count
        ((100, 200, 50), (50, 100, 25), 1),  # ties go to the larger
        ((100, 100), (50, 50), 0),
        ((5, 9, 9), (5, 0, 9), 1),  # none is large: the largest, the first of these
        ((300, 300, 40), (150, 120, 30), 0),  # the least certain of three is no standard
        ((300, 40), (150, 30), 1),  # but of two it may be
        ((3 * 10**9, 3 * 10**9 - 1), (2 * 10**9, 2 * 10**9 - 1), 0),  # shares as exact fractions
    ],
)
def test_the_suggested_reference_has_the_highest_share_among_large_groups(rows, favorable, expected):
    assert suggested_reference(np.array(rows), np.array(favorable)) == expected


# ---------------------------------------------------------------------------------------- several values, cuts, pools


def same(one, other):
    """Whether two resolved tasks say the same of the rows they use."""
    assert np.array_equal(one.y, other.y)
    assert np.array_equal(one.group_codes, other.group_codes)
    assert (one.groups, one.reference, one.reference_reason) == (other.groups, other.reference, other.reference_reason)


@given(tables(), st.sets(st.sampled_from(["kind 0", "kind 1", "kind 2", "kind 3"]), min_size=1))
def test_a_favorable_set_is_one_value_called_so_by_hand(frame, favorable):
    favorable = sorted(favorable & set(frame["kind"])) or [frame["kind"].iloc[0]]
    if set(frame["kind"]) == set(favorable):
        return
    by_hand = frame.assign(kind=np.where(frame["kind"].isin(favorable), "good", "bad"))
    found = resolve(Task("kind", favorable, "group"), frame)
    same(found, resolve(Task("kind", "good", "group"), by_hand))
    assert found.favorable_label == " or ".join(favorable)
    assert set(found.other_labels) == set(frame["kind"]) - set(favorable)


@given(tables(), st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True).map(sorted))
def test_a_cut_outcome_is_the_outcome_cut_by_hand(frame, cuts):
    labels = [f"< {cuts[0]}", *(f"{a} to < {b}" for a, b in itertools.pairwise(cuts)), f">= {cuts[-1]}"]
    by_hand = frame.assign(count=np.asarray(labels, dtype=object)[np.digitize(frame["count"], cuts)])
    by_hand.loc[::9, "count"] = None
    frame = frame.assign(count=frame["count"].astype(float).where(np.arange(len(frame)) % 9 != 0))
    if by_hand["count"].nunique() < 2:
        return
    favorable = by_hand["count"].dropna().unique()[0]
    found = resolve(Task("count", favorable, "group", bins={"count": cuts}), frame)
    same(found, resolve(Task("count", favorable, "group"), by_hand))
    assert found.bins == {"count": tuple(cuts)}
    assert np.array_equal(found.used, by_hand["count"].notna())


def test_a_number_with_many_values_asks_to_be_cut():
    grades = np.resize(np.arange(21), 210)
    found = resolve(Task("grade", 10, "g"), table(210, grade=grades))
    warning = next(text for text in found.warnings if "'grade' has 21 values" in text)
    assert "cut it with bins, for example at 4, 10, 16." in warning
    assert found.y.sum() == 10
    cut = resolve(Task("grade", ">= 10", "g", bins={"grade": (10,)}), table(210, grade=grades))
    assert (cut.y == (grades >= 10)).all()
    assert not any("grade" in text for text in cut.warnings)


@given(st.lists(st.one_of(st.integers(-5, 5), st.floats()), min_size=1, max_size=60), st.integers(2, 12))
def test_quantile_cuts_rise_separate_and_are_values(values, parts):
    cuts = quantile_cuts(pd.Series(values, dtype=float), parts)
    finite = sorted(value for value in map(float, values) if np.isfinite(value))
    assert list(cuts) == sorted(set(cuts))
    assert len(cuts) < parts
    assert all(cut in finite and cut > finite[0] for cut in cuts)
    assert bool(cuts) == (bool(finite) and finite[0] < finite[-1])


@given(st.integers(2, 12), st.integers(1, 20), st.randoms(use_true_random=False))
def test_quantile_bins_of_different_numbers_are_of_one_size(parts, size, random):
    values = list(range(0, 3 * parts * size, 3))
    random.shuffle(values)
    counts = np.histogram(values, [-np.inf, *quantile_cuts(pd.Series(values), parts), np.inf])[0]
    assert counts.tolist() == [size] * parts


def test_quantiles_are_of_the_rows_used_and_shown():
    ages = pd.Series(np.arange(120.0))
    task = Task("y", 1, "age", bins={"age": "quantiles:4"}, exclude=("age>=100",))
    found = resolve(task, table(age=ages))
    assert found.bins == {"age": (25.0, 50.0, 75.0)}
    assert found.groups == ("< 25", "25 to < 50", "50 to < 75", ">= 75")
    assert task.bins == {"age": "quantiles:4"}


@given(tables(), st.sampled_from([{"warm": ["red"]}, {"dull": ["green", None]}, {"red": ["(missing)"]},
                                  {"(missing)": ["green"]}, {"x": ["red"], "red": ["green"]}]))  # fmt: skip
def test_a_pool_is_a_new_name_given_by_hand(frame, pools):
    names = {value_label(old): new for new, values in pools.items() for old in values}
    if not set(names) <= set(label_codes(frame["color"])[1]):
        return
    labels = frame["color"].fillna("(missing)")
    by_hand = frame.assign(color=labels.map(lambda label: names.get(label, label)))
    task = Task("outcome", "yes", ("group", "color"))
    same(resolve(Task("outcome", "yes", ("group", "color"), pool={"color": pools}), frame), resolve(task, by_hand))


def test_bins_are_pooled_by_their_names_and_keep_their_order():
    ages = np.resize([20.0, 30.0, 70.0, np.nan], 120)
    pool = {"age": {"young or old": ["< 25", ">= 60"], "unknown": ["(missing)"]}}
    found = resolve(Task("y", 1, "age", bins={"age": (25, 60)}, pool=pool), table(age=ages))
    assert found.groups == ("young or old", "25 to < 60", "unknown")
    assert [found.groups[code] for code in found.group_codes[:4]] == [
        "young or old", "25 to < 60", "young or old", "unknown",
    ]  # fmt: skip
    # No row has the last bin, yet it may be pooled.
    resolve(Task("y", 1, "age", bins={"age": (25, 60, 90)}, pool={"age": {"old": ["60 to < 90", ">= 90"]}}),
            table(age=ages))  # fmt: skip


def test_a_value_that_only_rows_left_out_have_may_be_pooled():
    frame = table(g=np.resize(["a", "b", "c"], 120))
    found = resolve(Task("y", 1, "g", pool={"g": {"other": ["b", "c"]}}, exclude=("g=c",)), frame)
    assert found.groups == ("a", "other")


# -------------------------------------------------------------------------------------------------------- rows left out


CONDITIONS = ["color=red", "count<2", "ratio>=0.8", "group=ash", "duplicates"]


@given(tables(), st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=3))
def test_leaving_rows_out_is_dropping_them_by_hand(frame, exclude):
    frame = pd.concat([frame, frame.iloc[:7]], ignore_index=True)
    gone = np.zeros(len(frame), dtype=bool)
    by_hand = {
        "color=red": frame["color"] == "red", "count<2": frame["count"] < 2, "ratio>=0.8": frame["ratio"] >= 0.8,
        "group=ash": frame["group"] == "ash", "duplicates": frame.duplicated(),
    }  # fmt: skip
    for condition in exclude:
        gone |= by_hand[condition].to_numpy()
    task = Task("outcome", "yes", "group", bins={})
    try:
        expected = resolve(task, frame[~gone])
    except TaskError as error:
        with pytest.raises(TaskError, match=re.escape(str(error)[:30])):
            resolve(Task("outcome", "yes", "group", exclude=exclude), frame)
        return
    found = resolve(Task("outcome", "yes", "group", exclude=exclude), frame)
    same(found, expected)
    assert np.array_equal(found.used, ~gone)
    told = [int(text.split()[0]) for text in found.warnings if " left out by " in text]
    assert sum(told) == gone.sum()
    assert len(told) == len(set(exclude))


# ---------------------------------------------------------------------------------------------- weights, parts, units


@given(st.lists(st.just(0.0) | st.floats(1e-200, 1e12), min_size=1, max_size=50), st.integers(-40, 40))
def test_row_weights_have_mean_1_whatever_their_scale(values, power):
    weights = np.resize([*values, 1.0], 120)
    found = resolve(Task("y", 1, "g", weights="w"), table(w=weights))
    assert found.base_weight.mean() == pytest.approx(1)
    assert found.base_weight == pytest.approx(weights / weights.mean())
    scaled = resolve(Task("y", 1, "g", weights="w"), table(w=weights * 2.0**power))
    assert np.array_equal(scaled.base_weight, found.base_weight)
    assert "w" not in found.feature_columns


def test_row_weights_are_of_the_rows_used_and_their_size_does_not_matter():
    weights = np.r_[np.full(60, -1.0), np.full(59, 1e308), 5e307]
    found = resolve(Task("y", 1, "g", weights="w", exclude=("w<0",)), table(w=weights))
    assert found.base_weight == pytest.approx(np.r_[np.full(59, 60 / 59.5), 30 / 59.5])
    assert resolve(Task("y", 1, "g"), table(w=weights)).base_weight is None
    with pytest.raises(TaskError, match=r"'w' is infinite in row 3, .*'w=inf'"):
        resolve(Task("y", 1, "g", weights="w"), table(w=np.where(np.arange(120) == 3, np.inf, 1)))


def test_parts_are_read_however_they_are_spelled():
    spelled = ["Train", "training", "LEARN", "train-set", "valid", "Validation", " val ", "dev", "TEST", "hold-out",
               "eval", "test data"]  # fmt: skip
    found = resolve(Task("y", 1, "g", split="fold"), table(fold=spelled * 10))
    assert found.fixed_split.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2] * 10
    assert "fold" not in found.feature_columns
    assert resolve(Task("y", 1, "g"), table(fold=spelled * 10)).fixed_split is None


def test_rows_without_a_part_are_left_out():
    fold = pd.Series(["train", "train", "test", None] * 30, dtype="str")
    found = resolve(Task("y", 1, "g", split="fold"), table(fold=fold))
    assert np.array_equal(found.used, fold.notna())
    assert len(found.y) == len(found.fixed_split) == 90
    assert "30 rows without a part in 'fold' left out." in found.warnings
    assert any("no validation rows: a quarter of its training rows" in text for text in found.warnings)


def test_units_are_codes_and_rows_without_one_stand_alone():
    people = pd.Series(["p", "q", None, "p"] * 30, dtype="str")
    found = resolve(Task("y", 1, "g", unit="person"), table(person=people))
    codes = found.unit_codes
    assert len(set(codes)) == 2 + 30
    assert len(set(codes[people == "p"])) == len(set(codes[people == "q"])) == 1
    assert "30 rows without a value of 'person': each is taken by itself." in found.warnings
    assert "person" not in found.feature_columns


def test_units_in_several_parts_are_told():
    fold = np.repeat(["train", "validation", "test"], 40)
    found = resolve(Task("y", 1, "g", split="fold", unit="u"), table(fold=fold, u=np.arange(120) % 100))
    assert any(text.startswith("20 values of 'u' have rows in more than one part of 'fold'") for text in found.warnings)
    apart = resolve(Task("y", 1, "g", split="fold", unit="u"), table(fold=fold, u=np.arange(120) // 20))
    assert not any("more than one part" in text for text in apart.warnings)


# -------------------------------------------------------------------------------------------------------- cohorts only


@given(st.lists(st.integers(1, 40), min_size=2, max_size=8), st.integers(2, 30))
def test_no_group_is_smaller_than_the_smallest(sizes, smallest):
    names = np.repeat([f"g{i}" for i in range(len(sizes))], sizes)
    n = len(names)
    frame = pd.DataFrame({"g": names, "y": np.arange(n) % 2, "x": np.arange(n)})
    large = [size for size in sizes if size >= smallest]
    few = sum(sizes) - sum(large)
    task = Task("y", 1, "g", smallest_group=smallest)
    if n < 2 or len(large) + (few >= smallest) < 2:
        with pytest.raises(TaskError, match=r"Choose another column|at least two"):
            resolve(task, frame)
        return
    found = resolve(task, frame)
    counts = np.bincount(found.group_codes)
    assert counts.min() >= smallest
    assert counts.tolist() == large + [few] * (few >= smallest)
    assert len(found.y) == found.used.sum() == counts.sum()
    assert ("(small groups)" in found.groups) == (few >= smallest)
    kept = [f"g{i}" for i, size in enumerate(sizes) if size >= smallest]
    assert [group for group in found.groups if group != "(small groups)"] == kept
    gone = {f"g{i}" for i in range(len(sizes))} - set(kept)
    assert not any(f"{name} " in text or f"'{name}'" in text for name in gone for text in found.warnings)
    assert any(f"fewer than {smallest} rows" in text for text in found.warnings if "uncertain" not in text) == bool(few)


def test_small_groups_do_not_count_as_too_many():
    names = np.r_[np.repeat("large", 60), [f"n{i}" for i in range(60)]]
    with pytest.raises(TaskError, match="gives 61 groups"):
        resolve(Task("y", 1, "g"), table(g=names))
    assert resolve(Task("y", 1, "g", smallest_group=2), table(g=names)).groups == ("large", "(small groups)")


def test_types_and_missing_markers_come_first():
    frame = table(code=np.resize([1, 2, 3], 120), answer=np.resize(["yes", "no", "?"], 120))
    found = resolve(Task("answer", "yes", "code", types={"code": "category"}, missing=("?",)), frame)
    assert found.groups == ("1", "2")
    assert found.used.sum() == 80
    assert found.other_labels == ("no",)
    assert frame["answer"].notna().all()


def test_a_group_that_is_not_known_is_never_the_suggested_reference():
    rng = np.random.default_rng(0)
    race = rng.choice(["Black", "White", "Unknown", ""], 900)
    frame = pd.DataFrame({"x": rng.normal(size=900), "race": race, "y": (race != "Black") * 1})
    frame.loc[::7, "y"] = 1 - frame.loc[::7, "y"]
    frame.loc[frame["race"].isin(["Unknown", ""]), "y"] = 1
    frame["race"] = frame["race"].replace("", None)
    assert resolve(Task("y", 1, "race"), frame).reference == "White"
    assert resolve(Task("y", 1, "race", reference="Unknown"), frame).reference == "Unknown"
