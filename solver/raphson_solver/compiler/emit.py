"""A graph to LLVM text: straight-line code, cut into functions of bounded size.

For ``f = x0*x0 - p0`` at one point the text is

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

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from raphson_solver.compiler.width import Width
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.operations import Operation

LARGEST_FUNCTION = 1500
_NAME = re.compile(r"%[A-Za-z0-9_.]+")

Item = int | tuple[int, tuple[int, ...]]
"""One line of work: a node to compute, or the first place in `out` of some and the nodes that go there."""


class Form(Protocol):
    """Where numbers come from and go to: at one point, or at many at once.

    Attributes
    ----------
    width : Width
        How many numbers an instruction takes.
    parameters : str
        Of each function of the chain, as LLVM declares them; `%work` among them.
    copies : int
        How often each function does its work, line by line beside itself: with parameters of its own each time, named
        ``%work.1`` and so on. What one copy waits for, another fills.
    """

    @property
    def width(self) -> Width: ...  # noqa: D102
    @property
    def parameters(self) -> str: ...  # noqa: D102
    @property
    def copies(self) -> int: ...  # noqa: D102

    def items(self, graph: Graph, outputs: Sequence[int]) -> list[Item]:
        """Return what there is to do, in order."""
        ...

    def load(self, node: int, kind: Operation, place: int) -> Iterator[str]:
        """Yield the lines that bring a variable or parameter into ``%v{node}``."""
        ...

    def store(self, first: int, values: Sequence[str]) -> Iterator[str]:
        """Yield the lines that write values to consecutive places of `out`."""
        ...

    def whole(self, name: str, functions: int) -> Iterator[str]:
        """Yield the function that callers call, which calls the chain ``@name.0``, ``@name.1`` and so on."""
        ...

    def declarations(self) -> Iterator[str]:
        """Yield what its own lines need."""
        ...


def as_made(graph: Graph, outputs: Sequence[int]) -> list[Item]:
    """Return every node in the order of the arena, each output as soon as it is there."""
    places: dict[int, list[int]] = {}
    for place, node in enumerate(outputs):
        places.setdefault(node, []).append(place)
    items: list[Item] = []
    for node in graph.reachable(outputs):
        if graph.arguments[node]:
            items.append(node)
        items.extend((place, (node,)) for place in places.get(node, ()))
    return items


def emit(name: str, graph: Graph, outputs: Sequence[int], form: Form) -> tuple[str, int]:
    """Return the LLVM module that computes the outputs, and how many numbers of `work` it uses, in every lane."""
    module = Module()
    slots = module.add(name, graph, outputs, form)
    return module.text, slots


class Module:
    """The text of an LLVM module with any number of kernels."""

    def __init__(self) -> None:
        # In order, each once.
        self._declarations: dict[str, None] = {}
        self._lines: list[str] = []

    @property
    def text(self) -> str:
        """What has been added so far."""
        return "\n".join([*self._declarations, *self._lines])

    def add(self, name: str, graph: Graph, outputs: Sequence[int], form: Form) -> int:
        """Add the kernel that computes some outputs; return how many numbers of `work` it uses, in every lane."""
        items = form.items(graph, outputs)
        pieces = [items[first : first + LARGEST_FUNCTION] for first in range(0, len(items), LARGEST_FUNCTION)]
        slots = _handed_on(graph, pieces)
        used = {graph.operation[item] for item in items if isinstance(item, int)}
        self._declarations |= dict.fromkeys((*form.width.declarations(used), *form.declarations()))
        for number, piece in enumerate(pieces):
            parameters = ", ".join(_of_copy(form.parameters, copy) for copy in range(form.copies))
            self._lines.append(f"define internal void @{name}.{number}({parameters}) nounwind{form.width.stack} {{")
            for line in _Function(graph, slots, form).lines(piece):
                self._lines.extend(_of_copy(line, copy) for copy in range(form.copies))
            self._lines.append("  ret void\n}")
        self._lines.extend(form.whole(name, len(pieces)))
        return len(slots)


def _of_copy(text: str, copy: int) -> str:
    """Return text with the names of a copy; the first has them as they are."""
    return _NAME.sub(rf"\g<0>.{copy}", text) if copy else text


def _handed_on(graph: Graph, pieces: list[list[Item]]) -> dict[int, int]:
    """Return the places in `work` of values that a later function needs; leaves are loaded again instead."""
    home = {item: number for number, piece in enumerate(pieces) for item in piece if isinstance(item, int)}
    slots: dict[int, int] = {}
    for number, piece in enumerate(pieces):
        for item in piece:
            for argument in graph.arguments[item] if isinstance(item, int) else item[1]:
                if home.get(argument, number) != number and argument not in slots:
                    slots[argument] = len(slots)
    return slots


class _Function:
    """The body of one function."""

    def __init__(self, graph: Graph, slots: dict[int, int], form: Form) -> None:
        self._graph = graph
        self._slots = slots
        self._form = form
        self._width = form.width
        self._here: set[int] = set()

    def lines(self, piece: list[Item]) -> Iterator[str]:
        for item in piece:
            if isinstance(item, int):
                yield from self._compute(item)
                continue
            first, nodes = item
            for node in nodes:
                yield from self._fetch(node)
            yield from self._form.store(first, [self._name(node) for node in nodes])

    def _compute(self, node: int) -> Iterator[str]:
        kind, arguments = self._graph.operation[node], self._graph.arguments[node]
        for argument in arguments:
            yield from self._fetch(argument)
        conditions = kind.takes_conditions or (False,) * len(arguments)
        names = [
            self._name(argument, condition=condition) for argument, condition in zip(arguments, conditions, strict=True)
        ]
        yield from self._width.compute(f"%v{node}", kind, *names)
        self._here.add(node)
        if node in self._slots:
            yield from self._keep(node)

    def _name(self, node: int, *, condition: bool = False) -> str:
        if self._graph.operation[node] is not op.CONSTANT:
            return f"%v{node}"
        value = self._graph.value[node]
        return self._width.boolean(bool(value)) if condition else self._width.constant(value)

    def _fetch(self, node: int) -> Iterator[str]:
        """Bring a leaf, or a value from an earlier function, into this one."""
        kind = self._graph.operation[node]
        if kind is op.CONSTANT or node in self._here:
            return
        self._here.add(node)
        if kind is op.VARIABLE or kind is op.PARAMETER:
            yield from self._form.load(node, kind, int(self._graph.value[node]))
            return
        real = self._width.real
        yield f"  %a{node} = getelementptr {real}, ptr %work, i64 {self._slots[node]}"
        if kind.yields_condition:
            yield f"  %d{node} = load {real}, ptr %a{node}, align 8"
            yield f"  %v{node} = fcmp une {real} %d{node}, {self._width.constant(0.0)}"
        else:
            yield f"  %v{node} = load {real}, ptr %a{node}, align 8"

    def _keep(self, node: int) -> Iterator[str]:
        real = self._width.real
        yield f"  %k{node} = getelementptr {real}, ptr %work, i64 {self._slots[node]}"
        value = f"%v{node}"
        if self._graph.operation[node].yields_condition:
            yield f"  %u{node} = uitofp {self._width.truth} %v{node} to {real}"
            value = f"%u{node}"
        yield f"  store {real} {value}, ptr %k{node}, align 8"
