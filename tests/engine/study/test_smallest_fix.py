"""Laws of the smallest fix, and of the guard rails that a study and a fix keep: pinned rows and the accuracy floor."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from iffair_core import Cancelled, ConfigError, Study, StudyResult, Task, read_table
from iffair_core.metrics import GOAL_METRIC, point_metrics
from iffair_core.models import LogisticModel
from iffair_core.models.blocks import sigmoid
from iffair_core.path import RepairPath, Step
from iffair_core.study.config import StudyConfig
from iffair_core.study.smallest_fix import HALVINGS, SmallestFix, smallest_fix
from iffair_core.study.split_views import repair_path
from iffair_core.telling import files, reproduce, sentences, tables
from iffair_core.tradeoff import Numbers
from tests.engine.studies import plain_study, plain_table, run_script

TASK = Task("y", 1, "g")
GOALS = sorted(GOAL_METRIC)
PINS = ("c=u", 0, 7)


def study(metric: str = "demographic_parity", **options: object) -> StudyResult:
    return plain_study(600, metric=metric, rivals="none", **options)


def refit(result: StudyResult, weights: np.ndarray, split: str = "validation") -> tuple[float, float]:
    """Disparity of the goal and accuracy on a split of a model fitted from nothing with these weights."""
    data, train = result.dataset, result.train_rows
    model = LogisticModel(C=result.config.C).fit(data.X[train], data.y[train], sample_weight=weights)
    rows = data.part(("train", "validation", "test").index(split))
    scores = sigmoid(model.logits(data.X[rows]))
    values = point_metrics(data.y[rows], scores, data.group_codes[rows], len(data.groups))
    disparity, accuracy = values[GOAL_METRIC[result.config.goal]], values["accuracy"]
    assert disparity is not None and accuracy is not None
    return disparity, accuracy


def half_of(result: StudyResult) -> float:
    value = result.baseline["validation"].values[GOAL_METRIC[result.config.goal]]
    assert value is not None
    return value / 2


@pytest.mark.parametrize("by", ["rows", "weight"])
@pytest.mark.parametrize("goal", GOALS)
def test_an_independent_refit_meets_the_target(goal: str, by: str) -> None:
    result = study(goal)
    # Decisions follow soft error rates only loosely, so that half of that gap is out of reach on these rows.
    fix = smallest_fix(result, half_of(result) * (1.8 if goal == "error_rate_parity" else 1.0), by)
    assert fix.reached and fix.reason is None and fix.goal == goal and fix.rows > 0
    disparity, accuracy = refit(result, fix.weights)
    assert disparity <= fix.target
    assert (disparity, accuracy) == pytest.approx((fix.disparity, fix.accuracy), abs=1e-12)
    assert refit(result, fix.weights, "test") == pytest.approx((fix.test["disparity"], fix.test["accuracy"]), abs=1e-12)
    assert refit(result, np.ones(fix.weights.size))[0] == pytest.approx(fix.before, abs=1e-12)
    assert fix.weights.min() >= 0 and fix.weights.max() <= result.config.max_weight
    assert fix.weights.mean() == pytest.approx(1, abs=1e-12)
    assert fix.weight == pytest.approx(np.maximum(fix.weights - 1, 0).sum())


@pytest.mark.parametrize("by", ["rows", "weight"])
def test_one_halving_less_strength_does_not_meet_it(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result, steps = study(), []
    step_from = RepairPath.step_from

    def recorded(path: RepairPath, earlier: Step, strength: float) -> Step:
        steps.append(step_from(path, earlier, strength))
        return steps[-1]

    monkeypatch.setattr(RepairPath, "step_from", recorded)
    fix = smallest_fix(result, half_of(result), by)
    smallest_step = 0.0625 / 2**HALVINGS
    weaker = [step for step in steps if step.strength == pytest.approx(fix.strength - smallest_step)]
    assert weaker
    for step in weaker:
        assert step.weights is not None
        assert refit(result, step.weights)[0] > fix.target


def test_by_rows_every_moved_row_moves_by_the_same_amount() -> None:
    for max_weight, amount in ((5.0, 1.0), (1.5, 0.5)):
        result = study(max_weight=max_weight)
        fix = smallest_fix(result, half_of(result), "rows")
        moved = np.abs(fix.weights - 1) > 0
        assert np.abs(fix.weights[moved] - 1) == pytest.approx(amount, abs=1e-12)
        assert fix.rows == moved.sum() and fix.rows % 2 == 0
        assert fix.weight == pytest.approx(fix.rows * amount / 2)


def test_by_weight_changes_less_and_by_rows_moves_fewer() -> None:
    result = study()
    rows, weight = (smallest_fix(result, half_of(result), by) for by in ("rows", "weight"))
    assert rows.rows < weight.rows
    assert np.sum((weight.weights - 1) ** 2) < np.sum((rows.weights - 1) ** 2)


def test_a_larger_target_moves_no_more() -> None:
    result = study()
    sizes = [smallest_fix(result, share * 2 * half_of(result), "rows").rows for share in (0.25, 0.5, 0.75, 1.0)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 0


def test_nothing_moves_where_the_target_is_met_already() -> None:
    result = study()
    fix = smallest_fix(result, 1.0)
    assert (fix.reached, fix.strength, fix.rows, fix.weight, fix.reason) == (True, 0.0, 0, 0.0, None)
    assert (fix.weights == 1).all()
    assert fix.disparity == fix.before
    assert "nothing has to move" in sentences.fix_sentence(result, fix)
    assert tables.fix_rows(result, fix).empty


def test_a_target_out_of_reach_says_why_and_gives_the_best() -> None:
    result = study(max_weight=1.05)
    fix = smallest_fix(result, 0.0, "weight")
    assert not fix.reached
    assert fix.reason
    assert fix.target < fix.disparity <= fix.before
    assert refit(result, fix.weights)[0] == pytest.approx(fix.disparity)
    said = sentences.fix_sentence(result, fix)
    assert fix.reason in said and "No repair within the guard rails" in said


def test_a_fix_keeps_the_guard_rails_of_its_study() -> None:
    bounded = study(pinned=PINS, max_weight=2.0)
    fix = smallest_fix(bounded, half_of(bounded), "weight")
    assert bounded.pinned is not None and 0 < bounded.pinned.sum() < bounded.pinned.size
    assert (fix.weights[bounded.pinned] == 1).all()
    assert fix.weights.max() <= 2.0
    floor = study(min_accuracy=1.0)
    held = smallest_fix(floor, half_of(floor))
    assert not held.reached and held.rows == 0
    assert "accuracy" in str(held.reason)


def test_it_does_not_depend_on_the_chosen_point_or_the_variant() -> None:
    fixes = [
        smallest_fix(study(**options), half_of(study()), "weight")
        for options in ({}, {"strength": 0.25}, {"variant": "uniform"}, {"utility_budget": 0.0})
    ]
    for fix in fixes[1:]:
        assert (fix.weights == fixes[0].weights).all()


def test_it_can_be_cancelled_and_tells_how_far_it_is() -> None:
    result, told, stop = study(), [], threading.Event()

    def check() -> None:
        if stop.is_set():
            raise Cancelled

    def report(share: float) -> None:
        told.append(share)
        if len(told) == 3:
            stop.set()

    with pytest.raises(Cancelled):
        smallest_fix(result, 0.0, stop_check=check, report=report)
    assert len(told) == 3
    stop.clear()
    smallest_fix(result, half_of(result), stop_check=check, report=told.append)
    assert told[3:] == sorted(told[3:])
    assert all(0 < share <= 1 for share in told)


@pytest.mark.parametrize("target", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_target_outside_its_range_is_refused(target: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        smallest_fix(study(), target)


def test_other_arguments_that_are_not_there_are_refused() -> None:
    with pytest.raises(ConfigError, match="rows, weight"):
        smallest_fix(study(), 0.1, "people")
    with pytest.raises(ConfigError, match="validation, test"):
        smallest_fix(study(), 0.1, split="train")
    with pytest.raises(ConfigError, match="not come that far"):
        smallest_fix(replace(study(), records={}), 0.1)


def test_it_can_be_judged_on_test_rows() -> None:
    result = study()
    fix = smallest_fix(result, half_of(result), split="test")
    assert fix.split == "test"
    assert fix.disparity == fix.test["disparity"]
    assert list(tables.fix_table(result, fix)["rows"]) == ["test"]


# ---------------------------------------------------------------------------------------------------- what is written


def fixed() -> tuple[StudyResult, SmallestFix]:
    return study(), smallest_fix(study(), half_of(study()))


def test_files_carry_a_fix_only_where_it_was_asked_for() -> None:
    result, fix = fixed()
    assert "smallest_fix" not in files.summary(result)
    assert "smallest_fix" not in files.settings(result)
    plain, more = files.rows_frame(result), files.rows_frame(result, fix)
    assert list(more.columns) == [*plain.columns, "weight_smallest_fix"]
    assert (more.loc[more["split"] == "train", "weight_smallest_fix"].to_numpy() == fix.weights).all()
    assert more.loc[more["split"] != "train", "weight_smallest_fix"].isna().all()
    told = json.loads(files.summary_json(result, fix=fix))["smallest_fix"]
    assert set(told) == {
        "target", "by", "split", "reached", "strength", "before", "disparity", "accuracy", "test", "rows", "weight",
        "reason",
    }  # fmt: skip
    assert (told["rows"], told["disparity"], told["reason"]) == (fix.rows, fix.disparity, None)
    assert files.settings(result, fix)["smallest_fix"] == {"target": fix.target, "by": "rows", "split": "validation"}


def test_the_python_that_reproduces_it_gives_the_same_weights(tmp_path: Path) -> None:
    plain_table(600).to_csv(tmp_path / "plain.csv", index=False)
    result = Study(read_table(tmp_path / "plain.csv"), TASK, pinned=PINS, min_accuracy=0.5, rivals=()).run()
    fix = smallest_fix(result, half_of(result))
    command = reproduce.command_line(result, "plain.csv", fix=fix)
    assert "--pin c=u --pin 0 --pin 7" in command
    assert "--min-accuracy 0.5" in command
    assert f"--target-gap {fix.target!r} --fix-by rows" in command
    code = reproduce.reproduce_script(result, "plain.csv", fix)
    again = run_script(code, tmp_path)["fix"]
    assert isinstance(again, SmallestFix)
    assert (again.weights == fix.weights).all()


def test_the_tables_of_a_fix() -> None:
    result, fix = fixed()
    rows = tables.fix_rows(result, fix)
    assert len(rows) == fix.rows
    assert ((rows["weight"] > 1) == (rows["direction"] == "up")).all()
    weights = tables.weights_frame(result, fix).set_index("row_id")["weight"]
    assert (weights.loc[rows["row_id"]].to_numpy() == rows["weight"].to_numpy()).all()
    table = tables.fix_table(result, fix).set_index("rows")
    assert table.loc["validation", "demographic_parity_difference before"] == fix.before
    assert table.loc["test", "accuracy after"] == fix.test["accuracy"]
    said = sentences.fix_sentence(result, fix)
    assert said.startswith(f"Moving {fix.rows:,} of 360 training rows")


def test_the_sentence_of_a_fix_gives_its_price_where_it_was_measured_and_says_if_test_rows_miss_the_target() -> None:
    result, fix = fixed()
    before = {split: result.baseline[split].values["accuracy"] or 0.0 for split in ("validation", "test")}
    test: Numbers = {"disparity": fix.target + 0.04, "accuracy": before["test"] - 0.009}
    fix = replace(fix, accuracy=before["validation"] - 0.004, test=test)
    said = sentences.fix_sentence(result, fix)
    ours, theirs = f"{fix.disparity:.3f} on validation rows, for 0.4 points of accuracy", f"{fix.target + 0.04:.3f}"
    assert ours in said
    assert (
        f"on test rows it is {theirs}, above the target of {fix.target:.3f}, for 0.9 points of accuracy; refitted."
        in said
    )
    held = replace(fix, test={"disparity": fix.target, "accuracy": before["test"] + 0.01})
    assert f"on test rows it is {fix.target:.3f}, with accuracy +1.0 points" in sentences.fix_sentence(result, held)
    nothing = replace(fix, rows=0)
    assert f"On test rows it is {theirs}, above the target" in sentences.fix_sentence(result, nothing)
    assert "test" not in sentences.fix_sentence(result, replace(nothing, test=held.test))


# -------------------------------------------------------------------------------- studies with pinned rows and a floor


@pytest.mark.parametrize("variant", ["diverse", "uniform", "efficient"])
def test_pinned_rows_weigh_exactly_one_at_every_point_of_the_curve(variant: str) -> None:
    result = study(variant=variant, pinned=PINS)
    assert result.pinned is not None
    used = plain_table(600).iloc[result.dataset.row_id[result.train_rows]]
    assert (result.pinned == ((used["c"] == "u") | used.index.isin([0, 7])).to_numpy()).all()
    moved = 0
    for point in result.curve.points:
        if point.weights is not None:
            assert (point.weights[result.pinned] == 1).all()
            moved += int((point.weights != 1).any())
    assert moved > 5
    held = int(result.pinned.sum())
    assert sentences.pinned_sentence(result).startswith(f"{held:,} pinned rows keep weight 1")


def test_with_every_row_pinned_only_the_untouched_model_is_left() -> None:
    result = study(pinned=("g=A", "g=B"))
    assert result.pinned is not None and result.pinned.all()
    assert [point.strength for point in result.curve.points if point.feasible] == [0.0]
    assert all(point.reason.startswith("Beyond 0.00, ") for point in result.curve.points[1:])


def test_pins_on_rows_that_train_nothing_are_said_to_change_nothing() -> None:
    plain = study()
    elsewhere = int(plain.dataset.row_id[plain.dataset.part(2)][0])
    result = study(pinned=(elsewhere,))
    assert "changes nothing" in sentences.pinned_sentence(result)
    assert (result.weights == plain.weights).all()
    assert sentences.pinned_sentence(plain) == ""


def test_a_study_that_reuses_another_has_its_own_pins_and_floor() -> None:
    table = plain_table(600)

    def run(previous: StudyResult | None = None, **options: object) -> StudyResult:
        options = {"metric": "demographic_parity", "rivals": "none", **options}
        return Study(table, TASK, **options).run(previous=previous)  # type: ignore[arg-type]

    first, alone = run(pinned=("c=u",)), run(pinned=("c=v",))
    other = run(first, pinned=("c=v",))
    assert (other.pinned == alone.pinned).all()
    assert (other.weights == alone.weights).all()
    free = run(first)
    assert free.pinned is None
    assert (free.weights == run().weights).all()
    same = run(first, pinned=["c=u"])
    assert same.curve is first.curve
    assert (same.pinned == first.pinned).all()
    assert run(first, pinned=("c=u",), min_accuracy=0.99).curve is not first.curve


def test_no_point_of_the_curve_is_below_the_accuracy_floor_on_the_rows_that_guide() -> None:
    free = study("equalized_odds")
    guide = repair_path(free).guide
    start = guide.accuracy(free.model)
    floor = start - 0.02
    result = study("equalized_odds", min_accuracy=floor)
    lost = [point for point in result.curve.points if not point.feasible]
    assert lost and "accuracy would be" in str(lost[0].reason)
    for point in result.curve.points:
        if point.theta is not None:
            assert float(np.mean((guide.X @ point.theta[:-1] + point.theta[-1] >= 0) == guide.y)) >= floor


def test_a_configuration_survives_its_way_through_json() -> None:
    result = study(pinned=PINS, min_accuracy=0.4)
    again = StudyConfig.from_dict(json.loads(files.settings_json(result))["config"])
    assert again == result.config
    assert again.pinned == PINS
    assert StudyConfig(pinned=[np.int64(3), "c=u"]).pinned == (3, "c=u")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_accuracy": 1.5}, "min_accuracy"),
        ({"min_accuracy": float("nan")}, "min_accuracy"),
        ({"pinned": [1.5]}, "names no row"),
    ],
)
def test_unusable_guard_rails_are_refused_before_the_study(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Study(plain_table(60), TASK, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("pin", ["c=nothing", "zz=1", "c", 600])
def test_pins_that_are_not_in_the_table_are_refused(pin: int | str) -> None:
    with pytest.raises(ConfigError):
        Study(plain_table(600), TASK, pinned=[pin]).run()
