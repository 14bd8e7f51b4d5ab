"""One row: its encoding by hand, what is typical of its like, its nearest rows, and what an edit changes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from iffair_core import Study, Task, load_dataset
from iffair_core.causes.person import decided, edited, levels_of, nearest_rows, typical
from iffair_core.data.encoding import encode, encoded_row, row_values
from iffair_core.data.resolving import typed
from iffair_core.errors import ConfigError, TaskError
from iffair_core.study.results import Repaired
from tests.engine.studies import example_study, plain_study, plain_table


def mixed_table(rows=500):
    """Numbers with gaps, rare levels, missing levels, dates taken as year and month, a constant with gaps."""
    rng = np.random.default_rng(2)
    table = plain_table(rows)
    table["town"] = rng.choice(
        ["Elm", "Oak", None, *[f"rare {i}" for i in range(40)]], rows, p=[0.5, 0.3, 0.1, *[0.0025] * 40]
    )
    table["since"] = pd.Timestamp("2001-01-01") + pd.to_timedelta(rng.integers(0, 5_000, rows), unit="D")
    table["one"] = np.where(rng.random(rows) < 0.2, np.nan, 4.0)
    table["yes"] = rng.random(rows) < 0.4
    return table


MIXED = Task("y", 1, "g", types={"since": "year and month"}, use_sensitive_as_feature=True)


def test_a_row_encoded_by_its_values_is_the_row_of_the_matrix():
    table = typed(MIXED, mixed_table())
    data = encode(table, MIXED)
    for row in range(0, 500, 7):
        values = row_values(data, table, row)
        assert {"since year", "since month", "town", "one"} <= set(values)
        assert encoded_row(data, values) == pytest.approx(data.X[row], abs=1e-12)


def test_a_level_that_nobody_had_and_a_number_that_is_missing_are_taken_as_training_rows_taught():
    table = typed(MIXED, mixed_table())
    data = encode(table, MIXED)
    row = row_values(data, table, 0)
    unseen = encoded_row(data, {**row, "town": "Nowhere"})
    assert unseen[list(data.feature_names).index("town = (other)")] == 1.0
    missing = encoded_row(data, {**row, "x": None})
    assert missing[list(data.feature_names).index("x is missing")] == 1.0
    with pytest.raises(TaskError, match="is no number"):
        encoded_row(data, {**row, "age": "old"})
    with pytest.raises(TaskError, match="No feature comes from nothing"):
        encoded_row(data, {**row, "nothing": 1.0})


def test_an_edit_moves_the_score_by_the_models_coefficients():
    result, table = example_study(), load_dataset("example")[0]
    row = int(result.dataset.row_id[result.train_rows[0]])
    before, same = edited(result, table, row, {})
    assert before == same
    assert before.before == pytest.approx(result.scores_before[result.train_rows[0]])
    assert before.after == pytest.approx(result.scores_after[result.train_rows[0]])
    after = edited(result, table, row, {"prior_defaults": 5.0})[1]
    learned = result.dataset.encoding["prior_defaults"]
    place = list(result.dataset.feature_names).index("prior_defaults")
    step = (5.0 - float(table["prior_defaults"].iloc[row])) / learned["std"]
    logit = np.log(after.before / (1 - after.before)) - np.log(before.before / (1 - before.before))
    assert logit == pytest.approx(step * result.model.theta_[place])
    assert after.favorable_before == (after.before >= 0.5)


def test_a_study_without_a_curve_knows_one_decision():
    whole = plain_study()
    result = replace(whole, records={kind: one for kind, one in whole.records.items() if kind is not Repaired})
    found = decided(result, result.dataset.X[0])
    assert found.after is None and found.favorable_after is None


def test_typical_says_where_a_value_stands_among_its_like():
    result, table = example_study(), load_dataset("example")[0]
    at = result.train_rows[0]
    row = int(result.dataset.row_id[at])
    told = dict(zip(table.columns, typical(result, table, row), strict=True))
    data, rows = result.dataset, result.train_rows
    alike = data.row_id[rows[(data.group_codes[rows] == data.group_codes[at]) & (data.y[rows] == data.y[at])]]
    alike = table.iloc[alike[alike != row]]
    below = (alike["age"] < table["age"].iloc[row]).mean(), (alike["age"] > table["age"].iloc[row]).mean()
    if max(below) >= 0.75:
        side = "above" if below[0] > below[1] else "below"
        assert told["age"] == f"median {alike['age'].median():g}; {side} {100 * max(below):.0f} % of them"
    share = (alike["employment"] == table["employment"].iloc[row]).mean()
    assert told["employment"].startswith(f"as {100 * share:.0f} % of them")
    assert told["decision"] == "" and told["community"] == ""


def test_the_nearest_rows_are_those_of_all_distances():
    result = plain_study()
    row = int(result.dataset.row_id[result.train_rows[3]])
    places, distances = nearest_rows(result, row, 4)
    apart = np.linalg.norm(result.dataset.X[result.train_rows] - result.dataset.X[result.train_rows[3]], axis=1)
    apart[3] = np.inf
    assert distances == pytest.approx(np.sort(apart)[:4])
    assert 3 not in places and apart[places] == pytest.approx(distances)


def test_levels_are_those_taught_and_rows_are_refused_where_they_may_not_be_shown():
    result = example_study()
    assert "salaried" in levels_of(result, "employment") and levels_of(result, "age") is None
    with pytest.raises(TaskError, match="is no row of the study"):
        nearest_rows(result, 10_000_000)
    hidden = Study(plain_table(), Task("y", 1, "g", smallest_group=5), rivals="none").run()
    with pytest.raises(ConfigError, match="cohort-only"):
        nearest_rows(hidden, 0)
