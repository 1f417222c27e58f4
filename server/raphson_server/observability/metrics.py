"""What is counted while calls go by. What can be looked up instead, is, when somebody asks: see `state`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram

from raphson_server.observability.statuses import STATUSES, name_of_status

if TYPE_CHECKING:
    from raphson_server.account import Account

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ITERATIONS = (1, 2, 3, 4, 5, 7, 10, 15, 25, 50, 100, 250, 500, 1000, 2000)
_OK = "OK"
# Whoever found a worker idle has not waited, and is not counted: it would cost every call.
_SHORTEST_WAIT_SECONDS = 0.0005


class Metrics:
    """Counters and histograms of one service.

    Parameters
    ----------
    registry : CollectorRegistry
        Where they are found.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "raphson_requests", "Calls that have ended, by gRPC code.", ["method", "code"], registry=registry
        )
        self._seconds = Histogram(
            "raphson_request_duration_seconds",
            "From the call's arrival to its end, streams included.",
            ["method"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            "raphson_request_failures", "Calls that ended with an error, by its reason.", ["reason"], registry=registry
        )
        self._waits = Histogram(
            "raphson_queue_wait_duration_seconds",
            "How long requests, and chunks of batches, waited for a worker that had to.",
            buckets=_SECONDS,
            registry=registry,
        )
        solves = Counter(
            "raphson_solves", "Solves of Solve and SolveCallback, by how they ended.", ["status"], registry=registry
        )
        self._iterations = Histogram(
            "raphson_solve_iterations", "Iterations of a solve.", buckets=_ITERATIONS, registry=registry
        )
        members = Counter(
            "raphson_batch_members", "Members of batches, by how they ended.", ["status"], registry=registry
        )
        self._batch_iterations = Counter(
            "raphson_batch_iterations", "Iterations of all members of batches.", registry=registry
        )
        self._compiling = Histogram(
            "raphson_compile_duration_seconds",
            "From a system's text to something that can be evaluated, where a worker did not have it.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._hits = Counter("raphson_system_cache_hits", "Systems that the worker had.", registry=registry)
        self._misses = Counter(
            "raphson_system_cache_misses", "Systems that the worker had to compile.", registry=registry
        )
        self._code_hits = Counter(
            "raphson_code_cache_hits", "Pieces of machine code that were on disk.", registry=registry
        )
        self._code_misses = Counter(
            "raphson_code_cache_misses", "Pieces of machine code that LLVM had to make.", registry=registry
        )
        # What has not happened yet is told as 0.
        self._solves = {number: solves.labels(name_of_status(number)) for number in STATUSES}
        self._members = {number: members.labels(name_of_status(number)) for number in STATUSES}

    def of_method(self, method: str) -> MethodMetrics:
        """Return what is counted for each call of one method."""
        return MethodMetrics(method, self._requests, self._seconds, self._failures)

    def count_work(self, account: Account, waited_seconds: float) -> None:
        """Count what a worker has done for one request."""
        if waited_seconds >= _SHORTEST_WAIT_SECONDS:
            self._waits.observe(waited_seconds)
        if account.found:
            self._hits.inc(account.found)
        if account.compiled:
            self._misses.inc(account.compiled)
            self._compiling.observe(account.compile_seconds)
        if account.code_found:
            self._code_hits.inc(account.code_found)
        if account.code_compiled:
            self._code_misses.inc(account.code_compiled)
        if account.status:
            self._solves[account.status].inc()
            self._iterations.observe(account.iterations)
            return
        members = account.members_by_status()
        if members:
            for status, count in members.items():
                self._members[status].inc(count)
            self._batch_iterations.inc(account.iterations)


class MethodMetrics:
    """What is counted for each call of one method; looked up once, since it costs as much as counting."""

    def __init__(self, method: str, requests: Counter, seconds: Histogram, failures: Counter) -> None:
        self._method = method
        self._requests = requests
        self._failures = failures
        self._ok = requests.labels(method, _OK)
        self._seconds = seconds.labels(method)

    def count(self, code: str, reason: str, seconds: float) -> None:
        """Count a call that has ended; the reason is empty where all is well."""
        self._seconds.observe(seconds)
        if code == _OK:
            self._ok.inc()
            return
        self._requests.labels(self._method, code).inc()
        self._failures.labels(reason or "UNKNOWN").inc()
