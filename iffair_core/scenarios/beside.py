"""Several scenarios side by side: lines for a picture, and whether accuracies can be told apart on the same rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from iffair_core.errors import shorten
from iffair_core.scenarios.record import Kept
from iffair_core.study.comparison import accuracy_difference
from iffair_core.telling.figures.beside import Line
from iffair_core.uncertainty import Estimate
from iffair_core.wording import listed, points, span


def line_of(name: str, kept: Kept) -> Line:
    """A scenario as a line of a picture."""
    return Line(name, kept.curve, kept.head["strength"], kept.head["intervals"])


def accuracy_between(
    ours: Kept, theirs: Kept, split: str = "test", *, known: Sequence[Kept] = (), comparisons: int = 1
) -> Estimate | str:
    """Accuracy of one study's repaired model minus another's on the same rows of a split, or why it is not tested.

    A scenario of a table of one's own may not hold the rows' outcomes; then those of `known` studies of the same table
    and outcome are used. `comparisons`: of so many differences the intervals hold together with 95 %.
    """
    a, b = ours.head, theirs.head
    if a["table"]["fingerprint"] != b["table"]["fingerprint"]:
        return "it was studied on another table"
    if a["outcome"] != b["outcome"]:
        return "it predicts another outcome"
    if ours.rows is None or theirs.rows is None:
        return "in cohort-only mode no single rows are kept"
    left, right = (one.rows[one.rows["split"] == split] for one in (ours, theirs) if one.rows is not None)
    if not np.array_equal(left["row_id"], right["row_id"]):
        return f"its {split} rows are others"
    weight = _weight(left)
    if not np.array_equal(weight, _weight(right)):
        return "its rows do not weigh the same"
    outcome = _outcome(left["row_id"].to_numpy(), ours, [ours, theirs, *known])
    if outcome is None:
        return "the outcomes of its rows are not kept, so open their table to test it"
    ours_right = (left["score_after"].to_numpy() >= a["threshold"]) == outcome
    theirs_right = (right["score_after"].to_numpy() >= b["threshold"]) == outcome
    return accuracy_difference(ours_right, theirs_right, weight, comparisons=comparisons)


def _weight(rows: pd.DataFrame) -> np.ndarray:
    return rows["base_weight"].to_numpy(float) if "base_weight" in rows else np.ones(len(rows))


def _outcome(rows: np.ndarray, like: Kept, known: Sequence[Kept]) -> np.ndarray | None:
    """Which of these rows have the favorable outcome, from whichever study of the same table and outcome holds it."""
    for one in known:
        same = one.head["table"]["fingerprint"] == like.head["table"]["fingerprint"]
        if same and one.head["outcome"] == like.head["outcome"] and one.rows is not None and "outcome" in one.rows:
            found = one.rows.set_index("row_id")["outcome"].reindex(rows)
            if found.notna().all():
                return found.to_numpy() == 1
    return None


def beside_sentence(named: Sequence[tuple[str, Kept]], split: str = "test", *, known: Sequence[Kept] = ()) -> str:
    """Whether the first study, named as a sentence names it, can be told apart in accuracy from each of the others.

    By the paired test of `accuracy_between`; the intervals hold together.
    """
    (first, ours), *others = named
    said: dict[str, list[str]] = {}
    for name, theirs in others:
        found = accuracy_between(ours, theirs, split, known=known, comparisons=len(others))
        if isinstance(found, str):
            verdict, why = "is not tested against", found
        elif found.value is None or found.low is None or found.high is None:
            verdict, why = "is not tested against", "none of the rows count"
        else:
            apart = found.low > 0 or found.high < 0
            verdict = (
                f"is {'more' if found.low > 0 else 'less'} accurate than" if apart else "cannot be told apart from"
            )
            ends = span((found.low, found.high), as_points=True).strip("()")
            why = f"{points(found.value)}, {ends}"
        said.setdefault(verdict, []).append(f"'{shorten(name, 40)}' ({why})")
    parts = [
        f"{verdict} {listed(names)}" for verdict, names in sorted(said.items(), key=lambda one: "not tested" in one[0])
    ]
    return f"In accuracy on the same {split} rows, {first} {'; it '.join(parts)}."
