"""Code for the members of a family: one in each lane, their numbers gathered from wherever their places say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.emit import Item
from raphson_solver.compiler.width import Width
from raphson_solver.expression import operations as op
from raphson_solver.expression.family import Buffer, Places, Slot
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.operations import Operation


@dataclass(frozen=True, slots=True)
class Target:
    """Where an output goes.

    Attributes
    ----------
    buffer : Buffer
        What it becomes part of.
    places : Places
        Where there.
    adds : bool
        Whether it is added to what stands there. The buffer then has a spare place at its end.
    spare : int
        That place.
    """

    buffer: Buffer
    places: Places
    adds: bool = False
    spare: int = 0


class Members:
    """The members from one number up to another.

        void kernel(int64_t first, int64_t last, void *const *buffers, double *work)

    `buffers` holds those of `Buffer` and after them the tables that slots and targets have, in the order of `tables`.

    Parameters
    ----------
    width : Width
        With at least two lanes.
    variables, parameters : sequence of Slot
        Where the leaves' numbers come from.
    targets : sequence of Target
        Where the outputs go.
    """

    def __init__(
        self, width: Width, variables: Sequence[Slot], parameters: Sequence[Slot], targets: Sequence[Target]
    ) -> None:
        self.width = width
        self.copies = 1
        self.parameters = f"i64 %i, {width.vector('i64')} %m, {width.truth} %mask, ptr %buffers, ptr %work"
        self.tables: list[NDArray[np.int32] | NDArray[np.float64]] = []
        self._variables, self._parameters = variables, parameters
        self._targets = targets
        self._table_numbers: dict[int, int] = {}

    def items(self, graph: Graph, outputs: Sequence[int]) -> list[Item]:
        """Return every node in the order of the arena, and then the outputs."""
        nodes: list[Item] = [node for node in graph.reachable(outputs) if graph.arguments[node]]
        return [*nodes, *((place, (node,)) for place, node in enumerate(outputs))]

    def load(self, node: int, kind: Operation, place: int) -> Iterator[str]:
        """Yield the lines that read a slot."""
        slot = (self._parameters if kind is op.PARAMETER else self._variables)[place]
        yield from self._base(f"b{node}", self._number(slot))
        if slot.places.table is None and slot.places.step == 0:
            yield f"  %a{node} = getelementptr double, ptr %b{node}, i64 {slot.places.first}"
            yield f"  %d{node} = load double, ptr %a{node}, align 8"
            yield from self._splat(f"v{node}", f"d{node}")
            return
        yield from self._address(f"a{node}", f"b{node}", slot.places)
        yield from self._read(f"v{node}", f"a{node}", slot.places)

    def store(self, first: int, values: Sequence[str]) -> Iterator[str]:
        """Yield the lines that write an output, or add it to what is there."""
        target, real = self._targets[first], self.width.real
        name = f"o{first}"
        yield from self._base(f"{name}.b", int(target.buffer))
        if not target.adds:
            yield from self._address(f"{name}.a", f"{name}.b", target.places)
            yield from self._write(values[0], f"{name}.a", target.places)
        elif target.places.table is not None:
            yield from self._add_lane_by_lane(name, values[0], target)
        elif target.places.step == 0:
            zero = self.width.constant(0.0)
            yield f"  %{name}.k = select {self.width.truth} %mask, {real} {values[0]}, {real} {zero}"
            yield (
                f"  %{name}.s = call reassoc double @llvm.vector.reduce.fadd.{self.width.suffix}"
                f"(double 0.0, {real} %{name}.k)"
            )
            yield f"  %{name}.a = getelementptr double, ptr %{name}.b, i64 {target.places.first}"
            yield f"  %{name}.d = load double, ptr %{name}.a, align 8"
            yield f"  %{name}.n = fadd double %{name}.d, %{name}.s"
            yield f"  store double %{name}.n, ptr %{name}.a, align 8"
        else:
            yield from self._address(f"{name}.a", f"{name}.b", target.places)
            yield from self._read(f"{name}.d", f"{name}.a", target.places)
            yield f"  %{name}.n = fadd {real} %{name}.d, {values[0]}"
            yield from self._write(f"%{name}.n", f"{name}.a", target.places)

    def whole(self, name: str, functions: int) -> Iterator[str]:
        """Yield the loop over groups of members; lanes past the last one are masked."""
        lanes, whole = self.width.lanes, self.width.vector("i64")
        yield f"define void @{name}(i64 %from, i64 %to, ptr %buffers, ptr %work) nounwind {{"
        yield "start:"
        yield from self._splat("to.v", "to", "i64")
        yield "  br label %group"
        yield "group:"
        yield "  %i = phi i64 [%from, %start], [%next, %group]"
        yield from self._splat("i.v", "i", "i64")
        yield f"  %m = add {whole} %i.v, <{', '.join(f'i64 {lane}' for lane in range(lanes))}>"
        yield f"  %mask = icmp ult {whole} %m, %to.v"
        for number in range(functions):
            yield f"  call void @{name}.{number}({self.parameters})"
        yield f"  %next = add i64 %i, {lanes}"
        yield "  %more = icmp ult i64 %next, %to"
        yield "  br i1 %more, label %group, label %end"
        yield "end:\n  ret void\n}"

    def declarations(self) -> Iterator[str]:
        """Yield the intrinsics that move numbers."""
        real, truth, suffix = self.width.real, self.width.truth, self.width.suffix
        lanes, pointers, short = self.width.lanes, self.width.vector("ptr"), self.width.vector("i32")
        yield f"declare {real} @llvm.masked.load.{suffix}.p0(ptr, i32, {truth}, {real})"
        yield f"declare {short} @llvm.masked.load.v{lanes}i32.p0(ptr, i32, {truth}, {short})"
        yield f"declare void @llvm.masked.store.{suffix}.p0({real}, ptr, i32, {truth})"
        yield f"declare {real} @llvm.masked.gather.{suffix}.v{lanes}p0({pointers}, i32, {truth}, {real})"
        yield f"declare void @llvm.masked.scatter.{suffix}.v{lanes}p0({real}, {pointers}, i32, {truth})"
        yield f"declare double @llvm.vector.reduce.fadd.{suffix}(double, {real})"

    # --- addresses ------------------------------------------------------------------------------------------

    def _number(self, slot: Slot) -> int:
        """Return the number of a slot's buffer."""
        return int(slot.buffer) if slot.numbers is None else self._table(slot.numbers)

    def _table(self, table: NDArray[np.int32] | NDArray[np.float64]) -> int:
        """Return the number of a table among the buffers."""
        if id(table) not in self._table_numbers:
            self._table_numbers[id(table)] = len(Buffer) + len(self.tables)
            self.tables.append(table)
        return self._table_numbers[id(table)]

    def _base(self, name: str, number: int) -> Iterator[str]:
        yield f"  %{name}.p = getelementptr ptr, ptr %buffers, i64 {number}"
        yield f"  %{name} = load ptr, ptr %{name}.p, align 8"

    def _address(self, name: str, base: str, places: Places) -> Iterator[str]:
        """Yield the lines that make one address, where places follow each other, or one a lane."""
        whole = self.width.vector("i64")
        if places.table is None and places.step == 1:
            yield f"  %{name}.i = add i64 %i, {places.first}"
            yield f"  %{name} = getelementptr double, ptr %{base}, i64 %{name}.i"
            return
        if places.table is None:
            yield f"  %{name}.s = mul {whole} %m, {self._whole(places.step)}"
            yield f"  %{name}.i = add {whole} %{name}.s, {self._whole(places.first)}"
        else:
            yield from self._look_up(name, places.first, places.table)
        yield f"  %{name} = getelementptr double, ptr %{base}, {whole} %{name}.i"

    def _look_up(self, name: str, first: int, table: NDArray[np.int32]) -> Iterator[str]:
        """Yield the lines that read the places of all lanes from a table, the first where a lane has no member."""
        short, whole = self.width.vector("i32"), self.width.vector("i64")
        yield from self._base(f"{name}.t", self._table(table))
        yield f"  %{name}.q = getelementptr i32, ptr %{name}.t, i64 %i"
        yield (
            f"  %{name}.w = call {short} @llvm.masked.load.v{self.width.lanes}i32.p0"
            f"(ptr %{name}.q, i32 4, {self.width.truth} %mask, {short} zeroinitializer)"
        )
        yield f"  %{name}.l = sext {short} %{name}.w to {whole}"
        yield f"  %{name}.i = add {whole} %{name}.l, {self._whole(first)}"

    def _read(self, name: str, address: str, places: Places) -> Iterator[str]:
        real, truth = self.width.real, self.width.truth
        if places.table is None and places.step == 1:
            yield (
                f"  %{name} = call {real} @llvm.masked.load.{self.width.suffix}.p0"
                f"(ptr %{address}, i32 8, {truth} %mask, {real} zeroinitializer)"
            )
        else:
            yield (
                f"  %{name} = call {real} @llvm.masked.gather.{self.width.suffix}.v{self.width.lanes}p0"
                f"({self.width.vector('ptr')} %{address}, i32 8, {truth} %mask, {real} zeroinitializer)"
            )

    def _write(self, value: str, address: str, places: Places) -> Iterator[str]:
        real, truth = self.width.real, self.width.truth
        if places.table is None and places.step == 1:
            yield (
                f"  call void @llvm.masked.store.{self.width.suffix}.p0"
                f"({real} {value}, ptr %{address}, i32 8, {truth} %mask)"
            )
        else:
            yield (
                f"  call void @llvm.masked.scatter.{self.width.suffix}.v{self.width.lanes}p0"
                f"({real} {value}, {self.width.vector('ptr')} %{address}, i32 8, {truth} %mask)"
            )

    def _add_lane_by_lane(self, name: str, value: str, target: Target) -> Iterator[str]:
        """Yield the lines that add one lane after another: two may go to one place."""
        real, whole = self.width.real, self.width.vector("i64")
        assert target.places.table is not None
        yield from self._look_up(f"{name}.a", target.places.first, target.places.table)
        spare = self._whole(target.spare)
        yield f"  %{name}.i = select {self.width.truth} %mask, {whole} %{name}.a.i, {whole} {spare}"
        for lane in range(self.width.lanes):
            here = f"{name}.{lane}"
            yield f"  %{here}.i = extractelement {whole} %{name}.i, i32 {lane}"
            yield f"  %{here}.a = getelementptr double, ptr %{name}.b, i64 %{here}.i"
            yield f"  %{here}.v = extractelement {real} {value}, i32 {lane}"
            yield f"  %{here}.d = load double, ptr %{here}.a, align 8"
            yield f"  %{here}.n = fadd double %{here}.d, %{here}.v"
            yield f"  store double %{here}.n, ptr %{here}.a, align 8"

    def _whole(self, number: int) -> str:
        return f"<{', '.join([f'i64 {number}'] * self.width.lanes)}>"

    def _splat(self, name: str, scalar: str, kind: str = "double") -> Iterator[str]:
        vector, lanes = self.width.vector(kind), self.width.lanes
        yield f"  %{name}.1 = insertelement {vector} poison, {kind} %{scalar}, i32 0"
        yield f"  %{name} = shufflevector {vector} %{name}.1, {vector} poison, <{lanes} x i32> zeroinitializer"
