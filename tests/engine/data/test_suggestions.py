"""Suggestions by name and shape: what a name says, and that a shape that does not fit is passed over."""

from __future__ import annotations

import pandas as pd
import pytest

from iffair_core.data.suggestions import MOST, suggested_attributes, suggested_outcomes
from iffair_core.reading.types import column_summary

ROWS = 120


def table(**columns: object) -> pd.DataFrame:
    return column_summary(pd.DataFrame({"score": [i * 0.37 for i in range(ROWS)], **columns}))


TWO = ["yes" if i % 3 else "no" for i in range(ROWS)]
MANY = [f"word {i}" for i in range(ROWS)]


@pytest.mark.parametrize("name", ["hired", "loan_approved", "Decision", "two_year_recid", "y", "INCOME"])
def test_a_column_of_two_values_with_the_name_of_an_outcome_is_suggested(name: str) -> None:
    assert suggested_outcomes(table(**{name: TWO, "town": TWO})) == (name,)
    assert suggested_outcomes(table(**{name: MANY, "town": MANY})) == ()


def test_without_a_name_the_last_column_is_suggested_if_it_has_two_values_and_is_no_attribute() -> None:
    assert suggested_outcomes(table(town=MANY, survived=TWO)) == ("survived",)
    assert suggested_outcomes(table(town=TWO, gender=TWO)) == ()


@pytest.mark.parametrize("name", ["sex", "Gender", "applicant_race", "ApplicantEthnicity", "RACE1", "marital-status"])
def test_an_attribute_is_suggested_by_its_name_where_it_makes_groups(name: str) -> None:
    assert suggested_attributes(table(**{name: TWO})) == (name,)
    assert suggested_attributes(table(**{name: MANY})) == ()


def test_an_age_is_suggested_as_a_number_and_words_are_whole() -> None:
    ages = [18 + i % 50 for i in range(ROWS)]
    assert suggested_attributes(table(age=ages, wage=ages, stage=TWO, sexton=TWO)) == ("age",)


def test_a_few_are_suggested_the_commonest_first() -> None:
    columns = table(religion=TWO, race=TWO, sex=TWO, gender=TWO)
    assert suggested_attributes(columns) == ("sex", "gender", "race")[:MOST]
