"""Newton's iteration for many members at once: one in each lane, and the next one where a member is decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from raphson_solver.compiler.emit import Item, as_made
from raphson_solver.compiler.width import Width
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.operations import Operation


class NewtonLoop:
    """Steps from starts, row by row, until each member is decided.

        void kernel(const double *x, int64_t x_stride, const double *p, int64_t p_stride, const double *settings,
                    double *out, double *norms, int32_t *steps, int8_t *verdicts, int64_t count,
                    double *work, int64_t work_size)

    A stride of 0 holds one row for every member. Results are a row of x a member, the largest |f| there, how many steps
    were taken, and the verdict. What is computed in each step: the n numbers of a step, the verdict, 0 to go on, and
    the largest |f|. Variables after x are settings.

    The lanes' state is in `work`: for every group of lanes its variables, its values, how many steps its members took,
    and which they are; once for all, the starts.

    Parameters
    ----------
    width : Width
        With at least two lanes.
    n : int
        Length of x.
    settings : int
        How many numbers every member is given besides.
    used_parameters : sequence of int
        The places in p that are read.
    most_steps : int
        After which a member is left as it is.
    copies : int
        Groups of lanes that go side by side.
    """

    def __init__(
        self, width: Width, n: int, settings: int, used_parameters: Sequence[int], most_steps: int, copies: int = 1
    ) -> None:
        self.width = width
        self.copies = copies
        self._n, self._settings, self._most_steps = n, settings, most_steps
        self._parameters = {place: n + settings + number for number, place in enumerate(used_parameters)}
        # Places of a group, in vectors.
        self._values = n + settings + len(self._parameters)
        self._steps, self._index = self._values + n + 2, self._values + n + 3
        self._starts = self._index + 1
        self._group_size = self._starts + n
        self.parameters = "ptr %v, ptr %values, ptr %work"

    @property
    def own_size(self) -> int:
        """How many numbers, in every lane, it needs besides the `work` of each copy."""
        return self.copies * self._group_size + 1

    def items(self, graph: Graph, outputs: Sequence[int]) -> list[Item]:
        """Return every node, each kept as soon as it is there."""
        return as_made(graph, outputs)

    def load(self, node: int, kind: Operation, place: int) -> Iterator[str]:
        """Yield the lines that read a variable or a parameter of all lanes."""
        yield from self._read(f"v{node}", "v", self._parameters[place] if kind is op.PARAMETER else place)

    def store(self, first: int, values: Sequence[str]) -> Iterator[str]:
        """Yield the line that keeps a value of all lanes."""
        yield from self._keep(values[0], f"o{first}", "values", first)

    def whole(self, name: str, functions: int) -> Iterator[str]:
        """Yield how a lane gets a member, and the loop over steps, which ends when no member is left."""
        yield from self._copy(name)
        yield from self._fill(name)
        yield from self._enter(name)
        yield "step:"
        yield "  %next = phi i64 [%begun, %ready], [%next.n, %again]"
        yield "  %left = phi i64 [%count, %ready], [%left.n, %again]"
        copies = []
        for group in range(self.copies):
            yield from self._at(f"v{group}", "base", group * self._group_size)
            yield from self._at(f"values{group}", f"v{group}", self._values)
            yield f"  %own{group}.i = mul i64 %work.size, {group}"
            yield f"  %work{group} = getelementptr {self.width.real}, ptr %work, i64 %own{group}.i"
            copies.append(f"ptr %v{group}, ptr %values{group}, ptr %work{group}")
        for number in range(functions):
            yield f"  call void @{name}.{number}({', '.join(copies)})"
        yield "  br label %group"
        yield from self._judge()
        yield from self._replace(name)
        yield from self._move()
        yield "again:"
        yield "  %more = icmp ne i64 %left.n, 0"
        yield "  br i1 %more, label %step, label %end"
        yield "end:\n  ret void\n}"

    def declarations(self) -> Iterator[str]:
        """Yield what the loop needs."""
        lanes = self.width.lanes
        yield f"declare i{lanes} @llvm.cttz.i{lanes}(i{lanes}, i1)"
        yield "declare i64 @llvm.umin.i64(i64, i64)"

    # --- the loop -------------------------------------------------------------------------------------------

    def _fill(self, name: str) -> Iterator[str]:
        """Yield the function that gives a lane a member: its parameters, and its start if that is its own."""
        lanes = self.width.lanes
        yield (
            f"define internal void @{name}.fill(ptr %v, i64 %lane, i64 %row, ptr %x, i64 %x.stride, ptr %p, "
            "i64 %p.stride) nounwind {"
        )
        yield "  %p.offset = mul i64 %row, %p.stride"
        yield "  %p.row = getelementptr double, ptr %p, i64 %p.offset"
        for place, target in self._parameters.items():
            yield f"  %p{place}.p = getelementptr double, ptr %p.row, i64 {place}"
            yield f"  %p{place} = load double, ptr %p{place}.p, align 8"
            yield f"  %p{place}.i = add i64 %lane, {target * lanes}"
            yield f"  %p{place}.q = getelementptr double, ptr %v, i64 %p{place}.i"
            yield f"  store double %p{place}, ptr %p{place}.q, align 8"
        yield "  %same = icmp eq i64 %x.stride, 0"
        yield "  br i1 %same, label %end, label %own"
        yield "own:"
        yield "  %x.offset = mul i64 %row, %x.stride"
        yield "  %x.row = getelementptr double, ptr %x, i64 %x.offset"
        yield from self._at("starts", "v", self._starts)
        yield "  %column = getelementptr double, ptr %starts, i64 %lane"
        yield f"  call void @{name}.copy(ptr %x.row, i64 1, ptr %column, i64 {lanes})"
        yield "  br label %end"
        yield "end:\n  ret void\n}"

    def _enter(self, name: str) -> Iterator[str]:
        """Yield the head: what all lanes share, and a member for each."""
        real, n, lanes = self.width.real, self._n, self.width.lanes
        yield (
            f"define void @{name}(ptr %x, i64 %x.stride, ptr %p, i64 %p.stride, ptr %settings, "
            "ptr %out, ptr %norms, ptr %steps, ptr %verdicts, i64 %count, ptr %raw, i64 %work.size) nounwind {"
        )
        yield "start:"
        # Vectors begin where a line of the cache does.
        yield "  %raw.i = ptrtoint ptr %raw to i64"
        yield f"  %raw.up = add i64 %raw.i, {8 * lanes - 1}"
        yield f"  %raw.at = and i64 %raw.up, {-8 * lanes}"
        yield "  %base = inttoptr i64 %raw.at to ptr"
        yield from self._at("work", "base", self.copies * self._group_size)
        shared = [("settings", place, n + place) for place in range(self._settings)]
        shared += [("x", j, self._starts + j) for j in range(n)]
        for source, place, target in shared:
            label = f"{source}{place}"
            yield f"  %{label}.p = getelementptr double, ptr %{source}, i64 {place}"
            yield f"  %{label}.d = load double, ptr %{label}.p, align 8"
            yield f"  %{label}.1 = insertelement {real} poison, double %{label}.d, i32 0"
            yield f"  %{label} = shufflevector {real} %{label}.1, {real} poison, <{lanes} x i32> zeroinitializer"
            for group in range(self.copies):
                yield from self._keep(f"%{label}", f"{label}.{group}", "base", group * self._group_size + target)
        yield f"  %begun = call i64 @llvm.umin.i64(i64 %count, i64 {lanes * self.copies})"
        yield "  br label %lane"
        # A lane without a member of its own repeats the last one's first, for nobody.
        yield "lane:"
        yield "  %l = phi i64 [0, %start], [%l.next, %lane]"
        yield f"  %l.group = udiv i64 %l, {lanes}"
        yield f"  %l.lane = urem i64 %l, {lanes}"
        yield f"  %l.at = mul i64 %l.group, {self._group_size}"
        yield f"  %l.v = getelementptr {real}, ptr %base, i64 %l.at"
        yield "  %l.last = sub i64 %count, 1"
        yield "  %l.row = call i64 @llvm.umin.i64(i64 %l, i64 %l.last)"
        yield (
            f"  call void @{name}.fill(ptr %l.v, i64 %l.lane, i64 %l.row, ptr %x, i64 %x.stride, ptr %p, i64 %p.stride)"
        )
        yield "  %l.has = icmp ult i64 %l, %count"
        yield "  %l.who = select i1 %l.has, i64 %l, i64 -1"
        yield from self._at("l.index", "l.v", self._index)
        yield "  %l.index.p = getelementptr i64, ptr %l.index, i64 %l.lane"
        yield "  store i64 %l.who, ptr %l.index.p, align 8"
        yield "  %l.next = add i64 %l, 1"
        yield f"  %l.more = icmp ult i64 %l.next, {lanes * self.copies}"
        yield "  br i1 %l.more, label %lane, label %ready"
        yield "ready:"
        for group in range(self.copies):
            at = group * self._group_size
            yield from self._keep(self.width.constant(0.0), f"none.{group}", "base", at + self._steps)
            for j in range(n):
                yield from self._read(f"begin{j}.{group}", "base", at + self._starts + j)
                yield from self._keep(f"%begin{j}.{group}", f"begun{j}.{group}", "base", at + j)
        yield "  br label %step"

    def _judge(self) -> Iterator[str]:
        """Yield the head of the loop over groups: which lanes have a member that is decided."""
        real, truth, lanes, whole = self.width.real, self.width.truth, self.width.lanes, self.width.vector("i64")
        yield "group:"
        yield "  %g = phi i64 [0, %step], [%g.n, %move]"
        yield "  %next.g = phi i64 [%next, %step], [%next.n, %move]"
        yield "  %left.g = phi i64 [%left, %step], [%left.n, %move]"
        yield f"  %g.at = mul i64 %g, {self._group_size}"
        yield f"  %v = getelementptr {real}, ptr %base, i64 %g.at"
        yield from self._at("values", "v", self._values)
        yield from self._at("told.p", "values", self._n)
        yield from self._at("norm.p", "values", self._n + 1)
        yield from self._at("taken.p", "v", self._steps)
        yield from self._at("index", "v", self._index)
        yield from self._read("told", "values", self._n)
        yield from self._read("taken", "v", self._steps)
        yield f"  %who = load {whole}, ptr %index, align 8"
        yield f"  %is.told = fcmp une {real} %told, {self.width.constant(0.0)}"
        yield f"  %is.late = fcmp oge {real} %taken, {self.width.constant(float(self._most_steps))}"
        yield f"  %is.over = or {truth} %is.told, %is.late"
        yield f"  %is.somebody = icmp sge {whole} %who, zeroinitializer"
        yield f"  %is.decided = and {truth} %is.over, %is.somebody"
        yield f"  %decided = bitcast {truth} %is.decided to i{lanes}"
        yield f"  %some = icmp ne i{lanes} %decided, 0"
        yield "  br i1 %some, label %result, label %move"

    def _replace(self, name: str) -> Iterator[str]:
        """Yield the loop over decided lanes: the result is written, and the next member begins."""
        n, lanes = self._n, self.width.lanes
        yield "result:"
        yield f"  %rest = phi i{lanes} [%decided, %group], [%rest.n, %replaced]"
        yield "  %next.r = phi i64 [%next.g, %group], [%next.m, %replaced]"
        yield "  %left.r = phi i64 [%left.g, %group], [%left.m, %replaced]"
        yield f"  %c.short = call i{lanes} @llvm.cttz.i{lanes}(i{lanes} %rest, i1 true)"
        yield f"  %c = zext i{lanes} %c.short to i64"
        yield f"  %rest.1 = sub i{lanes} %rest, 1"
        yield f"  %rest.n = and i{lanes} %rest, %rest.1"
        yield "  %mine = getelementptr i64, ptr %index, i64 %c"
        yield "  %row = load i64, ptr %mine, align 8"
        for source, target, kind in (
            ("norm", "norms", "double"),
            ("taken", "steps", "i32"),
            ("told", "verdicts", "i8"),
        ):
            yield f"  %{source}.c = getelementptr double, ptr %{source}.p, i64 %c"
            yield f"  %{source}.d = load double, ptr %{source}.c, align 8"
            if kind != "double":
                yield f"  %{source}.k = fptosi double %{source}.d to {kind}"
            value = f"%{source}.d" if kind == "double" else f"%{source}.k"
            yield f"  %{target}.p = getelementptr {kind}, ptr %{target}, i64 %row"
            yield f"  store {kind} {value}, ptr %{target}.p"
        yield f"  %out.offset = mul i64 %row, {n}"
        yield "  %out.row = getelementptr double, ptr %out, i64 %out.offset"
        yield "  %column = getelementptr double, ptr %v, i64 %c"
        yield f"  call void @{name}.copy(ptr %column, i64 {lanes}, ptr %out.row, i64 1)"
        yield "  %left.m = sub i64 %left.r, 1"
        yield "  %has = icmp ult i64 %next.r, %count"
        yield "  br i1 %has, label %begin, label %idle"
        yield "begin:"
        yield (f"  call void @{name}.fill(ptr %v, i64 %c, i64 %next.r, ptr %x, i64 %x.stride, ptr %p, i64 %p.stride)")
        yield "  %next.one = add i64 %next.r, 1"
        yield "  br label %replaced"
        yield "idle:\n  br label %replaced"
        yield "replaced:"
        yield "  %next.m = phi i64 [%next.one, %begin], [%next.r, %idle]"
        yield "  %now = phi i64 [%next.r, %begin], [-1, %idle]"
        yield "  store i64 %now, ptr %mine, align 8"
        yield f"  %rest.some = icmp ne i{lanes} %rest.n, 0"
        yield "  br i1 %rest.some, label %result, label %move"

    def _move(self) -> Iterator[str]:
        """Yield the step of every lane, or the start where a member begins."""
        n, real, truth = self._n, self.width.real, self.width.truth
        yield "move:"
        yield "  %next.n = phi i64 [%next.g, %group], [%next.m, %replaced]"
        yield "  %left.n = phi i64 [%left.g, %group], [%left.m, %replaced]"
        yield from self._at("starts", "v", self._starts)
        for j in range(n):
            yield from self._read(f"x{j}.a", "v", j)
            yield from self._read(f"x{j}.s", "values", j)
            yield from self._read(f"x{j}.b", "starts", j)
            yield f"  %x{j}.n = fadd {real} %x{j}.a, %x{j}.s"
            yield f"  %x{j}.g = select {truth} %is.decided, {real} %x{j}.b, {real} %x{j}.n"
            yield from self._keep(f"%x{j}.g", f"x{j}.k", "v", j)
        one, zero = self.width.constant(1.0), self.width.constant(0.0)
        yield f"  %taken.more = fadd {real} %taken, {one}"
        yield f"  %taken.n = select {truth} %is.decided, {real} {zero}, {real} %taken.more"
        yield from self._keep("%taken.n", "taken.k", "v", self._steps)
        yield "  %g.n = add i64 %g, 1"
        yield f"  %g.more = icmp ult i64 %g.n, {self.copies}"
        yield "  br i1 %g.more, label %group, label %again"

    # --- lines ----------------------------------------------------------------------------------------------

    def _copy(self, name: str) -> Iterator[str]:
        """Yield the function that copies n numbers, each so many doubles after the one before."""
        yield f"define internal void @{name}.copy(ptr %from, i64 %from.step, ptr %to, i64 %to.step) nounwind {{"
        yield "start:\n  br label %number"
        yield "number:"
        yield "  %j = phi i64 [0, %start], [%j.next, %number]"
        yield "  %from.i = mul i64 %j, %from.step"
        yield "  %from.p = getelementptr double, ptr %from, i64 %from.i"
        yield "  %to.i = mul i64 %j, %to.step"
        yield "  %to.p = getelementptr double, ptr %to, i64 %to.i"
        yield "  %value = load double, ptr %from.p, align 8"
        yield "  store double %value, ptr %to.p, align 8"
        yield "  %j.next = add i64 %j, 1"
        yield f"  %more = icmp ult i64 %j.next, {self._n}"
        yield "  br i1 %more, label %number, label %end"
        yield "end:\n  ret void\n}"

    def _at(self, name: str, base: str, place: int) -> Iterator[str]:
        yield f"  %{name} = getelementptr {self.width.real}, ptr %{base}, i64 {place}"

    def _read(self, name: str, base: str, place: int) -> Iterator[str]:
        yield from self._at(f"{name}.q", base, place)
        yield f"  %{name} = load {self.width.real}, ptr %{name}.q, align 8"

    def _keep(self, value: str, name: str, base: str, place: int) -> Iterator[str]:
        yield from self._at(f"{name}.q", base, place)
        yield f"  store {self.width.real} {value}, ptr %{name}.q, align 8"
