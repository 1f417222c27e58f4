"""All that a client offers, whether it blocks or is awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from raphson.batch_solving import BatchSolving
from raphson.compiling import Compiling
from raphson.composing import Composing
from raphson.differentiating import Differentiating
from raphson.examining import Examining
from raphson.measuring import Measuring
from raphson.rooting import Rooting
from raphson.searching import Searching

if TYPE_CHECKING:
    from raphson.embedded import EmbeddedServer
    from raphson.transport import Transport


class Operations(Rooting, BatchSolving, Searching, Differentiating, Measuring, Composing, Examining, Compiling):
    """Solves and differentiates systems of equations on one server."""

    _package: ClassVar[str]

    def __init__(
        self, transport: Transport, *, timeout_seconds: float = 60.0, server: EmbeddedServer | None = None
    ) -> None:
        super().__init__(transport, timeout_seconds=timeout_seconds)
        self._server = server

    @property
    def address(self) -> str:
        """Where the server listens."""
        return self._transport.address

    def __repr__(self) -> str:
        where = "embedded server" if self._server is not None else "server"
        state = ", closed" if self._transport.is_closed else ""
        return f"<{self._package} client of the {where} at {self.address}{state}>"
