"""LLVM text for single operations, read off the table: shared by the compiler and the interpreter."""

from __future__ import annotations

import struct

from raphson_solver.expression.operations import COMPUTED, Operation

ABI = "ptr noalias readonly {program}, ptr readonly {x}, ptr readonly {p}, ptr noalias {out}, ptr noalias {work}"


def double(value: float) -> str:
    """Return a number as LLVM writes it, exact to the bit."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def instruction(operation: Operation, *arguments: str) -> str:
    """Return the instruction that computes an operation from named values."""
    if operation.code.startswith("@"):
        listed = ", ".join(f"double {argument}" for argument in arguments)
        return f"call double {operation.code}({listed})"
    return operation.code.format(*arguments)


def declarations() -> str:
    """Return the declarations that the table's instructions need."""
    lines = ["declare double @llvm.sqrt.f64(double)", "declare double @llvm.fabs.f64(double)"]
    lines += [f"declare double @llvm.{name}.f64(double)" for name in ("floor", "ceil")]
    lines += [f"declare double @llvm.{name}.f64(double, double)" for name in ("minimum", "maximum")]
    lines += [
        f"declare double {operation.code}({', '.join(['double'] * operation.arity)})"
        for operation in COMPUTED
        if operation.code.startswith("@") and "." not in operation.code
    ]
    return "\n".join(lines) + _SIGN


# NaN keeps its NaN, as in NumPy.
_SIGN = """
define internal double @raphson.sign(double %a) alwaysinline {
  %above = fcmp ogt double %a, 0.0
  %below = fcmp olt double %a, 0.0
  %positive = select i1 %above, double 1.0, double %a
  %signed = select i1 %below, double -1.0, double %positive
  ret double %signed
}
"""
