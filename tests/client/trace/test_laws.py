"""What holds for any program of NumPy operations, drawn at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from raphson.trace import trace_function

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray[Any, np.dtype[np.float64]]

UNARY: list[Callable[..., Any]] = [
    np.exp, np.sin, np.cos, np.tanh, np.arctan, np.sqrt, np.log, np.abs, np.square, np.negative, np.floor,
    np.sign, np.expm1, np.log1p, np.cbrt, np.reciprocal, np.arcsinh,
]  # fmt: skip
BINARY: list[Callable[..., Any]] = [
    np.add, np.subtract, np.multiply, np.divide, np.power, np.minimum, np.maximum, np.hypot, np.arctan2,
    lambda a, b: np.where(a > b, a, b * 2), lambda a, b: np.where((a <= b) | ~(a != 1), a - b, b - a),
    lambda a, b: a + (b > 0.25) * a, lambda a, b: -a - -b, lambda a, b: a * 2.5 - b / 3, lambda a, b: 1 - a**2 * b,
]  # fmt: skip

steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(UNARY), st.integers(0, 50)),
        st.tuples(st.sampled_from(BINARY), st.integers(0, 50), st.integers(0, 50)),
    ),
    min_size=1,
    max_size=25,
)
numbers = st.floats(-3, 3, allow_nan=False, allow_subnormal=False).map(lambda value: round(value, 3))


def program(instructions: list[tuple[Any, ...]], x: Any) -> list[Any]:
    """Run instructions on a growing list of values; each names its operands by place."""
    values = list(x)
    for operation, *places in instructions:
        values.append(operation(*[values[place % len(values)] for place in places]))
    return values[len(x) :][-4:]


@given(steps, st.lists(numbers, min_size=3, max_size=3))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_text_computes_what_the_function_computes(
    evaluate: Callable[..., Array], instructions: list[tuple[Any, ...]], point: list[float]
) -> None:
    x = np.array(point)
    equations = trace_function(lambda x: program(instructions, x), {"x": (3,)}, {}).equations
    with np.errstate(all="ignore"):
        expected = np.array(program(instructions, x), dtype=np.float64)
    actual = evaluate(equations, {"x": x})
    finite = np.isfinite(expected)
    np.testing.assert_allclose(actual[finite], expected[finite], rtol=1e-9)


@given(steps)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_tracing_again_gives_the_same_text(instructions: list[tuple[Any, ...]]) -> None:
    def trace() -> tuple[str, ...]:
        return trace_function(lambda x: program(instructions, x), {"x": (3,)}, {}).equations

    assert trace() == trace()
