"""Studies that wait for their turn: the order of the line, stops while they wait, what is told, and who has left."""

from __future__ import annotations

import gc
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.kit.poll import waiting
from pages.session import turns
from pages.session.turns import Turns, most_at_once, stop_with_session
from pages.session.work import Work

SECONDS = 10


def held(release, began):
    """A task that says that it began, and ends when it is released."""

    def task(work):
        began.append(work)
        while not release.wait(0.01):
            work.stop_check()
        return len(began)

    return task


@given(st.integers(1, 3), st.integers(1, 6))
def test_no_more_than_allowed_run_at_once_and_in_their_order(most, count):
    line, release, began = Turns(most), threading.Event(), []
    works = []
    for _ in range(count):
        works.append(Work(held(release, began), "test", turns=line))
        waits_for(lambda: len(line._line) == len(works))
    waits_for(lambda: len(began) == min(most, count))
    assert [work.ahead for work in works] == [max(0, place - most + 1) for place in range(count)]
    release.set()
    assert all(work.ended(SECONDS) is not None for work in works)
    assert len(began) == count and not line._line


def waits_for(holds):
    """Until something holds that threads bring about."""
    ready = threading.Event()
    for _ in range(SECONDS * 1000):
        if holds():
            return
        ready.wait(0.001)
    raise AssertionError("it did not come about")


def test_work_that_is_stopped_while_it_waits_leaves_the_line_and_holds_nobody_up():
    line, release, began = Turns(1), threading.Event(), []
    first = Work(held(release, began), "test", turns=line)
    waits_for(lambda: began)
    second, third = (Work(held(release, began), "test", turns=line) for _ in range(2))
    waits_for(lambda: second.ahead + third.ahead == 3)
    assert waiting(first) == ""
    assert sorted(map(waiting, (second, third))) == [
        "Waiting for 1 other study on this server",
        "Waiting for 2 other studies on this server",
    ]
    second.stop()
    ended = second.ended(SECONDS)
    assert ended is not None and ended.stopped
    waits_for(lambda: third.ahead == 1)
    release.set()
    assert third.ended(SECONDS).value == 2
    assert first.ended(SECONDS).value == 1


def test_a_failure_gives_the_turn_up():
    line = Turns(1)

    def fails(work):
        raise ValueError("x")

    assert isinstance(Work(fails, "test", turns=line).ended(SECONDS).error, ValueError)
    assert Work(lambda work: 7, "test", turns=line).ended(SECONDS).value == 7


def test_a_hundred_stops_leave_no_thread():
    before, line = threading.active_count(), Turns(2)
    works = [Work(held(threading.Event(), []), "test", turns=line) for _ in range(100)]
    for work in works:
        work.stop()
    assert all(work.ended(SECONDS).stopped for work in works)
    assert threading.active_count() == before and not line._line


@pytest.mark.parametrize(("given_", "expected"), [("3", 3), (" 1 ", 1)])
def test_the_limit_is_an_environment_variable(given_, expected):
    assert most_at_once({turns.AT_ONCE: given_}) == expected
    assert most_at_once({}) >= 1
    with pytest.raises(ValueError, match="whole number of at least 1"):
        most_at_once({turns.AT_ONCE: "none"})
    with pytest.raises(ValueError, match="whole number of at least 1"):
        most_at_once({turns.AT_ONCE: "0"})


def test_work_stops_when_its_session_ends(monkeypatch):
    session = {}
    monkeypatch.setattr(turns.st, "session_state", session)
    first, second = threading.Event(), threading.Event()
    stop_with_session("study", first)
    gc.collect()
    assert not first.is_set()
    stop_with_session("study", second)
    gc.collect()
    assert first.is_set() and not second.is_set()
    session.clear()
    gc.collect()
    assert second.is_set()


def told(opened):
    """What stands on the page, and beside the bars of progress."""
    return [opened.words(), *(bar.proto.text for bar in opened.app.get("progress"))]


def test_a_study_that_waits_says_so(screen, monkeypatch):
    line, release, began = Turns(1), threading.Event(), []
    other = Work(held(release, began), "test", turns=line)
    waits_for(lambda: began)
    monkeypatch.setattr("pages.session.study_runs.STUDIES", line)
    opened = screen("baseline", {"seed": "5"})
    assert any("Waiting for " in text and "on this server" in text for text in told(opened))
    release.set()
    assert other.ended(SECONDS) is not None
    opened.until(lambda now: not any("Waiting for" in text for text in told(now)))
