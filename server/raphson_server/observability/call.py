"""A call while it is under way, as it will be told in the log, in metrics and in traces."""

from __future__ import annotations

from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raphson_server.account import Account

if TYPE_CHECKING:
    from google.rpc.status_pb2 import Status
    from opentelemetry.trace import Span

    from raphson_server.observability.metrics import Metrics
    from raphson_server.observability.spans import Spans


@dataclass(slots=True, eq=False)
class ObservedCall:
    """One call that somebody is to be told of, were it only by a line in the log.

    Attributes
    ----------
    request_id : str
        What it is known by.
    began : float
        On the clock of ``time.monotonic``.
    metrics : Metrics or None
        Where it is counted.
    spans, span : Spans and Span, or None
        What writes its trace, and its own part in it.
    caller : str
        The name of the token of who calls; empty without one, where the peer's address stands for them.
    failure : google.rpc.Status or None
        How it ends, if not well.
    account : Account or None
        Of the last request that a worker answered for it.
    cpu_seconds : float
        Processor time that workers have spent on it.
    members : Counter or None
        How many members of its batch ended with which status; None if it is no batch.
    """

    request_id: str
    began: float
    metrics: Metrics | None
    spans: Spans | None
    span: Span | None = None
    caller: str = ""
    failure: Status | None = None
    account: Account | None = None
    cpu_seconds: float = 0.0
    members: Counter[int] | None = None

    def note_work(self, asked: float, bound: float, worker: int, packed: bytes) -> None:
        """Take in what a worker has done for it; one call may have several at work.

        Parameters
        ----------
        asked, bound : float
            When a worker was wanted, and when there was one, on the clock of ``time.monotonic``.
        worker : int
            Its process id.
        packed : bytes
            Its account of its work.
        """
        account = self.account = Account.from_bytes(packed)
        if self.metrics is not None:
            self.metrics.count_work(account, bound - asked)
        if self.spans is not None and self.span is not None:
            self.spans.write_work(self.span, asked, bound, worker, account)
        members = account.members_by_status()
        if members:
            self.members = Counter(members) + (self.members or Counter())

    def note_cpu(self, seconds: float) -> None:
        """Take in what a worker has spent on it."""
        self.cpu_seconds += seconds


_current: ContextVar[ObservedCall | None] = ContextVar("raphson_call", default=None)

current_call = _current.get
"""Return the call that this task works on, None if it works on none."""

set_current_call = _current.set
"""Let `current_call` return another call in this task."""
