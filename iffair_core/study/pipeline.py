"""A study's repaired model as a scikit-learn pipeline: rows of a table as they were read -> P(favorable).

The steps are `RowEncoder`, which encodes as the training rows taught it, and scikit-learn's own LogisticRegression or
MLPClassifier with the repaired parameters. Nothing is fitted here. Class 1 is the favorable outcome; `predict` decides
from the study's threshold on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelBinarizer

from iffair_core.data.encoding import OTHER, STANDARD_LIMIT
from iffair_core.errors import TaskError, quoted, shorten
from iffair_core.metrics import THRESHOLD
from iffair_core.models.logistic import LogisticModel
from iffair_core.models.mlp import MLPModel
from iffair_core.reading.types import with_types, year_and_month
from iffair_core.reading.values import as_numbers, is_number, label_codes
from iffair_core.study.disclosure import require_rows
from iffair_core.study.results import StudyResult

TRUSTED = ("iffair_core.study.pipeline.RowEncoder",)
"""What skops has to be told to trust before it loads a pipeline; all else in it is scikit-learn's and numpy's."""


class RowEncoder(TransformerMixin, BaseEstimator):
    """Columns of a table as a study encoded them; `transform` learns nothing.

    columns: (name, how) of each column that features come from, in order; how is "number", "category" or "month", a
    date of which year and month count. learned: what the training rows taught of each (`encoding.encode`), two entries
    for a month. types, missing: of the task, for these columns.
    """

    def __init__(
        self,
        columns: Sequence[Sequence[str]],
        learned: Sequence[Mapping[str, Any]],
        types: Mapping[str, str],
        missing: Sequence[str],
    ) -> None:
        self.columns, self.learned, self.types, self.missing = columns, learned, types, missing

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Nothing is learned."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Features (n, p) of the rows of a table. Raises TaskError where one of its columns is absent or unreadable."""
        absent = [name for name, _ in self.columns if name not in X.columns]
        if absent:
            raise TaskError(
                f"The table has no column {quoted(absent)}, which the model needs. Add it, empty if need be."
            )
        frame = X[[name for name, _ in self.columns]]
        if self.types or self.missing:
            frame = with_types(frame, dict(self.types), tuple(self.missing))
        parts, learned = [], iter(self.learned)
        for name, how in self.columns:
            if how == "category":
                parts.append(_levels(frame[name], next(learned)))
            else:
                columns = year_and_month(frame[name]).values() if how == "month" else [_numbers(frame[name])]
                parts += [_numeric(values, next(learned)) for values in columns]
        return np.column_stack([feature for part in parts for feature in part])


def _numbers(series: pd.Series) -> np.ndarray:
    if series.isna().all():
        return np.full(len(series), np.nan)
    if not is_number(series):
        series = with_types(series.to_frame(), {str(series.name): "number"}, ()).iloc[:, 0]
    return as_numbers(series)


def _numeric(values: np.ndarray, learned: Mapping[str, Any]) -> list[np.ndarray]:
    if learned["kind"] == "dropped":
        return []
    missing = ~np.isfinite(values)
    features = [missing.astype(float)] if learned["missing_flag"] else []
    if learned.get("constant"):
        return features
    known = np.where(missing, learned["median"], values)
    return [np.clip((known - learned["mean"]) / learned["std"], -STANDARD_LIMIT, STANDARD_LIMIT), *features]


def _levels(series: pd.Series, learned: Mapping[str, Any]) -> list[np.ndarray]:
    codes, labels = label_codes(series)
    known = [*learned["levels"], learned["dropped_level"]]
    seen = np.array([label if label in known else OTHER for label in labels], dtype=object)[codes]
    return [(seen == level).astype(float) for level in learned["levels"]]


def repaired_pipeline(result: StudyResult) -> Pipeline:
    """The pipeline of a study's repaired model. Raises ConfigError in cohort-only mode: it holds medians and levels."""
    require_rows(result, "The model file")
    _, theta = result.chosen.solution
    model = _classifier(result.model, theta)
    if result.threshold != THRESHOLD:
        chosen = FixedThresholdClassifier(
            model, threshold=result.threshold, pos_label=1, response_method="predict_proba"
        )
        chosen.estimator_ = model
        model = chosen
    return Pipeline([("rows", _encoder(result)), ("model", model)])


def _encoder(result: StudyResult) -> RowEncoder:
    data, task = result.dataset, result.dataset.task
    entries, columns, learned = list(data.encoding.items()), [], []
    for name in task.feature_columns:
        months = entries[0][0] != name
        taken, entries = entries[: 1 + months], entries[1 + months :]
        told = [{key: value for key, value in one.items() if key != "pooled"} for _, one in taken]
        kinds = {one["kind"] for one in told} - {"dropped"}
        if kinds:
            columns.append((name, "month" if months else kinds.pop()))
            learned += told
    used = {name for name, _ in columns}
    types = {name: kind for name, kind in (task.task.types or {}).items() if name in used}
    return RowEncoder(columns, learned, types, tuple(task.task.missing))


def _classifier(model: Any, theta: np.ndarray) -> LogisticRegression | MLPClassifier:
    """scikit-learn's model with these parameters."""
    classes = np.array([0, 1])
    if isinstance(model, LogisticModel):
        logistic = LogisticRegression(C=model.C)
        logistic.coef_, logistic.intercept_ = theta[None, :-1].copy(), theta[-1:].copy()
        logistic.classes_, logistic.n_features_in_ = classes, theta.size - 1
        return logistic
    if not isinstance(model, MLPModel):
        raise TaskError(f"scikit-learn has no model like {shorten(type(model).__name__)}.")
    layers = model.layers(theta)
    network = MLPClassifier(hidden_layer_sizes=tuple(model.hidden), activation="tanh", alpha=1 / model.C)
    network.coefs_ = [layer[:, :-1].T.copy() for layer in layers]
    network.intercepts_ = [layer[:, -1].copy() for layer in layers]
    network.n_layers_, network.n_outputs_, network.out_activation_ = len(layers) + 1, 1, "logistic"
    network.classes_, network.n_features_in_ = classes, layers[0].shape[1] - 1
    network._label_binarizer = LabelBinarizer().fit(classes)
    return network
