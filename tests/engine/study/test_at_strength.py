"""Choosing another point of a curve that is already there gives what a study of its own would have given."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from iffair_core import StudyResult
from iffair_core.errors import ConfigError
from iffair_core.study.at_strength import with_choice
from iffair_core.telling.files import rows_frame, summary
from tests.engine.studies import plain_study

study = partial(plain_study, min_effective_sample_size=0.9, max_weight=2.0)


def assert_same(found: StudyResult, wanted: StudyResult) -> None:
    assert summary(replace(found, timing=wanted.timing)) == summary(wanted)
    assert rows_frame(found).equals(rows_frame(wanted))
    assert found.curve.frame().equals(wanted.curve.frame())
    for name in ("recommended", "chosen", "frontier", "warnings", "budget"):
        assert getattr(found.curve, name) == getattr(wanted.curve, name)
    assert found.difference == wanted.difference
    assert found.fidelity.sentence == wanted.fidelity.sentence


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.25, None])
@pytest.mark.parametrize("start", [None, 0.33])
def test_a_choice_on_the_grid_equals_a_study_of_its_own(start, strength):
    assert_same(with_choice(study(strength=start), strength=strength), study(strength=strength))


@pytest.mark.parametrize("strength", [None, 0.75, 1.25])
def test_another_budget_equals_a_study_of_its_own(strength):
    asked = {"strength": strength, "utility_budget": 0.0}
    assert_same(with_choice(study(), **asked), study(**asked))


def test_an_infeasible_strength_falls_back_with_the_studys_own_words():
    chosen = with_choice(study(), strength=1.25)
    assert any("1.25 is infeasible" in text for text in chosen.warnings)
    assert chosen.strength < 1.25 and chosen.config.strength == 1.25
    assert_same(with_choice(chosen, strength=0.5), study(strength=0.5))


def test_a_point_that_the_curve_has_is_kept_where_it_is_asked_for():
    assert_same(with_choice(study(strength=0.33), strength=0.33), study(strength=0.33))


@pytest.mark.parametrize("strength", [0.33, 1.3, -0.1, np.nan])
def test_a_strength_without_a_point_is_an_error(strength):
    with pytest.raises(ConfigError, match="strength"):
        with_choice(study(), strength=strength)


def test_the_given_result_is_left_as_it_was():
    before = summary(study())
    with_choice(study(), strength=0.5)
    assert summary(study()) == before
