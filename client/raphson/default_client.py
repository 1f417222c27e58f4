"""The client of functions without one: of a server of this process's own, started when it is first needed."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Any

from raphson.connection import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike

    from raphson.client import Client
    from raphson.root_result import RootResult

_lock = threading.Lock()
_client: Client | None = None


def default_client() -> Client:
    """Return a client of this process's own server, started now if there is none; it ends with the process.

    Raises
    ------
    EmbeddedServerError
        If no server can be started here.
    """
    global _client  # noqa: PLW0603 - one a process is what it is for
    with _lock:
        if _client is None or _client.is_unusable:
            _client = connect()
            atexit.register(_client.close)
        return _client


def root(
    fun: Callable[..., Any],
    x0: ArrayLike,
    args: Any = (),
    method: str = "hybr",
    jac: Callable[..., Any] | bool | None = None,
    tol: float | None = None,
    callback: Callable[[Any, Any], Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> RootResult:
    """Find x with fun(x) = 0, with the arguments of ``scipy.optimize.root``; see `Client.root`.

    The first call starts a server of this process's own, which takes about a second and ends with the process.

    Examples
    --------
    >>> raphson.root(lambda x: [x[0] ** 2 + x[1] - 3, x[0] - x[1]], [1.0, 1.0]).x
    array([1.30277564, 1.30277564])
    """
    return default_client().root(fun, x0, args, method, jac, tol, callback, options)
