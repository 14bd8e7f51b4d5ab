"""Hostile files, tables and choices by the hundred thousand: nothing but an `IFFairError` may come out, and soon.

python -m benchmarks.fuzz [--inputs 200000] [--seed 0] [--replay NUMBER ...] [--deep]

Input number i of a seed is always the same one, whatever the number of workers: it is drawn from `Random("seed/i")` by
the building blocks of tests/hostile.py. Each has 5 seconds of the processor and 300 MB, in worker processes that are
watched from outside, so that an input that hangs or kills its process is found as well. Prints what came of the inputs
of each kind, and the numbers of those that failed, for --replay; writes results/fuzz.json; ends with status 1 if any
failed.
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any

SECONDS = 5.0
MEGABYTES = 300
GIVEN_UP = 60.0
"""Seconds after which a worker that does not even hear its alarm is ended from outside."""
FAILURES = ("uncaught", "slow", "memory", "crash", "hang")
SHOWN = 15
DEEP = (20, 10, 30, 5, 15, 20)
"""Shares of the depths with --deep: more encoding and whole studies."""


class _Slow(BaseException):
    """The alarm; no `except Exception` on the way may swallow it."""


def _ring(*_: object) -> None:
    raise _Slow


@dataclass(frozen=True)
class Failure:
    """An input that did not end as it must: its number, kind, what happened, and the innermost place of ours."""

    number: int
    kind: str
    what: str
    place: str


def name_of(seed: int, number: int) -> str:
    """What the random numbers of an input start from."""
    return f"{seed}/{number}"


def judge(seed: int, number: int, deep: bool = False) -> tuple[str, str, Failure | None]:
    """(kind, outcome, failure) of one input; the alarm must be set up for this process."""
    from tests.hostile import endure, hostile

    rng = Random(name_of(seed, number))
    given = hostile(rng, DEEP) if deep else hostile(rng)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        outcome = endure(given)
        signal.setitimer(signal.ITIMER_PROF, 0)
    except _Slow:
        return (
            given.kind,
            "slow",
            Failure(number, given.kind, f"longer than {SECONDS:g} s of the processor", _place(sys.exc_info()[2])),
        )
    except Exception as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        return given.kind, "uncaught", Failure(number, given.kind, what, _place(error.__traceback__))
    risen = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    if risen > MEGABYTES:
        return given.kind, "memory", Failure(number, given.kind, f"{risen} MB more", outcome)
    return given.kind, outcome, None


def _place(trace: Any) -> str:
    """The innermost line of the engine, or of all."""
    frames = traceback.extract_tb(trace)
    ours = [frame for frame in frames if "iffair_core" in frame.filename] or list(frames)
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""


def _work(numbers: Sequence[int], seed: int, deep: bool, current: Any, begun: Any, found: Connection) -> None:
    """One worker: judges its numbers and sends (kind, outcome, failure) in bundles."""
    signal.signal(signal.SIGPROF, _ring)
    bundle = []
    for number in numbers:
        begun.value, current.value = time.time(), number
        bundle.append(judge(seed, number, deep))
        if len(bundle) == 100 or bundle[-1][2] is not None:
            found.send(bundle)
            bundle = []
    found.send(bundle)


class _Worker:
    """A process that judges its numbers in order, and another one in its place where an input kills it."""

    def __init__(self, numbers: Sequence[int], seed: int, deep: bool) -> None:
        self.left, self.seed, self.deep = list(numbers), seed, deep
        self.current, self.begun = mp.Value("q", -1, lock=False), mp.Value("d", 0.0, lock=False)
        self.start()

    def start(self) -> None:
        self.receive, send = mp.Pipe(duplex=False)
        self.current.value, self.begun.value = self.left[0] if self.left else -1, time.time()
        self.process: BaseProcess = mp.Process(
            target=_work, args=(self.left, self.seed, self.deep, self.current, self.begun, send), daemon=True
        )
        self.process.start()
        send.close()

    def news(self) -> list[tuple[str, str, Failure | None]]:
        """What it has found since the last call."""
        results: list[tuple[str, str, Failure | None]] = []
        while self.left and self.receive.poll():
            try:
                bundle = self.receive.recv()
            except EOFError:
                break
            self.left = self.left[len(bundle) :]
            results += bundle
        hangs = bool(self.left) and self.process.is_alive() and time.time() - self.begun.value > GIVEN_UP
        if hangs:
            self.process.kill()
            self.process.join()
        if self.left and self.process.exitcode:
            # What it had found but not yet told is judged again by the next one.
            number, what = self.current.value, "hang" if hangs else "crash"
            results.append(("?", what, Failure(number, "?", f"exit code {self.process.exitcode}", what)))
            self.left = [one for one in self.left if one != number]
            self.start()
        return results


def run(
    inputs: int, seed: int, workers: int, deep: bool, first: int = 0
) -> tuple[Counter[tuple[str, str]], list[Failure]]:
    """Judge the inputs; counts of (kind, outcome), and the failures in order of their numbers."""
    counts: Counter[tuple[str, str]] = Counter()
    failures: list[Failure] = []
    crew = [_Worker(range(first + w, first + inputs, workers), seed, deep) for w in range(workers)]
    told = time.time()
    while any(worker.left for worker in crew):
        time.sleep(0.2)
        for worker in crew:
            for kind, outcome, failure in worker.news():
                counts[kind, outcome] += 1
                if failure is not None:
                    failures.append(failure)
        if time.time() - told > 30:
            told = time.time()
            print(f"{counts.total():,} of {inputs:,}, {len(failures)} failed", file=sys.stderr, flush=True)
    for worker in crew:
        worker.process.join()
    return counts, sorted(failures, key=lambda failure: failure.number)


def replay(seed: int, numbers: Sequence[int], deep: bool) -> int:
    """Show the inputs and what they do, with the whole traceback; 1 if any fails."""
    from tests.hostile import endure, hostile

    status = 0
    for number in numbers:
        rng = Random(name_of(seed, number))
        given = hostile(rng, DEEP) if deep else hostile(rng)
        print(f"--- {number}: {given.kind}, {given.depth}, {dict(given.options)}")
        print(repr(given.source[:2000]) if isinstance(given.source, bytes) else given.source.describe(include="all"))
        started = time.perf_counter()
        try:
            print(endure(given))
        except Exception:
            traceback.print_exc(file=sys.stdout)
            status = 1
        print(f"{time.perf_counter() - started:.2f} s")
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    from benchmarks.machine import print_table, write

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--deep", action="store_true", help="more encoding and whole studies")
    parser.add_argument("--replay", type=int, nargs="+", metavar="NUMBER", help="show these inputs and what they do")
    options = parser.parse_args(arguments)
    if options.replay:
        return replay(options.seed, options.replay, options.deep)

    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # each worker is busy on a core of its own
    started = time.perf_counter()
    counts, failures = run(options.inputs, options.seed, options.workers, options.deep, options.first)
    seconds = time.perf_counter() - started
    outcomes = sorted(
        {outcome for _, outcome in counts}, key=lambda name: -sum(counts[k, o] for k, o in counts if o == name)
    )
    kinds = sorted({kind for kind, _ in counts})
    print_table(
        [
            {"kind": kind, **{outcome: counts[kind, outcome] for outcome in outcomes},
             "all": sum(counts[kind, outcome] for outcome in outcomes)}
            for kind in kinds
        ]
    )  # fmt: skip
    failed = {name: sum(count for (_, outcome), count in counts.items() if outcome == name) for name in FAILURES}
    print(f"{counts.total():,} inputs in {seconds:.0f} s, {counts.total() / seconds:,.0f} a second; "
          + ", ".join(f"{name} {count}" for name, count in failed.items()))  # fmt: skip
    places = Counter((failure.place, failure.what.split(":", 1)[0]) for failure in failures)
    for (place, what), count in places.most_common(SHOWN):
        example = next(one for one in failures if one.place == place and one.what.startswith(what))
        print(f"{count:6,}  {what} at {place}: {example.what}; --seed {options.seed} --replay {example.number}")
    document = {
        "inputs": counts.total(),
        "seed": options.seed,
        "first": options.first,
        "deep": options.deep,
        "seconds": seconds,
        "failed": failed,
        "outcomes": {kind: {o: counts[kind, o] for o in outcomes if counts[kind, o]} for kind in kinds},
        "failures": [vars(failure) for failure in failures[:1000]],
    }
    path = write("fuzz", document)
    print(path)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
