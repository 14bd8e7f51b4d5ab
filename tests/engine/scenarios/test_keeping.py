"""What a scenario holds: all that is told of a study, the same numbers again, and no row that nobody let be kept."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from iffair_core import Study, StudyResult, Task, read_table
from iffair_core.errors import ConfigError, StoreError
from iffair_core.reading.door import table_fingerprint
from iffair_core.scenarios.keeping import SAME, keep, largest_difference
from iffair_core.scenarios.record import ROWS, TABLE, Kept, table_of, table_parquet
from iffair_core.telling import files
from tests.engine.studies import example_study, hostile_study, plain_study, plain_table


def kept(result: StudyResult, **how: object) -> Kept:
    return keep(result, **{"choices": {}, "source": "example", "private": False, **how})


def test_a_scenario_holds_every_number_of_the_study():
    result = example_study()
    made = kept(result, choices={"seed": ["0"]})
    assert json.loads(files.summary_json(result)) == made.summary
    assert made.curve.equals(result.curve.frame())
    assert pd.read_csv(io.BytesIO(files.rows_csv(result)), dtype={"group": str}).equals(
        made.rows.astype({"split": "str", "group": "str", "outcome": "int64"})
    )
    assert made.head["after"]["test"] == dict(result.after["test"].values)
    assert made.head["strength"] == result.strength and made.head["choices"] == {"seed": ["0"]}
    assert json.loads(made.files["settings.json"])["table"]["fingerprint"] == made.head["table"]["fingerprint"]


def test_of_a_table_of_ones_own_neither_outcome_nor_group_nor_cell_is_held_unless_that_was_asked_for():
    result = plain_study()
    held = kept(result, private=True)
    assert TABLE not in held.files and held.table is None and not held.head["table"]["kept"]
    assert held.rows is not None and not {"outcome", "group"} & set(held.rows.columns)
    assert np.array_equal(held.rows["weight"].dropna(), result.weights)
    asked = kept(result, private=True, table=plain_table())
    assert {"outcome", "group"} <= set(asked.rows.columns) and asked.head["table"]["kept"]
    assert table_fingerprint(asked.table) == result.fingerprint


def test_nothing_is_held_as_a_pickle_and_hostile_names_come_back_as_they_are():
    made = kept(hostile_study(), private=True)
    assert all(not content.startswith(b"\x80") for content in made.files.values())
    assert made.summary["dataset"]["name"] == "-odd <b> name.csv"
    assert made.head["outcome"] == {"target": "-y </script><b>", "favorable": "+yes' & $HOME", "cuts": None}


def test_in_cohort_only_mode_only_what_is_told_is_held():
    result = Study(plain_table(), Task("y", 1, "g", smallest_group=10), name="plain.csv").run()
    made = kept(result, private=True)
    assert ROWS not in made.files and made.rows is None and made.head["smallest_group"] == 10
    assert made.files["weights.csv"] == files.weights_csv(result)
    assert made.summary["weights"]["max"] is None and made.summary["suppressed"]
    assert made.head["sentences"] and made.curve.notna().to_numpy().any()
    with pytest.raises(ConfigError, match="single rows"):
        kept(result, private=True, table=plain_table())


def test_a_study_that_has_not_finished_is_not_kept():
    with pytest.raises(ConfigError, match="not finished"):
        kept(replace(example_study(), timing={}))


# ----------------------------------------------------------------------------------------------------- the same numbers


def test_the_same_study_again_has_the_same_numbers_and_another_seed_has_not():
    table = plain_table()
    again = Study(table, Task("y", 1, "g"), name="plain.csv").run()
    assert largest_difference(kept(plain_study()), kept(again)) <= (SAME, "~")
    other = Study(table, Task("y", 1, "g"), name="plain.csv", seed=1).run()
    apart, where = largest_difference(kept(plain_study()), kept(other))
    assert apart > 0.001 and where
    with pytest.raises(ConfigError, match="two tables"):
        largest_difference(kept(plain_study()), kept(example_study()))


@pytest.mark.parametrize("name", ["curve.csv", "summary.json", "rows.parquet"])
def test_a_number_that_moved_anywhere_is_found(name):
    made = kept(plain_study())
    written = dict(made.files)
    if name == "curve.csv":
        frame = made.curve.copy()
        frame.loc[3, "f1"] += 0.25
        written[name] = frame.to_csv(index=False).encode()
    elif name == "summary.json":
        summary = json.loads(written[name])
        summary["difference"]["test"]["accuracy"]["value"] += 0.25
        written[name] = json.dumps(summary).encode()
    else:
        rows = made.rows.copy()
        rows.loc[5, "score_after"] += 0.25
        buffer = io.BytesIO()
        rows.to_parquet(buffer)
        written[name] = buffer.getvalue()
    for pair in ((made, Kept(made.head, written)), (Kept(made.head, written), made)):
        apart, where = largest_difference(*pair)
        assert apart == pytest.approx(0.25)
        assert any(word in where for word in ("f1", "accuracy", "score_after"))


def test_a_number_that_one_of_them_lacks_is_a_difference_without_end():
    made = kept(plain_study())
    summary = json.loads(made.files["summary.json"])
    summary["after"]["test"]["accuracy"] = None
    lacking = Kept(made.head, {**made.files, "summary.json": json.dumps(summary).encode()})
    assert largest_difference(made, lacking)[0] == np.inf


# --------------------------------------------------------------------------------------------------------------- tables


CSV = (
    "name;amount;born;size;ok\n"
    "Zoë;1,5;2001-02-03;007;yes\n=1+1;2,25;;008;no\n;-0,0;1999-12-31;009;\nthis line; is; much; too; long; for it\n"
)


def test_a_table_comes_back_cell_for_cell_with_what_is_known_of_its_reading():
    table = read_table(CSV.encode(), name="people.csv")
    assert table.attrs["left_out"].count == 1
    again = table_of(table_parquet(table))
    pd.testing.assert_frame_equal(again, table)
    assert table_fingerprint(again) == table_fingerprint(table)
    assert again.attrs["warnings"] == table.attrs["warnings"] and again.attrs["decimal"] == ","
    assert "left_out" not in again.attrs and b"much; too; long" not in table_parquet(table)
    assert table.attrs["left_out"].count == 1, "the table itself is left alone"


def test_a_table_that_would_not_come_back_is_refused():
    with pytest.raises(StoreError, match="does not come back"):
        table_parquet(pd.DataFrame({"mixed": [1, "one", None]}))
