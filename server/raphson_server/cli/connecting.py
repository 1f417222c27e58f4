"""How the commands reach a server that asks who calls: options for TLS and tokens, the same for all."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import click
import raphson
from click.core import ParameterSource

from raphson_server.cli.tls_options import FILE, TLS_OPTIONS

_META = "raphson.access"
_TOKEN = "RAPHSON_TOKEN"  # noqa: S105 (the variable's name)
_TOKEN_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "--token-file": {
        "type": FILE,
        "metavar": "FILE",
        "envvar": _TOKEN + "_FILE",
        "help": f"Who calls: a file with what `raphson token create` printed. [env var: {_TOKEN}_FILE; {_TOKEN} for "
        "the token itself]",
    },
    "--insecure": {"is_flag": True, "help": "Send the token in the clear, where the network protects it."},
}


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `connected` reads."""
    for flag, particulars in reversed([*TLS_OPTIONS.items(), *_TOKEN_OPTIONS.items()]):
        command = click.option(flag, expose_value=False, callback=_keep, **particulars)(command)
    return command


def connected(address: str | None) -> raphson.Client:
    """Connect as the command's options say; without an address, to a server of this command's own.

    Raises
    ------
    click.UsageError
        If a token's file cannot be read.
    RaphsonError
        As `raphson.connect` says.
    """
    given: dict[str, tuple[Any, ParameterSource]] = click.get_current_context().meta.get(_META, {})
    # What the environment says of servers elsewhere is nothing to one of our own.
    wanted = {
        name: value
        for name, (value, source) in given.items()
        if value and (address is not None or source is ParameterSource.COMMANDLINE)
    }
    token_file = wanted.pop("token_file", None)
    if token_file is not None:
        try:
            wanted["token"] = token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise click.UsageError(f"--token-file: {token_file} cannot be read") from None
    elif address is not None and os.environ.get(_TOKEN):
        wanted["token"] = os.environ[_TOKEN]
    return raphson.connect(address, **wanted)


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    assert param.name is not None
    source = ctx.get_parameter_source(param.name)
    ctx.meta.setdefault(_META, {})[param.name] = (value, source)
