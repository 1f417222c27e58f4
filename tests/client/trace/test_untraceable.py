"""What a formula cannot do is refused with the line that does it."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from raphson import InvalidRequestError, TraceError
from raphson.trace import first_argument, trace_function
from raphson.trace.location import untraceable
from scipy import linalg, sparse, special

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__)


def branches(x: Any) -> Any:
    return [x[0] if x[0] > 0 else -x[0]]


def chained_comparison(x: Any) -> Any:
    return [np.where(0 < x[0] < 1, x[0], x[1])]


def joined_by_and(x: Any) -> Any:
    return [np.where(x[0] > 0 and x[1] > 0, x[0], x[1])]


def takes_builtin_maximum(x: Any) -> Any:
    return [max(x[0], x[1])]


def uses_math(x: Any) -> Any:
    return [math.exp(x[0])]


def writes_into_floats(x: Any) -> Any:
    residual = np.zeros(3)
    residual[0] = x[0]
    return residual


def adds_into_floats(x: Any) -> Any:
    residual = np.zeros(3)
    residual += x
    return residual


def asks_for_floats(x: Any) -> Any:
    return np.asarray(x, dtype=float) * 2


def counts_to_an_unknown(x: Any) -> Any:
    return [x[0] for _ in range(x[1])]


def indexes_by_an_unknown(x: Any) -> Any:
    return [x[x[0]]]


def truncates(x: Any) -> Any:
    return [int(x[0]) - 1]


def selects_by_condition(x: Any) -> Any:
    return x[x > 0]


def looks_for_a_value(x: Any) -> Any:
    return [1.0 if 3.0 in x else 2.0]


def asks_where(x: Any) -> Any:
    return np.where(x > 0)


def takes_a_remainder(x: Any) -> Any:
    return [x[0] % 2]


def divides_to_an_integer(x: Any) -> Any:
    return [x[0] // 2]


def rounds(x: Any) -> Any:
    return [round(x[0])]


def uses_an_unknown_function(x: Any) -> Any:
    return [np.spacing(x[0])]


def uses_gamma(x: Any) -> Any:
    return [special.gamma(x[0])]


def interpolates(x: Any) -> Any:
    return [np.interp(x[0], [0, 1], [2, 3])]


def inverts(x: Any) -> Any:
    return np.linalg.inv(np.outer(x, x))


def sorts(x: Any) -> Any:
    return np.sort(x)


def accumulates(x: Any) -> Any:
    return np.maximum.accumulate(x)


def masks(x: Any) -> Any:
    return np.add(x, 1, where=np.array([True, False, True]))


def adds_text(x: Any) -> Any:
    return [x[0] + "1"]


def adds_complex(x: Any) -> Any:
    return [x[0] + 1j]


def mixes_numbers_into_an_array(x: Any) -> Any:
    return np.exp(np.array([x[0], 1.0]))


def compares_in_a_plain_array(x: Any) -> Any:
    return np.maximum(np.array([x[0], x[1]]), 0)


def takes_a_norm_of_another_order(x: Any) -> Any:
    return [np.linalg.norm(x, 3)]


def branches_on_an_array(x: Any) -> Any:
    if x > 0:
        return x
    return -x


def loops_while(x: Any) -> Any:
    while np.any(x > 1):
        x = x / 2
    return x


def asserts_something(x: Any) -> Any:
    assert (x > 0).all()
    return x


def writes_an_array_into_floats(x: Any) -> Any:
    residual = np.zeros(3)
    residual[1:] = x[1:] ** 2
    return residual


def writes_into_integers(x: Any) -> Any:
    residual = np.arange(3)
    residual[0] = x[0]
    return residual


def gives_an_output(x: Any) -> Any:
    residual = np.zeros(3)
    np.multiply(x, 2, out=residual)
    return residual


def asks_for_a_float(x: Any) -> Any:
    return [float(x)]


def asks_for_an_integer(x: Any) -> Any:
    return [int(x)]


def asks_for_a_complex(x: Any) -> Any:
    return [complex(x)]


def takes_the_item(x: Any) -> Any:
    return [x[0].item()]


def takes_an_item_of_the_array(x: Any) -> Any:
    return [x.item(0)]


def sorts_in_place(x: Any) -> Any:
    x.sort()
    return x


def takes_a_deviation(x: Any) -> Any:
    return [x.std()]


def solves(x: Any) -> Any:
    return np.linalg.solve(np.eye(3), x)


def inverts_a_plain_array(x: Any) -> Any:
    return np.linalg.inv(np.array([[x[0], 1.0], [0.0, x[1]]])).ravel()


def takes_a_determinant_of_a_list(x: Any) -> Any:
    return [np.linalg.det([[x[0], x[1]], [x[1], x[0]]])]


def solves_with_scipy(x: Any) -> Any:
    return linalg.solve(np.eye(3), x)


def multiplies_a_sparse_array(x: Any) -> Any:
    return sparse.eye_array(3, format="csr") @ x


def adds_at(x: Any) -> Any:
    np.add.at(x, [0, 1], 2.0)
    return x


def reduces_at(x: Any) -> Any:
    return np.add.reduceat(x, [0, 2])


def reduces_by_subtraction(x: Any) -> Any:
    return [np.subtract.reduce(x)]


def sums_in_another_type(x: Any) -> Any:
    return [np.sum(x, dtype=np.int64)]


def computes_in_another_type(x: Any) -> Any:
    return np.exp(x, dtype=np.float32)


def joins_numbers(x: Any) -> Any:
    return np.where(x & 1, x, 0)


def inverts_numbers(x: Any) -> Any:
    return [np.where(~x[0], x[0], 0)]


@pytest.mark.parametrize(
    ("function", "what", "instead"),
    [
        (branches, "no truth value", "np.where"),
        (chained_comparison, "a < x < b", "np.where"),
        (joined_by_and, "no truth value", "& | ~"),
        (takes_builtin_maximum, "no truth value", "np.maximum"),
        (uses_math, "functions of `math`", "np.exp for math.exp"),
        (writes_into_floats, "writing into a float array", "np.zeros_like(x)"),
        (adds_into_floats, "array of float64", "np.zeros_like(x)"),
        (asks_for_floats, "dtype=float", "leave dtype out"),
        (counts_to_an_unknown, "whole number", "parameter given as a whole number"),
        (indexes_by_an_unknown, "an index", "parameter given as a whole number"),
        (truncates, "int()", "parameter given as a whole number"),
        (selects_by_condition, "selection by a traced condition", "np.where"),
        (looks_for_a_value, "`in` compares", "which element"),
        (asks_where, "np.where(condition)", "np.where(condition, a, b)"),
        (takes_a_remainder, "% is not", "np.floor"),
        (divides_to_an_integer, "// is not", "np.floor"),
        (rounds, "round()", "np.floor"),
        (uses_an_unknown_function, "'spacing'", "arctan2"),
        (uses_gamma, "'gamma'", "erf"),
        (interpolates, "np.interp", "elementwise"),
        (inverts, "np.linalg.inv", "elementwise"),
        (sorts, "np.sort", "elementwise"),
        (accumulates, "np.maximum.accumulate", "loops"),
        (masks, "where=", "np.where"),
        (adds_text, "'1' of type str", "real numbers"),
        (adds_complex, "1j of type complex", "real numbers"),
        (mixes_numbers_into_an_array, "mixes numbers and traced values", "np.stack"),
        (compares_in_a_plain_array, "plain object array", "np.stack"),
        (takes_a_norm_of_another_order, "ord=3", "Write the norm out"),
        (branches_on_an_array, "no truth value", "np.where"),
        (loops_while, "no truth value", "np.where"),
        (asserts_something, "no truth value", "np.where"),
        (writes_an_array_into_floats, "writing into a float array", "np.zeros_like(x)"),
        (writes_into_integers, "writing into an integer array", "whole number"),
        (gives_an_output, "array of float64", "np.zeros_like(x)"),
        (asks_for_a_float, "float()", "leave dtype out"),
        (asks_for_an_integer, "int()", "parameter given as a whole number"),
        (asks_for_a_complex, "complex number", "real and imaginary parts"),
        (takes_the_item, "the method 'item' of a number", "the number itself"),
        (takes_an_item_of_the_array, "the attribute 'item' of an array", "elementwise"),
        (sorts_in_place, "'sort' of an array", "elementwise"),
        (takes_a_deviation, "np.std", "elementwise"),
        (solves, "np.linalg.solve", "elementwise"),
        (inverts_a_plain_array, "such as np.linalg's", "A @ y = b"),
        (takes_a_determinant_of_a_list, "such as np.linalg's", "A @ y = b"),
        (solves_with_scipy, "compiled code of SciPy", "A @ y = b"),
        (multiplies_a_sparse_array, "a sparse array of SciPy", "A.toarray() @ x"),
        (adds_at, "np.add.at", "loops"),
        (reduces_at, "np.add.reduceat", "loops"),
        (reduces_by_subtraction, "np.subtract.reduce", "loop"),
        (sums_in_another_type, "dtype=int64", "float64"),
        (computes_in_another_type, "dtype=float32", "float64"),
        (joins_numbers, "np.bitwise_and", "(x > 0) & (y > 0)"),
        (inverts_numbers, "np.invert", "(x > 0) & (y > 0)"),
    ],
)
def test_the_line_and_a_way_out_are_told(function: Callable[..., Any], what: str, instead: str) -> None:
    with pytest.raises(TraceError) as caught:
        trace_function(function, {"x": (3,)}, {})
    message = str(caught.value)
    assert what in message
    assert instead in message
    assert caught.value.code.name == "INVALID_ARGUMENT"
    assert caught.value.fields[0].field == "equations"
    assert Path(caught.value.filename) == HERE
    first = function.__code__.co_firstlineno
    last = max(line for _, _, line in function.__code__.co_lines() if line)
    assert first < caught.value.line <= last
    assert HERE.read_text().splitlines()[caught.value.line - 1].strip() in message


def test_a_caller_without_a_frame_is_not_quoted() -> None:
    error = untraceable("this", "do that")
    assert str(error).startswith("this, at ")
    assert error.line > 0


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (None, "returns None"),
        ("x", "returns 'x'"),
        ({"a": 1}, "returns {'a': 1}"),
    ],
)
def test_only_residuals_can_be_returned(result: Any, said: str) -> None:
    with pytest.raises(TraceError, match=said) as caught:
        trace_function(lambda x: result, {"x": ()}, {})
    assert caught.value.code.name == "INVALID_ARGUMENT"


def test_an_equation_is_no_comparison() -> None:
    with pytest.raises(TraceError, match="returns a comparison; return the difference"):
        trace_function(lambda x: [x == 2], {"x": ()}, {})


def test_values_of_an_earlier_trace_are_refused() -> None:
    kept: list[Any] = []
    trace_function(lambda x: kept.append(x) or [x], {"x": ()}, {})
    with pytest.raises(TraceError, match="earlier trace"):
        trace_function(lambda x: [x + kept[0]], {"x": ()}, {})


def test_a_functions_own_errors_are_left_alone() -> None:
    with pytest.raises(IndexError):
        trace_function(lambda x: [x[7]], {"x": (2,)}, {})
    with pytest.raises(ValueError, match="operands could not be broadcast"):
        trace_function(lambda x: x[:2] + np.ones(3), {"x": (3,)}, {})
    with pytest.raises(TypeError, match="not callable"):
        trace_function(lambda x: x(1), {"x": ()}, {})


@pytest.mark.parametrize(
    ("function", "variables", "parameters", "field", "said"),
    [
        (lambda x: [x], {"y": ()}, {}, "start[y]", "takes no argument 'y'; it takes x"),
        (lambda x: [x], {"x": ()}, {"r": ()}, "parameters[r]", "takes no argument 'r'"),
        (lambda x, r: [x - r], {"x": ()}, {}, "equations", "takes an argument 'r' that is neither"),
        (min, {"x": ()}, {}, "equations", "no signature"),
    ],
)
def test_arguments_must_be_the_names_given(
    function: Callable[..., Any], variables: dict[str, Any], parameters: dict[str, Any], field: str, said: str
) -> None:
    with pytest.raises(InvalidRequestError, match=said) as caught:
        trace_function(function, variables, parameters)
    assert caught.value.fields[0].field == field
    assert caught.value.code.name == "INVALID_ARGUMENT"


def positional(x: Any, /, y: Any, scale: float = 3.0) -> Any:
    return [x * y - scale]


class Model:
    def residual(self, x: Any) -> Any:
        return [x - 1]

    def __call__(self, x: Any, **rest: Any) -> Any:
        return [x - rest["r"]]


@pytest.mark.parametrize(
    ("function", "names", "text"),
    [
        (positional, ("x", "y"), "x*y - 3"),
        (partial(positional, scale=2.0), ("x", "y"), "x*y - 2"),
        (Model().residual, ("x",), "x - 1"),
        (Model(), ("x", "r"), "x - r"),
        (lambda *, x: x**2, ("x",), "x**2"),
    ],
)
def test_any_callable_with_a_signature_can_be_traced(
    function: Callable[..., Any], names: tuple[str, ...], text: str
) -> None:
    assert trace_function(function, dict.fromkeys(names, ()), {}).equations == (text,)


def test_a_plain_array_goes_to_the_first_argument() -> None:
    assert first_argument(lambda u, r: [u, r]) == "u"
    with pytest.raises(InvalidRequestError, match="takes no argument by position"):
        first_argument(lambda *, x: x)
