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
COMMANDS = re.findall(r"^\$ (raphson .*)$", DOCUMENT, re.MULTILINE)
(MODEL,) = re.findall(r"```toml file=model.toml\n(.*?)```", DOCUMENT, re.DOTALL)
DONE = [*BLOCKS, *COMMANDS, MODEL]


@pytest.mark.usefixtures("shared_server")
def test_its_blocks_run_one_after_another() -> None:
    assert len(BLOCKS) == 11
    scope: dict[str, object] = {"__name__": "document"}
    for block in BLOCKS:
        exec(compile(block, "docs/jacobian.md", "exec"), scope)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_do_what_they_say(
    command: str, client: raphson.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.toml").write_text(MODEL)
    _, verb, *arguments = shlex.split(command)
    result = CliRunner().invoke(main, [verb, "--address", client.address, *arguments])
    # What is asked about is not differentiable; an entry of the model's Jacobian is wrong, as the page's Python says.
    assert result.exit_code == (1 if verb in ("check", "differentiable") else 0), result.output
    assert re.search(r"equations\[0\] +y +3 +9" if verb == "check" else r"\S", result.output)


def test_every_view_is_a_method_of_the_client() -> None:
    table = DOCUMENT.split("| view |")[1].split("\n\n")[0]
    names = re.findall(r"^\| `([a-z_]+)", table, re.MULTILINE)
    assert len(names) == 15
    assert all(hasattr(raphson.Client, name) for name in names)
