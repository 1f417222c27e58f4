"""Families behind the C ABI of a kernel: one call computes f, the size of its terms and J, for every member of all.

For a system with one family of sums and one of equations the text, beside the families' own loops, is

    define void @kernel(ptr %program, ptr %x, ptr %p, ptr %out, ptr %work) {
      … zero the sums …
      call void @job0(i64 0, i64 count, ptr %buffers, ptr %scratch)        ; the terms
      call void @add.up(ptr starts, ptr which, i64 sums, ptr %terms, ptr %sums)
      call void @job1(i64 0, i64 count, ptr %buffers, ptr %scratch)        ; the equations
      call void @assemble(ptr %slopes, ptr starts, ptr slopes_of, ptr entry_of, ptr %entries)
      ret void
    }

`program` points to the addresses of the tables; `work` holds everything that one call needs, so that threads may share
a kernel.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.beside import Beside
from raphson_solver.compiler.emit import Module
from raphson_solver.compiler.family_code import Job
from raphson_solver.compiler.improving import Improving
from raphson_solver.compiler.kernel import SIGNATURE
from raphson_solver.compiler.members import Members
from raphson_solver.compiler.products import Assembly, AssemblyBeside, Products
from raphson_solver.compiler.width import Width, widest
from raphson_solver.expression.family import Buffer, Families, Places

Floats = NDArray[np.float64]
Table = NDArray[np.int32] | NDArray[np.float64]

# Sums are added up in blocks of so many terms, whose sums are added then: rounding grows with neither number alone.
_BLOCK = 128
# Measured: what a node of a member takes at most in loops that are not tight yet; mostly half of it, or a tenth.
_NODE_SECONDS = 1e-9


class FamilyKernel:
    """What families compute together, by one call.

    Parameters
    ----------
    families : Families
        Holds the nodes and says what their leaves are.
    jobs : sequence of Job
        For the terms of each family of sums, in order, and then for each of equations. Terms go to `Buffer.OUT` and
        `Buffer.OUT_SIZES` in order; f, sizes and slopes to these and `Buffer.SLOPES`.
    entries : int, optional
        How many of J there are. By default neither J nor the sizes of terms are computed.
    slope_count : int
        How many slopes there are, if J is.
    products : Products, optional
        How slopes make entries; by default each slope is the entry in its place.
    width : Width, optional
        Of the code; the widest that this processor has by default.
    points : int
        How many stand side by side, a multiple of the lanes: number k of all, of x, p and what is computed, from
        ``points·k`` on. Each gets the bits that it would get alone.

    Attributes
    ----------
    address, program, work_size : int
        As of a `Kernel`.
    nodes : int
        Of all members together.
    """

    def __init__(
        self,
        families: Families,
        jobs: Sequence[Job],
        entries: int | None = None,
        slope_count: int = 0,
        products: Products | None = None,
        width: Width | None = None,
        points: int = 1,
    ) -> None:
        self._families, self._jobs = families, tuple(jobs)
        self._points = points
        self._entries, self._slope_count, self._products = entries, slope_count, products
        self._width = width or widest()
        sizes = () if entries is None else (("term.sizes", "sum.sizes"),)
        self._added = (("terms", "sums"), *sizes)
        self._tables: list[Table] = []
        longest = max((family.count for family in families.sums), default=0)
        # In numbers of all points, from the start of `work`.
        self._sums = 0
        self._terms = self._sums + 2 * families.sum_count
        self._slopes = self._terms + 2 * longest
        self._scratch = self._slopes + (0 if products is None else slope_count + 2)
        self.nodes = 0
        self.text, scratch = self._text()
        self.work_size = self._scratch * points + scratch
        self._addresses = np.array([table.ctypes.data for table in self._tables], np.int64)
        self.program = int(self._addresses.ctypes.data)
        self._lock = threading.Lock()
        self._improving: Improving | None = None
        # What one call takes, and, until that is measured, how many there were.
        self._seconds: float | None = None
        self._calls = 0

    @property
    def address(self) -> int:
        """The function to call now; compiled when it is first asked for, and valid as long as the kernel."""
        return self._compiled().code.address("kernel")

    @property
    def is_tight(self) -> bool:
        """Whether its code will become no better."""
        return self._compiled().is_tight

    def _compiled(self) -> Improving:
        if self._improving is None:
            with self._lock:
                if self._improving is None:
                    # Many points are a lot of work: that comes tight at once.
                    self._improving = Improving(self.text, at_once=self._points > 1)
        return self._improving

    def compile(self) -> None:
        """Make its code tight now."""
        self._compiled().improve()

    def __call__(self, x: Floats, p: Floats) -> Floats:
        """Return what it computes, shape (m,) or with J (2m + entries,), times the points side by side."""
        entries = self._families.m if self._entries is None else 2 * self._families.m + self._entries
        out, work = np.empty(entries * self._points), np.empty(self.work_size)
        call, began = SIGNATURE(self.address), time.perf_counter()
        call(self.program, x.ctypes.data, p.ctypes.data, out.ctypes.data, work.ctypes.data)
        self._seconds = time.perf_counter() - began
        self._compiled().spend(self._seconds)
        return out

    def called(self, times: int, x: Floats, p: Floats) -> None:
        """Hear that it was called so many times, for points like this one."""
        improving = self._compiled()
        if self._seconds is None:
            self._calls += times
            if self._calls * self.nodes * _NODE_SECONDS < improving.owed:
                return
            # What it takes is only measured, by one call more, once it may be enough.
            times = self._calls
            self(x, p)
        assert self._seconds is not None
        improving.spend(times * self._seconds)

    # --- text -----------------------------------------------------------------------------------------------

    def _text(self) -> tuple[str, int]:
        """Return the module, and how many doubles its loops need beside the kernel's own."""
        module, graph = Module(), self._families.graph
        lines: list[str] = []
        loops = list(_add_up(self._added, self._real, self._points))
        scratch, widest_tables = 0, 0
        for number, job in enumerate(self._jobs):
            form = self._form(job)
            scratch = max(scratch, module.add(f"job{number}", graph, job.outputs, form) * self._width.lanes)
            widest_tables = max(widest_tables, len(form.tables))
            self.nodes += job.count * len(form.items(graph, job.outputs))
            lines.extend(self._call(number, job, form.tables))
        if self._products is not None:
            assembly: Assembly | AssemblyBeside
            if self._points == 1:
                assembly = Assembly(self._products, self._slope_count, self._width)
            else:
                assembly = AssemblyBeside(self._products, self._width, self._points)
            loops.extend(assembly.text())
            lines += self._table("p.starts", assembly.starts)
            lines += self._table("p.slopes", assembly.slopes)
            lines += self._table("p.entries", assembly.entries)
            for number, value in enumerate((1.0, 0.0)):
                place = (self._slope_count + number) * self._points
                lines.append(f"  %known{number} = getelementptr double, ptr %slopes, i64 {place}")
                constant = value if self._points == 1 else self._width.constant(value)
                lines.append(f"  store {self._real} {constant}, ptr %known{number}, align 8")
            lines.append(
                "  call void @assemble(ptr %slopes, ptr %p.starts, ptr %p.slopes, ptr %p.entries, ptr %entries)"
            )
        body = [*self._head(len(Buffer) + widest_tables), *lines, "  ret void", "}", *self._parts()]
        return "\n".join([module.text, *loops, *body]), scratch

    @property
    def _real(self) -> str:
        """The type of a number, of as many points as one instruction takes."""
        return "double" if self._points == 1 else self._width.real

    def _form(self, job: Job) -> Members:
        """Return how a job is written."""
        given = self._width, self._families.variable_slots, self._families.parameter_slots, job.targets
        return Members(*given) if self._points == 1 else Beside(*given, self._points)

    def _parts(self) -> Iterator[str]:
        """Yield the function that callers call, where one call does not do: lanes after lanes."""
        if self._points == 1:
            return
        yield "define void @kernel(ptr %program, ptr %x, ptr %p, ptr %out, ptr %work) nounwind {"
        for first in range(0, self._points, self._width.lanes):
            for name in ("x", "p", "out"):
                yield f"  %{name}{first} = getelementptr double, ptr %{name}, i64 {first}"
            yield f"  call void @part(ptr %program, ptr %x{first}, ptr %p{first}, ptr %out{first}, ptr %work)"
        yield "  ret void\n}"

    def _head(self, buffers: int) -> Iterator[str]:
        families, points = self._families, self._points
        yield "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)"
        name = "void @kernel" if self._points == 1 else "internal void @part"
        yield f"define {name}(ptr %program, ptr %x, ptr %p, ptr %out, ptr %work) nounwind {{"
        yield f"  %buffers = alloca ptr, i64 {buffers}, align 8"
        for name, place in (
            ("sums", self._sums),
            ("sum.sizes", self._sums + families.sum_count),
            ("terms", self._terms),
            ("slopes", self._slopes),
            ("scratch", self._scratch),
        ):
            yield f"  %{name} = getelementptr double, ptr %work, i64 {place * points}"
        yield f"  %term.sizes = getelementptr double, ptr %terms, i64 {(self._slopes - self._terms) // 2 * points}"
        yield f"  %sizes = getelementptr double, ptr %out, i64 {families.m * points}"
        yield f"  %entries = getelementptr double, ptr %out, i64 {2 * families.m * points}"
        for buffer, name in (
            (Buffer.X, "x"),
            (Buffer.P, "p"),
            (Buffer.SUMS, "sums"),
            (Buffer.SUM_SIZES, "sum.sizes"),
            (Buffer.SLOPES, "entries" if self._products is None else "slopes"),
        ):
            yield from self._set(f"at.{name}", int(buffer), name)
        if families.sum_count:
            yield f"  call void @llvm.memset.p0.i64(ptr %sums, i8 0, i64 {16 * families.sum_count * points}, i1 false)"

    def _call(self, number: int, job: Job, tables: Sequence[Table]) -> Iterator[str]:
        """Yield the lines that run a job, and add its terms up if it has any."""
        is_sum = number < len(self._families.sums)
        for place, table in enumerate(tables):
            name = f"j{number}.t{place}"
            yield from self._table(name, table)
            yield from self._set(f"at.{name}", len(Buffer) + place, name)
        yield from self._set(f"j{number}.out", int(Buffer.OUT), "terms" if is_sum else "out")
        yield from self._set(f"j{number}.sizes", int(Buffer.OUT_SIZES), "term.sizes" if is_sum else "sizes")
        yield f"  call void @job{number}(i64 0, i64 {job.count}, ptr %buffers, ptr %scratch)"
        if not is_sum:
            return
        starts, which = _segments(self._families.sums[number].places, job.count)
        yield from self._table(f"j{number}.starts", starts)
        yield from self._table(f"j{number}.which", which)
        arrays = "".join(f", ptr %{terms}, ptr %{sums}" for terms, sums in self._added)
        yield f"  call void @add.up(ptr %j{number}.starts, ptr %j{number}.which, i64 {which.size}{arrays})"

    def _table(self, name: str, table: Table) -> list[str]:
        """Return the lines that load the address of a table."""
        place = len(self._tables)
        self._tables.append(table)
        return [
            f"  %{name}.q = getelementptr ptr, ptr %program, i64 {place}",
            f"  %{name} = load ptr, ptr %{name}.q, align 8",
        ]

    @staticmethod
    def _set(name: str, place: int, value: str) -> Iterator[str]:
        yield f"  %{name}.b = getelementptr ptr, ptr %buffers, i64 {place}"
        yield f"  store ptr %{value}, ptr %{name}.b, align 8"


def _segments(places: Places, count: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return where the terms of each sum begin, with their number at the end, and which sum each is."""
    if places.table is None and places.step == 0:
        return np.array([0, count], np.int32), np.array([places.first], np.int32)
    which = places.array(count)
    first = np.flatnonzero(np.diff(which, prepend=-1))
    return np.append(first, count).astype(np.int32), which[first].astype(np.int32)


def _add_up(pairs: Sequence[tuple[str, str]], real: str, points: int) -> Iterator[str]:
    """Yield the function that adds numbers to their sums, each array of one to those of the other, in one pass."""
    zero = "0.0" if real == "double" else "zeroinitializer"
    places = range(len(pairs))
    arguments = "".join(f", ptr %terms{place}, ptr %sums{place}" for place in places)
    yield "declare i64 @llvm.umin.i64(i64, i64)"
    yield (
        f"define internal void @add.up(ptr %starts, ptr %which, i64 %count{arguments}) nounwind {{\n"
        "start:\n  br label %sum\n"
        "sum:\n  %s = phi i64 [0, %start], [%s.next, %done]"
    )
    yield "  %from.p = getelementptr i32, ptr %starts, i64 %s"
    yield "  %from.s = load i32, ptr %from.p, align 4\n  %from = sext i32 %from.s to i64"
    yield "  %s.next = add i64 %s, 1\n  %to.p = getelementptr i32, ptr %starts, i64 %s.next"
    yield "  %to.s = load i32, ptr %to.p, align 4\n  %to = sext i32 %to.s to i64"
    yield "  br label %block\nblock:\n  %b = phi i64 [%from, %sum], [%b.end, %block.done]"
    for place in places:
        yield f"  %total{place} = phi {real} [{zero}, %sum], [%total{place}.next, %block.done]"
    yield f"  %b.far = add i64 %b, {_BLOCK}\n  %b.end = call i64 @llvm.umin.i64(i64 %b.far, i64 %to)"
    yield "  br label %term\nterm:\n  %t = phi i64 [%b, %block], [%t.next, %term]"
    for place in places:
        yield f"  %part{place} = phi {real} [{zero}, %block], [%part{place}.next, %term]"
    yield f"  %t.at = mul i64 %t, {points}"
    for place in places:
        yield f"  %t{place}.p = getelementptr double, ptr %terms{place}, i64 %t.at"
        yield f"  %t{place} = load {real}, ptr %t{place}.p, align 8"
        yield f"  %part{place}.next = fadd {real} %part{place}, %t{place}"
    yield "  %t.next = add i64 %t, 1\n  %t.more = icmp ult i64 %t.next, %b.end"
    yield "  br i1 %t.more, label %term, label %block.done\nblock.done:"
    for place in places:
        yield f"  %total{place}.next = fadd {real} %total{place}, %part{place}.next"
    yield "  %b.more = icmp ult i64 %b.end, %to\n  br i1 %b.more, label %block, label %done\ndone:"
    yield "  %which.p = getelementptr i32, ptr %which, i64 %s"
    yield "  %which.s = load i32, ptr %which.p, align 4\n  %which.i = sext i32 %which.s to i64"
    yield f"  %which.at = mul i64 %which.i, {points}"
    for place in places:
        yield f"  %old{place}.p = getelementptr double, ptr %sums{place}, i64 %which.at"
        yield f"  %old{place} = load {real}, ptr %old{place}.p, align 8"
        yield f"  %new{place} = fadd {real} %old{place}, %total{place}.next"
        yield f"  store {real} %new{place}, ptr %old{place}.p, align 8"
    yield "  %s.more = icmp ult i64 %s.next, %count\n  br i1 %s.more, label %sum, label %end\nend:\n  ret void\n}"
