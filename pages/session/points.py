"""The points of a curve, each measured once, so that another strength is chosen without a new study."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from iffair_core.tradeoff import on_grid
from pages.session.work import Work

if TYPE_CHECKING:
    from iffair_core.study.results import StudyResult

MOST_BYTES = 64_000_000
FEWEST_KEPT = 2


class Points:
    """Results that differ from a base result only in the chosen point. Safe to use from any session's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._base: StudyResult | None = None
        self._known: dict[tuple[float | None, float | None], StudyResult] = {}
        self._measuring: tuple[StudyResult, Work[None]] | None = None

    def at(self, base: StudyResult, strength: float | None, budget: float | None) -> StudyResult:
        """`base` as if it had been asked for this strength and utility budget."""
        from iffair_core.study.at_strength import with_choice
        from iffair_core.tradeoff import choose

        if (base.config.strength, base.config.utility_budget) == (strength, budget):
            return base
        with self._lock:
            if self._base is not base:
                self._base, self._known = base, {}
            found = self._known.get((strength, budget))
            others = list(self._known.values())
        if found is not None:
            return found
        like = base
        if base.has("curve") and (strength is None or on_grid(strength)):
            curve = choose(base.curve, strength, budget)
            wanted = curve.points[curve.chosen].strength
            like = next((other for other in (base, *others) if other.strength == wanted), base)
        found = with_choice(like, strength=strength, utility_budget=budget)
        with self._lock:
            if self._base is base:
                while len(self._known) >= _kept(base):
                    self._known.pop(next(iter(self._known)))
                self._known[strength, budget] = found
        return found

    def measure_all(self, base: StudyResult, budget: float | None) -> None:
        """Measure every feasible point in the background, the ones next to the chosen one first; once per result."""
        with self._lock:
            begun = self._measuring is not None and self._measuring[0] is base
            if begun or not base.has("curve") or _kept(base) < len(base.curve.points):
                return
            self._measuring = base, Work(lambda work: self._measure(work, base, budget), "points")

    def stop(self) -> None:
        """Leave the points that are not measured yet for when they are asked for."""
        if self._measuring is not None:
            self._measuring[1].stop()
        self._measuring = None

    def _measure(self, work: Work[None], base: StudyResult, budget: float | None) -> None:
        """A point that cannot be measured ends this; its error is met, and said, where the point is asked for."""
        middle = base.strength
        grid = [point.strength for point in base.curve.points if point.feasible and on_grid(point.strength)]
        for strength in sorted(grid, key=lambda value: abs(value - middle)):
            work.stop_check()
            self.at(base, strength, budget)


def _kept(base: StudyResult) -> int:
    """How many results are worth their memory, of which the scores of every row are most."""
    return max(FEWEST_KEPT, MOST_BYTES // (8 * base.dataset.y.size))
