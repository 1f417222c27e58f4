"""Where NaN or infinity first appears in a system that stays in families: one member is looked at, not all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from raphson_solver.explanation.not_finite import NotFinite, not_finite
from raphson_solver.explanation.values import node_values
from raphson_solver.explanation.writing import number
from raphson_solver.expression import operations as op
from raphson_solver.expression.family import Buffer, Families, Family, Slot

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Gradient = Callable[[Family], dict[int, int]]

_SUM = "sum(…)"


class FamilyFaults:
    """Looks for what is not finite.

    Parameters
    ----------
    families : Families
        Of the system.
    gradient : callable
        Returns, for a family, the node of its slope in each slot.
    buffers : mapping of Buffer to ndarray
        x, p and the sums at the point.
    variable_names, parameter_names : sequence of str
        The names of the elements of x and of p.
    """

    def __init__(
        self,
        families: Families,
        gradient: Gradient,
        buffers: Mapping[Buffer, Array],
        variable_names: Sequence[str],
        parameter_names: Sequence[str],
    ) -> None:
        self._families, self._gradient, self._buffers = families, gradient, buffers
        self._names = {Buffer.X: variable_names, Buffer.P: parameter_names}

    def in_value(self, row: int) -> NotFinite | None:
        """Return what makes an equation NaN or infinite."""
        family, member = _member(self._families.equations, row)
        while True:
            culprit = self._in_member(family, member, with_slopes=False)
            if culprit is None:
                return None
            found, slot = culprit
            if slot is None or slot.buffer is not Buffer.SUMS:
                return replace(found, equation=row)
            # The sum itself: it is its first term that is not finite, or the sum of finite ones overflows.
            term = self._term(slot.places.at(member))
            if term is None:
                return replace(found, equation=row, text=_SUM, reason="the sum of its terms is beyond 1.8e308")
            family, member = term

    def in_slope(self, row: int, column: int) -> NotFinite | None:
        """Return what makes an entry of J NaN or infinite, where f is finite."""
        waiting = deque([_member(self._families.equations, row)])
        other = None
        while waiting:
            family, member = waiting.popleft()
            slots = [self._families.variable_slots[each] for each in self._gradient(family)]
            for slot in slots:
                if slot.buffer is Buffer.SUMS:
                    waiting += self._terms(slot.places.at(member))
            culprit = self._in_member(family, member, with_slopes=True)
            if culprit is None:
                continue
            found = replace(culprit[0], equation=row, variable=column)
            if any(slot.buffer is Buffer.X and slot.places.at(member) == column for slot in slots):
                return found
            other = other or found
        return other

    def _in_member(self, family: Family, member: int, *, with_slopes: bool) -> tuple[NotFinite, Slot | None] | None:
        """Return the fault of one member, and the slot that it is, if it is one."""
        families, graph = self._families, self._families.graph
        slopes = self._gradient(family) if with_slopes else {}
        wanted = [family.node, *slopes.values()]
        reachable = list(graph.reachable(wanted))
        x, names = self._slots(reachable, op.VARIABLE, families.variable_slots, member)
        p, parameters = self._slots(reachable, op.PARAMETER, families.parameter_slots, member)
        values = node_values(graph, wanted, x, p)
        derivative = [0] * len(slopes), list(slopes), list(slopes.values())
        found = not_finite(graph, [family.node], derivative, values, names, parameters)
        if found is None:
            return None
        slot = next(
            (
                families.variable_slots[int(graph.value[node])]
                for node in reachable
                if graph.operation[node] is op.VARIABLE and not found.arguments and not np.isfinite(values[node])
            ),
            None,
        )
        return found, slot

    def _slots(
        self, nodes: Sequence[int], kind: op.Operation, slots: Sequence[Slot], member: int
    ) -> tuple[Array, list[str]]:
        """Return the number and the name of each slot that some nodes read, by the number of the slot."""
        graph = self._families.graph
        numbers, names = np.zeros(len(slots)), [""] * len(slots)
        for place in {int(graph.value[node]) for node in nodes if graph.operation[node] is kind}:
            slot = slots[place]
            where = slot.places.at(member)
            if slot.numbers is not None:
                numbers[place] = slot.numbers[where]
                names[place] = number(float(numbers[place]))
            else:
                numbers[place] = self._buffers[slot.buffer][where]
                names[place] = self._names[slot.buffer][where] if slot.buffer in self._names else _SUM
        return numbers, names

    def _term(self, which: int) -> tuple[Family, int] | None:
        """Return the first term of a sum that is not finite."""
        graph = self._families.graph
        for family, member in self._terms(which):
            x, _ = self._slots(list(graph.reachable([family.node])), op.VARIABLE, self._families.variable_slots, member)
            p, _ = self._slots(
                list(graph.reachable([family.node])), op.PARAMETER, self._families.parameter_slots, member
            )
            if not np.isfinite(node_values(graph, [family.node], x, p)[family.node]):
                return family, member
        return None

    def _terms(self, which: int) -> list[tuple[Family, int]]:
        """Return the terms of a sum."""
        return [
            (family, int(member))
            for family in self._families.sums
            for member in np.flatnonzero(family.places.array(family.count) == which)
        ]


def _member(families: Sequence[Family], row: int) -> tuple[Family, int]:
    """Return whose row it is."""
    for family in families:
        found = np.flatnonzero(family.places.array(family.count) == row)
        if found.size:
            return family, int(found[0])
    raise IndexError(row)
