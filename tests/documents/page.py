"""A page of the documentation as a reader follows it: blocks in their order, each done, and what it prints compared."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner
from raphson_server.cli import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SERVED_AT = "127.0.0.1:50551"
# To start a server for each page takes longer than the pages.
OWN_SERVER = re.compile(rf'\bconnect\((?:"{re.escape(SERVED_AT)}")?\)')
# Stands in what a page shows for whatever may be there.
ANYTHING = "…"


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes
    ----------
    language : str
        What is written behind the fence, such as ``"python"``, without the file.
    file : str
        Where the reader is to keep it; empty: nowhere.
    text : str
        What is in it.
    line : int
        Where it begins, for messages.
    """

    language: str
    file: str
    text: str
    line: int


@dataclass(frozen=True)
class Part:
    """What a test does as one: a block, or a command of a console.

    Attributes
    ----------
    text : str
        Of a block as it is; of a command as `one_command` writes it.
    line : int
        Where its block begins.
    """

    text: str
    line: int


def parts(page: Path) -> list[Part]:
    """Return all that a page shows in blocks, in its order."""
    found = []
    for block in blocks(page):
        commands = [one_command(command) for command, _ in _commands(block)]
        found += [Part(text, block.line) for text in commands or [block.text]]
    return found


def one_command(text: str) -> str:
    """Write a command without its comment, on one line but for what is quoted."""
    return shlex.join(shlex.split(text.replace("\\\n", " "), comments=True))


def followed(page: Path) -> list[str]:
    """Return those parts of a page that `follow` does, `write_files` keeps, or a server that it starts stands for."""
    done = {block.line for block in blocks(page) if block.language in ("python", "text", "console") or block.file}
    return [part.text for part in parts(page) if part.line in done]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in their order."""
    text = page.read_text()
    found = []
    for fence in FENCE.finditer(text):
        language, _, file = fence[1].partition(" file=")
        found.append(Block(language, file, fence[2], text.count("\n", 0, fence.start()) + 2))
    return found


def served_flags(page: Path) -> list[str] | None:
    """Return with which flags a page has its reader start a server; None if it does not."""
    commands = [shlex.split(line) for block in blocks(page) for line, _ in _commands(block)]
    return next((command[2:] for command in commands if command[:2] == ["raphson", "serve"]), None)


def write_files(page: Path, folder: Path) -> None:
    """Keep what the page has its reader keep."""
    for block in blocks(page):
        if block.file:
            (folder / block.file).write_text(block.text)


def follow(page: Path, address: str) -> None:
    """Do what a page shows, in this folder, with a server at an address."""
    scope: dict[str, object] = {"__name__": "document"}
    printed = ""
    for block in blocks(page):
        where = f"{page.name}:{block.line}"
        if block.language == "python" and not block.file:
            code = "\n" * (block.line - 1) + OWN_SERVER.sub(f"connect({address!r})", block.text)
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(code, str(page), "exec"), scope)
            printed = out.getvalue()
        elif block.language == "text":
            assert_shown(block.text, printed, where)
        for command, shown in _commands(block):
            program, *arguments = shlex.split(command)
            assert program == "raphson", where
            if arguments[0] != "serve":
                result = CliRunner().invoke(main, [*arguments, "--address", address])
                assert result.exit_code == 0, f"{where}: {result.output}"
                assert_shown(shown, result.stdout, where)


def assert_shown(shown: str, printed: str, where: str) -> None:
    """Compare what a page shows with what came."""
    pattern = ".*".join(map(re.escape, shown.rstrip().split(ANYTHING)))
    message = f"{where} shows\n{textwrap.indent(shown, '  ')}but there came\n{textwrap.indent(printed, '  ')}"
    assert re.fullmatch(pattern, printed.rstrip(), re.DOTALL), message


def _commands(block: Block) -> Iterator[tuple[str, str]]:
    """Return the commands of a console, each with what is shown below it."""
    if block.language == "console" or (not block.language and block.text.startswith("$ ")):
        text = block.text.replace("\\\n", " ")
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            lines = part.splitlines(keepends=True)
            length = next(count for count in range(1, len(lines) + 1) if _is_whole("".join(lines[:count])))
            yield "".join(lines[:length]).rstrip("\n"), "".join(lines[length:])


def _is_whole(command: str) -> bool:
    """Tell whether a command needs no further line."""
    try:
        shlex.split(command, comments=True)
    except ValueError:  # a quotation goes on
        return False
    return True
