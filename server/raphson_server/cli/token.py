"""``raphson token``: make the tokens by which callers show who they are."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from raphson_server.tokens import QUOTAS, SCOPES, is_name, new_token, read_tokens, write_entry
from raphson_server.watched_files import UnusableFileError

_QUOTA_HELP = {
    "in_flight": "Calls at a time.",
    "requests_per_minute": "Calls begun in a minute.",
    "cpu_seconds_per_minute": "Processor time of workers in a minute; what one call spends beyond it is owed.",
    "largest_variables": "Numbers in all variables of a system.",
    "largest_members": "Members of one batch.",
}


@click.group()
def token() -> None:
    """Make tokens, by which callers of `raphson serve --tokens FILE` show who they are.

    \b
    raphson token create --name alice --scope solve --scope jacobian --store tokens.toml
    """  # noqa: D301 - click wants the character, not its escape


def _with_quotas(command: Any) -> Any:
    for name, kind in reversed(list(QUOTAS.items())):
        bound: Any = click.FloatRange(0, min_open=True) if kind is float else click.IntRange(1)
        flag = "--" + name.replace("_", "-")
        command = click.option(flag, type=bound, metavar="N", help=f"{_QUOTA_HELP[name]} [default: no quota]")(command)
    return command


@token.command()
@click.option("--name", required=True, help="Of whoever is to have it: letters, digits, - and _.")
@click.option(
    "--scope",
    "scopes",
    required=True,
    multiple=True,
    type=click.Choice(list(SCOPES)),
    help="What it is for; once for each. " + "; ".join(f"{scope}: {what}" for scope, what in SCOPES.items()) + ".",
)
@click.option(
    "--expires",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The first day on which it is good no more, such as 2027-01-31. [default: never]",
)
@_with_quotas
@click.option(
    "--store",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Add the entry to this file, which the server reads again by itself. [default: print it]",
)
def create(name: str, scopes: tuple[str, ...], expires: datetime | None, store: Path | None, **quotas: Any) -> None:
    """Make a token; it is printed once, and kept nowhere.

    What is stored is its SHA-256, by which nobody can call. To take a token back, take its entry out of the file.
    """
    if not is_name(name):
        raise click.UsageError(f"--name is {name!r}; expected up to 64 letters, digits, - and _")
    made = new_token(name)
    given = {quota: value for quota, value in quotas.items() if value is not None}
    entry = write_entry(made, dict.fromkeys(scopes), None if expires is None else expires.date(), given)
    if store is None:
        click.echo("# The token, for the caller; it is not shown again:", err=True)
        click.echo(made)
        click.echo("# The entry, for the server's file of tokens:", err=True)
        click.echo(entry, nl=False)
        return
    _add(store, name, entry)
    click.echo(made)


def _add(store: Path, name: str, entry: str) -> None:
    """Add an entry to a file, so that whoever reads it sees it whole."""
    try:
        before = ""
        if store.exists():
            if name in read_tokens(store):
                raise click.UsageError(f"{store} has an entry {name} already; expected another name, or it taken out")
            before = store.read_text(encoding="utf-8").rstrip("\n") + "\n\n"
        beside = store.with_name(f".{store.name}.{os.getpid()}")
        mode = store.stat().st_mode & 0o777 if store.exists() else 0o600
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write((before if before.strip() else "") + entry)
        beside.replace(store)
    except (OSError, UnusableFileError) as error:
        raise click.UsageError(f"--store: {error}") from None
