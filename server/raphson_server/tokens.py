"""Tokens: who may call a server, and how much. A TOML file holds an entry for each, and never a token itself.

    [alice]
    sha256 = "…"                    # of the token, in hexadecimal
    scopes = ["solve", "jacobian"]
    requests_per_minute = 600

A token is ``raphson.NAME.SECRET``, the secret 256 random bits. Nobody guesses those, however fast the hash: one round
of SHA-256 keeps them as safe as a slow password hash would, and costs a call a microsecond, where a slow one would let
anybody keep the server's cores busy with wrong tokens. The name in it finds the entry, so that nothing is looked up by
what is secret, and the digests are compared in constant time.
"""

import datetime as dt
import difflib
import hashlib
import hmac
import json
import re
import secrets
import stat
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from raphson_server.watched_files import UnusableFileError, read_bytes

SCOPES: Mapping[str, str] = {
    "solve": "SolverService: solve, batches, all roots, branches, explanations; and compiling",
    "jacobian": "JacobianService: f and every view of its derivatives; and compiling",
    "jobs": "JobService, for the jobs that the token itself has made",
    "admin": "everything, the jobs of others too",
}
"""What a token may be for."""

_SECRET_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NOBODY = bytes(32)
# More than anybody means, and little enough to be computed with.
_TOO_MUCH = 2**63
_TOO_LITTLE = 1e-9
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Quotas:
    """How much one caller may have; None is as much as the server has.

    Attributes
    ----------
    in_flight : int, optional
        Calls at a time.
    requests_per_minute : float, optional
        Calls begun; a minute's worth may come at once.
    cpu_seconds_per_minute : float, optional
        Processor time of workers; a minute's worth may be spent at once. What one call spends beyond it is owed.
    largest_variables : int, optional
        Numbers in all variables of a system.
    largest_members : int, optional
        Members of one batch.
    """

    in_flight: int | None = None
    requests_per_minute: float | None = None
    cpu_seconds_per_minute: float | None = None
    largest_variables: int | None = None
    largest_members: int | None = None


QUOTAS: Mapping[str, type] = {
    quota.name: float if quota.name.endswith("_per_minute") else int for quota in fields(Quotas)
}
"""The quotas, and what a value is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenEntry:
    """What is kept of a token.

    Attributes
    ----------
    name : str
    sha256 : bytes
        Its digest.
    scopes : frozenset of str
    expires : date, optional
        The first day on which it is good no more, in UTC.
    quotas : Quotas
    """

    name: str
    sha256: bytes
    scopes: frozenset[str]
    expires: dt.date | None = None
    quotas: Quotas = Quotas()


def new_token(name: str) -> str:
    """Return a token that nobody has had before."""
    return f"raphson.{name}.{secrets.token_urlsafe(_SECRET_BYTES)}"


def is_name(name: str) -> bool:
    """Return whether a token may be called so."""
    return _NAME.fullmatch(name) is not None


def find_token(entries: Mapping[str, TokenEntry], token: str) -> TokenEntry | None:
    """Return the entry of a token; None if there is none."""
    entry = entries.get(token.split(".", 2)[1]) if token.count(".") == 2 else None
    digest = hashlib.sha256(token.encode(errors="replace")).digest()
    # Compared even with nobody's, so that a wrong name takes as long as a wrong secret.
    is_right = hmac.compare_digest(digest, _NOBODY if entry is None else entry.sha256)
    return entry if is_right else None


def write_entry(token: str, scopes: Iterable[str], expires: dt.date | None, quotas: Mapping[str, float]) -> str:
    """Return the TOML to keep of a token."""
    lines = [
        f"[{token.split('.', 2)[1]}]",
        f'sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"',
        f"scopes = {json.dumps(list(scopes))}",
    ]
    if expires is not None:
        lines.append(f"expires = {expires.isoformat()}")
    lines += [f"{name} = {value}" for name, value in quotas.items()]
    return "\n".join(lines) + "\n"


def read_tokens(path: Path) -> dict[str, TokenEntry]:
    """Read a file of tokens.

    Raises
    ------
    UnusableFileError
        If it cannot be read, others may write it, or an entry makes no sense; says which, and what was expected.
    """
    content = read_bytes(path, "tokens")
    if path.stat().st_mode & stat.S_IWOTH:
        raise UnusableFileError(f"tokens: {path} may be written by everybody; expected chmod o-w")
    try:
        tables = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise UnusableFileError(f"tokens: {path} is not TOML: {error}") from None
    return {name: _entry(name, table, path) for name, table in tables.items()}


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _are_scopes(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) and each in SCOPES for each in value)


def _is_day(value: Any) -> bool:
    # A moment is a date to Python; here a day is meant.
    return value is None or type(value) is dt.date


def _is_count(value: Any) -> bool:
    # To Python true is a number.
    return value is None or (type(value) is int and 0 < value < _TOO_MUCH)


def _is_rate(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and _TOO_LITTLE < value < _TOO_MUCH)


_KEYS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "sha256": (_is_digest, "the 64 digits of `raphson token create`"),
    "scopes": (_are_scopes, f"a list of {', '.join(SCOPES)}"),
    "expires": (_is_day, "a date, 2027-01-31"),
    **{
        quota: (_is_rate, "a number above 1e-9, below 2**63")
        if kind is float
        else (_is_count, "a whole number above 0, below 2**63")
        for quota, kind in QUOTAS.items()
    },
}
"""The keys of an entry: what tells whether a value makes sense (None where there is none), and what is expected."""


def _entry(name: str, table: Any, path: Path) -> TokenEntry:
    place = f"tokens: {path}: {name}"
    if not is_name(name) or not isinstance(table, dict):
        raise UnusableFileError(f"{place} is no entry; expected [NAME] of letters, digits, - and _, with its keys")
    for key in table:
        if key not in _KEYS:
            close = difflib.get_close_matches(key, _KEYS, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; expected {', '.join(_KEYS)}"
            raise UnusableFileError(f"{place}: {key} is unknown{hint}")
    for key, (makes_sense, expected) in _KEYS.items():
        value = table.get(key)
        if not makes_sense(value):
            raise UnusableFileError(f"{place}: {key} is {_shown(value)}; expected {expected}")
    return TokenEntry(
        name=name,
        sha256=bytes.fromhex(table["sha256"]),
        scopes=frozenset(table["scopes"]),
        expires=table.get("expires"),
        quotas=Quotas(**{quota: table[quota] for quota in QUOTAS if quota in table}),
    )


def _shown(value: Any) -> str:
    """Write a value, or its beginning."""
    try:
        text = repr(value)
    except ValueError:
        # Python writes no number of thousands of digits out.
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
