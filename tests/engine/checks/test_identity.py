"""Identifiers, codes and repeated persons are told by name and by shape; quantities are left alone."""

import numpy as np
import pandas as pd
import pytest

from iffair_core.checks.identity import words_of
from iffair_core.checks.run import run_checks
from iffair_core.data.encoding import encode
from iffair_core.data.task import Task

N = 400
TASK = Task("y", "1", "g")


def people(**columns):
    rng = np.random.default_rng(0)
    base = {"x": rng.normal(size=N), "g": rng.choice(["a", "b"], N), "y": rng.choice(["0", "1"], N)}
    return pd.DataFrame(base | {name: make(rng) for name, make in columns.items()})


def found(table, kind, task=TASK):
    return {name for one in run_checks(table, task) if one.kind == kind for name in one.columns}


def test_identifiers_are_told_by_name_and_by_shape():
    table = people(
        employee_number=lambda rng: np.cumsum(rng.integers(1, 6, N)),
        account_no=lambda rng: rng.integers(10_000_000, 99_999_999, N),
        ref=lambda rng: rng.permutation(np.arange(3 * N))[:N] + 1_000_000,
        salary=lambda rng: rng.normal(50_000, 9_000, N).round(2),
        number_inpatient=lambda rng: rng.poisson(2, N),
        num_children=lambda rng: rng.poisson(1, N),
        income=lambda rng: rng.lognormal(10, 1, N).round(),
        year=lambda rng: rng.integers(1999, 2009, N),
    )
    assert found(table, "number_identifiers") == {"employee_number", "account_no", "ref"}


def test_codes_become_categories_by_the_remedy():
    table = people(
        zip=lambda rng: rng.integers(10_000, 99_999, N),
        OCCP=lambda rng: rng.choice([10, 20, 310, 4700], N),
        region=lambda rng: rng.integers(1, 5, N),
        age=lambda rng: rng.integers(18, 80, N),
        score=lambda rng: rng.integers(0, 100, N),
    )
    assert found(table, "number_codes") == {"zip", "OCCP", "region"}
    (check,) = [one for one in run_checks(table, TASK) if one.kind == "number_codes"]
    after = Task.from_dict(TASK.to_dict() | dict(check.remedies[0].change))
    assert "number_codes" not in {one.kind for one in run_checks(table, after)}
    assert any(name.startswith("region = ") for name in encode(table, after).feature_names)


@pytest.mark.parametrize("name", ["patient_nbr", "personId", "DUPERSID", "customer"])
def test_a_person_with_several_rows_is_kept_together_by_the_remedy(name):
    table = people(**{name: lambda rng: rng.integers(1000, 1000 + N // 4, N)})
    (check,) = [one for one in run_checks(table, TASK) if one.kind == "repeated_persons"]
    assert check.severity == "high" and check.columns == (name,)
    after = Task.from_dict(TASK.to_dict() | dict(check.remedies[0].change))
    data = encode(table, after)
    parts = pd.Series(data.split).groupby(table[name].to_numpy()[data.row_id]).nunique()
    assert parts.max() == 1 and not any(feature.startswith(name) for feature in data.feature_names)
    assert not found(table, "repeated_persons", after)


def test_one_row_for_each_person_is_not_told_of_as_several():
    table = people(patient_nbr=lambda rng: rng.permutation(N * 9)[:N])
    assert not found(table, "repeated_persons")
    assert found(table, "number_identifiers") == {"patient_nbr"}


def test_words_of_names():
    assert words_of("AccountNo") == ["account", "no"] and words_of("zip0") == ["zip", "0"]


def test_numbers_that_spell_dates_become_years_and_months():
    table = people(
        since=lambda rng: rng.integers(1999, 2020, N) * 100 + rng.integers(1, 13, N),
        on=lambda rng: rng.integers(1999, 2020, N) * 10_000 + rng.integers(1, 13, N) * 100 + rng.integers(1, 29, N),
        pay=lambda rng: rng.integers(190_000, 210_000, N),
    )
    assert found(table, "number_dates") == {"since", "on"}
    (check,) = (one for one in run_checks(table, TASK) if one.kind == "number_dates")
    encoded = encode(table, Task("y", "1", "g", **check.remedies[0].change), seed=0)
    place = encoded.feature_names.index("since year")
    assert np.corrcoef(encoded.X[:, place], table["since"] // 100)[0, 1] > 0.999


def test_names_of_people_are_told_by_name_and_by_shape_and_left_out_by_the_remedy():
    called = [f"{a}{b}{c}" for a in "bdfgk" for b in ("an", "el", "io") for c in ("", "dra", "mo", "ris", "ta")]

    def names(rng):
        return rng.choice(called, N)

    table = people(
        first=names,
        customer_name=lambda rng: [f"{a} {b}" for a, b in zip(names(rng), names(rng), strict=True)],
        last_job=names,
        school_name=names,
        surname=lambda rng: rng.choice(["yes", "no", "maybe"], N),
        last=lambda rng: [f"{word} {number}" for word, number in zip(names(rng), rng.integers(1, 99, N), strict=True)],
    )
    task = Task("y", "1", "g", types={"customer_name": "category", "last": "category"})
    (check,) = [one for one in run_checks(table, task) if one.kind == "person_names"]
    assert check.columns == ("first", "customer_name") and check.severity == "medium"
    assert not {"first", "customer_name"} & found(table, "high_cardinality", task)
    assert "last_job" in found(table, "high_cardinality", task)
    (remedy,) = check.remedies
    after = Task.from_dict(task.to_dict() | dict(remedy.change))
    features = encode(table, after).feature_names
    assert not [name for name in features if name.startswith(("first", "customer_name"))]
    assert "person_names" not in {one.kind for one in run_checks(table, after)}


def test_an_identifier_is_not_offered_as_a_number():
    table = people(id=lambda rng: np.arange(1, N + 1))
    (check,) = [one for one in run_checks(table, TASK) if one.kind == "unused_identifier"]
    assert check.columns == ("id",) and not check.remedies


def test_identifiers_that_are_no_features_are_told():
    table = people(
        phone=lambda rng: [f"+1-555-{number:07d}" for number in rng.permutation(9_999_999)[:N]],
        seen=lambda rng: pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N), unit="D"),
    )
    assert found(table, "unused_identifier") == {"phone"}
    assert found(table, "unused_date") == {"seen"}
