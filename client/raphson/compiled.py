"""The handle of a compiled system."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raphson.unknowns import unknown_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raphson.arrays import Array, Shape
    from raphson.definition import Definition
    from raphson.trace.tables import Table

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class CompiledSystem:
    """A system that a server has compiled; give it wherever equations are asked for.

    It holds the definition too, so that it works with any server: one that does not know the id is sent the
    text by the client. It can be pickled.

    Attributes
    ----------
    id : str
        64 hexadecimal digits; the same definition has the same id on every server of one version.
    n, m : int
        How many unknowns and how many equations.
    variables, parameters : tuple of (str, tuple of int)
        Names and shapes; the variables in the order of the Jacobian's columns.
    equation_names : tuple of str
        One a row of the Jacobian, e.g. ``"equations[0] at i=3"``; none for systems of more than 10 000 equations.
    sparsity : tuple of two ndarrays of int64
        Row and column numbers, from 0, of the entries of the Jacobian that may differ from zero; none for systems of
        more than 10 000 equations: ``client.jacobian(…, sparse=True)`` gives them with the entries.
    fixed : mapping of str to ndarray
        Parameters that are a part of the system, with their values; others may change from call to call.
    definition : Definition
        The text.
    tables : mapping of str to ndarray
        Constants of a traced function that are parameters of its text; the client sends them along by itself.
    """

    id: str
    n: int
    m: int
    variables: tuple[tuple[str, Shape], ...]
    parameters: tuple[tuple[str, Shape], ...]
    equation_names: tuple[str, ...]
    sparsity: tuple[Indices, Indices]
    definition: Definition
    fixed: Mapping[str, Array] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)

    @property
    def registered(self) -> str:
        """The name under which a server has it registered; of what is compiled from equations, empty."""
        return ""

    @property
    def unknown_names(self) -> tuple[str, ...]:
        """A name for each column of the Jacobian: ``x``, ``u[3]``, ``A[1,2]``."""
        return unknown_names(self.variables)

    def __repr__(self) -> str:
        names = ", ".join(f"{name}{list(shape)}" if shape else name for name, shape in self.variables)
        shown = names if len(names) <= 80 else f"{names[:77]}…"
        count = len(self.sparsity[0])
        entries = f"{count} Jacobian entries; " if count or len(self.equation_names) == self.m else ""
        return f"CompiledSystem({self.m} equations in {self.n} unknowns: {shown}; {entries}id {self.id[:12]}…)"
