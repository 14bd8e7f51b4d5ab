"""X, y and groups ordered so that train, validation and test are views, and the path of repairs that they guide."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from iffair_core.data.encoding import SPLITS, VALIDATION, Dataset
from iffair_core.errors import StopCheck, never_stop, shorten
from iffair_core.metrics import THRESHOLD
from iffair_core.path import Repair, RepairPath
from iffair_core.quantities import FairnessQuantities, judged_groups, quantities_from_codes
from iffair_core.study.results import MEASURED, StudyResult, base_weights
from iffair_core.tradeoff import Part
from iffair_core.wording import RATE_TITLES


class SplitViews:
    """One copy of X with training, validation and test rows in turn, so that every part of it is a view.

    `base` (n,): the file's row weights in that order, None for 1 everywhere. `threshold`: P(favorable) from which a
    decision is favorable.
    """

    def __init__(self, data: Dataset, threshold: float = THRESHOLD) -> None:
        self.dataset = data
        order = np.concatenate([data.part(code) for code in range(len(SPLITS))])
        self.X, self.y, self.codes = data.X[order], data.y[order], data.group_codes[order]
        base = base_weights(data)
        self.base = None if base is None else base[order]
        ends = np.cumsum([0, *(data.part(code).size for code in range(len(SPLITS)))])
        self.rows = {name: slice(ends[i], ends[i + 1]) for i, name in enumerate(SPLITS)}
        self._guide_rows = slice(0, ends[VALIDATION + 1])
        self.decide_from(threshold)

    def decide_from(self, threshold: float) -> None:
        """Take this as the threshold from now on."""
        self.threshold = threshold
        self.parts = {name: self._part(self.rows[name]) for name in MEASURED}
        self.quantities = {name: self._measured_on(self.rows[name]) for name in MEASURED}

    def guide(self) -> FairnessQuantities:
        """Quantities of training and validation rows together."""
        return self._measured_on(self._guide_rows)

    def groups(self, *goals: str) -> dict[str, tuple[str, ...]]:
        """The groups of each rate of the goals that validation rows can judge, which a repair is for."""
        return judged_groups(self.quantities["validation"], *goals)

    def base_of(self, rows: slice) -> np.ndarray | None:
        """Weights that the file brought for some of these rows; None for 1 everywhere."""
        return None if self.base is None else self.base[rows]

    def _part(self, rows: slice) -> Part:
        return Part(self.X[rows], self.y[rows], self.codes[rows], self.base_of(rows), self.threshold)

    def _measured_on(self, rows: slice) -> FairnessQuantities:
        data = self.dataset
        return quantities_from_codes(
            self.X[rows],
            self.y[rows],
            self.codes[rows],
            data.groups,
            data.reference,
            sample_weight=self.base_of(rows),
            threshold=self.threshold,
        )


def repair_path(
    result: StudyResult,
    repair: Repair | None = None,
    stop_check: StopCheck = never_stop,
    data: SplitViews | None = None,
) -> RepairPath:
    """The path of repairs from a result's untouched model, as its study walks it or for another `repair`."""
    data, repair = data or SplitViews(result.dataset, result.threshold), repair or result.config.repair
    groups = data.groups(repair.goal, *repair.also)
    base = data.base_of(data.rows["train"])
    return RepairPath(result.model, data.guide(), repair, stop_check, result.pinned, groups, base=base)


def unjudged(data: SplitViews, groups: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Rates, as "rate of group", that can be estimated on training and validation rows together, but are not judged."""
    gaps = data.guide().gaps
    return tuple(
        f"{RATE_TITLES[rate]} of {shorten(group, 40)}"
        for rate, judged in groups.items()
        for group in data.dataset.groups
        if group not in judged and any(gap.rate == rate and group in (gap.group, gap.reference) for gap in gaps)
    )


def measured_rows(result: StudyResult) -> dict[str, Part]:
    """The validation and the test rows of a result."""
    return SplitViews(result.dataset, result.threshold).parts
