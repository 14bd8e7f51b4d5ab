"""Running a study outside the script's thread: a job with a cancel switch, its progress, and the result to show.

The example's study with its preset choices is computed once per server and shared; every other result stays in the
session that asked for it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import streamlit as st

from iffair_core.data.task import Task
from iffair_core.errors import Cancelled, IFFairError
from iffair_core.tradeoff import on_grid
from pages.session import state
from pages.session.points import Points
from pages.session.settings import EXAMPLE, Choices, differences, preset, study_part

if TYPE_CHECKING:
    from iffair_core.study.results import StudyResult, Transfer
    from iffair_core.study.smallest_fix import SmallestFix

_JOB = "job"
_OUTCOMES = "outcomes"
_BESIDE = "other_models"
_BESIDE_ERROR = "other_models_error"
_FIXES = "smallest_fixes"
FIX_STAGE = "smallest fix"
KEPT_OUTCOMES = 2


@dataclass(frozen=True)
class Order:
    """What a study is asked for: a table and the choices that matter to it."""

    fingerprint: str
    choices: Choices

    def serves(self, wanted: Order | None) -> bool:
        """Whether the study made for this order also holds what `wanted` asks for.

        Strength and utility budget only choose a point of the curve, and every curve has the points of the grid. More
        other methods than asked for do no harm.
        """
        if wanted is None or wanted.fingerprint != self.fingerprint:
            return False
        asked = wanted.choices.strength
        held = asked is None or asked == self.choices.strength or on_grid(asked)
        enough = self.choices.rivals in (wanted.choices.rivals, "all")
        return held and enough and _without_choice(self.choices) == _without_choice(wanted.choices)


def _without_choice(choices: Choices) -> Choices:
    return replace(choices, strength=None, utility_budget=None, rivals="weights")


def _with_choice_of(order: Order, choices: Choices) -> Order:
    chosen = replace(order.choices, strength=choices.strength, utility_budget=choices.utility_budget)
    return Order(order.fingerprint, chosen)


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a job ended: a result (partial after a cancel), or an error, or both missing where nothing had finished."""

    order: Order
    result: StudyResult | None
    error: Exception | None = None
    cancelled: bool = False
    points: Points = field(default_factory=Points)
    fix: SmallestFix | None = None


@dataclass(frozen=True, eq=False)
class Progress:
    """A moment of a running job. `version` counts the partial results so far."""

    stage: str
    fraction: float
    partial: StudyResult | None
    version: int
    seconds: float


class Job:
    """One study in a thread of its own. Safe to read from any session's thread.

    With `beside`, names of other models, no study: these are refitted with the weights of `previous`. With `fix`, a
    target and rows or weight, no study either: the smallest fix of `previous` is looked for.
    """

    def __init__(
        self,
        order: Order,
        current: state.CurrentTable,
        task: Task,
        *,
        previous: StudyResult | None = None,
        shared: bool = False,
        beside: tuple[str, ...] = (),
        fix: tuple[float, str] | None = None,
    ) -> None:
        self.order = order
        self.shared = shared
        self.beside = beside
        self.fix = fix
        self.points = Points()
        self._current = current
        self._task = task
        self._previous = previous
        self._cancel = threading.Event()
        self._lock = threading.Lock()
        self._started = time.monotonic()
        first = "transfer" if beside else "encode" if fix is None else FIX_STAGE
        self._progress = Progress(first, 0.0, previous if beside else None, 0, 0.0)
        self._outcome: Outcome | None = None
        threading.Thread(target=self._run, name="iffair-study", daemon=True).start()

    def progress(self) -> Progress:
        """Where the job is."""
        with self._lock:
            now = self._progress
        return Progress(now.stage, now.fraction, now.partial, now.version, time.monotonic() - self._started)

    def outcome(self) -> Outcome | None:
        """How it ended, None while it runs."""
        with self._lock:
            return self._outcome

    def cancel(self) -> None:
        """Ask it to stop at its next chance. A shared job is left alone."""
        if not self.shared:
            self._cancel.set()

    @property
    def cancelling(self) -> bool:
        """Whether a stop was asked for and has not happened yet."""
        return self._cancel.is_set()

    def _report(self, stage: str, fraction: float, partial: StudyResult | None) -> None:
        with self._lock:
            before = self._progress
            newer = partial is not None and partial is not before.partial
            self._progress = Progress(
                stage, fraction, partial if newer else before.partial, before.version + newer, before.seconds
            )

    def _check(self) -> None:
        if self._cancel.is_set():
            raise Cancelled

    def _smallest_fix(self, result: StudyResult) -> SmallestFix:
        from iffair_core.study.smallest_fix import smallest_fix

        assert self.fix is not None
        target, by = self.fix
        return smallest_fix(
            result, target, by, stop_check=self._check, report=lambda share: self._report(FIX_STAGE, share, None)
        )

    def _run(self) -> None:
        try:
            # The engine's heavier half is imported here, so that a page's first paint does not wait for it.
            from iffair_core.study.at_strength import with_transfers
            from iffair_core.study.run import Study

            if self.fix is not None and self._previous is not None:
                outcome = Outcome(self.order, None, fix=self._smallest_fix(self._previous))
            elif self.beside and self._previous is not None:
                result = with_transfers(self._previous, self.beside, self._report, self._cancel)
                outcome = Outcome(self.order, result)
            else:
                study = Study(self._current.frame, self._task, name=self._current.name, **self.order.choices.options())
                result = study.run(progress=self._report, cancel=self._cancel, previous=self._previous)
                outcome = Outcome(self.order, result)
        except Cancelled as stopped:
            partial = stopped.partial if stopped.partial is not None else self.progress().partial
            outcome = Outcome(self.order, partial, cancelled=True)  # type: ignore[arg-type]
        except Exception as error:
            outcome = Outcome(self.order, self.progress().partial, error)
        with self._lock:
            self._outcome = outcome
        self._previous = None


# ----------------------------------------------------------------------------------------------------- the example


@st.cache_resource(show_spinner=False, max_entries=1)
def _example_job() -> Job:
    current = state.catalog_table(EXAMPLE)
    wanted = study_part(preset(EXAMPLE))
    task = wanted.task()
    assert task is not None
    return Job(Order(current.fingerprint, wanted), current, task, shared=True)


def warm() -> None:
    """Start the example's study in the background, once per server."""
    _example_job()


def example_outcome() -> Outcome | None:
    """How the example's study ended, whatever this session's table is; None while it runs. Shared: never change it."""
    return _example_job().outcome()


# ------------------------------------------------------------------------------------------------------ the session


Situation = Literal["no table", "incomplete", "unfit", "never run", "running", "fresh", "stale", "cancelled", "failed"]


@dataclass(frozen=True, eq=False)
class Status:
    """Where the session stands: `job` while one runs, `outcome` as it was last reached for these choices."""

    situation: Situation
    job: Job | None = None
    outcome: Outcome | None = None
    error: Exception | None = None
    changed: tuple[str, ...] = ()


def order() -> Order | None:
    """What the current choices ask for, None while table or choices are missing."""
    current, chosen = state.table(), state.choices()
    return Order(current.fingerprint, study_part(chosen)) if current is not None and chosen.complete else None


def _own_job() -> Job | None:
    return st.session_state.get(_JOB)


def _running() -> Job | None:
    """The job that works for this session: its own, or the shared one where these choices are the example's."""
    own = _own_job()
    if own is not None and own.outcome() is None:
        return own
    shared = _example_job()
    return shared if shared.outcome() is None and shared.order.serves(order()) else None


def _outcomes() -> list[Outcome]:
    """What this session's jobs came to, newest first; also the shared one, once its choices were looked at."""
    kept: list[Outcome] = st.session_state.setdefault(_OUTCOMES, [])
    own, shared = _own_job(), _example_job()
    ended = [own.outcome()] if own is not None else []
    if ended and ended[0] is not None:
        st.session_state.pop(_JOB)
        if own is not None and own.beside:
            _keep_transfers(own.order, ended[0].result)
            st.session_state[_BESIDE_ERROR] = ended[0].error
            ended = []
        elif own is not None and own.fix is not None:
            _keep_fix(ended[0])
            ended = []
    if shared.order.serves(order()):
        ended.append(shared.outcome())
    for outcome in ended:
        if outcome is not None and outcome not in kept:
            kept = [outcome, *(other for other in kept if other.order != outcome.order)][:KEPT_OUTCOMES]
    st.session_state[_OUTCOMES] = kept
    return kept


def status() -> Status:
    """What to tell the user: is there a table, do the choices fit, does something run, is the result current."""
    outcomes, running, wanted = _outcomes(), _running(), order()
    if state.table() is None:
        return Status("no table", running)
    if wanted is None:
        return Status("incomplete", running)
    try:
        misfit = state.type_misfit()
        if misfit is not None:
            raise misfit
        state.resolved()
    except IFFairError as error:
        return Status("unfit", running, error=error)
    if running is not None:
        return Status("running", running, changed=tuple(_changes(running.order, wanted)))
    for outcome in outcomes:
        if outcome.order.serves(wanted):
            situation: Situation = "failed" if outcome.error else "cancelled" if outcome.cancelled else "fresh"
            return Status(situation, outcome=outcome, error=outcome.error)
    _, stale = current_result()
    return Status("stale" if stale else "never run", changed=tuple(stale))


def current_result() -> tuple[StudyResult | None, list[str]]:
    """(result to show, what changed since it was made). While a study runs the result may be partial.

    A result is None where nothing was computed for the current table. The list is empty where the result belongs to
    the current choices; otherwise show it grayed with the list.
    """
    outcomes, running, wanted, current = _outcomes(), _running(), order(), state.table()
    if current is None:
        return None, []
    if running is not None and running.beside:
        _keep_transfers(running.order, running.progress().partial)
    elif running is not None and running.order.serves(wanted):
        partial = running.progress().partial
        if partial is not None:
            return _as_chosen(partial, running.points, running.order), []
    for outcome in outcomes:
        if outcome.order.serves(wanted) and outcome.result is not None:
            return _as_chosen(outcome.result, outcome.points, outcome.order), []
    for outcome in (*outcomes, _example_job().outcome()):
        if outcome is None or outcome.result is None or not _tells_no_more(outcome.order.choices, state.choices()):
            continue
        if outcome.order.fingerprint == current.fingerprint:
            # The point last looked at stays on the screen, and is no change that needs a study.
            as_now = _with_choice_of(outcome.order, state.choices())
            if outcome.order.serves(as_now):
                return _as_chosen(outcome.result, outcome.points, outcome.order), _changes(as_now, wanted)
            return outcome.result, _changes(outcome.order, wanted)
    return None, []


def _tells_no_more(made: Choices, now: Choices) -> bool:
    """Whether a result of earlier choices may still be seen: cohort-only mode was as strict then as it is now."""
    return now.smallest_group is None or (made.smallest_group or 0) >= now.smallest_group


def _as_chosen(result: StudyResult, points: Points, made: Order) -> StudyResult:
    """The result with the point that the current choices ask for, and with the other models that were refitted there.

    Those stay in the session, one set for each strength: their numbers belong to the weights of that strength.
    """
    chosen = state.choices()
    found = points.at(result, chosen.strength, chosen.utility_budget)
    held = _transfers(made, found.strength) if found.has("curve") else {}
    kept = tuple(held[name] for name in chosen.transfer if name in held)
    if not kept:
        return found
    return replace(found, transfers=kept, config=replace(found.config, transfer=tuple(one.name for one in kept)))


def _transfers(made: Order, strength: float | None) -> dict[str, Transfer]:
    """Other models refitted in this session with the weights of that study and strength, by name."""
    store = st.session_state.setdefault(_BESIDE, {})
    return store.setdefault((made.fingerprint, _without_choice(made.choices), strength), {})


def _keep_transfers(made: Order, result: StudyResult | None) -> None:
    if result is not None and result.has("curve"):
        _transfers(made, result.strength).update({one.name: one for one in result.transfers})


def refit_others() -> None:
    """Refit the other models that are chosen with the weights on the screen. Use it as a callback."""
    wanted, current, task = order(), state.table(), state.task()
    result, stale = current_result()
    if wanted is None or current is None or task is None or result is None or stale or _running() is not None:
        return
    st.session_state.pop(_BESIDE_ERROR, None)
    st.session_state[_JOB] = Job(wanted, current, task, previous=result, beside=state.choices().transfer)


def others_error() -> Exception | None:
    """Why the other models could not all be refitted when that was last asked for."""
    return st.session_state.get(_BESIDE_ERROR)


def find_fix(target: float, by: str) -> None:
    """Look for the smallest fix of the study on the screen in the background. Use it in a callback."""
    wanted, current, task = order(), state.table(), state.task()
    result, stale = current_result()
    if wanted is None or current is None or task is None or result is None or stale or _running() is not None:
        return
    st.session_state[_JOB] = Job(wanted, current, task, previous=result, fix=(target, by))


def _fixed_study(made: Order) -> Order:
    """What a smallest fix depends on: neither the chosen point nor the variant, which it brings itself."""
    return Order(made.fingerprint, replace(_without_choice(made.choices), variant=Choices.variant))


def _keep_fix(ended: Outcome) -> None:
    """Keep how the search ended, in place of the study's earlier one; a cancelled search changes nothing."""
    if not ended.cancelled:
        others = {made: kept for made, kept in _fixes().items() if made != _fixed_study(ended.order)}
        latest = [(_fixed_study(ended.order), ended), *others.items()][:KEPT_OUTCOMES]
        st.session_state[_FIXES] = dict(latest)


def _fixes() -> dict[Order, Outcome]:
    return st.session_state.setdefault(_FIXES, {})


def fix_outcome() -> Outcome | None:
    """How the last search for a smallest fix ended for the study of the current choices; None where there was none."""
    wanted = order()
    return None if wanted is None else _fixes().get(_fixed_study(wanted))


def measure_points() -> None:
    """Measure the points of a finished curve in the background, so that moving the strength finds them ready."""
    now = status()
    if now.situation == "fresh" and now.outcome is not None and now.outcome.result is not None:
        now.outcome.points.measure_all(now.outcome.result, state.choices().utility_budget)


def _changes(made: Order, wanted: Order | None) -> list[str]:
    now = wanted.choices if wanted is not None else study_part(state.choices())
    if wanted is not None and wanted.fingerprint != made.fingerprint:
        return ["table"]
    return differences(made.choices, now)


def start() -> None:
    """Run the study of the current choices, in place of one that may be running. Use it as a callback."""
    wanted, current, task = order(), state.table(), state.task()
    if wanted is None or current is None or task is None:
        return
    cancel()
    st.session_state.pop(_JOB, None)
    previous, _ = current_result()
    kept, shared = _outcomes(), _example_job()
    for outcome in kept:
        if outcome is not shared.outcome():
            outcome.points.stop()
    st.session_state[_OUTCOMES] = [outcome for outcome in kept if not outcome.order.serves(wanted)]
    if not shared.order.serves(wanted):
        st.session_state[_JOB] = Job(wanted, current, task, previous=previous)
        return
    ended = shared.outcome()
    if ended is not None and ended.error is not None:
        _example_job.clear()
        warm()


def cancel() -> None:
    """Stop this session's study; what had finished stays. Use it as a callback."""
    own = _own_job()
    if own is not None:
        own.cancel()


def drop_all() -> None:
    """Stop everything that works for this session, before its results are dropped. Use it in a callback."""
    cancel()
    shared = _example_job().outcome()
    for outcome in (*st.session_state.get(_OUTCOMES, ()), *_fixes().values()):
        if outcome is not shared:
            outcome.points.stop()
