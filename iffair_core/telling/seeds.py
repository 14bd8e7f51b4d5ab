"""A study over seeds in sentences and tables: what is recommended, the curve, the other methods, the rows' weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.metrics import METRICS
from iffair_core.study.comparison import VERDICTS
from iffair_core.study.over_seeds import OverSeeds, common_strengths, mean_interval
from iffair_core.tradeoff import Numbers
from iffair_core.uncertainty import Estimate
from iffair_core.wording import figure, listed, metric_title, minus, number, points

Means = dict[str, dict[str, float | int | None]]


# -------------------------------------------------------------------------------------------------------------- tables


def seeds_table(found: OverSeeds) -> pd.DataFrame:
    """Every metric under each seed: seed, strength, stage (baseline or after), split, metrics."""
    lines = [
        {"seed": run.seed, "strength": run.strength, "stage": stage, "split": split, **values}
        for run in found.runs
        for stage, splits in run.values.items()
        for split, values in splits.items()
    ]
    return pd.DataFrame(lines).astype(dict.fromkeys(METRICS, float))


def means(values: Sequence[Numbers], metrics: Sequence[str] = tuple(METRICS)) -> Means:
    """Mean of each metric over seeds with its 95 % interval: {metric: {mean, low, high, count}}.

    `low`, `high`: Student's t, so refitting and the split are in it; None with one seed. `count`: the seeds under which
    the metric is estimable; all None where there are none.
    """
    keys = ("mean", "low", "high", "count")
    return {name: dict(zip(keys, mean_interval([one.get(name) for one in values]), strict=True)) for name in metrics}


def _wide(of: Means) -> dict[str, float | None]:
    """Columns <metric>, <metric> low, <metric> high of a line."""
    return {
        f"{name}{suffix}": found[key]
        for name, found in of.items()
        for key, suffix in (("mean", ""), ("low", " low"), ("high", " high"))
    }


def seeds_curve(found: OverSeeds, metrics: Sequence[str], split: str = "test") -> pd.DataFrame:
    """Each strength of the grid that is feasible under every seed: means of the metrics, refitted, with intervals."""
    lines = []
    for strength in common_strengths(found):
        recommended = sum(one == strength for one in found.recommended)
        numbers = means([one.refitted[split] for one in found.at(strength)], metrics)
        lines.append({"strength": strength, **_wide(numbers), "recommended": recommended})
    return pd.DataFrame(lines).astype(float).astype({"recommended": int})


def seeds_rivals(found: OverSeeds, metrics: Sequence[str], split: str = "test") -> pd.DataFrame:
    """Each other method: the seeds under which it has an answer, means of the metrics, and the curve's lead over it.

    strength: of the curve's point against it (`OverSeeds.point_against`); lead: `OverSeeds.lead`; verdict.
    """
    lines = []
    for name, title in found.titles.items():
        answers = [run.rivals[name][split] for run in found.runs if name in run.rivals]
        lead = found.lead(name, split)
        line = {"method": title, "answers": len(answers), **_wide(means(answers, metrics))}
        line |= {
            "strength": found.point_against(name),
            "lead": lead.value,
            "lead low": lead.low,
            "lead high": lead.high,
        }
        lines.append(line | {"verdict": found.verdict(name)})
    frame = pd.DataFrame(lines)
    return frame.astype({name: float for name in frame if name not in ("method", "answers", "verdict")})


def seeds_runs(found: OverSeeds, split: str = "test") -> pd.DataFrame:
    """Each seed: its recommended strength, disparity and accuracy there and at strength 0."""
    lines = []
    for run, strength in zip(found.runs, found.recommended, strict=True):
        line: dict[str, Any] = {"seed": run.seed, "recommended": strength}
        for name in (found.metric, "accuracy"):
            for when, at in (("before", 0), ("after", run.curve.recommended)):
                line[f"{name} {when}"] = run.curve.points[at].refitted[split][name]
            line[f"{name} change"] = run.change(name, split)
        lines.append(line)
    frame = pd.DataFrame(lines)
    return frame.astype({name: float for name in frame if name != "seed"})


def seeds_pairs(found: OverSeeds, smallest: int | None = None) -> pd.DataFrame:
    """Every two seeds: seed, other seed, training rows that both have, Spearman's correlation of their weights."""
    lines = [(*pair.seeds, pair.shared, pair.spearman) for pair in found.pairs(smallest)]
    frame = pd.DataFrame(lines, columns=["seed", "other seed", "shared rows", "spearman"])
    return frame.astype({"shared rows": "Int64", "spearman": float})


def seeds_summary(found: OverSeeds, smallest: int | None = None) -> dict[str, Any]:
    """What summary.json says over seeds; see `files.summary`."""
    values = {
        stage: {split: means([run.values[stage][split] for run in found.runs]) for split in splits}
        for stage, splits in found.runs[0].values.items()
    }
    metrics = (found.metric, "accuracy")
    recommended = found.above_zero
    return {
        "used": [run.seed for run in found.runs],
        **values,
        "recommendation": {
            "strengths": found.recommended,
            "above_zero": len(recommended),
            "low": min(recommended, default=None),
            "high": max(recommended, default=None),
            "change": {name: asdict(found.change(name)) for name in metrics},
        },
        "curve": {
            repr(float(line["strength"])): {
                name: {"mean": line[name], "low": line[f"{name} low"], "high": line[f"{name} high"]} for name in metrics
            }
            for line in seeds_curve(found, metrics).to_dict("records")
        },
        "rivals": {
            name: {
                "title": title,
                **means([run.rivals[name]["test"] for run in found.runs if name in run.rivals], metrics),
                "strength": found.point_against(name),
                "lead": asdict(found.lead(name)),
                "verdict": found.verdict(name) or None,
            }
            for name, title in found.titles.items()
        },
        "weights": {
            "strength": found.weights_at,
            "pairs": [
                {"seeds": one.seeds, "shared_rows": one.shared, "spearman": one.spearman}
                for one in found.pairs(smallest)
            ],
        },
    }


# ----------------------------------------------------------------------------------------------------------- sentences


def seeds_sentence(found: OverSeeds) -> str:
    """Under how many seeds a repair is recommended, from which strength to which, and what following it changes."""
    count, strengths, title = len(found.runs), found.above_zero, metric_title(found.metric)
    if count < 2:
        return "One seed has finished; at least two are needed to compare."
    if not strengths:
        return (
            f"Under none of {count} seeds a strength above 0 is recommended: in none of these splits does a repair "
            f"within the accuracy budget lower the {title} by more than chance on validation rows."
        )
    ends = f"{strengths[0]:g}" if strengths[0] == strengths[-1] else f"{strengths[0]:g} to {strengths[-1]:g}"
    told = f"Under {len(strengths)} of {count} seeds a strength above 0 is recommended ({ends})."
    disparity, accuracy = found.change(), found.change("accuracy")
    if disparity.value is None or accuracy.value is None:
        return f"{told} What it changes is not estimable on test rows."
    by = _with_interval(f"{'+' if disparity.value > 0 else ''}{figure(disparity.value)}", disparity)
    cost = _with_interval(points(accuracy.value, 2), accuracy, as_points=True)
    changed = f"changes the {title} on test rows by {by} and accuracy by {cost} on average over the seeds"
    if not found.dealt:
        return (
            f"{told} Following it {changed}. A column fixes the parts, so that these test rows are the same under "
            "every seed: the seeds cannot tell whether the change would hold for others."
        )
    said = [_verdict(disparity, f"the {title} falls", f"the {title} grows")]
    said += [_verdict(accuracy, "accuracy falls", "accuracy grows")]
    if not any(said):
        return f"{told} Following it {changed}: neither can be told from unchanged."
    unclear = (f"the {title}", "accuracy")
    clear = [text or f"{what} cannot be told from unchanged" for text, what in zip(said, unclear, strict=True)]
    return f"{told} Following it {changed}: {' and '.join(clear)}."


def _with_interval(text: str, estimate: Estimate, *, as_points: bool = False) -> str:
    if estimate.low is None or estimate.high is None:
        return text
    ends, scale = np.array([estimate.low, estimate.high]), 100 if as_points else 1
    # An interval that just leaves out 0 is written so that it is seen to.
    digits = next(n for n in (2 if as_points else 3, 4, 6) if n == 6 or np.round(scale * ends, n).all())
    low, high = (f"{scale * end:.{digits}f}" for end in ends)
    return minus(f"{text} (95 % {low} to {high})")


def _verdict(change: Estimate, falls: str, grows: str) -> str:
    """What a change comes to; "" unless its interval leaves out 0."""
    if change.low is None or change.high is None or change.low <= 0 <= change.high:
        return ""
    return falls if change.high < 0 else grows


def seeds_rivals_sentence(found: OverSeeds) -> str:
    """How many other methods the curve can be told apart from in accuracy over the seeds; "" without any."""
    if not found.titles or len(found.runs) < 2:
        return ""
    if not found.dealt:
        return "A column fixes the test rows, so that seeds cannot tell the curve from other methods."
    verdicts = {name: found.verdict(name) for name in found.titles}
    counts = {one: sum(verdict == one for verdict in verdicts.values()) for one in VERDICTS}
    beyond = [found.titles[name].partition(" (")[0] for name, verdict in verdicts.items() if not verdict]
    methods = "other method" if len(verdicts) == 1 else "other methods"
    said = (
        f"Of {len(verdicts)} {methods}, over the seeds the curve at no larger a mean disparity is more accurate than "
        f"{counts[VERDICTS[0]]}, less accurate than {counts[VERDICTS[1]]} and cannot be told apart from "
        f"{counts[VERDICTS[2]]}"
    )
    return f"{said}; there is nothing to compare with {listed(beyond)}." if beyond else f"{said}."


def stability_sentence(found: OverSeeds, smallest: int | None = None) -> str:
    """How far two seeds put the training rows that they share in the same order by weight; "" for fewer than two."""
    pairs = found.pairs(smallest)
    if not pairs:
        return ""
    known = [pair.spearman for pair in pairs if pair.spearman is not None]
    if not known:
        return f"How steady the rows' weights are cannot be told at strength {found.weights_at:g}."
    shared = float(np.mean([pair.shared for pair in pairs if pair.shared is not None]))
    spread = "" if len(known) == 1 else f" ({_rank(min(known))} to {_rank(max(known))} over {len(known)} pairs)"
    return (
        f"Weights at strength {found.weights_at:g}: two seeds put the training rows that they share, "
        f"{number(shared)} on average, in a like order with a rank correlation of {_rank(float(np.mean(known)))}"
        f"{spread}; 1 is the same order, 0 none."
    )


def _rank(value: float) -> str:
    return minus(f"{value:.2f}")


def seeds_caption(found: OverSeeds, split: str) -> str:
    """Which seeds, which rows, and what the bars are."""
    first, last = found.runs[0].seed, found.runs[-1].seed
    return (
        f"Means over seeds {first} to {last} on {split} rows, refitted; thin lines are single seeds. Bars: 95 % over "
        "seeds, how well the mean is known for splits of these rows, not what other people's rows would show."
    )
