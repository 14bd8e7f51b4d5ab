"""Laws of the embedded example: generated from its seed, honest about it, and with a gap that can be found."""

import fnmatch
import io
import json
import re
import shlex
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from iffair_core.__main__ import main
from iffair_core.data.encoding import TEST, TRAIN, encode
from iffair_core.data.resolving import group_table, resolve
from iffair_core.data.task import Task
from iffair_core.datasets import originals
from iffair_core.datasets.catalog import (
    DATASETS,
    example_biased_rows,
    is_available,
    is_example,
    load_dataset,
    whereabouts,
)
from iffair_core.errors import ConfigError
from iffair_core.options import command_parser, task_choices
from iffair_core.reading.door import read_table, table_fingerprint
from iffair_core.reading.types import column_summary

PUBLIC = {entry.name: entry for entry in DATASETS if entry.files}
BANK = {
    "age_25_60": ({}, {"25<=age<60": "25 to < 60"}),
    "age_ge_25": ({"bins": {"age": (25,)}, "pool": None, "reference": None}, {"<25": "< 25", ">=25": ">= 25"}),
    "marital": ({"sensitive": "marital", "bins": None, "pool": None, "reference": None}, {}),
}
STUDENT = {
    "sex": ({}, {}),
    "age": ({"sensitive": "age", "bins": {"G3": (10,), "age": (18,)}}, {"<18": "< 18", ">=18": ">= 18"}),
}
GERMAN_AGE = {"sensitive": "age", "reference": None}
NOT_WHITE = ("Amer-Indian-Eskimo", "Asian-Pac-Islander", "Black", "Other")
# By data set and by list of the published figures: what of the preset changes, and what our groups are called there.
LISTED = {
    "adult": {
        "sex": ({}, {}),
        "race": ({"sensitive": "race", "reference": "White"}, {}),
        "white_vs_rest": (
            {"sensitive": "race", "reference": "White", "pool": {"race": {"Non-White": NOT_WHITE}}},
            {},
        ),
    },
    "compas": {
        "race": ({"pool": None}, {}),
        "sex": ({"sensitive": "sex", "reference": "Female", "pool": None}, {}),
    },
    "german": {
        "sex": ({}, {}),
        "age>25": (GERMAN_AGE | {"bins": {"age": (26,)}}, {"<=25": "< 26", ">25": ">= 26"}),
        "age>=25": (GERMAN_AGE | {"bins": {"age": (25,)}}, {"<25": "< 25", ">=25": ">= 25"}),
        "foreign_worker": ({"sensitive": "foreign_worker", "reference": None}, {}),
    },
    "bank_full": BANK,
    "bank_additional_full": BANK,
    "law_bar_pass": {
        "race1": ({"pool": None}, {}),
        "gender": ({"sensitive": "gender", "reference": "male", "pool": None}, {}),
    },
    "law_school_clean": {
        "race": ({}, {}),
        "male": ({"sensitive": "male", "reference": 1.0}, {"0.0": "0", "1.0": "1"}),
    },
    "communities_crime": {
        "high_crime>=0.7 by black>=0.06": ({}, {"<0.06": "< 0.06", ">=0.06": ">= 0.06"}),
        "high_crime>0.15(median) by black>=0.06": (
            {"bins": {"ViolentCrimesPerPop": (0.16,), "racepctblack": (0.06,)}, "favorable": "< 0.16"},
            {"<0.06": "< 0.06", ">=0.06": ">= 0.06"},
        ),
    },
    "student_por": STUDENT,
    "student_mat": STUDENT,
}


@pytest.fixture(scope="module")
def published(shared_data):
    """{name: what was published or counted of it elsewhere}; the data sets are read from their folder."""
    patch = pytest.MonkeyPatch()
    patch.setenv("IFFAIR_MIRROR", str(shared_data))
    yield {entry["name"]: entry for entry in json.loads((shared_data / "catalog.json").read_text())["datasets"]}
    patch.undo()


def test_the_catalog_names_what_is_published_and_knows_its_bytes(published):
    assert set(PUBLIC) == set(published)
    known = {}
    for entry in published.values():
        for file in entry["files"]:
            known[file["file"].removesuffix(".gz")] = (file["raw_bytes"], file["raw_sha256"])
    files = [file for entry in PUBLIC.values() for file in entry.files]
    assert {file.name: (file.bytes, file.sha256) for file in files}.items() <= known.items()
    assert len(files) == len({file.name for file in files}) == 11


@pytest.mark.parametrize("name", PUBLIC)
def test_tables_have_the_published_rows_columns_and_missing_values(published, name):
    there = published[name]
    table, task = load_dataset(name)
    rows = there["rows"]
    assert len(table) == PUBLIC[name].rows == (rows if isinstance(rows, int) else rows.get("total", 6172))
    columns = list(dict.fromkeys(there["columns"]))
    if name == "german":
        columns.insert(columns.index("personal_status") + 1, "sex")
    assert list(table.columns) == [column for column in columns if name != "compas" or column not in originals.PERSONAL]
    if name != "compas":  # counted there before the filter
        marker = there["missing_marker"]
        absent = table.isna() | table.astype("str").eq(marker if marker in ("?", "unknown") else "(none)")
        counts = absent.sum()
        assert counts[counts > 0].to_dict() == there["missing"]
    assert table[task.target].notna().all()


@pytest.mark.parametrize(("name", "listed"), [(name, listed) for name, lists in LISTED.items() for listed in lists])
def test_groups_and_rates_are_the_published_ones(published, name, listed):
    changes, labels = LISTED[name][listed]
    table, task = load_dataset(name)
    resolved = resolve(replace(task, **changes), table)
    groups = group_table(resolved).set_index("group")
    rates = published[name]["base_rates"].get("filtered", published[name]["base_rates"])[listed]
    counted = {labels.get(label, label): (group["n"], group["pos"]) for label, group in rates.items()}
    found = {label: (int(group["rows"]), int(group["favorable"])) for label, group in groups.iterrows()}
    if name == "communities_crime":  # there the unfavorable outcomes are counted
        counted = {label: (rows, rows - high) for label, (rows, high) in counted.items()}
    assert found == counted
    if not changes:
        assert resolved.reference == (task.reference or resolved.reference)


def test_every_published_list_of_rates_is_compared(published):
    for name, entry in published.items():
        lists = entry["base_rates"].get("filtered", entry["base_rates"])
        assert set(LISTED[name]) == set(lists), name


@pytest.mark.parametrize("name", PUBLIC)
def test_presets_drop_what_leaks_and_every_table_encodes(published, name):
    table, task = load_dataset(name)
    said = ",".join(re.sub(r"\(.*?\)", "", text) for text in published[name]["commonly_dropped"])
    wanted = {
        column for pattern in re.split(r"[,/]", said) for column in fnmatch.filter(table.columns, pattern.strip())
    }
    assert wanted <= set(task.drop)
    dataset = encode(table, task)
    assert dataset.X.shape[0] == len(table)
    assert np.isfinite(dataset.X).all()


def test_compas_shows_nobody_and_tells_its_late_dates(published):
    table, task = load_dataset("compas")
    assert not {"name", "first", "last", "dob", "id"} & set(table.columns)
    assert not any("case_number" in column for column in table.columns)
    late = table["compas_screening_date"] > "2014-04-01"
    assert (int(late.sum()), table.loc[late, "two_year_recid"].mean()) == (868, 1.0)
    assert "compas_screening_date" in task.drop
    (advice,) = (text for text in PUBLIC["compas"].pitfalls if "2014-04-02" in text)
    condition = re.search(r"exclude (\S+)\.$", advice)[1]
    assert len(resolve(replace(task, exclude=(condition,)), table).y) == len(table) - 868


def test_what_the_pitfalls_count_is_there(published):
    adult, bar, crime = (load_dataset(name)[0] for name in ("adult", "law_bar_pass", "communities_crime"))
    assert int((adult == "?").any(axis=1).sum()) == 3_620
    assert adult["capital-gain"].nlargest(200).eq(99_999).sum() > 1
    assert (bar["age"] == bar["bar1_yr"] - bar["DOB_yr"]).sum() == bar["age"].notna().sum()
    assert bar["gpa"].equals(bar["ugpa"])
    police = crime["LemasSwornFT"].isna()
    assert int(police.sum()) == 1_675
    assert crime.loc[police, "LemasPctOfficDrugUn"].eq(0).all()
    assert crime[["racePctWhite", "PctIlleg"]].corrwith(crime["racepctblack"]).abs().round(1).eq(0.8).all()
    german = load_dataset("german")[0]
    assert int((german["age"] == 25).sum()) == 41
    assert set(german.groupby("personal_status")["sex"].first().items()) == {
        ("A91", "male"), ("A92", "female"), ("A93", "male"), ("A94", "male")
    }  # fmt: skip
    maths, portuguese = (load_dataset(name)[0] for name in ("student_mat", "student_por"))
    same = ["school", "sex", "age", "address", "famsize", "Pstatus", "Medu", "Fedu", "Mjob", "Fjob", "reason",
            "nursery", "internet"]  # fmt: skip
    assert len(portuguese.merge(maths, on=same)) == 382
    none = maths["G3"] == 0
    assert (int(none.sum()), int((none & (maths["G2"] > 0)).sum())) == (38, 25)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_options_that_the_command_line_prints_make_the_same_task(published, name, capsys):
    assert main(["datasets"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    (said,) = re.findall(rf"^{name}: (?:.*\n    )*?.*\n    (--target .*)$", out, re.MULTILINE)
    entry = PUBLIC[name]
    assert all(f"    Note: {pitfall}\n" in out for pitfall in entry.pitfalls)
    assert f"    From: {entry.source} (on this machine)\n    Cite: {entry.citation}\n" in out
    options = command_parser().parse_args(["run", name, "--out", "results", *shlex.split(said)])
    table, task = load_dataset(name)
    found, expected = (resolve(one, table) for one in (Task.from_dict(task_choices(options)), task))
    assert (found.y == expected.y).all()
    assert (found.group_codes == expected.group_codes).all()
    assert (found.groups, found.reference, found.feature_columns, found.bins, found.warnings) == (
        expected.groups, expected.reference, expected.feature_columns, expected.bins, expected.warnings
    )  # fmt: skip


def test_adult_has_whole_numbers_and_text(published):
    table, _ = load_dataset("adult")
    assert set(table["income"]) == {">50K", "<=50K"}
    assert {str(dtype) for dtype in table.dtypes} == {"int64", "str"}


def test_entries_say_what_a_user_has_to_know(monkeypatch, tmp_path):
    monkeypatch.setenv("IFFAIR_CACHE", str(tmp_path))
    monkeypatch.delenv("IFFAIR_MIRROR", raising=False)
    for entry in PUBLIC.values():
        assert not entry.synthetic
        assert all((entry.title, entry.description, entry.license, entry.citation, entry.pitfalls))
        assert re.match(r"https://\S+$", entry.source)
        assert all(file.address.startswith("https://") or file.elsewhere for file in entry.files)
        assert entry.task == Task.from_dict(json.loads(json.dumps(entry.task.to_dict())))
        assert not is_available(entry)
        assert whereabouts(entry).startswith(("downloaded at", "only from a mirror, see IFFAIR_MIRROR. Its publisher"))
        texts = (entry.description, *entry.pitfalls)
        assert all(text.endswith(".") and text.isprintable() for text in texts)
    assert is_available("example")
    assert whereabouts(DATASETS[0]) == "on this machine"


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ConfigError, match=r"'adult\\n'. Choose one of: example, adult, .*, student_mat\."):
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


def test_the_example_is_recognized_cell_for_cell_also_from_a_file():
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
