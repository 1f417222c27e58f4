"""The text that a trace is written as."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from raphson import TraceError
from raphson.trace import trace_function

Check = Callable[..., tuple[str, ...]]
Function = Callable[..., Any]


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda x: x[0] ** 2 - 2, "x[0]**2 - 2"),
        (lambda x: x[0] - (x[1] - x[2]), "x[0] - (x[1] - x[2])"),
        (lambda x: x[0] - x[1] - x[2], "x[0] - x[1] - x[2]"),
        (lambda x: x[0] + (x[1] + x[2]), "x[0] + (x[1] + x[2])"),
        (lambda x: x[0] / (x[1] * x[2]), "x[0]/(x[1]*x[2])"),
        (lambda x: x[0] / x[1] * x[2], "x[0]/x[1]*x[2]"),
        (lambda x: (x[0] + x[1]) * x[2], "(x[0] + x[1])*x[2]"),
        (lambda x: -(x[0] ** 2), "-x[0]**2"),
        (lambda x: (-x[0]) ** 2, "(-x[0])**2"),
        (lambda x: (x[0] ** x[1]) ** x[2], "(x[0]**x[1])**x[2]"),
        (lambda x: x[0] ** (x[1] ** x[2]), "x[0]**(x[1]**x[2])"),
        (lambda x: 2 ** -x[0], "2**(-x[0])"),
        (lambda x: x[0] ** -2.5, "x[0]**(-2.5)"),
        (lambda x: -(x[0] + x[1]), "-(x[0] + x[1])"),
        (lambda x: x[0] + -2, "x[0] - 2"),
        (lambda x: x[0] - -2, "x[0] + 2"),
        (lambda x: x[0] + -x[1], "x[0] - x[1]"),
        (lambda x: 0 + x[0], "x[0]"),
        (lambda x: 1 * x[0] / 1, "x[0]"),
        (lambda x: 0 - x[0], "-x[0]"),
        (lambda x: 0 * x[0] + x[1], "x[1]"),
        (lambda x: np.where((x[0] > 0) & (x[1] < 1) | ~(x[2] == 3), x[0], 0), None),
        (lambda x: np.where(~((x[0] > 0) | (x[1] > 0)), 1, x[2]), "where(not (x[0] > 0 or x[1] > 0), 1, x[2])"),
        (lambda x: np.where((x[0] > 0) & ((x[1] > 0) | (x[2] > 0)), 1, x[2]), None),
        (lambda x: np.exp(x[0]) * 1e-300, "exp(x[0])*1e-300"),
        (lambda x: x[0] + 0.1, "x[0] + 0.1"),
        (lambda x: x[0] + 2**60, "x[0] + 1.152921504606847e+18"),
        (lambda x: np.log(2.0) * x[0], "0.6931471805599453*x[0]"),
        (lambda x: x[0] + np.log(np.ones_like(x[1]) * 2), "x[0] + 0.6931471805599453"),
    ],
)
def test_expressions_are_written_as_people_write_them(check: Check, function: Function, text: str | None) -> None:
    equations = check(lambda x: [function(x)], x=[0.7, 1.3, 2.1])
    assert text is None or equations == (text,)


def test_every_bracketing_of_every_pair_of_operators_keeps_its_value(check: Check) -> None:
    operators = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
        "**": lambda a, b: a**b,
        "negative": lambda a, b: -a,
        "-b": lambda a, b: -b,
    }
    for first, second in itertools.product(operators.values(), repeat=2):
        check(
            lambda x, first=first, second=second: [
                first(second(x[0], x[1]), x[2]),
                first(x[0], second(x[1], x[2])),
                first(second(x[0], -3), second(-0.5, x[2])),
            ],
            x=[0.7, 1.3, 2.1],
        )


def test_a_number_is_written_exactly(text_of: Check) -> None:
    numbers = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 123456789.123456789, 2.0**53 + 2, 1e22]
    equations = text_of(lambda x: [x * number for number in numbers], x=0.0)
    assert [float(text.removeprefix("x*")) for text in equations] == numbers


def test_shared_parts_become_definitions(check: Check) -> None:
    def function(x: Any) -> Any:
        r = np.sqrt(x[0] ** 2 + x[1] ** 2)
        return [r - 1, np.exp(r) * x[0]]

    assert check(function, x=[0.3, 0.4]) == ("t1 := sqrt(x[0]**2 + x[1]**2)", "t1 - 1", "exp(t1)*x[0]")


def test_equal_parts_that_were_written_twice_are_shared(text_of: Check) -> None:
    equations = text_of(lambda x: [np.sin(x[0] * x[1]) + 1, np.sin(x[0] * x[1]) - 1], x=[1.0, 2.0])
    assert equations == ("t1 := sin(x[0]*x[1])", "t1 + 1", "t1 - 1")


def test_text_grows_with_the_work_and_not_with_its_expansion(check: Check) -> None:
    def doubling(x: Any) -> Any:
        value = x[0]
        for _ in range(200):
            value = value * (1 - value) + x[1]
        return [value, x[1]]

    equations = check(doubling, x=[0.3, 0.01])
    assert sum(map(len, equations)) < 200 * 60


def test_a_long_loop_does_not_nest(check: Check) -> None:
    def chain(x: Any) -> Any:
        value = x[0]
        for i in range(5000):
            value = np.sin(value) + i
        return [value, x[1]]

    equations = check(chain, x=[0.3, 0.1])
    assert max(text.count("(") for text in equations) <= 40


def test_a_long_sum_is_cut(check: Check) -> None:
    equations = check(lambda x: [sum(x[i] ** 2 for i in range(2000)), *x[1:]], x=np.linspace(0, 1, 2000))
    assert max(map(len, equations)) < 1200


def test_definitions_keep_clear_of_the_callers_names(check: Check) -> None:
    equations = check(lambda t1, t_2: [np.exp(t1 + t_2 * 100) + 1, np.exp(t1 + t_2 * 100)], t1=0.1, t_2=0.2)
    assert equations[0].startswith("t__1 := ")


def test_a_shared_condition_is_kept_as_a_number(check: Check) -> None:
    def function(x: Any) -> Any:
        inside = (x[0] > 0.125) & (x[1] > 0.125)
        return [np.where(inside, x[0], x[1]), np.where(inside, x[1] ** 2, 3.0)]

    equations = check(function, x=[0.7, 0.01])
    assert equations[0] == "t1 := where(x[0] > 0.125 and x[1] > 0.125, 1, 0)"
    assert equations[1] == "where(t1 != 0, x[0], x[1])"


def test_matrices_are_indexed_by_two_numbers(text_of: Check) -> None:
    assert text_of(lambda A: A[1, 0] - A[0, 1], A=np.zeros((2, 2))) == ("A[1,0] - A[0,1]",)


def test_parameters_keep_their_names() -> None:
    traced = trace_function(lambda x, r: x**2 - r, {"x": ()}, {"r": ()})
    assert traced.equations == ("x**2 - r",)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_constant_that_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(TraceError, match="computes with the constant") as caught:
        trace_function(lambda x: [x + bad], {"x": ()}, {})
    assert caught.value.code.name == "INVALID_ARGUMENT"
    with pytest.raises(TraceError, match="computes with the constant"):
        trace_function(lambda x: x * np.array([*np.arange(9.0), bad]), {"x": (10,)}, {})
