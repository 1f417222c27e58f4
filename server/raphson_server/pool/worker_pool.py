"""Hands idle workers to requests, callers in turn, and tells a request's worker to stop.

All of it happens in the thread of the event loop, one thing after another. A cancellation sets a worker's flag only
while its request still holds the worker, and the flag is cleared when a request takes the worker: a cancellation that
comes late can never stop somebody else's request.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from raphson_server.configuration import ServerConfig
from raphson_server.observability.pool_state import PoolState
from raphson_server.pool.process import WorkerProcess
from raphson_server.pool.supervisor import Supervisor
from raphson_server.pool.ticket import CallEndedError, PoolClosedError, PoolFullError, Ticket
from raphson_server.pool.waiting import Waiting

# How often the limits of the requests under way are looked at: a timer for each would cost every request.
_GLANCE_SECONDS = 0.2
# And how often the readers of streams, in parts of their patience.
_LOOKS = 0.25
_SHORTEST_LOOK_SECONDS = 0.01
# What a worker that looks at its flag needs at most, nearly always.
_SOON_SECONDS = 0.02

_log = logging.getLogger("raphson_server")


class WorkerPool:
    """K workers, a hot spare, and a bounded queue of requests; but for `state` it is used in one event loop alone.

    Parameters
    ----------
    config : ServerConfig
    on_ready : callable
        Called once when K workers are ready; the argument says whether the engine had to be compiled.
    on_failure : callable
        Called if no worker can be started at all, with the reason; from a thread of the pool's own.
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
        self._grace = config.cancel_grace_seconds
        self._glance = min(_GLANCE_SECONDS, max(_SHORTEST_LOOK_SECONDS, _LOOKS * self._patience))
        self._emptied = asyncio.Event()
        # For what a worker takes in pieces.
        self._aside = ThreadPoolExecutor(config.workers + 1, thread_name_prefix="raphson-aside")
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
        loop = asyncio.get_running_loop()
        loop.call_later(self._glance, self._look)
        self._supervisor.start(loop.call_soon_threadsafe)

    async def aside(self, ticket: Ticket, function: Callable[[], None]) -> None:
        """Have something done to its end that waits for a request's worker; if its call ends meanwhile, stop it.

        Raises
        ------
        Exception
            What the function raises.
        """
        work = asyncio.get_running_loop().run_in_executor(self._aside, function)
        while not work.done():
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError:
                self.cancel(ticket)
        work.result()

    @property
    def is_stopped(self) -> bool:
        """Whether workers are ended, whatever they are doing."""
        return self._stopped

    def close(self) -> None:
        """Admit nobody from now on; calls that were admitted go on."""
        self._open = False
        self._closed = True
        self._note_empty()

    async def drain(self, timeout_seconds: float) -> bool:
        """Wait for the calls that were admitted before `close`; return whether all ended within the time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._emptied.wait()
        except TimeoutError:
            return False
        return True

    def _note_empty(self) -> None:
        """Let whoever drains know if nothing is under way."""
        if not (self._busy or self._waiting.count or any(ticket.end_work for ticket in self._streams)):
            self._emptied.set()

    async def stop(self) -> None:
        """Turn away whoever waits and end every worker, whatever it is doing; it may be asked for again."""
        self.close()
        self._stopped = True
        for ticket in self._waiting:
            _go_on(ticket)
        self._waiting.clear()
        for end_work in [ticket.end_work for ticket in self._streams if ticket.end_work is not None]:
            end_work()
        await asyncio.to_thread(self._supervisor.stop)
        # A stream whose reader takes nothing is waited for no longer.
        self._emptied.set()
        self._aside.shutdown(wait=False)

    def take(self, ticket: Ticket, system_id: bytes | None, *, is_admitted: bool = False) -> WorkerProcess | None:
        """Give an idle worker to a request, preferably one that knows the system; None if there is none.

        What continues an admitted call (`is_admitted`) gets one also of a pool that drains.

        Raises
        ------
        CallEndedError
            If the call has ended.
        PoolClosedError
            If the pool is not open.
        """
        ticket.is_sent, ticket.error = False, None
        if ticket.cancelled:
            raise CallEndedError
        if not self._open and not (is_admitted and self._closed and not self._stopped):
            raise PoolClosedError
        return self._bind(ticket, self._take_idle(system_id)) if self._idle else None

    async def wait(self, ticket: Ticket, *, is_admitted: bool = False) -> WorkerProcess:
        """Wait for a worker, where none is idle.

        What continues an admitted call waits however many others do. Whoever hands over the worker that was waited for
        has sent it the request already, if the ticket says how.

        Raises
        ------
        Exception
            What sending raises.
        CallEndedError
            If the call ended first.
        PoolFullError
            If too many requests are in flight.
        PoolClosedError
            If the pool stops first.
        """
        # Of a batch's chunks there are never more than its seat is for.
        is_full = self._busy + self._waiting.singles >= self._max_in_flight
        # One caller may fill the queue, but not for another that has nothing in it.
        if is_full and not is_admitted and (not ticket.caller or self._waiting.has(ticket.caller)):
            raise PoolFullError
        ticket.granted = asyncio.get_running_loop().create_future()
        self._waiting.append(ticket)
        try:
            await ticket.granted
        except asyncio.CancelledError:
            # One that has a worker by now has to hear what it says.
            self.cancel(ticket)
        if ticket.worker is None:
            raise CallEndedError if ticket.cancelled else PoolClosedError
        if ticket.error is not None:
            raise ticket.error
        return ticket.worker

    def release(self, ticket: Ticket, *, done: bool = True) -> None:
        """Give a request's worker to the next request; one that is not done may take another."""
        worker = ticket.worker
        ticket.done = done
        ticket.worker = None
        if done:
            # Its call has it, and it has its call: only the collector would free the two.
            ticket.send, ticket.address = None, str
        if ticket.end_call is not None:
            self._streams.discard(ticket)
            ticket.end_call = None
        if worker is not None:
            worker.busy = False
            self._busy -= 1
            self._busy_seconds += time.monotonic() - ticket.bound
            self._working.discard(ticket)
            ticket.cpu_seconds = max(ticket.cpu_seconds, _spent(worker))
            if worker.alive:
                self._offer(worker)
            elif worker.reaped:
                worker.close()
        if self._closed:
            self._note_empty()

    def cancel(self, ticket: Ticket) -> None:
        """Stop a request whose call has ended: by its worker's flag now, by a kill after the grace."""
        if not ticket.done:
            self._stop(ticket)

    def _stop(self, ticket: Ticket) -> None:
        ticket.cancelled = True
        if ticket.worker is not None:
            # If it has to be killed, nobody will know any more.
            ticket.cpu_seconds = _spent(ticket.worker)
            ticket.worker.set_cancel_flag()
            later = asyncio.get_running_loop().call_later
            later(min(_SOON_SECONDS, self._grace), self._kill_if_running, ticket, False)
            later(self._grace, self._kill_if_running, ticket, True)
        elif self._waiting.remove(ticket):
            _go_on(ticket)

    def _kill_if_running(self, ticket: Ticket, whatever: bool) -> None:
        """End the worker of a request that did not stop in time: whatever it does, or if it looks at no flag."""
        worker = ticket.worker
        if worker is not None and not ticket.done and (whatever or worker.is_unheard()):
            worker.kill()

    def _look(self) -> None:
        """Do what is due, from time to time."""
        try:
            self._stop_overdue()
            self._end_stalled()
        finally:
            if not self._stopped:
                asyncio.get_running_loop().call_later(self._glance, self._look)

    def _stop_overdue(self) -> None:
        """Stop the requests that have passed their time, or spent more of the processor's than they may."""
        now = time.monotonic()
        overdue = [ticket for ticket in self._streams if ticket.due < now and not ticket.passed]
        for ticket in overdue:
            ticket.passed = ticket.due_by
        for ticket in [*self._working, *self._waiting]:
            if ticket.cancelled:
                continue
            if ticket.due < now:
                ticket.passed = ticket.due_by
            elif ticket.worker is not None and _spent(ticket.worker) > self._max_cpu_seconds:
                ticket.passed = "max_cpu_seconds"
            if ticket.passed:
                self._stop(ticket)
        _end_all(ticket.end_call for ticket in overdue)

    def _end_stalled(self) -> None:
        """End the calls whose readers take nothing."""
        longest_ago = time.monotonic() - self._patience
        stalled = [ticket for ticket in self._streams if ticket.offered < longest_ago and not ticket.is_stalled]
        for ticket in stalled:
            ticket.is_stalled = True
        _end_all(ticket.end_call for ticket in stalled)

    def watch(
        self, ticket: Ticket, end_call: Callable[[], object], end_work: Callable[[], object] | None = None
    ) -> None:
        """From now on, end a stream's call when its reader takes nothing for too long.

        With `end_work`, `drain` waits for the stream's end, and `stop` calls it.

        Raises
        ------
        PoolClosedError
            If there is `end_work`, and nobody is admitted any more.
        """
        if end_work is not None and self._closed:
            raise PoolClosedError
        ticket.end_call = end_call
        ticket.end_work = end_work
        self._streams.add(ticket)

    def add(self, worker: WorkerProcess) -> None:
        """Take a ready worker into service, or keep it as the spare."""
        worker.listen(asyncio.get_running_loop())
        if len(self._active) == self._workers:
            self._spare = worker
            return
        self._active.add(worker)
        self._offer(worker)
        if not self._open and not self._closed and len(self._active) == self._workers:
            self._open = True
            self._on_ready(self._supervisor.compiled_engine)

    def lose(self, worker: WorkerProcess) -> None:
        """Put the spare in the place of a worker that ended; safe to call more than once."""
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
        spare, self._spare = self._spare, None
        if spare is not None:
            self._active.add(spare)
            self._offer(spare)

    def state(self) -> PoolState:
        """Return how it is now, for metrics; from any thread."""
        pids = self._supervisor.pids()
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

    def _offer(self, worker: WorkerProcess) -> None:
        """Give a free worker to whoever's turn it is, and send it the request; else let it idle."""
        if not self._waiting.count:
            self._idle.append(worker)
            return
        ticket = self._waiting.next()
        self._bind(ticket, worker)
        if ticket.send is not None:
            try:
                ticket.is_sent = ticket.send()
            except Exception as error:  # noqa: BLE001 (raised in the request's own task)
                ticket.error = error
        _go_on(ticket)

    def _bind(self, ticket: Ticket, worker: WorkerProcess) -> WorkerProcess:
        worker.clear_cancel_flag()
        worker.busy = True
        self._busy += 1
        self._working.add(ticket)
        ticket.worker = worker
        ticket.bound = time.monotonic()
        worker.cpu_before = worker.cpu_seconds()
        return worker


def _spent(worker: WorkerProcess) -> float:
    """Return the processor time that its request has taken of a worker so far; of one that is gone, nothing."""
    return max(0.0, worker.cpu_seconds() - worker.cpu_before)


def _end_all(calls: Iterable[Callable[[], object] | None]) -> None:
    """End the calls of streams."""
    for end_call in calls:
        assert end_call is not None
        try:
            end_call()
        except Exception:  # noqa: BLE001 (whoever looks must go on)
            _log.exception("the call of a stream could not be ended")


def _go_on(ticket: Ticket) -> None:
    """Let a request that waits go on; its call may have ended in this very moment."""
    assert ticket.granted is not None
    if not ticket.granted.done():
        ticket.granted.set_result(None)
