"""How many calls of a kind there may be at a time, where each may last as long as it likes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from google.rpc import code_pb2

from raphson_server.failures import CallError, Reason, raised_by
from raphson_server.front_end.caller import CALLER

_RETRY_SECONDS = 1.0


class Seats:
    """Seats for calls, of which one caller may have a part: another finds one although the first takes all it gets.

    Callers are told apart by their tokens; where nobody is asked for one, by the addresses they call from, if those are
    told. Else all are one caller, who may take all.

    Parameters
    ----------
    most : int
        How many there are.
    what : str
        What the calls are, for errors.
    limit : str
        The setting that says how many, where one does.
    share : float
        The part of them that one caller may have, up to 1; it has one at least: the setting `max_caller_share`.
    """

    def __init__(self, most: int, what: str, limit: str = "", *, share: float) -> None:
        self._most = most
        self._share = share
        # What a product of decimals lacks by rounding is no seat less.
        self._most_of_one = max(1, int(most * share + 1e-9))
        self._what = what
        self._limit = limit
        self._taken: Counter[str] = Counter()

    @contextmanager
    def one(self, address: str = "") -> Iterator[None]:
        """Hold one.

        Parameters
        ----------
        address : str
            Where the call comes from, which stands for its caller where there is no token.

        Raises
        ------
        CallError
            RESOURCE_EXHAUSTED, with reason OVERLOADED, if there is none for the caller.
        """
        token = CALLER.get().name
        caller = token or address
        if self._taken.total() >= self._most:
            raise self._full()
        if caller and self._taken[caller] >= self._most_of_one:
            raise self._too_many("of this token" if token else f"from {address}")
        self._taken[caller] += 1
        try:
            yield
        finally:
            self._taken[caller] -= 1
            if not self._taken[caller]:
                del self._taken[caller]

    def _full(self) -> CallError:
        what = f"{self._most} {self._what} are under way, the most that this server has at a time"
        return _refusal(what, self._limit, f"{self._most}")

    def _too_many(self, whose: str) -> CallError:
        few = f"{self._most_of_one} {self._what} {whose} are under way"
        what = f"{few}, as many of the {self._most} as one caller may have at a time"
        return _refusal(what, "max_caller_share", f"{self._share:g}")


def _refusal(what: str, limit: str, maximum: str) -> CallError:
    return CallError(
        code_pb2.RESOURCE_EXHAUSTED,
        Reason.OVERLOADED,
        f"{what}; {raised_by(limit)}; try again in a moment" if limit else f"{what}; try again in a moment",
        metadata={"limit": limit, "maximum": maximum} if limit else {},
        retry_seconds=_RETRY_SECONDS,
    )
