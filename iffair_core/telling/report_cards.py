"""The two pages of a report that are read alone: the first one, for those who decide, and the model card."""

from __future__ import annotations

from collections.abc import Iterator

from iffair_core import wording
from iffair_core.data.encoding import SPLITS
from iffair_core.data.task import Task
from iffair_core.errors import listing, shorten
from iffair_core.models import MODELS
from iffair_core.study.disclosure import disclosed, tellable
from iffair_core.study.over_seeds import seeds_of
from iffair_core.study.results import StudyResult
from iffair_core.telling import files, seeds, sentences
from iffair_core.telling.figures.groups import SHOWN_RATES
from iffair_core.telling.report_blocks import (
    Block,
    Column,
    badge_block,
    change_cell,
    heading_block,
    list_block,
    share_cell,
    table_block,
    text_block,
    value_cell,
)

GRAVEST = 3
"""The first of `wording.LIMITS`, which stand on the first page."""


def first_page(result: StudyResult) -> list[Block]:
    """The page for those who decide: what was studied, found and recommended, whether to believe it, and its limits.

    The sentences are those of the screens, the numbers those of the parts that follow.
    """
    files.require_finished(result)
    result = disclosed(result)
    before, after, change = result.baseline["test"], result.after["test"], result.difference["test"]
    metric, fidelity = result.curve.metric, result.fidelity
    names = (metric, "accuracy")
    facts, told = _facts(result), seeds_of(result)
    return [
        table_block(
            "",
            Column("", [name for name, _ in facts], number=False),
            Column("", [text for _, text in facts], number=False),
        ),
        text_block(sentences.data_sentence(result.dataset.task)),
        heading_block("What was found"),
        text_block(sentences.baseline_sentence(result), lead=True),
        text_block(sentences.repair_sentence(result), *sentences.beside_repair(result)),
        table_block(
            f"On {before.n:,} test rows, with 95 % intervals; change: the same rows judged before and after",
            Column("", [wording.heading(wording.metric_title(name)) for name in names], number=False),
            Column("Before", [value_cell(before.values[name], before.intervals[name]) for name in names]),
            Column("After, refitted", [value_cell(after.values[name], after.intervals[name]) for name in names]),
            Column("Change", [change_cell(change[name]) for name in names]),
        ),
        text_block(sentences.pays_sentence(result)),
        heading_block("What is recommended, and why"),
        text_block(sentences.recommendation_sentence(result)),
        *([] if told is None else [text_block(seeds.seeds_sentence(told))]),
        heading_block("Whether to believe it"),
        badge_block("Fidelity", fidelity.level, fidelity.sentence),
        list_block(wording.LIMITS[:GRAVEST], "What it does not say"),
    ]


def _facts(result: StudyResult) -> list[tuple[str, str]]:
    """What was studied, at a glance: (name, text) pairs."""
    data, config, task = result.dataset, result.config, result.dataset.task
    synthetic = " (synthetic)" if result.synthetic else ""
    left_out, k = data.n_rows_in_file - data.y.size, result.smallest_group
    of = f", {wording.row_count(left_out, k)} left out" if not tellable(left_out, k) else f" of {data.n_rows_in_file:,}"
    told = f"cohort-only, k = {k}: no single row, and no number of rows below {k}"
    return [
        ("Table", f"{shorten(result.name, 80)}{synthetic}, {data.y.size:,} rows used{of}"),
        *([] if k is None else [("Disclosure", told)]),
        ("Outcome", f"{shorten(task.task.target)}, favorable: {shorten(task.favorable_label)}"),
        ("Groups", f"{listing(task.task.sensitive_columns)}; reference: {shorten(data.reference)}"),
        *_row_choices(task.task),
        (
            "Goals and variant" if config.also else "Goal and variant",
            ", ".join([*(wording.GOAL_TITLES[goal] for goal in (config.goal, *config.also)), config.variant]),
        ),
        (
            "Strength",
            f"{result.strength:g}, {'recommended on validation rows' if config.strength is None else 'chosen'}",
        ),
    ]


def _row_choices(task: Task) -> list[tuple[str, str]]:
    """Which rows count, how much, and in which part, as far as the task says so."""
    pools = [f"{shorten(column, 40)}: {listing(names)}" for column, names in (task.pool or {}).items()]
    found = {
        "Rows left out": listing(task.exclude),
        "Values pooled": "; ".join(pools),
        "Row weights": shorten(task.weights or ""),
        "Parts as in": shorten(task.split or ""),
        "Together in a part": shorten(task.unit or ""),
    }
    return [(name, text) for name, text in found.items() if text]


def model_card(result: StudyResult, use: str) -> Iterator[Block]:
    """Model, data, groups, metrics before and after for each group, how its weights are used, its `use` as stated."""
    data, config = result.dataset, result.config
    rows = " / ".join(f"{data.part(code).size:,} {name}" for code, name in enumerate(SPLITS))
    measured = {
        when: ", ".join(
            f"{wording.metric_title(name)} {value_cell(found.values[name], found.intervals[name])}"
            for name in ("accuracy", "roc_auc", result.curve.metric)
        )
        for when, found in (("before", result.baseline["test"]), ("after", result.after["test"]))
    }
    entries = {
        "Model": f"{wording.heading(MODELS[config.model].described)}, C = {config.C:g} on the sum of losses, "
        f"{MODELS[config.model].free} without penalty; "
        f"{len(data.feature_names)} encoded features from {len(data.task.feature_columns)} columns",
        "Predicts": f"P({sentences.favorable_words(data.task, 40)}); "
        f"a decision is favorable at {result.threshold:g} or more",
        "Trained on": f"{shorten(result.name, 80)}, fingerprint {result.fingerprint[:16]}…; {rows} rows, split within "
        f"each group and outcome with seed {config.seed}",
        "Groups": f"{listing(data.task.task.sensitive_columns)}: {listing(data.groups, 20)}; reference: "
        f"{shorten(data.reference)}; "
        f"{'also a feature' if data.task.task.use_sensitive_as_feature else 'not a feature'}",
        "Encoding": "learned from training rows only: numbers standardized, missing ones the median with a flag, "
        "categories one column per level, rare levels pooled",
        "Intervention": f"weights on training rows ({config.variant}, strength {result.strength:g}, none above "
        f"{config.max_weight:g}); the model's form, features, outcomes and threshold are untouched",
        "How to use the weights": _use_of_weights(result),
        **{f"On test rows, {when}": text for when, text in measured.items()},
        "Meant for": use or "not stated by those who made this report",
        "Not meant for": "deciding about people without a review of where the outcomes and groups in the table come "
        "from, or as proof that a rule or law is met",
    }
    yield table_block(
        "The model after reweighting",
        Column("", list(entries), number=False),
        Column("", list(entries.values()), number=False),
    )
    before, after = result.baseline["test"], result.after["test"]
    columns = [
        Column("Group", [shorten(group) for group in before.groups], number=False),
        Column(
            "Test rows", [wording.count_text(before.rates[group]["selection_rate"].count) for group in before.groups]
        ),
    ]
    for rate in SHOWN_RATES:
        for word, found in ((wording.heading(wording.RATE_TITLES[rate]), before), ("after", after)):
            cells = [share_cell(found.rates[group][rate], intervals=False) for group in before.groups]
            columns.append(Column(word, cells))
    yield table_block("Rates of each group on test rows, before and after the weights", *columns)


def _use_of_weights(result: StudyResult) -> str:
    if result.smallest_group is not None:
        return "weights.csv holds their means by group and outcome; the weights of single rows are in no file"
    return (
        "rows.csv has one for each training row (column weight, mean 1): give them as sample_weight to a fit on these "
        "same rows. They are no weights for other rows, and another model has to be judged anew. model.skops holds the "
        "fitted model itself"
    )
