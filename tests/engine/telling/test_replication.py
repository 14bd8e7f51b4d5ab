"""The kept comparison: its file is well-formed, its verdicts follow from its figures, its document says the same."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.report_quality import PATH, document
from iffair_core.errors import ConfigError
from iffair_core.telling.replication import (
    FILE,
    KINDS,
    SOURCES,
    TIE,
    VARIANTS,
    VERDICTS,
    CurvePoint,
    Entry,
    Place,
    Replication,
    finding,
    read,
    replication,
)

KEPT = replication()
ROUNDING = 2.1e-5
CELLS = [(one, rival, name) for one in KEPT.entries for rival in one.rivals.values() for name in rival.margins]


def small(**changes: Any) -> str:
    """A file with one data set: a curve that meets one rival, and one that it does not reach."""
    place = {"disparity": 0.1, "accuracy": 0.8, "disparity_error": 0.01, "accuracy_error": 0.002}
    margin = {"verdict": "tie", "margin": -0.001, "error": 0.004, "strength": 0.5}
    lost = {"verdict": "not reached", "margin": None, "error": None, "strength": None}
    entry = {
        "kind": "logistic", "dataset": "german", "goal": "equalized_odds", "seeds": 3,
        "untouched": place | {"disparity": 0.3, "accuracy": 0.82},
        "curves": {"diverse": [[0.0, 0.3, 0.82, 0.01, 0.002], [0.5, 0.1, 0.799, 0.01, 0.002]]},
        "rivals": {
            "reweighing": place | {"diverse": margin},
            "fairbalance": place | {"disparity": 0.05, "diverse": lost},
        },
        "failed": {"label_bias": "It failed."},
    }  # fmt: skip
    other = {
        "kind": "fairlearn",
        "seeds": 2,
        "curves": {},
        "failed": {},
        "rivals": {"grid_search": place | {"disparity": 0.4, "diverse": margin | {"verdict": "win", "margin": 0.02}}},
    }
    document = {"command": "true", "hours": 0.5, "machine": {}, "entries": [entry | changes, entry | other]}
    return json.dumps(document)


def numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for part in value.values():
            yield from numbers(part)
    elif isinstance(value, list):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, int | float):
        yield float(value)


def test_every_number_of_the_file_is_finite_and_no_entry_is_there_twice() -> None:
    found = json.loads(FILE.read_text(encoding="utf-8"))
    values = list(numbers(found))
    assert values and all(math.isfinite(value) for value in values)
    keys = [(one.kind, one.dataset, one.goal) for one in KEPT.entries]
    assert len(set(keys)) == len(keys)
    assert set(KEPT.datasets()) <= set(SOURCES) and found["hours"] > 0 and "quality" in found["command"]


def test_places_are_shares_and_curves_start_at_the_untouched_model() -> None:
    for one in KEPT.entries:
        places: list[Place] = [one.untouched, *(rival.place for rival in one.rivals.values())]
        places += [point for line in one.curves.values() for point in line]
        for place in places:
            assert 0 <= place.disparity <= 1 and 0 <= place.accuracy <= 1
            assert place.disparity_error >= 0 and place.accuracy_error >= 0
        for line in one.curves.values():
            strengths = [point.strength for point in line]
            assert strengths == sorted(set(strengths)) and strengths[0] == 0
            if one.curve_seeds == one.seeds:
                assert line[0].disparity == pytest.approx(one.untouched.disparity, abs=ROUNDING)
                assert line[0].accuracy == pytest.approx(one.untouched.accuracy, abs=ROUNDING)


def test_verdicts_are_the_margins() -> None:
    for _, rival, name in CELLS:
        found = rival.margins[name]
        if found.value is None:
            assert (found.verdict, found.error, found.strength) == ("not reached", None, None)
            continue
        assert found.error is not None and found.error >= 0
        assert found.strength is not None and 0 <= found.strength <= 1.25
        if min(abs(found.value), abs(found.value + TIE)) > ROUNDING:
            assert found.verdict == ("win" if found.value >= 0 else "tie" if found.value >= -TIE else "loss")


def comparable() -> list[tuple[Entry, tuple[CurvePoint, ...], Place, Any]]:
    """Margins whose curve in the file averages the same seeds."""
    return [
        (one, one.curves[name], rival.place, rival.margins[name])
        for one, rival, name in CELLS
        if one.curve_seeds == one.seeds and name in one.curves
    ]


def test_margins_follow_from_curves_and_rivals() -> None:
    """The file keeps fewer strengths than were judged: no kept point beats the margin, and the chosen one makes it."""
    exact = 0
    for one, line, place, found in comparable():
        surely = [point.accuracy for point in line if point.disparity < place.disparity - ROUNDING]
        if found.value is None:
            assert not surely, one
            continue
        assert not surely or max(surely) - place.accuracy <= found.value + ROUNDING
        for point in line:
            if point.strength == found.strength:
                exact += 1
                assert point.disparity <= place.disparity + ROUNDING
                assert point.accuracy - place.accuracy == pytest.approx(found.value, abs=ROUNDING)
    assert exact > 0


@pytest.mark.parametrize("variant", KEPT.variants())
def test_counts_add_up(variant: str) -> None:
    frame = KEPT.dominance(variant)
    assert (frame[list(VERDICTS.values())].sum(axis=1) == frame["of"]).all()
    assert (frame["clear wins"] <= frame["wins"]).all() and (frame["clear losses"] <= frame["losses"]).all()
    assert frame["of"].sum() == len(KEPT.margins(variant=variant)) == sum(name == variant for *_, name in CELLS)
    assert (frame["rival not below untouched"] <= frame["of"]).all()
    for kind in KEPT.kinds:
        if variant in KEPT.variants(kind):
            mine = frame[frame["kind"] == kind]
            assert set(mine["rival"]) == set(KINDS[kind].rivals)
            assert f"in {mine['wins'].sum()} of {mine['of'].sum()} comparisons" in finding(KEPT, kind, variant)
            assert f"further behind in {mine['losses'].sum()} (" in finding(KEPT, kind, variant)


def test_losses_are_all_named_largest_first() -> None:
    frame = KEPT.losses()
    every = KEPT.margins()
    assert len(frame) == every["verdict"].isin(["loss", "not reached"]).sum()
    known = frame["margin"].dropna()
    assert known.is_monotonic_increasing and (frame["verdict"].iloc[: len(known)] == "loss").all()


def test_a_small_file_reads_as_it_was_written() -> None:
    kept = read(small())
    assert isinstance(kept, Replication) and kept.kinds == ("logistic", "fairlearn")
    one = kept.entry("logistic", "german", "equalized_odds")
    assert one.curves["diverse"][1] == CurvePoint(0.1, 0.799, 0.01, 0.002, 0.5)
    assert one.rivals["fairbalance"].margins["diverse"].value is None
    counts = kept.dominance("diverse", "logistic").set_index("rival")
    assert counts.loc["reweighing", ["wins", "ties", "losses", "not reached", "of"]].tolist() == [0, 1, 0, 0, 1]
    assert counts.loc["fairbalance", "not reached"] == 1 and counts.loc["label_bias", "no answer"] == 1
    theirs = kept.dominance("diverse", "fairlearn").set_index("rival")
    assert theirs.loc["grid_search", ["wins", "clear wins", "rival not below untouched"]].tolist() == [1, 1, 1]


def test_curves_of_fairlearn_are_the_logistic_ones_and_say_their_seeds() -> None:
    one = read(small()).entry("fairlearn", "german", "equalized_odds")
    assert (one.seeds, one.curve_seeds) == (2, 3)
    assert one.curves == read(small()).entry("logistic", "german", "equalized_odds").curves


def test_one_seed_makes_nothing_clear() -> None:
    place = {"disparity": 0.1, "accuracy": 0.8, "disparity_error": 0.0, "accuracy_error": 0.0}
    won = {"verdict": "win", "margin": 0.05, "error": 0.0, "strength": 0.5}
    kept = read(small(seeds=1, rivals={"reweighing": place | {"diverse": won}}))
    counts = kept.dominance("diverse", "logistic")
    assert (counts["wins"].sum(), counts["clear wins"].sum()) == (1, 0)


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"kind": "magic"}, "kind 'magic'"), ({"goal": "luck"}, "goal 'luck'"), ({"failed": {"nobody": ""}}, "'nobody'")],
)
def test_names_that_are_not_known_are_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        read(small(**changes))


def test_what_is_not_kept_is_an_error_that_names_what_is() -> None:
    with pytest.raises(ConfigError, match="german"):
        read(small()).entry("mlp", "german", "equalized_odds")
    with pytest.raises(ConfigError, match="Use one of: diverse"):
        read(small()).dominance("uniform")


def test_the_document_is_what_the_file_gives() -> None:
    assert PATH.read_text(encoding="utf-8") == document(KEPT), "run python -m benchmarks.report_quality"


def test_the_document_holds_every_cell_and_every_loss() -> None:
    kept = read(small())
    text = document(kept)
    assert "−0.10 ± 0.40 (0.50)" in text and "+2.00 ± 0.40 (0.50)" in text and text.count("n. r.") == 3
    assert "Logistic regression, against row weights, Label bias: It failed." in text
    frame = KEPT.margins()
    behind = document(KEPT).partition("## Where the curve is behind")[2].partition("## Every comparison")[0]
    lines = [line for line in behind.splitlines() if line.startswith("| ") and not line.startswith(("| Data", "| ---"))]
    assert len(lines) == frame["verdict"].isin(["loss", "not reached"]).sum()
    assert set(frame["variant"]) <= set(VARIANTS)
