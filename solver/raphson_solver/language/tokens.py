"""Text to tokens, each with its column."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from raphson_solver.errors import DefinitionError

KEYWORDS = frozenset({"for", "in", "if", "else", "and", "or", "not"})

_SPACE = frozenset(" \t\r\n")
_PATTERN = re.compile(
    r"""
      (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
    | (?P<symbol>\*\*|//|:=|==|!=|<=|>=|[-+*/%^()\[\],=<>])
    """,
    re.VERBOSE,
)


class Token(NamedTuple):
    """A piece of text. `kind` is number, name, end, or the keyword or symbol itself."""

    kind: str
    text: str
    column: int


def tokenize(source: str, field: str) -> list[Token]:
    """Split one equation; the last token has kind ``end``.

    Raises
    ------
    DefinitionError
        At a character that the language does not have, or a number that no double holds.
    """
    tokens: list[Token] = []
    column = _skip_space(source, 0)
    length = len(source)
    match = _PATTERN.match
    while column < length:
        found = match(source, column)
        if found is None:
            raise DefinitionError(field, _unknown_character(source[column]), source, column)
        kind, text = found.lastgroup, found.group()
        if kind == "number":
            _check_number(source, field, column, found.end())
            tokens.append(Token("number", text, column))
        elif kind == "name":
            tokens.append(Token(text if text in KEYWORDS else "name", text, column))
        else:
            tokens.append(Token("**" if text == "^" else text, text, column))
        column = found.end()
        if column < length and source[column] in _SPACE:
            column = _skip_space(source, column)
    tokens.append(Token("end", "", length))
    return tokens


def _skip_space(source: str, column: int) -> int:
    length = len(source)
    while column < length and source[column] in _SPACE:
        column += 1
    return column


_LONGEST_QUOTE = 60


def clip(text: str) -> str:
    """Return a text short enough to stand in a message."""
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def _check_number(source: str, field: str, first: int, end: int) -> None:
    text = source[first:end]
    if end < len(source) and (source[end].isalnum() or source[end] in "._"):
        rest = re.match(r"[\w.]*", source[end:])
        written = text + (rest.group() if rest else "")
        hint = f"; write '{clip(text)}*{clip(written[len(text) :])}' to multiply" if source[end].isalpha() else ""
        raise DefinitionError(field, f"'{clip(written)}' is neither a number nor a name{hint}", source, first)
    if not math.isfinite(float(text)):
        raise DefinitionError(
            field, f"the number {clip(text)} is too large; a double holds at most 1.8e308", source, first
        )


def _unknown_character(character: str) -> str:
    hints = {
        ".": "attributes do not exist here; a decimal point needs a digit beside it",
        "'": "texts in quotes do not exist here",
        '"': "texts in quotes do not exist here",
        "{": "write ( ) to group and [ ] for an index",
        "}": "write ( ) to group and [ ] for an index",
        "!": "write 'not' or '!='",
        "&": "write 'and'",
        "|": "write 'or', or abs(…) for a size",
        ";": "write each equation as a text of its own",
        ":": "write ':=' to define a name; slices do not exist here",
        "@": "write sum(A[i,j]*x[j] for j in range(n)) for a matrix product",
        "·": "write '*'",
        "×": "write '*'",
        "−": "write '-'",
        "²": "write '**2'",
    }
    hint = f"; {hints[character]}" if character in hints else ""
    return f"the character {character!r} is not part of the language{hint}"
