"""Results -> the files that a study leaves behind, and the numbers that a page shows beside them.

`summary.json` holds every number, `rows.csv` one line per row, `curve.csv` one line per strength and split, and
`design.parquet` the features as the model saw them, so that a stranger can refit the model and check all of it.
Floats are written with as many digits as give back the same float; the same study gives the same bytes.
"""

from __future__ import annotations

import io
import itertools
import json
import math
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import scipy
import sklearn

import iffair_core
from iffair_core.causes.found import causes_of
from iffair_core.data.design import dense
from iffair_core.data.encoding import SPLITS
from iffair_core.data.resolving import group_table
from iffair_core.errors import ConfigError
from iffair_core.metrics import Estimate, Evaluation
from iffair_core.reweighting import changed, effective_sample_size, mean_weight
from iffair_core.study.disclosure import disclosed, require_rows, tellable, told_groups, told_share
from iffair_core.study.over_seeds import OverSeeds, seeds_of
from iffair_core.study.results import MEASURED, Rival, StudyResult, Transfer
from iffair_core.study.smallest_fix import SmallestFix
from iffair_core.telling.causes import causes_tables
from iffair_core.telling.csv_writing import BLOCK_ROWS, Labeled, columns_csv, frame_columns
from iffair_core.telling.seeds import seeds_summary, seeds_table
from iffair_core.telling.tables import weight_table
from iffair_core.tradeoff import Curve

SUMMARY_SCHEMA = "iffair/summary/1"
SETTINGS_SCHEMA = "iffair/settings/1"
ROWS_AT_ONCE = 250_000
"""Rows of rows.parquet that are put together at a time."""


def require_finished(result: StudyResult) -> None:
    """ConfigError for a study that was cancelled, or is still running: its files would be incomplete."""
    if not result.finished:
        raise ConfigError("The study has not finished, so its files cannot be written. Run it to the end.")


# ----------------------------------------------------------------------------------------------------------- summary


def summary(
    result: StudyResult,
    read_seconds: float | None = None,
    fix: SmallestFix | None = None,
) -> dict[str, Any]:
    """Everything a study found, as plain JSON values; null where a number is not estimable.

    - `dataset`: name, fingerprint, synthetic, rows (used), rows_in_file, features (columns of the design),
      feature_names, columns (of the table, as features), groups {group: rows}, favorable {group: rows},
      splits {split: rows}, reference, reference_reason; `reading`, only where the file needed it: `ReadOptions(**...)`.
    - `task`: what was chosen, with the reference group in force; `Task.from_dict` restores it.
    - `encoding`: per column, what was learned from training rows. `config`: the fields of `StudyConfig`.
    - `baseline`, `after`: {split: {metric: float}}; beside the metrics, keys of their own: `intervals`
      {metric: [low, high]}, `chance_band` {disparity: float}, `groups` {group: {rows, rates, gaps}} where rates and
      gaps (signed, group minus reference; {} for the reference) are {rate: {value, low, high, count}}.
    - `predicted`: {split: {metric: float}} at the chosen strength, before any refit.
    - `difference`: {split: {metric: {value, low, high, count}}}, after minus before on the same rows.
    - `goal`: the goal's widest soft gap on validation rows, rate(over) - rate(under), before.
    - `curve`: strengths recommended, chosen, frontier, infeasible {strength: reason}, limit, budget.
    - `weights`: min, max, mean, effective_sample_size and changed_share (both shares of training rows). Where the file
      brought row weights these are ours alone, their mean and effective size are over and against the file's, and
      `base` {column, min, max, effective_sample_size} is about those of the training rows.
    - `transfer`: other models refitted with the weights, one entry each: name, title, strength, seed, seconds, notes;
      `before`, `after` (as `baseline`, without chance band and groups), `difference`, and `kept` {split: the goal's
      reduction as a share of that in the study's own model}. Empty unless they were asked for.
    - `rivals`: other methods, each with name, title, kind (weights, training, thresholds or features), reads_model,
      needs_group, randomised, source, notes, `reason` (why it has no numbers, or null), and per split as `baseline`,
      without chance band and groups.
    - `causes`, only where they were looked for: cohorts, conflicts, along and collect, lines as in the CSV files.
    - `threshold`: P(favorable) from which a row is decided favorable. `findings`: what to say before any number.
    - `fidelity`, `timing` (seconds per stage; `read`
      if given), `software`, `warnings`.
    - `checks`: what was to know before a model was fitted, each with kind, severity (high, medium or low), title, text
      and columns.
    - `smallest_fix`, only with `fix`: target, by (rows or weight), split (judged on), reached, strength, `before` and
      `disparity` on that split, accuracy, test {disparity, accuracy}, rows (moved), weight (half the sum of |w - 1|),
      reason (why it is not reached, or null).
    - `seeds`, only where several were run (`over_seeds`): `used`; `baseline`, `after`: {split: {metric: {mean, low,
      high, count}}} over them; on test rows `recommendation` (strengths, one per seed, above_zero: how many, low and
      high of those, change {metric: {value, low, high, count}} with corrected intervals), `curve` {strength: {metric:
      mean, low, high}}, `rivals` {name: metrics, strength of the curve's point against it, lead (accuracy of
      that point minus the method's) and verdict}; `weights`: strength and pairs of seeds with shared_rows and spearman.

    In cohort-only mode (`disclosure`) what may not be told is null, and `suppressed` lists where: paths of keys joined
    by "/". Left out are what one row would give away: the extremes of weights, names of rare levels, and rare outcomes;
    `rows_in_file` is null where fewer rows than the smallest group were left out.

    Raises ConfigError for a study that has not finished.
    """
    require_finished(result)
    result = disclosed(result)
    goal, predicted = result.goal, result.chosen.predicted
    found = {
        "schema": SUMMARY_SCHEMA,
        "dataset": _dataset(result),
        "task": _task(result),
        "encoding": _encoding(result),
        "config": result.config.to_dict(),
        "goal": {"rate": goal.rate, "over": goal.over, "under": goal.under, "soft_gap": goal.value},
        "strength": result.strength,
        "threshold": result.threshold,
        "baseline": _evaluations(result.baseline),
        "after": _evaluations(result.after),
        "predicted": {split: dict(predicted.get(split, {})) for split in MEASURED},
        "difference": {split: _estimates(row) for split, row in (result.difference or {}).items()},
        "curve": _curve(result.curve),
        "weights": weight_summary(result),
        "fidelity": _fidelity(result),
        "rivals": [_rival(rival) for rival in result.rivals],
        "transfer": [_transfer(one) for one in result.transfers],
        "timing": {**({} if read_seconds is None else {"read": read_seconds}), **result.timing},
        "software": software(),
        "findings": list(result.findings),
        "warnings": list(result.warnings),
        "checks": [check.to_dict() for check in result.checks],
    }
    if (causes := causes_of(result)) is not None:
        found["causes"] = {name: frame.to_dict("records") for name, frame in causes_tables(result, causes).items()}
    if fix is not None:
        told = tellable([fix.rows, fix.weights.size - fix.rows], result.smallest_group).all()
        shown = {name: value for name, value in vars(fix).items() if name not in ("goal", "weights")}
        found["smallest_fix"] = shown | ({} if told else {"rows": None})
    if (seeds := seeds_of(result)) is not None:
        found["seeds"] = seeds_summary(seeds, result.smallest_group)
    plain = _plain(found)
    assert isinstance(plain, dict)
    if result.smallest_group is not None:
        plain["suppressed"] = list(_suppressed(plain))
    return plain


def _suppressed(found: Mapping[str, Any]) -> Iterator[str]:
    """Paths of what cohort-only mode withholds in a summary."""
    dataset, weights = found["dataset"], found["weights"]
    if dataset["rows_in_file"] is None:
        yield "dataset/rows_in_file"
    for group, rows in dataset["favorable"].items():
        if rows is None:
            yield f"dataset/favorable/{group}"
    yield "fidelity/hard_exact"
    yield from (f"weights/{name}" for name in ("min", "max", "changed_share") if weights[name] is None)
    for stage in ("baseline", "after"):
        for split, one in found[stage].items():
            for group, line in one["groups"].items():
                place = f"{stage}/{split}/groups/{group}"
                if line["rows"] is None:
                    yield f"{place}/rows"
                for kind in ("rates", "gaps"):
                    for name, estimate in line[kind].items():
                        if estimate["value"] is None and estimate["count"] != 0:
                            yield f"{place}/{kind}/{name}"
    if found.get("smallest_fix", {"rows": 0})["rows"] is None:
        yield "smallest_fix/rows"
    pairs = found["seeds"]["weights"]["pairs"] if "seeds" in found else ()
    yield from (f"seeds/weights/pairs/{at}" for at, pair in enumerate(pairs) if pair["shared_rows"] is None)


def _encoding(result: StudyResult) -> dict[str, Any]:
    """What was learned of each column; in cohort-only mode without the names of rare levels, medians rounded."""
    if result.smallest_group is None:
        return result.dataset.encoding
    found = {}
    for name, learned in result.dataset.encoding.items():
        told = {key: value for key, value in learned.items() if key != "pooled"}
        if "pooled" in learned:
            told["pooled_levels"] = len(learned["pooled"])
        if learned.get("median") is not None:
            told["median"] = float(f"{learned['median']:.2g}")
        found[name] = told
    return found


def seeds_csv(found: OverSeeds) -> bytes:
    """seeds.csv: `seeds.seeds_table` of the same study under several seeds."""
    return columns_csv(frame_columns(seeds_table(found)))


def summary_json(
    result: StudyResult,
    read_seconds: float | None = None,
    fix: SmallestFix | None = None,
) -> str:
    """`summary` as strict JSON text: no NaN, no Infinity."""
    return _json(summary(result, read_seconds, fix))


def settings(result: StudyResult, fix: SmallestFix | None = None) -> dict[str, Any]:
    """What it takes to run the study again on the same table: `saved_settings.read_settings` reads it.

    task, config: as they were chosen; a suggested reference group is null, and suggested again. `fingerprint` tells
    whether a table is the same, cell for cell. With `fix`, `smallest_fix` holds target, by and split of that one; where
    several seeds were run, `seeds` holds how many, and `causes` is true where they were looked for.
    """
    asked: dict[str, Any] = {}
    if fix is not None:
        asked["smallest_fix"] = {"target": fix.target, "by": fix.by, "split": fix.split}
    if (seeds := seeds_of(result)) is not None:
        asked["seeds"] = len(seeds.runs)
    if causes_of(result) is not None:
        asked["causes"] = True
    plain = _plain(
        {
            "schema": SETTINGS_SCHEMA,
            "table": {
                "name": result.name,
                "fingerprint": result.fingerprint,
                "synthetic": result.synthetic,
                **_reading(result),
            },
            "task": result.dataset.task.task.to_dict(),
            "config": result.config.to_dict(),
            **asked,
            "software": software(),
        }
    )
    assert isinstance(plain, dict)
    return plain


def settings_json(result: StudyResult, fix: SmallestFix | None = None) -> str:
    """`settings` as strict JSON text."""
    return _json(settings(result, fix))


def weight_summary(result: StudyResult) -> dict[str, Any]:
    """min, max, mean of the training rows' weights; effective_sample_size and changed_share as shares of these rows.

    Where the file brought row weights, see `summary`. In cohort-only mode min and max are None.
    """
    weights, base, k = result.weights, result.base_train, result.smallest_group
    found: dict[str, Any] = {
        "min": None if k is not None else float(weights.min()),
        "max": None if k is not None else float(weights.max()),
        "mean": mean_weight(weights, base),
        "effective_sample_size": effective_sample_size(weights, base),
        "changed_share": told_share(changed(weights), k),
    }
    if result.dataset.base_weight is not None:
        own = np.ones(weights.size) if base is None else base
        found["base"] = {
            "column": result.dataset.task.task.weights,
            "min": None if k is not None else float(own.min()),
            "max": None if k is not None else float(own.max()),
            "effective_sample_size": effective_sample_size(own),
        }
    return found


def software() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    libraries = {"iffair": iffair_core, "numpy": np, "scipy": scipy, "pandas": pd, "scikit-learn": sklearn}
    return {"python": platform.python_version()} | {name: module.__version__ for name, module in libraries.items()}


def _dataset(result: StudyResult) -> dict[str, Any]:
    data, k = result.dataset, result.smallest_group
    groups = told_groups(group_table(data.task), k)
    return {
        "name": result.name,
        "fingerprint": result.fingerprint,
        "synthetic": result.synthetic,
        "rows": data.y.size,
        "rows_in_file": data.n_rows_in_file if tellable(data.n_rows_in_file - data.y.size, k) else None,
        "features": len(data.feature_names),
        "feature_names": data.feature_names,
        "columns": data.task.feature_columns,
        "groups": dict(zip(data.groups, groups["rows"], strict=True)),
        "favorable": {
            group: None if pd.isna(good) else int(good)
            for group, good in zip(data.groups, groups["favorable"], strict=True)
        },
        "splits": {name: data.part(code).size for code, name in enumerate(SPLITS)},
        "reference": data.reference,
        "reference_reason": data.task.reference_reason,
        **_reading(result),
    }


def _reading(result: StudyResult) -> dict[str, Any]:
    return {"reading": dict(result.dataset.reading)} if result.dataset.reading else {}


def _task(result: StudyResult) -> dict[str, Any]:
    return result.dataset.task.task.to_dict() | {"reference": result.dataset.reference}


def _evaluations(found: Mapping[str, Evaluation] | None) -> dict[str, Any]:
    return {split: _evaluation(one) for split, one in (found or {}).items()}


def _evaluation(found: Evaluation) -> dict[str, Any]:
    return {
        **found.values,
        "intervals": found.intervals,
        "chance_band": found.chance_band,
        "groups": {
            group: {
                "rows": found.rates[group]["selection_rate"].count,
                "rates": _estimates(found.rates[group]),
                "gaps": _estimates(found.gaps.get(group, {})),
            }
            for group in found.groups
        },
    }


def _estimates(row: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: asdict(estimate) for name, estimate in row.items()}


def _curve(curve: Curve) -> dict[str, Any]:
    points = curve.points
    return {
        "metric": curve.metric,
        "recommended": points[curve.recommended].strength,
        "chosen": points[curve.chosen].strength,
        "frontier": [points[place].strength for place in curve.frontier],
        "infeasible": {repr(point.strength): point.reason for point in points if not point.feasible},
        "limit": curve.limit,
        "budget": curve.budget,
    }


def _fidelity(result: StudyResult) -> dict[str, Any] | None:
    found = result.fidelity
    if found is None:
        return None
    told = {name: getattr(found, name) for name in ("removal_error", "prediction_error", "spearman", "slope")}
    told |= {name: getattr(found, name) for name in ("hard_exact", "mean_leverage", "checked", "asked")}
    told |= {} if result.smallest_group is None else {"hard_exact": None}
    return {"level": found.level} | told | {"sentence": found.sentence}


def _rival(rival: Rival) -> dict[str, Any]:
    measured = {
        split: {**numbers, "intervals": rival.intervals.get(split, {})} for split, numbers in rival.metrics.items()
    }
    known_before = ("name", "title", "kind", "reads_model", "needs_group", "randomised", "source", "notes", "reason")
    return {name: getattr(rival, name) for name in known_before} | measured


def _transfer(one: Transfer) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "strength": one.strength,
        "seed": one.seed,
        "before": {split: {**found.values, "intervals": found.intervals} for split, found in one.before.items()},
        "after": {split: {**found.values, "intervals": found.intervals} for split, found in one.after.items()},
        "difference": {split: _estimates(row) for split, row in one.difference.items()},
        "kept": one.kept,
        "seconds": one.seconds,
        "notes": one.notes,
    }


def _plain(value: Any) -> Any:
    """`value` in the types of JSON; numbers that are not finite become None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _json(value: Any) -> str:
    # Lone surrogates of a damaged file name would break UTF-8, so everything outside ASCII is escaped.
    return json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


# -------------------------------------------------------------------------------------------------------------- rows


def rows_frame(result: StudyResult, fix: SmallestFix | None = None) -> pd.DataFrame:
    """rows.csv as a frame, one line per used row in the order of the file.

    row_id, split, outcome (0/1, 1 = favorable), group, weight and influence_<quantity>... (d quantity / d weight, on
    validation rows; both NaN outside train), score_before, score_after (P(favorable)). Group names as they are. With
    `fix`, weight_smallest_fix stands last. Where the file brought row weights, base_weight (of every row, mean 1)
    follows weight, weights are the model's, ours times base_weight, and influence is per unit of these. Raises
    ConfigError in cohort-only mode.
    """
    require_finished(result)
    require_rows(result, "rows.csv")
    return pd.DataFrame({name: _as_array(column) for name, column in _columns(result, fix).items()})


def rows_csv(result: StudyResult, fix: SmallestFix | None = None) -> bytes:
    """rows.csv: UTF-8, comma, LF. Group names that a spreadsheet would take for a formula get a leading apostrophe."""
    require_finished(result)
    require_rows(result, "rows.csv")
    return columns_csv(_columns(result, fix))


def rows_parquet(result: StudyResult, fix: SmallestFix | None = None) -> bytes:
    """rows.parquet: the same lines and columns as rows.csv; group names as they are. Raises as `rows_frame`."""
    buffer = io.BytesIO()
    write_rows(result, buffer, fix)
    return buffer.getvalue()


def write_rows(
    result: StudyResult, target: str | os.PathLike[str] | io.BytesIO, fix: SmallestFix | None = None
) -> None:
    """rows.parquet, some rows at a time. Raises as `rows_frame`."""
    require_finished(result)
    require_rows(result, "rows.parquet")
    columns = _columns(result, fix)

    def some(rows: slice) -> pa.Table:
        frame = pd.DataFrame({name: _as_array(_some(one, rows)) for name, one in columns.items()})
        return pa.Table.from_pandas(frame, preserve_index=False)

    starts = range(0, result.dataset.y.size, ROWS_AT_ONCE)
    tables = (some(slice(start, start + ROWS_AT_ONCE)) for start in starts)
    first = next(tables)
    with pq.ParquetWriter(target, first.schema) as writer:
        for table in itertools.chain([first], tables):
            writer.write_table(table)


def _some(column: np.ndarray | Labeled, rows: slice) -> np.ndarray | Labeled:
    return (column[0][rows], column[1]) if isinstance(column, tuple) else column[rows]


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """A frame as Parquet, without its index."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def weights_csv(result: StudyResult) -> bytes:
    """weights.csv, in place of rows.csv in cohort-only mode: `tables.weight_table`, a line per group and outcome."""
    require_finished(result)
    return columns_csv(frame_columns(weight_table(result)))


def _columns(result: StudyResult, fix: SmallestFix | None) -> dict[str, np.ndarray | Labeled]:
    data = result.dataset
    n, train, influence = data.y.size, result.train_rows, result.influence

    def spread(values: np.ndarray) -> np.ndarray:
        wide = np.full(n, np.nan)
        wide[train] = values
        return wide

    return {
        "row_id": data.row_id,
        "split": (data.split, SPLITS),
        "outcome": data.y.astype(np.int8),
        "group": (data.group_codes, data.groups),
        "weight": spread(result.total_weights(result.weights)),
        **({} if data.base_weight is None else {"base_weight": np.ones(n) if result.base is None else result.base}),
        **{f"influence_{name}": spread(influence[:, place]) for place, name in enumerate(result.quantities.names)},
        "score_before": result.scores_before,
        "score_after": result.scores_after,
        **({} if fix is None else {"weight_smallest_fix": spread(result.total_weights(fix.weights))}),
    }


def _as_array(column: np.ndarray | Labeled) -> Any:
    return pd.Categorical.from_codes(column[0], pd.Index(list(column[1]))) if isinstance(column, tuple) else column


# ------------------------------------------------------------------------------------------------- curve and design


def curve_csv(result: StudyResult) -> bytes:
    """curve.csv: strength, split, metrics refitted, predicted_<metric>, soft_<goal> as both, price_log_loss.

    Cells are empty where the strength is infeasible or the metric not estimable.
    """
    require_finished(result)
    return columns_csv(frame_columns(result.curve.frame()))


def write_design(result: StudyResult, target: str | os.PathLike[str] | io.BytesIO) -> None:
    """design.parquet: row_id (int64), then every feature (float64) as the model saw it, no intercept, no index.

    One line for each line of rows.csv, in the same order. A feature called "row_id" is written as "row_id (feature)".
    Raises ConfigError in cohort-only mode.
    """
    require_rows(result, "design.parquet")
    data = result.dataset
    names = ["row_id", *("row_id (feature)" if name == "row_id" else name for name in data.feature_names)]
    kinds = [pa.int64(), *(pa.float64() for _ in data.feature_names)]
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    with pq.ParquetWriter(target, schema) as writer:
        for start in range(0, data.y.size, BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            features = np.ascontiguousarray(dense(data.X[rows]).T)
            arrays = [pa.array(data.row_id[rows]), *(pa.array(feature) for feature in features)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def design_parquet(result: StudyResult) -> bytes:
    """`write_design` as bytes."""
    buffer = io.BytesIO()
    write_design(result, buffer)
    return buffer.getvalue()


def model_skops(result: StudyResult) -> bytes:
    """model.skops: `pipeline.repaired_pipeline`, written by skops, which loads no code of its own accord.

    `skops.io.load(path, trusted=pipeline.TRUSTED)` reads it. Raises ConfigError in cohort-only mode.
    """
    # Imports much that only this file needs.
    from skops.io import dumps

    from iffair_core.study.pipeline import repaired_pipeline

    require_finished(result)
    return dumps(repaired_pipeline(result))
