"""Rival weights that look at groups and outcomes only, never at a model."""

from __future__ import annotations

import numpy as np


def reweighing_weights(y: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Reweighing: P(group) P(outcome) / P(group, outcome), which makes group and outcome independent.

    Parameters
    ----------
    y : (n,) of 0 and 1. codes : (n,) integers >= 0, the group of each row.

    Returns
    -------
    (n,) float64, positive, mean 1; equal within a group and outcome.

    Raises
    ------
    ValueError if there is no row, lengths differ, an outcome is neither 0 nor 1 or a code is negative.

    Source: Kamiran and Calders (2012), Knowl. Inf. Syst. 33, 1-33. Where a group lacks one outcome, that formula has a
    mean below 1; the weights are then scaled up to mean 1, which leaves their ratios as they are.
    """
    y, codes = np.asarray(y), np.asarray(codes)
    if y.ndim != 1 or y.size == 0 or y.shape != codes.shape:
        raise ValueError(f"Outcome and group need one value per row, got shapes {y.shape} and {codes.shape}.")
    favorable = y == 1
    if not np.all(favorable | (y == 0)):
        raise ValueError("Every outcome must be 0 or 1.")
    if codes.min() < 0:
        raise ValueError(f"Group codes must not be negative, seen {codes.min()}.")
    cell = codes.astype(np.int64) * 2 + favorable
    counts = np.bincount(cell, minlength=2 * (int(codes.max()) + 1)).reshape(-1, 2).astype(np.float64)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / y.size
    weights = np.divide(expected, counts, out=np.zeros_like(counts), where=counts > 0)
    reached = expected[counts > 0].sum() / y.size
    if np.any((counts == 0) & (expected > 0)):
        weights /= reached
    return weights.ravel()[cell]
