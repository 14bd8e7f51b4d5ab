"""Columns that measure nothing: identifiers, codes, names of people; and a person who has several rows.

A model that is given a customer number learns what it happens to go with, and a person whose rows fall into several
parts of the split is tested on what was learned from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from iffair_core.checks.evidence import Check, Evidence, Remedy, plural
from iffair_core.errors import joined, quoted
from iffair_core.reading.values import as_numbers


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
NUMBERED = _set("id ids nr no nbr num number key uid uuid guid pid ref")
"""Words that call a column a number by which something is known."""
NAMED_SO = _set(
    "ssn iban isin phone telephone tel mobile fax account acct passport serial barcode dupersid panel ip mrn nhs"
)
"""Words that need no other: such a column is an identifier by name."""
PLACES = _set("zip zipcode postal postcode plz fips tract cbsa puma")
"""Words that call a column the code of a place."""
OF_WHOM = _set(
    "person patient employee customer client student pupil applicant user member subject participant respondent "
    "household family case individual defendant worker borrower account candidate staff teacher card policy "
    "dupersid mrn ssn"
)
COUNTED = _set(
    "of numberof total count times days years months hours children inpatient outpatient emergency procedures "
    "diagnoses medications lab visits trips rooms"
)
"""Words beside "number" that say it counts something, as in number of children."""
CODES = _set(
    "code cd race rac ethnicity ethnic hispanic sex gender region state county occupation occ occp industry naics "
    "soc marital mar religion language country nationality citizenship cit division district branch department "
    "dept job status category cat type class relp pobp cow msp diag icd rac1p racev2x"
)
"""Words by whose names numbers are codes of kinds."""
ORDERED = _set(
    "level grade rank score rating index stage step age year years count amount satisfaction involvement income "
    "pay wage salary tenure"
)
"""Words by whose names numbers have an order, whatever else the name says."""
CALLED = _set("first last middle given family full fore sur christian maiden")
"""Words that say which name of a person it is: alone, or beside "name"."""
NAMES = _set(
    "name names firstname lastname middlename givenname familyname fullname forename surname vorname nachname prenom "
    "nom nombre apellido apellidos cognome"
)
"""Words for a name, alone or beside a word of a person."""
NAME = re.compile(r"[^\W\d_]+(?:[ .,'’-]+[^\W\d_]+){0,5}\.?")
"""A name: up to six words of letters."""
NAME_SHARE, LEAST_NAMES, NAMES_PER_ROW = 0.95, 50, 0.1
"""Share of a column's values that are such, how many there are, and how many to a row."""
DISTINCT_SHARE = 0.9
"""Share of rows with a number of their own from which whole numbers of one length look like identifiers."""
LONG = 6
"""Digits from which a number of which nearly every row has its own is an identifier by its looks alone."""
LEAST_DATES = 5
MOST_CODES = 600
REPEATED = 1.05
"""Rows per value from which a person has several rows."""


def identity_checks(data: Evidence) -> Iterator[Check]:
    """Every check of this module that has something to say."""
    people = _persons(data)
    yield from _repeated_persons(data, people)
    numbers = [name for name in data.features if data.is_number(name) and name not in people]
    dates = [name for name in numbers if _spells_dates(data, name)]
    numbers = [name for name in numbers if name not in dates]
    yield from _dates(data, dates)
    known = [name for name in numbers if _is_identifier(data, name)]
    text = (
        f"{quoted(known)}: by name and values {plural(known, 'this is an identifier', 'these are identifiers')}, a "
        "number by which somebody or something is known. It measures nothing, and single people can be recognized by "
        f"it. Leave {plural(known, 'it', 'them')} out."
    )
    yield from data.about(known, "number_identifiers", "medium", "Identifiers among the features", text)
    yield from _codes(data, [name for name in numbers if name not in known])
    names = person_names(data)
    text = (
        f"{quoted(names)}: by name and values {plural(names, 'this is a name', 'these are names')} of people. A model "
        "has nothing to learn from a name but what its bearers happened to get, and single people can be recognized "
        f"by it. Leave {plural(names, 'it', 'them')} out."
    )
    yield from data.about(names, "person_names", "medium", "Names of people among the features", text)


def words_of(name: str) -> list[str]:
    """The words of a column's name, in lower case.

    >>> words_of("patient_nbr"), words_of("accountNo"), words_of("RAC1P")
    (['patient', 'nbr'], ['account', 'no'], ['rac', '1', 'p'])
    """
    return [word.casefold() for word in _WORD.findall(name)]


def _whole(data: Evidence, name: str) -> np.ndarray | None:
    """The finite values of a column of whole numbers, None for any other."""
    values = as_numbers(data.series(name))
    values = values[np.isfinite(values)]
    return values if values.size and bool((values == np.rint(values)).all()) else None


def _numbers_something(name: str) -> bool:
    """Whether a name says that its numbers are those by which something is known, and do not count anything."""
    words = words_of(name)
    if set(words) & NAMED_SO:
        return True
    numbered = bool(set(words) & NUMBERED) and len(words) > 1
    # "number_inpatient" counts; "employee_number" names.
    return numbered and not set(words) & COUNTED and words[0] not in ("num", "number", "no")


def _is_identifier(data: Evidence, name: str) -> bool:
    values = _whole(data, name)
    if values is None or values.size < 20:
        return False
    own = np.unique(values).size / values.size
    digits = np.floor(np.log10(np.maximum(np.abs(values), 1))) + 1
    one_length = bool((digits == digits[0]).mean() > 0.99) if digits[0] > 1 else False
    if _numbers_something(name):
        return own >= 0.5 or digits.max() >= LONG
    return own >= DISTINCT_SHARE and one_length and digits[0] >= LONG and values.min() > 0


def person_names(data: Evidence) -> list[str]:
    """Features that hold names of people, by the column's name and by its values."""
    return [name for name in data.features if _names_people(name) and _looks_like_names(data, name)]


def _names_people(name: str) -> bool:
    words = set(words_of(name))
    if not words <= CALLED | NAMES | OF_WHOM:
        return False
    return bool(words & NAMES) or (len(words) == 1 and words <= CALLED)


def _looks_like_names(data: Evidence, name: str) -> bool:
    if not data.is_text(name):
        return False
    codes, distinct = data.raw(name)
    texts = distinct.astype("str").str.strip()
    if texts.size < max(LEAST_NAMES, NAMES_PER_ROW * np.count_nonzero(codes >= 0)):
        return False
    return bool(texts.str.fullmatch(NAME.pattern).mean() >= NAME_SHARE)


# --------------------------------------------------------------------------------------------------------------- dates


def _spells_dates(data: Evidence, name: str) -> bool:
    """Whether all numbers of a column are years with a month, as 201208, or whole days, as 20120831."""
    values = _whole(data, name)
    if values is None or values.min() < 190_001 or np.unique(values).size < LEAST_DATES:
        return False
    days = np.full(values.size, 1.0) if values.max() < 1e6 else values % 100
    months = values if values.max() < 1e6 else values // 100
    if not ((months >= 190_001) & (months <= 209_912)).all():
        return False
    return bool(((months % 100 >= 1) & (months % 100 <= 12) & (days >= 1) & (days <= 31)).all())


def _dates(data: Evidence, names: list[str]) -> Iterator[Check]:
    if names:
        them = plural(names, "it", "them")
        text = (
            f"{joined([quoted([name]) for name in names])}: these numbers are dates, as 201212 for December 2012. As a "
            f"quantity, the next month would be 89 more. Read {them} as year and month, or leave {them} out."
        )
        retyped = data.retyped(names, "year and month")
        remedies = (Remedy(f"Read {them} as year and month", retyped), *data.drop(names))
        yield Check("number_dates", "medium", "Dates taken as quantities", text, tuple(names), remedies)


# --------------------------------------------------------------------------------------------------------------- codes


def _codes(data: Evidence, numbers: list[str]) -> Iterator[Check]:
    """Features whose numbers are codes: of a place, or of kinds such as occupations."""
    places, kinds = [], []
    for name in numbers:
        values = _whole(data, name)
        if values is None:
            continue
        words, size = set(words_of(name)), np.unique(values).size
        if words & PLACES and values.min() >= 0:
            places.append(name)
        elif words & CODES and not words & ORDERED and 3 <= size <= MOST_CODES and values.min() >= -9:
            kinds.append(name)
    names = [*places, *kinds]
    if not names:
        return
    text = (
        f"{joined([quoted([name]) for name in names])}: by {plural(names, 'its name', 'their names')} "
        f"{plural(names, 'this column holds', 'these columns hold')} codes, numbers that name a kind or a place. As a "
        "quantity, 6 would be twice 3. Let each code be a category of its own."
    )
    label = f"Take {plural(names, 'it as a category', 'them as categories')}"
    remedies = (Remedy(label, data.retyped(names, "category")), *data.drop(names))
    yield Check("number_codes", "medium", "Codes taken as quantities", text, tuple(names), remedies)


# ------------------------------------------------------------------------------------------------------------- persons


def _persons(data: Evidence) -> dict[str, int]:
    """{column by which people are known: how many there are}, of columns in which they have several rows each."""
    if data.task is not None and data.task.unit is not None:
        return {}
    taken: set[str] = set()
    if data.task is not None:
        taken = {data.task.target, *data.task.sensitive_columns, data.task.weights or "", data.task.split or ""}
    found = {}
    for name in data.names:
        words = words_of(name)
        if name in taken or not set(words) & OF_WHOM or not (_numbers_something(name) or words[-1] in OF_WHOM):
            continue
        if data.is_number(name) and _whole(data, name) is None:
            continue
        codes, distinct = data.raw(name)
        rows = int(np.count_nonzero(codes >= 0))
        if distinct.size >= 20 and rows >= REPEATED * distinct.size and rows >= 0.5 * data.rows:
            found[name] = int(distinct.size)
    return found


def _repeated_persons(data: Evidence, people: dict[str, int]) -> Iterator[Check]:
    for name, count in people.items():
        text = (
            f"{quoted([name])} has {count:,} values in {data.rows:,} rows: the same person, or case, has several rows. "
            "Where they fall into different parts of the split, a model is tested on people it has learned from, and "
            "looks better than it is. Keep the rows of each in one part; the column is then no feature."
        )
        change: dict[str, Any] = {"unit": name}
        if data.task is not None and name in data.task.drop:
            change["drop"] = tuple(one for one in data.task.drop if one != name)
        remedy = Remedy(f"Keep the rows of each {quoted([name])} in one part", change)
        yield Check("repeated_persons", "high", "Several rows of one person", text, (name,), (remedy,))
