"""Pictures of row influence: who moves the gap and at what price, how far that is true, and what it finds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from iffair_core.errors import shorten
from iffair_core.fidelity import Fidelity
from iffair_core.study.disclosure import require_rows
from iffair_core.study.results import StudyResult
from iffair_core.telling.figures.canvas import PANEL, Canvas
from iffair_core.telling.figures.cohorts import spread_by_cohort
from iffair_core.telling.figures.common import (
    MAX_POINTS,
    WEBGL_ABOVE,
    Picture,
    Props,
    Theme,
    cells,
    legend_for,
    legend_room,
    long_frame,
    mark,
    padded,
    palette,
    rgba,
    rows_height,
    stroke,
)
from iffair_core.telling.rows import QUADRANTS, quadrants_of
from iffair_core.wording import listed, minus, number, percent

GAP_AXIS = "Gap if the row is left out: change in percentage points (right: wider)"
OUTCOME_SYMBOLS = {1: "circle", 0: "x"}
FENCES = (0.05, 0.25, 0.5, 0.75, 0.95)


def influence_scatter(result: StudyResult, theme: Theme = "light", max_points: int = MAX_POINTS) -> Picture:
    """What leaving each training row out does to the goal's gap (x, percentage points) and to the log loss (y).

    x is the change of the goal's widest gap, which is positive at the start, so right always means a wider gap; up
    means a higher loss. Quadrants are named by what the row, as it is, does to both, and count all rows. At most
    `max_points` (and 20,000) are drawn: the extreme rows on both axes, and evenly spaced ranks between them.
    `customdata[0]` is the row_id. Raises ConfigError in cohort-only mode.
    """
    require_rows(result, "The picture of rows")
    gap, loss = _effects(result)
    colors, data = palette(theme), result.dataset
    x, (y, unit) = 100.0 * gap, _readable(loss)
    limit = max(1, min(max_points, MAX_POINTS))
    kept = thin(gap, loss, limit)
    shown = np.zeros(gap.size, dtype=bool)
    shown[kept] = True

    figure = Canvas()
    drawn = cells(data, result.train_rows, theme)
    kind = "scattergl" if kept.size > WEBGL_ABOVE else "scatter"
    row_id = data.row_id[result.train_rows]
    if row_id.size and row_id.max() < 2**31:
        row_id = row_id.astype(np.int32)
    # A legend of every cell takes a line for every two groups: groups by color, outcomes in the caption.
    by_group, named = len(data.groups) > 2, set[str]()
    opacity = {"opacity": 0.6 if theme == "light" else 0.85}
    for cell in drawn:
        mine, name = cell.rows[shown[cell.rows]], cell.style.label if by_group else cell.label
        figure.add(
            kind,
            x=x[mine].astype(np.float32),
            y=y[mine].astype(np.float32),
            mode="markers",
            name=name,
            legendgroup=name,
            showlegend=not by_group or cell.group not in named,
            customdata=row_id[mine][:, None],
            marker=mark(OUTCOME_SYMBOLS[cell.outcome], 7 if cell.outcome else 6, cell.style.color) | opacity,
            hovertemplate=f"<b>{cell.label}</b>, row %{{customdata[0]}}<br>gap %{{x:+.3~g}} points<br>"
            f"log loss %{{y:+.3~g}} {unit}<extra></extra>",
        )
        named.add(cell.group)
    quadrants = quadrants_of(gap, loss)
    counts = np.bincount(quadrants, minlength=len(QUADRANTS))
    x_range, y_range = padded(np.append(x, 0.0), 0.06), padded(np.append(y, 0.0), 0.14)
    for (right, up), name, count in zip(((1, 1), (1, 0), (0, 1), (0, 0)), QUADRANTS, counts, strict=True):
        text, side = f"<b>{name}</b><br>{count:,} rows ({percent(count / gap.size)})", "right" if right else "left"
        corner: Props = {"x": right, "y": up, "xanchor": side, "align": side, "yanchor": "top" if up else "bottom"}
        look: Props = {"bgcolor": rgba(colors.page, 0.75), "font": {"color": colors.ink}, "borderpad": 3}
        figure.annotate(text=text, **PANEL, **corner, **look)
    figure.upright(0, stroke(colors.line))
    figure.level(0, stroke(colors.line))
    figure.x_axis(range=list(x_range), title_text=GAP_AXIS)
    figure.y_axis(range=list(y_range), title_text=f"Log loss: change in {unit} (up: higher)")
    entries = len(named) if by_group else len(drawn)
    done = figure.finish(
        theme, height=450 + legend_room(entries), hovermode="closest", dragmode="select", legend=legend_for(entries)
    )
    table = pd.DataFrame(
        {
            "quadrant": QUADRANTS,
            "rows": counts,
            "share": counts / gap.size,
            "gap change, sum (points)": np.bincount(quadrants, weights=x, minlength=len(QUADRANTS)),
        }
    )
    goal = shorten(result.goal.label, 90)
    caption = f"Gap: {goal}, on validation rows; predicted. Circle: favorable outcome, cross: the other. "
    caption += "Leaving out a row at the right would widen the gap."
    if kept.size < gap.size:
        caption += (
            f" Drawn are {kept.size:,} of {gap.size:,} rows: the most extreme on both axes, and evenly spaced ranks of "
            "the rest; the counts are of all rows."
        )
    said = listed([f"{name} {count:,} rows" for name, count in zip(QUADRANTS, counts, strict=True)])
    alt = f"Each training row's effect on the gap and on the log loss if the row is left out. {said}. {caption}"
    return Picture(done, alt, table, caption)


def scatter_axes(result: StudyResult) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every training row in the units of `influence_scatter`, also of rows that it does not draw."""
    gap, loss = _effects(result)
    return 100.0 * gap, _readable(loss)[0]


def thin(x: np.ndarray, y: np.ndarray, limit: int) -> np.ndarray:
    """Positions of at most `limit` points, ascending: the extremes of both axes, then even ranks of x among the rest.

    Without randomness, so that the same rows are drawn every time.
    """
    if x.size <= limit:
        return np.arange(x.size)
    tail = limit // 8
    keep = np.zeros(x.size, dtype=bool)
    for values in (x, y):
        order = np.argsort(values, kind="stable")
        keep[order[:tail]] = True
        keep[order[x.size - tail :]] = True
    order = np.argsort(x, kind="stable")
    rest = order[~keep[order]]
    room = limit - int(keep.sum())
    keep[rest[np.linspace(0, rest.size - 1, min(room, rest.size)).astype(np.int64)]] = True
    return np.flatnonzero(keep)


def influence_distribution(result: StudyResult, theme: Theme = "light") -> Picture:
    """Boxes of the rows' effects on the goal's gap for each group x outcome cell, from quantiles computed here.

    Box: the middle half; whiskers: 5 % to 95 %; triangles: the extreme rows. In cohort-only mode histograms stand in
    their place, see `cohorts`.
    """
    x = 100.0 * result.goal.removal
    if result.smallest_group is not None:
        return spread_by_cohort(
            result,
            x,
            theme,
            what="Effects on the gap in percentage points",
            axis=GAP_AXIS,
            at=0.0,
            beside=lambda mine: f"together {minus(f'{mine.sum():+.1f}')} points",
            caption="Predicted.",
        )
    colors = palette(theme)
    figure, lines = Canvas(), []
    found = cells(result.dataset, result.train_rows, theme)
    for place, cell in enumerate(found):
        mine = x[cell.rows]
        low, q1, median, q3, high = np.quantile(mine, FENCES)
        line: Props = {"group": cell.group, "outcome": "favorable" if cell.outcome else "other", "rows": mine.size}
        line |= {"lowest": mine.min(), "5 %": low, "25 %": q1, "median": median, "75 %": q3, "95 %": high}
        lines.append(line | {"highest": mine.max(), "sum": mine.sum()})
        color, fill = cell.style.color, rgba(cell.style.color, 0.55 if cell.outcome else 0.12)
        fences: Props = {"q1": [q1], "median": [median], "q3": [q3], "lowerfence": [low], "upperfence": [high]}
        look: Props = {"line": stroke(color, 1.6), "fillcolor": fill, "width": 0.5, "orientation": "h"}
        figure.add("box", y=[place], **fences, **look, name=cell.label, showlegend=False, hoverinfo="skip")
        figure.scatter(
            x=[mine.min(), mine.max()],
            y=[place, place],
            mode="markers",
            showlegend=False,
            marker={"symbol": ["triangle-left", "triangle-right"], "size": 7, "color": color},
            hovertemplate=f"<b>{cell.label}</b>, {mine.size:,} rows<br>extreme row %{{x:+.3~g}} points<br>"
            f"median {median:+.2e}, together {mine.sum():+.1f} points<extra></extra>",
        )
    figure.upright(0, stroke(colors.line))
    figure.rows_axis([cell.label for cell in found], color=colors.ink)
    figure.x_axis(range=list(padded(x, 0.05)), title_text=GAP_AXIS)
    done = figure.finish(theme, height=rows_height(len(found), each=38), boxmode="overlay", hovermode="closest")
    table = long_frame(lines, list(lines[0]))
    said = [
        f"{shorten(line['group'], 40)} {line['outcome']} median {number(line['median'])}, {line['rows']:,} rows"
        for line in lines
    ]
    caption = "Box: the middle half of the rows; whiskers: 5 % to 95 %; triangles: the most extreme rows. Predicted."
    return Picture(done, f"Effects on the gap in percentage points: {'; '.join(said)}. {caption}", table, caption)


def proof(fidelity: Fidelity, theme: Theme = "light", *, smallest: int | None = None) -> Picture:
    """Predicted against refitted removal effects (percentage points) of the verified rows, with the identity line.

    With `smallest`, the smallest group of cohort-only mode, a point is the mean of at least so many rows.
    """
    colors, refits = palette(theme), fidelity.refits
    if smallest is not None:
        refits = _means(refits, smallest)
    figure = Canvas()
    predicted, refitted = (100.0 * refits[name].to_numpy(float) for name in ("predicted", "refitted"))
    low, high = padded(np.concatenate([predicted, refitted]), 0.06)
    figure.diagonal(low, high, stroke(colors.reference, 1.2), "Predicted = refitted")
    random = refits["random"].to_numpy(bool)
    for mine, name, symbol, color in (
        (~random, "Most influential rows", "square", colors.accent),
        (random, "Random rows", "circle", colors.reference),
    ):
        figure.scatter(
            x=predicted[mine],
            y=refitted[mine],
            mode="markers",
            name=name,
            **({} if smallest is not None else {"customdata": refits["row_id"].to_numpy()[mine, None]}),
            marker=mark(symbol, 8, color, colors.ink, 0.5) | {"opacity": 0.75},
            hovertemplate=f"{name}<br>predicted %{{x:+.3~g}}, refitted %{{y:+.3~g}} points<extra></extra>",
        )
    figure.x_axis(range=[low, high], title_text="Predicted change of the gap (percentage points)")
    figure.y_axis(range=[low, high], title_text="Change after a real refit (percentage points)")
    done = figure.finish(theme, height=460, hovermode="closest")
    caption = (
        f"{fidelity.checked} rows left out one at a time and the model refitted: relative error "
        f"{percent(fidelity.removal_error)}, Spearman {number(fidelity.spearman)}, slope {number(fidelity.slope)}. "
        + (
            f"Change of the hard gap predicted to the last decision for {percent(fidelity.hard_exact)} of them."
            if smallest is None
            else f"Each point is the mean of {smallest} rows or more."
        )
    )
    return Picture(
        done, f"Predicted against refitted removal effects. {caption}", refits.reset_index(drop=True), caption
    )


def _means(refits: pd.DataFrame, smallest: int) -> pd.DataFrame:
    """Rows with like predictions, at least `smallest` at a time, as their means: random, predicted, refitted, rows."""
    lines = []
    for random, rows in refits.groupby("random"):
        ordered = rows.sort_values("predicted", kind="stable")
        for part in np.array_split(np.arange(len(ordered)), max(1, len(ordered) // smallest)):
            if part.size >= smallest:
                means = ordered.iloc[part][["predicted", "refitted"]].mean()
                lines.append({"random": bool(random), **means, "rows": part.size})
    found = pd.DataFrame(lines, columns=["random", "predicted", "refitted", "rows"])
    return found.astype({"random": bool, "predicted": float, "refitted": float})


def roc_of_ground_truth(fpr: np.ndarray, tpr: np.ndarray, auc: float, theme: Theme = "light") -> Picture:
    """ROC curve of a search for rows known to be wrong by removal effects; `fpr`, `tpr` ascending from 0 to 1."""
    colors = palette(theme)
    steps = np.unique(np.linspace(0, len(fpr) - 1, 400).astype(int))
    figure = Canvas()
    figure.diagonal(0, 100, stroke(colors.reference, 1.2), "Guessing", showlegend=False)
    table = pd.DataFrame({"false positive rate": np.asarray(fpr)[steps], "true positive rate": np.asarray(tpr)[steps]})
    figure.scatter(
        x=100 * table["false positive rate"],
        y=100 * table["true positive rate"],
        mode="lines",
        name="|removal effect|",
        line=stroke(colors.accent, 2.4),
        showlegend=False,
        fill="tozeroy",
        fillcolor=colors.shade,
        hovertemplate="%{y:.1f} % of the altered rows among the first<br>%{x:.1f} % of the others<extra></extra>",
    )
    told: Props = {"text": f"|removal effect|: ROC AUC {number(auc)}", "font": {"color": colors.ink, "size": 13}}
    figure.annotate(x=0.97, y=0.06, xanchor="right", **PANEL, **told)
    figure.annotate(text="guessing: 0.500", x=62, y=62, textangle=0, xanchor="left", yanchor="top", xshift=6)
    figure.x_axis(range=[-1, 101], ticksuffix=" %", title_text="Share of the other rows searched")
    figure.y_axis(range=[-1, 102], ticksuffix=" %", title_text="Share of the altered rows found")
    done = figure.finish(theme, height=400, hovermode="x unified")
    tenth = float(np.interp(0.1, fpr, tpr))
    caption = f"Searching the first {percent(0.1)} of the other rows finds {percent(tenth)} of the altered ones."
    return Picture(done, f"ROC curve of |removal effect|: area {number(auc)}. {caption}", table, caption)


def _effects(result: StudyResult) -> tuple[np.ndarray, np.ndarray]:
    """(change of the goal's gap as a share, change of the log loss in nats) of leaving each training row out."""
    return result.goal.removal, result.removal[:, result.quantities.names.index("log_loss")]


def _readable(loss: np.ndarray) -> tuple[np.ndarray, str]:
    """Losses in the unit that gives readable numbers."""
    size = float(np.abs(loss).max(initial=0.0))
    for scale, unit in ((1.0, "nats"), (1e3, "thousandths of a nat"), (1e6, "millionths of a nat")):
        if size * scale >= 0.1:
            return loss * scale, unit
    return loss * 1e6, "millionths of a nat"
