"""Laws of the encoding: it learns from training rows only, splits every cell alike, and names what it leaves out."""

import json
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core.data.encoding import SPLITS, TEST, TRAIN, VALIDATION, encode, split_rows
from iffair_core.data.resolving import resolve
from iffair_core.data.task import Task
from iffair_core.errors import SplitError, TaskError
from iffair_core.reading.types import with_types
from tests.strategies import outcomes_and_groups, tables

TASK = Task("outcome", "yes", "group")


def table(n=200, **columns):
    rng = np.random.default_rng(1)
    base = {
        "outcome": np.where(np.arange(n) % 2, "yes", "no"),
        "group": np.where(rng.random(n) < 0.4, "a", "b"),
        "x": rng.normal(size=n),
    }
    return pd.DataFrame(base | columns)


# ------------------------------------------------------------------------------------------------------------- split


def share_of(size):
    """(train, validation, test) of a cell: fifths rounded by largest remainder, ties to train, test, validation."""
    counts = [3 * size // 5, size // 5, size // 5]
    remainders = {TRAIN: 3 * size % 5, TEST: size % 5, VALIDATION: size % 5}
    for part in sorted(remainders, key=lambda part: -remainders[part])[: size - sum(counts)]:
        counts[part] += 1
    return counts


@given(outcomes_and_groups(), st.integers(0, 10**6))
def test_every_cell_is_split_60_20_20(data, seed):
    y, codes = data
    split = split_rows(y, codes, seed)
    for group in np.unique(codes):
        for outcome in (0, 1):
            cell = split[(codes == group) & (y == outcome)]
            assert np.bincount(cell, minlength=3).tolist() == share_of(len(cell))
            assert (np.abs(np.bincount(cell, minlength=3) - len(cell) * np.array([0.6, 0.2, 0.2])) < 1).all()


def test_tiny_cells_go_to_train_then_test():
    assert share_of(1) == [1, 0, 0]
    assert share_of(2) == [1, 0, 1]


@given(outcomes_and_groups(min_rows=100), st.integers(0, 10**6))
def test_the_split_depends_on_the_seed_and_nothing_else(data, seed):
    y, codes = data
    split = split_rows(y, codes, seed)
    assert np.array_equal(split, split_rows(y.astype(float), codes.astype(np.int32), seed))
    # The names of the groups do not matter, only who shares one.
    assert np.array_equal(split, split_rows(y, codes.max() - codes, seed))
    assert not np.array_equal(split, split_rows(y, codes, seed + 1))


def test_a_split_is_refused_where_it_cannot_serve():
    with pytest.raises(SplitError, match=r"Only 49 rows.*at least 50"):
        split_rows(np.arange(49) % 2, np.zeros(49, int), 0)
    with pytest.raises(SplitError, match="validation part has no row with the favorable outcome"):
        split_rows(np.arange(60) < 2, np.zeros(60, int), 0)
    with pytest.raises(SplitError, match="validation part has no row with an outcome that is not favorable"):
        split_rows(np.arange(60) >= 2, np.zeros(60, int), 0)


@given(outcomes_and_groups(min_rows=100), st.integers(1, 12), st.integers(0, 10**6))
def test_units_never_straddle_parts(data, size, seed):
    y, codes = data
    units = np.random.default_rng(seed).integers(0, len(y) // size, len(y))
    largest = np.bincount(units).max()
    try:
        split = split_rows(y, codes, seed, units=units)
    except SplitError as error:
        assert "All rows of one 'unit' stay together" in str(error)
        return
    parts_of = pd.Series(split).groupby(units).nunique()
    assert (parts_of == 1).all()
    # As near to 60/20/20 as units allow: no part is off by more than a unit.
    assert np.abs(np.bincount(split, minlength=3) - len(y) * np.array([0.6, 0.2, 0.2])).max() <= largest
    order = np.random.default_rng(seed).permutation(len(y))
    assert np.array_equal(split_rows(y[order], codes[order], seed, units=units[order]), split[order])


@given(outcomes_and_groups(min_rows=100), st.integers(0, 10**6))
def test_units_of_one_row_are_stratified_as_rows_are(data, seed):
    y, codes = data
    split = split_rows(y, codes, seed, units=np.arange(len(y)))
    for group in np.unique(codes):
        for outcome in (0, 1):
            cell = split[(codes == group) & (y == outcome)]
            assert (np.abs(np.bincount(cell, minlength=3) - len(cell) * np.array([0.6, 0.2, 0.2])) <= 1.5).all()


def test_a_large_unit_is_learned_from():
    y = np.arange(400) % 2
    units = np.r_[np.zeros(180, int), np.arange(1, 221)]
    for seed in range(20):
        split = split_rows(y, np.zeros(400, int), seed, units=units)
        assert (split[:180] == TRAIN).all()
        assert np.bincount(split).tolist() == [240, 80, 80]


@given(outcomes_and_groups(min_rows=150), st.integers(0, 10**6))
def test_a_fixed_split_is_taken_as_it_is(data, seed):
    y, codes = data
    fixed = split_rows(y, codes, seed)
    assert np.array_equal(split_rows(y, codes, seed + 1, fixed=fixed), fixed)
    # Without validation rows, a quarter of the training rows of every cell is drawn for them.
    two = np.where(fixed == VALIDATION, TRAIN, fixed)
    drawn = split_rows(y, codes, seed, fixed=two)
    assert np.array_equal(drawn == TEST, fixed == TEST)
    for group in np.unique(codes):
        for outcome in (0, 1):
            cell = drawn[(codes == group) & (y == outcome) & (two == TRAIN)]
            assert abs((cell == VALIDATION).sum() - len(cell) / 4) <= 0.5
    units = np.arange(len(y)) // 3
    try:
        together = split_rows(y, codes, seed, fixed=two, units=units)
    except SplitError:
        return  # few favorable rows in few units may all fall into one part
    inside = pd.Series(together[two == TRAIN]).groupby(units[two == TRAIN]).nunique()
    assert (inside == 1).all()
    assert np.array_equal(together == TEST, two == TEST)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"units": np.arange(120) // 60}, "'unit' has only 2 different values"),
        ({"units": np.minimum(np.arange(120) // 90, 1) * np.arange(120)}, "One value of 'unit' has 75 % of the rows"),
        ({"units": np.arange(120) // 30}, "All rows of one 'unit' stay together"),
        ({"fixed": np.zeros(120)}, "'split' puts no row into the test part. Mark some of its rows 'test'"),
        ({"fixed": np.ones(120)}, "'split' puts no row into the train part"),
        ({"fixed": np.where(np.arange(120) % 2, 0, 2)}, "train part has no row with an outcome that is not favorable"),
        ({"fixed": np.arange(120) % 6 // 2 * (np.arange(120) < 66)}, ""),
    ],
)
def test_a_division_that_cannot_serve_says_why(options, says):
    y = np.arange(120) % 2
    if not says:
        assert set(split_rows(y, np.zeros(120, int), 0, **options)) == {TRAIN, VALIDATION, TEST}
        return
    with pytest.raises(SplitError) as caught:
        split_rows(y, np.zeros(120, int), 0, **options)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------------------------------------------------- learning


@given(tables(), st.integers(0, 99))
def test_encoding_learns_nothing_from_rows_outside_training(frame, seed):
    before = encode(frame, TASK, seed=seed)
    train, rest = before.part(TRAIN), np.flatnonzero(before.split != TRAIN)
    changed = frame.copy()
    changed.loc[rest, "score"] = np.resize([1e9, np.nan, -np.inf, 0.0], len(rest))
    changed.loc[rest, "count"] = 10**6
    changed.loc[rest, "ratio"] = -5.0
    changed.loc[rest, "kind"] = np.resize(["new", "kind 1", "(other)"], len(rest))
    changed.loc[rest, "color"] = "blue"
    after = encode(changed, TASK, seed=seed)
    assert np.array_equal(before.split, after.split)
    assert before.encoding == after.encoding
    assert before.feature_names == after.feature_names
    assert np.array_equal(before.X[train], after.X[train])
    assert np.isfinite(after.X).all()


@given(tables())
def test_a_dataset_keeps_its_contract(frame):
    dataset = encode(frame, TASK, seed=3)
    n = len(frame)
    assert dataset.X.shape == (n, len(dataset.feature_names))
    assert dataset.X.dtype == dataset.y.dtype == np.float64
    assert dataset.X.flags.c_contiguous
    assert np.isfinite(dataset.X).all()
    assert len(set(dataset.feature_names)) == len(dataset.feature_names)
    assert set(np.unique(dataset.y)) == {0.0, 1.0}
    assert dataset.reference in dataset.groups
    assert sorted(np.concatenate([dataset.part(part) for part in range(len(SPLITS))])) == list(range(n))
    assert json.loads(json.dumps(dataset.encoding)) == dataset.encoding
    copy = pickle.loads(pickle.dumps(dataset))
    assert np.array_equal(copy.X, dataset.X)
    # Training rows have full column rank beside an intercept.
    A = np.column_stack([np.ones(len(dataset.part(TRAIN))), dataset.X[dataset.part(TRAIN)]])
    assert np.linalg.matrix_rank(A) == A.shape[1]


@given(tables(), st.randoms(use_true_random=False))
def test_permuting_columns_permutes_features(frame, random):
    columns = list(frame.columns)
    random.shuffle(columns)
    one, other = encode(frame, TASK, seed=0), encode(frame[columns], TASK, seed=0)
    if any("exactly" in warning for warning in one.warnings):
        assert len(one.feature_names) == len(other.feature_names)
        return
    assert sorted(one.feature_names) == sorted(other.feature_names)
    order = [other.feature_names.index(name) for name in one.feature_names]
    assert np.array_equal(one.X, other.X[:, order])


@given(tables())
def test_rows_without_an_outcome_leave_no_trace(frame):
    lost = frame["outcome"].where(np.arange(len(frame)) % 7 != 3)
    kept = np.flatnonzero(lost.notna())
    if min(frame.loc[kept, "outcome"].value_counts()) < 12 or len(kept) < 50:
        return
    dataset = encode(frame.assign(outcome=lost), TASK, seed=0)
    clean = encode(frame.iloc[kept], TASK, seed=0)
    assert np.array_equal(dataset.row_id, kept)
    assert np.array_equal(dataset.X, clean.X)
    assert dataset.n_rows_in_file == len(frame)


@given(tables(min_rows=140), st.sampled_from([("count<2",), ("color=red", "duplicates"), ("ratio>=0.8",)]))
def test_rows_left_out_leave_no_trace(frame, exclude):
    frame = pd.concat([frame, frame.iloc[:5]], ignore_index=True)
    gone = {"count<2": frame["count"] < 2, "color=red": frame["color"] == "red", "ratio>=0.8": frame["ratio"] >= 0.8}
    out = np.logical_or.reduce([gone.get(condition, frame.duplicated()) for condition in exclude])
    kept = np.flatnonzero(~out)
    try:
        clean = encode(frame.iloc[kept], TASK, seed=0)
    except (SplitError, TaskError) as error:
        with pytest.raises(type(error)):
            encode(frame, Task("outcome", "yes", "group", exclude=exclude), seed=0)
        return
    dataset = encode(frame, Task("outcome", "yes", "group", exclude=exclude), seed=0)
    assert np.array_equal(dataset.row_id, kept)
    assert np.array_equal(dataset.split, clean.split)
    assert np.array_equal(dataset.X, clean.X)
    assert dataset.n_rows_in_file == len(frame)


@given(tables(), st.integers(0, 10**6))
def test_permuting_rows_permutes_everything_where_the_split_is_fixed(frame, seed):
    frame["fold"] = np.asarray(SPLITS)[split_rows(frame["outcome"] == "yes", np.zeros(len(frame), int), seed)]
    frame["weight"] = np.arange(len(frame)) % 5 + 1.0
    task = Task("outcome", "yes", "group", split="fold", weights="weight")
    order = np.random.default_rng(seed).permutation(len(frame))
    one, other = encode(frame, task, seed=seed), encode(frame.iloc[order], task, seed=seed + 1)
    assert one.groups == other.groups
    assert np.array_equal(one.split[order], other.split)
    assert [SPLITS[part] for part in one.split] == frame["fold"].tolist()
    assert one.base_weight[order] == pytest.approx(other.base_weight, rel=1e-12)
    if not any("exactly" in warning or "Infinite" in warning for warning in one.warnings):
        assert one.feature_names == other.feature_names
        assert one.X[order] == pytest.approx(other.X, rel=1e-9, abs=1e-9)


def test_a_unit_stays_in_one_part():
    people = np.arange(600) // 3
    dataset = encode(table(600, person=[f"p{i}" for i in people]), Task("outcome", "yes", "group", unit="person"))
    parts_of = pd.Series(dataset.split).groupby(people).nunique()
    assert (parts_of == 1).all()
    assert dataset.feature_names == ("x",)


# ----------------------------------------------------------------------------------------------------------- columns


@given(tables())
def test_numbers_are_standardized_with_what_training_rows_say(frame):
    dataset = encode(frame, TASK, seed=0)
    train = dataset.part(TRAIN)
    score = frame["score"].replace([np.inf, -np.inf], np.nan).to_numpy()
    learned = dataset.encoding["score"]
    median = np.nanmedian(score[train])
    filled = np.where(np.isnan(score), median, score)
    assert learned["median"] == median
    assert learned["mean"] == pytest.approx(filled[train].mean(), rel=1e-9, abs=1e-12 * np.abs(filled).max())
    assert learned["std"] == pytest.approx(filled[train].std(), rel=1e-9)
    assert learned["missing_flag"] == np.isnan(score[train]).any()
    column = dataset.X[:, dataset.feature_names.index("score")]
    assert column == pytest.approx((filled - learned["mean"]) / learned["std"], rel=1e-6, abs=1e-9)
    if "score is missing" in dataset.feature_names:
        flag = dataset.X[:, dataset.feature_names.index("score is missing")]
        assert np.array_equal(flag, np.isnan(score))
    infinite = np.isinf(frame["score"]).sum()
    assert any(f"score ({infinite})" in warning for warning in dataset.warnings) == (infinite > 0)


@given(tables())
def test_levels_are_one_hot_with_the_rare_ones_pooled(frame):
    dataset = encode(frame, TASK, seed=0)
    train = dataset.part(TRAIN)
    counts = frame["kind"].iloc[train].value_counts()
    large = counts[counts >= 10].index
    learned = dataset.encoding["kind"]
    if learned["kind"] == "dropped":
        assert len(large) + (len(large) < len(counts)) < 2
        return
    levels = {*learned["levels"], learned["dropped_level"]}
    assert levels == set(large) | ({"(other)"} if len(large) < len(counts) else set())
    assert set(learned["pooled"]) == set(counts.index) - set(large)
    place = frame["kind"].where(frame["kind"].isin(large), "(other)")
    assert place.iloc[train].value_counts().max() == (place.iloc[train] == learned["dropped_level"]).sum()
    for level in learned["levels"]:
        column = dataset.X[:, dataset.feature_names.index(f"kind = {level}")]
        assert np.array_equal(column, place == level)


def test_unseen_levels_are_other_or_nothing():
    frame = table(kind=["u", "v"] * 100)
    dataset = encode(frame, TASK, seed=0)
    row = dataset.part(TEST)[0]
    frame.loc[row, "kind"] = "new"
    changed = encode(frame, TASK, seed=0)
    assert changed.feature_names == ("x", "kind = v")
    assert changed.X[row, 1] == 0
    pooled = frame.copy()
    pooled.loc[dataset.part(TRAIN)[:4], "kind"] = "rare"
    changed = encode(pooled, TASK, seed=0)
    assert changed.X[row, changed.feature_names.index("kind = (other)")] == 1


def test_at_most_fifty_levels_are_kept():
    n = 6000
    kinds = np.asarray([f"k{i:02}" for i in range(70)], dtype=object)[np.arange(n) % 70]
    learned = encode(table(n, kind=kinds), TASK).encoding["kind"]
    assert len(learned["levels"]) == 50  # 50 levels and "(other)", less the dropped one
    assert "(other)" in [*learned["levels"], learned["dropped_level"]]
    assert len(learned["pooled"]) == 20


def test_missing_is_a_level_of_a_category():
    dataset = encode(table(kind=pd.Series(["u", "v", None, "u"] * 50, dtype="str")), TASK)
    assert {"kind = (missing)", "kind = v"} <= set(dataset.feature_names)
    assert dataset.encoding["kind"]["dropped_level"] == "u"


def test_yes_no_categories_and_nullable_numbers_are_encoded():
    n = 200
    rng = np.random.default_rng(2)
    frame = table(
        flag=rng.random(n) < 0.3,
        size=pd.Categorical(rng.choice(["S", "L"], n, p=[0.7, 0.3])),
        code=pd.array([None if i % 9 == 0 else int(rng.integers(50)) for i in range(n)], dtype="Int64"),
        loose=pd.Series([None if i % 5 == 0 else float(i % 40) for i in range(n)], dtype=object),
    )
    dataset = encode(frame, TASK)
    assert dataset.feature_names == (
        "x", "flag = True", "size = L", "code", "code is missing", "loose", "loose is missing",
    )  # fmt: skip


def test_useless_columns_are_dropped_with_one_warning_that_names_them():
    days = pd.date_range("2020-01-01", periods=200)
    frame = table(empty=np.nan, same=7, word="w", blank=pd.Series([None] * 200, dtype="str"), day=days)
    dataset = encode(frame, TASK)
    assert dataset.feature_names == ("x",)
    named = [warning for warning in dataset.warnings if "nothing to learn" in warning]
    assert len(named) == 1
    for text in ("empty (all missing)", "same (constant)", "word (constant)", "blank (all missing)"):
        assert text in named[0]
    assert any(warning.startswith("Date columns left out: day") for warning in dataset.warnings)
    with pytest.raises(TaskError, match="Every feature column is constant"):
        encode(frame.drop(columns="x"), TASK)


def test_columns_that_are_no_features_are_named_by_kind_and_can_be_used_all_the_same():
    rng = np.random.default_rng(3)
    words = np.asarray(["never", "often", "paid", "late", "the", "loan", "was", "closed"], dtype=object)
    frame = table(
        day=pd.Series(np.datetime64("2019-12-30") + rng.integers(0, 500, 200)).astype("str"),
        number=rng.permutation(200),
        note=[" ".join(rng.choice(words, 8)) for _ in range(200)],
        zip=rng.choice([10115, 20095, 80331], 200),
    )
    dataset = encode(frame, TASK)
    assert dataset.feature_names == ("x", "zip")
    assert [dataset.encoding[name]["reason"] for name in ("day", "number", "note")] == ["date", "identifier", "text"]
    for text in (
        "Date columns left out: day. Give them the type year and month to use them.",
        "Columns that name rows (identifiers) left out: number. Give them the type number or category to use them.",
        "Columns of free text left out: note. Give them the type category to use them.",
    ):
        assert text in dataset.warnings
    types = {"day": "year and month", "number": "number", "zip": "category", "x": "text"}
    task = Task("outcome", "yes", "group", types=types)
    chosen = encode(frame, task)
    levels = [f"zip = {code}" for code in chosen.encoding["zip"]["levels"]]
    assert chosen.feature_names == ("day year", "day month", "number", *levels)
    assert len(levels) == 2
    for part, values in (("year", frame["day"].str[:4]), ("month", frame["day"].str[5:7])):
        number, learned = values.astype(float), chosen.encoding[f"day {part}"]
        column = chosen.X[:, chosen.feature_names.index(f"day {part}")]
        assert column == pytest.approx((number - learned["mean"]) / learned["std"])
    assert chosen.encoding["x"]["reason"] == "text"
    # The same from a table that was given its types before.
    again = encode(with_types(frame, types, ()), task)
    assert np.array_equal(again.X, chosen.X)
    assert again.warnings == chosen.warnings


def test_markers_of_missing_values_make_a_column_of_numbers():
    income = np.where(np.arange(200) % 10 == 0, "refused", (np.arange(200) % 37).astype(str))
    dataset = encode(table(income=income), Task("outcome", "yes", "group", missing=("refused",)))
    assert dataset.feature_names == ("x", "income", "income is missing")
    assert dataset.encoding["income"]["kind"] == "number"


def test_what_had_to_be_said_to_read_the_file_stays_with_the_data():
    frame = table()
    frame.attrs["reading"] = {"delimiter": ";", "header": 3}
    assert encode(frame, TASK).reading == {"delimiter": ";", "header": 3}
    assert encode(table(), TASK).reading == {}


def test_a_constant_with_gaps_keeps_its_flag():
    dataset = encode(table(bonus=[5.0, np.nan] * 50 + [5.0] * 100), TASK)
    assert dataset.feature_names == ("x", "bonus is missing")
    assert dataset.encoding["bonus"]["constant"] is True


def test_features_that_determine_one_another_all_stay():
    frame = table()
    frame["twice"] = 3 - 2 * frame["x"]
    frame["kind"] = np.resize(["u", "v", "w"], 200)
    frame["number of kind"] = frame["kind"].map({"u": 1.0, "v": 2.0, "w": 5.0})
    names = encode(frame, TASK).feature_names
    assert names == ("x", "twice", "kind = v", "kind = w", "number of kind")
    assert set(encode(frame[frame.columns[::-1]], TASK).feature_names) == set(names)


def test_a_model_needs_a_feature_that_the_task_itself_does_not():
    frame = table()[["group", "outcome"]]
    assert resolve(TASK, frame).feature_columns == ()
    with pytest.raises(TaskError, match="No feature column"):
        encode(frame, TASK)


def test_feature_names_stay_unique():
    rng = np.random.default_rng(0)
    frame = table(**{"kind": np.resize(["u", "v", "u"], 200), "kind = v": rng.normal(size=200)})
    assert encode(frame, TASK).feature_names == ("x", "kind = v", "kind = v (2)")


@given(st.floats(-300, 300), st.floats(0, 12))
def test_numbers_of_any_size_are_encoded_finite(exponent, offset):
    rng = np.random.default_rng(0)
    values = (rng.normal(size=200) + 10.0**offset) * 10.0 ** min(exponent, 290 - offset)
    dataset = encode(table(big=values), TASK)
    assert np.isfinite(dataset.X).all()
    if offset < 6:
        column = dataset.X[dataset.part(TRAIN), dataset.feature_names.index("big")]
        assert column.std() == pytest.approx(1, rel=1e-6)


def test_columns_that_differ_late_in_the_file_are_both_kept():
    n = 20_000
    frame = table(n, first=np.random.default_rng(0).normal(size=n))
    frame["late"] = frame["first"] + (np.arange(n) > 0.9 * n)
    assert {"first", "late"} <= set(encode(frame, TASK).feature_names)


def test_rows_of_weight_zero_teach_the_encoding_nothing():
    rng = np.random.default_rng(0)
    n = 200
    table = pd.DataFrame(
        {
            "y": np.tile(["yes", "no"], n // 2),
            "group": np.repeat(["a", "b"], n // 2),
            "x": rng.normal(size=n),
            "kind": rng.choice(["red", "green"], n),
            "weight": np.tile([1.0, 2.0, 0.0, 1.0], n // 4),
        }
    )
    task = Task("y", "yes", "group", weights="weight")
    odd = table.assign(
        x=table["x"].where(table["weight"] > 0, 1e6), kind=table["kind"].where(table["weight"] > 0, "blue")
    )
    assert encode(odd, task).encoding == encode(table, task).encoding


def test_training_rows_that_all_weigh_zero_are_an_error_that_names_the_column():
    part = np.repeat(["train", "validation", "test"], 60)
    table = pd.DataFrame(
        {
            "y": np.tile(["yes", "no"], 90),
            "group": np.tile(["a", "a", "b"], 60),
            "x": np.arange(180.0) % 7,
            "part": part,
            "weight": np.where(part == "train", 0, 1),
        }
    )
    with pytest.raises(TaskError, match="'weight'"):
        encode(table, Task("y", "yes", "group", split="part", weights="weight"))


def test_a_study_that_would_not_fit_says_how_many_rows_would(monkeypatch):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(500, 20)), columns=[f"x{i}" for i in range(20)])
    frame["g"], frame["y"] = np.arange(500) % 2, rng.integers(0, 2, 500)
    monkeypatch.setattr("iffair_core.data.encoding.free_memory", lambda: 400_000)
    with pytest.raises(TaskError, match=r"500 rows with 20 features and 2 groups needs about .* of memory") as refused:
        encode(frame, Task("y", 1, "g"))
    rows = int(re.search(r"About (\d+) rows would fit", str(refused.value))[1])
    assert 200 < rows < 400
    assert encode(frame.head(rows), Task("y", 1, "g")).X.shape == (rows, 20)
    monkeypatch.setattr("iffair_core.data.encoding.free_memory", lambda: 1_000)
    with pytest.raises(TaskError, match=r"1000 bytes are free\. Take a sample"):
        encode(frame, Task("y", 1, "g"))
    monkeypatch.setattr("iffair_core.data.encoding.free_memory", lambda: None)
    assert encode(frame, Task("y", 1, "g")).X.shape == (500, 20)
