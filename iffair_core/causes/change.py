"""What if: training rows left out, counted twice or given the other outcome; predicted, and really refitted."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from iffair_core.errors import ConfigError, StopCheck, never_stop
from iffair_core.fidelity import AMBER, GREEN, leave_one_out_parameters
from iffair_core.influence import one_step_parameters
from iffair_core.models.base import InfluenceModel
from iffair_core.quantities import decisions, goal_pairs
from iffair_core.study.results import StudyResult

Action = Literal["remove", "double", "relabel"]
ACTIONS: dict[Action, str] = {"remove": "left out", "double": "counted twice", "relabel": "given the other outcome"}
FACTORS = {"remove": 0.0, "double": 2.0, "relabel": 1.0}


@dataclass(frozen=True)
class Effect:
    """What a change of training rows does on validation rows, after less before.

    `soft`: the goal's soft gap as `GoalScores` directs it; `share`: the part of that gap that is gone, negative where
    it widened; `gap`: the same gap counted in decisions; `accuracy`: share of right decisions; `log_loss`: nats;
    `turned`: validation rows that are decided otherwise.
    """

    soft: float
    share: float
    gap: float
    accuracy: float
    log_loss: float
    turned: int


def predict(result: StudyResult, action: Action, rows: np.ndarray) -> Effect:
    """The effect of a change of these training rows (positions) without a refit: by one Newton step."""
    changed, weights = _changed(result.model, action, rows)
    return effect_at(result, one_step_parameters(result.model, weights, changed))


def refit(result: StudyResult, action: Action, rows: np.ndarray, *, stop_check: StopCheck = never_stop) -> Effect:
    """The effect of a change of these training rows (positions) on a model that is really refitted.

    Raises FitError where only one outcome would be left. `stop_check` may raise to cancel.
    """
    changed, weights = _changed(result.model, action, rows)
    return effect_at(result, changed.refitted(weights, stop_check=stop_check).theta_)


def refit_each(result: StudyResult, rows: np.ndarray, *, stop_check: StopCheck = never_stop) -> list[Effect]:
    """The effect of leaving out each of these training rows (positions) alone, each really refitted, as time allows."""
    found = leave_one_out_parameters(result.model, rows, stop_check=stop_check)
    return [effect_at(result, theta) for theta in found]


def proven_cells(result: StudyResult, *, stop_check: StopCheck = never_stop) -> Agreement:
    """Effects of the lowest, median and highest row of each group and outcome, held against refits without each.

    They are what is told of the rows of a group and outcome; refits end when their time is over (`refit_each`).
    """
    data, removal = result.dataset, result.goal.removal
    cell = data.cells(result.train_rows)
    ordered = np.lexsort((removal, cell))
    inside = np.split(ordered, np.flatnonzero(np.diff(cell[ordered])) + 1)
    chosen = np.unique([rows[place] for rows in inside for place in (0, rows.size // 2, -1)])
    seen = [one.soft for one in refit_each(result, chosen, stop_check=stop_check)]
    return agreement(removal[chosen[: len(seen)]].tolist(), seen)


def _changed(model: InfluenceModel, action: Action, rows: np.ndarray) -> tuple[InfluenceModel, np.ndarray]:
    """(the model beside the outcomes after the change, training weights after it)."""
    if action not in FACTORS:
        raise ConfigError(f"There is no action {action!r}. Choose one of {', '.join(FACTORS)}.")
    weights = model.sample_weight_.copy()
    weights[rows] *= FACTORS[action]
    if action != "relabel":
        return model, weights
    changed = copy.copy(model)
    changed.y_ = model.y_.copy()
    changed.y_[rows] = 1.0 - changed.y_[rows]
    return changed, weights


def effect_at(result: StudyResult, theta: np.ndarray) -> Effect:
    """The effect of parameters (P,) in place of the ordinary model's."""
    model, quantities = result.model, result.quantities
    values, hard = quantities.values_at(model, theta), quantities.hard_values(model, theta)
    soft = directed(result, values) - result.goal.value
    before = decisions(model.logits(quantities.X) - quantities.shift)
    after = decisions(model.logits(quantities.X, theta) - quantities.shift)
    return Effect(
        soft=soft,
        share=-soft / result.goal.value if result.goal.value else 0.0,
        gap=directed(result, hard) - directed(result, quantities.hard_values(model)),
        accuracy=quantities.accuracy(model, theta) - quantities.accuracy(model),
        log_loss=float(values[-1] - quantities.values(model)[-1]),
        turned=int(np.count_nonzero(before != after)),
    )


def directed(result: StudyResult, values: np.ndarray) -> float:
    """The goal's widest gap, in the direction that its scores have, from quantities (k,)."""
    goal = result.goal
    pairs = goal_pairs(result.quantities, result.config.goal)
    return float(pairs.matrix[pairs.labels.index((goal.rate, goal.over, goal.under))] @ values)


# ---------------------------------------------------------------------------------------------------------- agreement


@dataclass(frozen=True)
class Agreement:
    """Predictions held against refits: `level` as of the fidelity badge, `error` the relative L2 error.

    `close` of the `checked` ones were within 5 % of their own refit.
    """

    level: str
    error: float
    checked: int
    close: int = 0


def agreement(predicted: Sequence[float], refitted: Sequence[float]) -> Agreement:
    """How far predictions are off refits; "not judged" where there are none, or where the refits changed nothing.

    >>> agreement([0.10, -0.05], [0.10, -0.05]).level
    'green'
    >>> agreement([], []).level
    'not judged'
    """
    told, seen = np.asarray(predicted, dtype=float), np.asarray(refitted, dtype=float)
    size = float(np.linalg.norm(seen))
    if not size:
        return Agreement("not judged", 0.0, told.size)
    error = float(np.linalg.norm(told - seen)) / size
    close = int(np.count_nonzero(np.abs(told - seen) <= GREEN * np.abs(seen)))
    return Agreement("green" if error <= GREEN else "amber" if error <= AMBER else "red", error, told.size, close)
