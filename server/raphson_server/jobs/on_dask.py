"""Chunks on the workers of a Dask cluster that somebody else has started: ``dask://host:port``.

A chunk is a task of its own, and the plan that all chunks of a job share is one more, under a key made of what it
holds: the scheduler brings it to each worker once, and makes it anew where the workers that held it are lost. A worker
keeps the compiled system by the same content. A task whose worker is lost is done again by another, as Dask sees to;
one that has lost too many fails the job. When the scheduler itself is lost, what was done is committed already: the job
fails with a code that says so, and goes on from there when it is resumed.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import threading
import time
from concurrent.futures import Future
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self

from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.executor import Chunk, ChunkResult, worker_lost
from raphson_server.jobs.extra import extra

with extra("dask"):
    import dask.config
    import distributed
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

if TYPE_CHECKING:
    from types import TracebackType

SCHEME = "dask://"

_PACKAGE = "raphson"
_CONNECT_SECONDS = 20.0
_CLOSE_SECONDS = 5.0
# Workers come and go.
_COUNT_SECONDS = 2.0
# For each thread of a worker: one that is solved, and one that waits there.
_CHUNKS_EACH = 2
_LOST = "lost"


class DaskExecutor:
    """Solves chunks on a Dask cluster.

    Parameters
    ----------
    address : str
        ``dask://host:port`` of the scheduler.
    connect_seconds : float
        How long to try to reach it, and then to wait for its first worker.

    Raises
    ------
    JobError
        On entering: EXECUTOR_LOST if it is not reached or has no workers, PACKAGE_MISSING if a worker has another
        version of raphson, or none.
    """

    def __init__(self, address: str, *, connect_seconds: float = _CONNECT_SECONDS) -> None:
        self.address = address
        self.most_in_flight = _CHUNKS_EACH
        self._connect_seconds = connect_seconds
        # Dask's own types tell less than nothing.
        self._client: Any = None
        self._plans: dict[bytes, Any] = {}
        self._tasks: dict[Future[ChunkResult], Any] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._counted = 0.0

    def __enter__(self) -> Self:
        host = self.address.removeprefix(SCHEME)
        # A chunk may be large; it goes to its worker by the scheduler, whom alone we need to reach.
        dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GiB"})
        # What it has to say of a lost scheduler is said by our errors, once.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        try:
            connect: Any = distributed.Client
            self._client = connect(
                f"tcp://{host}",
                timeout=self._connect_seconds,
                set_as_default=False,
                # What is lost with a scheduler does not come back with another at the same address.
                direct_to_workers=False,
            )
        except (OSError, ValueError) as error:
            raise self._not_reached(f"no scheduler answers ({_first_line(error)})") from None
        try:
            self._greet(self._client)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        with self._lock:
            tasks = list(self._tasks.values())
            self._tasks.clear()
        if client.status == "running":
            client.cancel([*tasks, *self._plans.values()], force=True)
        self._plans.clear()
        client.close(timeout=_CLOSE_SECONDS)

    def submit(self, chunk: Chunk) -> Future[ChunkResult]:
        """Have a chunk solved, as `Executor` says."""
        assert self._client is not None, "submit outside of the with"
        answer: Future[ChunkResult] = Future()
        answer.set_running_or_notify_cancel()
        try:
            if time.monotonic() - self._counted > _COUNT_SECONDS and self._client.status == "running":
                self._count(self._client)
            plan = self._plan(self._client, chunk.plan)
            task = self._client.submit(
                _solve,
                plan,
                chunk.rows,
                key=f"raphson-chunk-{id(self):x}-{next(self._numbers)}",
                pure=False,
                retries=0,
            )
        except (OSError, RuntimeError) as error:
            raise self._lost(error) from None
        with self._lock:
            self._tasks[answer] = task
        task.add_done_callback(partial(self._take, answer, chunk))
        return answer

    def _greet(self, client: Any) -> None:
        """Wait for workers, see that they have what chunks need, and count their threads."""
        try:
            client.wait_for_workers(1, timeout=self._connect_seconds)
            versions = client.run(version, _PACKAGE, on_error="return")
            self._count(client)
        except TimeoutError:
            raise self._not_reached("the scheduler has no workers") from None
        except (OSError, RuntimeError) as error:
            raise self._lost(error) from None
        mine = version(_PACKAGE)
        for worker, found in versions.items():
            if found != mine:
                what = f"{_PACKAGE} {found}" if isinstance(found, str) else f"no {_PACKAGE}"
                expected = f"expected {mine}: pip install 'raphson[server,jobs,dask]' there"
                raise JobError(JobErrorCode.PACKAGE_MISSING, f"the Dask worker {worker} has {what}; {expected}")

    def _count(self, client: Any) -> None:
        """Find out how many chunks keep the workers of this moment busy."""
        self.most_in_flight = max(_CHUNKS_EACH, _CHUNKS_EACH * sum(client.nthreads().values()))
        self._counted = time.monotonic()

    def _plan(self, client: Any, plan: bytes) -> Any:
        """Return the task that brings a plan to workers, the same for the same plan."""
        digest = hashlib.sha256(plan).digest()
        task = self._plans.get(digest)
        if task is None:
            task = client.submit(_same, plan, key=f"raphson-plan-{digest.hex()}", pure=True)
            self._plans[digest] = task
        return task

    def _take(self, answer: Future[ChunkResult], chunk: Chunk, task: Any) -> None:
        """Give a finished task's result to whoever waits; called by a thread of Dask's."""
        client = self._client
        if task.status == _LOST and client is not None and client.status == "running":
            # Its worker was lost with the result, and the scheduler has it done again.
            task.add_done_callback(partial(self._take, answer, chunk))
            return
        with self._lock:
            if self._tasks.pop(answer, None) is None:
                # Stopped meanwhile.
                answer.set_exception(self._lost(None))
                return
        if task.status in {"cancelled", _LOST}:
            answer.set_exception(self._lost(None))
            return
        try:
            answer.set_result(task.result(timeout=_CONNECT_SECONDS))
        except JobError as error:
            answer.set_exception(error)
        except KilledWorker:
            answer.set_exception(worker_lost(chunk, f"workers of {self.address}"))
        except (OSError, TimeoutError, FutureCancelledError) as error:
            answer.set_exception(self._lost(error))
        except Exception as error:  # noqa: BLE001 (told by whoever takes the answer)
            answer.set_exception(error)

    def _not_reached(self, why: str) -> JobError:
        message = f"{self.address}: {why}; expected the address of a Dask scheduler, e.g. dask://127.0.0.1:8786"
        return JobError(JobErrorCode.EXECUTOR_LOST, message)

    def _lost(self, error: BaseException | None) -> JobError:
        why = f" ({_first_line(error)})" if error is not None else ""
        message = f"{self.address}: the Dask scheduler was lost{why}; what is done is kept: resume the job to go on"
        return JobError(JobErrorCode.EXECUTOR_LOST, message)


def _solve(plan: bytes, rows: bytes) -> ChunkResult:
    """Solve a chunk, on a worker."""
    from raphson_server.jobs.solve_chunk import solve_chunk  # noqa: PLC0415 (imports the solver, where it is used)

    return solve_chunk(plan, rows)


def _same(value: bytes) -> bytes:
    return value


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
