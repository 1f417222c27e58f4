"""A long solve's progress on its way to a caller who may be slow: the solve waits for nobody.

A thread of the call reads what the worker says when it says it, so that the worker goes on at once, and is free for
others when it is done. Of progress that the caller has not taken the newest is kept; the result is kept until it is
taken, or the caller takes nothing for too long.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator

import grpc
from google.rpc.status_pb2 import Status

from raphson_server.aborting import abort, status_of
from raphson_server.frames import Method, Outcome, Reply
from raphson_server.front_end.forwarding import Forwarder
from raphson_server.pool import Ticket, WorkerPool

# Messages of progress that wait for a caller: a second's worth and a half.
_KEPT = 16


def progress_handler(
    forwarder: Forwarder, pool: WorkerPool, method: Method
) -> Callable[[bytes, grpc.ServicerContext], Iterator[bytes]]:
    """Return the function that gRPC calls for one method that streams progress before its result.

    Parameters
    ----------
    forwarder : Forwarder
        Has the request answered.
    pool : WorkerPool
        Watches the readers.
    method : Method
    """

    def handle(body: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        reader = Ticket()
        said = _Said(reader)
        # Not waited for: it ends with the worker's answer, which a lost call cuts short.
        replies = forwarder.stream(method, body, context)
        threading.Thread(target=said.read, args=(replies,), name="raphson-progress", daemon=True).start()
        pool.watch(reader, context.cancel)
        try:
            last = yield from said.taken()
        except Exception as error:  # noqa: BLE001 (`status_of` logs what nobody foresaw)
            status = status_of(error)
        else:
            if last.outcome is Outcome.OK:
                yield last.body
                return
            status = Status.FromString(last.body)
        finally:
            pool.release(reader)
        abort(context, status)

    return handle


class _Said:
    """What the worker of one call has said and the caller has not taken.

    Parameters
    ----------
    reader : Ticket
        Told since when the result waits for the caller.
    """

    def __init__(self, reader: Ticket) -> None:
        self._reader = reader
        self._changed = threading.Condition()
        self._progress: deque[bytes] = deque(maxlen=_KEPT)
        self._end: Reply | Exception | None = None

    def read(self, replies: Generator[bytes, None, Reply]) -> None:
        """Read to the end."""
        while True:
            try:
                body = next(replies)
            except StopIteration as end:
                return self._finish(end.value)
            except Exception as error:  # noqa: BLE001 (raised again in the call's own thread)
                return self._finish(error)
            with self._changed:
                self._progress.append(body)
                self._changed.notify()

    def taken(self) -> Generator[bytes, None, Reply]:
        """Yield progress as it comes; return the reply that ends it.

        Raises
        ------
        CallError
            If there is none.
        """
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._progress or self._end is not None)
                body = self._progress.popleft() if self._progress else None
                if self._end is not None:
                    self._reader.offered = time.monotonic()
            if body is not None:
                yield body
            elif isinstance(self._end, Reply):
                return self._end
            else:
                assert self._end is not None
                raise self._end

    def _finish(self, end: Reply | Exception) -> None:
        with self._changed:
            self._end = end
            # From now on nothing but the caller is waited for.
            self._reader.offered = time.monotonic()
            self._changed.notify()
