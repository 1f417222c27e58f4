"""What can go wrong on the way to an answer. Not converging is no error: it is a `Status`.

RaphsonError
├── InvalidRequestError        the request makes no sense; fields say where (also a ValueError)
│   └── TraceError             a Python function that cannot be written as equations; says which line
├── SystemNotFoundError        the server does not know this system id
├── JobNotFoundError           the server has no job of this name
├── ServerBusyError            the server is full; retry_seconds says when to come back
├── ServerUnavailableError     no server answers at the address
│   └── EmbeddedServerError    the server on this machine did not start; says what it printed
├── AccessDeniedError          the server does not know the token, or it is not for this call
├── IncompatibleServerError    the server does not offer this call
├── DeadlineExceededError      no answer in time (also a TimeoutError)
├── CancelledError             the call was cancelled
├── InternalServerError        a fault in the server
└── ClientStateError           the client is closed, or was carried into another process
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from grpc import StatusCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class FieldViolation(NamedTuple):
    """One thing that is wrong with a request.

    Attributes
    ----------
    field : str
        Which part, e.g. ``"equations[2]"``, ``"start.x"``, ``"options.tolerance"``.
    description : str
        What is wrong with it, and what was expected.
    """

    field: str
    description: str


class RaphsonError(Exception):
    """Base of every error that this package raises on purpose.

    Attributes
    ----------
    message : str
        What happened, in a sentence or two.
    code : grpc.StatusCode
        The gRPC code of the failure; errors found before sending carry the code a server would have given.
    reason : str
        The server's name for the reason, e.g. ``"SYSTEM_NOT_CACHED"``; empty when it gave none.
    request_id : str
        What finds the call in the server's log; empty where no server has answered.
    """

    default_code: ClassVar[StatusCode] = StatusCode.UNKNOWN

    def __init__(self, message: str, *, code: StatusCode | None = None, reason: str = "") -> None:
        self.request_id = ""
        super().__init__(message)
        self.message = message
        self.code = self.default_code if code is None else code
        self.reason = reason


class InvalidRequestError(RaphsonError, ValueError):
    """The request makes no sense; nothing was solved.

    Attributes
    ----------
    fields : list of FieldViolation
        Which parts of the request are at fault, and why.
    metadata : dict of str to str
        Facts for programs: of a limit that was passed its name (``"limit"``), the ``"value"`` and the ``"maximum"``.
    """

    default_code = StatusCode.INVALID_ARGUMENT

    def __init__(
        self,
        message: str,
        *,
        fields: Sequence[tuple[str, str]] = (),
        code: StatusCode | None = None,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, code=code, reason=reason)
        self.fields = [FieldViolation(*field) for field in fields]
        self.metadata = dict(metadata or {})

    def __str__(self) -> str:
        unsaid = [f"  {field}: {text}" for field, text in self.fields if text not in self.message]
        return "\n".join([self.message, *unsaid])

    @classmethod
    def at(cls, field: str, description: str) -> InvalidRequestError:
        """Build the error for one field, found before anything was sent."""
        return cls(f"{field}: {description}", fields=[(field, description)])


class TraceError(InvalidRequestError):
    """A Python function that cannot be written as equations.

    Attributes
    ----------
    filename : str
        The file of the line that cannot be traced; empty when unknown.
    line : int
        Its number, from 1; 0 when unknown.
    """

    def __init__(self, message: str, *, filename: str = "", line: int = 0) -> None:
        super().__init__(message, fields=[("equations", message)])
        self.filename = filename
        self.line = line


class SystemNotFoundError(RaphsonError):
    """The server does not know, or no longer knows, this system id.

    A client that has the definition sends it again by itself; this is raised when there is only an id.
    """

    default_code = StatusCode.NOT_FOUND


class JobNotFoundError(RaphsonError):
    """The server has no job of this name; it may have been deleted."""

    default_code = StatusCode.NOT_FOUND


class ServerBusyError(RaphsonError):
    """The server is full.

    Attributes
    ----------
    retry_seconds : float or None
        When the server expects to have room, in seconds from now; None when it did not say.
    """

    default_code = StatusCode.RESOURCE_EXHAUSTED

    def __init__(
        self,
        message: str,
        *,
        retry_seconds: float | None = None,
        code: StatusCode | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(message, code=code, reason=reason)
        self.retry_seconds = retry_seconds


class ServerUnavailableError(RaphsonError):
    """No server answers at the address, after retries. Trying again is safe: solving is pure."""

    default_code = StatusCode.UNAVAILABLE


class EmbeddedServerError(ServerUnavailableError):
    """The server on this machine is not installed or did not start.

    Attributes
    ----------
    stderr : str
        The end of what the server printed before it failed.
    """

    def __init__(self, message: str, *, stderr: str = "") -> None:
        super().__init__(message)
        self.stderr = stderr

    def __str__(self) -> str:
        if not self.stderr:
            return self.message
        return f"{self.message}\nIts last words:\n{self.stderr}"


class AccessDeniedError(RaphsonError):
    """The server wants a token that it knows, or one that is for this call: `connect` takes it."""

    default_code = StatusCode.UNAUTHENTICATED


class IncompatibleServerError(RaphsonError):
    """The server does not offer this call: it is no raphson server, or one of another version."""

    default_code = StatusCode.UNIMPLEMENTED


class DeadlineExceededError(RaphsonError, TimeoutError):
    """No answer came in time. The server has been told to stop."""

    default_code = StatusCode.DEADLINE_EXCEEDED


class CancelledError(RaphsonError):
    """The call was cancelled, by the caller or by closing the client."""

    default_code = StatusCode.CANCELLED


class InternalServerError(RaphsonError):
    """A fault in the server, not in the request."""

    default_code = StatusCode.INTERNAL


class ClientStateError(RaphsonError):
    """The client is closed, or was carried into another process, forked or pickled, where its connection is none."""

    default_code = StatusCode.FAILED_PRECONDITION
