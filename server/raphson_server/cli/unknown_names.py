"""Which names in equations are unknowns, where nobody has said so."""

import itertools
from collections.abc import Container, Iterable

import click
from raphson_solver.errors import RaphsonError
from raphson_solver.language.names import CONSTANTS, RESERVED
from raphson_solver.language.tokens import Token, tokenize


def names_in(equations: Iterable[str], parameters: Container[str]) -> list[str]:
    """Return the names of numbers that nothing else explains, in the order of their appearance.

    Raises
    ------
    click.UsageError
        If an array is among them, whose shape no text tells, or if there are none.
    """
    names: dict[str, bool] = {}
    explained = set(RESERVED) | set(CONSTANTS)
    for number, text in enumerate(equations):
        try:
            tokens = tokenize(text, f"equations[{number}]")
        except RaphsonError as error:
            raise click.UsageError(str(error)) from None
        for token, after in itertools.pairwise(tokens):
            if token.kind == "name":
                names[token.text] = names.get(token.text, False) or after.kind == "["
        explained |= _defined(tokens)
    unknowns = {name: is_array for name, is_array in names.items() if name not in explained and name not in parameters}
    arrays = [name for name, is_array in unknowns.items() if is_array]
    if arrays:
        raise click.UsageError(f"{arrays[0]} is an array; expected its shape, e.g. --unknown {arrays[0]}=10")
    if not unknowns:
        raise click.UsageError("no unknowns; expected equations with names in them")
    return list(unknowns)


def _defined(tokens: list[Token]) -> set[str]:
    """Return the names that a text gives a meaning to: ``name := …`` and ``for name in``."""
    return {
        token.text
        for before, (token, after) in zip([None, *tokens], itertools.pairwise(tokens), strict=False)
        if token.kind == "name" and (after.kind == ":=" or (before is not None and before.text == "for"))
    }
