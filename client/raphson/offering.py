"""Methods that are written once, as coroutines, and offered by a client that blocks and by one that is awaited.

The transport of a blocking client blocks, so that what it returns is there when it is awaited. A coroutine that
awaits nothing else never waits for an event loop: `finish` runs it from beginning to end, and needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from types import MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

if TYPE_CHECKING:
    from raphson.stream import Opening

P = ParamSpec("P")
Result = TypeVar("Result")
# A method as each client has it: a callable.
InBlocking_co = TypeVar("InBlocking_co", covariant=True)
InAwaited_co = TypeVar("InAwaited_co", covariant=True)
# What a client that blocks, and one that is awaited, gives its caller to iterate over.
Iterated = TypeVar("Iterated")
AwaitedIterated = TypeVar("AwaitedIterated")


class Blocking:
    """A client whose methods return their results."""


class Awaited:
    """A client whose methods are awaited."""


def finish(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that never waits, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} waits for an event loop, where everything should block")


class Offered(Generic[InBlocking_co, InAwaited_co]):
    """A method of two clients.

    Parameters
    ----------
    blocking : function
        For clients that are `Blocking`.
    awaited : function
        For clients that are `Awaited`.
    """

    def __init__(self, blocking: Callable[..., Any], awaited: Callable[..., Any]) -> None:
        self._blocking = blocking
        self._awaited = awaited
        self.__doc__ = blocking.__doc__

    @overload
    def __get__(self, client: Blocking, kind: type[Any]) -> InBlocking_co: ...
    @overload
    def __get__(self, client: Awaited, kind: type[Any]) -> InAwaited_co: ...
    @overload
    def __get__(self, client: None, kind: type[Any]) -> Callable[..., Any]: ...
    def __get__(self, client: object, kind: type[Any]) -> Any:
        method = self._awaited if issubclass(kind, Awaited) else self._blocking
        return method if client is None else MethodType(method, client)


def offered(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, Result]],
) -> Offered[Callable[P, Result], Callable[P, Coroutine[Any, Any, Result]]]:
    """Offer a coroutine: one client runs it to its end, the other lets its caller await it."""

    @wraps(method)
    def blocking(self: Any, *args: P.args, **kwargs: P.kwargs) -> Result:
        return finish(method(self, *args, **kwargs))

    return Offered(blocking, method)


def streamed(
    stream: Callable[[Opening], Iterated], awaited_stream: Callable[[Opening], AwaitedIterated]
) -> Callable[[Callable[Concatenate[Any, P], Opening]], Offered[Callable[P, Iterated], Callable[P, AwaitedIterated]]]:
    """Offer a method that prepares a call which streams: each client returns its own kind of iterator.

    Parameters
    ----------
    stream, awaited_stream : type
        The iterators, made of what the method returns.
    """

    def offer(
        method: Callable[Concatenate[Any, P], Opening],
    ) -> Offered[Callable[P, Iterated], Callable[P, AwaitedIterated]]:
        @wraps(method)
        def blocking(self: Any, *args: P.args, **kwargs: P.kwargs) -> Iterated:
            return stream(method(self, *args, **kwargs))

        @wraps(method)
        def awaited(self: Any, *args: P.args, **kwargs: P.kwargs) -> AwaitedIterated:
            return awaited_stream(method(self, *args, **kwargs))

        return Offered(blocking, awaited)

    return offer
