"""All that a client offers, whether it blocks or is awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from raphson.batch_solving import BatchSolving
from raphson.call_metadata import to_metadata
from raphson.compiling import Compiling
from raphson.composing import Composing
from raphson.differentiating import Differentiating
from raphson.examining import Examining
from raphson.measuring import Measuring
from raphson.rooting import Rooting
from raphson.searching import Searching

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    def with_metadata(self, metadata: Mapping[str, str | bytes]) -> Self:
        """Return a client that sends more with each of its calls: an id of its own, a tenant, what a proxy asks for.

        Parameters
        ----------
        metadata : mapping of str to str or bytes
            gRPC's metadata: keys of lower-case letters, digits and ``-_.``; printable ASCII, or any bytes where the
            key ends in ``-bin``. A key that was given before has the new value. Servers know ``x-request-id``, which
            names the call in their log.

        Returns
        -------
        Client
            One that shares this one's connection and what it knows of systems; closing either closes both.

        Raises
        ------
        InvalidRequestError
            If a key or a value is none that gRPC can send, or is gRPC's own, or the token's, which `connect` takes.

        Examples
        --------
        >>> client.with_metadata({"x-request-id": "monday-1"}).solve("x**2 = 2", start={"x": 1.0})["x"]
        1.41421356237…
        """
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        other._transport = self._transport.with_metadata(to_metadata(metadata))
        return other

    def __repr__(self) -> str:
        where = "embedded server" if self._server is not None else "server"
        state = ", closed" if self._transport.is_closed else ""
        return f"<{self._package} client of the {where} at {self.address}{state}>"
