"""A definition, parsed: trees and the names they may use."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import DefinitionError, LimitError
from raphson_solver.language import names, syntax
from raphson_solver.language.alike import FEWEST, SCALARS, Alike, alike, grouped
from raphson_solver.language.definition import Definition, size
from raphson_solver.language.names import Array
from raphson_solver.language.parser import Uses, parse_equation, parse_expression
from raphson_solver.language.syntax import Expression
from raphson_solver.limits import Limits

if TYPE_CHECKING:
    from raphson_solver.language.writer import Writer


@dataclass(frozen=True, slots=True)
class Parsed:
    """The trees of a definition.

    Attributes
    ----------
    definition : Definition
        What was parsed.
    equations : list of Equation, Assignment or None
        In order; None where a text is one of those that are alike.
    entries : list of list of Expression
        The caller's Jacobian; empty if there is none.
    arrays : dict of str to Array
        What each declared name stands for.
    alike : list of Alike
        Texts that differ in nothing but numbers.
    """

    definition: Definition
    equations: list[syntax.Equation | syntax.Assignment | None]
    entries: list[list[Expression]]
    arrays: dict[str, Array]
    alike: list[Alike] = dataclasses.field(default_factory=list)

    @property
    def n(self) -> int:
        """Length of x."""
        return sum(size(shape) for _, shape in self.definition.variables)

    @property
    def parameter_count(self) -> int:
        """Length of p."""
        return sum(
            size(array.shape) for array in self.arrays.values() if not array.is_variable and array.values is None
        )

    @property
    def structural(self) -> dict[str, NDArray[np.int64]]:
        """Parameters whose values are part of the system."""
        return {name: array.values for name, array in self.arrays.items() if array.values is not None}

    def write(self, writer: Writer[Any]) -> None:
        """Write every definition, then every equation."""
        fields = [field_of(number) for number in range(len(self.equations))]
        texts = list(zip(self.equations, fields, self.definition.equations, strict=True))
        for item, field, source in texts:
            if isinstance(item, syntax.Assignment):
                writer.define(item, field, source)
        for item, field, source in texts:
            if isinstance(item, syntax.Equation):
                writer.write(item, field, source)
            elif item is None:
                writer.reserve(field)
        for texts_alike in self.alike:
            writer.write_alike(texts_alike, self.definition.equations)


def parse(definition: Definition, limits: Limits) -> Parsed:
    """Parse a definition.

    Raises
    ------
    DefinitionError
        Where the text makes no sense.
    LimitError
        Where it is too large.
    """
    check_length(definition.equations, definition.jacobian, limits)
    uses = Uses()
    equations: list[syntax.Equation | syntax.Assignment | None] = [None for _ in definition.equations]
    families: list[Alike] = []
    if definition.jacobian is None and len(definition.equations) >= FEWEST and stays_families(definition, limits):
        families = _alike(definition, limits, uses)
    known = {number for family in families for number in family.texts}
    for number, text in enumerate(definition.equations):
        if number not in known:
            equations[number] = parse_equation(text, field_of(number), limits.depth, uses)
    entries = [
        [parse_expression(text, f"jacobian[{i}][{j}]", limits.depth, uses) for j, text in enumerate(row)]
        for i, row in enumerate(definition.jacobian or ())
    ]
    declared = {name for name, _ in (*definition.variables, *definition.parameters)}
    structural = (uses.structural - uses.counted) & declared
    arrays = names.declare(definition, structural, limits)
    parsed = Parsed(definition, equations, entries, arrays, families)
    if parsed.n == 0:
        raise DefinitionError("start", "there is no variable to solve for")
    if families:
        arrays[SCALARS] = Array((parsed.n,), 0, is_variable=True)
    return parsed


def stays_families(definition: Definition, limits: Limits) -> bool:
    """Return whether there are too many variables for the equations to be written out: solving takes dense matrices."""
    n = sum(size(shape) for _, shape in definition.variables)
    return is_many(n, n, limits)


def is_many(count: int, n: int, limits: Limits) -> bool:
    """Return whether so many equations, or variables, in n variables are too many to be written out."""
    return count > limits.equations or count * n > limits.dense_entries


def _alike(definition: Definition, limits: Limits, uses: Uses) -> list[Alike]:
    """Return the texts that are one family; each shape is parsed once."""
    scalars, place = {}, 0
    for name, shape in definition.variables:
        if not shape:
            scalars[name] = place
        place += size(shape)
    texts, found = definition.equations, []
    for which in grouped(texts, scalars):
        tree = parse_equation(texts[which[0]], field_of(which[0]), limits.depth, uses)
        if isinstance(tree, syntax.Equation):
            found += alike(texts, which, tree, scalars)
    return found


def field_of(number: int) -> str:
    """Return what errors call an equation's text."""
    return f"equations[{number}]"


def no_equation() -> DefinitionError:
    """Say that there is none."""
    return DefinitionError("equations", "there is no equation to solve or evaluate")


def check_length(equations: tuple[str, ...], jacobian: tuple[tuple[str, ...], ...] | None, limits: Limits) -> None:
    """Raise `LimitError` at the first text that takes the length of all of them past the limit."""
    length = 0
    for number, text in enumerate(equations):
        length += len(text)
        if length > limits.text_length:
            raise LimitError(f"equations[{number}]", "text_length", length, limits.text_length, "characters")
    for i, row in enumerate(jacobian or ()):
        length += sum(map(len, row))
        if length > limits.text_length:
            raise LimitError(f"jacobian[{i}]", "text_length", length, limits.text_length, "characters")
