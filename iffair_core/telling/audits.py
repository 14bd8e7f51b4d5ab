"""An audit without a model, in sentences, lines and files."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pandas as pd

from iffair_core.audit import Audit, AuditedGroup, GroupAudit
from iffair_core.errors import shorten
from iffair_core.metrics import Estimate
from iffair_core.telling.csv_writing import csv_bytes
from iffair_core.wording import WITHHELD, figure, listed, percent, points, row_count, span


def audit_sentence(audit: Audit, table: GroupAudit) -> str:
    """The lowest share beside the highest, with the gap between them and what chance alone would show."""
    shown = [one for one in table.groups if one.rate.value is not None and not one.unknown and not one.small]
    by = listed([shorten(name, 40) for name in table.columns])
    if len(shown) < 2 or table.highest is None:
        return f"By {by}: fewer than two groups can be compared."
    low = min(shown, key=lambda one: one.rate.value or 0.0)
    high = next((one for one in shown if one.group == table.highest), shown[0])
    chance = ""
    if table.chance is not None:
        chance = f"; chance alone would set groups of these sizes up to {points(table.chance, signed=False)} apart"
    said = (
        f"By {by}: {audit.selected} holds for {percent(low.rate.value)} {_span(low.rate)} of {shorten(low.group, 40)} "
        f"and for {percent(high.rate.value)} {_span(high.rate)} of {shorten(high.group, 40)}, an impact ratio of "
        f"{figure(low.ratio.value)}"
    )
    ratio = span((low.ratio.low, low.ratio.high))
    said += f" {ratio}" if ratio else ""
    return f"{said}{chance}."


def _span(rate: Estimate) -> str:
    return span((rate.low, rate.high), as_points=True)


def audit_lines(audit: Audit) -> Iterator[str]:
    """What the command line prints: how many are selected, then a sentence and a line per group for each table."""
    yield f"{audit.selected}: {percent(audit.share)} of {row_count(audit.rows)}"
    for table in audit.tables:
        yield ""
        yield audit_sentence(audit, table)
        for one in table.groups:
            yield f"    {_line(one, table)}"


def _line(one: AuditedGroup, table: GroupAudit) -> str:
    marks = [mark for mark, holds in (("unknown", one.unknown), ("under 2 % of rows", one.small)) if holds]
    marks += ["highest"] if one.group == table.highest else []
    marks += ["reference"] if one.group == table.reference else []
    head = f"{shorten(one.group, 60)}: {row_count(one.rows)} ({percent(one.of_all)})"
    if one.rate.value is None:
        return f"{head}, {WITHHELD}"
    parts = [head, f"selected {percent(one.rate.value)} {_span(one.rate)}"]
    if one.ratio.value is not None:
        parts.append(f"impact ratio {figure(one.ratio.value)} {span((one.ratio.low, one.ratio.high))}".rstrip())
    if one.gap is not None and one.gap.value is not None:
        parts.append(f"gap {points(one.gap.value)} {_span(one.gap)}".rstrip())
    return ", ".join(parts) + (f" [{', '.join(marks)}]" if marks else "")


def audit_frame(audit: Audit) -> pd.DataFrame:
    """Every table under the other: attribute, group, rows, share of rows, selected, rate, impact ratio, gap, marks."""
    return pd.concat([table.frame() for table in audit.tables], ignore_index=True)


def audit_csv(audit: Audit) -> bytes:
    """`audit_frame` as CSV."""
    return csv_bytes(audit_frame(audit))


def audit_json(audit: Audit) -> str:
    """The whole audit as JSON."""
    return json.dumps(audit.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
