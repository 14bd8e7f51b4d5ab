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
import faulthandler
import json
import multiprocessing as mp
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from benchmarks.machine import print_table, write
from tests.hostile import Hostile, endure, hostile

SECONDS = 5.0
MEGABYTES = 300
GIVEN_UP = 60.0
"""Seconds after which a worker that does not even hear its alarm ends itself."""
FAILURES = ("uncaught", "slow", "memory", "crash")
SHOWN = 15
DEEP = (20, 10, 30, 5, 15, 20)
"""Shares of the depths with --deep: more encoding and whole studies."""


class _Slow(BaseException):
    """The alarm; no `except Exception` on the way may swallow it."""


def _ring(*_: object) -> None:
    raise _Slow


class Judged(NamedTuple):
    """What came of an input: where it ended, or one of `FAILURES`; `what` and `place` tell of a failure."""

    number: int
    kind: str
    outcome: str
    what: str = ""
    place: str = ""


def drawn(seed: int, number: int, deep: bool = False) -> Hostile:
    """Input `number` of a seed."""
    rng = Random(f"{seed}/{number}")
    return hostile(rng, DEEP) if deep else hostile(rng)


def judge(seed: int, number: int, deep: bool = False) -> Judged:
    """Take one input as far as it goes; the alarm must be set up for this process."""
    given = drawn(seed, number, deep)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        outcome = endure(given)
        signal.setitimer(signal.ITIMER_PROF, 0)
    except (_Slow, Exception) as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        frames = traceback.extract_tb(error.__traceback__)
        last = ([frame for frame in frames if "iffair_core" in frame.filename] or list(frames))[-1]
        what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        outcome = "slow" if isinstance(error, _Slow) else "uncaught"
        return Judged(number, given.kind, outcome, what, f"{Path(last.filename).name}:{last.lineno}")
    risen = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    if risen > MEGABYTES:
        return Judged(number, given.kind, "memory", f"{risen} MB more")
    return Judged(number, given.kind, outcome)


def _work(numbers: Sequence[int], seed: int, deep: bool, path: Path) -> None:
    """A worker: judges its numbers in order and adds a line for each to a file."""
    signal.signal(signal.SIGPROF, _ring)
    with path.open("a") as out:
        for number in numbers:
            faulthandler.dump_traceback_later(GIVEN_UP, exit=True)
            print(json.dumps(judge(seed, number, deep)), file=out, flush=True)
            if number % 10_000 == 0:
                print(f"{number:,} ...", file=sys.stderr, flush=True)


def run(inputs: int, seed: int, workers: int, deep: bool, first: int = 0) -> list[Judged]:
    """Judge the inputs; a worker that an input kills is replaced by one for the inputs after it."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(worker) for worker in range(workers)]
        left = {path: range(first + worker, first + inputs, workers) for worker, path in enumerate(paths)}
        processes: dict[Path, Any] = {}
        while left:
            for path, numbers in list(left.items()):
                if path not in processes:
                    processes[path] = mp.Process(target=_work, args=(numbers, seed, deep, path))
                    processes[path].start()
                processes[path].join(0.2)
                if processes[path].exitcode is None:
                    continue
                status = processes.pop(path).exitcode
                if status:
                    at = first + paths.index(path) + workers * len(path.read_text().splitlines())
                    with path.open("a") as out:
                        print(json.dumps(Judged(at, "?", "crash", f"exit code {status}")), file=out)
                    left[path] = range(at + workers, first + inputs, workers)
                else:
                    del left[path]
        return sorted(Judged(*json.loads(line)) for path in paths for line in path.read_text().splitlines())


def replay(seed: int, numbers: Sequence[int], deep: bool) -> int:
    """Show the inputs and what they do, with the whole traceback; 1 if any fails."""
    status = 0
    for number in numbers:
        given = drawn(seed, number, deep)
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
    judged = run(options.inputs, options.seed, options.workers, options.deep, options.first)
    seconds = time.perf_counter() - started
    counts = Counter((one.kind, one.outcome) for one in judged)
    outcomes = [outcome for outcome, _ in Counter(one.outcome for one in judged).most_common()]
    kinds = sorted({one.kind for one in judged})
    print_table([{"kind": kind, **{outcome: counts[kind, outcome] for outcome in outcomes}} for kind in kinds])
    failures = [one for one in judged if one.outcome in FAILURES]
    failed = {name: sum(one.outcome == name for one in failures) for name in FAILURES}
    print(f"{len(judged):,} inputs in {seconds:.0f} s; " + ", ".join(f"{name} {n}" for name, n in failed.items()))
    alike = Counter((one.place, one.what.split(":", 1)[0]) for one in failures)
    for (place, what), count in alike.most_common(SHOWN):
        example = next(one for one in failures if one.place == place and one.what.startswith(what))
        print(f"{count:6,}  {example.what} at {place}; --seed {options.seed} --replay {example.number}")
    asked = {name: getattr(options, name) for name in ("inputs", "seed", "first", "deep")}
    table = {kind: {outcome: counts[kind, outcome] for outcome in outcomes} for kind in kinds}
    shown = [one._asdict() for one in failures[:1000]]
    print(write("fuzz", {**asked, "seconds": seconds, "failed": failed, "outcomes": table, "failures": shown}))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
