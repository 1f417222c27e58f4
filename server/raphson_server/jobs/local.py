"""Chunks solved by processes of this machine, one thread each."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Self

from raphson_server.containment import ONE_THREAD
from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.executor import MOST_LOSSES, Chunk, ChunkResult, worker_lost

if TYPE_CHECKING:
    from types import TracebackType

# Of each worker: one that it works on, and one that waits while its result is taken.
_CHUNKS_EACH = 2


@dataclass(slots=True)
class _Task:
    chunk: Chunk
    future: Future[ChunkResult]
    losses: int = 0


class LocalExecutor:
    """Starts processes, and starts another where one is lost.

    Parameters
    ----------
    workers : int
        How many, at least 1.

    Attributes
    ----------
    most_in_flight : int
        See `Executor`.
    """

    def __init__(self, workers: int) -> None:
        self.most_in_flight = _CHUNKS_EACH * workers
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        # A thread lives as long as its processes: the kernel ends a child with the thread that started it.
        # Daemons: one that is warmed up and never entered ends with this process.
        self._threads = [
            threading.Thread(target=self._serve, name=f"raphson-chunks-{i}", daemon=True) for i in range(workers)
        ]
        self._lock = threading.Lock()
        self._processes: set[_WorkerProcess] = set()
        self._is_closed = False
        self._is_warm = False

    def warm_up(self) -> None:
        """Start the first process ahead of the first chunk: it takes seconds to import what it needs."""
        self._is_warm = True
        self._threads[0].start()

    def __enter__(self) -> Self:
        for thread in self._threads:
            if not thread.ident:
                thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._is_closed = True
            for process in self._processes:
                process.kill()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that were started and not lost."""
        with self._lock:
            return [process.pid for process in self._processes]

    def submit(self, chunk: Chunk) -> Future[ChunkResult]:
        """Have a chunk solved; see `Executor.submit`."""
        future: Future[ChunkResult] = Future()
        self._tasks.put(_Task(chunk, future))
        return future

    def _serve(self) -> None:
        """Hand chunks to a process, one at a time."""
        # A process inherits it, and hears nothing of Ctrl-C before it can say that it does not want to.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process = self._first_process()
        while (task := self._tasks.get()) is not None:
            if not task.losses and not task.future.set_running_or_notify_cancel():
                continue
            try:
                if process is None:
                    process = self._start()
                result = process.solve(task.chunk)
            except JobError as error:
                task.future.set_exception(error)
            except CancelledError as error:
                task.future.set_exception(error)
            except (EOFError, OSError) as error:
                # An OSError without a process: it could not be started.
                why = f"{error}" if process is None else self._bury(process)
                process = None
                self._lost(task, why)
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                task.future.set_exception(error)
            else:
                task.future.set_result(result)
        if process is not None:
            self._bury(process)

    def _first_process(self) -> _WorkerProcess | None:
        """Return a process for the first thread of what is warmed up; what goes wrong is told of the first chunk."""
        if not self._is_warm or threading.current_thread() is not self._threads[0]:
            return None
        try:
            return self._start()
        except (OSError, CancelledError):
            return None

    def _start(self) -> _WorkerProcess:
        with self._lock:
            if self._is_closed:
                raise CancelledError
            process = _WorkerProcess()
            self._processes.add(process)
        return process

    def _bury(self, process: _WorkerProcess) -> str:
        """Forget a process that has hung up; return how it ended."""
        with self._lock:
            self._processes.discard(process)
        return process.reap()

    def _lost(self, task: _Task, why: str) -> None:
        task.losses += 1
        if self._is_closed:
            task.future.set_exception(CancelledError())
        elif task.losses == MOST_LOSSES:
            task.future.set_exception(worker_lost(task.chunk, why))
        else:
            self._tasks.put(task)


class _WorkerProcess:
    """One process and the channel to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # -P: a file in the working directory never shadows a package.
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
                [
                    *(sys.executable, "-P", "-m", "raphson_server.jobs.local_worker"),
                    *(str(theirs.fileno()), str(os.getpid())),
                ],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=2,
                env=os.environ | ONE_THREAD,
            )
        self._channel = Connection(ours.detach())
        self._plan = b""

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def solve(self, chunk: Chunk) -> ChunkResult:
        """Send a chunk and wait for its results.

        Raises
        ------
        JobError
            What the chunk raised.
        EOFError, OSError
            If the process is lost.
        """
        # Compared by identity first, mostly.
        self._channel.send_bytes(b"" if chunk.plan is self._plan or chunk.plan == self._plan else chunk.plan)
        self._plan = chunk.plan
        self._channel.send_bytes(chunk.rows)
        head = json.loads(self._channel.recv_bytes())
        part = self._channel.recv_bytes()
        if "code" in head:
            raise JobError(JobErrorCode(head["code"]), head["message"])
        return ChunkResult(part=part, **head)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def reap(self) -> str:
        """End it, wait for it, and say how it ended."""
        self._process.kill()
        code = self._process.wait()
        self._channel.close()
        if code >= 0:
            return f"exit code {code}"
        hint = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
        return f"{signal.Signals(-code).name}{hint}"
