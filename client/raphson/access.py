"""How a client knows who answers (TLS), and shows who it is: a certificate, a token."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

import grpc

from raphson.errors import InvalidRequestError

Pem = str | os.PathLike[str] | bytes
"""A file's path, or its content."""

Metadata = tuple[tuple[str, str | bytes], ...]
"""What is sent with a call, by keys; bytes under keys that end in ``-bin``."""


@dataclass(frozen=True, slots=True)
class Access:
    """What every connection to a server begins with.

    Attributes
    ----------
    credentials : grpc.ChannelCredentials or None
        None sends in the clear.
    metadata : tuple of (str, str or bytes)
        Sent with every call.
    is_local : bool
        Whether the server is on this machine, so that no proxy may stand before it.
    """

    credentials: grpc.ChannelCredentials | None = None
    metadata: Metadata = ()
    is_local: bool = True


def to_access(
    address: str | None,
    *,
    tls: bool | None = None,
    ca: Pem | None = None,
    certificate: Pem | None = None,
    key: Pem | None = None,
    token: str | None = None,
    insecure: bool = False,
    credentials: grpc.ChannelCredentials | None = None,
) -> Access:
    """Return what the arguments of `raphson.connect` ask for, which says what they are.

    Raises
    ------
    InvalidRequestError
        If they do not go together, a file cannot be read, or a token would be sent in the clear.
    """
    files = {"ca": ca, "certificate": certificate, "key": key}
    given = [name for name, value in files.items() if value is not None]
    if address is None:
        for name in [*given, *(["tls"] if tls else []), *(["token"] if token is not None else [])]:
            raise InvalidRequestError.at(name, "is for a server elsewhere; expected its address too")
        return Access()
    _check_address(address)
    if tls is False and (given or credentials is not None):
        raise InvalidRequestError.at("tls", f"False, but {(*given, 'credentials')[0]} is given; expected True, or none")
    if credentials is not None and given:
        raise InvalidRequestError.at(given[0], "given beside credentials; expected one of them")
    if (certificate is None) != (key is None):
        missing, there = ("key", "certificate") if key is None else ("certificate", "key")
        raise InvalidRequestError.at(missing, f"missing; expected it beside the {there}")
    if credentials is None and (given or tls):
        credentials = grpc.ssl_channel_credentials(*(_pem(files[name], name) for name in ("ca", "key", "certificate")))
    is_local = is_loopback(address)
    if token is not None and credentials is None and not (is_local or insecure):
        raise InvalidRequestError.at(
            "token",
            f"would be sent to {address} in the clear; expected tls=True or a ca, or insecure=True where the network "
            "protects it",
        )
    return Access(credentials, () if token is None else (("authorization", f"Bearer {_checked(token)}"),), is_local)


def is_loopback(address: str) -> bool:
    """Return whether a gRPC target is on this machine."""
    target = address.rpartition("/")[2]
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = target.removeprefix("ipv4:").removeprefix("ipv6:").removeprefix("dns:").rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_address(address: object) -> None:
    if not isinstance(address, str) or ":" not in address:
        raise InvalidRequestError.at("address", f"{address!r} is not an address; expected e.g. 'localhost:50551'")


def _pem(value: Pem | None, name: str) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    try:
        return Path(value).read_bytes()
    except OSError as error:
        raise InvalidRequestError.at(name, f"{os.fspath(value)!r} cannot be read: {error.strerror}") from None


def _checked(token: object) -> str:
    if isinstance(token, str) and token and token.isascii() and token.isprintable() and " " not in token:
        return token
    # A token is not shown, not even a wrong one.
    raise InvalidRequestError.at("token", "is none; expected what `raphson token create` printed")
