"""Laws of the task: values compare by value, groups come from the rows, errors name the column and the way out."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iffair_core.data.groups import suggested_reference
from iffair_core.data.task import Task, group_table, resolve
from iffair_core.data.values import label_codes, suggest_bins, value_label
from iffair_core.errors import TaskError
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
    ],
)
def test_a_task_survives_json(task):
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task


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


@settings(max_examples=30, deadline=None)
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


@settings(max_examples=30, deadline=None)
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
        (Task("y", 1, "g", drop=("z",)), ("drop, 'z'", "Columns:")),
        (Task("y", 2, "g"), ("'2' does not occur", "its values: 0, 1.")),
        (Task("one", 5, "g"), ("only the value '5'", "at least two")),
        (Task("none", 5, "g"), ("no value at all", "at least two")),
        (Task("y", 1, "one"), ("one group ('5')", "another column")),
        (Task("y", 1, "y"), ("as outcome and as sensitive", "two different")),
        (Task("y", 1, "g", drop=("y",)), ("among the columns to drop", "Take it off")),
        (Task("y", 1, "g", drop=("x", "one", "none")), ("No feature column", "fewer")),
        (Task("y", 1, ()), ("No sensitive attribute", "at least one")),
        (Task("y", 1, ("g", "g")), ("twice", "once")),
        (Task("y", 1, "g", reference="c"), ("'c' does not occur", "a, b")),
        (Task("y", 1, "x"), ("'x' gives 120 groups", "bins, for example at")),
        (Task("y", 1, "g", bins={"x": [1]}), ("'x', which is not a sensitive", "only for g")),
        (Task("y", 1, "g", bins={"g": [1]}), ("'g' is not a column of numbers", "Leave")),
        (Task("y", 1, "x", bins={"x": [2, 1]}), ("do not rise", "increasing")),
        (Task("y", 1, "x", bins={"x": ["low"]}), ("not all numbers", "25, 60")),
    ],
)
def test_errors_name_the_choice_and_the_way_out(task, says):
    frame = table(one=5, none=np.nan)
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


@settings(max_examples=100, deadline=None)
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
        ((3 * 10**9, 3 * 10**9 - 1), (2 * 10**9, 2 * 10**9 - 1), 0),  # shares as exact fractions
    ],
)
def test_the_suggested_reference_has_the_highest_share_among_large_groups(rows, favorable, expected):
    assert suggested_reference(np.array(rows), np.array(favorable)) == expected
