"""A finished study as a scenario holds it, and how far two keepings of one study are apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.errors import ConfigError
from iffair_core.scenarios.record import ROWS, SCHEMA, TABLE, Kept, parquet, table_parquet
from iffair_core.study.disclosure import disclosed, require_rows
from iffair_core.study.results import StudyResult
from iffair_core.study.smallest_fix import SmallestFix
from iffair_core.telling import files, sentences

SAME = 1e-9
"""Numbers no further apart than this are called the same."""

_OF_A_TABLE = ("outcome", "group")
_COMPARED = ("threshold", "strength", "goal", "baseline", "after", "predicted", "difference", "weights", "rivals")


def keep(
    result: StudyResult,
    *,
    choices: Mapping[str, Sequence[str]],
    source: str,
    private: bool,
    table: pd.DataFrame | None = None,
    fix: SmallestFix | None = None,
) -> Kept:
    """A finished study as a scenario holds it.

    `choices`: the query parameters of its link; `source`: where its table is from. `private`: the table is the user's
    own; then rows have no outcome and no group unless `table`, its rows, is to be kept as well. Raises ConfigError for
    a study that has not finished, and for `table` in cohort-only mode.
    """
    files.require_finished(result)
    told = disclosed(result)
    written: dict[str, bytes] = {
        "summary.json": files.summary_json(told, fix=fix).encode(),
        "settings.json": files.settings_json(told, fix).encode(),
        "curve.csv": files.curve_csv(told),
    }
    if told.smallest_group is not None:
        written["weights.csv"] = files.weights_csv(told)
    else:
        rows = files.rows_frame(told, fix)
        written[ROWS] = parquet(rows.drop(columns=list(_OF_A_TABLE)) if private and table is None else rows)
    if table is not None:
        require_rows(told, TABLE)
        written[TABLE] = table_parquet(table)
    asked, curve = told.dataset.task.task.to_dict(), told.curve
    head = {
        "schema": SCHEMA,
        "choices": {name: list(values) for name, values in choices.items()},
        "table": {
            "source": source,
            "name": told.name,
            "fingerprint": told.fingerprint,
            "synthetic": told.synthetic,
            "kept": table is not None,
        },
        "outcome": {
            "target": asked["target"],
            "favorable": asked["favorable"],
            "cuts": (asked["bins"] or {}).get(asked["target"]),
        },
        "goal": curve.goal,
        "metric": curve.metric,
        "strength": told.strength,
        "recommended": curve.points[curve.recommended].strength,
        "threshold": told.threshold,
        "smallest_group": told.smallest_group,
        "findings": list(told.findings),
        "sentences": [
            sentences.baseline_sentence(told),
            sentences.repair_sentence(told),
            sentences.compare_sentence(told),
        ],
        "before": {split: dict(found.values) for split, found in told.baseline.items()},
        "after": {split: dict(found.values) for split, found in told.after.items()},
        "intervals": {split: dict(found.intervals) for split, found in told.after.items()},
    }
    return Kept(json.loads(json.dumps(head, allow_nan=False)), written)


# ------------------------------------------------------------------------------------------------------------ the same


def largest_difference(kept: Kept, now: Kept) -> tuple[float, str]:
    """(how far the numbers of two keepings of one study are apart, where most); infinite where one lacks a number.

    Compared are all metrics and intervals before, after and predicted, the goal, summaries of weights, other methods,
    the curve, and each row's weight and scores where both hold rows. Raises ConfigError for studies of other tables.
    """
    if kept.head["table"]["fingerprint"] != now.head["table"]["fingerprint"]:
        raise ConfigError("These studies are of two tables. Open the table that the scenario was saved with.")
    pairs = [*_pairs({name: kept.summary.get(name) for name in _COMPARED}, now.summary, "")]
    worst = max(((_apart(ours, theirs), place) for place, ours, theirs in pairs), default=(0.0, ""))
    frames = [("curve", kept.curve, now.curve)]
    if kept.rows is not None and now.rows is not None:
        frames.append(("row", kept.rows, now.rows))
    for what, ours, theirs in frames:
        for name in ours.columns.intersection(theirs.columns):
            if pd.api.types.is_numeric_dtype(ours[name]):
                alike = len(ours) == len(theirs)
                worst = max(worst, (_columns_apart(ours[name], theirs[name]) if alike else np.inf, f"{what} {name}"))
    return worst


def _pairs(ours: Any, theirs: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Every number of `ours`, with its place and what stands there in `theirs`."""
    if isinstance(ours, Mapping):
        for name, value in ours.items():
            other = theirs.get(name) if isinstance(theirs, Mapping) else None
            yield from _pairs(value, other, f"{place} {name}".strip())
    elif isinstance(ours, list):
        for at, value in enumerate(ours):
            other = theirs[at] if isinstance(theirs, list) and at < len(theirs) else None
            yield from _pairs(value, other, place)
    elif isinstance(ours, int | float) and not isinstance(ours, bool):
        yield place, ours, theirs


def _apart(ours: float, theirs: Any) -> float:
    return abs(ours - theirs) if isinstance(theirs, int | float) else float("inf")


def _columns_apart(ours: pd.Series, theirs: pd.Series) -> float:
    a, b = ours.to_numpy(float), theirs.to_numpy(float)
    if not np.array_equal(np.isnan(a), np.isnan(b)):
        return float("inf")
    return float(np.nanmax(np.abs(a - b), initial=0.0)) if a.size else 0.0
