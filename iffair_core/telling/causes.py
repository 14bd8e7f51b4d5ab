"""The cohort ledger in a sentence and a table."""

from __future__ import annotations

import pandas as pd

from iffair_core.causes.cohorts import CohortLedger
from iffair_core.study.results import StudyResult
from iffair_core.wording import RATE_TITLES, group_name, percent, row_count


def cohorts_sentence(result: StudyResult, ledger: CohortLedger) -> str:
    """The first cohort: its rows, what they make up by their scores, and what is gone without them."""
    goal, columns = result.goal, result.dataset.task.task.sensitive_columns
    gap = f"the gap in {RATE_TITLES[goal.rate]} ({group_name(goal.over, columns)} − {group_name(goal.under, columns)})"
    if not ledger.cohorts:
        return f"No cohort of training rows widens {gap} by more than others of its group and outcome."
    first = ledger.cohorts[0]
    said = (
        f"{row_count(first.rows.size)} with {first.name} make up {percent(first.share)} (95 % {100 * first.low:.1f} to "
        f"{100 * first.high:.1f}) of {gap} by the sum of their scores. Without all of them {percent(first.predicted)} "
        "of it is predicted to be gone"
    )
    if not ledger.proofs:
        return f"{said}."
    return f"{said}; a model refitted without them loses {percent(ledger.proofs[0].share)}."


def cohort_table(result: StudyResult, ledger: CohortLedger) -> pd.DataFrame:
    """One line per cohort: cohort, rows, share low high, per_row, overlap, predicted; refitted, hard, accuracy.

    share, predicted and refitted are parts of the goal's soft gap; per_row: what a row adds to it on average; hard and
    accuracy: changes after the refit without the cohort. Where it was not refitted these are missing.
    """
    gap = result.goal.value
    proofs = [*ledger.proofs, *[None] * (len(ledger.cohorts) - len(ledger.proofs))]
    return pd.DataFrame(
        [
            {
                "cohort": one.name,
                "rows": int(one.rows.size),
                "share": one.share,
                "low": one.low,
                "high": one.high,
                "per_row": one.share * gap / one.rows.size,
                "overlap": one.overlap,
                "predicted": one.predicted,
                "refitted": None if proof is None else proof.share,
                "hard": None if proof is None else proof.hard,
                "accuracy": None if proof is None else proof.accuracy,
            }
            for one, proof in zip(ledger.cohorts, proofs, strict=True)
        ]
    )
