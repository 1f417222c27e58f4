"""How many numbers one instruction takes: LLVM text for single operations, read off the table, at any width.

One number at a time is the width of a solve. Many points at once go through the lanes of vector registers: the same
instructions on ``<8 x double>``, with the vector functions of the C library where it has them; where not, a function
is called for one lane after another.
"""

from __future__ import annotations

import ctypes.util
import functools
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import llvmlite.binding as llvm

from raphson_solver.expression.operations import DIVIDE, SCALE, SIGN, Operation

_FUSED = {"fadd", "fsub", "fmul"}
_INTRINSICS = {"sqrt": 1, "fabs": 1, "floor": 1, "ceil": 1, "minimum": 2, "maximum": 2, "fmuladd": 3}
# The lanes of AVX-512, which estimates reciprocals, and has the powers of two, of doubles.
_AVX512 = 8
# The letter of each width's instruction set in the names of vector functions (the x86-64 vector ABI).
_VECTOR_ABI = {2: "b", 4: "d", 8: "e"}


@dataclass(frozen=True)
class Width:
    """LLVM types and instructions for so many numbers at once.

    Attributes
    ----------
    lanes : int
        How many; 1 is plain scalars.
    vector_functions : bool
        Whether to use those of the C library.
    fused : bool
        Whether a product and a sum may be one instruction, rounded once, and a reciprocal come from the processor's
        estimate, to a unit in the last place.
    """

    lanes: int = 1
    vector_functions: bool = True
    fused: bool = False

    @property
    def real(self) -> str:
        """The type of numbers."""
        return self.vector("double")

    @property
    def truth(self) -> str:
        """The type of conditions."""
        return self.vector("i1")

    @property
    def suffix(self) -> str:
        """What the names of intrinsics end in."""
        return "f64" if self.lanes == 1 else f"v{self.lanes}f64"

    @property
    def scales(self) -> bool:
        """Whether an instruction multiplies by powers of two, `operations.SCALE`."""
        return self.lanes == _AVX512

    @property
    def stack(self) -> str:
        """What a function whose values may be more than the registers hold is declared with."""
        return "" if self.lanes == 1 else f" alignstack({8 * self.lanes})"

    def vector(self, scalar: str) -> str:
        """Return the type of one such scalar a lane."""
        return scalar if self.lanes == 1 else f"<{self.lanes} x {scalar}>"

    def constant(self, value: float) -> str:
        """Return a number as LLVM writes it, exact to the bit, in every lane."""
        return self._splat("double", f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}")

    def boolean(self, value: bool) -> str:
        """Return a condition that is known, in every lane."""
        return self._splat("i1", "true" if value else "false")

    def _splat(self, scalar: str, text: str) -> str:
        return text if self.lanes == 1 else f"<{', '.join([f'{scalar} {text}'] * self.lanes)}>"

    def compute(self, name: str, operation: Operation, *arguments: str) -> Iterator[str]:
        """Yield the lines that compute an operation from named values."""
        if operation is DIVIDE and self.fused and self.lanes == _AVX512 and arguments[0] == self.constant(1.0):
            yield from self._reciprocal(name, arguments[1])
        else:
            yield f"  {name} = {self.instruction(operation, *arguments)}"

    def instruction(self, operation: Operation, *arguments: str) -> str:
        """Return the instruction that computes an operation from named values."""
        if operation.code.startswith("@"):
            listed = ", ".join(f"{self.real} {argument}" for argument in arguments)
            return f"call {self.real} {self._function(operation)}({listed})"
        text = operation.code.format(
            *arguments, real=self.real, truth=self.truth, suffix=self.suffix, true=self.boolean(value=True)
        )
        kind, _, rest = text.partition(" ")
        return f"{kind} contract {rest}" if self.fused and kind in _FUSED else text

    def _reciprocal(self, name: str, value: str) -> Iterator[str]:
        """Yield 1/a by two steps of Newton's from 14 bits; NaN where a is 0, ±∞ or tiny."""
        real, one = self.real, self.constant(1.0)
        yield f"  {name}.y0 = call {real} @llvm.x86.avx512.rcp14.pd.512({real} {value}, {real} poison, i8 -1)"
        for before, after in ((f"{name}.y0", f"{name}.y1"), (f"{name}.y1", name)):
            yield f"  {after}.p = fmul contract {real} {value}, {before}"
            yield f"  {after}.e = fsub contract {real} {one}, {after}.p"
            yield f"  {after}.c = fmul contract {real} {after}.e, {before}"
            yield f"  {after} = fadd contract {real} {before}, {after}.c"

    def declarations(self, used: Iterable[Operation]) -> Iterator[str]:
        """Yield the declarations and definitions that the instructions of some operations need, each whole."""
        for name, arity in _INTRINSICS.items():
            yield f"declare {self.real} @llvm.{name}.{self.suffix}({', '.join([self.real] * arity)})"
        if self.fused and self.lanes == _AVX512 and DIVIDE in used:
            yield f"declare {self.real} @llvm.x86.avx512.rcp14.pd.512({self.real}, {self.real}, i8)"
        if SCALE in used:
            yield f"declare {self.real} @llvm.x86.avx512.mask.scalef.pd.512({', '.join([self.real] * 3)}, i8, i32)"
        for operation in sorted(set(used), key=lambda each: each.name):
            if operation is SIGN:
                yield "\n".join(self._sign())
            elif operation.code.startswith("@"):
                yield from self._declared(operation)

    def _declared(self, operation: Operation) -> Iterator[str]:
        plain = f"declare double {operation.code}({', '.join(['double'] * operation.arity)})"
        name = self._function(operation)
        if name == operation.code:
            yield plain
        elif not name.startswith("@raphson."):
            yield f"declare {self.real} {name}({', '.join([self.real] * operation.arity)})"
        else:
            yield plain
            yield "\n".join(self._lane_by_lane(operation, name))

    def _function(self, operation: Operation) -> str:
        """Return the function that computes an operation at this width."""
        if self.lanes == 1 or operation is SIGN:
            return operation.code
        name = f"_ZGV{_VECTOR_ABI[self.lanes]}N{self.lanes}{'v' * operation.arity}_{operation.code[1:]}"
        if self.vector_functions and _has_symbol(name):
            return f"@{name}"
        return f"@raphson.{operation.code[1:]}"

    def _lane_by_lane(self, operation: Operation, name: str) -> Iterator[str]:
        letters = "ab"[: operation.arity]
        yield f"define internal {self.real} {name}({', '.join(f'{self.real} %{each}' for each in letters)}) {{"
        so_far = "poison"
        for lane in range(self.lanes):
            for each in letters:
                yield f"  %{each}{lane} = extractelement {self.real} %{each}, i32 {lane}"
            listed = ", ".join(f"double %{each}{lane}" for each in letters)
            yield f"  %y{lane} = call double {operation.code}({listed})"
            yield f"  %r{lane} = insertelement {self.real} {so_far}, double %y{lane}, i32 {lane}"
            so_far = f"%r{lane}"
        yield f"  ret {self.real} {so_far}\n}}"

    def _sign(self) -> Iterator[str]:
        """Yield a function that no library has. NaN keeps its NaN, as in NumPy."""
        real, truth, zero = self.real, self.truth, self.constant(0.0)
        yield f"define internal {real} {SIGN.code}({real} %a) alwaysinline {{"
        yield f"  %above = fcmp ogt {real} %a, {zero}"
        yield f"  %below = fcmp olt {real} %a, {zero}"
        yield f"  %positive = select {truth} %above, {real} {self.constant(1.0)}, {real} %a"
        yield f"  %signed = select {truth} %below, {real} {self.constant(-1.0)}, {real} %positive"
        yield f"  ret {real} %signed\n}}"


SCALAR = Width()


@functools.cache
def widest() -> Width:
    """Return the width of this processor's vector registers."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return Width(8)
    if features.get("avx2"):
        return Width(4)
    # Two doubles: SSE2 or NEON; only x86's C library names its functions so.
    return Width(2, vector_functions=bool(features.get("sse4.1") or features.get("sse2")))


@functools.cache
def _has_symbol(name: str) -> bool:
    library = ctypes.util.find_library("mvec")
    if library is not None:
        llvm.load_library_permanently(library)
    return llvm.address_of_symbol(name) is not None
