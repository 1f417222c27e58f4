"""The options of ``raphson serve`` from its settings: flags go before the environment, it before a TOML file.

The order is click's own: the file becomes the command's ``default_map``. What click does not do is done here: a file's
keys and types are checked, and every error says where a value came from.
"""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from raphson_server.configuration import SETTINGS, ServerConfig
from raphson_server.setting import ENVIRONMENT_PREFIX, Setting

_CONFIG = "CONFIG"
_FILE = "raphson.configuration"
_PASSWORD = re.compile(r"(://[^/@:]*:)[^/@]*@")
# Where a comment begins that says where a value came from, unless the value is longer.
_COMMENT_COLUMN = 44


class ConfiguredCommand(click.Command):
    """A command with an option for every setting, shown under headings."""

    def __init__(self, *arguments: Any, **particulars: Any) -> None:
        super().__init__(*arguments, **particulars)
        self.params = [_file_option(), _show_option(), *map(_option, SETTINGS), *self.params]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, the settings under their sections' headings."""
        section_of = {declared.name: declared.section for declared in SETTINGS}
        by_section: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                by_section.setdefault(section_of.get(param.name or "", "Options"), []).append(record)
        for section in ["Options", *dict.fromkeys(section_of.values())]:
            with formatter.section(section):
                formatter.write_dl(by_section[section])


def configuration(choices: Mapping[str, Any]) -> ServerConfig:
    """Return the configuration that a command was given, checked as a whole.

    Raises
    ------
    click.UsageError
        If a variable is unknown, or values do not go together.
    """
    known = {declared.variable for declared in SETTINGS} | {ENVIRONMENT_PREFIX + _CONFIG}
    for variable in os.environ:
        if variable.startswith(ENVIRONMENT_PREFIX) and variable not in known:
            raise click.UsageError(f"the environment variable {variable} is no setting{_near_miss(variable, known)}")
    try:
        return ServerConfig(**choices)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def written(ctx: click.Context, config: ServerConfig) -> str:
    """Write a configuration as TOML that may be given back, each value with where it came from."""
    lines: list[str] = []
    section = ""
    for declared in SETTINGS:
        if declared.section != section:
            section = declared.section
            lines += ["", f"# {section}"] if lines else [f"# {section}"]
        assignment = f"{declared.name} = {_to_toml(getattr(config, declared.name), declared)}"
        lines.append(f"{assignment:<{_COMMENT_COLUMN}}  # {_source(ctx, declared)}")
    return "\n".join(lines)


class _SettingType(click.ParamType):  # type: ignore[type-arg] # generic in new versions alone
    """Reads a value, and says where one that cannot be read came from."""

    def __init__(self, declared: Setting) -> None:
        self._declared = declared
        self.name = declared.metavar.lower() or declared.kind.__name__

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,  # noqa: ARG002 (click's signature)
        ctx: click.Context | None,
    ) -> Any:
        """Return the setting's value; of a list, one of its texts."""
        if self._declared.kind is tuple or ctx is None:
            return value
        try:
            return self._declared.parse(value) if isinstance(value, str) else self._declared.read(value)
        except ValueError as error:
            raise click.UsageError(f"{_source(ctx, self._declared)}: {self._declared.name} is {error}", ctx) from None


class _SwitchType(_SettingType, click.types.BoolParamType):
    """Reads true or false; by its kind click knows that ``--no-…`` makes sense."""


def _option(declared: Setting) -> click.Option:
    is_switch = declared.kind is bool
    return click.Option(
        [f"{declared.flag}/--no-{declared.flag[2:]}" if is_switch else declared.flag],
        type=(_SwitchType if is_switch else _SettingType)(declared),
        default=declared.default,
        show_default=declared.shown_default or (True if declared.default not in ("", ()) else "none"),
        envvar=declared.variable,
        multiple=declared.kind is tuple,
        metavar=declared.metavar or None,
        help=declared.about,
    )


def _file_option() -> click.Option:
    return click.Option(
        ["--config"],
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        envvar=ENVIRONMENT_PREFIX + _CONFIG,
        is_eager=True,
        expose_value=False,
        callback=_read_file,
        help="A TOML file with any of the settings below, NAME = VALUE. The environment goes before it, "
        f"{ENVIRONMENT_PREFIX}NAME, and flags before both. [env var: {ENVIRONMENT_PREFIX}{_CONFIG}]",
    )


def _show_option() -> click.Option:
    return click.Option(
        ["--show-config"],
        is_flag=True,
        help="Print all settings as TOML, each with where its value came from, and end.",
    )


def _read_file(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:  # noqa: ARG001 (click's signature)
    """Let the values of a file be the defaults."""
    if path is None:
        return
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise click.UsageError(f"{path} is not TOML that can be read: {error}", ctx) from None
    known = {declared.name: declared for declared in SETTINGS}
    for key, value in content.items():
        if key not in known:
            raise click.UsageError(f"{path}: {key} is no setting{_near_miss(key, known)}", ctx)
        try:
            known[key].read(value)
        except ValueError as error:
            raise click.UsageError(f"{path}: {key} is {error}", ctx) from None
    ctx.default_map = content
    ctx.meta[_FILE] = str(path)


def _source(ctx: click.Context, declared: Setting) -> str:
    match ctx.get_parameter_source(declared.name):
        case ParameterSource.COMMANDLINE:
            return declared.flag
        case ParameterSource.ENVIRONMENT:
            return declared.variable
        case ParameterSource.DEFAULT_MAP:
            return str(ctx.meta[_FILE])
        case _:
            return "default"


def _near_miss(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else "; `raphson serve --show-config` prints all of them"


def _to_toml(value: Any, declared: Setting) -> str:
    if declared.is_secret:
        value = _PASSWORD.sub(r"\1***@", value)
    # Of these types JSON is TOML, but for a character that JSON leaves as it is.
    return json.dumps(value).replace("\x7f", "\\u007f")
