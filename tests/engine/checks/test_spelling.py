"""Spellings of one value are found and pooled; two values never are."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core.checks.run import run_checks
from iffair_core.checks.spelling import same_but_for_spelling, spelled
from iffair_core.data.resolving import resolve
from iffair_core.data.task import Task


def people(values, outcomes=("0", "1"), n=400):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=n), "Gender": rng.choice(values, n), "y": rng.choice(outcomes, n)})


def spellings(table, task):
    return [one for one in run_checks(table, task) if one.kind == "spellings"]


def test_spellings_of_a_sensitive_value_are_pooled_by_the_remedy():
    table = people(["Male", "male", "MALE ", "Female", "female"])
    task = Task("y", "1", "Gender")
    (check,) = spellings(table, task)
    assert check.severity == "high" and "Gender" in check.text
    after = Task.from_dict(task.to_dict() | dict(check.remedies[0].change))
    resolved = resolve(after, table)
    assert len(resolved.groups) == 2
    sexes = table["Gender"].str.strip().str.casefold()
    for code, group in enumerate(resolved.groups):
        assert set(sexes[resolved.group_codes == code]) == {group.strip().casefold()}
    assert not spellings(table, after)


def test_spellings_of_the_favorable_value_are_counted_together():
    table = people(["a", "b"], ("yes", "Yes", "no"))
    task = Task("y", "yes", "Gender")
    (check,) = spellings(table, task)
    after = Task.from_dict(task.to_dict() | dict(check.remedies[0].change))
    assert set(after.favorable_labels) == {"yes", "Yes"}
    assert resolve(after, table).y.sum() == (table["y"] != "no").sum()
    assert not spellings(table, after)
    assert not spellings(people(["a", "b"], ("yes", "no", "NO")), task)


def test_a_feature_is_told_quietly():
    table = people(["a", "b"]).assign(city=np.resize(["Köln", "koln", "Bonn"], 400))
    (check,) = spellings(table, Task("y", "1", "Gender"))
    assert check.severity == "low" and check.columns == ("city",) and not check.remedies


@pytest.mark.parametrize(
    "values",
    [("A+", "A-"), ("<25", ">25"), ("1-2", "12"), ("-1", "1"), ("10.5", "105"), ("M", "F"), ("n/a 1", "n/a 2"),
     ("C", "C++"), ("< 5", "<= 5"), ("2 to 3", "23")],
)  # fmt: skip
def test_two_values_are_never_one(values):
    assert same_but_for_spelling(values) == []


@given(st.text(max_size=12))
def test_a_label_is_one_with_its_other_cases_and_blanks_and_spelling_is_settled(label):
    assert spelled(spelled(label)) == spelled(label)
    assert spelled(f"  {label} ") == spelled(label)
