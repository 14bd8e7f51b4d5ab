"""Rows are divided into training, validation and test parts: by a draw, as a column says, and by units kept whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from iffair_core.errors import SplitError, shorten

TRAIN, VALIDATION, TEST = 0, 1, 2
SPLITS = ("train", "validation", "test")
PART_NAMES = {
    "train": ("train", "training", "learn", "learning"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing", "holdout", "eval", "evaluation"),
}
"""What a column may call the parts, in any case, with blanks or dashes, and with "set" or "data" after it."""
MIN_ROWS = 50
LARGEST_UNIT = 0.6
_FIFTHS = (3, 1, 1)
_QUARTERS = (3, 1)
_CODES = {spelling: SPLITS.index(part) for part, spellings in PART_NAMES.items() for spelling in spellings}


def part_named(label: str) -> int | None:
    """TRAIN, VALIDATION or TEST where `label` is one of `PART_NAMES`, else None.

    >>> part_named("Training set"), part_named("dev"), part_named("hold-out"), part_named("spring")
    (0, 1, 2, None)
    """
    text = re.sub(r"[\s_-]+", "", label.casefold())
    return _CODES.get(text, _CODES.get(re.sub(r"(set|data)\Z", "", text)))


def split_rows(
    y: np.ndarray,
    group_codes: np.ndarray,
    seed: int,
    *,
    fixed: np.ndarray | None = None,
    fixed_by: str = "split",
    units: np.ndarray | None = None,
    units_by: str = "unit",
) -> np.ndarray:
    """(n,) int8 of TRAIN, VALIDATION, TEST: 60/20/20 within each group x outcome cell after a seeded shuffle.

    Shares are rounded by largest remainder, ties to train, then test, then validation; so a cell of one row goes to
    train, one of two to train and test.

    fixed (n,): the parts as the column `fixed_by` gives them, taken as they are; where it has no validation rows,
    a quarter of its training rows is drawn for them. units (n,): rows of one code, a value of the column `units_by`,
    stay in one part. A unit belongs to the cell that most of its rows are in, the first of equals. Within a cell, units
    follow a seeded shuffle; rows that one cell gives too many or too few to a part are made up for in the next. Units
    of more than a fifth of the rows go to train.

    Raises `SplitError` below 50 rows, where a part lacks an outcome, or where units are too few or too large.
    """
    y = np.asarray(y).astype(np.int64)
    n = len(y)
    if n < MIN_ROWS:
        raise SplitError(
            f"Only {n} rows have an outcome; at least {MIN_ROWS} are needed for training, validation and test parts. "
            "Use a larger table."
        )
    cells = np.asarray(group_codes).astype(np.int64) * 2 + y
    way_out = "Use a table with more rows of both outcomes, or fewer and larger groups."
    if units is not None:
        way_out = f"All rows of one '{shorten(units_by)}' stay together. Choose another such column, or none."
    if fixed is None:
        return _whole(y, _draw(cells, units, units_by, seed, _FIFTHS), way_out)
    split = np.asarray(fixed).astype(np.int8)
    column = f"'{shorten(fixed_by)}'"
    for part in (TRAIN, TEST):
        if not np.any(split == part):
            raise SplitError(
                f"The column {column} puts no row into the {SPLITS[part]} part. "
                f"Mark some of its rows '{SPLITS[part]}', or let the rows be divided by a draw."
            )
    train = np.flatnonzero(split == TRAIN)
    if not np.any(split == VALIDATION):
        inside = None if units is None else np.asarray(units)[train]
        split[train] = _draw(cells[train], inside, units_by, seed, _QUARTERS)
    return _whole(y, split, f"The column {column} fixes the parts: mark other rows there, or divide them by a draw.")


def _whole(y: np.ndarray, split: np.ndarray, way_out: str) -> np.ndarray:
    """The split, if every part has both outcomes."""
    for part, name in enumerate(SPLITS):
        present = np.bincount(y[split == part], minlength=2)
        if not present.all():
            lacking = "the favorable outcome" if not present[1] else "an outcome that is not favorable"
            raise SplitError(f"The {name} part has no row with {lacking}. {way_out}")
    return split


def _draw(cells: np.ndarray, units: np.ndarray | None, units_by: str, seed: int, shares: tuple[int, ...]) -> np.ndarray:
    """(n,) int8 of part codes, in the proportion of `shares` within each cell."""
    if units is None:
        return _drawn_rows(cells, seed, shares)
    _, codes = np.unique(units, return_inverse=True)
    sizes = np.bincount(codes)
    if sizes.size < len(shares):
        few = "one value only" if sizes.size == 1 else f"only {sizes.size} different values"
        raise SplitError(
            f"'{shorten(units_by)}' has {few} among these rows, and rows of one value stay together, so that they "
            f"cannot be divided into {len(shares)} parts. Choose a column with more values, or none."
        )
    if sizes.max() > LARGEST_UNIT * len(codes):
        raise SplitError(
            f"One value of '{shorten(units_by)}' has {100 * sizes.max() / len(codes):.0f} % of the rows, which stay "
            "together, so too few are left for the other parts. Choose another such column, or none."
        )
    return _drawn_units(_cell_of_units(codes, cells), sizes, seed, shares)[codes]


def _drawn_rows(cells: np.ndarray, seed: int, shares: tuple[int, ...]) -> np.ndarray:
    n, whole, places = len(cells), sum(shares), np.arange(len(shares))
    shuffled = np.random.default_rng(seed).permutation(n)
    order = shuffled[np.argsort(cells[shuffled], kind="stable")]
    sizes = np.bincount(cells)
    # Quotas in fifths or quarters, so that remainders are exact integers.
    quotas = sizes[:, None] * np.array(shares)
    counts = quotas // whole
    left = sizes - counts.sum(axis=1)
    priority = np.argsort(-(quotas % whole) * 3 + np.array(_preferred(len(shares))), axis=1)
    np.put_along_axis(counts, priority, np.take_along_axis(counts, priority, axis=1) + (places < left[:, None]), axis=1)
    rank = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    edges = np.cumsum(counts, axis=1)[cells[order], :-1]
    split = np.empty(n, dtype=np.int8)
    split[order] = (rank[:, None] >= edges).sum(axis=1)
    return split


def _preferred(parts: int) -> Sequence[int]:
    """Rank of each part where a row could go to several: train, then test, then validation."""
    return (0, 2, 1)[:parts] if parts == 3 else range(parts)


def _cell_of_units(codes: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(U,) the cell that most rows of a unit are in, the first of equals."""
    width = int(cells.max()) + 1
    pairs, counts = np.unique(codes * width + cells, return_counts=True)
    order = np.lexsort((pairs, -counts, pairs // width))
    owners = pairs[order] // width
    return pairs[order][np.flatnonzero(np.diff(owners, prepend=-1))] % width


def _drawn_units(cells: np.ndarray, sizes: np.ndarray, seed: int, shares: tuple[int, ...]) -> np.ndarray:
    """(U,) int8 of part codes for units of `sizes` rows, cell by cell, so that each part gets its share of the rows."""
    share = np.array(shares) / sum(shares)
    parts = np.argsort(_preferred(len(shares)))
    large = sizes > share[-1] * sizes.sum()
    split = np.full(sizes.size, TRAIN, dtype=np.int8)
    owed = share * sizes[large].sum()
    owed[TRAIN] -= sizes[large].sum()
    shuffled = np.random.default_rng(seed).permutation(sizes.size)
    small = shuffled[~large[shuffled]]
    small = small[np.argsort(cells[small], kind="stable")]
    starts = np.flatnonzero(np.diff(cells[small], prepend=-1))
    for members in np.split(small, starts)[1:]:
        rows = sizes[members]
        total = rows.sum()
        owed += share * total
        wanted = np.cumsum(np.maximum(owed, 0)[parts])
        # A unit goes to the part in whose range of rows its middle row lies.
        place = np.searchsorted(wanted[:-1] * (total / wanted[-1]), np.cumsum(rows) - rows / 2, side="right")
        split[members] = parts[place]
        owed -= np.bincount(split[members], weights=rows, minlength=len(shares))
    return split
