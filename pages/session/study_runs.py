"""Running a study outside the script's thread: a job with a cancel switch, its progress, and the result to show.

The example's study with its preset choices is computed once per server and shared; every other result stays in the
session that asked for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from iffair_core.data.task import Task
from iffair_core.errors import IFFairError
from iffair_core.tradeoff import on_grid
from pages.session import folders, log, state
from pages.session.points import Points
from pages.session.settings import EXAMPLE, Choices, differences, preset, study_part
from pages.session.state import CurrentTable
from pages.session.turns import STUDIES, stop_with_session
from pages.session.work import Work

if TYPE_CHECKING:
    from iffair_core.study.results import StudyResult, Transfer
    from iffair_core.study.smallest_fix import SmallestFix

_JOB = "job"
_OUTCOMES = "outcomes"
_BESIDE = "other_models"
_BESIDE_ERROR = "other_models_error"
_FIXES = "smallest_fixes"
KEPT_OUTCOMES = 2

Kind = Literal["study", "other models", "smallest fix"]
_FIRST_STAGES: dict[Kind, str] = {"study": "encode", "other models": "transfer", "smallest fix": "smallest fix"}


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
        if wanted is None or wanted.study != self.study:
            return False
        asked = wanted.choices.strength
        held = asked is None or asked == self.choices.strength or on_grid(asked)
        return held and self.choices.rivals in (wanted.choices.rivals, "all")

    def but(self, **changes: Any) -> Order:
        """The order with some choices changed."""
        return Order(self.fingerprint, replace(self.choices, **changes))

    @property
    def study(self) -> Order:
        """What it asks of the curve as a whole, whatever point is chosen and whatever runs beside."""
        return self.but(strength=None, utility_budget=None, rivals="weights")

    @property
    def fix(self) -> Order:
        """What a smallest fix depends on: neither the chosen point nor the variant, which it brings itself."""
        return self.study.but(variant=Choices.variant)


class Job(Work["StudyResult | SmallestFix"]):
    """Work for an order: a study, other models refitted with its weights, or the search for its smallest fix.

    A shared job works for all visitors, and none of them can stop it. `points`: the study at other strengths. `shape`:
    rows and columns of its table.
    """

    def __init__(
        self,
        order: Order,
        kind: Kind,
        task: Callable[[Work[StudyResult | SmallestFix]], StudyResult | SmallestFix],
        *,
        shape: tuple[int, int],
        shared: bool = False,
    ) -> None:
        self.order, self.kind, self.shared, self.points = order, kind, shared, Points()
        self._told: Any = {"session": None if shared else log.session(), "work": kind, "shape": shape}
        log.event("study_started", **self._told)
        super().__init__(task, "study", doing=_FIRST_STAGES[kind], turns=STUDIES)
        if not shared:
            stop_with_session("study", self.cancel)

    def stop(self) -> None:
        """Ask it to stop at its next chance. A shared job is left alone."""
        if not self.shared:
            super().stop()

    def over(self) -> None:
        log.event(
            "study_stopped" if self.cancelled else "study_failed" if self.error else "study_ended",
            seconds=self.seconds,
            stage=self.doing,
            error=self.error,
            **self._told,
        )

    def _value(self) -> Any:
        ended = self.ended()
        return self.partial if ended is None else ended.value

    @property
    def result(self) -> StudyResult | None:
        """The result, or what there is of it so far."""
        return None if self.kind == "smallest fix" else self._value()

    @property
    def fix(self) -> SmallestFix | None:
        """The smallest fix that was searched for."""
        return self._value() if self.kind == "smallest fix" else None

    @property
    def error(self) -> Exception | None:
        """Why it could not be finished."""
        ended = self.ended()
        return None if ended is None else ended.error

    @property
    def cancelled(self) -> bool:
        """Whether it ended because it was stopped."""
        ended = self.ended()
        return ended is not None and ended.stopped


def study_job(
    order: Order, current: CurrentTable, task: Task, previous: StudyResult | None = None, *, shared: bool = False
) -> Job:
    """A job that runs the study of an order, reusing the stages of `previous` that are the same."""

    def run(work: Work[StudyResult | SmallestFix]) -> StudyResult:
        # The engine's heavier half is imported here, so that a page's first paint does not wait for it.
        from iffair_core.cluster.study import ClusterStudy
        from iffair_core.study.run import Study

        options = {"name": current.name, **order.choices.options()}
        study = (
            Study(current.frame, task, **options)
            if current.folder is None
            else ClusterStudy(folders.client(), current.folder, task, **options)
        )
        return study.run(progress=_staged(work), cancel=work.cancel, previous=previous)

    return Job(order, "study", run, shape=current.shape, shared=shared)


def _staged(work: Work[Any]) -> Callable[[str, float, StudyResult | None], None]:
    return lambda stage, fraction, partial: work.report(fraction, stage, partial)


# ----------------------------------------------------------------------------------------------------- the example


@st.cache_resource(show_spinner=False, max_entries=1)
def _example_job() -> Job:
    current = state.catalog_table(EXAMPLE)
    wanted = study_part(preset(EXAMPLE))
    task = wanted.task()
    assert task is not None
    return study_job(Order(current.fingerprint, wanted), current, task, shared=True)


def warm() -> None:
    """Start the example's study in the background, once per server."""
    _example_job()


def example_outcome() -> Job | None:
    """The example's study once it has ended, whatever this session's table is. Shared: never change its result."""
    return _ended(_example_job())


def _ended(job: Job | None) -> Job | None:
    return job if job is not None and job.ended() is not None else None


# ------------------------------------------------------------------------------------------------------ the session


Situation = Literal["no table", "incomplete", "unfit", "never run", "running", "fresh", "stale", "cancelled", "failed"]


@dataclass(frozen=True, eq=False)
class Status:
    """Where the session stands: `job` while one runs, `outcome` the one that ended last for these choices."""

    situation: Situation
    job: Job | None = None
    outcome: Job | None = None
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
    own, shared = _own_job(), _example_job()
    if own is not None and own.ended() is None:
        return own
    return shared if shared.ended() is None and shared.order.serves(order()) else None


def _outcomes() -> list[Job]:
    """The studies of this session that have ended, newest first; also the shared one, once its choices were seen."""
    kept: list[Job] = st.session_state.setdefault(_OUTCOMES, [])
    own, shared = _ended(_own_job()), _example_job()
    if own is not None:
        del st.session_state[_JOB]
        if own.kind == "other models":
            _keep_transfers(own)
            st.session_state[_BESIDE_ERROR] = own.error
        elif own.kind == "smallest fix":
            _keep_fix(own)
    for job in (own, _ended(shared) if shared.order.serves(order()) else None):
        if job is not None and job.kind == "study" and job not in kept:
            kept = [job, *(other for other in kept if other.order != job.order)][:KEPT_OUTCOMES]
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
    if running is not None and running.kind == "other models":
        _keep_transfers(running)
    for job in (running, *outcomes):
        if job is not None and job.kind == "study" and job.order.serves(wanted) and job.result is not None:
            return _as_chosen(job, job.result), []
    for outcome in (*outcomes, example_outcome()):
        if outcome is None or outcome.result is None or not _tells_no_more(outcome.order.choices, state.choices()):
            continue
        if outcome.order.fingerprint == current.fingerprint:
            # The point last looked at stays on the screen, and is no change that needs a study.
            chosen = state.choices()
            as_now = outcome.order.but(strength=chosen.strength, utility_budget=chosen.utility_budget)
            if outcome.order.serves(as_now):
                return _as_chosen(outcome, outcome.result), _changes(as_now, wanted)
            return outcome.result, _changes(outcome.order, wanted)
    return None, []


def _tells_no_more(made: Choices, now: Choices) -> bool:
    """Whether a result of earlier choices may still be seen: cohort-only mode was as strict then as it is now."""
    return now.smallest_group is None or (made.smallest_group or 0) >= now.smallest_group


def _as_chosen(made: Job, result: StudyResult) -> StudyResult:
    """The result with the point that the current choices ask for, and with the other models that were refitted there.

    Those stay in the session, one set for each strength: their numbers belong to the weights of that strength.
    """
    chosen = state.choices()
    found = made.points.at(result, chosen.strength, chosen.utility_budget)
    held = _transfers(made.order, found.strength) if found.has("curve") else {}
    kept = tuple(held[name] for name in chosen.transfer if name in held)
    if not kept:
        return found
    return replace(found, transfers=kept, config=replace(found.config, transfer=tuple(one.name for one in kept)))


def _transfers(made: Order, strength: float | None) -> dict[str, Transfer]:
    """Other models refitted in this session with the weights of that study and strength, by name."""
    store = st.session_state.setdefault(_BESIDE, {})
    return store.setdefault((made.study, strength), {})


def _keep_transfers(job: Job) -> None:
    if job.result is not None and job.result.has("curve"):
        _transfers(job.order, job.result.strength).update({one.name: one for one in job.result.transfers})


def _begin_on_result(kind: Kind, task: Callable[[StudyResult, Work[Any]], StudyResult | SmallestFix]) -> None:
    """Work on the result on the screen in the background, where it is that of the current choices and nothing runs."""
    wanted, (result, stale) = order(), current_result()
    if wanted is not None and result is not None and not stale and _running() is None:
        shape = state.open_table().shape
        st.session_state[_JOB] = Job(wanted, kind, lambda work: task(result, work), shape=shape)


def refit_others() -> None:
    """Refit the other models that are chosen with the weights on the screen. Use it as a callback."""
    names = state.choices().transfer

    def refit(result: StudyResult, work: Work[Any]) -> StudyResult:
        from iffair_core.study.at_strength import with_transfers

        return with_transfers(result, names, _staged(work), work.cancel)

    st.session_state.pop(_BESIDE_ERROR, None)
    _begin_on_result("other models", refit)


def others_error() -> Exception | None:
    """Why the other models could not all be refitted when that was last asked for."""
    return st.session_state.get(_BESIDE_ERROR)


def find_fix(target: float, by: str) -> None:
    """Look for the smallest fix of the study on the screen in the background. Use it in a callback."""

    def search(result: StudyResult, work: Work[Any]) -> SmallestFix:
        from iffair_core.study.smallest_fix import smallest_fix

        return smallest_fix(
            result, target, by, stop_check=work.stop_check, report=lambda share: work.report(share, work.doing)
        )

    _begin_on_result("smallest fix", search)


def _keep_fix(ended: Job) -> None:
    """Keep how the search ended, in place of the study's earlier one; a cancelled search changes nothing."""
    if not ended.cancelled:
        others = {made: kept for made, kept in _fixes().items() if made != ended.order.fix}
        latest = [(ended.order.fix, ended), *others.items()][:KEPT_OUTCOMES]
        st.session_state[_FIXES] = dict(latest)


def _fixes() -> dict[Order, Job]:
    return st.session_state.setdefault(_FIXES, {})


def fix_outcome() -> Job | None:
    """How the last search for a smallest fix ended for the study of the current choices; None where there was none."""
    wanted = order()
    return None if wanted is None else _fixes().get(wanted.fix)


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
        if outcome is not shared:
            outcome.points.stop()
    st.session_state[_OUTCOMES] = [outcome for outcome in kept if not outcome.order.serves(wanted)]
    if not shared.order.serves(wanted):
        st.session_state[_JOB] = study_job(wanted, current, task, previous)
        return
    if shared.error is not None:
        _example_job.clear()
        warm()


def cancel() -> None:
    """Stop this session's study; what had finished stays. Use it as a callback."""
    own = _own_job()
    if own is not None:
        own.stop()


def drop_all() -> None:
    """Stop everything that works for this session, before its results are dropped. Use it in a callback."""
    cancel()
    shared = _example_job()
    for outcome in (*st.session_state.get(_OUTCOMES, ()), *_fixes().values()):
        if outcome is not shared:
            outcome.points.stop()
