"""The Compare page: the curve beside its rivals, axes and splits in the address, every point in a table."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import streamlit as st

from pages.parts.compare import points_table
from pages.session import state
from tests.pages.conftest import READY
from tests.pages.test_reweight import plain


def finding(opened):
    return plain(opened.app.subheader[0].value)


def test_the_example_is_compared_with_another_method(screen):
    opened = screen("compare").ready()
    said = finding(opened)
    assert said.startswith("None of the 2 methods that can be compared is clearly") and " Against " in said
    assert len(opened.app.get("plotly_chart")) == 2
    frame = opened.app.dataframe[0].value
    assert len(frame) == 21
    assert (frame["mark"].str.contains("chosen")).sum() == 1
    opened.put("compare_tab", "Other methods")
    assert "Reweighing" in opened.app.dataframe[0].value["method"][0]


def test_axes_split_and_intervals_are_part_of_the_address(screen):
    opened = screen("compare").ready()
    on_test = finding(opened)
    opened.set("selectbox", "choice_utility_axis", "roc_auc")
    opened.set("selectbox", "choice_disparity_axis", "demographic_parity_difference")
    opened.set("segmented_control", "choice_split", "validation")
    opened.set("toggle", "choice_intervals", True)
    assert opened.query == {
        "utility_axis": ["roc_auc"],
        "disparity_axis": ["demographic_parity_difference"],
        "split": ["validation"],
        "intervals": ["yes"],
    }
    assert READY in opened.words(), "what is only drawn needs no study"
    assert finding(opened) != on_test
    assert {"roc_auc", "demographic_parity_difference"} <= set(opened.app.dataframe[0].value.columns)
    again = screen("compare", opened.query).ready()
    assert again.app.selectbox(key="choice_utility_axis").value == "roc_auc"


def test_the_goals_own_disparity_is_no_choice_of_its_own(screen):
    opened = screen("compare").ready()
    for name in ("theil_index", "equalized_odds_difference"):
        opened.set("selectbox", "choice_disparity_axis", name)
    assert opened.query == {}


def test_the_reference_line_can_be_moved(screen):
    opened = screen("compare").ready()
    opened.set("number_input", "choice_reference_line", 0.05)
    assert opened.query["reference_line"] == ["0.05"]


def test_infeasible_points_stay_in_the_table_with_their_reason(screen):
    opened = screen("compare", {"min_effective_sample_size": "0.97"}).ready()
    frame = opened.app.dataframe[0].value
    lost = frame[frame["mark"].str.contains("infeasible")]
    assert len(lost) > 0
    assert lost["why infeasible"].str.contains("effective sample size").all()
    assert lost["accuracy"].isna().all() and lost["predicted accuracy"].notna().all()


@pytest.mark.parametrize("carried", [[0.75], {"0": 0.75}])
def test_a_clicked_point_is_chosen(monkeypatch, carried):
    taken = take(monkeypatch, points_table.take_from_picture, {points_table.PICTURE: [{"customdata": carried}]})
    assert taken == [0.75]


def test_a_clicked_rival_chooses_nothing(monkeypatch):
    assert take(monkeypatch, points_table.take_from_picture, {points_table.PICTURE: [{"x": 80.0}]}) == []
    assert take(monkeypatch, points_table.take_from_picture, {points_table.PICTURE: []}) == []


def test_a_selected_row_is_chosen(monkeypatch):
    held = {points_table.PICK: [0.0, 0.0625, 0.125]}
    assert take(monkeypatch, points_table.take_from_table, {points_table.TABLE: [2]} | held) == [0.125]
    assert take(monkeypatch, points_table.take_from_table, {points_table.TABLE: []} | held) == []


def take(monkeypatch, callback, held):
    """The strengths that a callback chooses, with the widgets' states as AppTest cannot set them."""
    taken = []
    selections = {
        name: value if name == points_table.PICK
        else SimpleNamespace(selection=SimpleNamespace(points=value, rows=value))
        for name, value in held.items()
    }  # fmt: skip
    monkeypatch.setattr(st, "session_state", selections)
    monkeypatch.setattr(state, "update", lambda **changes: taken.append(changes["strength"]))
    callback()
    return taken


def test_fairlearns_methods_run_on_request_and_are_part_of_the_address(screen):
    opened = screen("compare").ready()
    curve = opened.app.dataframe[0].value
    opened.put("compare_tab", "Other methods")
    few = opened.app.dataframe[0].value
    assert set(few["changes"]) == {"Row weights"} and "rivals" not in opened.query
    assert "On a large table they take half a minute" in opened.words()
    opened.click("run_fairlearn")
    assert opened.query["rivals"] == ["all"]
    opened.until(lambda now: READY in now.words() and len(now.app.dataframe[0].value) > len(few))
    many = opened.app.dataframe[0].value
    assert list(many["method"])[: len(few)] == list(few["method"])
    assert {"Constrained training", "Group thresholds", "Changed features"} <= set(many["changes"])
    assert set(many.loc[many["changes"] == "Group thresholds", "needs group"]) == {"yes"}
    assert many["accuracy"].between(0, 100).all()
    assert "run_fairlearn" not in opened.widgets()
    assert "(95 % over 9 methods" in finding(opened)
    opened.put("compare_tab", "All points")
    assert opened.app.dataframe[0].value.equals(curve)


def test_a_link_that_asks_for_unknown_rivals_or_models_says_so(screen):
    opened = screen("compare", {"rivals": "magic"})
    assert "rivals" in opened.words() and "cannot be used" in opened.words()
    assert "cannot be used" in screen("compare", {"transfer": ["oracle"]}).words()


def open_tab(opened, tab):
    return opened.put("compare_tab", tab)


def test_other_models_are_refitted_with_the_weights_on_the_screen_and_belong_to_them(screen):
    opened = open_tab(screen("compare", {"transfer": ["decision_tree"]}).ready(), "Other models")
    assert "Not refitted yet with the weights" in opened.words()
    opened.set("multiselect", "choice_transfer", ["decision_tree", "gaussian_naive_bayes"])
    assert opened.query["transfer"] == ["decision_tree", "gaussian_naive_bayes"]
    assert READY in opened.words(), "other models need no study"
    opened.click("refit_others").until(lambda now: READY in now.words() and "With these weights" in now.words())
    assert "in Gaussian naive Bayes" in opened.words()
    frame = opened.app.dataframe[0].value
    assert list(frame["model"])[1:] == ["Decision tree", "Gaussian naive Bayes"]
    assert len(opened.app.get("plotly_chart")) == 3
    assert opened.app.button(key="refit_others").disabled

    first = opened.query
    opened.app.query_params["strength"] = "0.25"
    opened.run()
    assert "Not refitted yet with the weights of strength 0.25" in opened.words()
    assert "With these weights" not in opened.words()
    assert "strength" not in first
    del opened.app.query_params["strength"]
    opened.run()
    assert "With these weights" in opened.words(), "what was refitted is kept for its own strength"


def test_an_upload_is_compared_once_it_is_studied_and_its_other_models_can_be_cancelled(opened):
    opened.go("compare")
    assert "has not been studied yet" in opened.words()
    opened.click("empty_run").ready()
    assert " Against " in finding(opened)
    open_tab(opened, "Other models")
    assert "Choose others" in opened.words()
    opened.set("multiselect", "choice_transfer", ["random_forest", "gaussian_naive_bayes"])
    opened.click("refit_others")
    if opened.app.button(key="refit_others").disabled and "Being refitted" in opened.words():
        opened.click("card_cancel")
    opened.ready()
    assert opened.app.get("plotly_chart"), "the study stays"
