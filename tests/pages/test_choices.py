"""Choices and links: one is the other's inverse, and what does not fit any more is given up, nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core.data.task_options import quantiles
from iffair_core.datasets.catalog import DATASETS
from iffair_core.metrics import GOAL_METRIC
from iffair_core.reading.types import TYPES
from iffair_core.reweighting import VARIANTS
from pages.session.address import from_query, to_query
from pages.session.settings import Choices, differences, preset, study_part

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
CUTS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=4, unique=True).map(lambda cuts: tuple(sorted(cuts)))
COLUMNS = st.lists(NAMES, max_size=3, unique=True).map(tuple)
SOME_NAME = st.none() | NAMES


@st.composite
def many_choices(draw: st.DrawFn) -> Choices:
    """Choices with everything set that can be, in columns and values with any characters."""
    return Choices(
        source="upload",
        file=draw(st.none() | st.just("0123456789ab")),
        reading=draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "delimiter": st.sampled_from([",", ";", "\t", "|", " ", "::"]),
                    "quote": st.sampled_from(["", '"', "'"]),
                    "decimal": st.sampled_from([".", ","]),
                    "encoding": st.sampled_from(["utf-8", "cp1252"]),
                    "header": st.integers(0, 40),
                    "comment": st.sampled_from(["", "#", "::"]),
                    "sheet": NAMES,
                },
            )
        ),
        types=draw(st.dictionaries(NAMES, st.sampled_from(TYPES), max_size=3)),
        missing=draw(COLUMNS),
        exclude=draw(COLUMNS),
        target=draw(SOME_NAME),
        favorable=draw(st.none() | NAMES | st.lists(NAMES, min_size=2, max_size=3, unique=True).map(tuple)),
        sensitive=draw(COLUMNS),
        bins=draw(st.dictionaries(NAMES, CUTS | st.sampled_from(["quantiles:2", "quantiles:10"]), max_size=3)),
        pool=draw(
            st.dictionaries(
                NAMES,
                st.dictionaries(NAMES, st.lists(NAMES, min_size=1).map(tuple), min_size=1, max_size=2),
                max_size=2,
            )
        ),
        reference=draw(SOME_NAME),
        drop=draw(COLUMNS),
        use_sensitive_as_feature=draw(st.booleans()),
        weights=draw(SOME_NAME),
        split_column=draw(SOME_NAME),
        unit=draw(SOME_NAME),
        smallest_group=draw(st.none() | st.integers(2, 500)),
        goal=draw(st.sampled_from(sorted(GOAL_METRIC))),
        variant=draw(st.sampled_from(VARIANTS)),
        strength=draw(st.none() | st.floats(0, 1.25)),
        utility_budget=draw(st.none() | st.floats(0, 1)),
        max_weight=draw(st.floats(1.1, 20)),
        min_effective_sample_size=draw(st.floats(0.1, 0.9)),
        seed=draw(st.integers(0, 2**32 - 1)),
        reference_line=draw(st.none() | st.floats(0, 1)),
    )


@given(many_choices())
def test_a_link_restores_every_choice(chosen):
    restored, problems = from_query(to_query(chosen))
    assert problems == []
    assert restored == chosen


@pytest.mark.parametrize("entry", DATASETS, ids=lambda entry: entry.name)
def test_a_preset_makes_the_task_of_its_data_set(entry):
    chosen = preset(entry.name)
    made, wanted = chosen.task(), entry.task
    assert made is not None and made.sensitive_columns == wanted.sensitive_columns
    assert made.favorable_labels == wanted.favorable_labels
    assert made.pool == wanted.pool and made.drop == wanted.drop and made.missing == wanted.missing
    assert {name: tuple(cuts) for name, cuts in (made.bins or {}).items()} == dict(wanted.bins or {})
    assert to_query(chosen) == ({} if entry.name == "example" else {"source": [entry.name]})


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("types", "age:banana"), ("types", "age"), ("bins", "age:60,25"), ("bins", "age:q1"), ("bins", "age:q99"),
        ("pool", "not json"), ("pool", '["a"]'), ("pool", '[1,"b","c"]'), ("pool", '{"a":1}'), ("pool", "[" * 2000),
        ("reading", "colour:red"), ("reading", "header:x"), ("reading", "decimal:;"), ("reading", "encoding:klingon"),
        ("smallest_group", "1"), ("smallest_group", "x"), ("seed", "-1"),
    ],
)  # fmt: skip
def test_a_part_that_cannot_be_used_is_said_and_the_rest_is(part, value):
    choices, problems = from_query({part: [value], "source": ["upload"], "metric": ["demographic_parity"]})
    assert len(problems) == 1 and part.replace("_", " ") in problems[0]
    assert choices == Choices(source="upload", goal="demographic_parity")


def test_one_favorable_value_is_no_set():
    assert Choices(favorable=("a",)).favorable == "a" and Choices(favorable=()).favorable is None
    assert Choices(favorable=("a", "b")).favorable_values == ("a", "b")
    assert Choices(favorable="a").favorable_values == ("a",) and Choices().favorable_values == ()


FULL = Choices(
    source="upload",
    target="pay",
    favorable=">= 10",
    sensitive=("age", "town"),
    bins={"age": (25.0,), "pay": (10.0,)},
    pool={"town": {"east": ("Ash", "Elm")}, "age": {"any": ("< 25",)}},
    reference=">= 25 / east",
    drop=("id", "sex"),
    weights="w",
    split_column="part",
    unit="person",
    types={"id": "identifier"},
    missing=("?",),
    exclude=("age<18",),
)


def test_another_outcome_gives_up_only_what_was_said_about_the_old_one_and_the_new_ones_other_roles():
    new = FULL.with_target("w")
    assert (new.target, new.favorable, new.weights) == ("w", None, None)
    assert new.bins == {"age": (25.0,)} and new.reference == FULL.reference
    assert (new.pool, new.drop, new.types, new.missing) == (FULL.pool, FULL.drop, FULL.types, FULL.missing)
    was_group = FULL.with_target("town")
    assert was_group.sensitive == ("age",) and was_group.pool == {"age": FULL.pool["age"]}
    assert was_group.reference is None and was_group.bins == {"age": (25.0,)}
    assert FULL.with_target("sex").drop == ("id",)


def test_other_groups_keep_what_is_known_about_those_that_stay():
    new = FULL.with_sensitive(["town", "part"], {"part": (1.0,)})
    assert new.bins == {"part": (1.0,), "pay": (10.0,)} and new.pool == {"town": FULL.pool["town"]}
    assert new.split_column is None and new.unit == "person" and new.reference is None
    assert new.favorable == FULL.favorable


def test_values_leave_one_pool_for_another_and_an_empty_pool_is_none():
    both = FULL.with_pool("town", "west", ["Elm", "Oak"])
    assert both.pool["town"] == {"east": ("Ash",), "west": ("Elm", "Oak")}
    assert both.reference is None
    assert both.with_pool("town", "east", []).pool["town"] == {"west": ("Elm", "Oak")}
    assert "town" not in FULL.with_pool("town", "east", []).pool


def test_a_remedy_names_fields_of_a_task():
    changed = FULL.with_change(
        {"drop": ["id"], "split": None, "favorable": (1, 2.0), "bins": {"age": "quantiles:4"}, "reference": ("a", 1),
         "pool": {"town": {"x": ["Ash"]}}, "sensitive": "town", "types": {"id": "text"}, "exclude": ("duplicates",)}
    )  # fmt: skip
    assert changed.drop == ("id",) and changed.split_column is None and changed.favorable == ("1", "2")
    assert changed.bins == {"age": "quantiles:4"} and changed.reference == "a / 1" and changed.sensitive == ("town",)
    assert changed.pool == {"town": {"x": ("Ash",)}} and changed.types == {"id": "text"}
    assert changed.exclude == ("duplicates",) and changed.unit == "person"
    assert quantiles(changed.bins["age"]) == 4 and quantiles((1.0,)) is None


def test_what_changed_is_said_of_the_new_choices_too():
    told = differences(Choices(source="upload"), FULL)
    for words in (
        "rows left out (none to age<18)",
        "row weights of the file (none to w)",
        "pooled values (none to ",
        "types of columns (none to id:identifier)",
        "what means missing (none to ?)",
        "bins (none to age:25,",
    ):
        assert any(words in one for one in told), words  # fmt: skip
    assert differences(FULL, FULL) == []


def test_how_a_file_is_read_is_no_part_of_a_study_beyond_its_cells():
    assert study_part(Choices(reading={"delimiter": ";"})) == study_part(Choices())
