"""Laws of the embedded example: generated from its seed, honest about it, and with a gap that can be found."""

import io

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from iffair_core.data.catalog import DATASETS, example_biased_rows, is_example, load_dataset
from iffair_core.data.encoding import TEST, TRAIN, encode
from iffair_core.data.reading import column_summary, read_table, table_fingerprint
from iffair_core.data.task import group_table
from iffair_core.errors import ConfigError


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ConfigError, match=r"'adult\\n'. Choose one of: .*example"):
        load_dataset("adult\n")


def test_the_catalog_describes_what_it_holds():
    assert len({entry.name for entry in DATASETS}) == len(DATASETS)
    (entry,) = (entry for entry in DATASETS if entry.name == "example")
    table, task = load_dataset("example")
    assert entry.synthetic
    assert "synthetic" in entry.title
    assert entry.seed is not None
    assert entry.task == task
    assert len(table) == entry.rows == 10_000


def test_every_caller_gets_an_own_equal_copy():
    first, _ = load_dataset("example")
    expected = table_fingerprint(first)
    first.loc[0, "amount"] = -1
    example_biased_rows()[:] = True
    assert table_fingerprint(load_dataset("example")[0]) == expected
    assert example_biased_rows().mean() < 0.5


def test_the_example_is_recognised_cell_for_cell_also_from_a_file():
    table, _ = load_dataset("example")
    parquet = io.BytesIO()
    table.to_parquet(parquet)
    assert is_example(table)
    assert is_example(read_table(parquet))
    assert is_example(read_table(table.to_csv(index=False).encode()))
    assert not is_example(table.iloc[:-1])
    table.loc[17, "savings"] = 1.0
    assert not is_example(table)


def test_the_example_has_the_traits_it_is_to_teach():
    table, task = load_dataset("example")
    summary = column_summary(table).set_index("name")
    assert set(summary["type"]) == {"number", "category", "yes/no"}
    assert list(summary.index[summary["missing"] > 0]) == ["years_employed", "monthly_income", "savings"]
    assert summary.loc["community", "missing"] == 0
    lacking = table["savings"].isna().groupby(table["community"]).mean()
    assert lacking["Cedar"] > lacking["Birch"] > lacking["Alder"] > 0
    dataset = encode(table, task)
    assert dataset.warnings == ()
    groups = group_table(dataset.task).set_index("group")
    assert groups["share"].to_dict() == pytest.approx({"Alder": 0.50, "Birch": 0.24, "Cedar": 0.26}, abs=0.02)
    assert dataset.reference == "Alder"
    assert 0.40 < dataset.y.mean() < 0.55
    # The proxy: a district mostly tells the community, never surely.
    by_district = table.groupby("district")["community"].value_counts(normalize=True).unstack()
    assert by_district.max(axis=None) < 0.97
    assert by_district.max().min() > 0.5


def test_the_injected_rows_are_known_and_go_where_they_should():
    table, _ = load_dataset("example")
    biased = example_biased_rows()
    assert biased.shape == (len(table),)
    assert biased.dtype == bool
    assert 0.06 < biased.mean() < 0.09
    kinds = table[biased].groupby(["community", "decision"]).size().to_dict()
    assert set(kinds) == {("Alder", "granted"), ("Birch", "denied"), ("Cedar", "denied")}
    assert kinds["Cedar", "denied"] > 2 * kinds["Birch", "denied"]
    repaying = (table["decision"] == "granted") ^ biased
    recorded, true = (
        values.groupby(table["community"]).mean() for values in (table["decision"] == "granted", repaying)
    )
    assert true["Alder"] - true["Cedar"] > 0.1  # lower incomes explain a part of the gap
    assert recorded["Alder"] - recorded["Cedar"] > true["Alder"] - true["Cedar"] + 0.1  # the injected rows add to it
    assert not any(np.array_equal(table[column].astype(str) == "True", biased) for column in table.columns)


@pytest.mark.parametrize("seed", range(3))
def test_an_ordinary_model_shows_a_gap_that_chance_does_not(seed):
    table, task = load_dataset("example")
    dataset = encode(table, task, seed=seed)
    assert not any("community" in name for name in dataset.feature_names)
    train, test = dataset.part(TRAIN), dataset.part(TEST)
    decision = LogisticRegression(max_iter=2000).fit(dataset.X[train], dataset.y[train]).predict(dataset.X[test])
    y, codes = dataset.y[test], dataset.group_codes[test]
    assert 0.78 < np.mean(decision == y) < 0.85

    def disparity(groups):
        rates = [[decision[(groups == g) & (y == outcome)].mean() for g in range(3)] for outcome in (0, 1)]
        return np.ptp(rates, axis=1).max()

    rng = np.random.default_rng(0)
    shuffled = np.empty((200, len(test)), dtype=codes.dtype)
    for outcome in (0, 1):
        rows = np.flatnonzero(y == outcome)
        shuffled[:, rows] = rng.permuted(np.tile(codes[rows], (200, 1)), axis=1)
    assert 0.10 < disparity(codes) < 0.25
    assert disparity(codes) > np.quantile([disparity(groups) for groups in shuffled], 0.95)
