"""The group of commands, each imported only when it is asked for: ``raphson --help`` loads no gRPC."""

import importlib
from collections.abc import Mapping
from importlib.util import find_spec

import click

# Name of the command and of its module in this package; the module exposes a command of that name.
_COMMANDS: Mapping[str, str] = {
    "serve": "raphson_server.cli.serve",
    "token": "raphson_server.cli.token",
    "health": "raphson_server.cli.health",
    "solve": "raphson_server.cli.solve",
    "batch": "raphson_server.cli.batch",
    "jobs": "raphson_server.cli.jobs",
    "explain": "raphson_server.cli.explain",
    "roots": "raphson_server.cli.roots",
    "follow": "raphson_server.cli.follow",
    "jacobian": "raphson_server.cli.jacobian",
    "check": "raphson_server.cli.check",
    "differentiable": "raphson_server.cli.differentiable",
}


class _LazyGroup(click.Group):
    """Finds commands by module name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Name the commands in the order a reader meets them."""
        return [name for name, module in _COMMANDS.items() if find_spec(module) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = getattr(importlib.import_module(_COMMANDS[cmd_name]), cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{_COMMANDS[cmd_name]}.{cmd_name} is {command!r}; expected a click command")
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="raphson", prog_name="raphson")
def main() -> None:
    """Solve systems of nonlinear equations and differentiate them.

    \b
    raphson serve                                solve for other programs, over gRPC
    raphson token create --name me --scope solve let somebody call it
    raphson health --address HOST:PORT           say whether a server serves
    raphson solve 'x**2 = 2' --start x=1         solve here and now
    raphson batch model.toml rows.parquet -o …   solve for every row of a table
    raphson jobs list --address HOST:PORT        look after the jobs of a server
    raphson explain 'x + y = 3' 'x + y = 4'      say what is wrong with a system
    raphson roots 'x**2 = 2' --bounds x=-9:9     look for every root in a box
    raphson follow 'x**2 = r' --start x=1 …      follow a root while a parameter changes
    raphson jacobian 'x**2 + y' --at x=1 …       differentiate at a point
    raphson check model.toml                     compare a model's own Jacobian with the exact one
    raphson differentiable 'abs(x)' --at x=0     test whether there is a derivative at a point
    """  # noqa: D301 (click needs the backspace itself)
