"""Code for one point at a time: what the engine calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from raphson_solver.compiler.emit import Item, as_made
from raphson_solver.compiler.width import SCALAR, Width
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.operations import Operation

ABI = "ptr noalias readonly {program}, ptr readonly {x}, ptr readonly {p}, ptr noalias {out}, ptr noalias {work}"


class OnePoint:
    """The kernel's ABI, one number in each register."""

    width: Width = SCALAR
    copies = 1
    parameters = ABI.format(program="%program", x="%x", p="%p", out="%out", work="%work")

    def items(self, graph: Graph, outputs: Sequence[int]) -> list[Item]:
        """Return every node, each stored as soon as it is there."""
        return as_made(graph, outputs)

    def load(self, node: int, kind: Operation, place: int) -> Iterator[str]:
        """Yield the lines that read x or p."""
        source = "%x" if kind is op.VARIABLE else "%p"
        yield f"  %a{node} = getelementptr double, ptr {source}, i64 {place}"
        yield f"  %v{node} = load double, ptr %a{node}"

    def store(self, first: int, values: Sequence[str]) -> Iterator[str]:
        """Yield the lines that write one number."""
        yield f"  %o{first} = getelementptr double, ptr %out, i64 {first}"
        yield f"  store double {values[0]}, ptr %o{first}"

    def whole(self, name: str, functions: int) -> Iterator[str]:
        """Yield a function that calls the chain once."""
        yield f"define void @{name}({self.parameters}) nounwind {{"
        for number in range(functions):
            yield f"  call void @{name}.{number}({self.parameters})"
        yield "  ret void\n}"

    def declarations(self) -> Iterator[str]:
        """Yield nothing."""
        yield from ()
