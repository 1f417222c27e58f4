"""The client: NumPy in, one call to a server, NumPy out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from raphson.offering import Blocking
from raphson.operations import Operations
from raphson.queueing import Queueing

if TYPE_CHECKING:
    from types import TracebackType

    from raphson.blocking_transport import BlockingTransport
    from raphson.embedded import EmbeddedServer


class Client(Blocking, Queueing, Operations):
    """Solves and differentiates systems of equations on one server; made by `raphson.connect`.

    Wherever `equations` are asked for, give one or several equations as text, a Python function of NumPy code
    that returns the residuals (traced at each call; `compile` it to trace it once), or a `CompiledSystem`.
    A text is sent once; later calls send its id by themselves.

    Threads may share a client. It cannot be used in a forked process, nor pickled: connect again there.

    Attributes
    ----------
    timeout_seconds : float
        Deadline of each call, unless the call says otherwise.
    """

    _package = "raphson"

    def __init__(
        self, transport: BlockingTransport, *, timeout_seconds: float = 60.0, server: EmbeddedServer | None = None
    ) -> None:
        super().__init__(transport, timeout_seconds=timeout_seconds, server=server)

    @property
    def is_unusable(self) -> bool:
        """Whether this is closed, or a copy in a forked process."""
        return self._transport.is_closed or self._transport.is_forked

    def close(self) -> None:
        """Drop the connection, and stop the embedded server if there is one. Closing again does nothing."""
        self._transport.close()
        if self._server is not None:
            self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
