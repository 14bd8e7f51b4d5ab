"""What a study knows: plain frozen records that screens, files and sentences read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar, cast

import numpy as np

from iffair_core.checks.run import Check
from iffair_core.data.encoding import TRAIN, Dataset
from iffair_core.data.groups import SMALL_GROUP
from iffair_core.errors import ConfigError, joined
from iffair_core.fidelity import Fidelity
from iffair_core.metrics import THRESHOLD, Estimate, Evaluation, alike_warnings, fewest_of_an_outcome
from iffair_core.models import InfluenceModel
from iffair_core.quantities import LEAST_ROWS, FairnessQuantities
from iffair_core.rivals.base import Kind
from iffair_core.study.config import StudyConfig
from iffair_core.tradeoff import Curve, CurvePoint, Intervals, Numbers

STAGES = ("encode", "baseline", "influence", "curve", "fidelity", "rivals")
TRANSFER = "transfer"
"""The stage after all others, run only where other models are asked for."""
MEASURED = ("validation", "test")
TOO_GOOD = 0.99
"""ROC AUC of a fitted model from which its features probably hold the outcome."""
TOO_RIGHT = 0.97
"""Balanced accuracy from which they do."""

Record = TypeVar("Record")


def base_weights(data: Dataset) -> np.ndarray | None:
    """The file's row weights as the engine uses them, (n,): None where every row weighs the same.

    Scaled to mean 1 over the rows that count, those of weight above 0, so that neither the unit of the file's weights
    nor rows of weight 0 bear on what the model's penalty, on a sum of losses, is worth.
    """
    return None if data.base_weight is None else scaled_weights(data.base_weight)


def scaled_weights(weight: np.ndarray) -> np.ndarray | None:
    """Weights (n,) >= 0 scaled to mean 1 over those above 0; None where all are the same."""
    counting = weight[weight > 0]
    if counting.size == weight.size and (weight == weight[0]).all():
        return None
    mean = counting.mean()
    return weight if abs(mean - 1.0) <= 1e-12 else weight / mean


@dataclass(frozen=True)
class Rival:
    """Another method for the same goal, on the same training rows, measured on the same split.

    `weights` (n_train,), before the file's are multiplied in, and `theta` of the refitted model: None unless its `kind`
    is "weights". `needs_group`: it asks for a person's group when it decides. `randomised`: one draw was measured.
    `metrics`: every metric per split, None where not estimable; a method without scores has no ROC AUC and no log
    loss. `notes`: what to know of the run. `reason`: why it has no answer and no metrics here, None where it has.
    `decisions` (m,) bool per split, in the order of its rows.
    """

    name: str
    title: str
    weights: np.ndarray | None
    theta: np.ndarray | None
    metrics: Mapping[str, Numbers]
    intervals: Mapping[str, Intervals]
    kind: Kind = "weights"
    reads_model: bool = False
    needs_group: bool = False
    randomised: bool = False
    source: str = ""
    notes: tuple[str, ...] = ()
    reason: str | None = None
    seconds: float = 0.0
    decisions: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Reached:
    """Every metric on one split with 95 % intervals by bootstrap of the cells; None where not estimable."""

    values: Numbers
    intervals: Intervals


@dataclass(frozen=True)
class Transfer:
    """Another model fitted without (`before`) and with (`after`) the weights of `strength`, both per split.

    `difference`: after - before on the same rows, per split and metric. `kept`: per split, the goal's disparity
    reduction as a share of that in the study's own model: 1 as much, 0 none, negative where the disparity grew; None
    where there is nothing to compare with. `seed`: of whatever the model draws. `notes`: sentences on its options and
    fits.
    """

    name: str
    title: str
    strength: float
    seed: int
    before: Mapping[str, Reached]
    after: Mapping[str, Reached]
    difference: Mapping[str, Mapping[str, Estimate]]
    kept: Mapping[str, float | None]
    seconds: float
    notes: tuple[str, ...]


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
class Baseline:
    """The ordinary model, its P(favorable) of the n used rows, and its evaluation on validation and on test rows.

    `threshold`: P(favorable) from which every row is decided favorable, before and after the repair.
    """

    model: InfluenceModel
    scores: np.ndarray
    evaluations: Mapping[str, Evaluation]
    threshold: float = THRESHOLD

    @property
    def findings(self) -> tuple[str, ...]:
        """What to say before any number: a model that tells nobody apart, or that is too good to be true."""
        alike = {split: alike_warnings(found.counts) for split, found in self.evaluations.items()}
        said = _by_part({split: [*_too_good(self.evaluations[split]), *alike[split]] for split in MEASURED})
        return (*said, _ANOTHER_THRESHOLD) if self.offers_threshold else said

    @property
    def offers_threshold(self) -> bool:
        """Whether another threshold would let the model tell people apart."""
        return self.threshold == THRESHOLD and any(alike_warnings(one.counts) for one in self.evaluations.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """Everything else, each text once, with the parts whose rows it holds for."""
        return _by_part(
            {
                split: [text for text in found.warnings if text not in alike_warnings(found.counts)]
                for split, found in self.evaluations.items()
            }
        )


def _by_part(texts: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Each text once, with the parts whose rows it holds for."""
    parts: dict[str, list[str]] = {}
    for split in MEASURED:
        for text in texts[split]:
            parts.setdefault(text, []).append(split)
    return tuple(f"On {' and '.join(splits)} rows: {text}" for text, splits in parts.items())


def _too_good(evaluation: Evaluation) -> tuple[str, ...]:
    """That a model ranks its rows better than decisions about people can be foreseen, where it does on enough rows."""
    if fewest_of_an_outcome(evaluation.counts) < SMALL_GROUP:
        return ()  # of a few rows an ordinary model often tells every one apart
    auc, right = (evaluation.values[name] for name in ("roc_auc", "balanced_accuracy"))
    if (auc is None or auc < TOO_GOOD) and (right is None or right < TOO_RIGHT):
        return ()
    return (
        "The ordinary model tells the outcomes apart better than what people do can be foreseen (ROC AUC of at least "
        f"{TOO_GOOD:g}, or a balanced accuracy of at least {TOO_RIGHT:g}): some features are probably recorded with "
        "the outcome. Leave those out, or no result here holds.",
    )


@dataclass(frozen=True)
class Influence:
    """Effects of each training row on the k `quantities` of validation rows.

    `scores`, `removal`, `relabel` (n_train, k): change per unit of weight, when the row is left out, when its outcome
    is flipped. `leverage` (n_train,).
    """

    quantities: FairnessQuantities
    scores: np.ndarray
    removal: np.ndarray
    relabel: np.ndarray
    leverage: np.ndarray


@dataclass(frozen=True)
class Repaired:
    """The curve of repairs and its chosen point, refitted: P(favorable) of the n used rows and evaluations.

    `difference`: after - before on the same rows, per split and metric. `unjudged`: rates, as "rate of
    group", that the repair leaves out because too few validation rows stand behind them.
    """

    curve: Curve
    scores: np.ndarray
    evaluations: Mapping[str, Evaluation]
    difference: Mapping[str, Mapping[str, Estimate]]
    unjudged: tuple[str, ...] = ()

    @property
    def chosen(self) -> CurvePoint:
        return self.curve.points[self.curve.chosen]

    @property
    def findings(self) -> tuple[str, ...]:
        """That the repaired model tells nobody apart."""
        if not self.chosen.strength > 0:
            return ()
        said = _by_part({split: alike_warnings(found.counts) for split, found in self.evaluations.items()})
        return tuple(f"At strength {self.chosen.strength:g}, {text[0].lower()}{text[1:]}" for text in said)

    @property
    def warnings(self) -> tuple[str, ...]:
        few = f"Left out of the repair, because fewer than {LEAST_ROWS} validation rows stand behind it"
        left_out = (f"{few}: {joined(self.unjudged)}.",) if self.unjudged else ()
        return (*left_out, *self.curve.warnings)


_ANOTHER_THRESHOLD = (
    "Where few have the favorable outcome, or nearly all, hardly any probability crosses 0.5. A threshold that is "
    "chosen on validation rows for everybody alike lets the model decide: --threshold balanced, or Threshold on Data."
)
RECORDS = {"baseline": (Baseline,), "influence": (Influence, GoalScores), "curve": (Repaired,), "fidelity": (Fidelity,)}
_STALE = "Other models were refitted with the weights of another strength; they are left out until they are again."


class _Read(Generic[Record]):
    """A property of a result that reads one of its records."""

    def __init__(self, of: Callable[[StudyResult], Record]) -> None:
        self.of = of

    def __get__(self, result: StudyResult, owner: type) -> Record:
        return self.of(result)


@dataclass(frozen=True)
class StudyResult:
    """What a study knows: one whole record for each stage that has finished.

    The properties read these records; ConfigError where their stage has not finished, which `has` tells. `baseline`,
    `after`: evaluations of the ordinary and of the repaired model, by split; `difference`: after - before on the same
    rows, per split and metric. `threshold`: P(favorable) from which a row is decided favorable. `chosen`: the curve's
    point at the chosen `strength`.
    `checks`: what was to know before a model was fitted (`checks`). `notes`: warnings of the rows as they were read.
    `pinned` (n_train,) bool, None where nothing was asked to be pinned. `stale_transfers`: other models were dropped
    because their weights are no longer the chosen ones.
    Shapes: n used rows in the order of the file, n_train of them training rows in the order of `train_rows`, k
    quantities measured on validation rows (`quantities.names`). Scores are P(favorable).
    """

    name: str
    fingerprint: str
    synthetic: bool
    dataset: Dataset
    config: StudyConfig
    pinned: np.ndarray | None = None
    records: Mapping[type, Any] = field(default_factory=dict)
    rivals: tuple[Rival, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    stale_transfers: bool = False

    def has(self, stage: str) -> bool:
        """Whether a stage, one of STAGES, has finished."""
        return all(kind in self.records for kind in RECORDS[stage]) if stage in RECORDS else stage in self.timing

    def record(self, kind: type[Record]) -> Record:
        """What a stage found. Raises ConfigError where it has not finished."""
        if kind not in self.records:
            stage = next(name for name, kinds in RECORDS.items() if kind in kinds)
            raise ConfigError(f"The study has not come that far. Run the study to its {stage}.")
        return cast(Record, self.records[kind])

    def having(self, *records: object, **changes: Any) -> StudyResult:
        """The result with these records in place of earlier ones of their kinds, and with other fields changed."""
        return replace(self, records={**self.records, **{type(one): one for one in records}}, **changes)

    model = _Read(lambda self: self.record(Baseline).model)
    scores_before = _Read(lambda self: self.record(Baseline).scores)
    threshold = _Read(lambda self: self.record(Baseline).threshold)
    baseline = _Read(lambda self: self.record(Baseline).evaluations)
    quantities = _Read(lambda self: self.record(Influence).quantities)
    influence = _Read(lambda self: self.record(Influence).scores)
    removal = _Read(lambda self: self.record(Influence).removal)
    relabel = _Read(lambda self: self.record(Influence).relabel)
    leverage = _Read(lambda self: self.record(Influence).leverage)
    goal = _Read(lambda self: self.record(GoalScores))
    curve = _Read(lambda self: self.record(Repaired).curve)
    chosen = _Read(lambda self: self.record(Repaired).chosen)
    strength = _Read(lambda self: self.record(Repaired).chosen.strength)
    scores_after = _Read(lambda self: self.record(Repaired).scores)
    after = _Read(lambda self: self.record(Repaired).evaluations)
    difference = _Read(lambda self: self.record(Repaired).difference)
    fidelity = _Read(lambda self: self.record(Fidelity))

    @property
    def weights(self) -> np.ndarray:
        """Our weights of the training rows at the chosen strength, (n_train,), mean 1 (see `reweighting`)."""
        return self.chosen.solution[0]

    @property
    def offers_threshold(self) -> bool:
        """Whether another threshold would let the ordinary model tell people apart."""
        return Baseline in self.records and self.record(Baseline).offers_threshold

    @property
    def findings(self) -> tuple[str, ...]:
        """What to say before any number: another threshold, a model that tells nobody apart or is too good."""
        said: list[str] = []
        if Baseline in self.records and self.threshold != THRESHOLD:
            chosen = "chosen on validation rows" if isinstance(self.config.threshold, str) else "chosen by you"
            said.append(
                f"Rows are selected from P(favorable) = {self.threshold:g} on, a threshold {chosen}, before and "
                f"after the repair; the usual one is {THRESHOLD:g}."
            )
        for stage in (Baseline, Repaired):
            said += self.records[stage].findings if stage in self.records else ()
        return tuple(said)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What else the stages warn of, in their order."""
        stages = (self.records[stage].warnings for stage in (Baseline, Repaired) if stage in self.records)
        return (
            *self.notes,
            *(text for texts in stages for text in texts),
            *((_STALE,) if self.stale_transfers else ()),
        )

    @property
    def train_rows(self) -> np.ndarray:
        """Positions of the training rows among the used rows, (n_train,)."""
        return self.dataset.part(TRAIN)

    @property
    def base(self) -> np.ndarray | None:
        """Weights of the used rows that the file brought, (n,), see `base_weights`; None for 1 everywhere."""
        return base_weights(self.dataset)

    @property
    def base_train(self) -> np.ndarray | None:
        """`base` of the training rows, (n_train,)."""
        base = self.base
        return None if base is None else base[self.train_rows]

    def total_weights(self, weights: np.ndarray) -> np.ndarray:
        """Weights (n_train,) as the model saw them: times the weights that the file brought."""
        base = self.base_train
        return weights if base is None else base * weights

    @property
    def smallest_group(self) -> int | None:
        """Cohort-only mode: no number of rows below this, and no single row, may be told (`disclosure`); None: off."""
        return self.dataset.task.task.smallest_group

    @property
    def finished(self) -> bool:
        return self.has("rivals")


Progress = Callable[[str, float, StudyResult | None], None]
"""What a run calls as it goes: the stage, the share of the whole that is done, and the result so far."""
