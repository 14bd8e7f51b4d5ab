"""Hypothesis strategies that several test files share."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import strategies as st

GROUPS = ("ash", "beech", "cherry")


@st.composite
def outcomes_and_groups(draw, min_rows=50, max_rows=400, max_groups=4):
    """(y, group codes): int arrays of one length with at least eight rows of each outcome in some group."""
    n = draw(st.integers(min_rows, max_rows))
    n_groups = draw(st.integers(1, max_groups))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shares = rng.dirichlet(np.full(n_groups, draw(st.sampled_from((0.3, 1.0, 5.0)))))
    codes = rng.choice(n_groups, n, p=shares)
    y = (rng.random(n) < draw(st.floats(0.05, 0.95))).astype(np.int64)
    codes[:16], y[:16] = 0, np.repeat((0, 1), 8)
    order = rng.permutation(n)
    return y[order], codes[order]


@st.composite
def tables(draw, min_rows=80, max_rows=240):
    """A table with columns outcome (yes/no), group, three numbers and two categories.

    Numbers may be missing or infinite, categories may have rare levels; rows are independent draws.
    """
    n = draw(st.integers(min_rows, max_rows))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    missing_share = draw(st.sampled_from((0.0, 0.05, 0.4)))
    infinite_share = draw(st.sampled_from((0.0, 0.02)))
    levels = draw(st.integers(2, 30))
    size = 10.0 ** draw(st.integers(-6, 6))
    outcome = rng.random(n) < draw(st.floats(0.3, 0.7))
    outcome[:24] = np.arange(24) % 2
    group = rng.choice(len(GROUPS), n)
    group[:24] = np.arange(24) // 2 % 3
    score = rng.normal(draw(st.integers(-3, 3)), 1.0, n) * size
    score[rng.random(n) < missing_share] = np.nan
    score[rng.random(n) < infinite_share] = np.inf
    kind = np.asarray([f"kind {level}" for level in range(levels)], dtype=object)
    color = np.asarray(["red", "green", None], dtype=object)[rng.choice(3, n, p=(0.5, 0.4, 0.1))]
    return pd.DataFrame(
        {
            "outcome": np.where(outcome, "yes", "no"),
            "group": np.asarray(GROUPS, dtype=object)[group],
            "score": score,
            "count": rng.poisson(3.0, n),
            "kind": kind[rng.geometric(0.3, n) % levels],
            "ratio": rng.random(n),
            "color": color,
        }
    ).astype({"outcome": "str", "group": "str", "kind": "str", "color": "str"})
