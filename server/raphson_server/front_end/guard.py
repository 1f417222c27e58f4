"""Lets in only calls with a good token, for what the token is for; it stands before every service of the server.

What is not listed here needs the scope "admin": a service that somebody adds is closed until it is thought about.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from google.rpc import code_pb2
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection
from raphson.v1 import jacobian_pb2, job_pb2, solver_pb2, system_pb2

from raphson_server.failures import CallError, Reason
from raphson_server.front_end.caller import CALLER, EVERYBODY, Caller
from raphson_server.front_end.ending import abort
from raphson_server.front_end.registration import wrapped
from raphson_server.tokens import SCOPES, TokenEntry, find_token, read_tokens
from raphson_server.watched_files import WatchedFiles

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from google.rpc.status_pb2 import Status

    from raphson_server.front_end.ending import Context
    from raphson_server.front_end.observing import Behavior, ObservedMethod, Observer

    Handler = grpc.RpcMethodHandler[Any, Any]

_ADMIN = frozenset({"admin"})
# Probes have no token, and learn nothing but whether the server serves.
_OPEN = frozenset({health.SERVICE_NAME})
_SCOPES: Mapping[str, frozenset[str]] = {
    solver_pb2.DESCRIPTOR.services_by_name["SolverService"].full_name: _ADMIN | {"solve"},
    jacobian_pb2.DESCRIPTOR.services_by_name["JacobianService"].full_name: _ADMIN | {"jacobian"},
    system_pb2.DESCRIPTOR.services_by_name["SystemService"].full_name: _ADMIN | {"solve", "jacobian", "jobs"},
    job_pb2.DESCRIPTOR.services_by_name["JobService"].full_name: _ADMIN | {"jobs"},
    reflection.SERVICE_NAME: frozenset(SCOPES),
}
_BEARER = "bearer "


class Guard(grpc.aio.ServerInterceptor):
    """Asks every call for its token.

    Parameters
    ----------
    tokens : Path
        The file of tokens, read again when it changes.
    observer : Observer
        Is to tell of the calls that are turned away too.

    Raises
    ------
    UnusableFileError
        If it cannot be used.
    """

    def __init__(self, tokens: Path, observer: Observer) -> None:
        self._observer = observer
        self._entries: WatchedFiles[dict[str, TokenEntry]] = WatchedFiles([tokens], partial(read_tokens, tokens))
        self._callers: dict[str, Caller] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the handler of a call, counted by its caller; or one that refuses it."""
        name = handler_call_details.method.removeprefix("/")
        service = name.partition("/")[0]
        handler = await continuation(handler_call_details)
        if handler is None or service in _OPEN:
            return handler
        method, caller = self._observer.method(name), EVERYBODY
        try:
            caller = self._caller(handler_call_details)
            _check_scope(caller, _SCOPES.get(service, _ADMIN), service)
        except CallError as error:
            # Of this kind none waits for a message of the caller's.
            return grpc.stream_stream_rpc_method_handler(_refusing(caller, method, error.status()))
        return wrapped(handler, partial(_counted, caller, method))

    def _caller(self, details: grpc.HandlerCallDetails) -> Caller:
        given = next((value for key, value in details.invocation_metadata or () if key == "authorization"), None)
        if given is None:
            raise _unauthenticated("the call has no token; expected the metadata authorization: Bearer TOKEN")
        if not isinstance(given, str) or not given.lower().startswith(_BEARER):
            raise _unauthenticated("authorization is no bearer's; expected Bearer TOKEN")
        entry = find_token(self._entries.content(), given[len(_BEARER) :].strip())
        if entry is None:
            raise _unauthenticated("the token is not known here (any more)")
        caller = self._callers.get(entry.name)
        if caller is None or caller.entry != entry:
            caller = self._callers[entry.name] = Caller(entry)
        if caller.has_expired():
            raise _unauthenticated(f"the token {entry.name} expired on {entry.expires}")
        return caller


def _check_scope(caller: Caller, needed: frozenset[str], service: str) -> None:
    if caller.allows(needed):
        return
    assert caller.entry is not None
    words = " or ".join(sorted(needed))
    raise CallError(
        code_pb2.PERMISSION_DENIED,
        Reason.SCOPE_MISSING,
        f"the token {caller.name} is for {', '.join(sorted(caller.entry.scopes))}; {service} needs {words}",
        metadata={"scope": words},
    )


def _unauthenticated(message: str) -> CallError:
    return CallError(code_pb2.UNAUTHENTICATED, Reason.UNAUTHENTICATED, message)


def _refusing(caller: Caller, method: ObservedMethod, status: Status) -> Behavior:
    """Return what answers a call of somebody's that is turned away."""

    @method.wrap
    async def refuse(_: object, context: Context) -> None:
        await abort(context, status)

    async def answer(request: object, context: Context) -> None:
        CALLER.set(caller)
        await refuse(request, context)

    return answer


def _counted(caller: Caller, method: ObservedMethod, behavior: Behavior) -> Behavior:
    """Return what counts calls, and lets what answers them know the caller."""

    async def answer(request: object, context: Context) -> Any:
        CALLER.set(caller)
        refusal = caller.enter()
        if refusal is not None:
            return await _refusing(caller, method, refusal.status())(request, context)
        try:
            return await behavior(request, context)
        finally:
            caller.leave()

    return answer
