"""Check result folders of the command line with other people's code.

python -m benchmarks.verify_outputs               # the embedded example, run here
python -m benchmarks.verify_outputs DIR ...

From rows.csv alone, Fairlearn and scikit-learn recompute every metric of summary.json; from design.parquet and the
weights of rows.csv, scikit-learn refits the model and has to give the same scores. Row weights of the file
(`base_weight`) go in as their `sample_weight`. Prints the largest deviations,
writes benchmarks/results/verify_outputs.json and fails beyond the limits: 1e-12 for metrics, 1e-6 for probabilities.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equalized_odds_difference,
    false_positive_rate,
    true_positive_rate,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    precision_score,
    roc_auc_score,
    zero_one_loss,
)

from benchmarks.machine import print_table, write
from iffair_core.__main__ import main as command

METRIC_LIMIT = 1e-12
SCORE_LIMIT = 1e-6


def reference_metrics(
    y: np.ndarray, score: np.ndarray, group: np.ndarray, weight: np.ndarray | None = None
) -> dict[str, float]:
    """Every metric by Fairlearn and scikit-learn; Theil index from its definition; NaN where it is not estimable.

    Where a group has no row of an outcome, Fairlearn takes its rate for 0; such a group is left out of that disparity
    instead, and a disparity needs two groups. `weight` (n,): how much each row counts.
    """
    if weight is None:
        weight = np.ones(y.size)
    y, score, group, weight = (one[weight > 0] for one in (y, score, group, weight))
    decision = (score >= 0.5).astype(int)
    favorable, selected, everyone = y == 1, decision == 1, np.ones(y.size, dtype=bool)

    def over(rows: np.ndarray, measure: Callable[..., float]) -> float:
        """A disparity over the groups that have such rows."""
        kept = np.isin(group, group[rows])
        if np.unique(group[kept]).size < 2:
            return np.nan
        return float(measure(y[kept], decision[kept], sensitive_features=group[kept], sample_weight=weight[kept]))

    def difference(metric: Callable[..., float]) -> Callable[..., float]:
        return lambda y_true, y_pred, sensitive_features, sample_weight: MetricFrame(
            metrics=metric,
            y_true=y_true,
            y_pred=y_pred,
            sensitive_features=sensitive_features,
            sample_params={"sample_weight": sample_weight},
        ).difference()

    tpr, fpr = over(favorable, difference(true_positive_rate)), over(~favorable, difference(false_positive_rate))
    complete = np.unique(group[favorable]).size == np.unique(group[~favorable]).size == np.unique(group).size > 1
    benefit = decision - y + 1.0
    relative = benefit / np.average(benefit, weights=weight) if benefit.any() else np.full(y.size, np.nan)
    return {
        "accuracy": accuracy_score(y, decision, sample_weight=weight),
        "balanced_accuracy": balanced_accuracy_score(y, decision, sample_weight=weight),
        "f1": f1_score(y, decision, sample_weight=weight),
        "roc_auc": roc_auc_score(y, score, sample_weight=weight),
        "log_loss": log_loss(y, score, sample_weight=weight),
        "demographic_parity_difference": over(everyone, demographic_parity_difference),
        "demographic_parity_ratio": over(everyone, demographic_parity_ratio),
        "equal_opportunity_difference": over(favorable, equal_opportunity_difference),
        "equalized_odds_difference": over(everyone, equalized_odds_difference)
        if complete
        else float(np.maximum(tpr, fpr)),
        "average_absolute_odds_difference": (tpr + fpr) / 2,
        "error_rate_difference": over(everyone, difference(zero_one_loss)),
        "predictive_parity_difference": over(selected, difference(precision_score)),
        "theil_index": float(np.average(relative * np.log(np.where(relative > 0, relative, 1.0)), weights=weight)),
    }


def read_rows(folder: Path) -> pd.DataFrame:
    """rows.csv with exact floats and group names as text."""
    kinds = pacsv.ConvertOptions(column_types={"group": pa.string(), "split": pa.string()}, strings_can_be_null=False)
    return pacsv.read_csv(folder / "rows.csv", convert_options=kinds).to_pandas()


def metric_deviation(folder: Path) -> tuple[float, str]:
    """Largest |ours - reference| over model, split and metric, and where it is."""
    summary, rows = json.loads((folder / "summary.json").read_text()), read_rows(folder)
    worst = (0.0, "")
    for stage, column in (("baseline", "score_before"), ("after", "score_after")):
        for split in ("validation", "test"):
            part = rows[rows["split"] == split]
            score = part[column].to_numpy(float)
            weight = part["base_weight"].to_numpy(float) if "base_weight" in part else None
            theirs = reference_metrics(part["outcome"].to_numpy(), score, part["group"].to_numpy(str), weight)
            for name, value in theirs.items():
                ours = summary[stage][split][name]
                if ours is None or np.isnan(value):
                    off = 0.0 if ours is None and np.isnan(value) else np.inf
                else:
                    off = abs(ours - value)
                worst = max(worst, (off, f"{stage} {split} {name}"))
    return worst


def score_deviation(folder: Path) -> dict[str, float]:
    """Largest difference between scores in rows.csv and scikit-learn's on design.parquet, before and after."""
    summary, rows = json.loads((folder / "summary.json").read_text()), read_rows(folder)
    design = pd.read_parquet(folder / "design.parquet")
    if not np.array_equal(design.pop("row_id"), rows["row_id"]):
        raise ValueError(f"{folder}: design.parquet and rows.csv do not list the same rows in the same order.")
    train = (rows["split"] == "train").to_numpy()
    X, y = design.to_numpy(), rows["outcome"].to_numpy()
    found = {}
    for column, weight in (("score_before", base_weights(rows)), ("score_after", rows["weight"].to_numpy(float))):
        model = LogisticRegression(C=summary["config"]["C"], solver="newton-cholesky", tol=1e-10, max_iter=1000)
        model.fit(X[train], y[train], sample_weight=weight[train])
        found[column] = float(np.abs(model.predict_proba(X)[:, 1] - rows[column].to_numpy(float)).max())
    return found


def base_weights(rows: pd.DataFrame) -> np.ndarray:
    """The file's weight of each row, 1 where it brought none."""
    return rows["base_weight"].to_numpy(float) if "base_weight" in rows else np.ones(len(rows))


def kish(weights: np.ndarray) -> float:
    """Effective sample size as a share of the rows."""
    return float(weights.sum() ** 2 / (weights @ weights) / weights.size)


def deviations(folder: Path) -> dict[str, Any]:
    """What was compared and the largest deviations; `score_*` only where design.parquet was saved."""
    summary, rows = json.loads((folder / "summary.json").read_text()), read_rows(folder)
    weights, base = (of[rows["split"] == "train"] for of in (rows["weight"].to_numpy(float), base_weights(rows)))
    metric, where = metric_deviation(folder)
    found: dict[str, Any] = {
        "dataset": summary["dataset"]["name"],
        "rows": len(rows),
        "strength": summary["strength"],
        "metric": metric,
        "metric_at": where,
        "weight_mean": abs(float(weights.sum() / base.sum()) - 1.0),
        "effective_sample_size": abs(kish(weights) / kish(base) - summary["weights"]["effective_sample_size"]),
    }
    if (folder / "design.parquet").exists():
        found |= score_deviation(folder)
    return found


def main(folders: list[str]) -> int:
    if folders:
        found = [deviations(Path(folder)) for folder in folders]
    else:
        with tempfile.TemporaryDirectory() as folder:
            with contextlib.redirect_stdout(io.StringIO()):
                status = command(["run", "example", "--save-design", "--out", folder])
            if status:
                return status
            found = [deviations(Path(folder))]
    print_table(found)
    print(write("verify_outputs", {"verify_outputs": found}))
    good = all(
        one["metric"] <= METRIC_LIMIT
        and one["weight_mean"] <= 1e-9
        and max(one.get("score_before", 0.0), one.get("score_after", 0.0)) <= SCORE_LIMIT
        for one in found
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
