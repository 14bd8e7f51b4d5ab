"""The scikit-learn face of the same stages: arrays in, sample weights out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import copy
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import ClassifierTags, Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data

from iffair_core.data.groups import crossed, suggested_reference
from iffair_core.data.option import options_of
from iffair_core.errors import ArrayError, ConfigError, TaskError
from iffair_core.influence import influence_scores
from iffair_core.metrics import GOAL_METRIC, point_metrics
from iffair_core.models import make_model
from iffair_core.models.blocks import sigmoid, single_threaded_blas
from iffair_core.path import NO_GAP, RepairPath, Step, require_strength
from iffair_core.quantities import favorable_shares, judged_groups, quantities_from_codes, unjudged_rates
from iffair_core.reading.values import label_codes, label_order, value_label
from iffair_core.study.config import StudyConfig
from iffair_core.study.results import scaled_weights
from iffair_core.study.transfer import checked_weights, require_weightable
from iffair_core.tradeoff import STRENGTHS, Curve, CurvePoint, Part, measure_point, trace

HERE = "validation"  # the split that `recommend` chooses on: the evaluation set, or X itself


class InfluenceReweigher(BaseEstimator):
    """Row weights that close a gap between groups, for any estimator that takes `sample_weight`.

    Parameters
    ----------
    metric : goal to repair: demographic_parity, equal_opportunity, equalized_odds or error_rate_parity.
    variant : diverse, uniform or efficient.
    strength : share of the soft disparity to close, 0..1.25; None for the recommended one, which needs `eval_set`.
    model : "logistic" or "mlp", the model that the weights are computed on; a network wants columns of like scale.
    max_weight, min_effective_sample_size : guard rails, the latter as a share of the rows.
    utility_budget : accuracy on the evaluation rows that the repair may cost; caps a given strength.
    min_accuracy : guard rail, smallest accuracy on the evaluation rows, a share; None for none.
    also : other goals whose disparities the same weights have to close by the same share.
    favorable : the value of y that is good for the person; None for the larger in sorted order, with a warning where
        the values are text, whose order says nothing.
    random_state : seed of the bootstrap intervals and of a network's start; other weights do not depend on it.

    Attributes
    ----------
    sample_weight_ : (n,) float64, at least 0, finite, mean 1; times the weights that `fit` was given, if any.
    influence_ : DataFrame (n, k), d quantity / d weight of each row, one column per quantity.
    achieved_, predicted_ : dicts of the soft gap and the utilities, after the refit and as predicted without one.
    strength_ : the strength used. model_ : the refitted model. groups_, reference_, classes_, favorable_.
    warnings_ : what to know of the fit, one sentence each.
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
        min_accuracy: float | None = None,
        also: tuple[str, ...] = (),
        favorable: Any = None,
    ) -> None:
        self.metric = metric
        self.variant = variant
        self.strength = strength
        self.model = model
        self.max_weight = max_weight
        self.min_effective_sample_size = min_effective_sample_size
        self.utility_budget = utility_budget
        self.random_state = random_state
        self.min_accuracy = min_accuracy
        self.also = also
        self.favorable = favorable

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any,
        eval_set: tuple[Any, ...] | None = None,
        pinned: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Compute the weights.

        X (n, p) numeric, used as given (not standardized); y (n,) two values; sensitive_features (n,) any labels, or
        (n, m) several columns, whose values are crossed, at most 50 groups in all; eval_set (X, y, a): rows on which
        the gap is measured and the strength chosen; without it, X itself; pinned (n,) bool: rows whose weight stays 1.
        sample_weight (n,) >= 0: weights that the rows have already, as survey weights. Scaled to mean 1 over the rows
        of weight above 0, they multiply ours (a pinned row keeps its own) and enter every rate; a fourth part of
        eval_set is the same for its rows. Raises ConfigError for unusable
        options, ArrayError (or scikit-learn's ValueError) for unusable arrays, TaskError for unusable groups.
        """
        names = {declared.public for declared in options_of(StudyConfig).values()}
        asked = {name: value for name, value in self.get_params(deep=False).items() if name in names}
        config = StudyConfig.from_dict(asked | {"seed": 0 if self.random_state is None else self.random_state})
        if self.strength is None and eval_set is None:
            raise ConfigError("strength=None asks for a recommendation, which needs rows to choose on. Pass eval_set.")
        X, outcome, labels = self._arrays(X, y, sensitive_features)
        base = _weights(sample_weight, X.shape[0])
        columns = {str(name): labels[name] for name in labels}
        found = crossed(columns, [label_codes(column) for column in columns.values()])
        codes, self.groups_ = found.codes, found.groups
        rows = np.bincount(codes, minlength=len(self.groups_))
        favorable = np.bincount(codes[outcome > 0.5], minlength=len(self.groups_))
        self.reference_ = self.groups_[suggested_reference(rows, favorable, favorable_shares(codes, outcome, base))]
        if eval_set is None:
            part = Part(X, outcome, codes, base)
        else:
            eval_rows, outcomes, eval_groups, *weighted = eval_set
            eval_X, eval_y, eval_labels = self._arrays(eval_rows, outcomes, eval_groups, known=self.classes_)
            own = _weights(weighted[0] if weighted else None, eval_X.shape[0])
            part = Part(eval_X, eval_y, _known_codes(eval_labels, self.groups_), own)
        measured = quantities_from_codes(
            part.X, part.y, part.group_codes, self.groups_, self.reference_, sample_weight=part.weights
        )
        with single_threaded_blas():
            start = make_model(self.model, seed=config.seed).fit(X, outcome, base)
            judged, held = judged_groups(measured, self.metric, *self.also), _mask(pinned, X.shape[0])
            self._path = RepairPath(start, measured, config.repair, pinned=held, groups=judged, base=base)
            self._part, self._seed, self._measured = part, int(config.seed), measured
            left_out = unjudged_rates(measured, judged)
            self.influence_ = pd.DataFrame(influence_scores(start, measured), columns=list(measured.names))
            curve = self._settle(config)
            point = curve.points[curve.chosen]
            nothing = self._path.disparity <= NO_GAP
            no_gap = ("There is no gap to close on these rows, so that every weight is 1.",) if nothing else ()
            self.warnings_ = (*self._guessed(), *left_out, *no_gap, *curve.warnings)
            ours, theta = point.solution
            weights = ours if base is None else ours * base
            near = copy(start)  # a network has many optima: the path's own is where its parameters are
            near.theta_ = theta
            self.model_ = near.refitted(weights)
        self.sample_weight_, self.strength_ = weights.copy(), point.strength
        self.achieved_ = {"soft_gap": point.soft[HERE], **point.refitted[HERE]}
        self.predicted_ = {"soft_gap": point.predicted_soft.get(HERE), **point.predicted.get(HERE, {})}
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)
        return tags

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
            self._path.pairs.groups,
            seed=self._seed,
            intervals=False,
            base=self._path.base,
        )

    def _settle(self, config: StudyConfig) -> Curve:
        """The curve as far as the chosen point needs it."""
        return trace(
            self._path,
            {HERE: self._part},
            {HERE: self._measured},
            strength=config.strength,
            budget=config.utility_budget,
            seed=self._seed,
            grid=STRENGTHS if config.strength is None else STRENGTHS[config.strength >= STRENGTHS],
            intervals=False,
        )

    def _arrays(
        self, X: Any, y: Any, sensitive_features: Any, known: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
        X, y = validate_data(self, X, y, reset=known is None, dtype=np.float64, order="C")
        if sensitive_features is None:
            raise ArrayError("sensitive_features is None. Pass the group of each row.")
        labels = _labels(sensitive_features)
        check_consistent_length(X, labels)
        classes = np.unique(y)
        if known is None:
            if classes.size != 2:
                # "1 class" and "Only binary" are the words by which scikit-learn's own checks know these refusals.
                seen = "1 class" if classes.size == 1 else f"{classes.size} classes"
                raise ArrayError(
                    f"y holds {seen}, and there must be two, the larger favorable. Only binary classification is "
                    f"supported. The type of the target is {type_of_target(y)}."
                )
            self.classes_ = classes
            self.favorable_ = classes[1] if self.favorable is None else self.favorable
            if self.favorable_ not in classes:
                raise ArrayError(f"favorable is {self.favorable!r}; y holds {classes[0]!r} and {classes[1]!r}.")
        elif not np.isin(classes, known).all():
            raise ArrayError(f"y holds values that it did not in fit; it may hold {known[0]!r} and {known[1]!r}.")
        return X, (y == self.favorable_).astype(float), labels

    def _guessed(self) -> tuple[str, ...]:
        """That the favorable value was guessed from the order of words, as a warning too."""
        if self.favorable is not None or self.classes_.dtype.kind in "biuf":
            return ()
        if all(label_order(value_label(value))[0] == 0 for value in self.classes_):
            return ()  # numbers, whatever their type
        text = (
            f"'{self.favorable_}' is taken as the favorable value, as it comes after '{self.classes_[0]}' in sorted "
            "order. Say which value is good for the person by favorable=."
        )
        warnings.warn(text, UserWarning, stacklevel=3)
        return (text,)

    def score(self, X: Any, y: Any, *, sensitive_features: Any, sample_weight: Any = None) -> float:
        """Minus the goal's disparity of the refitted model on these rows, so that greater is better."""
        check_is_fitted(self, "sample_weight_")
        X, outcome, labels = self._arrays(X, y, sensitive_features, known=self.classes_)
        codes, own = _known_codes(labels, self.groups_), _weights(sample_weight, X.shape[0])
        metrics = point_metrics(outcome, sigmoid(self.model_.logits(X)), codes, len(self.groups_), own)
        value = metrics[GOAL_METRIC[self.metric]]
        if value is None:
            raise TaskError("The disparity cannot be estimated on these rows: fewer than two groups have a rate.")
        return -value


def _offers(method: str) -> Callable[[ReweightedClassifier], bool]:
    return lambda self: hasattr(getattr(self, "estimator_", self.estimator), method)


class ReweightedClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """A classifier fitted with the weights of a reweigher, for pipelines and cross-validation.

    Weights belong to the rows they were computed on, so in cross-validation each part needs its own: `fit` fits a clone
    of the reweigher, then a clone of the classifier with its weights. Prediction is the classifier's, and needs no
    groups. With `set_config(enable_metadata_routing=True)`, `set_fit_request(sensitive_features=True)` lets a pipeline,
    `cross_validate` or `GridSearchCV` hand the groups over.

    Parameters
    ----------
    estimator : classifier whose `fit` takes `sample_weight`.
    reweigher : an InfluenceReweigher with a given strength; None for one with its defaults.

    Attributes
    ----------
    estimator_, reweigher_ : the fitted clones. classes_, n_features_in_, feature_names_in_ (of frames).
    """

    def __init__(self, estimator: Any, reweigher: InfluenceReweigher | None = None) -> None:
        self.estimator = estimator
        self.reweigher = reweigher

    def fit(self, X: Any, y: Any, *, sensitive_features: Any, pinned: Any = None, sample_weight: Any = None) -> Self:
        """Compute the weights of these rows, and fit the classifier with them.

        X (n, p) numeric, y (n,) two values, the larger in sorted order favorable, sensitive_features (n,) any labels,
        pinned (n,) bool: rows whose weight stays 1, sample_weight (n,) those that the rows have already.
        Raises ConfigError for a classifier without `sample_weight`, and as `InfluenceReweigher.fit`.
        """
        require_weightable(self.estimator)
        reweigher = InfluenceReweigher() if self.reweigher is None else clone(self.reweigher)
        self.reweigher_ = reweigher.fit(
            X, y, sensitive_features=sensitive_features, pinned=pinned, sample_weight=sample_weight
        )
        weights = checked_weights(self.reweigher_.sample_weight_, self.reweigher_.sample_weight_.size)
        self.estimator_ = clone(self.estimator).fit(X, column_or_1d(y), sample_weight=weights)
        self.classes_, self.n_features_in_ = self.estimator_.classes_, self.reweigher_.n_features_in_
        if hasattr(self.reweigher_, "feature_names_in_"):
            self.feature_names_in_ = self.reweigher_.feature_names_in_
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The classifier's decision for each row, one of `classes_`."""
        return self._fitted().predict(X)

    @available_if(_offers("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """The classifier's probabilities, (n, 2) in the order of `classes_`."""
        return self._fitted().predict_proba(X)

    @available_if(_offers("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """The classifier's margins, (n,), above 0 for the larger class."""
        return self._fitted().decision_function(X)

    def _fitted(self) -> Any:
        check_is_fitted(self, "estimator_")
        return self.estimator_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def _mask(pinned: Any, n: int) -> np.ndarray | None:
    """`pinned` as a mask (n,); None for none. Raises ArrayError for anything but n truth values."""
    if pinned is None:
        return None
    mask = np.asarray(pinned)
    if mask.dtype != bool or mask.shape != (n,):
        raise ArrayError(f"pinned is {mask.dtype} of shape {mask.shape}; give one truth value for each of {n} rows.")
    return mask


def _weights(sample_weight: Any, n: int) -> np.ndarray | None:
    """`sample_weight` scaled to mean 1, None where all are the same or there are none. Raises ArrayError."""
    if sample_weight is None:
        return None
    try:
        weights = checked_weights(sample_weight, n)
    except (ConfigError, TypeError, ValueError) as error:
        raise ArrayError(f"sample_weight holds something else than {n} numbers of at least 0, some above 0.") from error
    return scaled_weights(weights)


def _labels(sensitive_features: Any) -> pd.DataFrame:
    """The sensitive features as columns of objects; one column may come as (n,) or (n, 1)."""
    if getattr(sensitive_features, "ndim", 1) == 2 and np.shape(sensitive_features)[1] > 1:
        return pd.DataFrame(sensitive_features).reset_index(drop=True)
    return pd.DataFrame({"sensitive_features": column_or_1d(sensitive_features, dtype=object)})


def _known_codes(labels: pd.DataFrame, groups: tuple[str, ...]) -> np.ndarray:
    columns = {str(name): labels[name] for name in labels}
    found = crossed(columns, [label_codes(column) for column in columns.values()])
    codes, names = found.codes, found.groups
    unknown = [name for name in names if name not in groups]
    if unknown:
        raise TaskError(f"The group {unknown[0]!r} does not occur in the training rows. Known: {', '.join(groups)}.")
    return np.array([groups.index(name) for name in names])[codes]
