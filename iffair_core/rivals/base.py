"""What a rival is given, what it answers, and what is known of it before it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from iffair_core.data.design import Design
from iffair_core.errors import StopCheck, never_stop
from iffair_core.metrics import THRESHOLD
from iffair_core.models.base import InfluenceModel
from iffair_core.models.blocks import sigmoid
from iffair_core.quantities import FairnessQuantities

Kind = Literal["weights", "training", "thresholds", "features"]
KIND_TITLES: dict[Kind, str] = {
    "weights": "Row weights",
    "training": "Constrained training",
    "thresholds": "Group thresholds",
    "features": "Changed features",
}


@dataclass(frozen=True, eq=False)
class RivalProblem:
    """The same rows, model and goal that our repair starts from.

    Training rows: X (n, p), y (n,) of 0 and 1, `group_codes` (n,) into `n_groups` groups. `model`: the ordinary model,
    fitted to them with unit weights, or with `base` (n,), the file's row weights, which multiply a rival's own.
    `validation`: quantities of the validation rows, the only ones that a method may be tuned on. `C`: inverse ridge
    penalty of the model. `seed`: of every random draw. `budget`: accuracy on validation rows that a tuned method may
    cost. `stop_check` raises Cancelled when the user has cancelled. `threshold`: P(favorable) from which the study's
    model decides favorable.
    """

    X: Design
    y: np.ndarray
    group_codes: np.ndarray
    n_groups: int
    model: InfluenceModel
    validation: FairnessQuantities
    goal: str
    C: float = 1.0
    seed: int = 0
    budget: float = 0.01
    stop_check: StopCheck = never_stop
    base: np.ndarray | None = None
    threshold: float = THRESHOLD


@dataclass(frozen=True, eq=False)
class Prediction:
    """Decisions (m,) of bool, and P(favorable) (m,) where the method has such scores."""

    decisions: np.ndarray
    scores: np.ndarray | None = None


Decide = Callable[[Design, np.ndarray], Prediction]
"""From features (m, p) and group codes (m,) to a prediction; most methods leave the codes unused."""


@dataclass(frozen=True, eq=False)
class Solution:
    """A rival's answer: how it decides, and for a weight-based one the `weights` (n,) of mean 1 and `theta` (P,).

    Where rows have base weights, the model saw these times `weights`, and the mean is over them.
    """

    decide: Decide
    weights: np.ndarray | None = None
    theta: np.ndarray | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Method:
    """A rival before it runs.

    `reads_model`: its answer depends on a fitted model, not on groups and outcomes alone. `needs_group`: it asks for a
    person's group when it decides. `randomised`: the same person may be decided either way. `goals`: those it defines;
    `elsewhere` says why there are no others. `source`: authors, year and where.
    """

    name: str
    title: str
    kind: Kind
    reads_model: bool
    needs_group: bool
    randomised: bool
    goals: tuple[str, ...]
    source: str
    run: Callable[[RivalProblem], Solution]
    elsewhere: str = ""


def with_weights(problem: RivalProblem, weights: np.ndarray, notes: tuple[str, ...] = ()) -> Solution:
    """The solution of a weight-based rival: the ordinary model refitted with its weights (n,)."""
    model = problem.model.refitted(weights if problem.base is None else weights * problem.base)

    def decide(X: Design, codes: np.ndarray) -> Prediction:
        scores = sigmoid(model.logits(X))
        return Prediction(scores >= problem.threshold, scores)

    return Solution(decide, weights, model.theta_, notes)
