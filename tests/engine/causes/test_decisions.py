"""Why a decision turned: contributions that add up to the move, and the fewest rows checked by refits of our own."""

from dataclasses import replace

import numpy as np
import pytest

from iffair_core import Study, Task, load_dataset
from iffair_core.causes.decisions import contributions, turned_rows, why_turned
from iffair_core.errors import ConfigError, TaskError
from iffair_core.models import LogisticModel
from iffair_core.telling.causes import cause_parts, cause_sentence, cause_table
from iffair_core.telling.figures import cause_bars
from tests.engine.studies import example_study, plain_table


def logit(p):
    return np.log(p / (1 - p))


def test_contributions_add_up_to_the_move_of_every_score():
    result = example_study()
    rows = np.concatenate([turned_rows(result)[:5], np.arange(0, 9_000, 2_500)])
    for row in rows:
        move = logit(result.scores_after[row]) - logit(result.scores_before[row])
        assert contributions(result, row).sum() == pytest.approx(move, abs=1e-6)


def test_contributions_count_the_weights_of_the_file():
    table = plain_table(600)
    table["w"] = np.random.default_rng(0).uniform(0.5, 2.0, 600)
    result = Study(table, Task("y", 1, "g", weights="w"), strength=0.5, rivals="none").run()
    for row in (0, 100, 599):
        move = logit(result.scores_after[row]) - logit(result.scores_before[row])
        assert contributions(result, row).sum() == pytest.approx(move, abs=1e-6)


def test_with_the_ordinary_weights_of_the_fewest_rows_a_refit_decides_as_before():
    result, table = example_study(), load_dataset("example")[0]
    for row in turned_rows(result)[:3]:
        cause = why_turned(result, table, int(result.dataset.row_id[row]))
        assert cause.exact and cause.back_score is not None
        weights = np.array(result.weights)
        weights[cause.back] = 1.0
        again = LogisticModel(result.config.C).fit(result.model.X_, result.model.y_, weights)
        score = again.predict_proba(result.dataset.X[row : row + 1])[0, 1]
        assert score == pytest.approx(cause.back_score, abs=1e-8)
        assert (score >= 0.5) == (cause.before >= 0.5) != (cause.after >= 0.5)
        assert cause.back.size < result.train_rows.size / 10
        for found, share in cause.cohorts:
            assert share == pytest.approx(cause.contributions[found.rows].sum() / cause.move)


def test_turned_rows_are_those_of_the_part_on_either_side_of_the_threshold():
    result = example_study()
    for split, code in (("validation", 1), ("test", 2)):
        found = turned_rows(result, split)
        crossed = (result.scores_before >= 0.5) != (result.scores_after >= 0.5)
        assert found.tolist() == np.flatnonzero(crossed & (result.dataset.split == code)).tolist()


def test_a_row_whose_decision_stays_and_cohort_only_mode_are_refused():
    result, table = example_study(), load_dataset("example")[0]
    calm = np.flatnonzero((result.scores_before >= 0.5) == (result.scores_after >= 0.5))[0]
    with pytest.raises(TaskError, match="is not turned"):
        why_turned(result, table, int(result.dataset.row_id[calm]))
    hidden = Study(plain_table(), Task("y", 1, "g", smallest_group=5), rivals="none").run()
    with pytest.raises(ConfigError, match="cohort-only"):
        turned_rows(hidden)


def test_it_is_told_in_a_sentence_tables_and_a_picture():
    result, table = example_study(), load_dataset("example")[0]
    row = int(result.dataset.row_id[turned_rows(result)[0]])
    cause = why_turned(result, table, row)
    said = cause_sentence(result, cause)
    assert f"row {row} turned" in said and f"The decision hangs on {cause.back.size} rows: " in said
    largest = max(share for _, share in cause.cohorts)
    assert f"the largest part of the move, {100 * largest:.1f} %" in said
    few = replace(cause, back=cause.back[:2])
    first, second = result.dataset.row_id[result.train_rows[few.back]]
    assert f"hangs on 2 rows (rows {first} and {second}): " in cause_sentence(result, few)
    parts = cause_parts(result, cause)
    cells = parts.iloc[: len(parts) - len(cause.cohorts)]
    assert cells["share"].sum() == pytest.approx(1.0)
    rows = cause_table(result, cause, most=7)
    assert len(rows) == 7 and rows["push"].abs().is_monotonic_decreasing
    assert f"row {row}" in cause_bars(result, cause).alt
