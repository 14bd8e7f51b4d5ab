"""Which group the others are compared with, where the user leaves that open."""

from __future__ import annotations

import numpy as np

SMALL_GROUP = 30


def suggested_reference(rows: np.ndarray, favorable: np.ndarray) -> int:
    """Code of the group to compare with: the highest share of favorable outcomes among groups of at least 30 rows.

    rows, favorable (G,): counts per group. Ties go to the larger group, then to the first; where no group has 30 rows
    it is the largest.
    """
    large = [code for code in range(rows.size) if rows[code] >= SMALL_GROUP]
    if not large:
        return int(np.argmax(rows))
    best = large[0]
    for code in large[1:]:
        # Shares as exact fractions: k_a / n_a > k_b / n_b where k_a n_b > k_b n_a.
        left, right = int(favorable[code]) * int(rows[best]), int(favorable[best]) * int(rows[code])
        if left > right or (left == right and rows[code] > rows[best]):
            best = code
    return best
