"""An audit without a model, in sentences, lines and files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from iffair_core.audit import JUDGED_RATES, Audit, AuditedGroup, GroupAudit, audit_rows
from iffair_core.data.splitting import TEST
from iffair_core.errors import shorten
from iffair_core.metrics import RATES, Estimate
from iffair_core.study.results import StudyResult
from iffair_core.telling.csv_writing import csv_bytes
from iffair_core.wording import WITHHELD, figure, group_name, listed, percent, points, row_count, span


@dataclass(frozen=True)
class AuditedStudy:
    """One way to make groups: `recorded` outcomes of all rows; on test rows, "decision before", "score after", ..."""

    recorded: GroupAudit
    tested: Mapping[str, GroupAudit]


def audit_sentence(audit: Audit, table: GroupAudit) -> str:
    """The lowest share beside the highest, with the gap between them and what chance alone would show."""
    shown = [one for one in table.groups if one.rate.value is not None and not one.unknown and not one.small]
    by = listed([shorten(name, 40) for name in table.columns])
    if len(shown) < 2 or table.highest is None:
        return f"By {by}: fewer than two groups can be compared."
    high = next((one for one in shown if one.group == table.highest), shown[0])
    low = min((one for one in shown if one is not high), key=lambda one: one.rate.value or 0.0)
    chance = ""
    if table.chance is not None:
        chance = f"; chance alone would set groups of these sizes up to {points(table.chance, signed=False)} apart"
    said = (
        f"By {by}: {audit.selected} holds for {percent(low.rate.value)} {_span(low.rate)} of {_name(low.group, table)} "
        f"and for {percent(high.rate.value)} {_span(high.rate)} of {_name(high.group, table)}, an impact ratio of "
        f"{figure(low.ratio.value)}"
    )
    ratio = span((low.ratio.low, low.ratio.high))
    said += f" {ratio}" if ratio else ""
    return f"{said}{chance}."


def judged_sentence(audit: Audit, table: GroupAudit) -> str:
    """The widest gap of the rates against what came true, of groups that are neither small nor unknown; "" where
    nothing says what did."""
    found = table.judged
    if found is None:
        return ""
    counting = [one.group for one in table.groups if not one.unknown and not one.small]
    gaps = [
        (rate, group, gap)
        for group, rates in found.gaps.items()
        for rate, gap in rates.items()
        if rate in JUDGED_RATES and group in counting and gap.value is not None and gap.low is not None
    ]
    if not gaps:
        return f"Against {audit.truth}: too few rows for rates of errors."
    rate, group, gap = max(gaps, key=lambda one: abs(one[2].value or 0.0))
    here, there = found.rates[group][rate], found.rates[found.reference][rate]
    title = RATES[rate].title
    return (
        f"Against {audit.truth}, known of {row_count(found.n)}, groups differ most in their {title}: "
        f"{percent(here.value)} {_span(here)} of {_name(group, table)} and {percent(there.value)} {_span(there)} of "
        f"{_name(found.reference, table)}, a gap of {points(gap.value)} {_span(gap)}."
    )


def _name(group: str, table: GroupAudit) -> str:
    return group_name(group, table.columns, 40)


def _span(rate: Estimate) -> str:
    return span((rate.low, rate.high), as_points=True)


def audit_lines(audit: Audit) -> Iterator[str]:
    """What the command line prints: how many are selected, then a sentence and a line per group for each table."""
    yield f"{audit.selected}: {percent(audit.share)} of {row_count(audit.rows)}"
    for table in audit.tables:
        yield ""
        yield audit_sentence(audit, table)
        if table.judged is not None:
            yield judged_sentence(audit, table)
        for one in table.groups:
            yield f"    {_line(one, table)}"


def group_marks(one: AuditedGroup, table: GroupAudit) -> list[str]:
    """What to know of a group beside its numbers."""
    holds = {
        "unknown": one.unknown,
        "under 2 % of rows": one.small,
        "highest": one.group == table.highest,
        "reference": one.group == table.reference,
    }
    return [mark for mark, true in holds.items() if true]


def _line(one: AuditedGroup, table: GroupAudit) -> str:
    marks = group_marks(one, table)
    head = f"{shorten(one.group, 60)}: {row_count(one.rows)} ({percent(one.of_all)})"
    if one.rate.value is None:
        return f"{head}, {WITHHELD}"
    parts = [head, f"selected {percent(one.rate.value)} {_span(one.rate)}"]
    if one.ratio.value is not None:
        parts.append(f"impact ratio {figure(one.ratio.value)} {span((one.ratio.low, one.ratio.high))}".rstrip())
    if one.gap is not None and one.gap.value is not None:
        parts.append(f"gap {points(one.gap.value)} {_span(one.gap)}".rstrip())
    if table.judged is not None:
        rates = table.judged.rates[one.group]
        parts += [
            f"{RATES[rate].title} {percent(rates[rate].value)} {_span(rates[rate])}".rstrip()
            for rate in JUDGED_RATES
            if rates[rate].value is not None
        ]
    return ", ".join(parts) + (f" [{', '.join(marks)}]" if marks else "")


def audited_study(result: StudyResult) -> list[AuditedStudy]:
    """The study's groups, by each sensitive column and by all crossed, as an audit sees them.

    Of all rows the recorded outcomes; of the test rows the decisions before and after, and who scores above the median.
    """
    data, seed = result.dataset, result.config.seed
    rows = data.part(TEST)
    sides = {}
    for when, scores in (("before", result.scores_before[rows]), ("after", result.scores_after[rows])):
        sides[f"decision {when}"] = audit_rows(data.task, scores >= result.threshold, rows, seed=seed)
        sides[f"score {when}"] = audit_rows(data.task, scores > np.median(scores), rows, seed=seed)
    recorded = audit_rows(data.task, data.y > 0.5, seed=seed)
    return [
        AuditedStudy(table, {name: tables[place] for name, tables in sides.items()})
        for place, table in enumerate(recorded)
    ]


def audit_frame(audit: Audit) -> pd.DataFrame:
    """Every table under the other: attribute, group, rows, share of rows, selected, rate, impact ratio, gap, marks."""
    return pd.concat([table.frame() for table in audit.tables], ignore_index=True)


def audit_csv(audit: Audit) -> bytes:
    """`audit_frame` as CSV."""
    return csv_bytes(audit_frame(audit))


def audit_json(audit: Audit) -> str:
    """The whole audit as JSON."""
    return json.dumps(audit.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
