"""Jobs on Dask `distributed`: one job a worker at a time, handed out in order, reported as each ends."""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

CONNECT_SECONDS = 20.0  # how long a scheduler may take to answer
POLL_SECONDS = 2.0  # how often workers that came or went are counted; a job that ends is noticed at once
LOST_SECONDS = 600.0  # how long a machine may be without a worker while it has a job
STARTS = 3  # times that the local workers are started: one may be killed, as for memory, while it starts
ALLOWED_LOSSES = 10  # local workers that may die under one job before the job itself is blamed
# Dask has its workers give freed memory back at once (MALLOC_TRIM_THRESHOLD_=65536). A training step frees
# and asks for the same large blocks over and over: with Dask's setting page faults take 40 % of its time.
KEEP_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(2**33),
    "MALLOC_MMAP_THRESHOLD_": str(2**33),
    "MALLOC_ARENA_MAX": "1",
}


class JobsError(RuntimeError):
    """The scheduler cannot be reached or was lost, or no worker starts; the message says what to do."""


@contextlib.contextmanager
def cluster(processes: int, threads: int, scheduler: str | None = None) -> Iterator[Any]:
    """A Dask client: of the scheduler at that address or, without one, of so many processes on this machine.

    The local processes end with this one and have so many threads each (see threads_of).
    Raises JobsError if no scheduler answers, or the local processes do not start.
    """
    from dask import config  # here, not above: lessons that read recorded runs need no cluster
    from distributed import Client

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise JobsError(
                f"no Dask scheduler answers at {scheduler} ({error}). Expected is an address like "
                "tcp://host:8786. Start one with `dask scheduler`, or leave the scheduler out "
                "to use this machine."
            ) from error
        with client:
            yield client
        return
    settings = {
        "distributed.scheduler.allowed-failures": ALLOWED_LOSSES,
        "distributed.nanny.pre-spawn-environ": KEEP_MEMORY | {"OMP_NUM_THREADS": str(threads)},
    }
    with (
        config.set(settings),
        _local_workers(processes, threads) as local,
        Client(local, set_as_default=False) as client,
    ):
        yield client


def _local_workers(processes: int, threads: int, starts: int = STARTS) -> Any:
    from distributed import LocalCluster

    try:
        return LocalCluster(
            n_workers=processes,
            threads_per_worker=threads,
            memory_limit=None,  # Dask would pause or end a worker for the memory that training needs
            dashboard_address="127.0.0.1:0",  # any free port: with None Dask warns if 8787 is taken
            silence_logs=logging.CRITICAL,
        )
    except RuntimeError as error:  # one of them did not start, and Dask has ended the others
        if starts == 1:
            raise JobsError(
                f"{processes} processes for the runs were started {STARTS} times, and each time one ended at "
                f"once ({error}). Is there memory for so many? Ask for fewer, such as --jobs 1."
            ) from error
    return _local_workers(processes, threads, starts - 1)


def _replace_lost(cluster: Any) -> None:
    """Starts local workers that Dask has given up again: those killed once more while they started."""
    for name, worker in list(cluster.workers.items()):
        if worker.status.name in ("closed", "failed"):
            cluster.workers.pop(name, None)
    cluster.scale(len(cluster.worker_spec))


def cores() -> int:
    """The processor cores this process may use: fewer than all in a container or batch job."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_of(jobs: int) -> int:
    """The threads of each of so many local processes: one, or all cores if one job at a time is asked for.

    A study asks by its jobs, not by the runs that are left: alone with all cores, its last run would have
    other bits than one of many.
    """
    return cores() if jobs == 1 else 1


def worker_threads() -> int:
    """Inside a job: the threads of the worker that it runs on."""
    from distributed import get_worker

    return get_worker().state.nthreads


def work(
    client: Any,
    function: Callable[..., Any],
    next_task: Callable[[str], tuple[str, tuple] | None],
    report: Callable[[str, Any, BaseException | None], None],
) -> None:
    """Runs function(*arguments) on the workers, one at a time each, and reports each task as it ends.

    Whenever a worker is free, next_task(its address) gives the next (name, arguments) for it, or None if
    there is nothing for it. Two clients of one scheduler that ask for the same name share the job. A job
    whose worker is lost is given out again by the scheduler, on the same machine.

    report is called with name, result and error, one of the last two being None. It may be called twice for a
    job if a KeyboardInterrupt strikes in it. Raises JobsError when the scheduler is lost, or a machine with a
    job has no worker for LOST_SECONDS.
    """
    from distributed import wait

    running: dict[Any, tuple[str, str]] = {}  # future -> name, address of its worker
    seen: dict[str, float] = {}  # machine -> when it last had a worker
    try:
        while True:
            if client.cluster is not None:
                _replace_lost(client.cluster)
            workers = client.nthreads()
            seen |= dict.fromkeys(map(machine, workers), time.monotonic())
            _check_machines({machine(address) for _, address in running.values()}, seen)
            for address in workers.keys() - {address for _, address in running.values()}:
                if len(running) < len(workers) and (task := next_task(address)):
                    name, arguments = task
                    # Bound to a worker, a job would wait for ever if it died: a new one has a new address.
                    bound = None if client.cluster is not None else [machine(address)]
                    future = client.submit(function, *arguments, key=name, workers=bound)
                    running[future] = name, address
            if workers and not running:
                return
            with contextlib.suppress(TimeoutError), client.as_current():
                if running:
                    wait(list(running), timeout=POLL_SECONDS, return_when="FIRST_COMPLETED")
                else:
                    client.wait_for_workers(1, timeout=POLL_SECONDS)
            _report_ended(running, report)
    finally:
        _report_ended(running, report)  # what ended while Ctrl-C or an error came up
        client.cancel(list(running))


def machine(address: str) -> str:
    """The host of a worker's address, as Dask names it: 10.0.0.1 of tcp://10.0.0.1:8786."""
    return urlsplit(address).hostname or address


def _check_machines(needed: set[str], seen: dict[str, float]) -> None:
    lost = sorted(name for name in needed if time.monotonic() - seen[name] > LOST_SECONDS)
    if lost:
        raise JobsError(
            f"{', '.join(lost)} has had no worker for {LOST_SECONDS:.0f} s; what had ended is kept. "
            "Start a worker there, or the command again to train its seeds elsewhere."
        )


def _report_ended(
    running: dict[Any, tuple[str, str]], report: Callable[[str, Any, BaseException | None], None]
) -> None:
    gone = 0
    for future, (name, _) in list(running.items()):
        if future.status == "finished":
            report(name, future.result(), None)
        elif future.status == "error":
            report(name, None, future.exception())
        elif future.status in ("cancelled", "lost"):
            gone += 1
        else:
            continue
        del running[future]
    if gone:
        raise JobsError(
            f"the Dask scheduler was lost with {gone} jobs; what had ended is kept. Start both again."
        )
