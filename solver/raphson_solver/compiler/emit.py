"""A graph to LLVM text: straight-line code, cut into functions of bounded size.

For ``f = x0*x0 - p0`` the text is

    define void @f(…) {
      %v2 = load double, ptr %x                       ; x[0]
      %v3 = fmul double %v2, %v2
      %v4 = load double, ptr %p                       ; p[0]
      %v5 = fsub double %v3, %v4
      store double %v5, ptr %out
      ret void
    }

Past a few thousand operations LLVM takes more than linear time, so a long kernel is a chain of functions that
hand their values on through `work`. Every name and number in the text is made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from raphson_solver.compiler.code import ABI, declarations, double, instruction
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph

LARGEST_FUNCTION = 1500

_PARAMETERS = ABI.format(program="%program", x="%x", p="%p", out="%out", work="%work")


_COMPUTE = -1

Item = tuple[int, int]
"""A node and the place in `out` where it goes, or `_COMPUTE`: one line of work."""


def emit(name: str, graph: Graph, outputs: Sequence[int]) -> tuple[str, int]:
    """Return the LLVM module that computes the outputs, and how many doubles of `work` it uses."""
    places: dict[int, list[int]] = {}
    for place, node in enumerate(outputs):
        places.setdefault(node, []).append(place)
    items: list[Item] = []
    for node in graph.reachable(outputs):
        if graph.arguments[node]:
            items.append((node, _COMPUTE))
        items.extend((node, place) for place in places.get(node, ()))
    pieces = [items[first : first + LARGEST_FUNCTION] for first in range(0, len(items), LARGEST_FUNCTION)]
    slots = _handed_on(graph, pieces)
    lines = [declarations()]
    for number, piece in enumerate(pieces):
        lines.append(f"define internal void @{name}.{number}({_PARAMETERS}) nounwind {{")
        lines.extend(_Function(graph, slots).lines(piece))
        lines.append("  ret void\n}")
    lines.append(f"define void @{name}({_PARAMETERS}) nounwind {{")
    lines.extend(f"  call void @{name}.{number}({_PARAMETERS})" for number in range(len(pieces)))
    lines.append("  ret void\n}")
    return "\n".join(lines), len(slots)


def _handed_on(graph: Graph, pieces: list[list[Item]]) -> dict[int, int]:
    """Return the places in `work` of values that a later function needs; leaves are loaded again instead."""
    home = {node: number for number, piece in enumerate(pieces) for node, place in piece if place == _COMPUTE}
    slots: dict[int, int] = {}
    for number, piece in enumerate(pieces):
        for node, place in piece:
            needed = graph.arguments[node] if place == _COMPUTE else (node,)
            for argument in needed:
                if home.get(argument, number) != number and argument not in slots:
                    slots[argument] = len(slots)
    return slots


class _Function:
    """The body of one function."""

    def __init__(self, graph: Graph, slots: dict[int, int]) -> None:
        self._graph = graph
        self._slots = slots
        self._here: set[int] = set()

    def lines(self, piece: list[Item]) -> Iterator[str]:
        for node, place in piece:
            if place == _COMPUTE:
                yield from self._compute(node)
            else:
                yield from self._fetch(node)
                yield f"  %o{place} = getelementptr double, ptr %out, i64 {place}"
                yield f"  store double {self._name(node)}, ptr %o{place}"

    def _compute(self, node: int) -> Iterator[str]:
        kind, arguments = self._graph.operation[node], self._graph.arguments[node]
        for argument in arguments:
            yield from self._fetch(argument)
        conditions = kind.takes_conditions or (False,) * len(arguments)
        names = [
            self._name(argument, condition=condition) for argument, condition in zip(arguments, conditions, strict=True)
        ]
        yield f"  %v{node} = {instruction(kind, *names)}"
        self._here.add(node)
        if node in self._slots:
            yield from self._keep(node)

    def _name(self, node: int, *, condition: bool = False) -> str:
        if self._graph.operation[node] is not op.CONSTANT:
            return f"%v{node}"
        value = self._graph.value[node]
        return ("true" if value else "false") if condition else double(value)

    def _fetch(self, node: int) -> Iterator[str]:
        """Bring a leaf, or a value from an earlier function, into this one."""
        kind = self._graph.operation[node]
        if kind is op.CONSTANT or node in self._here:
            return
        self._here.add(node)
        if kind is op.VARIABLE or kind is op.PARAMETER:
            source = "%x" if kind is op.VARIABLE else "%p"
            yield f"  %a{node} = getelementptr double, ptr {source}, i64 {int(self._graph.value[node])}"
            yield f"  %v{node} = load double, ptr %a{node}"
            return
        yield f"  %a{node} = getelementptr double, ptr %work, i64 {self._slots[node]}"
        if kind.yields_condition:
            yield f"  %d{node} = load double, ptr %a{node}"
            yield f"  %v{node} = fcmp une double %d{node}, 0.0"
        else:
            yield f"  %v{node} = load double, ptr %a{node}"

    def _keep(self, node: int) -> Iterator[str]:
        yield f"  %k{node} = getelementptr double, ptr %work, i64 {self._slots[node]}"
        value = f"%v{node}"
        if self._graph.operation[node].yields_condition:
            yield f"  %u{node} = uitofp i1 %v{node} to double"
            value = f"%u{node}"
        yield f"  store double {value}, ptr %k{node}"
