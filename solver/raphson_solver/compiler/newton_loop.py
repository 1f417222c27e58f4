"""Newton's iteration for many members at once: one in each lane, until every lane of a group is decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from raphson_solver.compiler.emit import Item
from raphson_solver.compiler.many_points import ManyPoints, needed, rows_of_lanes
from raphson_solver.compiler.width import Width
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.operations import Operation

EXTRA = 3
"""Numbers that follow x in a row of the result: the verdict, the largest |f|, and how many steps were taken."""


class NewtonLoop:
    """Steps from starts, row by row, as `ManyPoints` has them.

        void kernel(const double *x, int64_t x_stride, const double *settings, int64_t settings_stride,
                    const double *p, int64_t p_stride, double *out, int64_t out_stride, int64_t count, double *work)

    What is computed in each step: the n numbers of a step, the verdict (1: x is right, 0: go on, −1: give up), and the
    largest |f|. Of variables, the n after x are the largest that each has been, and the next ones are settings.

    Parameters
    ----------
    width : Width
        With at least two lanes.
    n : int
        Length of x.
    settings : int
        How many numbers every member is given besides.
    used_parameters : sequence of int
        The places in p that are read: they are gathered once, not in every step.
    most_steps : int
        After which a member is left as it is.
    """

    def __init__(self, width: Width, n: int, settings: int, used_parameters: Sequence[int], most_steps: int) -> None:
        self.width = width
        self._n, self._settings, self._most_steps = n, settings, most_steps
        self._parameters = {place: 2 * n + settings + number for number, place in enumerate(used_parameters)}
        self._rows = ManyPoints(width, n, n + EXTRA)
        self.parameters = "ptr %v, ptr %values, ptr %work"

    @property
    def own_size(self) -> int:
        """How many numbers, in every lane, it needs before `work`."""
        return 2 * self._n + self._settings + len(self._parameters) + self._n + 2 + 1

    def items(self, graph: Graph, outputs: Sequence[int]) -> list[Item]:
        """Return each node when it is first needed: what is computed is used soon, while it is in a register."""
        items: list[Item] = []
        done: set[int] = set()
        for place, node in enumerate(outputs):
            items.extend(needed(graph, node, done))
            items.append((place, (node,)))
        return items

    def load(self, node: int, kind: Operation, place: int) -> Iterator[str]:
        """Yield the lines that read a variable or a parameter of all lanes."""
        yield from self._read(f"v{node}", "v", self._parameters[place] if kind is op.PARAMETER else place)

    def store(self, first: int, values: Sequence[str]) -> Iterator[str]:
        """Yield the line that keeps a value of all lanes."""
        yield from self._keep(values[0], f"o{first}", "values", first)

    def whole(self, name: str, functions: int) -> Iterator[str]:
        """Yield the loop over groups of members, and in it the loop over steps."""
        n, real, truth, lanes = self._n, self.width.real, self.width.truth, self.width.lanes
        yield from rows_of_lanes(self.width, name, "finish")
        place = self._settings + 2 * n + len(self._parameters)
        yield f"  %values = getelementptr {real}, ptr %work.all, i64 {place}"
        yield f"  %norm = getelementptr {real}, ptr %values, i64 {n + 2}"
        yield f"  %work = getelementptr {real}, ptr %norm, i64 1"
        yield "  %v = getelementptr i8, ptr %work.all, i64 0"
        for j in range(n):
            yield from self._gather(f"x{j}", "x", j)
            yield from self._keep(f"%x{j}", f"k{j}", "v", j)
            yield f"  %size{j} = call {real} @llvm.fabs.{self.width.suffix}({real} %x{j})"
            yield from self._keep(f"%size{j}", f"l{j}", "v", n + j)
        for k in range(self._settings):
            yield from self._gather(f"setting{k}", "s", k)
            yield from self._keep(f"%setting{k}", f"s{k}", "v", 2 * n + k)
        for place, target in self._parameters.items():
            yield from self._gather(f"p{place}", "p", place)
            yield from self._keep(f"%p{place}", f"pk{place}", "v", target)
        yield "  br label %step"
        yield "step:"
        yield "  %k = phi i64 [0, %group], [%k.next, %step]"
        yield f"  %active = phi {truth} [{self.width.boolean(value=True)}, %group], [%go, %step]"
        yield f"  %verdict = phi {real} [{self.width.constant(0.0)}, %group], [%verdict.next, %step]"
        yield f"  %steps = phi {real} [{self.width.constant(0.0)}, %group], [%steps.next, %step]"
        for number in range(functions):
            yield f"  call void @{name}.{number}({self.parameters})"
        yield from self._read("found", "values", n)
        yield f"  %verdict.next = select {truth} %active, {real} %found, {real} %verdict"
        yield f"  %undecided = fcmp oeq {real} %found, {self.width.constant(0.0)}"
        yield f"  %go = and {truth} %active, %undecided"
        yield from self._read("norm.here", "values", n + 1)
        yield from self._read("norm.before", "norm", 0)
        yield f"  %norm.next = select {truth} %active, {real} %norm.here, {real} %norm.before"
        yield from self._keep("%norm.next", "norm.k", "norm", 0)
        for j in range(n):
            yield from self._read(f"x{j}.a", "v", j)
            yield from self._read(f"x{j}.s", "values", j)
            yield from self._read(f"x{j}.l", "v", n + j)
            yield f"  %x{j}.n = fadd {real} %x{j}.a, %x{j}.s"
            yield f"  %x{j}.g = select {truth} %go, {real} %x{j}.n, {real} %x{j}.a"
            yield from self._keep(f"%x{j}.g", f"x{j}.k", "v", j)
            yield f"  %x{j}.z = call {real} @llvm.fabs.{self.width.suffix}({real} %x{j}.g)"
            yield f"  %x{j}.w = fcmp ogt {real} %x{j}.z, %x{j}.l"
            yield f"  %x{j}.m = select {truth} %x{j}.w, {real} %x{j}.z, {real} %x{j}.l"
            yield from self._keep(f"%x{j}.m", f"x{j}.h", "v", n + j)
        one, zero = self.width.constant(1.0), self.width.constant(0.0)
        yield f"  %one.more = select {truth} %go, {real} {one}, {real} {zero}"
        yield f"  %steps.next = fadd {real} %steps, %one.more"
        yield "  %k.next = add i64 %k, 1"
        yield f"  %bits = bitcast {truth} %go to i{lanes}"
        yield f"  %some = icmp ne i{lanes} %bits, 0"
        yield f"  %allowed = icmp ule i64 %k.next, {self._most_steps}"
        yield "  %again = and i1 %some, %allowed"
        yield "  br i1 %again, label %step, label %finish"
        yield "finish:"
        for j in range(n):
            yield from self._read(f"x{j}.f", "v", j)
        results = [*(f"%x{j}.f" for j in range(n)), "%verdict.next", "%norm.next", "%steps.next"]
        for first in range(0, len(results), lanes):
            yield from self._rows.store(first, results[first : first + lanes])
        yield f"  %next = add i64 %i, {lanes}"
        yield "  %more = icmp ult i64 %next, %count"
        yield "  br i1 %more, label %group, label %end"
        yield "end:\n  ret void\n}"

    def declarations(self) -> Iterator[str]:
        """Yield what rows need."""
        yield from self._rows.declarations()

    def _gather(self, name: str, source: str, place: int) -> Iterator[str]:
        real, pointers = self.width.real, self.width.vector("ptr")
        yield f"  %{name}.p = getelementptr double, {pointers} %{source}, i64 {place}"
        yield (
            f"  %{name} = call {real} @llvm.masked.gather.{self.width.suffix}.v{self.width.lanes}p0"
            f"({pointers} %{name}.p, i32 8, {self.width.truth} {self.width.boolean(value=True)}, {real} poison)"
        )

    def _read(self, name: str, base: str, place: int) -> Iterator[str]:
        yield f"  %{name}.q = getelementptr {self.width.real}, ptr %{base}, i64 {place}"
        yield f"  %{name} = load {self.width.real}, ptr %{name}.q, align 8"

    def _keep(self, value: str, name: str, base: str, place: int) -> Iterator[str]:
        yield f"  %{name}.q = getelementptr {self.width.real}, ptr %{base}, i64 {place}"
        yield f"  store {self.width.real} {value}, ptr %{name}.q, align 8"
