"""Problems for the engine's tests: drawn by a seed, so that a failure can be reproduced from its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from iffair_core import Task
from iffair_core.models import LogisticModel
from iffair_core.quantities import FairnessQuantities, quantities_from_codes
from iffair_core.tradeoff import Part

KINDS = ("plain", "imbalanced", "separable", "units", "collinear")


@dataclass(frozen=True)
class Problem:
    """Training rows with outcomes and group codes, and how many groups there are."""

    X: np.ndarray
    y: np.ndarray
    codes: np.ndarray
    n_groups: int

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(f"g{i}" for i in range(self.n_groups))

    @property
    def part(self) -> Part:
        return Part(self.X, self.y, self.codes)

    def quantities(self, slope: float = 1.0) -> FairnessQuantities:
        return quantities_from_codes(self.X, self.y, self.codes, self.groups, "g0", slope=slope)

    def model(self, C: float = 1.0) -> LogisticModel:
        return LogisticModel(C).fit(self.X, self.y)


def make_problem(seed: int, n: int = 300, p: int = 5, n_groups: int = 2, kind: str = "plain") -> Problem:
    """Rows whose first column and whose outcome depend on the group; every group and both outcomes occur."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.arange(n) % n_groups)
    X = rng.normal(size=(n, p))
    X[:, 0] += 0.8 * codes
    z = X @ rng.normal(size=p) / np.sqrt(p) * 1.5 - 0.6 * (codes == 1)
    if kind == "imbalanced":
        z -= 3.5
    y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    if kind == "separable":
        y = (z > np.median(z)).astype(float)
    if kind == "units":
        X = X * 10.0 ** rng.integers(-3, 7, size=p)
    if kind == "collinear" and p > 2:
        X[:, 1], X[:, 2] = X[:, 0], 1.0
    y[:2] = (0.0, 1.0)
    return Problem(np.ascontiguousarray(X), y, codes, n_groups)


@st.composite
def problems(draw: st.DrawFn, max_rows: int = 300, kinds: tuple[str, ...] = KINDS, max_groups: int = 6) -> Problem:
    return make_problem(
        draw(st.integers(0, 10_000)),
        n=draw(st.integers(20, max_rows)),
        p=draw(st.integers(1, 12)),
        n_groups=draw(st.integers(2, max_groups)),
        kind=draw(st.sampled_from(kinds)),
    )


def make_table(seed: int = 0, n: int = 700, n_groups: int = 2) -> tuple[pd.DataFrame, Task]:
    """A table with two numbers, a category and a group that all bear on the outcome, and its task."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, n_groups, n)
    skill, hours = rng.normal(size=n) + 0.5 * group, rng.gamma(3.0, 2.0, n)
    region = rng.integers(0, 3, n)
    z = 1.2 * skill + 0.2 * hours - 1.5 + 0.4 * (region == 1) - 0.8 * (group == 0)
    frame = pd.DataFrame(
        {
            "skill": skill,
            "hours": hours,
            "region": np.array(["north", "south", "west"])[region],
            "team": [f"team {g}" for g in group],
            "hired": np.where(rng.random(n) < 1 / (1 + np.exp(-z)), "yes", "no"),
        }
    )
    return frame, Task(target="hired", favorable="yes", sensitive="team", use_sensitive_as_feature=True)
