"""The Compare page: the curve beside its rivals, axes and splits in the address, every point in a table."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import streamlit as st

from pages.common import points_table, state
from tests.pages.test_frame import choose_people, upload
from tests.pages.test_reweight import READY, plain


def ready(opened):
    return opened.until(lambda now: READY in now.words() and now.app.get("plotly_chart"))


def finding(opened):
    return plain(opened.app.subheader[0].value)


def test_the_example_is_compared_with_another_method(screen):
    opened = ready(screen("compare"))
    assert finding(opened).startswith("Against Reweighing")
    assert len(opened.app.get("plotly_chart")) == 2
    frame = opened.app.dataframe[0].value
    assert len(frame) == 21
    assert (frame["mark"].str.contains("chosen")).sum() == 1
    opened.app.session_state["compare_tab"] = "Other methods"
    opened.run()
    assert "Reweighing" in opened.app.dataframe[0].value["method"][0]


def test_axes_split_and_intervals_are_part_of_the_address(screen):
    opened = ready(screen("compare"))
    on_test = finding(opened)
    opened.app.selectbox(key="choice_utility_axis").set_value("roc_auc")
    opened.run()
    opened.app.selectbox(key="choice_disparity_axis").set_value("demographic_parity_difference")
    opened.run()
    opened.app.segmented_control(key="choice_split").set_value("validation")
    opened.run()
    opened.app.toggle(key="choice_intervals").set_value(True)
    opened.run()
    assert opened.query == {
        "utility_axis": ["roc_auc"],
        "disparity_axis": ["demographic_parity_difference"],
        "split": ["validation"],
        "intervals": ["yes"],
    }
    assert READY in opened.words(), "what is only drawn needs no study"
    assert finding(opened) != on_test
    assert {"roc_auc", "demographic_parity_difference"} <= set(opened.app.dataframe[0].value.columns)
    again = ready(screen("compare", opened.query))
    assert again.app.selectbox(key="choice_utility_axis").value == "roc_auc"


def test_the_goals_own_disparity_is_no_choice_of_its_own(screen):
    opened = ready(screen("compare"))
    for name in ("theil_index", "equalized_odds_difference"):
        opened.app.selectbox(key="choice_disparity_axis").set_value(name)
        opened.run()
    assert opened.query == {}


def test_the_reference_line_can_be_moved(screen):
    opened = ready(screen("compare"))
    opened.app.number_input(key="choice_reference_line").set_value(0.05)
    opened.run()
    assert opened.query["reference_line"] == ["0.05"]


def test_infeasible_points_stay_in_the_table_with_their_reason(screen):
    opened = ready(screen("compare", {"min_effective_sample_size": "0.97"}))
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


def test_an_upload_is_compared_once_it_is_studied(screen, people_csv):
    opened = choose_people(upload(screen("data"), "people.csv", people_csv))
    opened.go("compare")
    assert "has not been studied yet" in opened.words()
    opened.app.button(key="empty_run").click()
    ready(opened.run())
    assert finding(opened).startswith("Against Reweighing")


def test_without_a_table_the_page_leads_to_data(screen):
    assert "choose a table" in screen("compare", {"source": "upload"}).words()
