"""The curve beside a rival at no larger a disparity: which of two models is more accurate, by a test on the same rows.

The point of the curve is chosen on validation rows and compared on the rows asked for, so that the comparison is not
with the best of 21 tries. All rivals are compared at once: their intervals hold together with 95 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from iffair_core.data.encoding import SPLITS
from iffair_core.metrics import confusion_counts, tells_apart
from iffair_core.models.blocks import sigmoid
from iffair_core.study.results import Rival, StudyResult
from iffair_core.tradeoff import CHOOSING, CurvePoint
from iffair_core.uncertainty import LEVEL, Estimate

VERDICTS = ("more accurate", "less accurate", "cannot be told apart")


@dataclass(frozen=True)
class Comparison:
    """One rival and the curve's point against it; `point` None where no point has as small a disparity.

    `accuracy`: accuracy of the point minus that of the rival, with the interval that holds over all `compared` rivals
    together. `disparity`: of the point on the same rows.
    """

    rival: Rival
    point: CurvePoint | None
    accuracy: Estimate | None
    disparity: float | None
    compared: int

    @property
    def verdict(self) -> str:
        """One of VERDICTS, or "" where there is no point to compare."""
        return "" if self.accuracy is None else verdict_of(self.accuracy)


def verdict_of(lead: Estimate) -> str:
    """What a difference of accuracies comes to, one of VERDICTS; "" without an interval."""
    if lead.low is None or lead.high is None:
        return ""
    return VERDICTS[0] if lead.low > 0 else VERDICTS[1] if lead.high < 0 else VERDICTS[2]


def comparisons(result: StudyResult, split: str = "test") -> list[Comparison]:
    """Every rival that has a disparity and tells people apart, in their order.

    The point against a rival is the most accurate on validation rows among those whose disparity there is no larger
    than the rival's; ties go to the smaller disparity. Raises ConfigError where the study has not come to its curve.
    """
    metric = result.curve.metric
    rivals = [one for one in result.rivals if comparable(one, split, metric)]
    data, rows = result.dataset, result.dataset.part(SPLITS.index(split))
    weight = np.ones(rows.size) if result.base is None else result.base[rows]
    X, favorable = data.X[rows], data.y[rows] > 0.5
    found = []
    for rival in rivals:
        point = _point_against(result, rival)
        accuracy = disparity = None
        if point is not None and point.theta is not None:
            decided = sigmoid(result.model.logits(X, point.theta)) >= result.threshold
            accuracy = accuracy_difference(
                decided == favorable, rival.decisions[split] == favorable, weight, comparisons=len(rivals)
            )
            disparity = point.refitted[split][metric]
        found.append(Comparison(rival, point, accuracy, disparity, len(rivals)))
    return found


def comparable(rival: Rival, split: str, metric: str) -> bool:
    """Whether a rival has a disparity and tells people apart on these rows."""
    decided = rival.decisions.get(split)
    return (
        decided is not None
        and rival.metrics[split][metric] is not None
        and tells_apart(confusion_counts(decided, decided, np.zeros(decided.size, dtype=int), 1))
    )


def _point_against(result: StudyResult, rival: Rival) -> CurvePoint | None:
    metric = result.curve.metric
    limit = rival.metrics[CHOOSING][metric]
    if limit is None:
        return None
    reached = []
    for point in result.curve.points:
        values = point.refitted.get(CHOOSING, {})
        disparity, accuracy = values.get(metric), values.get("accuracy")
        apart = point.tells_apart.get(CHOOSING, False)
        if apart and disparity is not None and accuracy is not None and disparity <= limit + 1e-12:
            reached.append((accuracy, -disparity, -point.strength, point))
    return max(reached, key=lambda one: one[:3])[3] if reached else None


def accuracy_difference(
    ours: np.ndarray, theirs: np.ndarray, weight: np.ndarray | None = None, *, comparisons: int = 1
) -> Estimate:
    """Accuracy of one model minus that of another on the same rows, with its interval.

    Parameters
    ----------
    ours, theirs : (n,) bool, whether each model decides a row right.
    weight : (n,) >= 0, how much each row counts; None for all alike. Unequal weights tell as much as Kish's effective
        number of rows.
    comparisons : of so many differences the intervals hold together with 95 % (Bonferroni).

    Source: Agresti and Min (2005), Statist. Med. 24, 729-740: half a row is added to each of the four cells.
    """
    weight = np.ones(ours.size) if weight is None else weight
    total, square = float(weight.sum()), float(weight @ weight)
    if total <= 0:
        return Estimate(None, None, None, 0)
    n = total * total / square
    better, worse = (float(weight @ one) / total for one in (ours & ~theirs, theirs & ~ours))
    b, c, size = better * n + 0.5, worse * n + 0.5, n + 2
    middle, spread = (b - c) / size, np.sqrt(max(b + c - (b - c) ** 2 / size, 0.0)) / size
    z = NormalDist().inv_cdf(1 - (1 - LEVEL) / (2 * comparisons))
    low, high = max(-1.0, middle - z * spread), min(1.0, middle + z * spread)
    value = better - worse
    return Estimate(value, min(low, value), max(high, value), int(np.count_nonzero(weight)))
