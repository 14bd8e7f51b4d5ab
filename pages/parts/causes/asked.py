"""Questions about a result that take seconds: one of each kind, answered in the background, with progress and cancel.

What an answer holds stays until the same question is asked about other row scores, or with another key. Row scores do
not depend on the chosen strength.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

from iffair_core.causes.change import Agreement
from iffair_core.causes.found import Causes
from iffair_core.study.results import GoalScores, StudyResult
from iffair_core.telling import causes
from iffair_core.tradeoff import CHOOSING, STRENGTHS
from pages.kit import errors, widgets
from pages.kit.poll import bar, poll
from pages.kit.text import plain
from pages.session.turns import STUDIES, stop_with_session
from pages.session.work import Work

_QUESTIONS = "causes_questions"
CAUSES = ("cohorts", "conflicts", "along", "collect")
"""Kinds of questions whose answers a report tells."""
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class _Question:
    about: GoalScores
    key: Hashable
    work: Work[Any]


def _questions() -> dict[str, _Question]:
    return st.session_state.setdefault(_QUESTIONS, {})


def _open(kind: str, result: StudyResult, key: Hashable) -> _Question | None:
    question = _questions().get(kind)
    return question if question is not None and question.about is result.goal and question.key == key else None


def task(work_out: Callable[..., T], *given: Any, doing: str = "") -> Callable[[Work[T]], T]:
    """`work_out(*given)` as a task that can be stopped, and that says how far it is where `doing` says with what."""

    def run(work: Work[T]) -> T:
        report = {"report": lambda share: work.report(share, doing)} if doing else {}
        return work_out(*given, stop_check=work.stop_check, **report)

    return run


def ask(kind: str, result: StudyResult, key: Hashable, task: Callable[[Work[T]], T], doing: str) -> None:
    """Begin to answer a question; an earlier one of the kind is stopped. It may be used in a callback."""
    forget(kind)
    work = Work(task, kind, doing, turns=STUDIES)
    stop_with_session(kind, work.cancel)
    _questions()[kind] = _Question(result.goal, key, work)


def is_asked(kind: str, result: StudyResult, key: Hashable = None) -> bool:
    """Whether this question was asked last of its kind."""
    return _open(kind, result, key) is not None


def answer(
    kind: str, result: StudyResult, task: Callable[[Work[T]], T], doing: str, failed: str, key: Hashable = None
) -> T | None:
    """The answer, asked for where it was not yet; None while it is under way, which is drawn, or where there is none.

    What had finished before an error or a stop is an answer too.
    """
    if _open(kind, result, key) is None:
        ask(kind, result, key, task, doing)
    return seen(kind, doing, failed)


def seen(kind: str, doing: str, failed: str, *, again: bool = True) -> Any | None:
    """The answer to a question that was asked, as `answer`; `again`: offer to ask once more where it was stopped."""
    work = _questions()[kind].work
    ended = work.ended()
    if ended is None:
        poll(lambda: work.ended() is not None, lambda: bar(work, doing, f"{kind}_cancel", work.stop))
        return None
    if ended.error is not None:
        errors.show(errors.noted(ended.error), failed)
    if again and (ended.stopped or ended.error is not None):
        st.button("Try again", key=f"{kind}_again", icon=":material/refresh:", on_click=forget, args=(kind,))
    return ended.value


def proof(what: str, found: Agreement) -> None:
    """The badge of a list, `what` in words: how its predictions fared against refits."""
    st.markdown(widgets.badge(found.level, plain(causes.proof_sentence(what, found))))


def known(kind: str, result: StudyResult, key: Hashable = None) -> Any | None:
    """The whole answer where it is there; None otherwise. Nothing is asked, and nothing drawn."""
    question = _open(kind, result, key)
    ended = None if question is None else question.work.ended()
    return None if ended is None or ended.stopped or ended.error is not None else ended.value


def held(kind: str, result: StudyResult, key: Hashable = None) -> Any | None:
    """What there is of the answer, also while it is under way or where it was stopped; None where there is nothing."""
    question = _open(kind, result, key)
    if question is None:
        return None
    ended = question.work.ended()
    return question.work.partial if ended is None else ended.value


def is_under_way(kind: str, result: StudyResult, key: Hashable = None) -> bool:
    """Whether the question is being answered."""
    question = _open(kind, result, key)
    return question is not None and question.work.ended() is None


def with_causes(result: StudyResult) -> StudyResult:
    """The result with the causes among its records, where all of them have been found."""
    ledger, goals, along, further = (known(kind, result, curve_key(result, kind)) for kind in CAUSES)
    if ledger is None or goals is None or along is None or further is None:
        return result
    return result.having(Causes(ledger, goals, along, further))


def curve_key(result: StudyResult, kind: str) -> Hashable:
    """What an answer of the kind depends on beside the row scores: "along" on the models of the curve."""
    if kind != "along" or not result.has("curve"):
        return None
    return tuple(point.soft.get(CHOOSING) for point in result.curve.points if point.strength in STRENGTHS)


def forget(kind: str) -> None:
    """Stop a question and drop its answer. It may be used in a callback."""
    question = _questions().pop(kind, None)
    if question is not None:
        question.work.stop()


def forget_all() -> None:
    """Stop every question, which may hold the table until it has, and drop all answers."""
    for kind in list(_questions()):
        forget(kind)
