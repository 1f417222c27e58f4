"""Which numbers of a flat vector some names mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.errors import InputError
from raphson_solver.explanation.elements import element_names
from raphson_solver.language import size
from raphson_solver.language.names import suggestion
from raphson_solver.solution.packing import Declared


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Numbers of a flat vector, in the order they were asked for.

    Attributes
    ----------
    places : ndarray of int64, shape (k,)
        In the vector.
    names : tuple of str, length k
        As the language writes them: ``r``, ``u[3]``, ``W[1,2]``.
    """

    places: NDArray[np.int64]
    names: tuple[str, ...]


def select(names: str | Iterable[str] | None, declared: Declared, field: str = "names") -> Selection:
    """Return the places that names mean.

    Parameters
    ----------
    names : str, iterable of str, or None
        A name stands for all of its numbers, a name with an index, such as ``"u[3]"``, for one; None for everything.
    declared : tuple of (name, shape)
        In the order of the vector.
    field : str
        What to call the argument in errors.

    Raises
    ------
    InputError
        For a name that is unknown, or asked for twice.
    """
    elements = element_names(declared)
    if names is None:
        return Selection(np.arange(len(elements)), elements)
    whole, place = dict[str, range](), 0
    for name, shape in declared:
        whole[name] = range(place, place + size(shape))
        place += size(shape)
    single = {name: range(place, place + 1) for place, name in enumerate(elements)}
    chosen: list[int] = []
    for name in (names,) if isinstance(names, str) else names:
        wanted = name.replace(" ", "") if isinstance(name, str) else name
        found = whole.get(wanted, single.get(wanted))
        if found is None:
            known = ", ".join(whole) or "none"
            raise InputError(
                field, f"there is no free parameter {name!r}{suggestion(str(name), set(whole))}; there are: {known}"
            )
        chosen += found
    if len(set(chosen)) < len(chosen):
        twice = next(elements[place] for place in chosen if chosen.count(place) > 1)
        raise InputError(field, f"'{twice}' is named twice")
    return Selection(np.array(chosen, np.int64), tuple(elements[place] for place in chosen))
