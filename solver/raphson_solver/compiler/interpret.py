"""An interpreter of graphs, made from the same table of operations as the compiler.

It costs a few nanoseconds an operation and nothing to get ready, so a system that nobody has seen before is
solved before LLVM would have read it. A program is four int32 an instruction, (code, a, b, c); instruction i
writes register i. Registers are `work`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.machine import MachineCode
from raphson_solver.compiler.one_point import ABI
from raphson_solver.compiler.width import SCALAR
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph

_STOP, _CONSTANT, _VARIABLE, _PARAMETER, _STORE = range(5)
_COMPUTED = {operation: number for number, operation in enumerate(op.COMPUTED, start=5)}
_CODES = _COMPUTED | {op.CONSTANT: _CONSTANT, op.VARIABLE: _VARIABLE, op.PARAMETER: _PARAMETER}


def program(graph: Graph, outputs: Sequence[int], variables: int) -> tuple[NDArray[np.int32], int]:
    """Return the program that computes the outputs, and how many registers it uses.

    It computes every node up to the last output: arguments come before their users, so node i is register i,
    and finding out which few are not needed would take longer than computing them.
    """
    count = max(outputs) + 1
    kinds = graph.operation[:count]
    rows = np.zeros((count + len(outputs) + 1, 4), dtype=np.int32)
    rows[:count, 0] = np.fromiter(map(_CODES.__getitem__, kinds), np.int32, count)
    rows[:count, 1:] = graph.columns(count)
    values = np.array(graph.value[:count])
    constant = rows[:count, 0] == _CONSTANT
    rows[:count, 1:3][constant] = values[constant].view(np.int32).reshape(-1, 2)
    leaf = (rows[:count, 0] == _VARIABLE) | (rows[:count, 0] == _PARAMETER)
    rows[:count, 1][leaf] = values[leaf].astype(np.int32)
    # Another kernel's seeds are variables past the end of this one's x.
    foreign = (rows[:count, 0] == _VARIABLE) & (values >= variables)
    rows[:count][foreign] = (_CONSTANT, 0, 0, 0)
    rows[count:-1, 0] = _STORE
    rows[count:-1, 1] = outputs
    rows[count:-1, 2] = np.arange(len(outputs))
    rows[-1, 0] = _STOP
    return rows, count


@functools.cache
def interpreter() -> MachineCode:
    """Return the interpreter, compiled once a process."""
    return MachineCode(_text(), optimize=True)


def interpreter_address() -> int:
    """Return where the interpreter starts; it is a kernel."""
    return interpreter().address("interpret")


def each_point_address() -> int:
    """Return where the loop starts that calls a kernel point by point; see `_EACH_POINT`."""
    return interpreter().address("each_point")


_EACH_POINT = """
define void @each_point(ptr %kernel, ptr %program, ptr %x, i64 %x_stride, ptr %p, i64 %p_stride,
                        ptr %out, i64 %out_stride, i64 %count, ptr %work) nounwind {
start:
  br label %point
point:
  %i = phi i64 [0, %start], [%next, %point]
  %x_offset = mul i64 %i, %x_stride
  %p_offset = mul i64 %i, %p_stride
  %out_offset = mul i64 %i, %out_stride
  %x_row = getelementptr double, ptr %x, i64 %x_offset
  %p_row = getelementptr double, ptr %p, i64 %p_offset
  %out_row = getelementptr double, ptr %out, i64 %out_offset
  call void %kernel(ptr %program, ptr %x_row, ptr %p_row, ptr %out_row, ptr %work)
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %count
  br i1 %more, label %point, label %end
end:
  ret void
}
"""


def _text() -> str:
    cases = [
        f"    i32 {code}, label %case{code}" for code in (_CONSTANT, _VARIABLE, _PARAMETER, _STORE, *_COMPUTED.values())
    ]
    parameters = ABI.format(program="%program", x="%x", p="%p", out="%out", work="%work")
    bodies = [_body(operation, code) for operation, code in _COMPUTED.items()]
    return f"""{chr(10).join(SCALAR.declarations(_COMPUTED))}
define void @interpret({parameters}) nounwind {{
start:
  br label %step
step:
  %i = phi i64 [0, %start], [%next, %advance]
  %here = getelementptr {{i32, i32, i32, i32}}, ptr %program, i64 %i
  %code = load i32, ptr %here
  %to_a = getelementptr i32, ptr %here, i64 1
  %to_b = getelementptr i32, ptr %here, i64 2
  %to_c = getelementptr i32, ptr %here, i64 3
  %a32 = load i32, ptr %to_a
  %b32 = load i32, ptr %to_b
  %c32 = load i32, ptr %to_c
  %a = zext i32 %a32 to i64
  %b = zext i32 %b32 to i64
  %c = zext i32 %c32 to i64
  %target = getelementptr double, ptr %work, i64 %i
  %to_first = getelementptr double, ptr %work, i64 %a
  %to_second = getelementptr double, ptr %work, i64 %b
  %to_third = getelementptr double, ptr %work, i64 %c
  switch i32 %code, label %done [
{chr(10).join(cases)}
  ]
case{_CONSTANT}:
  %constant = load double, ptr %to_a, align 4
  store double %constant, ptr %target
  br label %advance
case{_VARIABLE}:
  %to_x = getelementptr double, ptr %x, i64 %a
  %x_value = load double, ptr %to_x
  store double %x_value, ptr %target
  br label %advance
case{_PARAMETER}:
  %to_p = getelementptr double, ptr %p, i64 %a
  %p_value = load double, ptr %to_p
  store double %p_value, ptr %target
  br label %advance
case{_STORE}:
  %to_out = getelementptr double, ptr %out, i64 %b
  %out_value = load double, ptr %to_first
  store double %out_value, ptr %to_out
  br label %advance
{chr(10).join(bodies)}
advance:
  %next = add i64 %i, 1
  br label %step
done:
  ret void
}}
{_EACH_POINT}"""


def _body(operation: op.Operation, code: int) -> str:
    lines = [f"case{code}:"]
    names = []
    conditions = operation.takes_conditions or (False,) * operation.arity
    for letter, source, condition in zip("abc", ("first", "second", "third"), conditions, strict=False):
        lines.append(f"  %v{code}.{letter} = load double, ptr %to_{source}")
        names.append(f"%v{code}.{letter}")
        if condition:
            lines.append(f"  %v{code}.{letter}.c = fcmp une double %v{code}.{letter}, 0.0")
            names[-1] += ".c"
    lines.append(f"  %v{code}.y = {SCALAR.instruction(operation, *names)}")
    result = f"%v{code}.y"
    if operation.yields_condition:
        lines.append(f"  %v{code}.y.d = uitofp i1 %v{code}.y to double")
        result += ".d"
    lines += [f"  store double {result}, ptr %target", "  br label %advance"]
    return "\n".join(lines)
