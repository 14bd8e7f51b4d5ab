"""The kept comparison as Markdown: docs/benchmarks.md out of iffair_core/telling/replication.json.

python -m benchmarks.report_quality

Nothing is run or measured; the same file always gives the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from iffair_core.metrics import GOAL_METRIC
from iffair_core.rivals.base import KIND_TITLES
from iffair_core.rivals.registry import RIVALS
from iffair_core.telling.replication import (
    KINDS,
    SOURCES,
    Replication,
    finding,
    made_words,
    replication,
    rival_title,
    rule_words,
    run_words,
    source_title,
)
from iffair_core.wording import GOAL_TITLES, heading, metric_title, minus

PATH = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def document(kept: Replication) -> str:
    """The whole text."""
    parts = [
        "# How the curve compares with other methods",
        "Written by `python -m benchmarks.report_quality` from `iffair_core/telling/replication.json`; "
        "edits here are lost.",
        "## What was run",
        run_words(kept),
        _table(
            ("Data", "Rows", "Favorable outcome", "Groups"),
            [
                (source_title(name), f"{SOURCES[name].rows:,}", SOURCES[name].favorable, SOURCES[name].groups)
                for name in kept.datasets()
                if name in SOURCES
            ],
            "lrll",
        ),
        _table(
            ("Method", "What it changes", "Source"),
            [(rival_title(name), KIND_TITLES[RIVALS[name].kind], RIVALS[name].source) for name in RIVALS],
        ),
        "## How it is judged",
        rule_words(),
        "## How to run it again",
        f"```sh\n{kept.command.replace(' && ', chr(10))}\npython -m benchmarks.report_quality\n```",
        "The first command needs the data sets (from their publishers, or `IFFAIR_MIRROR`), may be "
        f"stopped and started at will, and takes the longest: {made_words(kept)}",
        "## Wins, ties, losses",
    ]
    for kind in kept.kinds:
        parts += [f"### {KINDS[kind].title}", *(finding(kept, kind, name) for name in kept.variants(kind))]
        parts.append(_dominance(kept, kind))
    parts += [
        "Not below untouched: comparisons in which the rival's disparity is at least that of the model without any "
        "repair, so that being as fair takes no repair. No answer: the method has none for this goal, or not under "
        "every seed.",
        "## Where the curve is behind",
        "Largest first, those that are not reached last. Disparity and accuracy are the rival's.",
    ]
    for kind in kept.kinds:
        behind = kept.losses(kind)
        parts += [f"### {KINDS[kind].title}", _losses(behind) if len(behind) else "None."]
    parts += [
        "## Every comparison",
        "Mean and standard error over seeds. Margins are in percentage points of accuracy, in brackets the strength "
        "at which the curve has it; n. r.: not reached.",
    ]
    for goal in kept.goals():
        parts.append(f"### {heading(GOAL_TITLES[goal])}: {metric_title(GOAL_METRIC[goal])}")
        for kind in kept.kinds:
            frame = kept.margins(kind)
            frame = frame[frame["goal"] == goal]
            if len(frame):
                parts += [f"#### {KINDS[kind].title} ({GOAL_TITLES[goal]})", _cells(frame, kept.variants(kind))]
    reasons = {
        (kind, rival, reason): None
        for kind in kept.kinds
        for one in kept.entries
        if one.kind == kind
        for rival, reason in one.failed.items()
    }
    told = [f"- {KINDS[kind].title}, {rival_title(rival)}: {reason}" for kind, rival, reason in reasons]
    parts += ["## Without an answer", "\n".join(told) or "None."]
    return "\n\n".join(parts) + "\n"


def _dominance(kept: Replication, kind: str) -> str:
    """A table of counts, the variants of a kind below one another."""
    titles = ("Variant", "Method", "Wins", "Clear", "Ties", "Losses", "Clear", "Not reached", "Of",
              "Not below untouched", "No answer")  # fmt: skip
    names = ("wins", "clear wins", "ties", "losses", "clear losses", "not reached", "of",
             "rival not below untouched", "no answer")  # fmt: skip
    lines = [
        (heading(variant), rival_title(line["rival"]), *(str(line[name]) for name in names))
        for variant in kept.variants(kind)
        for line in kept.dominance(variant, kind).to_dict("records")
    ]
    return _table(titles, lines, "ll" + "r" * len(names))


def _losses(frame: pd.DataFrame) -> str:
    titles = ("Data", "Goal", "Method", "Disparity", "Accuracy", "Variant", "Margin")
    lines = [
        (
            source_title(line["dataset"]), GOAL_TITLES[line["goal"]], rival_title(line["rival"]),
            f"{line['rival disparity']:.3f}", f"{100 * line['rival accuracy']:.2f} %", line["variant"], _margin(line),
        )
        for line in frame.to_dict("records")
    ]  # fmt: skip
    return _table(titles, lines, "lllrrlr")


def _cells(frame: pd.DataFrame, variants: Sequence[str]) -> str:
    """One line for each data set and rival, one column for each variant's margin."""
    lines = []
    for (dataset, rival), mine in frame.groupby(["dataset", "rival"], sort=False):
        first = mine.iloc[0]
        by_variant = {line["variant"]: _margin(line) for line in mine.to_dict("records")}
        lines.append(
            (
                source_title(dataset), str(first["seeds"]), rival_title(rival), f"{first['untouched disparity']:.3f}",
                f"{first['rival disparity']:.3f} ± {first['rival disparity error']:.3f}",
                f"{100 * first['rival accuracy']:.2f} ± {100 * first['rival accuracy error']:.2f} %",
                *(by_variant.get(name, "") for name in variants),
            )
        )  # fmt: skip
    titles = ("Data", "Seeds", "Method", "Untouched disparity", "Its disparity", "Its accuracy")
    return _table((*titles, *(heading(name) for name in variants)), lines, "lrlrrr" + "r" * len(variants))


def _margin(line: dict[str, object]) -> str:
    if line["verdict"] == "not reached":
        return "n. r."
    return minus(f"{100 * line['margin']:+.2f} ± {100 * line['error']:.2f} ({line['strength']:.2f})")  # type: ignore[operator]


def _table(titles: Sequence[str], lines: Iterable[Sequence[str]], sides: str = "") -> str:
    """A Markdown table; `sides`: l or r for each column."""
    rule = ["--:" if side == "r" else "---" for side in sides or "l" * len(titles)]
    cells = [titles, rule, *([cell.replace("|", "\\|") for cell in line] for line in lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def main() -> None:
    PATH.write_text(document(replication()), encoding="utf-8")
    print(f"{PATH}: {PATH.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
