"""Laws of the pictures: words and tables agree with the drawing, colors and shapes mean the same everywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from plotly.express.colors import qualitative

from iffair_core import Study, StudyResult, Task
from iffair_core.data.resolving import group_table
from iffair_core.errors import ConfigError
from iffair_core.study.results import Influence, Repaired
from iffair_core.telling import figures, rows, tables
from iffair_core.telling.figures.common import (
    GROUP_SYMBOLS,
    MAX_POINTS,
    OKABE_ITO,
    PALETTES,
    Picture,
    Spot,
    label,
    place_labels,
)
from iffair_core.telling.figures.influence import thin
from iffair_core.telling.figures.tradeoff import NARROW
from iffair_core.telling.replication import Replication, read
from iffair_core.wording import number, percent
from tests.engine.studies import example_seeds, example_study

PLOTLY_DEFAULTS = {color.lower() for color in qualitative.Plotly} | {"#e5ecf6", "#2a3f5f", "#c8d4e3"}
TRICKY = "< 25 <b>bold</b> %{x}"
TINY = "tiny"


@cache
def table() -> pd.DataFrame:
    """Four groups, one with a name that looks like markup, one with a handful of rows and no favorable outcome."""
    rng = np.random.default_rng(3)
    names = np.array(["B", "A", TRICKY, TINY])
    group = rng.choice(3, 900, p=[0.5, 0.3, 0.2])
    group[:9] = 3
    x = rng.normal(size=(900, 3))
    favorable = x[:, 0] + 0.9 * (group == 0) + rng.normal(size=900) > 0.2
    favorable[:9] = False
    return pd.DataFrame(
        {"x": x[:, 0], "noise": x[:, 1], "level": rng.choice(list("uvw"), 900), "g": names[group], "y": favorable * 1}
    )


@cache
def study() -> StudyResult:
    task = Task("y", 1, "g")
    return Study(table(), task, metric="demographic_parity", strength=0.5, name="tricky").run()


@cache
def with_gaps() -> StudyResult:
    """The same study, where the strengths above 0.9 turned out infeasible."""
    result = study()
    empty: dict[str, Any] = {"refitted": {}, "refitted_intervals": {}, "weights": None, "theta": None}
    points = tuple(
        replace(point, feasible=False, reason="Too few rows would be left.", **empty) if point.strength > 0.9 else point
        for point in result.curve.points
    )
    return result.having(replace(result.record(Repaired), curve=replace(result.curve, points=points)))


def scored(result: StudyResult) -> tuple[Any, ...]:
    data, rows = result.dataset, result.dataset.part(2)
    return result.scores_before[rows], data.y[rows], data.group_codes[rows], data.groups, data.reference


COMPARED = ("logistic", "german", "equalized_odds")


@cache
def kept() -> Replication:
    """Three comparisons: a rival among the curves, one far away, one not reached, one that failed."""
    place = {"disparity": 0.1, "accuracy": 0.79, "disparity_error": 0.01, "accuracy_error": 0.002}
    margin = {"verdict": "win", "margin": 0.011, "error": 0.004, "strength": 0.5}
    lost = {"verdict": "not reached", "margin": None, "error": None, "strength": None}
    line = [[s / 4, 0.3 - 0.2 * s / 4, 0.82 - 0.03 * s / 4, 0.01, 0.002] for s in range(6)]
    entry = {
        "kind": "logistic", "dataset": "german", "goal": "equalized_odds", "seeds": 3,
        "untouched": place | {"disparity": 0.3, "accuracy": 0.82},
        "curves": {"diverse": line, "uniform": line[:3]},
        "rivals": {
            "reweighing": place | {"diverse": margin},
            "fairbalance": place | {"accuracy": 0.5, "diverse": margin | {"margin": 0.3}},
            "influence_programme": place | {"disparity": 0.01, "diverse": lost},
        },
        "failed": {"label_bias": "It failed."},
    }  # fmt: skip
    fairlearn = {"kind": "fairlearn", "seeds": 2, "curves": {}, "rivals": {"grid_search": place | {"diverse": margin}}}
    worse = {"goal": "equal_opportunity", "rivals": {"reweighing": place | {"diverse": margin | {"margin": -0.004}}}}
    entries = [entry, entry | fairlearn, entry | worse]
    return read(json.dumps({"command": "true", "hours": 0.5, "machine": {}, "entries": entries}))


DRAWINGS: dict[str, Callable[[str], Picture]] = {
    "group_bars": lambda theme: figures.group_bars(
        group_table(study().dataset.task), theme, reference=study().dataset.reference, favorable="y = 1"
    ),
    "rates_by_group": lambda theme: figures.rates_by_group(
        study().baseline["test"], theme, 0.05, goal="demographic_parity"
    ),
    "who_pays": lambda theme: figures.who_pays(study(), theme),
    "heatmap": lambda theme: figures.heatmap(
        tables.intersections(study(), table(), "level"), theme, level_title="level"
    ),
    "tradeoff": lambda theme: figures.tradeoff(study(), theme, reference_line=0.1),
    "tradeoff with intervals": lambda theme: figures.tradeoff(study(), theme, intervals=True),
    "tradeoff compact": lambda theme: figures.tradeoff(study(), theme, compact=True),
    "tradeoff of other metrics": lambda theme: figures.tradeoff(
        study(), theme, x="log_loss", y="demographic_parity_ratio", split="validation"
    ),
    "before_after": lambda theme: figures.before_after(study(), theme),
    "metrics_along_strength": lambda theme: figures.metrics_along_strength(study(), theme),
    "weights_by_group": lambda theme: figures.weights_by_group(study(), theme),
    "influence_scatter": lambda theme: figures.influence_scatter(study(), theme),
    "influence_distribution": lambda theme: figures.influence_distribution(study(), theme),
    "proof": lambda theme: figures.proof(study().fidelity, theme),
    "score_distribution": lambda theme: figures.score_distribution(*scored(study()), theme),
    "calibration": lambda theme: figures.calibration(*scored(study()), theme),
    "roc_of_ground_truth": lambda theme: figures.roc_of_ground_truth(
        np.array([0.0, 0.1, 0.4, 1.0]), np.array([0.0, 0.6, 0.9, 1.0]), 0.83, theme
    ),
    "seeds_tradeoff": lambda theme: figures.seeds_tradeoff(example_seeds()[1], theme, reference_line=0.1),
    "seeds_tradeoff of other metrics": lambda theme: figures.seeds_tradeoff(
        example_seeds()[1], theme, x="log_loss", y="demographic_parity_ratio", split="validation"
    ),
    "replication_curves": lambda theme: figures.replication_curves(kept().entry(*COMPARED), theme),
    "replication_margins": lambda theme: figures.replication_margins(kept(), COMPARED[0], "diverse", theme),
}


@cache
def drawn(name: str, theme: str = "light") -> Picture:
    return DRAWINGS[name](theme)


def strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from strings(part)
    elif isinstance(value, str):
        yield value


def traces(picture: Picture, kind: str | None = None) -> list[dict[str, Any]]:
    return [t for t in (trace.to_plotly_json() for trace in picture.figure.data) if kind in {None, t["type"]}]


def named(picture: Picture, name: str) -> dict[str, Any]:
    (found,) = [trace for trace in traces(picture) if trace.get("name") == name]
    return found


# ------------------------------------------------------------------------------------------------ every picture


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", DRAWINGS)
def test_every_picture_is_whole_in_both_themes(name: str, theme: str) -> None:
    picture = drawn(name, theme)
    layout = json.loads(picture.figure.to_json())["layout"]
    look = layout["template"]["layout"]
    assert look["paper_bgcolor"] == look["plot_bgcolor"] == "rgba(0,0,0,0)"
    assert look["font"]["color"] == PALETTES[theme].ink
    assert "system-ui" in look["font"]["family"]
    assert layout["height"] >= 150
    assert len(picture.alt) > 40
    assert re.search(r"\d", picture.alt)
    assert len(picture.table) > 0
    assert "nan" not in (picture.alt + picture.caption).lower()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", DRAWINGS)
def test_no_color_of_plotlys_own_is_left(name: str, theme: str) -> None:
    used = {text.lower() for text in strings(drawn(name, theme).figure.to_dict())}
    assert not used & PLOTLY_DEFAULTS


@pytest.mark.parametrize("name", DRAWINGS)
def test_themes_differ_in_look_and_not_in_content(name: str) -> None:
    light, dark = drawn(name, "light"), drawn(name, "dark")
    assert light.alt == dark.alt
    pd.testing.assert_frame_equal(light.table, dark.table)
    assert light.figure.to_json() != dark.figure.to_json()


@pytest.mark.parametrize("name", DRAWINGS)
def test_axes_say_their_quantity(name: str) -> None:
    """Every picture with numbers on an axis names what they are, on the axis or above the panel."""
    layout = drawn(name).figure.to_dict()["layout"]
    axes = [axis for key, axis in layout.items() if re.match(r"[xy]axis", key)]
    titled = [axis for axis in axes if axis.get("title", {}).get("text")]
    above = [text for text in layout.get("annotations", []) if text.get("yshift") == 3]
    assert titled or above


@pytest.mark.parametrize("name", DRAWINGS)
def test_names_from_the_file_are_never_markup(name: str) -> None:
    for text in strings(drawn(name).figure.to_dict()):
        assert "<b>bold" not in text
        # A hover text would read the x of a point in place of a group called %{x}.
        assert "bold&lt;/b&gt; %{x}" not in text


def test_label_is_literal_and_short() -> None:
    assert label(TRICKY) == "&lt; 25 &lt;b&gt;bold&lt;/b&gt; %&#123;x}"
    assert label("a\nb") == "a\\nb"
    assert len(label("x" * 500)) == 32


def test_unknown_theme_is_an_error_that_lists_the_themes() -> None:
    with pytest.raises(ConfigError, match="light, dark"):
        figures.tradeoff(study(), "sepia")  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------- groups


def test_group_styles_are_stable_distinct_and_grey_for_the_reference() -> None:
    groups = [f"group {i}" for i in range(50)]
    styles = figures.group_styles(groups, "group 7", "light")
    assert styles["group 7"].color == PALETTES["light"].reference
    assert styles["group 7"].symbol == "circle"
    assert len({(style.color, style.symbol) for style in styles.values()}) == 50
    assert not {"diamond", "star", "circle"} & set(GROUP_SYMBOLS)
    dark = figures.group_styles(groups, "group 7", "dark")
    assert all(styles[g].color == dark[g].color for g in groups if g != "group 7")


def test_a_further_group_leaves_the_others_as_they_are() -> None:
    few = figures.group_styles(["a", "b", "c"], "b", "light")
    more = figures.group_styles(["a", "b", "c", "d", "e"], "b", "light")
    assert all(more[group] == few[group] for group in few)


def test_a_group_has_one_color_in_all_pictures() -> None:
    data = study().dataset
    styles = figures.group_styles(data.groups, data.reference, "light")
    for name in ("rates_by_group", "calibration", "score_distribution", "influence_scatter"):
        for trace in traces(drawn(name)):
            owner = next((s for s in styles.values() if trace["name"].startswith(s.label)), None)
            if owner is not None:
                assert trace["marker"]["color"] == owner.color, name
    bars = traces(drawn("group_bars"), "bar")[0]["marker"]["color"]
    assert list(bars) == [styles[group].color for group in data.groups]
    assert {s.color for s in styles.values()} - {PALETTES["light"].reference} <= set(OKABE_ITO)


def test_group_bars_say_share_interval_and_rows() -> None:
    groups, picture = group_table(study().dataset.task), drawn("group_bars")
    line = groups[groups["group"] == "A"].iloc[0]
    expected = f"A {percent(line['favorable_share'])} of {line['rows']:,} rows"
    assert expected in picture.alt
    assert f"(95 % {percent(line['low'])} to {percent(line['high'])})" in picture.alt
    bar = traces(picture, "bar")[0]
    assert bar["x"] == pytest.approx(100 * groups["favorable_share"])
    assert bar["x"] + bar["error_x"]["array"] == pytest.approx(100 * groups["high"])
    solid, pale = traces(picture, "bar")[1:]
    assert np.array_equal(solid["x"] + pale["x"], groups["rows"])


def test_group_bars_take_the_groups_as_index_too() -> None:
    groups = group_table(study().dataset.task)
    assert figures.group_bars(groups.set_index("group")).alt == figures.group_bars(groups).alt


def test_rates_are_those_of_the_evaluation_and_gaps_in_them_are_said() -> None:
    evaluation = study().baseline["test"]
    assert evaluation.rates[TINY]["true_positive_rate"].value is None
    picture = drawn("rates_by_group")
    assert f"{TINY} not estimable" in picture.alt
    texts = [note["text"] for note in picture.figure.to_dict()["layout"]["annotations"]]
    assert f"{TINY}: not estimable (0 rows)" in texts
    for group in evaluation.groups:
        for rate in figures.groups.SHOWN_RATES:
            row = picture.table[(picture.table["group"] == group) & (picture.table["rate"] == rate)].iloc[0]
            value = evaluation.rates[group][rate].value
            assert np.isnan(row["value"]) if value is None else row["value"] == value
    band = evaluation.chance_band["demographic_parity_difference"]
    assert f"{100 * band:.1f} points" in picture.caption


def test_chance_band_and_reference_line_stand_only_at_rates_of_the_goal() -> None:
    evaluation = study().baseline["test"]
    rectangles = [s for s in drawn("rates_by_group").figure.to_dict()["layout"]["shapes"] if s["type"] == "rect"]
    assert len(rectangles) == 1
    odds = figures.rates_by_group(evaluation, goal="equalized_odds")
    assert sum(s["type"] == "rect" for s in odds.figure.to_dict()["layout"]["shapes"]) == 2
    plain = figures.rates_by_group(evaluation)
    assert not any(s["type"] == "rect" for s in plain.figure.to_dict()["layout"]["shapes"])


def test_who_pays_ends_at_the_refitted_rates() -> None:
    result, picture = study(), drawn("who_pays")
    pairs = {(trace["name"], tuple(np.round(trace["x"], 9))) for trace in traces(picture)}
    for group in ("A", "B"):
        before = result.baseline["test"].rates[group]["selection_rate"].value
        after = result.after["test"].rates[group]["selection_rate"].value
        assert (group, (round(100 * before, 9), round(100 * after, 9))) in pairs
        assert f"{group} {percent(before)} to {percent(after)}" in picture.alt


def test_long_lists_of_groups_are_summed_up_in_words() -> None:
    evaluation = study().baseline["test"]
    names = tuple(f"g{i:02}" for i in range(20))
    rates = {name: evaluation.rates["A" if i % 2 else "B"] for i, name in enumerate(names)}
    many = replace(evaluation, groups=names, reference="g00", rates=rates)
    assert "20 groups, highest" in figures.rates_by_group(many).alt


def test_heatmap_hatches_cells_that_are_not_estimable() -> None:
    frame = tables.intersections(study(), table(), "level")
    lost = int(frame["value"].isna().sum())
    assert lost >= 3
    picture = drawn("heatmap")
    layout = picture.figure.to_dict()["layout"]
    assert sum(shape["type"] == "path" for shape in layout["shapes"]) == lost
    assert sum("not estimable" in note["text"] for note in layout["annotations"]) == lost
    assert f"{lost} of {len(frame)} cells" in picture.caption
    best = frame.loc[frame["value"].idxmax()]
    assert percent(best["value"]) in picture.alt


# ----------------------------------------------------------------------------------------------------- the curve


def test_predicted_is_dashed_and_hollow_and_refitted_is_solid() -> None:
    predicted, refitted = named(drawn("tradeoff"), "Predicted (no refit)"), named(drawn("tradeoff"), "Refitted")
    assert predicted["line"]["dash"] == "dash"
    assert predicted["marker"]["symbol"] == "circle-open"
    assert refitted["line"].get("dash", "solid") == "solid"
    assert "open" not in refitted["marker"].get("symbol", "circle")
    for name in ("metrics_along_strength", "before_after"):
        lines = [trace for trace in traces(drawn(name)) if trace.get("name") == "Predicted"]
        assert len(lines) >= 12
        assert all(trace["line"]["dash"] == "dash" for trace in lines)
        solid = [trace for trace in traces(drawn(name)) if trace.get("name") == "Refitted"]
        assert solid
        assert all(trace.get("line", {}).get("dash", "solid") == "solid" for trace in solid)


def test_points_carry_the_strength_they_are_drawn_at() -> None:
    result, picture = study(), drawn("tradeoff")
    points = [point for point in result.curve.points if point.feasible]
    line = named(picture, "Refitted")
    assert np.ravel(line["customdata"]) == pytest.approx([point.strength for point in points])
    accuracy = [100 * point.refitted["test"]["accuracy"] for point in points]
    assert line["x"] == pytest.approx(accuracy)
    assert np.ravel(named(picture, "Chosen")["customdata"]) == pytest.approx([0.5])
    assert "customdata" not in named(picture, result.rivals[0].title)


def test_marks_have_their_shapes() -> None:
    picture = drawn("tradeoff")
    symbols = {name: named(picture, name)["marker"]["symbol"] for name in ("Baseline", "Chosen", "Recommended")}
    assert symbols == {"Baseline": "diamond", "Chosen": "star", "Recommended": "circle-open"}
    title = study().rivals[0].title
    assert named(picture, title)["marker"]["symbol"].endswith("open")
    names = [note["text"] for note in picture.figure.to_dict()["layout"]["annotations"]]
    assert title.partition(" (")[0] in names


def test_tradeoff_alt_has_the_numbers() -> None:
    result, alt = study(), drawn("tradeoff").alt
    before = result.baseline["test"].values
    assert f"{percent(before['accuracy'])}, {number(before['demographic_parity_difference'])}" in alt
    after = result.chosen.refitted["test"]
    assert f"{percent(after['accuracy'])}, {number(after['demographic_parity_difference'])}" in alt
    assert result.rivals[0].title in alt
    assert "Reference line at 0.100" in alt
    assert number(result.baseline["test"].chance_band["demographic_parity_difference"]) in alt


def test_infeasible_strengths_are_absent_and_said() -> None:
    result = with_gaps()
    feasible = [point.strength for point in result.curve.points if point.feasible]
    picture = figures.tradeoff(result)
    for name in ("Refitted", "Predicted (no refit)"):
        assert np.ravel(named(picture, name)["customdata"]) == pytest.approx(feasible)
    lost = len(result.curve.points) - len(feasible)
    assert f"{lost} strengths (0.9375 to 1.25). Too few rows would be left." in picture.alt
    along = figures.metrics_along_strength(result)
    assert f"{lost} strengths are infeasible" in along.alt
    assert np.isnan(next(trace for trace in traces(along) if trace.get("name") == "Refitted")["y"][-1])


@pytest.mark.parametrize(("x", "y"), [("accuracy", "theil_index"), ("log_loss", "demographic_parity_ratio")])
def test_better_is_always_right_and_down(x: str, y: str) -> None:
    layout = figures.tradeoff(study(), x=x, y=y).figure.to_dict()["layout"]
    left, right = layout["xaxis"]["range"]
    bottom, top = layout["yaxis"]["range"]
    assert (right > left) == (x == "accuracy")
    assert (top > bottom) == (y == "theil_index")


def test_intervals_only_on_request_and_never_on_the_ring() -> None:
    assert not any("error_x" in trace for trace in traces(drawn("tradeoff")))
    picture = drawn("tradeoff with intervals")
    bars = named(picture, "Chosen")
    low, high = study().chosen.refitted_intervals["test"]["accuracy"]
    assert bars["x"][0] + bars["error_x"]["array"][0] == pytest.approx(100 * high)
    assert bars["x"][0] - bars["error_x"]["arrayminus"][0] == pytest.approx(100 * low)
    assert "error_x" not in named(picture, "Recommended")


@pytest.mark.parametrize(
    ("options", "word"),
    [({"x": "speed"}, "accuracy"), ({"y": "fairness"}, "theil_index"), ({"split": "train"}, "test")],
)
def test_unknown_choices_name_the_allowed_ones(options: dict[str, str], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        figures.tradeoff(study(), **options)


@pytest.mark.parametrize(
    "draw",
    [
        figures.tradeoff, figures.before_after, figures.who_pays, figures.weights_by_group, figures.influence_scatter,
        figures.influence_distribution, figures.metrics_along_strength,
    ],
)  # fmt: skip
def test_a_stage_that_has_not_run_is_an_error(draw: Callable[[StudyResult], Picture]) -> None:
    partial = replace(study(), records={})
    with pytest.raises(ConfigError, match="Run the study"):
        draw(partial)


def test_labels_stay_inside_and_apart() -> None:
    spots = [Spot(0.5, 0.5, f"rival {i}", "#000000") for i in range(6)] + [Spot(0.99, 0.01, "corner", "#000000")]
    notes = place_labels(spots, x_range=(0, 1), y_range=(0, 1), size=(600, 400))
    boxes = []
    for spot, note in zip(spots, notes, strict=True):
        x, y, wide = 600 * spot.x + note["ax"], 400 * (1 - spot.y) + note["ay"], 0.56 * 12 * len(spot.text)
        left = {"left": x, "right": x - wide, "center": x - wide / 2}[note["xanchor"]]
        boxes.append((left, y - 8, left + wide, y + 8))
        assert left >= 0
        assert left + wide <= 600
        assert 0 <= y <= 400
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_before_after_tells_before_predicted_and_refitted() -> None:
    result, picture = study(), drawn("before_after")
    metric = "demographic_parity_difference"
    line = picture.table.set_index("metric").loc[metric]
    assert line["before"] == result.baseline["test"].values[metric]
    assert line["refitted"] == result.after["test"].values[metric]
    assert line["predicted"] == result.chosen.predicted["test"][metric]
    assert picture.table["metric"].iloc[0] == metric
    assert f"{number(line['before'])} before, {number(line['predicted'])} predicted" in picture.alt
    assert len(picture.table) == 13


def test_weights_picture_counts_every_training_row() -> None:
    result, picture = study(), drawn("weights_by_group")
    assert picture.table["rows"].sum() == result.weights.size
    mean = np.average(picture.table["mean weight"], weights=picture.table["rows"])
    assert mean == pytest.approx(1.0)
    assert f"largest weight {number(result.weights.max())}" in picture.caption
    for trace in traces(picture):
        if trace.get("customdata") is not None:
            assert np.asarray(trace["customdata"])[:, 0].sum() == pytest.approx(100.0)


# ------------------------------------------------------------------------------------------------------ influence


def test_quadrants_agree_with_the_ledger() -> None:
    expected = np.bincount(rows.quadrant_codes(study()), minlength=4)
    assert drawn("influence_scatter").table["rows"].tolist() == expected.tolist()
    for name, count in zip(rows.QUADRANTS, expected, strict=True):
        assert f"{name} {count:,} rows" in drawn("influence_scatter").alt


def test_scatter_draws_every_row_where_its_effects_say() -> None:
    result, picture = study(), drawn("influence_scatter")
    points = [np.column_stack([t["customdata"], t["x"], t["y"]]) for t in traces(picture)]
    seen = np.concatenate(points)
    seen = seen[np.argsort(seen[:, 0])]
    order = np.argsort(result.dataset.row_id[result.train_rows])
    assert np.array_equal(seen[:, 0], result.dataset.row_id[result.train_rows][order])
    assert seen[:, 1] == pytest.approx(100 * result.goal.removal[order], rel=1e-5, abs=1e-9)
    assert np.corrcoef(seen[:, 2], result.removal[order, -1])[0, 1] > 0.999999
    assert {t["type"] for t in traces(picture)} == {"scatter"}
    assert all(np.asarray(t["x"]).dtype == np.float32 for t in traces(picture))


def large(rows: int) -> StudyResult:
    """The study with its training rows repeated until there are `rows`, and effects of their own."""
    result, rng = study(), np.random.default_rng(0)
    data, source = result.dataset, np.resize(result.train_rows, rows)
    dataset = replace(
        data, X=np.zeros((rows, 1)), y=data.y[source], group_codes=data.group_codes[source],
        row_id=np.arange(rows), split=np.zeros(rows, dtype=np.int8),
    )  # fmt: skip
    goal = replace(result.goal, removal=rng.standard_t(3, rows) / 1e4)
    removal = np.zeros((rows, result.removal.shape[1]))
    removal[:, -1] = rng.standard_t(3, rows) / 1e6
    return replace(result, dataset=dataset).having(goal, replace(result.record(Influence), removal=removal))


def test_many_rows_are_thinned_and_both_tails_are_kept() -> None:
    result = large(50_000)
    picture = figures.influence_scatter(result)
    drawn_rows = np.concatenate([np.ravel(t["customdata"]) for t in traces(picture)])
    assert drawn_rows.size == np.unique(drawn_rows).size == MAX_POINTS
    assert {t["type"] for t in traces(picture)} == {"scattergl"}
    for values in (result.goal.removal, result.removal[:, -1]):
        order = np.argsort(values)
        assert np.isin(order[:1000], drawn_rows).all()
        assert np.isin(order[-1000:], drawn_rows).all()
    middle = np.argsort(result.goal.removal)[20_000:30_000]
    assert np.isin(middle, drawn_rows).sum() > 1000
    assert "20,000 of 50,000 rows" in picture.caption
    assert picture.caption in picture.alt
    assert picture.table["rows"].sum() == 50_000


def test_no_option_draws_more_than_the_limit() -> None:
    picture = figures.influence_scatter(large(30_000), max_points=1_000_000)
    assert sum(len(t["x"]) for t in traces(picture)) == MAX_POINTS
    few = figures.influence_scatter(large(3_000), max_points=500)
    assert sum(len(t["x"]) for t in traces(few)) == 500


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_trace_has_more_points_than_the_limit(name: str) -> None:
    for trace in traces(drawn(name)):
        assert len(trace["x"] if "x" in trace else trace["median"]) <= MAX_POINTS


def test_thinning_keeps_everything_that_fits_and_never_repeats() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, 300))
    assert np.array_equal(thin(x, y, 300), np.arange(300))
    for limit in (1, 7, 8, 64, 299):
        kept = thin(x, y, limit)
        assert kept.size == limit
        assert np.array_equal(kept, np.unique(kept))
    ties = thin(np.zeros(300), np.zeros(300), 40)
    assert ties.size == 40


def test_distribution_boxes_are_quantiles_of_the_cell() -> None:
    result, picture = study(), drawn("influence_distribution")
    data, rows = result.dataset, result.train_rows
    first = picture.table.iloc[0]
    code = data.groups.index(first["group"])
    mine = (data.group_codes[rows] == code) & ((data.y[rows] > 0.5) == (first["outcome"] == "favorable"))
    assert first["median"] == pytest.approx(100 * np.median(result.goal.removal[mine]))
    assert first["rows"] == mine.sum()
    box = traces(picture, "box")[0]
    assert box["median"][0] == pytest.approx(first["median"])
    assert "y" not in box or len(box["y"]) == 1
    assert picture.table["sum"].sum() == pytest.approx(100 * result.goal.removal.sum())


def test_proof_shows_all_verified_rows_beside_the_identity() -> None:
    picture, fidelity = drawn("proof"), study().fidelity
    shown = [t for t in traces(picture) if t["mode"] == "markers"]
    assert sum(len(t["x"]) for t in shown) == fidelity.checked
    identity = named(picture, "Predicted = refitted")
    assert np.array_equal(identity["x"], identity["y"])
    assert percent(fidelity.removal_error) in picture.alt


def test_roc_passes_its_ends_and_says_its_area() -> None:
    picture = drawn("roc_of_ground_truth")
    assert "area 0.830" in picture.alt
    assert "60.0 % of the altered" in picture.alt
    assert picture.table.iloc[[0, -1]].to_numpy().tolist() == [[0.0, 0.0], [1.0, 1.0]]


# ---------------------------------------------------------------------------------------------------- replication


def test_the_comparison_draws_means_solid_and_rivals_hollow() -> None:
    picture, entry = drawn("replication_curves"), kept().entry(*COMPARED)
    for name, line in entry.curves.items():
        trace = named(picture, name.capitalize())
        assert trace["line"].get("dash") is None
        assert list(trace["x"]) == pytest.approx([100 * point.accuracy for point in line])
        assert list(trace["y"]) == pytest.approx([point.disparity for point in line])
    for title in ("Reweighing", "FairBalance", "Influence programme"):
        (marker,) = [trace["marker"] for trace in traces(picture) if trace["name"] == title]
        assert marker["symbol"].endswith("-open") and title in picture.alt
    bars = named(picture, "Reweighing")
    assert list(bars["error_x"]["array"]) == pytest.approx([0.392], abs=1e-3)
    assert list(bars["error_y"]["array"]) == pytest.approx([0.0196], abs=1e-4)
    assert "Far outside, zoom out to see: FairBalance (" in picture.caption
    assert "No answer here: FairBalanceVariant and Label bias." in picture.caption
    written = [annotation.text for annotation in picture.figure.layout.annotations]
    assert {"Reweighing", "Untouched"} <= set(written) and "FairBalance" not in written


def test_rivals_and_lines_of_other_seeds_are_said_to_be_so() -> None:
    picture = figures.replication_curves(kept().entry("fairlearn", *COMPARED[1:]))
    assert "of the rivals over 2 seeds, of the lines over 3" in picture.caption
    bare = replace(kept().entry(*COMPARED), curves={})
    with pytest.raises(ConfigError, match="No curve is kept"):
        figures.replication_curves(bare)


def test_margins_are_written_in_points_and_blank_where_there_is_none() -> None:
    picture = drawn("replication_margins")
    written = [annotation.text for annotation in picture.figure.layout.annotations]
    assert sorted(text for text in written if not text.startswith("<b>")) == ["", "", "+1.1", "+30.0", "n. r.", "−0.4"]
    values = np.concatenate([np.ravel(trace["z"]) for trace in traces(picture, "heatmap")])
    assert np.nansum(values) == pytest.approx(1.1 + 30 - 0.4) and np.isnan(values).sum() == 3
    assert "smallest: −0.40 points over Reweighing on German credit, equal opportunity" in picture.alt
    with pytest.raises(ConfigError, match="Choose another kind or variant"):
        figures.replication_margins(kept(), "mlp", "diverse")


# --------------------------------------------------------------------------------------------------------- scores


def test_score_shares_are_of_the_groups_rows() -> None:
    picture = drawn("score_distribution")
    for trace in traces(picture):
        assert np.sum(trace["y"]) == pytest.approx(100.0)
    scores, y, codes, groups, _ = scored(study())
    mine = (codes == groups.index("A")) & (y == 1)
    assert f"A, favorable outcome: {percent(np.mean(scores[mine] >= 0.5))} of {mine.sum():,} rows" in picture.alt


def test_calibration_bins_hold_all_rows_of_groups_that_are_large_enough() -> None:
    _, y, codes, groups, reference = scored(study())
    picture = drawn("calibration")
    counted = picture.table.groupby("group")["rows"].sum()
    sizes = {group: int((codes == code).sum()) for code, group in enumerate(groups)}
    assert counted.to_dict() == {group: size for group, size in sizes.items() if size >= 10}
    assert f"not estimable: {TINY}" in picture.caption
    perfect = figures.calibration(y.astype(float), y, codes, groups, reference)
    assert perfect.table["mean score"].to_numpy() == pytest.approx(perfect.table["favorable share"])


# ---------------------------------------------------------------------------------------------------------- over seeds


def test_means_over_seeds_have_bars_and_each_seed_its_line() -> None:
    _, found = example_seeds()
    picture = drawn("seeds_tradeoff")
    traces = {trace.name: trace for trace in picture.figure.data}
    assert sum(trace.name == "Single seeds" for trace in picture.figure.data) == 3
    line, table = traces["Mean over seeds"], picture.table
    ours = table[table["method"] == ""]
    assert list(line.x) == (100 * ours["accuracy"]).tolist() and line.customdata[8][0] == 0.5
    bar, at = line.error_y, ours.iloc[8]
    metric = found.metric
    assert bar.array[8] == pytest.approx(at[f"{metric} high"] - at[metric])
    assert np.isnan(bar.array[7]), "bars stand at every fourth strength"
    assert "thin lines are single seeds" in picture.caption and "Reweighing" in picture.alt
    assert traces["Reweighing (Kamiran-Calders)"].marker.symbol.endswith("open")


def test_strengths_that_one_seed_cannot_have_are_not_drawn_and_said_so() -> None:
    _, found = example_seeds()
    run = found.runs[1]
    lost = tuple(
        replace(point, feasible=False, refitted={}) if point.strength > 1 else point for point in run.curve.points
    )
    runs = (found.runs[0], replace(run, curve=replace(run.curve, points=lost)), found.runs[2])
    picture = figures.seeds_tradeoff(replace(found, runs=runs))
    ours = picture.table[picture.table["method"] == ""]
    assert ours["strength"].max() == 1.0 and "4 strengths are not drawn" in picture.caption


def test_who_pays_has_few_round_ticks_so_that_their_labels_stay_apart_in_four_panels() -> None:
    layout = figures.who_pays(example_study()).figure["layout"]
    axes = [layout[name] for name in layout if name.startswith("xaxis")]
    assert len(axes) == 4
    for axis in axes:
        assert 1 <= len(axis["tickvals"]) <= 3
        assert all(axis["range"][0] <= tick <= axis["range"][1] for tick in axis["tickvals"])
        assert list(axis["ticktext"]) == [f"{tick:g} %" for tick in axis["tickvals"]]


def test_the_names_of_the_trade_off_stay_apart_on_a_screen_of_800_pixels() -> None:
    figure = figures.tradeoff(example_study()).figure
    names = [note for note in figure["layout"]["annotations"] if note["showarrow"]]
    axes = [figure["layout"][name]["range"] for name in ("xaxis", "yaxis")]
    boxes = []
    for note in names:
        x, y = (
            (note[at] - low) / (high - low) * pixels
            for at, (low, high), pixels in zip("xy", axes, (NARROW, 420.0), strict=True)
        )
        wide, left = 0.56 * 12 * len(note["text"]), x + note["ax"]
        left -= {"left": 0.0, "center": wide / 2, "right": wide}[note["xanchor"]]
        boxes.append((left, left + wide, y - note["ay"] - 8, y - note["ay"] + 8))
    assert len(boxes) >= 5
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            assert one[0] >= other[1] or other[0] >= one[1] or one[2] >= other[3] or other[2] >= one[3]
