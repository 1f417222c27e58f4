"""The one thread that starts workers, and replaces the lost."""

import contextlib
import logging
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Protocol

from raphson_server.configuration import ServerConfig
from raphson_server.frames import ChannelClosedError, Outcome
from raphson_server.pool.process import WorkerProcess

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0

_log = logging.getLogger("raphson_server")


class Crew(Protocol):
    """What the supervisor tells the pool, in the pool's own thread."""

    def add(self, worker: WorkerProcess) -> None:
        """Take a ready worker."""

    def lose(self, worker: WorkerProcess) -> None:
        """Let go of an ended worker."""

    def close_reaped(self, worker: WorkerProcess) -> None:
        """Free what a reaped worker held."""


class Supervisor:
    """Keeps K + 1 workers alive.

    Workers import in parallel; while no worker has yet made the engine ready, only one may do so, so that
    cold caches are filled by one process while the others wait.
    """

    def __init__(self, crew: Crew, config: ServerConfig, on_failure: Callable[[str], None]) -> None:
        self.compiled_engine = False
        self._crew = crew
        self._config = config
        self._on_failure = on_failure
        self._workers: dict[int, WorkerProcess] = {}
        self._starting: set[WorkerProcess] = set()
        self._greeted: list[WorkerProcess] = []
        self._warming: WorkerProcess | None = None
        self._engine_ready = False
        # The spare is started when the others are ready, so that it delays none of them.
        self._wanted = config.workers
        self._failed_starts = 0
        self._start_after = 0.0
        self._post: Callable[..., object] | None = None
        self._stopping = False
        # Under it the pipe is closed: its number may be somebody else's then.
        self._pipe_lock = threading.Lock()
        self._pipe_is_open = True
        self._poll = select.epoll()
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(self._wake_reader, select.EPOLLIN)
        # Workers die with the thread that started them (PR_SET_PDEATHSIG): this one starts them all.
        self._thread = threading.Thread(target=self._run, name="raphson-supervisor", daemon=True)

    def start(self, post: Callable[..., object]) -> None:
        """Start supervising.

        Parameters
        ----------
        post : callable
            Has a function called with the arguments behind it, soon, in the pool's thread.
        """
        self._post = post
        self._thread.start()

    def stop(self) -> None:
        """End every worker and the thread; it may be asked for again."""
        if self._thread.ident is None:
            return
        self._stopping = True
        with self._pipe_lock:
            if self._pipe_is_open:
                os.write(self._wake_writer, b"\0")
        self._thread.join()

    def pids(self) -> tuple[int, ...]:
        """Return the processes that there are."""
        return tuple(worker.pid for worker in tuple(self._workers.values()))

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._start_missing()
                for fd, events in self._poll.poll(self._pause_seconds()):
                    self._attend(fd, events)
        except Exception as error:  # noqa: BLE001 (without this thread the service must end)
            _log.exception("the supervisor of the workers failed")
            self._on_failure(f"the supervisor of the workers failed: {error}")
        finally:
            self._end_all()

    def _pause_seconds(self) -> float | None:
        """Return how long nothing is due; None until something happens."""
        return max(0.0, self._start_after - time.monotonic()) if self._missing() else None

    def _tell(self, function: Callable[[WorkerProcess], None], worker: WorkerProcess) -> None:
        """Call a function of the pool's in its thread."""
        assert self._post is not None
        self._post(function, worker)

    def _missing(self) -> int:
        return self._wanted - len(self._workers)

    def _start_missing(self) -> None:
        if time.monotonic() < self._start_after:
            return
        for _ in range(self._missing()):
            try:
                worker = WorkerProcess(self._config, hurry=self._wanted == self._config.workers)
            except OSError as error:
                self._start_failed(f"no worker could be started: {error}")
                return
            self._workers[worker.fileno()] = worker
            self._starting.add(worker)
            self._poll.register(worker.fileno(), select.EPOLLIN)

    def _attend(self, fd: int, events: int) -> None:
        if fd == self._wake_reader:
            os.read(self._wake_reader, 4096)
            return
        worker = self._workers[fd]
        if events & select.EPOLLIN and worker in self._starting:
            try:
                self._advance(worker)
            except ChannelClosedError:
                self._bury(worker)
        elif events & (select.EPOLLHUP | select.EPOLLERR):
            self._bury(worker)

    def _advance(self, worker: WorkerProcess) -> None:
        """Take a starting worker one step on: greeted, warming, ready."""
        announcement = worker.next_announcement()
        if announcement.outcome == Outcome.FAILED:
            # What it was told to load cannot be loaded: at the start by none, later since it has changed.
            reason = announcement.body.decode()
            _log.error("worker could not be started", extra={"worker": worker.pid, "reason": reason})
            if not self._engine_ready:
                self._on_failure(reason)
            return
        if announcement.outcome == Outcome.HELLO:
            self._greeted.append(worker)
            self._let_warm_up()
        elif announcement.outcome == Outcome.READY:
            worker.compiled_engine = announcement.body == b"compiled"
            self.compiled_engine = self.compiled_engine or worker.compiled_engine
            self._engine_ready = True
            self._failed_starts = 0
            self._starting.remove(worker)
            if not self._starting:
                self._wanted = self._config.workers + 1
            if worker is self._warming:
                self._warming = None
            # From here on only the end of the process is of interest: replies belong to the handlers.
            self._poll.modify(worker.fileno(), 0)
            self._tell(self._crew.add, worker)
            self._let_warm_up()

    def _let_warm_up(self) -> None:
        while self._greeted and (self._engine_ready or self._warming is None):
            worker = self._greeted.pop(0)
            if not self._engine_ready:
                self._warming = worker
            with contextlib.suppress(ChannelClosedError):  # its end is seen by the poll
                worker.tell_to_warm_up()

    def _bury(self, worker: WorkerProcess) -> None:
        """Forget an ended worker; its replacement is started by the next turn of the loop."""
        self._poll.unregister(worker.fileno())
        del self._workers[worker.fileno()]
        self._tell(self._crew.lose, worker)
        exit_code = worker.reap()
        self._tell(self._crew.close_reaped, worker)
        if worker not in self._starting:
            _log.warning("worker ended and is replaced", extra={"worker": worker.pid, "exit_code": exit_code})
            return
        self._starting.remove(worker)
        if worker in self._greeted:
            self._greeted.remove(worker)
        if worker is self._warming:
            self._warming = None
        self._let_warm_up()
        self._start_failed(f"worker {worker.pid} ended (exit code {exit_code}) before it was ready")

    def _start_failed(self, reason: str) -> None:
        """Wait a little longer after each failure in a row; give up if no worker was ever ready."""
        self._failed_starts += 1
        pause = min(_FIRST_PAUSE_SECONDS * 2**self._failed_starts, _LONGEST_PAUSE_SECONDS)
        self._start_after = time.monotonic() + pause
        _log.warning("worker could not be started", extra={"reason": reason, "next_try_seconds": pause})
        if not self._engine_ready:
            self._on_failure(reason)

    def _end_all(self) -> None:
        for worker in list(self._workers.values()):
            self._poll.unregister(worker.fileno())
            self._tell(self._crew.lose, worker)
            worker.kill()
        for worker in self._workers.values():
            worker.reap()
            self._tell(self._crew.close_reaped, worker)
        self._workers.clear()
        with self._pipe_lock:
            self._pipe_is_open = False
            self._poll.close()
            os.close(self._wake_reader)
            os.close(self._wake_writer)
