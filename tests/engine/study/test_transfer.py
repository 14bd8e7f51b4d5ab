"""Weights that travel: same weights, same rows, honest scores; other models never outlive the weights they are of."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache, partial
from threading import Event

import numpy as np
import pytest
from fairlearn.metrics import equalized_odds_difference
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from iffair_core import Cancelled, ConfigError, FitError, Study, StudyResult, Task
from iffair_core.__main__ import main
from iffair_core.data.encoding import SPLITS
from iffair_core.metrics import METRICS
from iffair_core.study.at_strength import with_choice, with_transfers
from iffair_core.study.classifiers import TRANSFER_MODELS
from iffair_core.study.results import TRANSFER
from iffair_core.study.transfer import checked_weights, transfer
from iffair_core.telling.figures import transfers
from iffair_core.telling.files import settings as study_settings
from iffair_core.telling.files import summary
from iffair_core.telling.report import report_html
from iffair_core.telling.reproduce import command_line, reproduce_script
from iffair_core.telling.sentences import transfer_sentence
from iffair_core.telling.tables import transfer_table
from tests.engine.studies import plain_study, plain_table

GOAL = "equalized_odds_difference"
CHEAP = ("decision_tree", "gaussian_naive_bayes")


study = partial(plain_study, 1500, strength=0.75, rivals="none")
"""A finished study whose weights lower the disparity on both splits."""


@cache
def travelled() -> StudyResult:
    return with_transfers(study(), tuple(TRANSFER_MODELS))


def rows_of_test(result: StudyResult) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data = result.dataset
    rows = data.part(SPLITS.index("test"))
    return data.X[rows], data.y[rows], data.group_codes[rows]


@pytest.mark.parametrize("name", TRANSFER_MODELS)
def test_a_named_model_is_measured_as_fairlearn_and_scikit_learn_measure_it(name):
    result = travelled()
    one = next(one for one in result.transfers if one.name == name)
    rows, (X, y, codes) = result.train_rows, rows_of_test(result)
    for weights, found in ((np.ones(rows.size), one.before), (result.weights, one.after)):
        model = TRANSFER_MODELS[name].make(0).fit(
            result.dataset.X[rows], result.dataset.y[rows], sample_weight=weights
        )  # fmt: skip
        score = model.predict_proba(X)[:, 1] if hasattr(model, "predict_proba") else model.decision_function(X)
        decision = score >= (0.5 if hasattr(model, "predict_proba") else 0)
        values = found["test"].values
        assert values["accuracy"] == pytest.approx(np.mean(decision == y))
        assert values[GOAL] == pytest.approx(equalized_odds_difference(y, decision, sensitive_features=codes))
        assert values["roc_auc"] == pytest.approx(roc_auc_score(y, score))
        assert (values["log_loss"] is None) == (name == "linear_svm")
        assert found["test"].intervals["log_loss"] is None
    for metric in METRICS:
        change, pair = (
            one.difference["test"][metric],
            (one.before["test"].values[metric], one.after["test"].values[metric]),
        )
        assert change.value == (None if None in pair else pytest.approx(pair[1] - pair[0]))
    assert one.strength == 0.75
    assert any("no probabilities" in note for note in one.notes) == (name == "linear_svm")


def test_the_studys_own_model_keeps_all_of_the_reduction():
    result = study()
    own = transfer(result, LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000))
    for split in ("validation", "test"):
        assert own.after[split].values[GOAL] == pytest.approx(result.after[split].values[GOAL], abs=1e-12)
        assert own.before[split].values[GOAL] == pytest.approx(result.baseline[split].values[GOAL], abs=1e-12)
        reduced = result.difference[split][GOAL].value < 0
        assert own.kept[split] == (pytest.approx(1.0) if reduced else None)
    assert own.kept["validation"] is not None
    assert own.name == own.title == "LogisticRegression"


def test_without_weights_to_speak_of_nothing_moves():
    result = with_choice(plain_study(), strength=0.0)
    found = transfer(result, DecisionTreeClassifier(min_samples_leaf=20))
    assert found.before == found.after
    assert {change.value for change in found.difference["test"].values()} <= {0.0, None}
    assert set(found.kept.values()) == {None}


def test_every_random_state_that_is_open_becomes_the_studys_seed():
    result = study()
    free = transfer(result, DecisionTreeClassifier(max_features=1))
    assert free.after == transfer(result, DecisionTreeClassifier(max_features=1)).after
    seeded = transfer(result, DecisionTreeClassifier(max_features=1, random_state=result.config.seed))
    assert free.after == seeded.after
    assert free.seed == result.config.seed
    given_estimator = DecisionTreeClassifier()
    transfer(result, given_estimator)
    assert not hasattr(given_estimator, "tree_")


def test_an_estimator_without_probabilities_or_margins_says_what_is_not_estimable():
    class DecidesOnly(DummyClassifier):
        predict_proba = property()

    margins = transfer(study(), RidgeClassifier())
    assert margins.after["test"].values["log_loss"] is None
    assert margins.after["test"].values["roc_auc"] is not None
    decisions = transfer(study(), DecidesOnly(strategy="most_frequent"))
    assert [m for m, v in decisions.after["test"].values.items() if v is None and m.endswith(("auc", "loss"))] == [
        "roc_auc",
        "log_loss",
    ]
    assert decisions.difference["test"]["roc_auc"].value is None


@pytest.mark.parametrize(
    ("estimator", "says"),
    [
        (KNeighborsClassifier(), "takes no sample_weight.*hist_gradient_boosting"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "pass the last step"),
        (LinearRegression(), "is no classifier"),
        (DecisionTreeClassifier, "unfitted"),
        ("decision_tree", "is no classifier"),
    ],
)
def test_what_no_weights_can_travel_to_is_refused_with_the_way_out(estimator, says):
    with pytest.raises(ConfigError, match=says):
        transfer(study(), estimator)


def test_options_that_the_estimator_refuses_are_an_error_of_ours():
    with pytest.raises(FitError, match="max_depth"):
        transfer(study(), DecisionTreeClassifier(max_depth=-3))


def test_a_study_without_weights_has_nothing_to_carry():
    with pytest.raises(ConfigError, match="has not come that far"):
        transfer(replace(study(), records={}), DecisionTreeClassifier())


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=6))
def test_only_weights_that_are_finite_and_not_negative_reach_an_estimator(values):
    weights = np.array(values)
    fine = np.isfinite(weights).all() and (weights >= 0).all() and (weights > 0).any()
    if fine:
        assert (checked_weights(weights, weights.size) == weights).all()
    else:
        with pytest.raises(ConfigError, match="at least 0"):
            checked_weights(weights, weights.size)
    with pytest.raises(ConfigError, match="one weight"):
        checked_weights(weights, weights.size + 1)


def test_a_study_runs_the_other_models_that_it_is_asked_for():
    seen = []
    options = {"strength": 0.75, "transfer": CHEAP, "rivals": "none"}
    result = Study(plain_table(1500), Task("y", 1, "g"), name="plain.csv", **options).run(lambda *now: seen.append(now))
    assert tuple(one.name for one in result.transfers) == CHEAP
    assert result.transfers[0].after == next(o for o in travelled().transfers if o.name == CHEAP[0]).after
    assert result.timing[TRANSFER] > 0
    shares = [share for stage, share, _ in seen if stage == TRANSFER]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert [len(partial.transfers) for stage, _, partial in seen if stage == TRANSFER][-1] == 2
    with pytest.raises(ConfigError, match="random_forest"):
        Study(plain_table(), Task("y", 1, "g"), transfer=("nothing",))


def test_models_that_are_there_are_not_fitted_again_and_others_go():
    result = travelled()
    fewer = with_transfers(result, CHEAP)
    assert [one.name for one in fewer.transfers] == list(CHEAP)
    assert all(any(one is held for held in result.transfers) for one in fewer.transfers)
    assert fewer.config.transfer == CHEAP


def test_a_cancel_leaves_the_models_that_were_done():
    stop = Event()

    def progress(_stage, share, _partial):
        if share >= 0.5:
            stop.set()

    with pytest.raises(Cancelled) as stopped:
        with_transfers(study(), CHEAP, progress, stop)
    assert [one.name for one in stopped.value.partial.transfers] == [CHEAP[0]]


def test_other_models_do_not_outlive_the_weights_they_were_fitted_with():
    moved = with_choice(travelled(), strength=0.25)
    assert moved.transfers == () and TRANSFER not in moved.timing
    assert sum("another strength" in text for text in moved.warnings) == 1
    again = with_transfers(moved, CHEAP)
    assert {one.strength for one in again.transfers} == {0.25}
    assert not any("another strength" in text for text in again.warnings)
    assert with_choice(travelled(), strength=0.75).transfers == travelled().transfers


def test_tables_sentence_picture_files_and_report_hold_them():
    result = travelled()
    table = transfer_table(result)
    assert len(table) == 1 + len(TRANSFER_MODELS)
    assert table["accuracy after"].notna().all()
    said = transfer_sentence(result, "validation")
    assert said.startswith("With these weights, the equalized odds difference of histogram gradient boosting goes from")
    assert "survives" in said and "in Gaussian naive Bayes" in said
    assert "every weight is 1" in transfer_sentence(with_transfers(with_choice(result, strength=0.0), CHEAP))
    picture = transfers(result, "dark", "validation", x="log_loss")
    assert "not estimable" in [note.text for note in picture.figure.layout.annotations]
    assert "Random forest" in picture.alt and "really fitted" in picture.caption
    assert len(picture.table) == len(table)
    with pytest.raises(ConfigError, match="other models"):
        transfers(study())
    found = summary(result)
    json.dumps(found, allow_nan=False)
    assert [one["name"] for one in found["transfer"]] == list(TRANSFER_MODELS)
    assert found["transfer"][0]["after"]["test"]["accuracy"] == table["accuracy after"][1]
    assert summary(study())["transfer"] == []
    html = report_html(result)
    assert "Other models without and with the weights" in html
    assert "Other models without and with the weights" not in report_html(study())


def test_the_code_that_runs_a_study_again_asks_for_them_too():
    result = with_transfers(study(), CHEAP)
    assert "--transfer decision_tree --transfer gaussian_naive_bayes" in command_line(result, "plain.csv")
    assert f"transfer={CHEAP!r}" in reproduce_script(result, "plain.csv")
    assert study_settings(result)["config"]["transfer"] == list(CHEAP)


def test_the_command_line(tmp_path, capsys):
    path = tmp_path / "plain.csv"
    plain_table().to_csv(path, index=False)
    asked = ["run", str(path), "--target", "y", "--favorable", "1", "--sensitive", "g", "--out", str(tmp_path / "out")]
    assert main([*asked, "--transfer", "decision_tree", "--transfer", "decision_tree"]) == 0
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert [one["name"] for one in found["transfer"]] == ["decision_tree"]
    capsys.readouterr()
    assert main([*asked, "--transfer", "boosting"]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and all(name in said for name in TRANSFER_MODELS)
