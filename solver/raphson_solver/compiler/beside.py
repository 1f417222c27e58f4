"""Code for the members of a family at several points at once: a point in each lane, one member after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from raphson_solver.compiler.members import Members, Target
from raphson_solver.compiler.width import Width
from raphson_solver.expression import operations as op
from raphson_solver.expression.family import Places, Slot
from raphson_solver.expression.operations import Operation


class Beside(Members):
    """The members from one number up to another, as `Members` has them, at points side by side.

    Number k of all points stands from ``points·k`` on, in every buffer but those of known numbers, which points share,
    so that nothing has to be gathered, wherever a member finds its numbers. One call takes a point a lane.

    Parameters
    ----------
    points : int
        How many stand side by side; a multiple of the lanes.
    """

    def __init__(
        self,
        width: Width,
        variables: Sequence[Slot],
        parameters: Sequence[Slot],
        targets: Sequence[Target],
        points: int,
    ) -> None:
        super().__init__(width, variables, parameters, targets)
        self.parameters = "i64 %i, ptr %buffers, ptr %work"
        self._points = points

    def load(self, node: int, kind: Operation, place: int) -> Iterator[str]:
        """Yield the lines that read a slot."""
        slot = (self._parameters if kind is op.PARAMETER else self._variables)[place]
        yield from self._base(f"b{node}", self._number(slot))
        yield from self._place(f"a{node}", f"b{node}", slot.places, 1 if slot.known else self._points)
        if slot.known:
            yield f"  %d{node} = load double, ptr %a{node}, align 8"
            yield from self._splat(f"v{node}", f"d{node}")
        else:
            yield f"  %v{node} = load {self.width.real}, ptr %a{node}, align 8"

    def store(self, first: int, values: Sequence[str]) -> Iterator[str]:
        """Yield the lines that write an output."""
        target = self._targets[first]
        assert not target.adds
        name = f"o{first}"
        yield from self._base(f"{name}.b", int(target.buffer))
        yield from self._place(f"{name}.a", f"{name}.b", target.places, self._points)
        yield f"  store {self.width.real} {values[0]}, ptr %{name}.a, align 8"

    def whole(self, name: str, functions: int) -> Iterator[str]:
        """Yield the loop over members."""
        yield f"define internal void @{name}(i64 %from, i64 %to, ptr %buffers, ptr %work) nounwind {{"
        yield "start:\n  br label %member\nmember:\n  %i = phi i64 [%from, %start], [%next, %member]"
        for number in range(functions):
            yield f"  call void @{name}.{number}({self.parameters})"
        yield "  %next = add i64 %i, 1\n  %more = icmp ult i64 %next, %to"
        yield "  br i1 %more, label %member, label %end\nend:\n  ret void\n}"

    def declarations(self) -> Iterator[str]:
        """Yield nothing."""
        yield from ()

    def _place(self, name: str, base: str, places: Places, each: int) -> Iterator[str]:
        """Yield the lines that make the address of a member's number, each so many doubles wide."""
        if places.table is None:
            yield f"  %{name}.s = mul i64 %i, {places.step * each}"
        else:
            yield from self._base(f"{name}.t", self._table(places.table))
            yield f"  %{name}.q = getelementptr i32, ptr %{name}.t, i64 %i"
            yield f"  %{name}.w = load i32, ptr %{name}.q, align 4\n  %{name}.l = sext i32 %{name}.w to i64"
            yield f"  %{name}.s = mul i64 %{name}.l, {each}"
        yield f"  %{name}.i = add i64 %{name}.s, {places.first * each}"
        yield f"  %{name} = getelementptr double, ptr %{base}, i64 %{name}.i"
