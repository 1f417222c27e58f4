"""Vectors that go with a system: directions to differentiate in, and zeros that stand for names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from raphson.arrays import to_array
from raphson.errors import InvalidRequestError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from raphson.arrays import Array
    from raphson.problem import Problem


def direction(
    v: Mapping[str, ArrayLike] | ArrayLike, problem: Problem, field: str = "v", *, dimensions: int = 0
) -> Array:
    """Flatten a direction given by name, or check one given as a vector.

    Parameters
    ----------
    v : mapping of str to array-like, or array-like
        By name: of the variable's shape, or with as many dimensions before it as the batch has.
    problem : Problem
        Knows the variables.
    field : str
        What errors call it.
    dimensions : int
        How many the batch has.
    """
    if not isinstance(v, Mapping):
        return to_array(v, field)
    parts = []
    for name, shape in problem.definition.variables:
        if name not in v:
            description = "is missing; expected a number or an array for each variable"
            raise InvalidRequestError.at(f"{field}[{name}]", description)
        part = to_array(v[name], f"{field}[{name}]")
        before = part.ndim - len(shape)
        if before not in {0, dimensions} or part.shape[before:] != shape:
            batch = f", or that after the {dimensions} of the batch" if dimensions else ""
            raise InvalidRequestError.at(f"{field}[{name}]", f"shape {part.shape}; expected {shape}{batch}")
        parts.append(part.reshape((*part.shape[:before], math.prod(shape))))
    unknown = next((name for name in v if name not in dict(problem.definition.variables)), None)
    if unknown is not None:
        raise InvalidRequestError.at(f"{field}[{unknown}]", "is not a variable")
    try:
        together = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
    except ValueError:
        found = ", ".join(str(part.shape[:-1]) for part in parts)
        raise InvalidRequestError.at(field, f"batches {found} do not broadcast with each other") from None
    return np.concatenate([np.broadcast_to(part, (*together, part.shape[-1])) for part in parts], axis=-1)


def zeros_of(names: object, field: str) -> dict[str, ArrayLike]:
    """Return zeros of the shapes that names are declared with; names alone stand for scalars."""
    if isinstance(names, Mapping):
        try:
            return {name: np.zeros(shape) for name, shape in names.items()}
        except (TypeError, ValueError) as error:
            raise InvalidRequestError.at(field, f"{names!r}: expected name → shape, e.g. {{'u': (10,)}}") from error
    if isinstance(names, Sequence) and not isinstance(names, str):
        return {str(name): 0.0 for name in names}
    raise InvalidRequestError.at(field, f"{names!r} is neither a list of names nor a mapping of name → shape")
