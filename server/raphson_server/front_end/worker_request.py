"""What is sent to a worker for one call: the caller's bytes, and what the worker is likely to need beside them."""

from __future__ import annotations

import time
from types import MappingProxyType
from typing import TYPE_CHECKING

from raphson_server.front_end.caller import CALLER
from raphson_server.observability.request_id import REQUEST_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raphson_server.bounded_cache import BoundedCache
    from raphson_server.frames import Method
    from raphson_server.pool import Ticket

# Of a frame beside its message and its definitions.
_FRAME_BYTES = 4096
# Of a frame's field.
_MOST_VARIABLES = 2**32 - 1

# How a request begins when its first field is a SystemRef with the 64 characters of an id.
_ID_PREFIX = b"\x0a\x42\x12\x40"
_ID = slice(4, 68)


class WorkerRequest:
    """A request, whichever worker will have it.

    Parameters
    ----------
    kept : BoundedCache
        Complete definitions by system id.
    method : Method
    body : bytes
        The message.
    ticket : Ticket

    Attributes
    ----------
    method : Method
    system_id : bytes or None
        Of the system that the request begins with, if it names one.
    definitions : dict of bytes to bytes
        Those that were sent along, by id.
    ticket : Ticket
    """

    def __init__(self, kept: BoundedCache[bytes, bytes], method: Method, body: bytes, ticket: Ticket) -> None:
        self.method = method
        # Only a hint, as to which worker and whether to send a definition along; the worker reads the message.
        self.system_id = body[_ID] if body.startswith(_ID_PREFIX) else None
        self.definitions: dict[bytes, bytes] = {}
        self.ticket = ticket
        self._kept = kept
        self._body = body
        self._request_id = REQUEST_ID.get().encode()
        self._largest_variables = min(CALLER.get().quotas.largest_variables or 0, _MOST_VARIABLES)

    def send_at_once(self, definitions: Mapping[bytes, bytes] = MappingProxyType({})) -> bool:
        """Send it, as `send` does, if that waits for nothing; return whether it was sent.

        Parameters
        ----------
        definitions : mapping of bytes to bytes
            Those that are to go along from now on, beside those that the worker is likely to need.
        """
        worker, system_id = self.ticket.worker, self.system_id
        assert worker is not None
        if system_id is not None and not worker.known.has(system_id):
            likely = self._kept.get(system_id)
            if likely is not None:
                self.definitions[system_id] = likely
        if definitions:
            self.definitions |= definitions
        if len(self._body) + sum(map(len, self.definitions.values())) > worker.at_once_bytes - _FRAME_BYTES:
            return False
        self.send()
        return True

    def send(self) -> None:
        """Send it to the worker that the ticket has.

        Raises
        ------
        NotSentError
            If the worker has ended.
        """
        ticket = self.ticket
        assert ticket.worker is not None
        remaining = ticket.ends - time.monotonic()
        ticket.is_owed = True
        ticket.worker.send(
            self.method,
            remaining,
            self.definitions,
            self._body,
            self._largest_variables,
            ticket.largest_members,
            self._request_id,
        )
