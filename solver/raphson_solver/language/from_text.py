"""From a definition to what can be compiled: equation by equation, or, where that would be too many, by families."""

from __future__ import annotations

from raphson_solver.language import syntax
from raphson_solver.language.definition import Definition
from raphson_solver.language.families import FamilyInstance, as_families
from raphson_solver.language.grid import ALONE
from raphson_solver.language.index_arrays import IndexArrays
from raphson_solver.language.instantiate import Instance, instantiate
from raphson_solver.language.parsed import Parsed, field_of, is_many, parse, stays_families
from raphson_solver.limits import Limits

# From so many variables on families, where they are fewer than an eighth of the equations, cost less than what they
# stand for: a hundred times less to compile, and about as much to evaluate.
_FAMILIES_PAY, _FEW = 128, 8


def from_text(definition: Definition, limits: Limits) -> Instance | FamilyInstance:
    """Parse a definition and write it out, or, where it has too many equations for that to pay, as families.

    Raises
    ------
    DefinitionError
        Where the text makes no sense.
    LimitError
        Where it is too large.
    """
    text = parse(definition, limits)
    if definition.jacobian is None and (_is_for_families(text) or _is_large(text, limits)):
        return as_families(text, limits)
    return instantiate(text, limits)


def written_out(definition: Definition, limits: Limits) -> Instance:
    """Parse a definition and write it out, however many equations it has.

    Raises
    ------
    DefinitionError, LimitError
        As `from_text`.
    """
    return instantiate(parse(definition, limits), limits)


def _is_for_families(text: Parsed) -> bool:
    return text.n > _FAMILIES_PAY and _FEW * len(text.equations) <= text.n


def _is_large(text: Parsed, limits: Limits) -> bool:
    """Return whether there are too many equations or variables to be written out: solving takes dense matrices."""
    # Equations have to be counted, which takes a while where there are many.
    return stays_families(text.definition, limits) or is_many(_count(text, limits), text.n, limits)


def _count(text: Parsed, limits: Limits) -> int:
    """Return how many equations there are."""
    indices = IndexArrays(text.arrays, limits.members)
    count = 0
    for number, item in enumerate(text.equations):
        if isinstance(item, syntax.Equation):
            indices.field, indices.source = field_of(number), text.definition.equations[number]
            count += indices.expand(item.loops, ALONE).count if item.loops else 1
    return count
