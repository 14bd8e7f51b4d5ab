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
from iffair_core.causes.found import Causes, Tried
from iffair_core.metrics import GOAL_METRIC, GOAL_RATES, clear_pair
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
    "green": "Predicted and refitted agree.",
    "amber": "Rely on their order, not on their sizes.",
    "red": "Go by the refits.",
    "not judged": "",
}
NAMED = 5
"""Rows up to which they are named one by one."""
SLIGHT = 0.1
"""A cosine below this is said to leave the other gap about as it is."""


def goal_gap(result: StudyResult) -> str:
    """The gap that row scores are about, in words."""
    goal, columns = result.goal, result.dataset.task.task.sensitive_columns
    return f"the gap in {RATE_TITLES[goal.rate]} ({group_name(goal.over, columns)} − {group_name(goal.under, columns)})"


def other_measure(result: StudyResult) -> str:
    """That scores are about soft rates on validation rows, and the same gap counted in decisions on test rows."""
    goal, rates = result.goal, result.baseline["test"].rates
    over, under = rates[goal.over][goal.rate].value, rates[goal.under][goal.rate].value
    said = (
        f"Scores are about soft rates, which add up probabilities in place of decisions, on validation rows: "
        f"{points(goal.value, signed=False)}. One row moves probabilities, but hardly ever a decision."
    )
    if over is None or under is None:
        return said
    return f"{said} Counted in decisions, on test rows, as on Baseline, the same gap is {points(over - under)}."


def chance_note(result: StudyResult) -> str:
    """That there may be nothing to explain, where the goal's disparity is no more than chance alone would show."""
    found, name = result.baseline["validation"], GOAL_METRIC[result.config.goal]
    seen, band = found.values[name], found.chance_band[name]
    if seen is None or band is None or seen > band:
        return ""
    pair = pair_note(result)
    return (
        f" On validation rows the {metric_title(name)} over all groups is {figure(seen)}, no more than chance alone "
        f"would show (up to {figure(band)})" + (f". {pair}" if pair else ", so that there may be nothing to explain.")
    )


def pair_note(result: StudyResult) -> str:
    """The pair of groups that differ by more than chance by themselves on validation rows; "" where none does."""
    found, columns = result.baseline["validation"], result.dataset.task.task.sensitive_columns
    clear = None if result.base is not None else clear_pair(found.counts, GOAL_RATES[result.config.goal])
    if clear is None:
        return ""
    over, under = (group_name(found.groups[place], columns) for place in (clear.over, clear.under))
    return (
        f"By themselves {over} and {under} do differ in "
        f"{RATE_TITLES[clear.rate]}, by {points(clear.gap, signed=False)} (p {_p(clear.p)} after {clear.tests} tests)."
    )


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


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
    first, whole = ledger.cohorts[0], result.goal.value
    name = f"{row_count(first.rows.size)} with {first.name}"
    share = f"{percent(first.share)} of it (95 % {100 * first.low:.1f} to {100 * first.high:.1f})"
    told = points(whole * (1.0 - first.predicted), signed=False)
    left = f"{told}, predicted"
    if ledger.proofs:
        left = f"{points(whole + ledger.proofs[0].soft, signed=False)}, refitted (predicted: {told})"
    said = f"Without the {name}, {gap} goes from {points(whole, signed=False)} to {left}"
    return f"{said}. The scores of these rows add up to {share}.{chance_note(result)}"


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


def tried_sentence(tried: Tried) -> str:
    """How much was tried, and how the predictions among it fared against refits."""
    proven = [one for one in tried.changes if one.refitted is not None]
    counts = len(tried.changes), len(proven), len(tried.decisions)
    said = "What ifs tried: {}, {} of them refitted. Decisions traced: {}.".format(*counts)
    if not proven:
        return said
    told, seen = ([getattr(one, side).soft for one in proven] for side in ("predicted", "refitted"))
    return f"{said} {proof_sentence('those refitted', agreement(told, seen))}"


def tried_table(tried: Tried) -> pd.DataFrame:
    """One line per what if: what, rows, change; soft_predicted, soft_refitted, gap, accuracy, turned after a refit.

    All but the last are changes as shares, on validation rows; those of a refit are missing where there was none.
    """
    return pd.DataFrame(
        [
            {
                "what": one.what,
                "rows": one.rows,
                "change": ACTIONS[one.action],
                "soft_predicted": one.predicted.soft,
                "soft_refitted": None if one.refitted is None else one.refitted.soft,
                "gap": None if one.refitted is None else one.refitted.gap,
                "accuracy": None if one.refitted is None else one.refitted.accuracy,
                "turned": None if one.refitted is None else one.refitted.turned,
            }
            for one in tried.changes
        ]
    )


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
    "unsure": "may narrow or widen",
}


def _kind(found: Conflicts, own: int, place: int) -> str:
    low, high = found.low[own, place], found.high[own, place]
    if low <= 0 <= high:
        return "unsure"
    if abs(found.cosines[own, place]) < SLIGHT:
        return "slight"
    return "with" if low >= 0 else "against"


def _named(found: Conflicts, own: int, place: int) -> str:
    other, seen = found.goals[place], found.refitted[own, place]
    checked = "" if np.isnan(seen) else f", by refits {cosine_text(seen)}"
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
    paper = "The paper on IFFair reports that its metrics improve together, without conflicts."
    here = "Of the goals above at least one conflicts with this study's on these rows."
    if "against" not in kinds:
        here = "Of the goals above none conflicts with this study's on these rows."
        if set(kinds) != {"with"}:
            here = (
                "Of the goals above none clearly conflicts with this study's on these rows; not all are sure to narrow."
            )
    return f"{paper} {here} Metrics that are no goals, as the predictive parity difference, are on Reweight."


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
        "with": "Its first steps lower the log loss",
        "against": "Its first steps raise the log loss",
        "slight": "Its first steps hardly touch the log loss",
        "unsure": "Whether its first steps lower or raise the log loss cannot be told",
    }[_kind(found, own, last)]
    cosine = f"(cosine with utility {cosine_text(found.cosines[own, last])}, 95 % {low} to {high})"
    said = (
        f"Closing {percent(NARROWED, 0)} of the gap of {GOAL_TITLES[result.config.goal]} changes the log loss on "
        f"validation rows by {nats(price.predicted)} nats"
    )
    if price.refitted is not None and price.accuracy is not None:
        said += f" (refitted {nats(price.refitted)}) and the accuracy by {points(price.accuracy, 2)}"
    return f"{said}. {first} {cosine}."


def along_sentence(result: StudyResult, found: AlongCurve) -> str:
    """What the curve's own models did to the goals' gaps, and how far the influence vectors foretold it."""
    if not found.strengths.size:
        return "The study's curve has no model beyond strength 0, so that there is nothing to follow along it."
    at, starts = _told_at(result, found), np.array([one.value for one in found.goals])
    strength, gaps = found.strengths[at], starts + found.refitted
    kinds: dict[str, list[str]] = {"narrows": [], "widens": []}
    for places in _same_gap(found).values():
        place, start = places[0], found.goals[places[0]].value
        title = " and ".join(GOAL_TITLES[found.goals[one].goal] for one in places)
        turned = np.flatnonzero(gaps[:, place] < 0)
        round_from = f", its gap turned round from strength {found.strengths[turned[0]]:g} on" if turned.size else ""
        told = f"{title} ({100 * start:.1f} to {points(found.widest[at, place], signed=False)}{round_from})"
        kinds["narrows" if found.widest[at, place] < start else "widens"].append(told)
    moved = " and ".join(f"{verb} for {listed(those)}" for verb, those in kinds.items() if those)
    near, far = min(found.reach), max(found.reach)
    reach = f"up to strength {near:g}" if near == far else f"up to strength {near:g} to {far:g}, by goal"
    reach = reach if far else "at none of its strengths"
    return (
        f"At strength {strength:g} of this study's curve the disparity {moved}, refitted, in soft rates on validation "
        f"rows. Influence vectors foretell the changes within {percent(REACH, 0)} {reach}."
    )


def _told_at(result: StudyResult, found: AlongCurve) -> int:
    """Position of the strength that is told: the chosen one, and where that is 0 or not there, the last up to 1."""
    near = np.flatnonzero(found.strengths == result.strength)
    return int(near[0]) if near.size else max(int(np.searchsorted(found.strengths, 1.0, side="right")) - 1, 0)


def _same_gap(found: AlongCurve) -> dict[tuple[str, str, str], list[int]]:
    """Positions of the goals by the gap that is their widest."""
    same: dict[tuple[str, str, str], list[int]] = {}
    for place, goal in enumerate(found.goals):
        same.setdefault((goal.rate, goal.over, goal.under), []).append(place)
    return same


def along_proof(found: AlongCurve) -> str:
    """How the changes that influence vectors foretell along the curve fared against its models."""
    return proof_sentence("the gaps along the whole curve", found.agreement)


def along_table(found: AlongCurve) -> pd.DataFrame:
    """A line for each strength and goal: the soft gap that was widest at strength 0, as predicted by influence vectors
    and of the curve's model; and the goal's soft disparity there, over all pairs of groups.
    """
    return pd.DataFrame(
        [
            {
                "strength": strength,
                "goal": GOAL_TITLES[goal.goal],
                "predicted": goal.value + found.predicted[row, place],
                "refitted": goal.value + found.refitted[row, place],
                "disparity": found.widest[row, place],
            }
            for row, strength in enumerate(found.strengths)
            for place, goal in enumerate(found.goals)
        ],
        columns=["strength", "goal", "predicted", "refitted", "disparity"],
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
        found, share = max(cause.cohorts, key=lambda one: one[1])
        said += (
            f" Of cohorts of training rows, {row_count(found.rows.size)} with {', '.join(in_words(found.conditions))} "
            f"make up the largest part of the move, {percent(share)}."
        )
    if cause.back_score is None:
        return f"{said} It does not hang on few rows: with the ordinary weights of those it decides as after."
    back = result.dataset.row_id[result.train_rows[cause.back]]
    named = f" (row{'s' * (back.size > 1)} {listed([str(one) for one in back])})" if back.size <= NAMED else ""
    return (
        f"{said} The decision hangs on {row_count(cause.back.size)}{named}: with their ordinary weights a refitted "
        f"model gives {percent(cause.back_score)} and decides as before. The rest of the move comes from many rows."
    )


def cause_table(result: StudyResult, cause: Cause, most: int = 100) -> pd.DataFrame:
    """The training rows that pushed the logit most, either way: row_id, group, outcome, weight, push.

    `push` is a share of the move. At most `most` rows, those of the largest push first, whatever its sign.
    """
    order = np.argsort(-np.abs(cause.contributions), kind="stable")[:most]
    named = result.dataset.named(result.train_rows[order])
    return pd.DataFrame(named | {"weight": result.weights[order], "push": cause.contributions[order] / cause.move})


def cause_parts(result: StudyResult, cause: Cause) -> pd.DataFrame:
    """The move of the logit by group and outcome, and by cohorts: part, rows, share of the move."""
    data = result.dataset
    codes = data.cells(result.train_rows)
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
    """The source that narrows the gap most among those that can be chosen, or that none is sure to; then by outcome."""
    gap, whole = goal_gap(result), result.goal.value
    chosen = [one for one in found.batches if not one.with_outcome]
    sure = next((one for one in chosen if one.high < 0), None)
    later = next((one for one in found.batches if one.with_outcome and one.high < 0), None)
    if sure is not None:
        said = f"{FURTHER} further training rows with {_narrows(sure, gap, whole)}"
    else:
        said = f"No {FURTHER} further rows of one group or cohort, however they turn out, are sure to narrow {gap}"
        told = "; ".join(f"{one.name} {points(one.soft, 2)}, 95 % {_between(one.low, one.high)}" for one in chosen[:3])
        said += f" ({told})" if told else ""
    if later is not None and (sure is None or later.soft < sure.soft):
        more = _narrows(later, "it", whole)
        said += f". How they turn out, which nobody can choose, matters more: {FURTHER} with {more}"
    return f"{said}.{chance_note(result)}"


def _narrows(batch: Batch, gap: str, whole: float) -> str:
    return (
        f"{batch.name} are expected to narrow {gap} by {points(-batch.soft, 2, signed=False)} (95 % "
        f"{_between(-batch.high, -batch.low)}), {percent(-batch.soft / whole)} of it"
    )


def _between(low: float, high: float) -> str:
    return minus(f"{100 * low:.2f} to {100 * high:.2f}")


def collect_proof(found: Collection) -> str:
    """How often rows that were held back did what was foretold."""
    if not found.checked:
        return "Nothing of this list has been checked yet."
    order = "" if found.order is None else f", and their order agrees (Spearman {number(found.order)})"
    return (
        f"Rows held back, and refits without them: for {found.within} of {found.checked} sources what they did lay in "
        f"the 95 % interval foretold for that test{order}. {_COLLECT_ADVICE[found.level]}"
    )


_COLLECT_ADVICE = {
    "green": "The intervals hold about as often as they should.",
    "amber": "The intervals are somewhat too narrow.",
    "red": "Do not rely on the intervals.",
}


def collect_table(found: Collection) -> pd.DataFrame:
    """One line per batch: source, rows now, soft low high, width; held, foretold, seen, within (see `Batch`)."""
    told = ("rows", "soft", "low", "high", "width", "held", "foretold", "seen", "within")
    return pd.DataFrame([{"source": one.name} | {name: getattr(one, name) for name in told} for one in found.batches])


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
