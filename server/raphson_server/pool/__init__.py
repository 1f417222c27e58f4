"""The front end's side of the worker processes: starting, choosing, cancelling, replacing.

Nothing here computes. The task of a call takes a worker from `WorkerPool`, talks to it directly over its socket and
gives it back. The pool belongs to the thread of the event loop; one other thread starts workers, and replaces the lost.
"""

from raphson_server.pool.kept_process import KeptProcess
from raphson_server.pool.process import WorkerProcess
from raphson_server.pool.ticket import CallEndedError, PoolClosedError, PoolFullError, Ticket
from raphson_server.pool.worker_pool import WorkerPool

__all__ = ["CallEndedError", "KeptProcess", "PoolClosedError", "PoolFullError", "Ticket", "WorkerPool", "WorkerProcess"]
