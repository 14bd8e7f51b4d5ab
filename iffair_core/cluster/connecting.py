"""The way to a cluster: that of an address, or workers of this machine that end with the study.

python -m iffair_core.cluster.connecting starts workers of this machine, prints their scheduler's address, and ends
with its standard input. A server starts them so: they then know nothing of it, and end when it ends, however it does.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from iffair_core.errors import ConfigError, shorten

NOT_INSTALLED = (
    "The engine dask needs Dask, which is not installed. Install it with pip install -r requirements-dask.txt, "
    "or leave --engine out."
)
WORKERS = 2
HERE = "127.0.0.1:0"
"""Where a cluster of this machine answers about itself: to nobody else, on any free port."""
SETTINGS = {
    "distributed.admin.large-graph-warning-threshold": "10GB",  # tasks carry the vectors of their rows
    "distributed.scheduler.allowed-failures": 10,
    "distributed.worker.memory.target": False,  # encoded rows are used in every pass: on disk they would be of no use
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.comm.timeouts.connect": "30s",
}


@contextmanager
def connected(scheduler: str | None = None, *, workers: int = WORKERS, memory: str | None = None) -> Iterator[Any]:
    """A client of the cluster whose scheduler has this address; without one, of so many workers on this machine.

    `memory`: most that such a worker may hold, as 3GB; None for its share of the machine's. Raises ConfigError, in one
    sentence, where Dask is not installed or the scheduler does not answer.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ConfigError(NOT_INSTALLED) from error
    with dask.config.set(SETTINGS):
        if scheduler is not None:
            try:
                client = Client(scheduler, timeout="10s", set_as_default=False)
            except (OSError, ValueError) as error:
                raise ConfigError(
                    f"No Dask scheduler answers at {shorten(scheduler, 120)}. Give its address, as "
                    "tcp://host:8786, or leave --scheduler out for workers on this machine."
                ) from error
            with client:
                _require_workers(client, scheduler)
                yield client
            return
        # Threads of a worker share its blocks, so one task at a time is enough and takes the least memory.
        with (
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=memory or "auto",
                dashboard_address=HERE,
                worker_dashboard_address=HERE,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client


@contextmanager
def started_apart() -> Iterator[str]:
    """Address of a cluster of this machine's workers, in processes that end with the block, or with this process.

    Raises ConfigError, in one sentence, where Dask is not installed.
    """
    if find_spec("distributed") is None:
        raise ConfigError(NOT_INSTALLED)
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def _require_workers(client: Any, scheduler: str) -> None:
    if not client.scheduler_info()["workers"]:
        raise ConfigError(f"The scheduler at {shorten(scheduler, 120)} has no workers. Start some, then run again.")


if __name__ == "__main__":
    with connected() as client:
        print(client.scheduler.address, flush=True)
        sys.stdin.read()
