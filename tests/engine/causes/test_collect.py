"""What to collect next: expectations, the check by rows held back, and how it is told."""

from dataclasses import replace

import numpy as np
import pytest

from iffair_core import Study, Task, load_dataset
from iffair_core.causes.change import directed
from iffair_core.causes.cohorts import cohort_ledger
from iffair_core.causes.collect import Batch, Collection, what_to_collect
from iffair_core.errors import Cancelled, ConfigError
from iffair_core.models import LogisticModel
from iffair_core.telling.causes import collect_proof, collect_sentence, collect_table
from iffair_core.telling.figures import collect_bars
from tests.engine.studies import example_study, plain_table


@pytest.fixture(scope="module")
def cohorts():
    return cohort_ledger(example_study(), load_dataset("example")[0], most=4)


@pytest.fixture(scope="module")
def found(cohorts):
    return what_to_collect(example_study(), cohorts)


def test_every_group_cell_and_cohort_is_there_those_that_narrow_most_first(found, cohorts):
    names = [one.name for one in found.batches]
    assert {"community = Cedar", "community = Cedar, decision = granted", cohorts[0].name} <= set(names)
    assert len(names) == 3 + 6 + len(cohorts)
    order = [(one.with_outcome, one.soft) for one in found.batches]
    assert order == sorted(order)
    assert {one.name: one.with_outcome for one in found.batches}["community = Cedar"] is False
    assert all(one.with_outcome == ("decision = " in one.name) for one in found.batches)


def test_the_expectation_is_that_of_a_hundred_rows_more_like_those_there():
    result = example_study()
    batch = next(one for one in what_to_collect(result, checks=False).batches if one.name == "community = Cedar")
    mine = result.dataset.group_codes[result.train_rows] == result.dataset.groups.index("Cedar")
    weights = np.where(mine, 1.0 + 100 / mine.sum(), 1.0)
    again = LogisticModel(result.config.C).fit(result.model.X_, result.model.y_, weights)
    change = directed(result, result.quantities.values(again)) - result.goal.value
    assert batch.soft == pytest.approx(change, abs=2e-5)
    assert batch.seen is None and batch.within is None
    assert batch.low < batch.soft < batch.high


def test_rows_held_back_do_what_was_foretold(found):
    assert found.checked == len(found.batches)
    assert found.order is not None and found.order > 0.9
    assert found.level == "green"
    for one in found.batches:
        assert one.held == min(100, one.rows // 2)


def test_an_interval_that_a_rate_does_not_enter_stays(found):
    width = {one.name: one.width for one in found.batches}
    assert width["community = Birch"] == pytest.approx(0.0, abs=1e-12)
    assert width["community = Cedar, decision = granted"] < -0.02
    assert all(one is not None and one <= 1e-12 for one in width.values())


def test_cohort_only_mode_is_refused_and_it_can_be_stopped():
    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        what_to_collect(example_study(), stop_check=stop)
    hidden = Study(plain_table(), Task("y", 1, "g", smallest_group=5), rivals="none").run()
    with pytest.raises(ConfigError, match="cohort-only"):
        what_to_collect(hidden)


@pytest.mark.parametrize(("within", "level"), [(20, "green"), (15, "amber"), (5, "red")])
def test_a_list_that_fails_its_check_says_so(within, level):
    batch = Batch("g = a", 50, -0.01, -0.02, -0.001, None, 25, -0.01, 0.03, False)
    found = Collection((batch,), 20, within, 0.5)
    assert found.level == level
    assert ("Do not rely on the intervals" in collect_proof(found)) == (level == "red")


def test_it_is_told_in_a_sentence_a_table_and_a_picture(found):
    result = example_study()
    said = collect_sentence(result, found)
    assert said.startswith("No 100 further rows of one group or cohort, however they turn out, are sure to narrow")
    best = next(one for one in found.batches if one.with_outcome)
    assert f"nobody can choose, matters more: 100 with {best.name} are expected to narrow it by " in said
    chosen = replace(found.batches[0], soft=-0.02, low=-0.03, high=-0.01)
    sure = replace(found, batches=(chosen, *found.batches[1:]))
    said = collect_sentence(result, sure)
    assert said.startswith(f"100 further training rows with {chosen.name} are expected to narrow the gap")
    assert "by 2.00 points (95 % 1.00 to 3.00), 11.6 % of it" in said
    assert len(collect_table(found)) == len(found.batches)
    assert "Expected change of the gap" in collect_bars(result, found).alt
    unsure = Collection(tuple(one for one in found.batches if one.high >= 0), 0, 0, None)
    assert "are sure to narrow" in collect_sentence(result, unsure)
    assert collect_proof(unsure) == "Nothing of this list has been checked yet."
