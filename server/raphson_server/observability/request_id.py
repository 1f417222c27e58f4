"""What a call is known by in logs, errors and traces: the caller's own id where it is well-formed, else one of ours."""

import itertools
import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar

KEY = "x-request-id"
"""Where it is in a call's metadata, both ways."""

LONGEST = 64
"""Characters of the longest id."""

REQUEST_ID: ContextVar[str] = ContextVar("raphson_request_id", default="")
"""Of the request that this thread, or this worker, is at work on; empty if it is on none."""

# Nothing that a log, a shell or a URL reads as more than a character.
_WELL_FORMED = re.compile(rf"[A-Za-z0-9._:/+=@-]{{1,{LONGEST}}}")
# Ids of two processes differ in the first half, those of one process in the second.
_PROCESS = secrets.token_hex(8)
_numbers = itertools.count(1)


def sent_request_id(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Return the id that came with a call; empty if none did, or none that is well-formed."""
    for key, value in metadata:
        if key == KEY:
            return value if isinstance(value, str) and _WELL_FORMED.fullmatch(value) else ""
    return ""


def new_request_id() -> str:
    """Return an id that no other call has, here or elsewhere."""
    return f"{_PROCESS}{next(_numbers):016x}"
