"""What a study is asked and what it knows: plain frozen records that screens, files and sentences read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from iffair_core.data.encoding import TRAIN, Dataset
from iffair_core.errors import ConfigError, NotSupported
from iffair_core.fidelity import Fidelity
from iffair_core.metrics import Estimate, Evaluation
from iffair_core.models.logistic import LogisticModel
from iffair_core.path import Repair, require_strength
from iffair_core.quantities import FairnessQuantities
from iffair_core.tradeoff import Curve, CurvePoint, Intervals, Numbers

STAGES = ("encode", "baseline", "influence", "curve", "fidelity", "rivals")
MODELS = ("logistic",)
MEASURED = ("validation", "test")


Found = TypeVar("Found")


def known(found: Found | None) -> Found:
    """What a stage of a study found; ConfigError where that stage has not finished."""
    if found is None:
        raise ConfigError("The study has not come that far. Run it to the end.")
    return found


@dataclass(frozen=True)
class StudyConfig:
    """Everything that decides a study besides the table and the task.

    `metric`: the goal to repair. `strength` in 0..1.25, None for the recommended one. `utility_budget`: accuracy on
    validation rows that a repair may cost (a share); None is 0.01 for the recommendation and no cap on a given
    strength.
    `min_effective_sample_size`: a share of training rows. `C`: inverse ridge penalty on the sum of losses.
    """

    metric: str = "equalized_odds"
    variant: str = "diverse"
    strength: float | None = None
    seed: int = 0
    utility_budget: float | None = None
    max_weight: float = 5.0
    min_effective_sample_size: float = 0.5
    model: str = "logistic"
    C: float = 1.0

    def __post_init__(self) -> None:
        if self.model == "mlp":
            raise NotSupported("model='mlp' is not in this version. Use model='logistic'.")
        if self.model not in MODELS:
            raise ConfigError(f"There is no model {self.model!r}. Choose one of {', '.join(MODELS)}.")
        if self.strength is not None:
            require_strength(self.strength)
        if self.utility_budget is not None and not 0 <= self.utility_budget <= 1:
            raise ConfigError(f"The utility budget is {self.utility_budget}; it is a share of accuracy from 0 to 1.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int | np.integer) or self.seed < 0:
            raise ConfigError(f"The seed is {self.seed!r}; give a whole number of at least 0.")
        if not (np.isfinite(self.C) and self.C > 0):
            raise ConfigError(f"C is {self.C}; it is the inverse penalty. Give a number above 0.")
        self.repair  # noqa: B018  (validates goal, variant and guard rails)

    @property
    def repair(self) -> Repair:
        return Repair(self.metric, self.variant, self.max_weight, self.min_effective_sample_size)


@dataclass(frozen=True)
class Rival:
    """Another way to weight the training rows, refitted and measured on the same split."""

    name: str
    title: str
    weights: np.ndarray
    theta: np.ndarray
    metrics: Mapping[str, Numbers]
    intervals: Mapping[str, Intervals]


@dataclass(frozen=True)
class GoalScores:
    """Row scores on the goal's widest directed gap on validation rows, rate(over) - rate(under), positive at the start.

    `influence`, `removal`, `relabel` (n_train,): change of that gap per unit of weight, when the row is left out, when
    its outcome is flipped; positive widens the gap. `value`: the soft gap before.
    """

    rate: str
    over: str
    under: str
    value: float
    influence: np.ndarray
    removal: np.ndarray
    relabel: np.ndarray

    @property
    def label(self) -> str:
        return f"{self.rate.replace('_', ' ')}, {self.over} − {self.under}"


@dataclass(frozen=True)
class StudyResult:
    """What a study knows; fields after `config` are None (or empty) until their stage has finished.

    Shapes: n used rows in the order of the file, n_train of them training rows in the order of `train_rows`, k
    quantities measured on validation rows (`quantities.names`). Scores are P(favorable).
    """

    name: str
    fingerprint: str
    synthetic: bool
    dataset: Dataset
    config: StudyConfig
    model: LogisticModel | None = None
    scores_before: np.ndarray | None = None
    baseline: Mapping[str, Evaluation] | None = None
    quantities: FairnessQuantities | None = None
    influence: np.ndarray | None = None
    removal: np.ndarray | None = None
    relabel: np.ndarray | None = None
    leverage: np.ndarray | None = None
    goal: GoalScores | None = None
    curve: Curve | None = None
    scores_after: np.ndarray | None = None
    after: Mapping[str, Evaluation] | None = None
    difference: Mapping[str, Mapping[str, Estimate]] | None = None
    fidelity: Fidelity | None = None
    rivals: tuple[Rival, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def train_rows(self) -> np.ndarray:
        """Positions of the training rows among the used rows, (n_train,)."""
        return self.dataset.part(TRAIN)

    @property
    def chosen(self) -> CurvePoint | None:
        """The curve's point at the chosen strength."""
        return None if self.curve is None else self.curve.points[self.curve.chosen]

    @property
    def strength(self) -> float | None:
        return None if self.chosen is None else self.chosen.strength

    @property
    def weights(self) -> np.ndarray | None:
        """Weights of the training rows at the chosen strength, (n_train,), mean 1."""
        return None if self.chosen is None else self.chosen.weights

    @property
    def finished(self) -> bool:
        return "rivals" in self.timing
