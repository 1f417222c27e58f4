"""NumPy code, traced, computes what NumPy computes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from raphson.trace import trace_function
from scipy import special

Check = Callable[..., tuple[str, ...]]
Function = Callable[..., Any]

RNG = np.random.default_rng(20240817)
MATRIX = RNG.normal(size=(3, 3))
POINT = np.array([0.3, -0.7, 1.9])
POSITIVE = np.array([0.3, 0.7, 0.9])


@pytest.mark.parametrize(
    "name",
    [
        "exp",
        "expm1",
        "log",
        "log1p",
        "log2",
        "log10",
        "sqrt",
        "cbrt",
        "sin",
        "cos",
        "tan",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "arcsinh",
        "arctanh",
        "abs",
        "sign",
        "floor",
        "ceil",
        "square",
        "reciprocal",
        "exp2",
        "deg2rad",
        "rad2deg",
        "radians",
        "degrees",
        "negative",
        "positive",
        "fabs",
        "absolute",
        "conjugate",
    ],
)
def test_functions_of_one_number(check: Check, name: str) -> None:
    check(lambda x: getattr(np, name)(x)[:], x=POSITIVE)
    check(lambda x: [getattr(np, name)(x[1])], x=POSITIVE)


def test_arccosh(check: Check) -> None:
    check(lambda x: [*np.arccosh(x)], x=POSITIVE + 1)


@pytest.mark.parametrize(
    "name",
    ["add", "subtract", "multiply", "divide", "power", "float_power", "arctan2", "hypot", "minimum", "maximum"],
)
def test_functions_of_two_numbers(check: Check, name: str) -> None:
    function = getattr(np, name)
    check(lambda x: function(x, x[::-1]), x=POSITIVE)
    check(lambda x: function(x[0], POSITIVE), x=POSITIVE)
    check(lambda x: function(2.5, x), x=POSITIVE)
    check(lambda x: function.outer(x, x), x=POSITIVE)


def test_error_functions_of_scipy(check: Check) -> None:
    check(lambda x: special.erf(x) - special.erfc(x[0]), x=POINT)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: MATRIX @ x,
        lambda x: x @ MATRIX,
        lambda x: [x @ x],
        lambda x: MATRIX @ np.exp(x) - 2 * x,
        lambda x: np.dot(MATRIX, x),
        lambda x: x.dot(MATRIX),
        lambda x: [np.inner(x, x), np.vdot(x, x)],
        lambda x: np.outer(x, x),
        lambda x: np.einsum("ij,j->i", MATRIX, x),
        lambda x: np.tensordot(MATRIX, x, axes=1),
        lambda x: np.cross(x, [1, 2, 3]),
        lambda x: np.kron(x, [1.0, 2.0]),
        lambda x: [np.trace(MATRIX * x)],
        lambda x: [x.sum(), x.prod(), x.mean(), x.min(), x.max()],
        lambda x: [np.sum(x), np.prod(x), np.mean(x), np.min(x), np.max(x), np.sum(x[1:], initial=3.0)],
        lambda x: np.sum(MATRIX * x, axis=0) + np.sum(MATRIX * x, axis=1),
        lambda x: np.max(MATRIX * x, axis=1) + np.mean(MATRIX * x, axis=0),
        lambda x: np.sum(MATRIX * x, axis=1, keepdims=True) * x,
        lambda x: np.sum(np.stack([MATRIX * x, x * MATRIX]), axis=(0, 2)),
        lambda x: np.add.reduce(x) + np.multiply.reduce(x) * x,
        lambda x: np.cumsum(x) + np.cumprod(x) + x.cumsum(),
        lambda x: np.diff(x, prepend=0.0),
        lambda x: [np.linalg.norm(x), np.linalg.norm(x, 1), np.linalg.norm(x, np.inf), np.linalg.norm(MATRIX * x)],
        lambda x: np.polyval([1.0, -2.0, 0.5], x),
        lambda x: np.where(x > 0, x, -2 * x),
        lambda x: np.where((x > 0) & (x < 1), x**2, 1.0),
        lambda x: np.where(np.logical_or(x < 0, x > 1), 0.0, x),
        lambda x: np.where(x != 0, x, 1),
        lambda x: [np.where(np.all(x > -1), x[0], x[1]), np.where(np.any(x > 5), x[0], x[1])],
        lambda x: np.select([x < 0, x < 1], [x**2, x**3], default=7.0),
        lambda x: (x > 0) * x + np.sum(x > 0),
        lambda x: np.where((x > 0) == (x > -1), x, 2 * x),
        lambda x: np.where(x, x, 1.0),
        lambda x: np.clip(x, -0.5, 0.5) + np.clip(x, None, 0.1) + x.clip(0.2),
        lambda x: np.concatenate([x[:2], [5.0], x[2:]]),
        lambda x: np.stack([x, x**2], axis=1),
        lambda x: np.hstack([x, 1.0]) * 2,
        lambda x: np.vstack([x, 2 * x]).T,
        lambda x: np.column_stack([x, x]),
        lambda x: np.roll(x, 1) - np.flip(x),
        lambda x: np.append(x, x[0] ** 2),
        lambda x: np.tile(x, 2) * np.repeat(x, 2),
        lambda x: np.pad(x, 1) * 2,
        lambda x: np.diag(x) @ x,
        lambda x: np.broadcast_to(x, (2, 3)) + x[:2, None],
        lambda x: x.reshape(3, 1) * x,
        lambda x: x.reshape((1, 3)).T.ravel() + x.flatten() + x.copy(),
        lambda x: np.squeeze(x[None, :]) + np.expand_dims(x, 0)[0],
        lambda x: np.meshgrid(x, x)[0] + np.meshgrid(x, x)[1],
        lambda x: np.split(x, 3)[1] * x,
        lambda x: x[[2, 0]] * x[np.array([0, 1])],
        lambda x: x[np.array([True, False, True])],
        lambda x: x[..., ::-1],
        lambda x: [value**2 for value in x],
        lambda x: [math.floor(x[2]), math.ceil(x[0]) + x[0]],
        lambda x: [abs(x[1]), +x[0], pow(x[2], 2), sum(x), sum(value * value for value in x)],
        lambda x: np.asarray(x) * 2,
        lambda x: np.array([x[0], x[1] ** 2]) * 3,
        lambda x: np.exp(np.array([x[0], x[1]])) + np.array([x[2], x[2]]) @ np.array([x[0], x[1]]),
        lambda x: np.array([[x[0], x[1]], [x[1], x[2]]]) @ x[:2],
        lambda x: np.float64(2.5) * x[0] + x / np.float64(3) + np.int64(2) * x[1],
        lambda x: [2.0 + x[0], 2.0 - x[0], 2.0 * x[0], 2.0 / x[0], 2.0 ** x[0], np.float64(2) ** x[0]],
        lambda x: x[0] + np.array([1.0, 2.0]) + [3.0, 4.0],
        lambda x: [1.0, 2],
        lambda x: x.cumprod() + x.max() - x.dot(x) + x.clip(-1, 1) + x.conj() + np.outer(x, x).trace(),
        lambda x: x.repeat(2).take([0, 3]) + x[None].swapaxes(0, 1)[:2, 0] + np.outer(x, x).diagonal()[1:],
        lambda x: np.where((x > -9).all() & (x > 0).any(), x, 0) + x.sum(axis=0, keepdims=True) + x.mean(),
        lambda x: x.astype(float) * np.shape(x)[0] * np.size(x) * np.ndim(x) * len(x) * x.size,
    ],
)
def test_array_code(check: Check, function: Function) -> None:
    check(function, x=POINT)


def test_writing_into_an_array_like_the_unknowns(check: Check) -> None:
    def function(x: Any) -> Any:
        residual = np.empty_like(x)
        residual[0] = x[0] - 1
        residual[1:-1] = x[:-2] - 2 * x[1:-1] + x[2:]
        residual[-1] = x[-1]
        residual[1:] *= 2
        residual += x
        return residual

    check(function, x=np.linspace(0, 1, 6) ** 2)


def test_writing_into_slices_reaches_the_array_as_in_numpy(check: Check) -> None:
    def function(x: Any) -> Any:
        a = np.zeros_like(x)
        view = a[1:]
        view += x[1:]
        b = a
        b *= 3
        return a

    check(function, x=POINT)


def test_adding_to_a_scalar_leaves_what_it_was_taken_from(check: Check) -> None:
    def function(x: Any) -> Any:
        value = x[0]
        other = value
        other += 1
        return [value, other, x[0]]

    check(function, x=POINT)


def test_object_arrays_can_be_written_into() -> None:
    def function(x: Any) -> Any:
        residual = np.zeros(3, dtype=object)
        residual[0] = x[0] * 2
        residual[1:] = x[1:]
        residual += x
        return residual

    def expected(x: Any) -> Any:
        return np.array([3 * x[0], 2 * x[1], 2 * x[2]])

    np.testing.assert_array_equal(function(POINT).astype(float), expected(POINT))
    traced = trace_function(function, {"x": (3,)}, {})
    assert traced.equations == ("x[0]*2 + x[0]", "x[1] + x[1]", "x[2] + x[2]")


def test_scalars_and_arrays_by_name(check: Check) -> None:
    check(lambda x, u: [x * u.sum() - 1, *(u * x)], x=2.0, u=POINT)


def test_a_finite_difference_grid(check: Check) -> None:
    def laplace(u: Any) -> Any:
        padded = np.pad(u, 1)
        return 4 * u - padded[2:, 1:-1] - padded[:-2, 1:-1] - padded[1:-1, 2:] - padded[1:-1, :-2] + np.exp(u)

    check(laplace, u=RNG.normal(size=(4, 5)))


def test_whole_numbered_parameters_can_be_ranges_and_indices() -> None:
    def function(u: Any, n: Any, to: Any) -> Any:
        return [u[i] - u[to[i]] * n for i in range(n - 1)] + [u[-1]]

    to = np.array([2, 0, 1])
    traced = trace_function(function, {"u": (4,)}, {"n": (), "to": (3,)}, {"n": np.array(4), "to": to.astype(np.int64)})
    assert traced.equations == ("u[0] - u[2]*n", "u[1] - u[0]*n", "u[2] - u[1]*n", "u[3]")
    assert {name: value.tolist() for name, value in traced.fixed.items()} == {"n": 4.0, "to": [2.0, 0.0, 1.0]}


def test_parameters_that_are_only_computed_with_stay_free() -> None:
    traced = trace_function(lambda x, n: x**n - n, {"x": ()}, {"n": ()}, {"n": np.array(3)})
    assert traced.fixed == {}
    assert traced.equations == ("x**n - n",)


def test_conditions_of_known_values_choose_now(text_of: Check) -> None:
    assert text_of(lambda x: np.where(np.array([True, False, True]), x, -x), x=POINT) == ("x[0]", "-x[1]", "x[2]")


def test_a_traced_scalar_in_a_list_beside_arrays() -> None:
    traced = trace_function(lambda u: np.concatenate(([u[0]], u[1:-1] ** 2, [u[-1] - 1.0])), {"u": (4,)}, {})
    assert traced.equations == ("u[0]", "u[1]**2", "u[2]**2", "u[3] - 1")
