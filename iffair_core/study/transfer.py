"""Weights that travel: another classifier refitted with a study's weights, and whether the gain survives.

The weights were computed on the study's own model. Nothing promises that they repair another one, so it is fitted twice
on the same training rows, with unit weights and with ours, and both are measured on the same rows as the study. Where
the file brought row weights, those take the place of unit weights and multiply ours.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import has_fit_parameter
from threadpoolctl import threadpool_limits

from iffair_core.data.design import dense
from iffair_core.data.encoding import SPLITS
from iffair_core.errors import ConfigError, FitError, NotSupported, StopCheck, never_stop, shorten
from iffair_core.metrics import (
    GOAL_METRIC,
    METRICS,
    THRESHOLD,
    Estimate,
    confusion_table,
    intervals_from_counts,
    paired_difference,
    point_metrics,
)
from iffair_core.study.classifiers import TRANSFER_MODELS, transfer_model
from iffair_core.study.results import MEASURED, Reached, StudyResult, Transfer

_NOTHING = Estimate(None, None, None, 0)


def transfer_by_name(result: StudyResult, name: str, stop_check: StopCheck = never_stop) -> Transfer:
    """`transfer` with the classifier of that name in TRANSFER_MODELS, seeded as the study."""
    found, seed = transfer_model(name), result.config.seed
    return transfer(result, found.make(seed), name, title=found.title, notes=(found.note,), stop_check=stop_check)


def transfer(
    result: StudyResult,
    estimator: Any,
    name: str | None = None,
    *,
    title: str | None = None,
    notes: tuple[str, ...] = (),
    stop_check: StopCheck = never_stop,
) -> Transfer:
    """Fit a classifier without and with the weights of the study's chosen strength, and measure both.

    Parameters
    ----------
    result : a study that has come to its curve.
    estimator : unfitted classifier of scikit-learn's kind whose `fit` takes `sample_weight`; it is cloned, and every
        `random_state` of it that is None becomes the study's seed. One seed: another one gives other numbers.
    name, title : how it is called in files and on screens, its class's name by default.
    notes : what to say beside the numbers; what the fits gave rise to is added.
    stop_check : called between the two fits and may raise to cancel.

    Returns
    -------
    Transfer; changes are after - before on the same rows. Decisions are P(favorable) >= the study's threshold; where
    the estimator has no `predict_proba`, the sign of `decision_function`, which also ranks the rows for ROC AUC while
    log loss is not estimable; where it has neither, `predict`, and ROC AUC is not estimable either.

    Raises
    ------
    ConfigError if the estimator is no classifier or takes no `sample_weight`, or the study has no weights yet; FitError
    if it refuses its options or the rows.
    """
    require_weightable(estimator)
    weights, rows = result.weights, result.train_rows
    data, base, seed = result.dataset, result.base, result.config.seed
    weights = checked_weights(result.total_weights(weights), rows.size)
    untouched = np.ones(rows.size) if base is None else base[rows]
    name = type(estimator).__name__ if name is None else name
    started = time.perf_counter()
    outputs, said = [], list(notes)
    for weight in (untouched, weights):
        fitted, trouble = _fitted(_seeded(estimator, seed), dense(data.X[rows]), data.y[rows], weight, name)
        said += [text for text in trouble if text not in said]
        outputs.append(fitted)
        stop_check()
    before, after, difference = {}, {}, {}
    for split in MEASURED:
        part = data.part(SPLITS.index(split))
        X, y, codes, size = dense(data.X[part]), data.y[part], data.group_codes[part], len(data.groups)
        counts = None if base is None else base[part]
        (old, lost), (new, _) = (_scores(fitted, X) for fitted in outputs)
        threshold = THRESHOLD if lost else result.threshold
        before[split] = _reached(y, old, codes, size, seed, lost, counts, threshold)
        after[split] = _reached(y, new, codes, size, seed, lost, counts, threshold)
        changes = paired_difference(y, old, new, codes, size, seed=seed, sample_weight=counts, threshold=threshold)
        difference[split] = changes | {metric: replace(_NOTHING, count=y.size) for metric in lost}
        stop_check()
    if "log_loss" in lost:
        said.append(
            "It gives no probabilities: decisions are the sign of its decision function, and log loss is not estimable."
            if "roc_auc" not in lost
            else "It gives decisions only: ROC AUC and log loss are not estimable."
        )
    return Transfer(
        name,
        name if title is None else title,
        result.strength,
        seed,
        before,
        after,
        difference,
        reduction_kept(result, difference),
        time.perf_counter() - started,
        tuple(said),
    )


def reduction_kept(result: StudyResult, difference: Mapping[str, Mapping[str, Estimate]]) -> Mapping[str, float | None]:
    """{split: the disparity's reduction in another model / the reduction in the study's own model}.

    1: as much as in the study's own model; 0: none; negative: the disparity grew. None where the study's own model has
    no reduction to compare with, or either is not estimable.
    """
    metric, own = GOAL_METRIC[result.config.goal], result.difference
    kept: dict[str, float | None] = {}
    for split, changes in difference.items():
        ours, theirs = own[split][metric].value, changes[metric].value
        kept[split] = None if ours is None or theirs is None or ours >= 0 else theirs / ours + 0.0
    return kept


def checked_weights(weights: np.ndarray, n: int) -> np.ndarray:
    """`weights` as (n,) float64; ConfigError unless finite, at least 0 and some above 0.

    scikit-learn takes negative weights without a word.
    """
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n,):
        raise ConfigError(f"There are {n} training rows, but weights of shape {weights.shape}. Give one weight a row.")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ConfigError("sample_weight must be finite and at least 0, with some above 0.")
    return weights


def require_weightable(estimator: Any) -> None:
    """ConfigError, with the way out, unless this is an unfitted classifier whose `fit` takes `sample_weight`."""
    kind = shorten(type(estimator).__name__)
    if isinstance(estimator, type) or not hasattr(estimator, "fit") or not is_classifier(estimator):
        raise ConfigError(
            f"{kind} is no classifier of scikit-learn's kind. Pass an unfitted one, or the name of one of: "
            f"{', '.join(TRANSFER_MODELS)}."
        )
    if not has_fit_parameter(estimator, "sample_weight"):
        raise ConfigError(
            f"{kind} takes no sample_weight, so no weights can travel to it. Choose a classifier whose fit takes them "
            f"({', '.join(TRANSFER_MODELS)} do); of a pipeline, pass the last step."
        )


def _one_thread() -> threadpool_limits:
    # OpenMP threads wait for each other by spinning: on a busy machine two take ten times as long as one.
    return threadpool_limits(1, user_api="openmp")


def _seeded(estimator: Any, seed: int) -> Any:
    fresh = clone(estimator)
    unset = [key for key, value in fresh.get_params().items() if value is None]
    return fresh.set_params(**{key: seed for key in unset if key.rpartition("__")[2] == "random_state"})


def _fitted(estimator: Any, X: np.ndarray, y: np.ndarray, weight: np.ndarray, name: str) -> tuple[Any, list[str]]:
    """The fitted estimator, and what its fit warned of."""
    try:
        with _one_thread(), warnings.catch_warnings(record=True) as noticed:
            warnings.simplefilter("always")
            fitted = estimator.fit(X, y.astype(np.int64), sample_weight=weight)
    except (ValueError, TypeError) as error:
        raise FitError(
            f"{shorten(name)} cannot be fitted to these rows with weights: {shorten(error, 200)}. Change its options, "
            "or choose another model."
        ) from error
    if list(fitted.classes_) != [0, 1]:
        raise NotSupported(f"{shorten(name)} learned the outcomes {fitted.classes_}. It must tell 0 from 1.")
    said = []
    for one in noticed:
        late = issubclass(one.category, ConvergenceWarning)
        said.append("Its solver stopped before it had converged." if late else shorten(one.message, 200))
    return fitted, said


def _scores(fitted: Any, X: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Numbers (n,) in [0, 1] that rank the rows as the estimator does and are >= 0.5 where it decides for 1, and the
    metrics that they do not determine. Only those of `predict_proba` are probabilities.
    """
    with _one_thread():
        if hasattr(fitted, "predict_proba"):
            return np.clip(fitted.predict_proba(X)[:, 1], 0.0, 1.0), ()
        if hasattr(fitted, "decision_function"):
            margin = np.asarray(fitted.decision_function(X), dtype=np.float64)
            return 0.5 + 0.5 * margin / (1.0 + np.abs(margin)), ("log_loss",)
        return np.where(np.asarray(fitted.predict(X)) == 1, 1.0, 0.0), ("roc_auc", "log_loss")


def _reached(
    y: np.ndarray,
    score: np.ndarray,
    codes: np.ndarray,
    n_groups: int,
    seed: int,
    lost: tuple[str, ...],
    weight: np.ndarray | None,
    threshold: float,
) -> Reached:
    values = point_metrics(y, score, codes, n_groups, weight, threshold)
    counts = confusion_table(y, score >= threshold, codes, n_groups, weight)
    intervals = intervals_from_counts(counts, seed=seed)
    kept = {metric: None if metric in lost else values[metric] for metric in METRICS}
    return Reached(kept, {metric: intervals.get(metric) for metric in METRICS})
