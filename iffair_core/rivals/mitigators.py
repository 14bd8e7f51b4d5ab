"""Fairlearn's own code as rivals, on scikit-learn's logistic regression with the study's penalty.

Reductions: Agarwal et al. (2018), ICML. Thresholds: Hardt, Price and Srebro (2016), NeurIPS. Options are Fairlearn's
defaults. It is imported where it is used, since that takes a second.
Row weights of the file go as far as Fairlearn lets them: its reductions have no place for them, and its thresholds and
its remover of correlations take them for the logistic regression alone; notes say so. Rows of weight 0 are left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from iffair_core.data.design import Design, dense
from iffair_core.errors import RivalFailed, StopCheck
from iffair_core.rivals.base import Decide, Prediction, RivalProblem, Solution

LARGEST_GRID = 25
LINE_GRID = 21
THRESHOLD_CONSTRAINTS = {
    "demographic_parity": "demographic_parity",
    "equal_opportunity": "true_positive_rate_parity",
    "equalized_odds": "equalized_odds",
}


def base_estimator(C: float) -> Any:
    """Scikit-learn's logistic regression, solved as far as ours: Newton's method, tolerance 1e-8."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C, solver="newton-cholesky", tol=1e-8, max_iter=200)


class WatchedEstimator:
    """`base_estimator` that asks before every fit whether the user has cancelled; Fairlearn copies it for each fit."""

    def __init__(self, C: float, stop_check: StopCheck) -> None:
        self.C, self.stop_check, self.model = C, stop_check, base_estimator(C)

    def __deepcopy__(self, memo: dict[int, Any]) -> WatchedEstimator:
        return WatchedEstimator(self.C, self.stop_check)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> WatchedEstimator:
        """Fit as scikit-learn does; `stop_check` may raise instead."""
        self.stop_check()
        self.model.fit(X, y, sample_weight=sample_weight)
        return self

    def predict(self, X: Any) -> Any:
        return self.model.predict(X)

    def predict_proba(self, X: Any) -> Any:
        return self.model.predict_proba(X)


def _counted(problem: RivalProblem) -> RivalProblem:
    """The problem without the training rows that count for nothing."""
    if problem.base is None:
        return problem
    rows = problem.base > 0
    return replace(
        problem,
        X=problem.X[rows],
        y=problem.y[rows],
        group_codes=problem.group_codes[rows],
        base=problem.base[rows],
    )


def _unweighted(problem: RivalProblem, what: str) -> tuple[str, ...]:
    return () if problem.base is None else (f"{what} without the file's row weights, which Fairlearn does not take.",)


def _constraint(goal: str) -> Any:
    from fairlearn import reductions

    return {
        "demographic_parity": reductions.DemographicParity,
        "equal_opportunity": reductions.TruePositiveRateParity,
        "equalized_odds": reductions.EqualizedOdds,
        "error_rate_parity": reductions.ErrorRateParity,
    }[goal]()


def exponentiated_gradient(problem: RivalProblem) -> Solution:
    """A mixture of models that meets the goal on training rows within 0.01; each decision draws one of them."""
    from fairlearn.reductions import ExponentiatedGradient

    problem = _counted(problem)
    fitted = ExponentiatedGradient(WatchedEstimator(problem.C, problem.stop_check), _constraint(problem.goal))
    fitted.fit(dense(problem.X), problem.y, sensitive_features=problem.group_codes)

    def decide(X: Design, codes: np.ndarray) -> Prediction:
        return Prediction(np.asarray(fitted.predict(dense(X), random_state=problem.seed)) == 1)

    used = int((fitted.weights_ > 1e-9).sum())
    note = f"A draw from {used} models, made with the study's seed."
    return Solution(decide, notes=(note, *_unweighted(problem, "Trained")))


def grid_size(goal: str, n_groups: int) -> int:
    """Multipliers to try: 21 along a line, else the largest whole octahedron of at most 25 points.

    Raises RivalFailed where there are too many groups for one.
    """
    dimensions = (n_groups - 1) * (2 if goal == "equalized_odds" else 1)
    if 2 * dimensions + 1 > LARGEST_GRID:
        raise RivalFailed(
            f"{n_groups} groups need a grid of more than {LARGEST_GRID} models. "
            "Pool small groups, or take Fairlearn's exponentiated gradient."
        )
    return {1: LINE_GRID, 2: 25, 3: 25}.get(dimensions, 2 * dimensions + 1)


def grid_search(problem: RivalProblem) -> Solution:
    """The best of a grid of weighted fits by Fairlearn's rule, half error and half violation on training rows."""
    from fairlearn.reductions import GridSearch

    problem, size = _counted(problem), grid_size(problem.goal, problem.n_groups)
    watched = WatchedEstimator(problem.C, problem.stop_check)
    fitted = GridSearch(watched, _constraint(problem.goal), grid_size=size)
    fitted.fit(dense(problem.X), problem.y, sensitive_features=problem.group_codes)
    note = f"The best of {size} models on training rows."
    return Solution(_by_probability(fitted, problem.threshold), notes=(note, *_unweighted(problem, "Trained")))


def threshold_optimizer(problem: RivalProblem) -> Solution:
    """The ordinary logistic regression with thresholds of its own for each group, randomised where that is needed."""
    from fairlearn.postprocessing import ThresholdOptimizer

    problem = _counted(problem)
    cells = np.bincount(2 * problem.group_codes + (problem.y > 0.5), minlength=2 * problem.n_groups).reshape(-1, 2)
    if cells.min() == 0:
        raise RivalFailed("It needs both outcomes in every group of the training rows. Pool small groups.")
    problem.stop_check()
    fitted = ThresholdOptimizer(
        estimator=base_estimator(problem.C),
        constraints=THRESHOLD_CONSTRAINTS[problem.goal],
        predict_method="predict_proba",
    )
    weighted = {} if problem.base is None else {"sample_weight": problem.base}
    fitted.fit(dense(problem.X), problem.y, sensitive_features=problem.group_codes, **weighted)

    def decide(X: Design, codes: np.ndarray) -> Prediction:
        drawn = fitted.predict(dense(X), sensitive_features=codes, random_state=problem.seed)
        return Prediction(np.asarray(drawn) == 1)

    note = "Decisions between two thresholds are drawn with the study's seed."
    return Solution(decide, notes=(note, *_unweighted(problem, "Thresholds were chosen")))


def correlation_remover(problem: RivalProblem) -> Solution:
    """Logistic regression on features that were made uncorrelated with the groups; it knows nothing of the goal."""
    from fairlearn.preprocessing import CorrelationRemover

    problem = _counted(problem)
    problem.stop_check()

    def joined(X: Design, codes: np.ndarray) -> np.ndarray:
        return np.column_stack([codes[:, None] == np.arange(1, problem.n_groups), dense(X)]).astype(np.float64)

    remover = CorrelationRemover(sensitive_feature_ids=list(range(problem.n_groups - 1)))
    changed = remover.fit_transform(joined(problem.X, problem.group_codes))
    problem.stop_check()
    model = base_estimator(problem.C).fit(changed, problem.y, sample_weight=problem.base)

    def decide(X: Design, codes: np.ndarray) -> Prediction:
        scores = model.predict_proba(remover.transform(joined(X, codes)))[:, 1]
        return Prediction(scores >= problem.threshold, scores)

    return Solution(decide, notes=_unweighted(problem, "Correlations were removed"))


def _by_probability(model: Any, threshold: float) -> Decide:
    def decide(X: Design, codes: np.ndarray) -> Prediction:
        scores = np.asarray(model.predict_proba(dense(X)))[:, 1]
        return Prediction(scores >= threshold, scores)

    return decide
