"""Code for many points at once: one in each lane of the vector registers.

Points lie row by row, as callers have them. Numbers are gathered from the rows; values to be stored are collected
until a square of them is full, which is transposed in registers and written as pieces of rows. The memory that the
next group writes is fetched ahead: past the caches that is most of the time of a simple system.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from raphson_solver.compiler.emit import Item
from raphson_solver.compiler.width import Width
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.operations import Operation


class ManyPoints:
    """Rows of x, of seeds, of p and of `out`, each some doubles after the one before; 0 holds for every point.

        void kernel(const double *x, int64_t x_stride, const double *seeds, int64_t seeds_stride,
                    const double *p, int64_t p_stride, double *out, int64_t out_stride, int64_t count, double *work)

    Parameters
    ----------
    width : Width
        With at least two lanes.
    variables : int
        How long x is; variables with higher numbers are seeds.
    outputs : int
        How long a row of `out` is.
    """

    def __init__(self, width: Width, variables: int, outputs: int) -> None:
        self.width = width
        self.copies = 1
        self._variables, self._outputs = variables, outputs
        self._pointers = width.vector("ptr")
        lanes = range(width.lanes)
        rows = ", ".join(f"ptr %out{lane}" for lane in lanes)
        self.parameters = ", ".join([*(f"{self._pointers} %{each}" for each in ("x", "s", "p")), rows, "ptr %work"])

    def items(self, graph: Graph, outputs: Sequence[int]) -> list[Item]:
        """Return the nodes in an order that fills one square of outputs after another."""
        items: list[Item] = []
        done: set[int] = set()
        for first in range(0, len(outputs), self.width.lanes):
            square = tuple(outputs[first : first + self.width.lanes])
            items.extend(node for node in graph.when_needed(square, done) if graph.arguments[node])
            items.append((first, square))
        return items

    def load(self, node: int, kind: Operation, place: int) -> Iterator[str]:
        """Yield the lines that gather one number of each row."""
        source = "p" if kind is op.PARAMETER else "x" if place < self._variables else "s"
        place -= self._variables if source == "s" else 0
        real, lanes = self.width.real, self.width.lanes
        yield f"  %a{node} = getelementptr double, {self._pointers} %{source}, i64 {place}"
        yield (
            f"  %v{node} = call {real} @llvm.masked.gather.{self.width.suffix}.v{lanes}p0"
            f"({self._pointers} %a{node}, i32 8, {self.width.truth} {self.width.boolean(value=True)}, {real} poison)"
        )

    def store(self, first: int, values: Sequence[str]) -> Iterator[str]:
        """Yield the lines that transpose a square of values and write its rows."""
        real, lanes = self.width.real, self.width.lanes
        square = [*values, *["poison"] * (lanes - len(values))]
        swap = 1
        while swap < lanes:
            upper = [lane if not lane & swap else lanes + lane - swap for lane in range(lanes)]
            lower = [lane + swap if not lane & swap else lanes + lane for lane in range(lanes)]
            following = list(square)
            for place in range(lanes):
                if place & swap:
                    continue
                pair = f"{real} {square[place]}, {real} {square[place + swap]}"
                for number, mask in ((place, upper), (place + swap, lower)):
                    following[number] = f"%t{first}.{swap}.{number}"
                    picked = ", ".join(f"i32 {lane}" for lane in mask)
                    yield f"  {following[number]} = shufflevector {pair}, <{lanes} x i32> <{picked}>"
            square = following
            swap *= 2
        some = ", ".join(f"i1 {'true' if place < len(values) else 'false'}" for place in range(lanes))
        for lane in range(lanes):
            target = f"%o{first}.{lane}"
            yield f"  {target} = getelementptr double, ptr %out{lane}, i64 {first}"
            yield f"  {target}.next = getelementptr double, ptr {target}, i64 {lanes * self._outputs}"
            yield f"  call void @llvm.prefetch.p0(ptr {target}.next, i32 1, i32 3, i32 1)"
            if len(values) == lanes:
                yield f"  store {real} {square[lane]}, ptr {target}, align 8"
            else:
                yield (
                    f"  call void @llvm.masked.store.{self.width.suffix}.p0"
                    f"({real} {square[lane]}, ptr {target}, i32 8, <{lanes} x i1> <{some}>)"
                )

    def whole(self, name: str, functions: int) -> Iterator[str]:
        """Yield the loop over groups of points; lanes past the last point repeat it."""
        yield from rows_of_lanes(self.width, name, "group")
        yield "  %work = getelementptr i8, ptr %work.all, i64 0"
        for number in range(functions):
            yield f"  call void @{name}.{number}({self.parameters})"
        yield f"  %next = add i64 %i, {self.width.lanes}"
        yield "  %more = icmp ult i64 %next, %count"
        yield "  br i1 %more, label %group, label %end"
        yield "end:\n  ret void\n}"

    def declarations(self) -> Iterator[str]:
        """Yield the intrinsics that move numbers."""
        real, truth, suffix, lanes = self.width.real, self.width.truth, self.width.suffix, self.width.lanes
        whole = f"<{lanes} x i64>"
        yield f"declare {real} @llvm.masked.gather.{suffix}.v{lanes}p0({self._pointers}, i32, {truth}, {real})"
        yield f"declare void @llvm.masked.store.{suffix}.p0({real}, ptr, i32, {truth})"
        yield "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)"
        yield f"declare {whole} @llvm.umin.v{lanes}i64({whole}, {whole})"


def rows_of_lanes(width: Width, name: str, last_block: str) -> Iterator[str]:
    """Yield the head of a function over groups of rows, up to where the rows of a group are known.

    They are %x, %s and %p, and %out0 to the last lane's. `last_block` is the block that makes %next and comes back.
    """
    lanes, pointers, whole = width.lanes, width.vector("ptr"), width.vector("i64")
    strided = ", ".join(f"ptr %{each}.base, i64 %{each}.stride" for each in ("x", "s", "p", "out"))
    yield f"define void @{name}({strided}, i64 %count, ptr %work.all) nounwind {{"
    yield "start:"
    yield "  %last = sub i64 %count, 1"
    for each in ("last", "x.stride", "s.stride", "p.stride", "out.stride"):
        yield from _splat(width, each)
    yield "  br label %group"
    yield "group:"
    yield f"  %i = phi i64 [0, %start], [%next, %{last_block}]"
    yield from _splat(width, "i")
    yield f"  %each = add {whole} %i.v, <{', '.join(f'i64 {lane}' for lane in range(lanes))}>"
    yield f"  %row = call {whole} @llvm.umin.v{lanes}i64({whole} %each, {whole} %last.v)"
    for each in ("x", "s", "p", "out"):
        yield f"  %{each}.offset = mul {whole} %row, %{each}.stride.v"
        yield f"  %{each} = getelementptr double, ptr %{each}.base, {whole} %{each}.offset"
    for lane in range(lanes):
        yield f"  %out{lane} = extractelement {pointers} %out, i32 {lane}"


def _splat(width: Width, name: str) -> Iterator[str]:
    whole = width.vector("i64")
    yield f"  %{name}.1 = insertelement {whole} poison, i64 %{name}, i32 0"
    yield f"  %{name}.v = shufflevector {whole} %{name}.1, {whole} poison, <{width.lanes} x i32> zeroinitializer"
