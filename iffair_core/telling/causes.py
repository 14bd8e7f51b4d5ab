"""Causes in sentences and tables: cohorts, what ifs, conflicts between goals, turned decisions, what to collect."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd

from iffair_core.causes.change import ACTIONS, Action, Agreement, Effect, agreement
from iffair_core.causes.cohorts import CohortLedger, in_words
from iffair_core.causes.collect import FURTHER, Batch, Collection
from iffair_core.causes.conflicts import NARROWED, REACH, AlongCurve, Conflicts
from iffair_core.causes.decisions import Cause
from iffair_core.causes.found import Causes
from iffair_core.metrics import GOAL_METRIC
from iffair_core.study.results import StudyResult
from iffair_core.wording import (
    GOAL_TITLES,
    RATE_TITLES,
    figure,
    group_name,
    listed,
    metric_title,
    minus,
    number,
    percent,
    points,
    row_count,
)

ADVICE = {
    "green": "They can be relied on.",
    "amber": "Rely on their order, not on their sizes.",
    "red": "Do not rely on them; believe the refits.",
    "not judged": "",
}
SLIGHT = 0.1
"""A cosine below this is said to leave the other gap about as it is."""


def goal_gap(result: StudyResult) -> str:
    """The gap that row scores are about, in words."""
    goal, columns = result.goal, result.dataset.task.task.sensitive_columns
    return f"the gap in {RATE_TITLES[goal.rate]} ({group_name(goal.over, columns)} − {group_name(goal.under, columns)})"


def chance_note(result: StudyResult) -> str:
    """That there may be nothing to explain, where the goal's disparity is no more than chance alone would show."""
    found, name = result.baseline["validation"], GOAL_METRIC[result.config.goal]
    seen, band = found.values[name], found.chance_band[name]
    if seen is None or band is None or seen > band:
        return ""
    return (
        f" On validation rows the {metric_title(name)} is {figure(seen)}, no more than chance alone would show (up to "
        f"{figure(band)}), so that there may be nothing to explain."
    )


def proof_sentence(what: str, found: Agreement) -> str:
    """How predictions of a list fared against refits: "Predictions of the first 5 cohorts were ..."."""
    if found.level == "not judged":
        return "Nothing of this list has been refitted yet." if not found.checked else "Refits changed nothing."
    close = "" if found.level == "green" else f", {found.close} of {found.checked} within 5 %"
    return f"Predictions of {what} were {100 * found.error:.2g} % off refits{close}. {ADVICE[found.level]}"


# ------------------------------------------------------------------------------------------------------------- cohorts


def cohorts_sentence(result: StudyResult, ledger: CohortLedger) -> str:
    """The first cohort: its rows, what they make up by their scores, and what is gone without them."""
    gap = goal_gap(result)
    if not ledger.cohorts:
        return f"No cohort of training rows widens {gap} by more than others of its group and outcome."
    first = ledger.cohorts[0]
    said = (
        f"{row_count(first.rows.size)} with {first.name} make up {percent(first.share)} (95 % {100 * first.low:.1f} to "
        f"{100 * first.high:.1f}) of {gap} by the sum of their scores. Without all of them {percent(first.predicted)} "
        "of it is predicted to be gone"
    )
    refitted = f"; a model refitted without them loses {percent(ledger.proofs[0].share)}" if ledger.proofs else ""
    return f"{said}{refitted}.{chance_note(result)}"


def cohorts_agreement(ledger: CohortLedger) -> Agreement:
    """The predicted parts of the gap held against those of refits."""
    told = [one.predicted for one in ledger.cohorts[: len(ledger.proofs)]]
    return agreement(told, [one.share for one in ledger.proofs])


def cohort_table(result: StudyResult, ledger: CohortLedger) -> pd.DataFrame:
    """One line per cohort: cohort, rows, share low high, per_row, overlap, predicted; refitted, gap, accuracy.

    share, predicted and refitted are parts of the goal's soft gap; per_row: what a row adds to it on average; gap (in
    decisions) and accuracy: changes after the refit without the cohort. Where it was not refitted these are missing.
    """
    whole = result.goal.value
    proofs = [*ledger.proofs, *[None] * (len(ledger.cohorts) - len(ledger.proofs))]
    return pd.DataFrame(
        [
            {
                "cohort": one.name,
                "rows": int(one.rows.size),
                "share": one.share,
                "low": one.low,
                "high": one.high,
                "per_row": one.share * whole / one.rows.size,
                "overlap": one.overlap,
                "predicted": one.predicted,
                "refitted": None if proof is None else proof.share,
                "gap": None if proof is None else proof.gap,
                "accuracy": None if proof is None else proof.accuracy,
            }
            for one, proof in zip(ledger.cohorts, proofs, strict=True)
        ]
    )


# ------------------------------------------------------------------------------------------------------------- what if


def what_if_sentence(
    result: StudyResult, action: Action, rows: int, predicted: Effect, refitted: Effect | None = None
) -> str:
    """What a change of rows does to the gap: predicted, and refitted where it was."""
    before = result.goal.value
    said = (
        f"With {row_count(rows)} {ACTIONS[action]}, {goal_gap(result)} goes from {points(before, 2, signed=False)} to "
        f"{points(before + predicted.soft, 2, signed=False)} (predicted)"
    )
    if refitted is None:
        return f"{said}."
    return (
        f"{said}; refitted, to {points(before + refitted.soft, 2, signed=False)}, and {refitted.turned:,} "
        f"decision{'s' * (refitted.turned != 1)} on validation rows change{'s' * (refitted.turned == 1)}."
    )


_EFFECTS = {
    "soft": ("The goal's gap, soft (points)", 100.0),
    "gap": ("The goal's gap in decisions (points)", 100.0),
    "accuracy": ("Accuracy (points)", 100.0),
    "log_loss": ("Log loss (nats)", 1.0),
    "turned": ("Decisions that change", 1.0),
}


def what_if_table(predicted: Effect, refitted: Effect | None = None) -> pd.DataFrame:
    """Changes on validation rows: quantity, predicted, refitted, difference; the latter missing without a refit."""
    lines = []
    for one in fields(Effect):
        if one.name not in _EFFECTS:
            continue
        title, scale = _EFFECTS[one.name]
        told = scale * getattr(predicted, one.name)
        seen = None if refitted is None else scale * getattr(refitted, one.name)
        lines.append(
            {
                "quantity": title,
                "predicted": told,
                "refitted": seen,
                "difference": None if seen is None else told - seen,
            }
        )
    return pd.DataFrame(lines)


# ----------------------------------------------------------------------------------------------------------- conflicts


def conflicts_sentence(result: StudyResult, found: Conflicts) -> str:
    """What weights against the study's goal do to every other goal, and whether that holds for all pairs."""
    own = found.place(result.config.goal)
    others = [place for place in range(len(found.goals)) if place != own]
    if own is None or not others:
        return "There is no other goal whose gap can be estimated on validation rows."
    kinds: dict[str, list[str]] = {}
    for place in others:
        kinds.setdefault(_kind(found, own, place), []).append(_named(found, own, place))
    title = GOAL_TITLES[result.config.goal].lower()
    said = [f"{verb} {listed(kinds[kind])}" for kind, verb in _VERBS.items() if kind in kinds]
    return f"Weights that narrow {title} {listed(said)}."


_VERBS = {
    "with": "narrow",
    "against": "widen",
    "slight": "hardly touch",
    "unsure": "may do either to",
}


def _kind(found: Conflicts, own: int, place: int) -> str:
    low, high = found.low[own, place], found.high[own, place]
    if low < 0 < high:
        return "unsure"
    if abs(found.cosines[own, place]) < SLIGHT:
        return "slight"
    return "with" if low >= 0 else "against"


def _named(found: Conflicts, own: int, place: int) -> str:
    other, seen = found.goals[place], found.refitted[own, place]
    checked = "" if np.isnan(seen) else f", {cosine_text(seen)} refitted"
    chance = "; its gap is within chance" if other.by_chance else ""
    cosine = cosine_text(found.cosines[own, place])
    return f"{GOAL_TITLES[other.goal].lower()} (cosine {cosine}{checked}{chance})"


def conflict_titles(found: Conflicts) -> list[str]:
    """Names of the rows and columns of the matrix: the goals, then utility."""
    return [*(GOAL_TITLES[one.goal] for one in found.goals), "utility"]


def cosine_text(value: float) -> str:
    """A cosine with two decimals; "not refitted" for NaN.

    >>> cosine_text(-0.124), cosine_text(float("nan"))
    ('−0.12', 'not refitted')
    """
    return "not refitted" if np.isnan(value) else minus(f"{value:z.2f}")


def without_conflict(result: StudyResult, found: Conflicts) -> str:
    """Whether every other gap narrows with the goal's here, by cosines whose intervals leave out 0."""
    own = found.place(result.config.goal)
    if own is None or len(found.goals) < 2:
        return ""
    kinds = [_kind(found, own, place) for place in range(len(found.goals)) if place != own]
    paper = "The summary of IFFair says that its metrics improve together, without conflicts."
    if "against" in kinds:
        return f"{paper} On these rows they do not."
    return f"{paper} On these rows {'they do' if set(kinds) == {'with'} else 'that cannot be told for all of them'}."


def conflict_table(found: Conflicts) -> pd.DataFrame:
    """A line for each goal, or utility, beside another: cosine, low, high, refitted; and what a quarter of a gap costs.

    log_loss_predicted, log_loss_refitted (nats) and accuracy (a share) are of closing a quarter of `goal`'s gap.
    """
    lines, titles = [], conflict_titles(found)
    for a, goal in enumerate(titles):
        price = found.prices[a] if a < len(found.prices) else None
        for b, other in enumerate(titles):
            if a == b:
                continue
            lines.append(
                {
                    "goal": goal,
                    "other": other,
                    "cosine": found.cosines[a, b],
                    "low": found.low[a, b],
                    "high": found.high[a, b],
                    "refitted": found.refitted[a, b],
                    "log_loss_predicted": None if price is None else price.predicted,
                    "log_loss_refitted": None if price is None else price.refitted,
                    "accuracy": None if price is None else price.accuracy,
                }
            )
    return pd.DataFrame(lines)


def price_sentence(result: StudyResult, found: Conflicts) -> str:
    """What repairing the goal does to the log loss: its first steps by the cosine, a quarter of the gap by refits."""
    own = found.place(result.config.goal)
    if own is None:
        return ""
    price, last = found.prices[own], len(found.goals)
    low, high = (cosine_text(ends[own, last]) for ends in (found.low, found.high))
    first = {
        "with": "lower the log loss too",
        "against": "raise the log loss",
        "slight": "hardly touch the log loss",
        "unsure": "may lower or raise the log loss",
    }[_kind(found, own, last)]
    cosine = f"cosine with utility {cosine_text(found.cosines[own, last])}, 95 % {low} to {high}"
    said = (
        f"Its first steps {first} ({cosine}); closing {percent(NARROWED, 0)} of its gap changes it by "
        f"{nats(price.predicted)} nats (predicted)"
    )
    if price.refitted is None or price.accuracy is None:
        return f"{said}."
    return f"{said}, {nats(price.refitted)} refitted, and the accuracy by {points(price.accuracy, 2)}."


def along_sentence(found: AlongCurve) -> str:
    """What the curve's own models did to the goals' gaps, and how far the influence vectors foretold it."""
    if not found.strengths.size:
        return "The study's curve has no model beyond strength 0, so that there is nothing to follow along it."
    widened = [title for title, change in zip(_gaps(found), found.refitted.T, strict=True) if (change > 0).any()]
    moved = listed([f"{points(change)} ({gap})" for gap, change in zip(_gaps(found), found.refitted[-1], strict=True)])
    turns = f"Somewhere along it the gap of {listed(widened)} widens." if widened else "None of them widens along it."
    reach = f"within {percent(REACH, 0)} up to strength {found.reach:g}" if found.reach else "for none of its strengths"
    return (
        f"Along this study's own curve the gaps that are widest at strength 0 move, by strength "
        f"{found.strengths[-1]:g}, by {moved}, soft and refitted. {turns} Influence vectors foretell this {reach}."
    )


def along_proof(found: AlongCurve) -> str:
    """How the changes that influence vectors foretell along the curve fared against its models."""
    return proof_sentence("the gaps along the whole curve", found.agreement)


def _gaps(found: AlongCurve) -> list[str]:
    return [GOAL_TITLES[one.goal].lower() for one in found.goals]


def along_table(found: AlongCurve) -> pd.DataFrame:
    """A line for each strength and goal: the soft gap as predicted by influence vectors, and of the curve's model."""
    return pd.DataFrame(
        [
            {
                "strength": strength,
                "goal": GOAL_TITLES[goal.goal],
                "predicted": goal.value + found.predicted[row, place],
                "refitted": goal.value + found.refitted[row, place],
            }
            for row, strength in enumerate(found.strengths)
            for place, goal in enumerate(found.goals)
        ],
        columns=["strength", "goal", "predicted", "refitted"],
    )


def nats(value: float) -> str:
    """A change of the mean log loss with four decimals and its sign."""
    return minus(f"{value:+.4f}")


# ----------------------------------------------------------------------------------------------------------- decisions


def cause_sentence(result: StudyResult, cause: Cause) -> str:
    """What turned a decision: scores, the cohort that pushed most, and the fewest rows behind it."""
    favorable = cause.after >= result.threshold
    said = (
        f"The decision about row {cause.row_id} turned {'favorable' if favorable else 'unfavorable'}: its score went "
        f"from {percent(cause.before)} to {percent(cause.after)} at strength {result.strength:g}."
    )
    if cause.cohorts:
        found, share = cause.cohorts[0]
        said += (
            f" {row_count(found.rows.size)} with {', '.join(in_words(found.conditions))} make up {percent(share)} of "
            "the move."
        )
    if cause.back_score is None:
        return f"{said} No few rows turned it: with their ordinary weights a refitted model decides as after."
    return (
        f"{said} {row_count(cause.back.size)} turned it: with their ordinary weights a refitted model gives "
        f"{percent(cause.back_score)} and decides as before."
    )


def cause_table(result: StudyResult, cause: Cause, most: int = 100) -> pd.DataFrame:
    """The training rows that pushed the logit most, either way: row_id, group, outcome, weight, push.

    `push` is a share of the move. At most `most` rows, those of the largest push first, whatever its sign.
    """
    data, rows = result.dataset, result.train_rows
    order = np.argsort(-np.abs(cause.contributions), kind="stable")[:most]
    names = np.asarray(data.task.outcome_labels, dtype=object)
    return pd.DataFrame(
        {
            "row_id": data.row_id[rows[order]],
            "group": np.asarray(data.groups, dtype=object)[data.group_codes[rows[order]]],
            "outcome": names[(data.y[rows[order]] > 0.5).astype(int)],
            "weight": result.weights[order],
            "push": cause.contributions[order] / cause.move,
        }
    )


def cause_parts(result: StudyResult, cause: Cause) -> pd.DataFrame:
    """The move of the logit by group and outcome, and by cohorts: part, rows, share of the move."""
    data, rows = result.dataset, result.train_rows
    codes = 2 * data.group_codes[rows] + (data.y[rows] > 0.5)
    sums = np.bincount(codes, cause.contributions, minlength=2 * len(data.groups)) / cause.move
    sizes = np.bincount(codes, minlength=2 * len(data.groups))
    lines = [
        {"part": f"{group}, {label}", "rows": int(sizes[2 * code + side]), "share": sums[2 * code + side]}
        for code, group in enumerate(data.groups)
        for side, label in enumerate(data.task.outcome_labels)
        if sizes[2 * code + side]
    ]
    lines += [
        {"part": ", ".join(in_words(found.conditions)), "rows": int(found.rows.size), "share": share}
        for found, share in cause.cohorts
    ]
    return pd.DataFrame(lines)


# ------------------------------------------------------------------------------------------------------------- collect


def collect_sentence(result: StudyResult, found: Collection) -> str:
    """The batch that narrows the gap most, with its interval; or that none is expected to."""
    gap = goal_gap(result)
    sure = [one for one in found.batches if one.high < 0]
    if not sure:
        return f"No {FURTHER} further rows of one group or cohort are sure to narrow {gap}."
    best = sure[0]
    return (
        f"{FURTHER} further training rows with {best.name} are expected to narrow {gap} by "
        f"{points(-best.soft, 2, signed=False)} (95 % {_between(best)}), {percent(-best.soft / result.goal.value)} of "
        f"it.{chance_note(result)}"
    )


def _between(batch: Batch) -> str:
    return minus(f"{-100 * batch.high:.2f} to {-100 * batch.low:.2f}")


def collect_proof(found: Collection) -> str:
    """How often rows that were held back did what was foretold."""
    if not found.checked:
        return "Nothing of this list has been checked yet."
    order = "" if found.order is None else f", and their order agrees (Spearman {number(found.order)})"
    return (
        f"Rows held back: what they did lay in the 95 % interval of what was foretold for {found.within} of "
        f"{found.checked}{order}. {ADVICE[found.level]}"
    )


def collect_table(found: Collection) -> pd.DataFrame:
    """One line per batch: source, rows now, soft low high, width; held, foretold, seen, within (see `Batch`)."""
    return pd.DataFrame(
        [
            {
                "source": one.name,
                "rows": one.rows,
                "soft": one.soft,
                "low": one.low,
                "high": one.high,
                "width": one.width,
                "held": one.held,
                "foretold": one.foretold,
                "seen": one.seen,
                "within": one.within,
            }
            for one in found.batches
        ]
    )


def causes_tables(result: StudyResult, found: Causes) -> dict[str, pd.DataFrame]:
    """Every list of causes as a table, by name."""
    return {
        "cohorts": cohort_table(result, found.ledger),
        "conflicts": conflict_table(found.conflicts),
        "along": along_table(found.along),
        "collect": collect_table(found.collection),
    }


def failed_checks(found: Causes) -> list[str]:
    """A sentence for each list of causes whose predictions fail their check."""
    proven = cohorts_agreement(found.ledger)
    lists = {
        "cohorts": (proven.level, proof_sentence(f"the first {proven.checked} cohorts", proven)),
        "conflicts": (
            found.conflicts.agreement.level,
            proof_sentence("how one goal moves another", found.conflicts.agreement),
        ),
        "along": (found.along.agreement.level, along_proof(found.along)),
        "collect": (found.collection.level, collect_proof(found.collection)),
    }
    return [said for level, said in lists.values() if level == "red"]
