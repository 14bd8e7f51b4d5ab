"""The scikit-learn face of the same stages: arrays in, sample weights out."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from iffair_core.data.groups import suggested_reference
from iffair_core.data.values import label_codes
from iffair_core.errors import ConfigError, TaskError
from iffair_core.influence import influence_scores
from iffair_core.metrics import GOAL_METRIC, point_metrics
from iffair_core.models.blocks import sigmoid, single_threaded_blas
from iffair_core.models.logistic import LogisticModel
from iffair_core.path import RepairPath, Step, require_strength
from iffair_core.quantities import quantities_from_codes
from iffair_core.results import StudyConfig, known
from iffair_core.tradeoff import STRENGTHS, CurvePoint, Part, measure_point, trace

HERE = "validation"  # the split that `recommend` chooses on: the evaluation set, or X itself


class InfluenceReweigher(BaseEstimator):
    """Row weights that close a gap between groups, for any estimator that takes `sample_weight`.

    Parameters
    ----------
    metric : goal to repair: demographic_parity, equal_opportunity, equalized_odds or error_rate_parity.
    variant : diverse, uniform or efficient.
    strength : share of the soft disparity to close, 0..1.25; None for the recommended one, which needs `eval_set`.
    model : "logistic", the model that the weights are computed on.
    max_weight, min_effective_sample_size : guard rails, the latter as a share of the rows.
    utility_budget : accuracy on the evaluation rows that the repair may cost; caps a given strength.
    random_state : seed of the bootstrap intervals; weights do not depend on it.

    Attributes
    ----------
    sample_weight_ : (n,) float64, at least 0, finite, mean 1.
    influence_ : DataFrame (n, k), d quantity / d weight of each row, one column per quantity.
    achieved_, predicted_ : dicts of the soft gap and the utilities, after the refit and as predicted without one.
    strength_ : the strength used. model_ : the refitted logistic model. groups_, reference_, classes_.
    """

    def __init__(
        self,
        metric: str = "equalized_odds",
        variant: str = "diverse",
        strength: float | None = 0.8,
        model: str = "logistic",
        max_weight: float = 5.0,
        min_effective_sample_size: float = 0.5,
        utility_budget: float | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.metric = metric
        self.variant = variant
        self.strength = strength
        self.model = model
        self.max_weight = max_weight
        self.min_effective_sample_size = min_effective_sample_size
        self.utility_budget = utility_budget
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any,
        eval_set: tuple[Any, Any, Any] | None = None,
    ) -> Self:
        """Compute the weights.

        X (n, p) numeric, used as given (not standardised); y (n,) two values, the larger in sorted order favorable;
        sensitive_features (n,) any labels; eval_set (X, y, a): rows on which the gap is measured and the strength
        chosen; without it, X itself. Raises ConfigError for unusable options or arrays, TaskError for unusable groups.
        """
        config = StudyConfig(
            self.metric,
            self.variant,
            self.strength,
            0 if self.random_state is None else self.random_state,
            self.utility_budget,
            self.max_weight,
            self.min_effective_sample_size,
            self.model,
        )
        if self.strength is None and eval_set is None:
            raise ConfigError("strength=None asks for a recommendation, which needs rows to choose on. Pass eval_set.")
        X, outcome, labels = self._arrays(X, y, sensitive_features)
        self.n_features_in_ = X.shape[1]
        codes, self.groups_ = label_codes(labels)
        rows = np.bincount(codes, minlength=len(self.groups_))
        favorable = np.bincount(codes[outcome > 0.5], minlength=len(self.groups_))
        self.reference_ = self.groups_[suggested_reference(rows, favorable)]
        if eval_set is None:
            part = Part(X, outcome, codes)
        else:
            eval_X, eval_y, eval_labels = self._arrays(*eval_set, known=self.classes_)
            part = Part(eval_X, eval_y, _known_codes(eval_labels, self.groups_))
        measured = quantities_from_codes(part.X, part.y, part.group_codes, self.groups_, self.reference_)
        with single_threaded_blas():
            start = LogisticModel().fit(X, outcome)
            self._path = RepairPath(start, measured, config.repair)
            self._part, self._seed, self._measured = part, int(config.seed), measured
            self.influence_ = pd.DataFrame(influence_scores(start, measured), columns=list(measured.names))
            point = self._settle(config)
            weights = known(point.weights)
            self.model_ = start.refitted(weights)
        self.sample_weight_, self.strength_ = weights.copy(), point.strength
        self.achieved_ = {"soft_gap": point.soft[HERE], **point.refitted[HERE]}
        self.predicted_ = {"soft_gap": point.predicted_soft.get(HERE), **point.predicted.get(HERE, {})}
        return self

    def curve(self, strengths: Any = None) -> pd.DataFrame:
        """One row per strength: strength, feasible, refitted_* and predicted_* of every metric and the soft gap."""
        check_is_fitted(self, "sample_weight_")
        asked = sorted({require_strength(float(s)) for s in (STRENGTHS if strengths is None else strengths)})
        grid = STRENGTHS[max(asked, default=0.0) >= STRENGTHS]
        with single_threaded_blas():
            points = [self._measure(step) for step in self._path.walk(grid, asked) if step.strength in asked]
        lines = []
        for point in points:
            refitted = {"soft_gap": point.soft.get(HERE), **point.refitted.get(HERE, {})}
            predicted = {"soft_gap": point.predicted_soft.get(HERE), **point.predicted.get(HERE, {})}
            line: dict[str, Any] = {"strength": point.strength, "feasible": point.feasible}
            line |= {f"refitted_{name}": refitted.get(name) for name in self.achieved_}
            line |= {f"predicted_{name}": predicted.get(name) for name in self.achieved_}
            lines.append(line)
        return pd.DataFrame(lines)

    def _measure(self, step: Step) -> CurvePoint:
        return measure_point(
            step,
            self._path.start,
            {HERE: self._part},
            self.metric,
            {HERE: self._measured},
            seed=self._seed,
            intervals=False,
        )

    def _settle(self, config: StudyConfig) -> CurvePoint:
        """The chosen point of the curve."""
        curve = trace(
            self._path,
            {HERE: self._part},
            {HERE: self._measured},
            strength=config.strength,
            budget=config.utility_budget,
            seed=self._seed,
            grid=STRENGTHS if config.strength is None else STRENGTHS[config.strength >= STRENGTHS],
            intervals=False,
        )
        self.warnings_ = curve.warnings
        return curve.points[curve.chosen]

    def _arrays(
        self, X: Any, y: Any, sensitive_features: Any, known: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, pd.Series]:
        X = check_array(X, dtype=np.float64, order="C", estimator=self)
        y = np.asarray(y)
        labels = pd.Series(np.asarray(sensitive_features, dtype=object).ravel())
        check_consistent_length(X, y, labels)
        classes = np.unique(y)
        if known is None:
            if classes.size != 2:
                raise ConfigError(f"y has {classes.size} distinct values; it needs exactly two, the larger favorable.")
            self.classes_ = classes
        elif not np.isin(classes, known).all():
            raise ConfigError(f"eval_set's y holds values that y does not; it may hold {known[0]!r} and {known[1]!r}.")
        return X, (y == self.classes_[1]).astype(float), labels

    def score(self, X: Any, y: Any, *, sensitive_features: Any) -> float:
        """Minus the goal's disparity of the refitted model on these rows, so that greater is better."""
        check_is_fitted(self, "sample_weight_")
        X, outcome, labels = self._arrays(X, y, sensitive_features, known=self.classes_)
        codes = _known_codes(labels, self.groups_)
        metrics = point_metrics(outcome, sigmoid(self.model_.logits(X)), codes, len(self.groups_))
        value = metrics[GOAL_METRIC[self.metric]]
        if value is None:
            raise TaskError("The disparity cannot be estimated on these rows: fewer than two groups have a rate.")
        return -value


def _known_codes(labels: pd.Series, groups: tuple[str, ...]) -> np.ndarray:
    codes, names = label_codes(labels)
    unknown = [name for name in names if name not in groups]
    if unknown:
        raise TaskError(f"The group {unknown[0]!r} does not occur in the training rows. Known: {', '.join(groups)}.")
    return np.array([groups.index(name) for name in names])[codes]
