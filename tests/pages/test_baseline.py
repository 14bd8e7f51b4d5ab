"""The Baseline page without a browser: the finding and its numbers, every tab, an upload, bad data, partial results."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from iffair_core import wording
from iffair_core.audit import audit
from iffair_core.data.task import Task
from iffair_core.reading.door import read_table
from iffair_core.study.results import Baseline, GoalScores, Influence
from iffair_core.telling import audits, sentences, tables
from pages.session import study_runs
from tests.pages.conftest import READY, choose_people, upload

TABS = ("All metrics", "Intersections", "Scores", "Calibration", "Without a model")


def printed(opened):
    """The page's printed tables, as HTML."""
    return [element.proto.body for element in opened.app.get("html") if 'class="printed"' in element.proto.body]


def finding(opened):
    return opened.app.subheader[0].value.replace("\\", "")


def audited(opened):
    """What the audit without a model says and lists."""
    frames = [" ".join(map(str, frame.value.to_numpy().ravel())) for frame in opened.app.dataframe]
    return "\n".join([opened.words(), *frames]).replace("\\", "")


def test_the_examples_finding_is_told_with_its_numbers_two_pictures_and_rates_with_both_signs(screen, example):
    opened = screen("baseline").ready()
    assert finding(opened) == sentences.baseline_sentence(example)
    cards = {card.label.replace("\\", ""): (card.value, card.delta) for card in opened.app.metric}
    rate, group, gap = tables.widest_gap(example)
    values, intervals = example.baseline["test"].values, example.baseline["test"].intervals
    low, high = (f"{100 * end:.1f}" for end in intervals["accuracy"])
    assert cards["Accuracy"] == (f"{100 * values['accuracy']:.1f} %", f"95 % {low} to {high}")
    assert cards["Equalized odds difference"][0] == f"{values['equalized_odds_difference']:.3f}"
    assert cards[f"Widest gap: {group} − Alder"][0] == wording.points(gap.value)
    assert rate in ("true_positive_rate", "false_positive_rate")
    assert len(opened.app.get("plotly_chart")) == 2
    metrics, rates = printed(opened)
    assert "theil_index" in metrics
    assert "statistical_parity_difference" not in metrics  # three groups, of which AIF360 knows two
    line = next(row for row in rates.split("<tr>") if "Cedar" in row and "true positive rate" in row)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", line)
    assert cells[6].startswith("−") and cells[9].startswith("+")
    assert cells[6][1:] == cells[9][1:]
    assert all("reference" in row for row in rates.split("<tr>") if ">Alder<" in row)


def test_every_tab_opens_and_hidden_ones_cost_nothing(screen):
    opened = screen("baseline").ready()
    drawn = {}
    for name in TABS:
        opened.put("baseline_tab", name)
        drawn[name] = (len(printed(opened)), len(opened.app.get("plotly_chart")))
    assert drawn == {"All metrics": (2, 2), "Intersections": (0, 3), "Scores": (0, 3), "Calibration": (0, 3),
                     "Without a model": (0, 3)}  # fmt: skip


def test_groups_are_crossed_with_a_column_that_is_neither_outcome_nor_group(screen):
    opened = screen("baseline").ready()
    opened.put("baseline_tab", "Intersections")
    box = next(one for one in opened.app.selectbox if one.key == "baseline_column")
    assert "community" not in box.options and "decision" not in box.options and "district" in box.options
    box.set_value("age")
    opened.run()
    assert len(opened.app.get("plotly_chart")) == 3


def test_a_reference_line_is_kept_in_the_address_and_makes_nothing_stale(screen):
    opened = screen("baseline").ready()
    opened.set("number_input", "choice_reference_line", 0.2)
    assert opened.query["reference_line"] == ["0.2"] and READY in opened.words()
    opened.set("number_input", "choice_reference_line", None)
    assert "reference_line" not in opened.query


def test_the_baseline_is_shown_while_the_curve_still_runs(screen, example, monkeypatch):
    opened = screen("baseline").ready()
    done = {kind: example.records[kind] for kind in (Baseline, Influence, GoalScores)}
    partial = replace(example, rivals=(), records=done)
    monkeypatch.setattr(study_runs, "current_result", lambda: (partial, []))
    opened.run()
    assert not opened.app.error
    assert finding(opened) == sentences.baseline_sentence(example)
    assert len(opened.app.get("plotly_chart")) == 1


def test_an_upload_with_a_missing_group_is_studied_when_asked_shown_and_stale_after_a_change(screen, people_csv):
    opened = screen("baseline").ready()
    opened.put("baseline_tab", "Intersections")
    opened.set("selectbox", "baseline_column", "purpose")
    opened = choose_people(upload(opened.go("data"), "people.csv", people_csv))
    opened.go("baseline")
    assert "has not been studied yet" in opened.words()
    assert "clan" in audited(opened) and "(missing)" in audited(opened)
    opened.click("empty_run").ready()
    assert ">(missing)<" in printed(opened)[1]
    for name in TABS:
        opened.put("baseline_tab", name)
    opened.go("data")
    opened.set("number_input", "choice_seed", 5)
    assert [button for button in opened.app.button if button.key == "card_run"]
    opened.set("number_input", "choice_seed", 0)
    assert READY in opened.words()


def test_what_a_study_left_out_of_a_table_is_named_on_the_screen(screen, people_csv):
    header, *rows = people_csv.decode().splitlines()
    extra = [f"{row},,k,{'inf' if i < 3 else i}" for i, row in enumerate(rows)]
    opened = screen("data", {"source": "upload", "target": "hired", "favorable": "yes", "sensitive": "clan"})
    opened.give("odd.csv", "\n".join([f"{header},blank,same,<b>", *extra]).encode())
    opened.click("data_run").ready()
    for page in ("baseline", "data"):
        told = opened.go(page).words()
        assert "blank (all missing)" in told and "same (constant)" in told, page
        assert "Infinite values treated as missing in: <b> (3)" in told, page


def test_figures_of_earlier_choices_are_marked(screen):
    opened = screen("baseline").ready()
    opened.go("data")
    opened.set("number_input", "choice_seed", 5)
    opened.go("baseline")
    assert any("before your last change" in warning.value for warning in opened.app.warning)
    assert opened.app.subheader


def test_figures_of_earlier_choices_do_not_ask_for_a_run_that_cannot_be(screen):
    screen("baseline").ready()
    opened = screen("baseline", {"target": "decisoin"})
    told = "".join(warning.value for warning in opened.app.warning).replace("\\", "")
    assert "'decisoin' is not a column of the table" in told and "Change them on Data" in told
    assert "Run the study" not in told


DECIDED = "sex,passed,score,later\n" + "\n".join(
    f"{'Female' if i % 2 else 'Male'},{'yes' if i % 3 else 'no'},{i % 50},{'good' if i % 5 else 'bad'}"
    for i in range(300)
)


def without_a_model(screen, **choices):
    opened = screen("data", {"source": "upload", "sensitive": "sex", **choices})
    return opened.give("decided.csv", DECIDED.encode()).go("baseline")


def test_recorded_outcomes_are_compared_before_any_model_is_fitted(screen):
    opened = without_a_model(screen, target="passed", favorable="yes")
    said = audited(opened)
    assert "has not been studied yet" in said
    found = audit(read_table(DECIDED.encode()), Task("passed", "yes", "sex"))
    assert audits.audit_sentence(found, found.tables[0]) in said
    assert "passed = yes: 66.7 % of 300 rows" in said


def test_scores_and_decisions_of_the_file_are_held_against_the_outcome(screen):
    opened = without_a_model(screen, target="later", favorable="good")
    opened.set("selectbox", "audit_column", "score")
    assert "score > 24.5: 50.0 % of 300 rows" in audited(opened)
    opened.set("checkbox", "choice_audit_truth", True)
    table = read_table(DECIDED.encode())
    found = audit(table, Task("score", "", "sex"), above=24.5, truth=("later", "good"))
    assert audits.judged_sentence(found, found.tables[0]) in audited(opened)
    opened.set("selectbox", "audit_column", "passed")
    opened.set("multiselect", "choice_audit_favorable", ["yes"])
    found = audit(table, Task("passed", "yes", "sex"), truth=("later", "good"))
    assert audits.judged_sentence(found, found.tables[0]) in audited(opened)
    assert not opened.app.exception


def test_a_link_that_compares_what_is_not_there_is_told_so(screen):
    opened = without_a_model(screen, target="passed", favorable="yes", audit="sex")
    assert "sex cannot be compared between the groups; the outcome is." in audited(opened)
    assert "passed = yes: 66.7 % of 300 rows" in audited(opened)
    opened = without_a_model(screen, target="passed", favorable="yes", audit="later", audit_favorable="great")
    assert "later has no value 'great'." in audited(opened)


def test_what_is_compared_without_a_model_is_in_the_link(screen):
    asked = {"audit": "score", "audit_above": "30", "audit_truth": "yes"}
    opened = without_a_model(screen, target="later", favorable="good", **asked)
    assert "score > 30: 38.0 % of 300 rows" in audited(opened)
    found = audit(read_table(DECIDED.encode()), Task("score", "", "sex"), above=30, truth=("later", "good"))
    assert audits.judged_sentence(found, found.tables[0]) in audited(opened)
    assert asked.items() <= dict(opened.app.query_params).items()
    opened.set("number_input", "choice_audit_above", 40.0)
    assert "score > 40: 18.0 % of 300 rows" in audited(opened)
    opened.set("selectbox", "audit_column", "later")
    assert not {"audit", "audit_above"} & set(opened.app.query_params)


@pytest.mark.parametrize("asked", [{"audit": "nowhere"}, {"audit": "passed", "audit_favorable": "maybe"}])
def test_a_link_that_compares_what_is_not_there_opens(screen, asked):
    opened = without_a_model(screen, target="later", favorable="good", **asked)
    assert not opened.app.exception
    assert opened.app.selectbox(key="audit_column").value == ("later" if asked["audit"] == "nowhere" else "passed")


def test_decisions_are_held_against_an_outcome_that_is_cut(screen):
    opened = without_a_model(
        screen, target="score", favorable=">= 20", bins="score:20", audit="passed", audit_favorable="yes",
        audit_truth="yes",
    )  # fmt: skip
    task = Task("passed", "yes", "sex", bins={"score": (20,)})
    found = audit(read_table(DECIDED.encode()), task, truth=("score", ">= 20"))
    assert audits.judged_sentence(found, found.tables[0]) in audited(opened)
    assert found.truth == "score >= 20"


RARE = "g,x,called\n" + "\n".join(
    f"{'ab'[i % 2]},{(i * 37) % 101},{'yes' if i % 25 == 0 else 'no'}" for i in range(1500)
)


def test_a_model_that_selects_nobody_is_said_first_and_a_click_takes_another_threshold(screen):
    opened = screen("data", {"source": "upload", "target": "called", "favorable": "yes", "sensitive": "g"})
    opened.give("rare.csv", RARE.encode())
    opened.click("data_run").ready()
    for page in ("baseline", "reweight", "compare", "report"):
        opened.go(page)
        assert any("selects nobody, or hardly anybody" in warning.value for warning in opened.app.warning), page
    assert finding(opened.go("baseline")).startswith("The model selects nobody, or hardly anybody of the test rows")
    assert any("not informative" in str(card.delta) for card in opened.app.metric)
    opened.click("important_threshold").ready()
    assert opened.query["threshold"] == ["balanced"]
    assert any("chosen on validation rows" in warning.value for warning in opened.app.warning)
    assert not finding(opened).startswith("The model selects nobody")
