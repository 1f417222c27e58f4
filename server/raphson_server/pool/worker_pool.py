"""Hands idle workers to requests, callers in turn, and tells a request's worker to stop.

One lock guards who works on what. A cancellation sets a worker's flag only under that lock and only while its
request still holds the worker, and the flag is cleared under the same lock when a request takes the worker: a
cancellation that comes late can never stop somebody else's request.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable

from raphson_server.configuration import ServerConfig
from raphson_server.observability.pool_state import PoolState
from raphson_server.pool.process import WorkerProcess
from raphson_server.pool.supervisor import Supervisor
from raphson_server.pool.ticket import CallEndedError, PoolClosedError, PoolFullError, Ticket
from raphson_server.pool.waiting import Waiting

# How often the readers of streams are looked at, in parts of their patience.
_LOOKS = 0.25
_SHORTEST_LOOK_SECONDS = 0.01

_log = logging.getLogger("raphson_server")


class WorkerPool:
    """K workers, a hot spare, and a bounded queue of requests.

    Parameters
    ----------
    config : ServerConfig
    on_ready : callable
        Called once, from the supervising thread, when K workers are ready; the argument says whether the
        engine had to be compiled.
    on_failure : callable
        Called if no worker can be started at all, with the reason.
    """

    def __init__(
        self,
        config: ServerConfig,
        on_ready: Callable[[bool], None],
        on_failure: Callable[[str], None],
    ) -> None:
        self._workers = config.workers
        self._max_in_flight = config.max_in_flight
        self._patience = config.reader_patience_seconds
        self._lock = threading.Lock()
        self._emptied = threading.Condition(self._lock)
        self._active: set[WorkerProcess] = set()
        self._idle: list[WorkerProcess] = []
        self._spare: WorkerProcess | None = None
        self._waiting = Waiting()
        self._working: set[Ticket] = set()
        self._max_cpu_seconds = config.max_cpu_seconds
        self._streams: set[Ticket] = set()
        self._busy = 0
        self._busy_seconds = 0.0
        self._lost = {"killed": 0, "ended": 0}
        self._open = False
        self._closed = False
        self._stopped = False
        self._on_ready = on_ready
        self._supervisor = Supervisor(self, config, on_failure)

    def start(self) -> None:
        """Start the workers in the background; `on_ready` tells when they are ready."""
        self._supervisor.start()

    @property
    def is_stopped(self) -> bool:
        """Whether workers are ended, whatever they are doing."""
        return self._stopped

    def close(self) -> None:
        """Admit nobody from now on; calls that were admitted go on."""
        with self._lock:
            self._open = False
            self._closed = True

    def drain(self, timeout_seconds: float) -> bool:
        """Wait for the calls that were admitted before `close`; return whether all ended within the time."""
        with self._lock:
            return self._emptied.wait_for(self._is_empty, timeout_seconds)

    def _is_empty(self) -> bool:
        return not (self._busy or self._waiting.count or any(ticket.end_work for ticket in self._streams))

    def stop(self) -> None:
        """Turn away whoever waits and end every worker, whatever it is doing."""
        with self._lock:
            self._open = False
            self._closed = True
            self._stopped = True
            for ticket in self._waiting:
                _go_on(ticket)
            self._waiting.clear()
            unfinished = [ticket.end_work for ticket in self._streams if ticket.end_work is not None]
        for end_work in unfinished:
            end_work()
        self._supervisor.stop()

    def acquire(self, ticket: Ticket, system_id: bytes | None, *, is_admitted: bool = False) -> WorkerProcess:
        """Wait for a worker, preferably one that knows the system.

        What continues an admitted call waits however many others do, and also of a pool that drains. Whoever hands
        over the worker that was waited for has sent it the request already, if the ticket says how.

        Raises
        ------
        Exception
            What sending raises.
        CallEndedError
            If the call ended first.
        PoolFullError
            If too many requests are in flight.
        PoolClosedError
            If the pool is not open.
        """
        ticket.is_sent, ticket.error = False, None
        if not self._idle:
            # It will have to wait, and other threads run while gRPC looks up an address: not with the lock held.
            ticket.find_line()
        with self._lock:
            if ticket.cancelled:
                raise CallEndedError
            if not self._open and not (is_admitted and self._closed and not self._stopped):
                raise PoolClosedError
            if self._idle:
                return self._bind(ticket, self._take_idle(system_id))
            is_full = self._busy + self._waiting.count >= self._max_in_flight
            # One caller may fill the queue, but not for another that has nothing in it.
            if is_full and not is_admitted and (not ticket.caller or self._waiting.has(ticket.caller)):
                raise PoolFullError
            # A lock, not an event: making, waiting and waking take a tenth of the time.
            granted = ticket.granted = threading.Lock()
            granted.acquire()
            self._waiting.append(ticket)
        granted.acquire()
        with self._lock:
            if ticket.worker is None:
                raise CallEndedError if ticket.cancelled else PoolClosedError
        if ticket.error is not None:
            raise ticket.error
        return ticket.worker

    def release(self, ticket: Ticket, *, done: bool = True) -> None:
        """Give a request's worker to the next request; one that is not done may acquire another."""
        following = None
        with self._lock:
            worker = ticket.worker
            ticket.done = done
            ticket.worker = None
            if done:
                # Its call has it, and it has its call: only the collector would free the two.
                ticket.send, ticket.address = None, str
            if ticket.end_call is not None:
                self._streams.discard(ticket)
                ticket.end_call = None
            if self._closed:
                # Its lock is held: whoever drains looks when all of this is done.
                self._emptied.notify_all()
            if worker is None:
                return
            worker.busy = False
            self._busy -= 1
            self._busy_seconds += time.monotonic() - ticket.bound
            self._working.discard(ticket)
            ticket.cpu_seconds = max(ticket.cpu_seconds, self._spent(ticket, worker))
            if worker.alive:
                following = self._offer(worker)
            elif worker.reaped:
                worker.close()
        if following is not None:
            _hand_over(following)

    def cancel(self, ticket: Ticket) -> None:
        """Stop a request whose call has ended: by its worker's flag now, by a kill after the grace."""
        if ticket.done:
            return
        with self._lock:
            if ticket.done:
                return
            self._stop(ticket)

    def _stop(self, ticket: Ticket) -> None:
        ticket.cancelled = True
        if ticket.worker is not None:
            # If it has to be killed, nobody will know any more.
            ticket.cpu_seconds = self._spent(ticket, ticket.worker)
            ticket.worker.set_cancel_flag()
            self._supervisor.kill_later(ticket)
        elif self._waiting.remove(ticket):
            _go_on(ticket)

    def stop_overdue(self) -> None:
        """Stop the requests that have passed their time, or spent more of the processor's than they may."""
        with self._lock:
            now = time.monotonic()
            overdue = [ticket.end_call for ticket in self._streams if ticket.worker is None and ticket.due < now]
            for ticket in [*self._working, *self._waiting]:
                if ticket.cancelled:
                    continue
                if ticket.due < now:
                    ticket.passed = ticket.due_by
                elif ticket.worker is not None and self._spent(ticket, ticket.worker) > self._max_cpu_seconds:
                    ticket.passed = "max_cpu_seconds"
                if ticket.passed:
                    self._stop(ticket)
        _end_all(overdue)

    @staticmethod
    def _spent(ticket: Ticket, worker: WorkerProcess) -> float:
        """Return the processor time that a request has taken of its worker so far; of one that is gone, nothing."""
        return max(0.0, worker.cpu_seconds() - ticket.cpu_before)

    def watch(
        self, ticket: Ticket, end_call: Callable[[], object], end_work: Callable[[], object] | None = None
    ) -> None:
        """From now on, end a stream's call when its reader takes nothing for too long.

        With `end_work`, `drain` waits for the stream's end, and `stop` calls it.
        """
        with self._lock:
            ticket.end_call = end_call
            ticket.end_work = end_work
            self._streams.add(ticket)
            is_first = len(self._streams) == 1
        if is_first:
            self._supervisor.wake()

    def end_stalled(self) -> float | None:
        """End the calls whose readers take nothing; return in how many seconds to look again, if there are streams."""
        longest_ago = time.monotonic() - self._patience
        with self._lock:
            if not self._streams:
                return None
            stalled = [ticket.end_call for ticket in self._streams if ticket.offered < longest_ago]
        _end_all(stalled)
        return max(_SHORTEST_LOOK_SECONDS, _LOOKS * self._patience)

    def kill_if_running(self, ticket: Ticket, *, whatever: bool) -> None:
        """End the worker of a request that did not stop in time: whatever it does, or if it looks at no flag."""
        with self._lock:
            worker = ticket.worker
            if worker is not None and not ticket.done and (whatever or worker.is_unheard()):
                worker.kill()

    def add(self, worker: WorkerProcess) -> None:
        """Take a ready worker into service, or keep it as the spare."""
        with self._lock:
            if len(self._active) == self._workers:
                self._spare = worker
                return
            self._active.add(worker)
            following = self._offer(worker)
            opens = not self._open and not self._closed and len(self._active) == self._workers
            self._open = self._open or opens
        if following is not None:
            _hand_over(following)
        if opens:
            self._on_ready(self._supervisor.compiled_engine)

    def lose(self, worker: WorkerProcess) -> None:
        """Put the spare in the place of a worker that ended; safe to call more than once."""
        following = None
        with self._lock:
            if not worker.alive:
                return
            worker.alive = False
            if not self._closed:
                self._lost["killed" if worker.killed else "ended"] += 1
            if worker is self._spare:
                self._spare = None
            if worker not in self._active:
                return
            self._active.remove(worker)
            if worker in self._idle:
                self._idle.remove(worker)
            if self._spare is not None:
                self._active.add(self._spare)
                following = self._offer(self._spare)
                self._spare = None
        if following is not None:
            _hand_over(following)

    def state(self) -> PoolState:
        """Return how it is now, for metrics."""
        pids = self._supervisor.pids()
        with self._lock:
            ready = len(self._active) + (self._spare is not None)
            return PoolState(
                busy=self._busy,
                idle=len(self._idle),
                spare=int(self._spare is not None),
                starting=max(0, len(pids) - ready),
                waiting=self._waiting.count,
                streams=len(self._streams),
                lost=dict(self._lost),
                busy_seconds=self._busy_seconds,
                pids=pids,
            )

    def close_reaped(self, worker: WorkerProcess) -> None:
        """Free what a dead worker held, now or when its last request lets go of it."""
        with self._lock:
            worker.reaped = True
            if not worker.busy:
                worker.close()

    def _take_idle(self, system_id: bytes | None) -> WorkerProcess:
        """Take the idle worker that knows the system, else the one used last: its caches are warm."""
        if system_id is not None:
            for position in range(len(self._idle) - 1, -1, -1):
                if self._idle[position].known.has(system_id):
                    return self._idle.pop(position)
        return self._idle.pop()

    def _offer(self, worker: WorkerProcess) -> Ticket | None:
        """Give a free worker to whoever's turn it is, to whom it is then to be handed over; else let it idle."""
        if self._waiting.count:
            ticket = self._waiting.next()
            self._bind(ticket, worker)
            return ticket
        self._idle.append(worker)
        return None

    def _bind(self, ticket: Ticket, worker: WorkerProcess) -> WorkerProcess:
        worker.clear_cancel_flag()
        worker.busy = True
        self._busy += 1
        self._working.add(ticket)
        ticket.worker = worker
        ticket.bound = time.monotonic()
        ticket.cpu_before = worker.cpu_seconds()
        return worker


def _end_all(calls: Iterable[Callable[[], object] | None]) -> None:
    """End the calls of streams."""
    for end_call in calls:
        assert end_call is not None
        try:
            end_call()
        except Exception:  # noqa: BLE001 (the thread that asks must go on)
            _log.exception("the call of a stream could not be ended")


def _hand_over(ticket: Ticket) -> None:
    """Send a request that has waited to the worker that it has now, and wake its thread."""
    if ticket.send is not None:
        try:
            ticket.is_sent = ticket.send()
        except Exception as error:  # noqa: BLE001 (raised in the request's own thread)
            ticket.error = error
    _go_on(ticket)


def _go_on(ticket: Ticket) -> None:
    """Wake the thread of a request that waits."""
    assert ticket.granted is not None
    ticket.granted.release()
