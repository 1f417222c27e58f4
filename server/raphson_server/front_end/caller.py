"""Who a call comes from, and what of its quotas is left."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from google.rpc import code_pb2

from raphson_server.failures import CallError, Reason, over_quota
from raphson_server.tokens import Quotas, TokenEntry

if TYPE_CHECKING:
    import grpc

_RETRY_SECONDS = 0.25
_MINUTE = 60.0


class Caller:
    """A caller, for as long as its entry stays as it is.

    Parameters
    ----------
    entry : TokenEntry, optional
        None stands for everybody, where nobody is asked for a token.

    Attributes
    ----------
    name : str
        Of the token; empty for everybody.
    sees_all_jobs : bool
        Whether the jobs of others are its business.
    quotas : Quotas
    """

    def __init__(self, entry: TokenEntry | None = None) -> None:
        self.entry = entry
        self.name = "" if entry is None else entry.name
        self.sees_all_jobs = entry is None or "admin" in entry.scopes
        self.quotas = Quotas() if entry is None else entry.quotas
        self._in_flight = 0
        # With less than one call a minute there is still one at once.
        self._requests = _allowance(self.quotas.requests_per_minute, least=1.0)
        self._cpu = _allowance(self.quotas.cpu_seconds_per_minute, least=0.0)

    def allows(self, scopes: frozenset[str]) -> bool:
        """Return whether a call may be made that needs one of some scopes."""
        return self.entry is None or not self.entry.scopes.isdisjoint(scopes)

    def has_expired(self) -> bool:
        """Return whether the token is good no more."""
        expires = None if self.entry is None else self.entry.expires
        return expires is not None and dt.datetime.now(dt.UTC).date() >= expires

    def enter(self) -> CallError | None:
        """Count a call in; or return why it may not be made now."""
        most = self.quotas.in_flight
        if most is not None and self._in_flight >= most:
            what = f"{most:,} of its calls are under way, as many as it may have at a time"
            return self._exceeded("in_flight", most, what, _RETRY_SECONDS)
        wait = self._cpu_wait()
        if wait:
            return self._over_cpu(wait)
        if self._requests is not None:
            wait = self._requests.wait_for(1.0)
            if wait:
                per_minute = self.quotas.requests_per_minute
                assert per_minute is not None
                what = f"it has made the {per_minute:g} calls that it may make in a minute"
                return self._exceeded("requests_per_minute", per_minute, what, wait)
            self._requests.take(1.0)
        self._in_flight += 1
        return None

    def leave(self) -> None:
        """Count a call out."""
        self._in_flight -= 1

    def spend(self, cpu_seconds: float) -> None:
        """Charge what a worker spent on a request."""
        if self._cpu is not None:
            self._cpu.take(cpu_seconds)

    async def wait_to_go_on(self) -> None:
        """Hold up a call that goes on, until what was spent is paid back."""
        wait = self._cpu_wait()
        while wait:
            await asyncio.sleep(wait)
            wait = self._cpu_wait()

    def check_members(self, members: int) -> None:
        """Refuse a batch of more members than it may have.

        Raises
        ------
        CallError
        """
        most = self.quotas.largest_members
        if most is not None and members > most:
            whose = "of a batch that this token may have"
            raise over_quota("members", "largest_members", members, most, "so far", whose)

    def _cpu_wait(self) -> float:
        return 0.0 if self._cpu is None else self._cpu.wait_for(0.0)

    def _over_cpu(self, wait: float) -> CallError:
        most = self.quotas.cpu_seconds_per_minute
        assert most is not None
        what = f"its calls have taken the {most:g} s of processors that they may take in a minute"
        return self._exceeded("cpu_seconds_per_minute", most, what, wait)

    def _exceeded(self, quota: str, most: float, what: str, retry_seconds: float) -> CallError:
        return CallError(
            code_pb2.RESOURCE_EXHAUSTED,
            Reason.QUOTA_EXCEEDED,
            f"the token {self.name} is over its quota {quota}: {what}; try again in {retry_seconds:.2g} s",
            metadata={"quota": quota, "maximum": f"{most:g}"},
            retry_seconds=retry_seconds,
        )


class _Allowance:
    """So much a minute, of which a minute's worth may be had at once (a token bucket)."""

    def __init__(self, per_minute: float, least: float) -> None:
        self._most = self._level = max(per_minute, least)
        self._rate = per_minute / _MINUTE
        self._seen = time.monotonic()

    def wait_for(self, amount: float) -> float:
        """Return after how many seconds there is more than nothing, and at least an amount."""
        now = time.monotonic()
        self._level = min(self._most, self._level + self._rate * (now - self._seen))
        self._seen = now
        if self._level >= amount and self._level > 0:
            return 0.0
        return max((amount - self._level) / self._rate, _RETRY_SECONDS)

    def take(self, amount: float) -> None:
        """Take an amount, which may be more than there is."""
        self._level -= amount


def _allowance(per_minute: float | None, *, least: float) -> _Allowance | None:
    return None if per_minute is None else _Allowance(per_minute, least)


def address_of(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """Return the address that a call comes from, without the port, since one caller may have many connections."""
    # As gRPC writes it, ``ipv4:10.0.0.7:50312`` or ``ipv6:%5B::1%5D:50312``.
    peer = context.peer()
    kind, _, where = peer.partition(":")
    return unquote(where).rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else peer


EVERYBODY = Caller()
"""Who calls a server that asks nobody for a token."""

CALLER: ContextVar[Caller] = ContextVar("raphson-caller", default=EVERYBODY)
"""Who the call comes from that this task answers."""
