"""Results -> one standalone HTML page for people, and the code that reproduces the study.

The page holds everything it needs (plotly.js once, no request to anywhere), prints, and escapes whatever comes from the
file. Sentences come from `explain`, pictures from `figures`; this module only lays them out and formats tables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from iffair_core import wording
from iffair_core.causes.found import causes_of, tried_of
from iffair_core.data.encoding import SPLITS
from iffair_core.data.resolving import group_table
from iffair_core.errors import ConfigError, listing, shorten
from iffair_core.metrics import METRICS, RATES
from iffair_core.study.disclosure import disclosed, split_counts, told_groups
from iffair_core.study.over_seeds import seeds_of
from iffair_core.study.results import StudyResult
from iffair_core.telling import audits, causes, files, rows, seeds, sentences
from iffair_core.telling.figures import (
    before_after,
    cohort_bars,
    collect_bars,
    conflict_map,
    gaps_along_curve,
    group_bars,
    influence_distribution,
    influence_scatter,
    proof,
    rates_by_group,
    seeds_tradeoff,
    tradeoff,
    transfers,
    weights_by_group,
    who_pays,
)
from iffair_core.telling.figures.common import Theme, palette
from iffair_core.telling.plotly_js import packed_plotly
from iffair_core.telling.report_blocks import (
    Block,
    Column,
    Write,
    badge_block,
    cell,
    chance_cell,
    change_cell,
    code_block,
    frame_columns,
    gap_cell,
    list_block,
    picture_block,
    ratio_cell,
    share_cell,
    signed_points,
    table_block,
    text_block,
    value_cell,
)
from iffair_core.telling.report_cards import first_page, model_card
from iffair_core.telling.reproduce import (
    command_line,
    fingerprint_covers,
    independent_check,
    on_cluster,
    reproduce_script,
)
from iffair_core.telling.tables import rival_table, transfer_table
from iffair_core.tradeoff import Curve, CurvePoint
from iffair_core.uncertainty import Estimate


@dataclass(frozen=True)
class Given:
    """What the parts are told beside the result: what the reproducing code reads, and what the user says of the use."""

    source: str
    use: str


PART_TITLES = {
    "data": "Data and groups",
    "checks": "Before modeling",
    "baseline": "How far apart the groups are under an ordinary model",
    "audit": "Shares and impact ratios",
    "rows": "Which rows cause the gap",
    "causes": "Which cohorts carry it, and what to do about it",
    "tried": "What was tried by hand",
    "repair": "What the weights repair, and what it costs",
    "curve": "The trade-off between disparity and utility",
    "seeds": "Other splits of the same rows",
    "card": "Model card",
    "limits": "What these numbers cannot tell",
    "reproduce": "How to reproduce this",
}
ALL_PARTS = tuple(PART_TITLES)
ON_REQUEST = {"causes": causes_of, "tried": tried_of, "seeds": seeds_of}
"""Parts that tell what a study does not look for by itself."""
ONLY_COHORTS = (
    "Cohort-only mode: no single row is shown. What rows do to the gap is told for each group and outcome together."
)
TOP_ROWS = 10
REPORT_POINTS = 5_000


def report_html(
    result: StudyResult,
    *,
    title: str | None = None,
    notes: str = "",
    parts: Collection[str] = ALL_PARTS,
    theme: Theme = "light",
    source: str | None = None,
    use: str = "",
) -> str:
    """The report of a finished study as one HTML page.

    `title`, `notes`, `use`: text of the user, shown literally; `use`: what the model is meant for and its limits, for
    the model card. `parts`: names of `PART_TITLES` to include; the first page always is. `source`: what the reproducing
    code reads, the table's name by default.
    Raises ConfigError for an unknown part or theme, or a study that has not finished.
    """
    result = disclosed(result)
    colors = palette(theme)
    sections = report_sections(result, parts=parts, theme=theme, source=source, use=use)
    drawn = [block for section in sections for block in section["blocks"] if block["kind"] == "picture"]
    for place, block in enumerate(drawn):
        block["id"] = f"picture-{place + 1}"
    return _template().render(
        title=title or f"Fairness study of {shorten(result.name, 80)}",
        theme=theme,
        colors=colors,
        notes=notes.strip(),
        synthetic=result.synthetic,
        important=list(result.findings),
        first=first_page(result),
        sections=sections,
        light=palette("light"),
        plotly_js=packed_plotly() if drawn else "",
    )


def report_sections(
    result: StudyResult,
    *,
    parts: Collection[str] = ALL_PARTS,
    theme: Theme = "light",
    source: str | None = None,
    use: str = "",
) -> list[dict[str, Any]]:
    """name, title and blocks (`report_blocks`) of each chosen part, in the order of the report.

    A screen shows its preview from them, without the megabytes of plotly.js. Raises as `report_html`.
    """
    files.require_finished(result)
    result = disclosed(result)
    unknown = [part for part in parts if part not in PART_TITLES]
    if unknown:
        raise ConfigError(f"There is no report part {listing(unknown)}. Choose among: {', '.join(PART_TITLES)}.")
    given = Given(result.name if source is None else source, " ".join(use.split()))
    return [
        {"name": part, "title": PART_TITLES[part], "blocks": list(_BLOCKS[part](result, theme, given))}
        for part in ALL_PARTS
        if part in parts and part in parts_of(result)
    ]


def parts_of(result: StudyResult) -> tuple[str, ...]:
    """The parts that a report of this result can have, in their order."""
    return tuple(part for part in ALL_PARTS if part not in ON_REQUEST or ON_REQUEST[part](result) is not None)


@cache
def _template() -> Template:
    folder = Path(__file__).parent / "templates"
    settings = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return settings.get_template("report.html")


# ------------------------------------------------------------------------------------------------------------- parts


def _data_part(result: StudyResult, theme: Theme, given: Given) -> Iterator[Block]:
    task, data = result.dataset.task, result.dataset
    yield text_block(sentences.data_sentence(task), lead=True)
    if result.synthetic:
        yield text_block("The table is the embedded synthetic example: nobody in it is real.")
    table = told_groups(group_table(task), result.smallest_group)
    favorable = sentences.favorable_words(task)
    yield picture_block(group_bars(table, theme, reference=task.reference, favorable=favorable))
    counts = split_counts(data)
    shares = zip(table["favorable_share"], table["low"], table["high"], table["rows"], strict=True)
    yield table_block(
        f"Groups; favorable is {favorable}, with 95 % intervals",
        Column("Group", [shorten(group) for group in table["group"]], number=False),
        Column("Rows", [f"{rows:,}" for rows in table["rows"]]),
        Column("Share", [wording.percent(share) for share in table["share"]]),
        Column("Favorable", [share_cell(Estimate(*line)) for line in shares]),
        *(
            Column(name.capitalize(), [wording.count_text(None if pd.isna(n) else int(n)) for n in counts[name]])
            for name in SPLITS
        ),
    )
    yield text_block(f"Reference group: {shorten(task.reference)} ({task.reference_reason}).")
    if result.warnings:
        yield list_block([shorten(text, 400) for text in result.warnings], "To know about this table and this study")


def _checks_part(result: StudyResult, theme: Theme, given: Given) -> Iterator[Block]:
    """Checks of high and medium severity; the others are only counted."""
    told = [check for check in result.checks if check.severity != "low"]
    rest = len(result.checks) - len(told)
    low = f" {rest} of low severity {'is' if rest == 1 else 'are'} in summary.json." if rest else ""
    if not told:
        yield text_block(f"Nothing of high or medium severity was found in the table and the choices.{low}", lead=True)
        return
    grave = sum(check.severity == "high" for check in told)
    count = f"{len(told)} {'check' if len(told) == 1 else 'checks'}"
    yield text_block(f"To know before these results are used: {count}, {grave} of high severity.{low}", lead=True)
    for check in told:
        yield list_block([check.text], f"{check.severity.capitalize()}: {check.title}")


def _baseline_part(result: StudyResult, theme: Theme, given: Given) -> Iterator[Block]:
    found = result.baseline["test"]
    yield text_block(sentences.baseline_sentence(result), lead=True)
    yield picture_block(rates_by_group(found, theme, goal=result.config.goal))
    lines = [(group, rate) for group in found.groups for rate in RATES]
    yield table_block(
        f"Rates by group on {found.n:,} test rows with 95 % intervals; gap: group minus "
        f"{shorten(found.reference, 30)}, in points",
        *_rate_columns(lines),
        Column("Value", [share_cell(found.rates[group][rate]) for group, rate in lines]),
        Column("Gap", [gap_cell(found.gaps.get(group, {}).get(rate)) for group, rate in lines]),
    )


def _rate_columns(lines: list[tuple[str, str]]) -> tuple[Column, Column]:
    """Of lines for every group and rate: the group, once, and the rate."""
    groups = [shorten(group) if rate == "selection_rate" else "" for group, rate in lines]
    rates = [wording.RATE_TITLES[rate] for _, rate in lines]
    return Column("Group", groups, number=False), Column("Rate", rates, number=False)


def _audit_part(result: StudyResult, theme: Theme, given: Given) -> Iterator[Block]:
    task, test_rows = result.dataset.task, result.baseline["test"].n
    favorable = sentences.favorable_words(task)
    yield text_block(
        "The impact ratio is the selection rate of a category divided by that of the most selected category, or its "
        "scoring rate divided by that of the highest scoring one, as New York City's Local Law 144 (6 RCNY 5-300) and "
        "the four-fifths rule have it. A selection rate counts decisions, a scoring rate those who score above the "
        "median. A category with less than 2 % of the rows may be left out there (5-301); here it is shown and marked, "
        "but, like one that is unknown, it is not taken for the most selected. These are tables to fill a form from; "
        "they are no bias audit by an independent auditor, and say nothing of whether a rule is met."
    )
    for found in audits.audited_study(result):
        by = wording.listed([shorten(name, 40) for name in found.recorded.columns])
        groups = found.recorded.groups
        yield table_block(
            f"By {by}: recorded outcomes of {result.dataset.y.size:,} rows; selected is {favorable}; with 95 % "
            "intervals",
            Column("Group", [shorten(one.group) for one in groups], number=False),
            Column("Rows", [f"{one.rows:,}" for one in groups]),
            Column("Share", [wording.percent(one.of_all) for one in groups]),
            Column("Selected", [wording.WITHHELD if one.selected is None else f"{one.selected:,}" for one in groups]),
            Column("Selection rate", [share_cell(one.rate) for one in groups]),
            Column("Impact ratio", [ratio_cell(one.ratio) for one in groups]),
            Column("", [", ".join(audits.group_marks(one, found.recorded)) for one in groups], number=False),
        )
        sides = [(group, when) for group in range(len(groups)) for when in ("before", "after")]
        columns = [
            Column("Group", [shorten(groups[group].group) if when == "before" else "" for group, when in sides], False),
            Column("Weights", [when for _, when in sides], number=False),
        ]
        for name, title in (("decision", "Selection rate"), ("score", "Scoring rate")):
            tested = [found.tested[f"{name} {when}"].groups[group] for group, when in sides]
            columns.append(Column(title, [share_cell(one.rate) for one in tested]))
            columns.append(Column("Impact ratio", [ratio_cell(one.ratio) for one in tested]))
        yield table_block(
            f"By {by}: the model on {test_rows:,} test rows, before and after the weights; with 95 % intervals",
            *columns,
        )


def _rows_part(result: StudyResult, theme: Theme, given: Given) -> Iterator[Block]:
    fidelity, goal = result.fidelity, result.goal
    yield badge_block("Fidelity", fidelity.level, fidelity.sentence)
    yield text_block(sentences.influence_sentence(result), lead=True)
    if result.smallest_group is not None:
        yield text_block(ONLY_COHORTS)
        yield picture_block(influence_distribution(result, theme))
        yield picture_block(proof(fidelity, theme, smallest=result.smallest_group))
        return
    yield picture_block(influence_scatter(result, theme, max_points=REPORT_POINTS))
    yield picture_block(proof(fidelity, theme))
    ledger = rows.ledger(result)
    columns = {"row_id": "row_id", "group": "Group", "outcome": "Outcome", "gap_if_removed": "Left out ○"}
    columns |= {"gap_if_relabeled": "Flipped ○", "score": "Score before", "weight": "Weight"}
    short, fine = partial(shorten, limit=30), partial(signed_points, digits=4)
    written: dict[str, Write] = {
        "row_id": str,
        "group": short,
        "outcome": short,
        "gap_if_removed": fine,
        "gap_if_relabeled": fine,
    }
    for word, part in (("widen", ledger.head(TOP_ROWS)), ("narrow", ledger.tail(TOP_ROWS)[::-1])):
        yield table_block(
            f"Training rows that {word} the gap most: {shorten(goal.label, 90)}. Predicted ○: change of the gap, "
            "in points, if the row is left out; its outcome flipped",
            *frame_columns(part, columns, written),
        )


def _causes_part(result: StudyResult, theme: Theme, given: Given) -> Iterator[Block]:
    found = causes_of(result)
    assert found is not None
    proven, goals, further = causes.cohorts_agreement(found.ledger), found.conflicts, found.collection
    yield text_block(causes.cohorts_sentence(result, found.ledger), lead=True)
    if found.ledger.cohorts:
        checked = f"the first {proven.checked} cohorts"
        yield badge_block("Check", proven.level, causes.proof_sentence(checked, proven))
        yield picture_block(cohort_bars(result, found.ledger, theme))
    yield text_block(causes.conflicts_sentence(result, goals), lead=True)
    if len(goals.goals) > 1:
        said = causes.proof_sentence("how one goal moves another", goals.agreement)
        yield badge_block("Check", goals.agreement.level, said)
        yield picture_block(conflict_map(goals, theme))
        yield text_block(f"{causes.price_sentence(result, goals)} {causes.without_conflict(result, goals)}")
    yield text_block(causes.along_sentence(result, found.along), lead=True)
    if found.along.strengths.size:
        yield badge_block("Check", found.along.agreement.level, causes.along_proof(found.along))
        yield picture_block(gaps_along_curve(result, found.along, theme))
    yield text_block(causes.collect_sentence(result, further), lead=True)
    yield badge_block("Check", further.level, causes.collect_proof(further))
    yield picture_block(collect_bars(result, further, theme))


def _tried_part(result: StudyResult, theme: Theme, given: Given) -> Iterator[Block]:
    found = tried_of(result)
    assert found is not None
    yield text_block(causes.tried_sentence(found), lead=True)
    if found.changes:
        columns = {"what": "Training rows", "rows": "Number", "change": "What if", "soft_predicted": "Gap ○"}
        columns |= {
            "soft_refitted": "Gap ●",
            "gap": "In decisions ●",
            "accuracy": "Accuracy ●",
            "turned": "Decisions ●",
        }
        moved = ("soft_predicted", "soft_refitted", "gap", "accuracy")
        written = dict.fromkeys(moved, _fine_points) | {"what": partial(shorten, limit=90)}
        yield table_block(
            f"Changes on validation rows, in points: {shorten(causes.goal_gap(result), 120)}, in soft rates "
            f"{wording.points(result.goal.value, 2, signed=False)} before; the same in decisions; accuracy; and how "
            "many decisions change. ○ predicted, ● refitted, empty without a refit",
            *frame_columns(causes.tried_table(found), columns, written | {"rows": cell, "turned": cell}),
        )
    if found.decisions:
        yield list_block(found.decisions, "Decisions that were traced to training rows")


def _fine_points(share: float | None) -> str:
    return "" if share is None else signed_points(share, 2)


def _repair_part(result: StudyResult, theme: Theme, given: Given) -> Iterator[Block]:
    before, after = result.baseline["test"], result.after["test"]
    change, predicted = result.difference["test"], result.chosen.predicted.get("test", {})
    yield text_block(sentences.repair_sentence(result), lead=True)
    for sentence in sentences.beside_repair(result):
        yield text_block(sentence)
    yield picture_block(before_after(result, theme))
    yield table_block(
        f"On {before.n:,} test rows, with 95 % intervals. ○ predicted without a refit, ● refitted; change: the same "
        "rows judged before and after; chance: what a disparity would show if group labels meant nothing",
        Column("Metric", [wording.metric_title(name) for name in METRICS], number=False),
        Column("Before ●", [value_cell(before.values[name], before.intervals[name]) for name in METRICS]),
        Column("Predicted ○", [wording.figure(predicted.get(name)) if predicted else "" for name in METRICS]),
        Column("After ●", [value_cell(after.values[name], after.intervals[name]) for name in METRICS]),
        Column("Change", [change_cell(change[name]) for name in METRICS]),
        Column("Chance", [chance_cell(before, name) for name in METRICS]),
    )
    yield picture_block(who_pays(result, theme))
    lines = [(group, rate) for group in before.groups for rate in RATES]
    yield table_block(
        "Who pays: rates by group on test rows, before and after",
        *_rate_columns(lines),
        Column("Before ●", [share_cell(before.rates[group][rate]) for group, rate in lines]),
        Column("After ●", [share_cell(after.rates[group][rate]) for group, rate in lines]),
    )
    weights = files.weight_summary(result)
    yield picture_block(weights_by_group(result, theme))
    sizes = {"Smallest": weights["min"], "Largest": weights["max"], "Mean": weights["mean"]}
    told = {title: wording.figure(size) for title, size in sizes.items() if size is not None}
    told["Effective sample size"], moved = wording.percent(weights["effective_sample_size"]), weights["changed_share"]
    told["Rows changed"] = wording.WITHHELD if moved is None else wording.percent(moved)
    yield table_block("Weights of the training rows", *(Column(title, [text]) for title, text in told.items()))


def _curve_part(result: StudyResult, theme: Theme, given: Given) -> Iterator[Block]:
    curve = result.curve
    yield text_block(sentences.compare_sentence(result), lead=True)
    yield picture_block(tradeoff(result, theme, intervals=True))
    columns: dict[str, list[str]] = {"Strength": [f"{point.strength:g}" for point in curve.points]}
    for word, metric in (("Accuracy", "accuracy"), ("Disparity", curve.metric)):
        guesses = [point.predicted.get("test", {}) for point in curve.points]
        columns[f"{word} ○"] = [wording.figure(guess[metric]) if guess else "" for guess in guesses]
        columns[f"{word} ●"] = [_refitted(point, metric) for point in curve.points]
    sizes = [point.effective_sample_size for point in curve.points]
    columns["Effective size"] = ["" if size is None else wording.percent(size, 0) for size in sizes]
    columns[""] = [_marks(curve, place) for place in range(len(curve.points))]
    yield table_block(
        f"Every point on test rows, with 95 % intervals; disparity: {wording.metric_title(curve.metric)}. "
        "○ predicted without a refit, ● refitted",
        *(Column(name, cells, number=name not in ("Strength", "")) for name, cells in columns.items()),
    )
    if result.rivals:
        yield _rivals_block(result)
    yield text_block(sentences.recommendation_sentence(result))
    if result.transfers:
        yield from _transfer_blocks(result, theme)


def _seeds_part(result: StudyResult, theme: Theme, given: Given) -> Iterator[Block]:
    found = seeds_of(result)
    assert found is not None
    metric, smallest = found.metric, result.smallest_group
    yield text_block(seeds.seeds_sentence(found), lead=True)
    told = (seeds.seeds_rivals_sentence(found), seeds.stability_sentence(found, smallest))
    yield text_block(*(sentence for sentence in told if sentence))
    yield picture_block(seeds_tradeoff(found, theme))
    columns = {"seed": "Seed", "recommended": "Recommended"} | _before_and_after(metric)
    strength: Write = "{:g}".format
    yield table_block(
        f"What each seed recommends, and what that changes on its test rows; disparity: {wording.metric_title(metric)}",
        *frame_columns(seeds.seeds_runs(found), columns, {"seed": str, "recommended": strength}),
    )
    if found.titles:
        columns = {"method": "Method", "accuracy": "Accuracy", metric: "Disparity", "strength": "Curve's strength"}
        frame = seeds.seeds_rivals(found, ("accuracy", metric))
        written: dict[str, Write] = {"strength": lambda value: "none" if value is None else strength(value)}
        yield table_block(
            "Other methods, means over seeds on test rows with 95 % intervals; lead: accuracy of the curve minus the "
            "method's at the strength beside it, chosen on validation rows, intervals together over all methods",
            *frame_columns(frame, {**columns, "lead": "Lead", "verdict": "The curve is"}, {**written, "method": str}),
        )


def _before_and_after(metric: str) -> dict[str, str]:
    """Columns of a frame that say what becomes of the disparity and of accuracy, with their titles."""
    columns: dict[str, str] = {}
    for name, word in ((metric, "Disparity"), ("accuracy", "Accuracy")):
        columns |= {f"{name} before": f"{word} before", f"{name} after": f"{word} after", f"{name} change": "Change"}
    return columns


def _transfer_blocks(result: StudyResult, theme: Theme) -> Iterator[Block]:
    metric = result.curve.metric
    yield text_block(sentences.transfer_sentence(result), lead=True)
    yield picture_block(transfers(result, theme))
    columns = {"model": "Model"} | _before_and_after(metric)
    frame = transfer_table(result).iloc[1:]
    written: dict[str, Write] = {"kept": lambda share: "" if share is None else wording.percent(share, 0), "notes": str}
    yield table_block(
        f"Other models without and with the weights, on test rows, with 95 % intervals; disparity: "
        f"{wording.metric_title(metric)}. Survives: its reduction as a share of that in the study's own model",
        *frame_columns(frame, columns | {"kept": "Survives", "notes": "Notes"}, written),
    )


def _rivals_block(result: StudyResult) -> Block:
    """Other methods on test rows, each with the curve's best accuracy at its disparity."""
    metric, best = result.curve.metric, "best accuracy of the curve"
    columns = {"method": "Method", "changes": "Changes", "needs group": "Asks for the group", "accuracy": "Accuracy"}
    columns |= {metric: "Disparity", best: "Curve's accuracy", "note": "Note"}
    written: dict[str, Write] = {
        "method": str,
        "note": str,
        best: lambda value: "none" if value is None else wording.figure(value),
    }
    return table_block(
        f"Other methods on test rows, with 95 % intervals; disparity: {wording.metric_title(metric)}. The curve's "
        "accuracy is the best among refitted points whose disparity is no larger",
        *frame_columns(rival_table(result), columns, written),
    )


def _refitted(point: CurvePoint, metric: str) -> str:
    if not point.feasible:
        return "infeasible"
    return value_cell(point.refitted["test"][metric], point.refitted_intervals["test"].get(metric))


def _marks(curve: Curve, place: int) -> str:
    words = (("chosen ★", curve.chosen == place), ("recommended", curve.recommended == place))
    return ", ".join(word for word, here in words if here)


def _limits_part(result: StudyResult, theme: Theme, given: Given) -> Iterator[Block]:
    synthetic = ["The table is synthetic: it says nothing about any real place or people."] if result.synthetic else []
    yield list_block([*synthetic, *wording.LIMITS, f"Row scores of this study: {result.fidelity.sentence}"])
    yield list_block(wording.ORIGIN, "What is the paper's, and what is ours")


def _reproduce_part(result: StudyResult, theme: Theme, given: Given) -> Iterator[Block]:
    yield text_block(
        "The same table, choices and seed give the same numbers. The table's fingerprint (SHA-256 over "
        f"{fingerprint_covers(result)}) is {result.fingerprint}."
    )
    yield code_block(command_line(result, given.source), "Command line")
    yield code_block(reproduce_script(result, given.source), "reproduce.py")
    versions = ", ".join(f"{name} {version}" for name, version in files.software().items())
    design = (
        "With --save-design the command also writes design.parquet, the features as the model saw them. "
        if result.smallest_group is None and not on_cluster(result)
        else ""
    )
    yield text_block(f"{design}{independent_check(result)} Versions: {versions}.")


_BLOCKS: dict[str, Callable[[StudyResult, Theme, Given], Iterator[Block]]] = {
    "data": _data_part,
    "checks": _checks_part,
    "baseline": _baseline_part,
    "audit": _audit_part,
    "rows": _rows_part,
    "causes": _causes_part,
    "tried": _tried_part,
    "repair": _repair_part,
    "curve": _curve_part,
    "seeds": _seeds_part,
    "card": lambda result, theme, given: model_card(result, given.use),
    "limits": _limits_part,
    "reproduce": _reproduce_part,
}
