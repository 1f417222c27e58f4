"""A definition, parsed: trees and the names they may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import DefinitionError, LimitError
from raphson_solver.language import names, syntax
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
    equations : list of Equation or Assignment
        In order.
    entries : list of list of Expression
        The caller's Jacobian; empty if there is none.
    arrays : dict of str to Array
        What each declared name stands for.
    """

    definition: Definition
    equations: list[syntax.Equation | syntax.Assignment]
    entries: list[list[Expression]]
    arrays: dict[str, Array]

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
    equations = [
        parse_equation(text, field_of(number), limits.depth, uses) for number, text in enumerate(definition.equations)
    ]
    entries = [
        [parse_expression(text, f"jacobian[{i}][{j}]", limits.depth, uses) for j, text in enumerate(row)]
        for i, row in enumerate(definition.jacobian or ())
    ]
    declared = {name for name, _ in (*definition.variables, *definition.parameters)}
    structural = (uses.structural - uses.counted) & declared
    arrays = names.declare(definition, structural, limits)
    parsed = Parsed(definition, equations, entries, arrays)
    if parsed.n == 0:
        raise DefinitionError("start", "there is no variable to solve for")
    return parsed


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
