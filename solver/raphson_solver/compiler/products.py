"""Entries of J as sums of products of slopes: one entry in each lane, those of equally many products side by side.

A loop over the products of one entry after another spends its time on guessing where each ends. So entries are sorted
by their number of products, and each group of lanes takes as many steps as its longest (the sliced ELLPACK format of
Monakov, Lokhmotov & Avetisyan 2010, sorted through); what a lane has too few of is made of a slope that is zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.width import Width

Table = NDArray[np.int32]

_NONE = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """How slopes make entries: each is a sum of products of slopes.

    Attributes
    ----------
    starts : ndarray of int32, shape (entries + 1,)
        Where the products of each entry begin.
    slopes : ndarray of int32, shape (products, length)
        Which slopes each is made of; one past the last is the number 1.
    """

    starts: Table
    slopes: Table


class Assembly:
    """The loop that makes entries, and its tables.

        void assemble(const double *slopes, const int32_t *starts, const int32_t *slopes_of, const int32_t *entry_of,
                      double *entries)

    Behind the slopes stand the numbers 1 and 0.

    Parameters
    ----------
    products : Products
        What makes which entry.
    slope_count : int
        How many slopes there are.
    width : Width
        Of the code.

    Attributes
    ----------
    starts : ndarray of int32, shape (groups + 1,)
        Where the steps of each group begin.
    slopes : ndarray of int32, shape (steps, length, lanes)
        What each lane multiplies in each step.
    entries : ndarray of int32, shape (groups · lanes,)
        Which entry each lane makes, lanes beyond the last one's 0; empty where they stay in order.
    """

    def __init__(self, products: Products, slope_count: int, width: Width) -> None:
        numbers = np.diff(products.starts)
        self._count, self._length, self._width = numbers.size, products.slopes.shape[1], width
        most = int(numbers.max(initial=0))
        self._in_order = bool(np.all(numbers == most))
        if self._in_order:
            self.starts, self.slopes, self.entries = self._alike(products.slopes, most, slope_count + 1)
        else:
            self.starts, self.slopes, self.entries = self._sorted(products, numbers, slope_count + 1)

    def _alike(self, slopes: Table, each: int, zero: int) -> tuple[Table, Table, Table]:
        """Return the tables where all entries have as many products, and stay in order."""
        lanes = self._width.lanes
        groups = -(-self._count // lanes)
        whole = np.full((groups * lanes, each, self._length), zero, np.int32)
        whole[: self._count] = slopes.reshape(self._count, each, self._length)
        steps = whole.reshape(groups, lanes, each, self._length).transpose(0, 2, 3, 1)
        return np.int32(each) * np.arange(groups + 1, dtype=np.int32), np.ascontiguousarray(steps), _NONE

    def _sorted(self, products: Products, numbers: Table, zero: int) -> tuple[Table, Table, Table]:
        """Return the tables with the entries of most products first."""
        lanes, count = self._width.lanes, self._count
        order = np.argsort(-numbers, kind="stable")
        entries = np.zeros(-(-count // lanes) * lanes, np.int32)
        entries[:count] = order
        # The first of a group has most.
        starts = np.concatenate(([0], np.cumsum(numbers[order[::lanes]]))).astype(np.int32)
        slopes = np.full((int(starts[-1]), self._length, lanes), zero, np.int32)
        place = np.empty(count, np.int64)
        place[order] = np.arange(count)
        owner = np.repeat(np.arange(count), numbers)
        step = np.arange(owner.size) - products.starts[owner] + starts[place[owner] // lanes]
        slopes[step, :, place[owner] % lanes] = products.slopes
        return starts, slopes, entries

    def text(self) -> Iterator[str]:
        """Yield the function, for a module that declares what moves numbers (`Members.declarations`)."""
        width, lanes = self._width, self._width.lanes
        real, truth, short, whole = width.real, width.truth, width.vector("i32"), width.vector("i64")
        zero = width.constant(0.0)
        yield (
            "define internal void @assemble(ptr %slopes, ptr %starts, ptr %slopes.of, ptr %entry.of, ptr %entries) "
            "nounwind {"
        )
        yield "start:"
        yield f"  %some = icmp ne i64 {self._count}, 0\n  br i1 %some, label %group, label %end"
        yield "group:"
        yield "  %g = phi i64 [0, %start], [%g.next, %done]"
        yield "  %first.p = getelementptr i32, ptr %starts, i64 %g"
        yield "  %first.s = load i32, ptr %first.p, align 4\n  %first = sext i32 %first.s to i64"
        yield "  %g.next = add i64 %g, 1"
        yield "  %last.p = getelementptr i32, ptr %starts, i64 %g.next"
        yield "  %last.s = load i32, ptr %last.p, align 4\n  %last = sext i32 %last.s to i64"
        yield "  br label %step"
        yield "step:"
        yield "  %s = phi i64 [%first, %group], [%s.next, %step]"
        yield f"  %total = phi {real} [{zero}, %group], [%total.next, %step]"
        yield f"  %at = mul i64 %s, {self._length * lanes}"
        value = ""
        for factor in range(self._length):
            name = f"f{factor}"
            yield f"  %{name}.n = add i64 %at, {factor * lanes}"
            yield f"  %{name}.p = getelementptr i32, ptr %slopes.of, i64 %{name}.n"
            yield f"  %{name}.w = load {short}, ptr %{name}.p, align 4"
            yield f"  %{name}.i = sext {short} %{name}.w to {whole}"
            yield f"  %{name}.a = getelementptr double, ptr %slopes, {whole} %{name}.i"
            yield (
                f"  %{name} = call {real} @llvm.masked.gather.{width.suffix}.v{lanes}p0"
                f"({width.vector('ptr')} %{name}.a, i32 8, {truth} {width.boolean(value=True)}, {real} {zero})"
            )
            if factor:
                yield f"  %v{factor} = fmul {real} {value}, %{name}"
            value = f"%v{factor}" if factor else f"%{name}"
        yield f"  %total.next = fadd {real} %total, {value}"
        yield "  %s.next = add i64 %s, 1\n  %s.more = icmp ult i64 %s.next, %last"
        yield "  br i1 %s.more, label %step, label %done"
        yield "done:"
        yield f"  %e = mul i64 %g, {lanes}\n  %left = sub i64 {self._count}, %e"
        yield f"  %left.1 = insertelement {whole} poison, i64 %left, i32 0"
        yield f"  %left.v = shufflevector {whole} %left.1, {whole} poison, <{lanes} x i32> zeroinitializer"
        numbers = ", ".join(f"i64 {lane}" for lane in range(lanes))
        yield f"  %mask = icmp ult {whole} <{numbers}>, %left.v"
        if self._in_order:
            yield "  %to = getelementptr double, ptr %entries, i64 %e"
            yield f"  call void @llvm.masked.store.{width.suffix}.p0({real} %total.next, ptr %to, i32 8, {truth} %mask)"
        else:
            yield "  %to.p = getelementptr i32, ptr %entry.of, i64 %e"
            yield f"  %to.w = load {short}, ptr %to.p, align 4\n  %to.i = sext {short} %to.w to {whole}"
            yield f"  %to = getelementptr double, ptr %entries, {whole} %to.i"
            yield (
                f"  call void @llvm.masked.scatter.{width.suffix}.v{lanes}p0"
                f"({real} %total.next, {width.vector('ptr')} %to, i32 8, {truth} %mask)"
            )
        yield f"  %more = icmp ult i64 %e, {max(self._count - lanes, 0)}"
        yield "  br i1 %more, label %group, label %end"
        yield "end:\n  ret void\n}"


class AssemblyBeside:
    """As `Assembly`, for points side by side: one entry of all of them after another, in the order of its products.

    Number k of all points stands from ``points·k`` on.

    Attributes
    ----------
    starts, slopes : ndarray of int32
        As of `Products`.
    entries : ndarray
        None.
    """

    def __init__(self, products: Products, width: Width, points: int) -> None:
        self.starts, self.slopes, self.entries = products.starts, products.slopes, _NONE
        self._width, self._points = width, points

    def text(self) -> Iterator[str]:
        """Yield the function."""
        real, length, points = self._width.real, self.slopes.shape[1], self._points
        yield (
            "define internal void @assemble(ptr %slopes, ptr %starts, ptr %slopes.of, ptr %entry.of, ptr %entries) "
            "nounwind {"
        )
        yield f"start:\n  br i1 {'true' if self.starts.size > 1 else 'false'}, label %entry, label %end"
        yield "entry:\n  %e = phi i64 [0, %start], [%e.next, %done]"
        yield "  %first.p = getelementptr i32, ptr %starts, i64 %e"
        yield "  %first.s = load i32, ptr %first.p, align 4\n  %first = sext i32 %first.s to i64"
        yield "  %e.next = add i64 %e, 1\n  %last.p = getelementptr i32, ptr %starts, i64 %e.next"
        yield "  %last.s = load i32, ptr %last.p, align 4\n  %last = sext i32 %last.s to i64\n  br label %step"
        yield "step:\n  %s = phi i64 [%first, %entry], [%s.next, %step]"
        yield f"  %total = phi {real} [zeroinitializer, %entry], [%total.next, %step]"
        yield f"  %at = mul i64 %s, {length}"
        value = ""
        for factor in range(length):
            name = f"f{factor}"
            yield f"  %{name}.n = add i64 %at, {factor}\n  %{name}.p = getelementptr i32, ptr %slopes.of, i64 %{name}.n"
            yield f"  %{name}.w = load i32, ptr %{name}.p, align 4\n  %{name}.l = sext i32 %{name}.w to i64"
            yield f"  %{name}.i = mul i64 %{name}.l, {points}"
            yield f"  %{name}.a = getelementptr double, ptr %slopes, i64 %{name}.i"
            yield f"  %{name} = load {real}, ptr %{name}.a, align 8"
            if factor:
                yield f"  %v{factor} = fmul {real} {value}, %{name}"
            value = f"%v{factor}" if factor else f"%{name}"
        yield f"  %total.next = fadd {real} %total, {value}"
        yield "  %s.next = add i64 %s, 1\n  %s.more = icmp ult i64 %s.next, %last"
        yield "  br i1 %s.more, label %step, label %done"
        yield f"done:\n  %to.i = mul i64 %e, {points}\n  %to = getelementptr double, ptr %entries, i64 %to.i"
        yield f"  store {real} %total.next, ptr %to, align 8"
        yield f"  %more = icmp ult i64 %e.next, {self.starts.size - 1}\n  br i1 %more, label %entry, label %end"
        yield "end:\n  ret void\n}"
