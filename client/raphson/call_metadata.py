"""What a caller has sent with its calls, beside the requests: checked before gRPC sees it, which says less."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from raphson.errors import InvalidRequestError

if TYPE_CHECKING:
    from raphson.access import Metadata

FIELD = "metadata"
BINARY = "-bin"
KEY = re.compile(r"[0-9a-z_.-]+")
TEXT = re.compile(r"[\x20-\x7e]*")
TOKEN = "authorization"  # noqa: S105 - a key's name
# gRPC and HTTP/2 write these themselves.
RESERVED = ("content-type", "te", "user-agent", "host", "connection")


def to_metadata(metadata: Mapping[str, str | bytes]) -> Metadata:
    """Read what is to be sent, by keys.

    Raises
    ------
    InvalidRequestError
        If gRPC cannot send it, or sends something else under that key.
    """
    if not isinstance(metadata, Mapping):
        raise InvalidRequestError.at(FIELD, f"{metadata!r} is not a mapping; expected texts by keys")
    return tuple((_key(key), _value(key, value)) for key, value in metadata.items())


def _key(key: object) -> str:
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise InvalidRequestError.at(FIELD, f"{key!r} is no key; expected lower-case letters, digits and -_.")
    if key.startswith("grpc-") or key in RESERVED:
        raise InvalidRequestError.at(f"{FIELD}[{key}]", "is gRPC's own; expected another key")
    if key == TOKEN:
        # `connect` sees to it that a token is not sent in the clear.
        raise InvalidRequestError.at(f"{FIELD}[{key}]", "is for the token; expected it as `connect(…, token=…)`")
    return key


def _value(key: str, value: object) -> str | bytes:
    if key.endswith(BINARY):
        if isinstance(value, bytes):
            return value
        raise InvalidRequestError.at(f"{FIELD}[{key}]", f"a {type(value).__name__}; expected bytes, as the key says")
    if isinstance(value, str) and TEXT.fullmatch(value):
        return value
    expected = f"expected printable ASCII, or bytes under a key that ends in {BINARY}"
    raise InvalidRequestError.at(f"{FIELD}[{key}]", f"{value!r}; {expected}")
