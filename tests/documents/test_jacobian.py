"""What docs/jacobian.md shows, done: its Python, one block after another, and its commands."""

import re
import shlex
from pathlib import Path

import pytest
import raphson
from click.testing import CliRunner
from raphson_server.cli import main

DOCUMENT = (Path(__file__).parents[2] / "docs" / "jacobian.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
COMMANDS = re.findall(r"^\$ (raphson (?:jacobian|differentiable) .*)$", DOCUMENT, re.MULTILINE)


@pytest.mark.usefixtures("shared_server")
def test_its_blocks_run_one_after_another() -> None:
    assert len(BLOCKS) == 11
    scope: dict[str, object] = {"__name__": "document"}
    for block in BLOCKS:
        exec(compile(block, "docs/jacobian.md", "exec"), scope)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_do_what_they_say(command: str, client: raphson.Client) -> None:
    _, verb, *arguments = shlex.split(command)
    result = CliRunner().invoke(main, [verb, "--address", client.address, *arguments])
    assert result.exit_code == (1 if verb == "differentiable" else 0), result.output
    assert result.output


def test_every_view_is_a_method_of_the_client() -> None:
    table = DOCUMENT.split("| view |")[1].split("\n\n")[0]
    names = re.findall(r"^\| `([a-z_]+)", table, re.MULTILINE)
    assert len(names) == 15
    assert all(hasattr(raphson.Client, name) for name in names)
