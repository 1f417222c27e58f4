"""Fenced blocks as the site wants them: with their files' names, and drawings that fit."""

from __future__ import annotations

import re

# The whole of a block, so that its end is not taken for the beginning of another.
BLOCK = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WIDE_COLUMNS = 104


def with_blocks(text: str) -> str:
    """Return a page whose blocks say what the site's highlighter knows.

    A block that the tests keep in a file says so behind its language; here that is its title. One without a language is
    a drawing; of a wide one the letters are smaller.
    """
    return BLOCK.sub(_block, text)


def _block(block: re.Match[str]) -> str:
    language, _, file = block[1].partition(" file=")
    if file:
        return f'```{language} title="{file}"\n{block[2]}```'
    if not language and max(map(len, block[2].splitlines()), default=0) > WIDE_COLUMNS:
        return f"``` {{ .text .wide }}\n{block[2]}```"
    return block[0]
