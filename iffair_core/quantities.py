"""Fairness and utility quantities as functions of a model's parameters, with their gradients.

A rate of a group counts decisions; its soft form replaces the decision by sigma(slope * z), which has a derivative; z
is the logit less that of the threshold, 0 for a threshold of 0.5. Every gap between two groups is offset + sum over
evaluation rows of c_v sigma(slope * z_v), and all c_v are constant on a group x outcome cell, so everything here is a
small matrix times one sum per cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations

import numpy as np

from iffair_core.data.design import Design, RemoteDesign, cross_product
from iffair_core.data.groups import suggested_reference
from iffair_core.errors import ConfigError, NotSupported, TaskError, joined, shorten
from iffair_core.metrics import GOAL_RATES, RATES, THRESHOLD
from iffair_core.models.base import InfluenceModel
from iffair_core.models.blocks import sigmoid, sum_over
from iffair_core.models.logistic import LogisticModel
from iffair_core.reading.values import value_label

SOFT_RATES = tuple(name for name, rate in RATES.items() if rate.quantity)
LEAST_ROWS = 10


@dataclass(frozen=True)
class Gap:
    """rate(group) - rate(reference): one column of the quantities."""

    rate: str
    group: str
    reference: str

    @property
    def name(self) -> str:
        return f"{RATES[self.rate].quantity}[{self.group} - {self.reference}]"


@dataclass(frozen=True)
class FairnessQuantities:
    """k quantities of a model, measured on fixed evaluation rows.

    `names`: the soft gap of each estimable rate of each group against the reference, then "log_loss" (mean, nats).
    `left_out`: names of gaps that no evaluation row supports (a rate with an empty denominator).
    Signed: a gap is rate(group) - rate(reference), in [-1, 1]. `weights` (m,): how much each row counts in every rate
    and mean, only ratios matter; None for all alike. `threshold`: probability from which a decision is favorable.
    """

    X: Design
    y: np.ndarray
    group_codes: np.ndarray
    groups: tuple[str, ...]
    reference: str
    slope: float
    gaps: tuple[Gap, ...]
    left_out: tuple[str, ...]
    _mix: np.ndarray = field(repr=False)  # (gaps, 2 G): gap = _mix @ cell sums + _offset; cell = 2 * group + outcome
    _offset: np.ndarray = field(repr=False)
    weights: np.ndarray | None = None
    threshold: float = THRESHOLD

    @property
    def shift(self) -> float:
        """The logit from which a decision is favorable: that of `threshold`."""
        return float(np.log(self.threshold / (1.0 - self.threshold)))

    @property
    def names(self) -> tuple[str, ...]:
        return (*(gap.name for gap in self.gaps), "log_loss")

    def values(self, model: InfluenceModel) -> np.ndarray:
        """Soft value of each quantity at the model's parameters, (k,)."""
        return self.values_at(model, model.theta_)

    def values_at(self, model: InfluenceModel, theta: np.ndarray) -> np.ndarray:
        """Soft value of each quantity at other parameters `theta` of the same model, (k,)."""
        return self.values_of(model.logits(self.X, theta))

    def values_of(self, z: np.ndarray) -> np.ndarray:
        """Soft value of each quantity at logits z (m,) of the evaluation rows, (k,)."""
        gaps = self._mix @ self._cell_sums(sigmoid(self.slope * (z - self.shift))) + self._offset
        return np.append(gaps, self._mean_loss(z))

    def hard_values(self, model: InfluenceModel, theta: np.ndarray | None = None) -> np.ndarray:
        """The same quantities with decisions in place of soft rates, (k,), at `theta` if given."""
        return self.hard_values_of(model.logits(self.X, theta))

    def hard_values_of(self, z: np.ndarray) -> np.ndarray:
        """`hard_values` from the logits (m,)."""
        gaps = self._mix @ self._cell_sums(decisions(z - self.shift).astype(float)) + self._offset
        return np.append(gaps, self._mean_loss(z))

    def effect_of_decisions(self, rows: np.ndarray) -> np.ndarray:
        """Change of each hard gap when the decision of one of `rows` (r,) turns favorable, (r, gaps)."""
        effects = np.asarray(self._mix.T[self.cells()[rows]])
        return effects if self.weights is None else effects * self.weights[rows, None]

    def over_cells(self, gaps: np.ndarray) -> np.ndarray:
        """Mixtures of gaps (r, gaps) as mixtures of sums over the cells, (r, 2 G), without offsets."""
        return np.asarray(gaps @ self._mix)

    def accuracy(self, model: InfluenceModel, theta: np.ndarray | None = None) -> float:
        """Share of correct decisions on the evaluation rows, at `theta` if given."""
        return self._mean((model.logits(self.X, theta) >= self.shift) == (self.y > 0.5))

    def price(self, model: InfluenceModel, theta: np.ndarray) -> float:
        """Second-order change of the mean log loss, in nats, when the parameters move from the model's to `theta`.

        gradU . step + step' H_V step / 2 on the evaluation rows; for a logit linear in theta, exact up to third order.
        """
        return self.price_of(model.logits(self.X), model.logits(self.X, theta))

    def price_of(self, z: np.ndarray, moved: np.ndarray) -> float:
        """`price` from the logits (m,) at both."""
        p = sigmoid(z)
        step = moved - z
        return self._mean((p - self.y) * step + p * (1.0 - p) * step**2 / 2)

    def gradients(self, model: InfluenceModel, logits: np.ndarray | None = None) -> np.ndarray:
        """d quantity / d theta at the model's parameters, (P, k); `logits` (m,) of the evaluation rows, if known."""
        n_cells, total, slope, shift = 2 * len(self.groups), self._total(), self.slope, self.shift
        few = len(self.gaps) < n_cells
        sides = self._mix.T if few else np.eye(n_cells)
        if logits is None and isinstance(self.X, RemoteDesign):
            logits = model.logits(self.X)
        # A network goes through its layers for the logits of a block, so they are not asked for twice.
        logits_of, pull_back = None if logits is not None else model.logits, model.pull_back

        def work(
            X: Design, z: np.ndarray | None, y: np.ndarray, cells: np.ndarray, weights: np.ndarray | None
        ) -> np.ndarray:
            if z is None:
                assert logits_of is not None
                z = logits_of(X)
            p = sigmoid(z)
            soft = p if slope == 1 and shift == 0 else sigmoid(slope * (z - shift))
            cotangents = np.empty((z.size, sides.shape[1] + 1))
            cotangents[:, :-1] = (slope * soft * (1.0 - soft))[:, None] * sides[cells]
            cotangents[:, -1] = (p - y) / total
            if weights is not None:
                cotangents *= weights[:, None]
            return pull_back(X, cotangents)

        sums = sum_over(self.X, work, logits, self.y, self.cells(), self.weights, least=n_cells)
        return sums if few else np.column_stack([sums[:, :-1] @ self._mix.T, sums[:, -1]])

    def hessians(self, model: InfluenceModel) -> np.ndarray:
        """d^2 quantity / d theta^2 at the model's parameters, (k, P, P), in one pass.

        Raises NotSupported unless logits are linear in the parameters, as a logistic model's.
        """
        if not isinstance(model, LogisticModel):
            raise NotSupported(
                "Second-order effects need logits that are linear in the parameters. Use order=1, the "
                "leverage-corrected effect, or the logistic model."
            )
        n_cells, total, slope, shift = 2 * len(self.groups), self._total(), self.slope, self.shift

        def work(X: Design, z: np.ndarray, own: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
            soft, p = sigmoid(slope * (z - shift)), sigmoid(z)
            bend, curve = slope**2 * soft * (1.0 - soft) * (1.0 - 2.0 * soft), p * (1.0 - p) / total
            if weights is not None:
                bend, curve = bend * weights, curve * weights
            sums = np.zeros((n_cells + 1, X.shape[1] + 1, X.shape[1] + 1))
            for cell in np.unique(own):
                sums[cell] = cross_product(X[own == cell], bend[own == cell])
            sums[-1] = cross_product(X, curve)
            return sums

        sums = sum_over(self.X, work, model.logits(self.X), self.cells(), self.weights)
        return np.concatenate([np.tensordot(self._mix, sums[:-1], 1), sums[-1:]])

    def without(self, names: Sequence[str]) -> FairnessQuantities:
        """The same quantities less the named gaps."""
        keep = [i for i, gap in enumerate(self.gaps) if gap.name not in names]
        return replace(
            self,
            gaps=tuple(self.gaps[i] for i in keep),
            left_out=self.left_out + tuple(gap.name for gap in self.gaps if gap.name in names),
            _mix=self._mix[keep],
            _offset=self._offset[keep],
        )

    def _mean_loss(self, z: np.ndarray) -> float:
        return self._mean(np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0.0) - self.y * z)

    def _mean(self, values: np.ndarray) -> float:
        return float(np.mean(values) if self.weights is None else self.weights @ values / self._total())

    def _total(self) -> float:
        return self.y.size if self.weights is None else float(self.weights.sum())

    def rows_behind(self, rate: str) -> np.ndarray:
        """Number of evaluation rows that count in the denominator of a rate, (G,)."""
        cells = self.cells() if self.weights is None else self.cells()[self.weights > 0]
        counts = np.bincount(cells, minlength=2 * len(self.groups)).reshape(-1, 2)
        return np.asarray({"true_positive_rate": counts[:, 1], "false_positive_rate": counts[:, 0]}.get(
            rate, counts.sum(axis=1)
        ))  # fmt: skip

    def cells(self) -> np.ndarray:
        """Cell of each evaluation row, 2 * group + outcome, (m,)."""
        return 2 * self.group_codes + (self.y > 0.5)

    def _cell_sums(self, values: np.ndarray) -> np.ndarray:
        if self.weights is not None:
            values = values * self.weights
        return np.bincount(self.cells(), weights=values, minlength=2 * len(self.groups))


def decisions(z: np.ndarray) -> np.ndarray:
    """Favorable decisions, the shape of `z`, logits less that of the threshold."""
    return np.asarray(sigmoid(z) >= 0.5)


def fairness_quantities(
    X: Design,
    y: np.ndarray,
    groups: np.ndarray,
    reference: object | None = None,
    slope: float = 1.0,
    sample_weight: np.ndarray | None = None,
) -> FairnessQuantities:
    """The soft gaps of every group against the reference, and the log loss, on the given evaluation rows.

    X (m, p) as the model sees it, y (m,) of 0 and 1, groups (m,) any labels; `reference`: a label, or None for the
    group with the highest share of y = 1 among those of at least 30 rows. `slope` k > 0 of the soft rate sigma(k z).
    `sample_weight` (m,) >= 0: how much each row counts in every rate and mean, None for all alike.
    Raises TaskError for a reference that does not occur, a single group, or weights that are all 0.
    """
    labels = np.asarray([value_label(value) for value in np.asarray(groups, dtype=object)])
    names, codes = np.unique(labels, return_inverse=True)
    y = np.asarray(y, dtype=float)
    if reference is None:
        rows, favorable = np.bincount(codes), np.bincount(codes[y > 0.5], minlength=names.size)
        reference = names[suggested_reference(rows, favorable, favorable_shares(codes, y, sample_weight))]
    return quantities_from_codes(
        X, y, codes, tuple(names.tolist()), value_label(reference), slope=slope, sample_weight=sample_weight
    )


def favorable_shares(codes: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray | None:
    """Weighted share of y = 1 in each group, (G,), 0 for a group without weight; None where rows have no weights."""
    if sample_weight is None:
        return None
    total, favorable = (np.bincount(codes, sample_weight * one) for one in (np.ones(y.size), y))
    return np.divide(favorable, total, out=np.zeros(total.size), where=total > 0)


def quantities_from_codes(
    X: Design,
    y: np.ndarray,
    group_codes: np.ndarray,
    groups: tuple[str, ...],
    reference: str,
    *,
    slope: float = 1.0,
    sample_weight: np.ndarray | None = None,
    threshold: float = THRESHOLD,
) -> FairnessQuantities:
    """`fairness_quantities` for groups that are codes (m,) into `groups`, with decisions from `threshold` on."""
    if not slope > 0:
        raise ConfigError(f"slope is {slope}; the slope of a soft rate is a number above 0.")
    if reference not in groups:
        raise TaskError(f"The reference group {reference!r} does not occur. Choose one of {', '.join(groups)}.")
    if len(groups) < 2:
        raise TaskError(f"There is only one group, {groups[0]!r}. A gap needs two groups.")
    y = np.asarray(y, dtype=float)
    weights = None if sample_weight is None else np.asarray(sample_weight, dtype=float)
    if weights is not None and not weights.any():
        raise TaskError("Every row that the gaps are measured on has weight 0. Choose another column of row weights.")
    counts = np.bincount(2 * group_codes + (y > 0.5), weights=weights, minlength=2 * len(groups)).reshape(-1, 2)
    gaps, rows, offsets, left_out = [], [], [], []
    base = groups.index(reference)
    for rate in SOFT_RATES:
        for g, group in enumerate(groups):
            if g == base:
                continue
            gap = Gap(rate, group, reference)
            ours, theirs = _rate_row(rate, counts, g), _rate_row(rate, counts, base)
            if ours is None or theirs is None:
                left_out.append(gap.name)
                continue
            gaps.append(gap)
            rows.append(ours[0] - theirs[0])
            offsets.append(ours[1] - theirs[1])
    mix = np.array(rows).reshape(len(rows), 2 * len(groups))
    found = (tuple(gaps), tuple(left_out), mix, np.array(offsets))
    return FairnessQuantities(X, y, np.asarray(group_codes), groups, reference, slope, *found, weights, threshold)


def _rate_row(rate: str, counts: np.ndarray, group: int) -> tuple[np.ndarray, float] | None:
    """A rate of a group as (coefficients over cell sums, offset); None where its denominator is empty.

    The error rate is mean(y) - sum over y = 1 of soft / n + sum over y = 0 of soft / n: the offset belongs to it.
    """
    negatives, positives = counts[group]
    row = np.zeros(counts.size)
    unfavorable, favorable = 2 * group, 2 * group + 1
    denominator = {"true_positive_rate": positives, "false_positive_rate": negatives}.get(rate, negatives + positives)
    if denominator == 0:
        return None
    if rate in ("selection_rate", "true_positive_rate"):
        row[favorable] = 1.0 / denominator
    if rate in ("selection_rate", "false_positive_rate"):
        row[unfavorable] = 1.0 / denominator
    if rate == "error_rate":
        row[unfavorable], row[favorable] = 1.0 / denominator, -1.0 / denominator
        return row, positives / denominator
    return row, 0.0


@dataclass(frozen=True)
class GoalPairs:
    """The directed gaps between any two groups whose largest is the soft disparity of a goal.

    `matrix` (pairs, k): each row turns the k quantities into rate(over) - rate(under); `labels` (rate, over, under).
    `signed` (gaps, k): one row per rate and group, rate(group) - rate(reference), or of the first group where the
    reference is left out. `groups`: those of each rate, see `judged_groups`.
    """

    goal: str
    matrix: np.ndarray
    labels: tuple[tuple[str, str, str], ...]
    signed: np.ndarray
    groups: Mapping[str, tuple[str, ...]]

    def disparity(self, values: np.ndarray) -> float:
        """max - min over groups of the soft rate (equalized odds: the worse of its two), from quantities (k,)."""
        return float((self.matrix @ values).max())

    def worst(self, values: np.ndarray) -> int:
        """Index of the directed gap that is the disparity."""
        return int(np.argmax(self.matrix @ values))


def judged_groups(quantities: FairnessQuantities, *goals: str) -> dict[str, tuple[str, ...]]:
    """{rate of `goals`: groups with at least 10 evaluation rows behind it}; all groups where fewer than two have them.

    A disparity is the largest of many differences, so that a handful of rows could decide it and every choice by it.
    """
    found = {}
    for rate in dict.fromkeys(rate for goal in goals for rate in GOAL_RATES[goal]):
        behind = quantities.rows_behind(rate)
        every = _members(quantities, rate)
        enough = tuple(group for group in every if behind[quantities.groups.index(group)] >= LEAST_ROWS)
        found[rate] = enough if len(enough) > 1 else every
    return found


def unjudged_rates(quantities: FairnessQuantities, judged: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """A sentence on the rates of groups that are left out of a repair for want of rows; () where there is none."""
    named = [
        f"{RATES[rate].title} of {shorten(group, 40)}"
        for rate, groups in judged.items()
        for group in _members(quantities, rate)
        if group not in groups
    ]
    few = f"Left out of the repair, because fewer than {LEAST_ROWS} rows stand behind it"
    return (f"{few}: {joined(named)}.",) if named else ()


def _members(quantities: FairnessQuantities, rate: str) -> tuple[str, ...]:
    """The groups whose rate can be estimated; none where the reference's cannot."""
    with_gap = {gap.group for gap in quantities.gaps if gap.rate == rate}
    if not with_gap:
        return ()
    return tuple(group for group in quantities.groups if group in with_gap or group == quantities.reference)


def goal_pairs(
    quantities: FairnessQuantities, goal: str, groups: Mapping[str, tuple[str, ...]] | None = None
) -> GoalPairs:
    """All directed gaps of `goal` that the quantities can estimate, among `groups` of each rate where given.

    Raises ConfigError for an unknown goal, TaskError where fewer than two groups have an estimable rate.
    """
    if goal not in GOAL_RATES:
        raise ConfigError(f"There is no goal {goal!r}. Choose one of {', '.join(GOAL_RATES)}.")
    column = {(gap.rate, gap.group): i for i, gap in enumerate(quantities.gaps)}
    rows, labels, signed, kept = [], [], [], {}

    def row(rate: str, over: str, under: str) -> np.ndarray:
        out = np.zeros(len(quantities.names))
        for group, sign in ((over, 1.0), (under, -1.0)):
            if (rate, group) in column:
                out[column[rate, group]] += sign
        return out

    for rate in GOAL_RATES[goal]:
        members = _members(quantities, rate)
        if groups is not None:
            members = tuple(group for group in members if group in groups[rate])
        if len(members) < 2:
            weightless = quantities.weights is not None and not quantities.weights.all()
            raise TaskError(
                f"The {rate.replace('_', ' ')} can be estimated for fewer than two groups"
                f"{' (rows of weight 0 do not count)' if weightless else ''}, so {goal.replace('_', ' ')} cannot be "
                "repaired. Choose another goal, or pool small groups."
            )
        base = quantities.reference if quantities.reference in members else members[0]
        signed += [row(rate, group, base) for group in members if group != base]
        for over, under in permutations(members, 2):
            rows.append(row(rate, over, under))
            labels.append((rate, over, under))
        kept[rate] = members
    return GoalPairs(goal, np.array(rows), tuple(labels), np.array(signed), kept)
