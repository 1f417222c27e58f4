"""What is looked up when somebody asks for metrics: the pool, memory, jobs. It costs calls nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from raphson_server.observability.pool_state import PoolState

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STATES = ("QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED")


class StateCollector(Collector):
    """Tells the present state whenever it is asked.

    Parameters
    ----------
    pool : callable
        Returns the pool's state.
    workers, max_in_flight : int
        As configured.
    is_serving : callable
        Whether health says SERVING.
    definitions : callable
        How many definitions are kept by id.
    jobs : callable or None
        How many jobs are in which state; None where none are kept.
    """

    def __init__(
        self,
        pool: Callable[[], PoolState],
        *,
        workers: int,
        max_in_flight: int,
        is_serving: Callable[[], bool],
        definitions: Callable[[], int],
        jobs: Callable[[], Mapping[str, int]] | None,
    ) -> None:
        self._pool = pool
        self._workers = workers
        self._max_in_flight = max_in_flight
        self._is_serving = is_serving
        self._definitions = definitions
        self._jobs = jobs

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        pool = self._pool()
        memory = [_resident_bytes(pid) for pid in pool.pids]
        workers = GaugeMetricFamily("raphson_workers", "Worker processes, by what they do.", labels=["state"])
        for state in ("busy", "idle", "spare", "starting"):
            workers.add_metric([state], getattr(pool, state))
        lost = CounterMetricFamily(
            "raphson_workers_lost",
            "Workers that ended and were replaced: killed, since they did not stop in time, or by themselves.",
            labels=["cause"],
        )
        for cause, count in pool.lost.items():
            lost.add_metric([cause], count)
        yield workers
        yield lost
        yield _gauge("raphson_workers_configured", "Workers that are to compute at a time.", self._workers)
        yield _counter("raphson_worker_busy_seconds", "Time that workers were at work, together.", pool.busy_seconds)
        yield _gauge("raphson_workers_resident_memory_bytes", "Of all workers, what they share included.", sum(memory))
        yield _gauge("raphson_worker_resident_memory_max_bytes", "Of the largest worker.", max(memory, default=0))
        yield _gauge("raphson_requests_in_flight", "Requests at work and waiting.", pool.busy + pool.waiting)
        yield _gauge("raphson_requests_waiting", "Requests, and chunks of batches, waiting for a worker.", pool.waiting)
        yield _gauge("raphson_requests_in_flight_limit", "Beyond which they are refused.", self._max_in_flight)
        yield _gauge("raphson_streams_open", "Calls with streams that are open.", pool.streams)
        yield _gauge("raphson_definitions", "Definitions kept by id.", self._definitions())
        yield _gauge("raphson_serving", "1 while health says SERVING, else 0.", float(self._is_serving()))
        if self._jobs is not None:
            counts = self._jobs()
            jobs = GaugeMetricFamily("raphson_jobs", "Jobs in the store, by their state.", labels=["state"])
            for state in _STATES:
                jobs.add_metric([state.lower()], counts.get(state, 0))
            yield jobs
        yield InfoMetricFamily("raphson_build", "What runs.", {"version": version("raphson")})


def register_state(registry: CollectorRegistry, state: StateCollector) -> None:
    """Let a registry tell a state, and what the system knows of this process."""
    registry.register(state)
    ProcessCollector(registry=registry)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value)


def _resident_bytes(pid: int) -> int:
    """Return what a process holds in memory; 0 if it has just ended."""
    try:
        return _PAGE_BYTES * int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
