"""The pipeline of the repaired model: loaded by skops, it gives the scores of rows.csv on rows as they were read."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
import skops.io

from iffair_core import ConfigError, Study, Task, TaskError
from iffair_core.study.pipeline import TRUSTED, repaired_pipeline
from iffair_core.telling import files
from tests.engine.studies import hostile_study, hostile_table, plain_study, plain_table


def dated_study():
    """Months, codes that are a category, a marker, infinite values, a constant column and one that is empty."""
    rng = np.random.default_rng(3)
    table = plain_table(500)
    when = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1500, len(table)), unit="D")
    when = pd.Series(when).mask(rng.random(len(table)) < 0.1)
    table = table.assign(since=when, code=rng.integers(1, 5, len(table)), c=table["c"].replace("w", "?"), one=1.0)
    table["x"] = table["x"].mask(rng.random(len(table)) < 0.05, np.inf)
    table["gone"], table["rare"] = np.nan, ["odd", *["usual"] * 250, *["other"] * 249]
    types = {"since": "year and month", "code": "category"}
    task = Task("y", 1, "g", types=types, missing=("?",), exclude=("age<25",))
    return Study(table, task, rivals="none", strength=0.5).run(), table


CASES = {
    "plain": lambda: (plain_study(), plain_table()),
    "hostile": lambda: (hostile_study(), hostile_table()),
    "dated": dated_study,
    "network": lambda: (plain_study(model="mlp", rivals="none", threshold="balanced", strength=0.3), plain_table()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_loaded_pipeline_gives_the_scores_of_rows_csv(name):
    result, table = CASES[name]()
    raw = files.model_skops(result)
    assert tuple(skops.io.get_untrusted_types(data=raw)) == TRUSTED, "one class of our own, all else is scikit-learn's"
    pipeline = skops.io.loads(raw, trusted=list(TRUSTED))
    rows = pd.read_csv(io.BytesIO(files.rows_csv(result)))
    scores = pipeline.predict_proba(table.iloc[rows["row_id"]])[:, 1]
    assert np.abs(scores - rows["score_after"]).max() < 1e-9
    decided = pipeline.predict(table.iloc[rows["row_id"]])
    assert (decided == (rows["score_after"] >= result.threshold)).all()
    one = table.iloc[[int(rows["row_id"].iloc[7])]]
    assert pipeline.predict_proba(one)[0, 1] == pytest.approx(rows["score_after"].iloc[7], abs=1e-9)


def test_levels_that_are_new_and_numbers_in_words_are_read_as_the_study_would():
    pipeline = repaired_pipeline(plain_study())
    table = plain_table().head(3)
    usual = pipeline.predict_proba(table)[:, 1]
    assert (pipeline.predict_proba(table.assign(x=table["x"].map(str)))[:, 1] == usual).all()
    assert np.isfinite(pipeline.predict_proba(table.assign(c="new", x=np.nan))).all()
    with pytest.raises(TaskError, match="no column 'x'"):
        pipeline.predict_proba(table.drop(columns="x"))


def test_cohort_only_mode_has_no_model_file():
    result = Study(plain_table(200), Task("y", 1, "g", smallest_group=10), rivals="none").run()
    with pytest.raises(ConfigError, match="single rows"):
        files.model_skops(result)
