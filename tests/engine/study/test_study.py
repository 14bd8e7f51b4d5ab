"""Laws of a whole study: repeatable, reportable, cancellable, reusable, and blind to test rows when it chooses."""

import threading
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from iffair_core import Study, Task
from iffair_core.data.encoding import TRAIN
from iffair_core.errors import Cancelled, ConfigError, TaskError
from iffair_core.metrics import GOALS
from iffair_core.models import LogisticModel
from iffair_core.path import RepairPath
from iffair_core.quantities import quantities_from_codes
from iffair_core.rivals import WEIGHTS
from iffair_core.study.results import STAGES, Repaired, StudyResult
from iffair_core.tradeoff import STRENGTHS, Part, trace
from tests.engine.strategies import make_table
from tests.engine.studies import plain_study, plain_table


def differences(a: object, b: object, path: str = "result") -> list[str]:
    """Where two results differ, times aside: every array by its bytes."""
    if path.endswith((".timing", ".seconds", "._part")):
        return []
    if isinstance(a, LogisticModel):
        return [] if a.theta_.tobytes() == b.theta_.tobytes() else [path]
    if isinstance(a, np.ndarray):
        same = isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape
        return [] if same and (a.tobytes() == b.tobytes() or a.dtype == object) else [path]
    if isinstance(a, pd.DataFrame):
        return [] if a.equals(b) else [path]
    if is_dataclass(a):
        return [d for f in fields(a) for d in differences(getattr(a, f.name), getattr(b, f.name), f"{path}.{f.name}")]
    if isinstance(a, dict):
        return [d for key in {*a, *b} for d in differences(a.get(key), b.get(key), f"{path}[{key}]")]
    if isinstance(a, tuple | list):
        if len(a) != len(b):
            return [path]
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in differences(x, y, f"{path}[{i}]")]
    both_nan = isinstance(a, float) and isinstance(b, float) and np.isnan([a, b]).all()
    return [] if both_nan or a == b else [path]


@pytest.fixture(scope="module")
def finished() -> StudyResult:
    table, task = make_table()
    return Study(table, task).run()


@pytest.mark.parametrize("shape", ["more columns than rows", "exact dependencies"])
def test_the_order_of_columns_moves_no_number(shape):
    rng = np.random.default_rng(4)
    rows, columns = (120, 150) if shape == "more columns than rows" else (400, 5)
    X = rng.normal(size=(rows, columns))
    if shape == "exact dependencies":
        X = np.column_stack([X, X[:, 0] + X[:, 1], 3 - 2 * X[:, 2], X.sum(axis=1)])
    group = rng.choice(["a", "b"], rows)
    y = (X[:, 0] + 0.8 * (group == "a") + rng.normal(size=rows) > 0.4).astype(int)
    table = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]).assign(g=group, y=y)
    results = [
        Study(one, Task("y", "1", "g"), metric="demographic_parity", rivals=()).run()
        for one in (table, table[table.columns[::-1]])
    ]
    for split in ("validation", "test"):
        values = [result.baseline[split].values for result in results]
        assert values[0] == pytest.approx(values[1], abs=1e-9)
        after = [result.after[split].values for result in results]
        assert after[0] == pytest.approx(after[1], abs=1e-7)
    assert results[0].scores_before == pytest.approx(results[1].scores_before, abs=1e-8)
    assert results[0].weights == pytest.approx(results[1].weights, abs=1e-6)


def test_same_seed_same_bytes(finished):
    table, task = make_table()
    again = Study(table, task).run()
    assert differences(finished, again) == []
    repaired = replace(again.record(Repaired), scores=again.scores_after + 1e-16)
    assert differences(finished, again.having(repaired)) == [f"result.records[{Repaired}].scores"]


def test_another_seed_draws_another_split(finished):
    table, task = make_table()
    other = Study(table, task, seed=1, rivals="none").run()
    assert not np.array_equal(other.train_rows, finished.train_rows)
    assert other.train_rows.size == finished.train_rows.size


def test_a_finished_study_has_everything_and_its_shapes_fit(finished):
    n, n_train, k = 700, finished.train_rows.size, len(finished.quantities.names)
    assert finished.finished and tuple(finished.timing) == STAGES
    assert finished.scores_before.shape == finished.scores_after.shape == (n,)
    assert finished.influence.shape == finished.removal.shape == finished.relabel.shape == (n_train, k)
    assert finished.leverage.shape == finished.weights.shape == finished.goal.influence.shape == (n_train,)
    assert set(finished.baseline) == set(finished.after) == set(finished.difference) == {"validation", "test"}
    assert finished.goal.value > 0
    assert [rival.name for rival in finished.rivals] == list(WEIGHTS)
    assert len(finished.fidelity.refits) == finished.fidelity.checked


def test_rows_left_out_to_check_scores_go_by_the_row_ids_of_the_file(finished):
    removal = pd.Series(finished.goal.removal, finished.dataset.row_id[finished.train_rows])
    refits = finished.fidelity.refits
    assert np.array_equal(refits["predicted"], removal[refits["row_id"]])


def test_scores_are_those_of_a_stranger_with_our_weights(finished):
    data, rows = finished.dataset, finished.train_rows
    for weights, scores in ((None, finished.scores_before), (finished.weights, finished.scores_after)):
        theirs = LogisticRegression(solver="newton-cholesky", tol=1e-10).fit(data.X[rows], data.y[rows], weights)
        np.testing.assert_allclose(theirs.predict_proba(data.X)[:, 1], scores, atol=1e-6)


def test_goal_scores_are_the_removal_of_a_row_on_validation_rows(finished):
    data, rows, goal = finished.dataset, finished.train_rows, finished.goal
    column = {name: i for i, name in enumerate(finished.quantities.names)}
    name = f"{goal.rate}[{goal.over} - {goal.under}]"
    sign = 1.0 if name in column else -1.0
    j = column[name if name in column else f"{goal.rate}[{goal.under} - {goal.over}]"]
    np.testing.assert_allclose(goal.removal, sign * finished.removal[:, j], atol=1e-15)
    worst = int(np.argmax(np.abs(goal.removal)))
    keep = np.delete(rows, worst)
    refitted = LogisticModel().fit(data.X[keep], data.y[keep])
    actual = sign * finished.quantities.values(refitted)[j] - goal.value
    assert actual == pytest.approx(goal.removal[worst], rel=0.1)


@pytest.mark.parametrize(("goal", "n_groups"), [*((goal, 2) for goal in GOALS), ("equalized_odds", 6)])
def test_every_goal_with_few_and_many_groups(goal, n_groups):
    table, task = make_table(seed=n_groups, n=500, n_groups=n_groups)
    result = Study(table, task, metric=goal, variant="efficient", rivals="none").run()
    assert result.finished and result.curve.metric in result.after["test"].values
    assert abs(result.weights.mean() - 1) <= 1e-12
    before, after = (found["validation"].values[result.curve.metric] for found in (result.baseline, result.after))
    assert after <= before


def test_strength_zero_changes_nothing():
    table, task = make_table()
    result = Study(table, task, strength=0.0, rivals="none").run()
    assert result.strength == 0.0
    np.testing.assert_array_equal(result.weights, 1.0)
    assert result.scores_after.tobytes() == result.scores_before.tobytes()
    assert differences(result.baseline, result.after) == []
    assert all(e.value == 0 for e in result.difference["test"].values() if e.value is not None)


def test_test_rows_choose_nothing(finished):
    data = finished.dataset
    rows = {name: data.part(code) for code, name in ((1, "validation"), (2, "test"))}
    y = data.y.copy()
    y[rows["test"]] = 1 - y[rows["test"]]
    parts = {name: Part(data.X[r], y[r], data.group_codes[r]) for name, r in rows.items()}
    measured = {
        name: quantities_from_codes(part.X, part.y, part.group_codes, data.groups, data.reference)
        for name, part in parts.items()
    }
    both = np.concatenate([data.part(TRAIN), rows["validation"]])
    guide = quantities_from_codes(data.X[both], y[both], data.group_codes[both], data.groups, data.reference)
    path = RepairPath(finished.model, guide, finished.config.repair)
    curve = trace(path, parts, measured, strength=None, budget=None, seed=0)
    assert (curve.chosen, curve.frontier) == (finished.curve.chosen, finished.curve.frontier)
    for here, there in zip(curve.points, finished.curve.points, strict=True):
        assert here.feasible == there.feasible
        if here.feasible:
            np.testing.assert_allclose(here.weights, there.weights, atol=1e-9)
            assert here.refitted["validation"] == pytest.approx(there.refitted["validation"], abs=1e-9, nan_ok=True)


def test_progress_rises_from_0_to_1_and_shows_what_is_known():
    table, task = make_table()
    seen: list[tuple[str, float, StudyResult | None]] = []
    result = Study(table, task).run(progress=lambda *news: seen.append(news))
    fractions = [fraction for _, fraction, _ in seen]
    assert fractions == sorted(fractions) and fractions[0] == 0.0 and fractions[-1] == 1.0
    order = [STAGES.index(stage) for stage, _, _ in seen]
    assert order == sorted(order) and set(order) == set(range(len(STAGES)))
    assert seen[0][2] is None and seen[-1][2] is result
    for stage, _, partial in seen[1:]:
        assert partial is None or set(partial.timing) <= set(STAGES[: STAGES.index(stage) + 1])
    assert any(partial is not None and partial.has("baseline") and not partial.has("curve") for _, _, partial in seen)


@pytest.mark.parametrize("stage", STAGES)
def test_cancelling_keeps_what_had_finished(stage, finished):
    table, task = make_table()
    cancel, seen = threading.Event(), []

    def progress(now: str, fraction: float, partial: StudyResult | None) -> None:
        seen.append(now)
        if now == stage:
            cancel.set()

    with pytest.raises(Cancelled) as caught:
        Study(table, task).run(progress=progress, cancel=cancel)
    assert seen[-1] == stage
    partial = caught.value.partial
    done = STAGES[: STAGES.index(stage)]
    if stage == "encode":
        assert partial is None or tuple(partial.timing) == ("encode",)
    else:
        assert tuple(partial.timing)[: len(done)] == done
        assert not partial.finished
        assert differences(Study(table, task).run(previous=partial), finished) == []


class CancelledAtLook(threading.Event):
    """A switch that is found set at the n-th look, and counts the looks."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at, self.looks = at, 0

    def is_set(self) -> bool:
        self.looks += 1
        return self.looks >= self.at


@pytest.mark.parametrize("variant", ["diverse", "uniform", "efficient"])
def test_a_study_ends_at_the_first_look_that_finds_it_cancelled(variant):
    table, task = make_table()
    for looks in (1, 60, 200):
        cancel = CancelledAtLook(looks)
        with pytest.raises(Cancelled):
            Study(table, task, variant=variant).run(cancel=cancel)
        assert cancel.looks == looks


@pytest.mark.parametrize(
    "change",
    [
        {"metric": "demographic_parity"},
        {"variant": "uniform", "max_weight": 2.0},
        {"strength": 0.33},
        {"strength": 0.5, "utility_budget": 0.0},
        {"seed": 3, "C": 0.1},
    ],
)
def test_reusing_an_earlier_result_gives_what_a_fresh_run_gives(finished, change):
    table, task = make_table()
    reused = Study(table, task, **change).run(previous=finished)
    assert differences(reused, Study(table, task, **change).run()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"reference": "team 0"},
        {"drop": ("region",), "use_sensitive_as_feature": False},
        {"sensitive": "region", "favorable": "no"},
    ],
)
def test_an_earlier_result_of_another_task_is_not_reused(finished, change):
    table, task = make_table()
    other = replace(task, **change)
    reused = Study(table, other).run(previous=finished)
    assert differences(reused, Study(table, other).run()) == []


def test_an_earlier_result_of_another_table_is_not_reused(finished):
    table, task = make_table()
    table.loc[3, "skill"] += 1e-9
    assert differences(Study(table, task).run(previous=finished), Study(table, task).run()) == []


def test_studies_in_several_threads_neither_block_nor_differ(finished):
    table, task = make_table()
    found: list[StudyResult] = []
    threads = [threading.Thread(target=lambda: found.append(Study(table, task).run())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert len(found) == 2
    assert all(differences(finished, result) == [] for result in found)


def test_a_group_without_one_outcome_is_left_out_with_a_warning():
    table, task = make_table(n=900, n_groups=3)
    table.loc[table["team"] == "team 0", "hired"] = "no"
    result = Study(table, task, metric="equal_opportunity").run()
    assert result.finished
    assert "true_positive_rate[team 0 - team 2]" in result.quantities.left_out
    assert any("team 0" in warning for warning in result.warnings)
    assert "team 0" not in (result.goal.over, result.goal.under)


def test_a_rate_that_validation_cannot_estimate_is_left_out_of_the_repair():
    table, task = make_table(n=900, n_groups=3)
    small = table.index[table["team"] == "team 0"]
    table.loc[small, "hired"] = "no"
    table.loc[small[:1], "hired"] = "yes"  # one favorable row of the group: it goes to training
    result = Study(table, task, metric="equal_opportunity", rivals="none").run()
    assert any("Left out of the repair" in warning and "team 0" in warning for warning in result.warnings)
    assert result.finished


def test_groups_of_two_rows():
    table, task = make_table(n=600)
    table.loc[[0, 1], "team"] = "team few"
    table.loc[[0, 1], "hired"] = ["yes", "no"]
    result = Study(table, task).run()
    assert result.finished and "team few" in result.dataset.groups
    assert abs(result.weights.mean() - 1) <= 1e-12


def test_a_handful_of_rows_does_not_rule_the_repair():
    """Twelve rows of a third group: two or three of them in validation."""
    table, task = make_table(n=1200)
    few = "team few, with a name as long as some crossed groups have"
    table.loc[:11, "team"] = few
    table.loc[:11, "hired"] = ["yes", "no"] * 6
    result = Study(table, task, metric="demographic_parity", rivals="none").run()
    warning = next(text for text in result.warnings if text.startswith("Left out of the repair"))
    assert "fewer than 10 validation rows" in warning and "selection rate of team few, with a" in warning
    assert few not in (result.goal.over, result.goal.under)
    assert few in {gap.group for gap in result.quantities.gaps}
    curve, metric = result.curve, "demographic_parity_difference"
    shown = [point.refitted["validation"] for point in curve.points if point.feasible]
    affordable = [one[metric] for one in shown if one["accuracy"] >= shown[0]["accuracy"] - curve.budget - 1e-12]
    assert curve.untouched or curve.points[curve.recommended].refitted["validation"][metric] == min(affordable)


def test_one_group_with_both_outcomes_leaves_no_goal():
    table, task = make_table(n=600)
    table.loc[table["team"] == "team 0", "hired"] = "no"
    with pytest.raises(TaskError, match="true positive rate"):
        Study(table, task, metric="equal_opportunity").run()


def test_outcomes_that_a_column_gives_away():
    table, task = make_table(n=600)
    table["leak"] = (table["hired"] == "yes") * 1.0
    result = Study(table, task, C=1e4).run()
    assert result.finished and np.isfinite(result.scores_after).all()


@pytest.mark.parametrize(("max_weight", "variant"), [(1.01, "uniform"), (1000.0, "diverse"), (1000.0, "efficient")])
def test_extreme_guard_rails(max_weight, variant):
    table, task = make_table(n=500)
    rails = {"max_weight": max_weight, "min_effective_sample_size": 0.0}
    result = Study(table, task, variant=variant, rivals="none", **rails).run()
    assert result.weights.max() <= max_weight and result.weights.min() >= 0
    assert all(p.largest_weight <= max_weight for p in result.curve.points if p.feasible)
    assert [p.strength for p in result.curve.points] == STRENGTHS.tolist()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"metric": "justice"}, ConfigError),
        ({"variant": "gentle"}, ConfigError),
        ({"strength": 1.3}, ConfigError),
        ({"seed": -1}, ConfigError),
        ({"seed": 1.5}, ConfigError),
        ({"seed": True}, ConfigError),
        ({"utility_budget": -0.1}, ConfigError),
        ({"max_weight": 1.0}, ConfigError),
        ({"min_effective_sample_size": 2.0}, ConfigError),
        ({"model": "mlp", "variant": "efficient"}, ConfigError),
        ({"model": "forest"}, ConfigError),
        ({"C": 0.0}, ConfigError),
    ],
)
def test_unusable_options_are_refused_before_anything_runs(change, error):
    table, task = make_table(n=100)
    with pytest.raises(error):
        Study(table, task, **change)


def test_a_task_that_does_not_fit_is_refused():
    table, _ = make_table(n=100)
    with pytest.raises(TaskError):
        Study(table, Task(target="salary", favorable="yes", sensitive="team")).run()


def test_a_previous_result_for_a_value_that_python_calls_equal_is_not_reused():
    table = plain_table()
    before = plain_study()
    with pytest.raises(TaskError, match="True"):
        Study(table, Task("y", True, "g")).run(previous=before)


def test_the_table_with_its_types_is_what_rows_are_pinned_by_and_the_table_as_given_is_what_is_named():
    table = plain_table()
    table["code"] = np.resize([1, 2, 3], len(table))
    options = {"rivals": "none", "pinned": ("c=(missing)", "code=2")}
    task = Task("y", 1, "g", types={"code": "category"}, missing=("u",))
    result = Study(table, task, **options).run()
    by_hand = table.assign(c=table["c"].where(table["c"] != "u"), code=table["code"].astype("str"))
    expected = Study(by_hand, Task("y", 1, "g"), **options).run()
    assert np.array_equal(result.pinned, expected.pinned)
    assert (result.weights[result.pinned] == 1).all()
    assert np.array_equal(result.weights, expected.weights)
    assert (
        result.fingerprint == Study(table, Task("y", 1, "g"), rivals="none").run().fingerprint != expected.fingerprint
    )


def test_a_result_is_reused_for_the_same_task_only_whatever_its_type_of_entries():
    table = plain_table().assign(fold=np.resize(["train", "train", "test", "dev"], 400))
    task = Task("y", 1, "g", exclude=["age<20"], split="fold", drop=["c"])
    before = Study(table, task, rivals="none").run()
    saved = Task.from_dict(task.to_dict())
    assert Study(table, saved, rivals="none").run(previous=before).dataset is before.dataset
    for other in (replace(task, exclude=("age<21",)), replace(task, split=None), replace(task, unit="age")):
        again = Study(table, other, rivals="none").run(previous=before)
        assert differences(again, Study(table, other, rivals="none").run()) == []
        assert again.dataset is not before.dataset
