"""Who waits for a worker, and in which order they get one.

Callers take turns, by their tokens or else by the addresses they call from, so that one with many requests makes
another wait for one of them at most. Of a caller's own, single
requests go before the chunks of its batches: a batch of a million members holds up a solve by a chunk for each worker.
Of many single requests every so often one lets a chunk go before, so that batches come to an end too.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from raphson_server.pool.ticket import Ticket

_SINGLES_IN_A_ROW = 8


@dataclass(slots=True)
class _Line:
    """The requests of one caller."""

    singles: deque[Ticket] = field(default_factory=deque)
    chunks: deque[Ticket] = field(default_factory=deque)
    in_a_row: int = 0

    def of(self, ticket: Ticket) -> deque[Ticket]:
        return self.chunks if ticket.is_chunk else self.singles

    def take(self) -> Ticket:
        if self.singles and (not self.chunks or self.in_a_row < _SINGLES_IN_A_ROW):
            self.in_a_row += 1
            return self.singles.popleft()
        self.in_a_row = 0
        return self.chunks.popleft()

    def __len__(self) -> int:
        return len(self.singles) + len(self.chunks)


class Waiting:
    """The requests that wait, by caller.

    Attributes
    ----------
    count : int
        How many; ``len`` takes longer than all else that a call has to do with this.
    singles : int
        How many of them are no chunks.
    """

    def __init__(self) -> None:
        # The first is the one whose turn it is.
        self._lines: OrderedDict[str, _Line] = OrderedDict()
        self.count = self.singles = 0

    def append(self, ticket: Ticket) -> None:
        """Let a request wait behind its caller's others of its kind."""
        ticket.find_line()
        line = self._lines.get(ticket.line)
        if line is None:
            line = self._lines[ticket.line] = _Line()
        line.of(ticket).append(ticket)
        self._count(ticket, 1)

    def next(self) -> Ticket:
        """Take the request whose turn it is."""
        caller, line = self._lines.popitem(last=False)
        ticket = line.take()
        if line:
            self._lines[caller] = line
        self._count(ticket, -1)
        return ticket

    def remove(self, ticket: Ticket) -> bool:
        """Let a request wait no more; return whether it did."""
        line = self._lines.get(ticket.line)
        if line is None or ticket not in line.of(ticket):
            return False
        line.of(ticket).remove(ticket)
        if not line:
            del self._lines[ticket.line]
        self._count(ticket, -1)
        return True

    def _count(self, ticket: Ticket, change: int) -> None:
        self.count += change
        if not ticket.is_chunk:
            self.singles += change

    def has(self, caller: str) -> bool:
        """Return whether a request of a caller waits."""
        return caller in self._lines

    def clear(self) -> None:
        """Let nobody wait."""
        self._lines.clear()
        self.count = self.singles = 0

    def __iter__(self) -> Iterator[Ticket]:
        for line in self._lines.values():
            yield from line.singles
            yield from line.chunks

    def __len__(self) -> int:
        return self.count
