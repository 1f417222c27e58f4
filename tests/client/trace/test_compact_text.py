"""How likes are written: families, reductions, tables, and what stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from raphson.trace import TracedEquations, trace_function

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[..., Any]
    Check = Callable[..., tuple[str, ...]]

RNG = np.random.default_rng(2024)
N = 12
X = RNG.normal(size=N)
Y = RNG.normal(size=N) + 3
U = RNG.normal(size=(9, 10))
A = RNG.normal(size=(N, N))
B = RNG.normal(size=N)
SPARSE = np.where(RNG.random((N, N)) < 0.3, A, 0) + np.eye(N)
IRREGULAR = np.array([3, 1, 4, 11, 5, 9, 2, 6, 0, 7, 8, 10])


def trace(function: Function, *, with_coefficients: bool = True, **values: Any) -> TracedEquations:
    shapes = {name: np.shape(value) for name, value in values.items()}
    return trace_function(function, shapes, {}, with_coefficients=with_coefficients)


def bratu(u: Any) -> Any:
    residual = np.empty_like(u)
    residual[0], residual[-1] = u[0], u[-1] - 1
    residual[1:-1] = u[:-2] - 2 * u[1:-1] + u[2:] + 0.01 * np.exp(u[1:-1])
    return residual


def poisson(u: Any) -> Any:
    p = np.pad(u, 1)
    return 4 * u - p[2:, 1:-1] - p[:-2, 1:-1] - p[1:-1, 2:] - p[1:-1, :-2]


def triangular(x: Any) -> Any:
    return [sum(x[i] * x[j] for j in range(i + 1)) for i in range(2, N)]


def in_turns(x: Any, y: Any) -> Any:
    residual = []
    for i in range(N):
        residual += [x[i] ** 2 + y[i] - 1, x[i] * y[i] - i]
    return residual


def accumulated(x: Any, y: Any) -> Any:
    total = x[0] * y[1]
    for i in range(N):
        total = total + x[i] ** 2 - 3 * y[i]
    return [total]


def multiplied(x: Any, y: Any) -> Any:
    total = 1.0
    for i in range(N):
        total = total * x[i] * np.sin(y[i])
    return [total, (y[3] + 1) * total]


def lowest(x: Any, y: Any) -> Any:
    total = x[0] ** 2
    for i in range(N):
        total = np.minimum(np.minimum(total, x[i]), y[i])
    return [total]


def subtracted(x: Any, y: Any) -> Any:
    total = y[0] ** 2
    for i in range(N):
        total = total - x[i] * y[i]
    return [total]


def products_of_rows(x: Any, y: Any) -> Any:
    factors = np.ones_like(x)
    for j in range(N):
        factors = factors * (x + y[j])
    return np.maximum(y * factors, 1 - x)


@pytest.mark.parametrize(
    ("function", "texts"),
    [
        (multiplied, ("t1 := prod(x[i]*sin(y[i]) for i in range(12))", "t1", "(y[3] + 1)*t1")),
        (lowest, ("minimum(x[0]**2, min(min(x[i], y[i]) for i in range(12)))",)),
        (subtracted, ("y[0]**2 - sum(x[i]*y[i] for i in range(12))",)),
        (products_of_rows, ("maximum(y[i]*prod(x[i] + y[j] for j in range(12)), 1 - x[i]) for i in range(12)",)),
        (lambda x, y: [np.sum(np.exp(y[0]) * x), np.sum(np.exp(y[1]) * x)], (
            "sum(exp(y[0])*x[i] for i in range(12))", "sum(exp(y[1])*x[i] for i in range(12))",
        )),
        (lambda x, y: [(x[0] + y[0]) * np.prod(x), np.max(x) + np.max(y)], (
            "(x[0] + y[0])*prod(x[i] for i in range(12))",
            "max(x[i] for i in range(12)) + max(y[i] for i in range(12))",
        )),
        (
            bratu,
            ("u[0]", "u[i-1] - 2*u[i] + u[i+1] + 0.01*exp(u[i]) for i in range(1, 11)", "u[11] - 1"),
        ),
        (lambda x: x**2 - 1, ("x[i]**2 - 1 for i in range(12)",)),
        (lambda x: x[1:] - x[:-1], ("x[i+1] - x[i] for i in range(11)",)),
        (lambda x: x[::-1] * x, ("x[11-i]*x[i] for i in range(12)",)),
        (
            lambda x: np.roll(x, 1) - 2 * x + np.roll(x, -1),
            ("x[11] - 2*x[0] + x[1]", "x[i-1] - 2*x[i] + x[i+1] for i in range(1, 11)", "x[10] - 2*x[11] + x[0]"),
        ),
        (lambda x: x * (1 - x), ("x[i]*(1 - x[i]) for i in range(12)",)),
        (lambda x, y: x[:, None] * y[None, :], ("x[i]*y[j] for i in range(12) for j in range(12)",)),
        (lambda x: [x[0]] * 9, ("x[0] for i in range(9)",)),
        (lambda x: x * np.arange(N) + np.arange(N), ("0", "i*x[i] + i for i in range(1, 12)")),
        (lambda x: -x * np.arange(2, N + 2) - np.arange(N), ("(-i-2)*x[i] - i for i in range(12)",)),
        (lambda x, y: x - np.arange(1, N + 1) * y**2, ("x[i] - (i+1)*y[i]**2 for i in range(12)",)),
        (lambda x, y: np.arange(3) * 2 - y[:3], ("-y[0]", "2 - y[1]", "4 - y[2]")),
        (lambda x, y: x - np.arange(1, 25, 2) - y, ("x[i] - (2*i+1) - y[i] for i in range(12)",)),
        (lambda x: [np.sum(x**2) - 1], ("sum(x[i]**2 for i in range(12)) - 1",)),
        (lambda x: [1 - np.sum(x)], ("1 - sum(x[i] for i in range(12))",)),
        (lambda x, y: [np.sum(np.sqrt(y) - x)], ("sum(sqrt(y[i]) - x[i] for i in range(12))",)),
        (lambda x: [np.prod(x), np.min(x), np.max(x**2)], (
            "prod(x[i] for i in range(12))", "min(x[i] for i in range(12))", "max(x[i]**2 for i in range(12))",
        )),
        (lambda x, y: [np.prod(x * np.sin(y))], ("prod(x[i]*sin(y[i]) for i in range(12))",)),
        (accumulated, ("x[0]*y[1] + sum(x[i]**2 - 3*y[i] for i in range(12))",)),
        (triangular, ("sum(x[i]*x[j] for j in range(i+1)) for i in range(2, 12)",)),
        (in_turns, ("x[i]**2 + y[i] - 1 if j == 0 else x[i]*y[i] - i for i in range(12) for j in range(2)",)),
        (
            lambda x, y: x + np.sum(np.sin(y[None, :] - y[:, None]), axis=1) / N,
            ("x[i] + sum(sin(y[j] - y[i]) for j in range(12))/12 for i in range(12)",),
        ),
        (
            lambda x, y: np.max(x[:, None] * y[None, :], axis=1) - np.prod(x[:, None] + y[None, :], axis=1),
            ("max(x[i]*y[j] for j in range(12)) - prod(x[i] + y[j] for j in range(12)) for i in range(12)",),
        ),
        (
            lambda x: np.exp(x) / np.sum(np.exp(x)),
            ("t1 := sum(exp(x[i]) for i in range(12))", "exp(x[i])/t1 for i in range(12)"),
        ),
        (
            lambda x: x / np.sqrt(1 + x[0] ** 2 + x[1] ** 2),
            ("x[i]/sqrt(1 + x[0]**2 + x[1]**2) for i in range(12)",),
        ),
        (
            lambda x, y: np.where(x > y, x - y, 0) * np.tanh(x),
            ("where(x[i] > y[i], x[i] - y[i], 0)*tanh(x[i]) for i in range(12)",),
        ),
    ],
)  # fmt: skip
def test_likes_become_one_text(check: Check, function: Function, texts: tuple[str, ...] | None) -> None:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    written = check(function, **{name: {"x": X, "y": Y, "u": X}[name] for name in names})
    assert texts is None or written == texts


def test_constants_at_either_end_of_likes(check: Check) -> None:
    def function(x: Any) -> Any:
        return [1 + x[i] + np.sin(x[i]) if i % 2 else x[i] + np.sin(x[i]) + 2 for i in range(20)]

    assert check(function, x=RNG.normal(size=20)) == (
        "x[2*i] + sin(x[2*i]) + 2 if j == 0 else 1 + x[2*i+1] + sin(x[2*i+1]) for i in range(10) for j in range(2)",
    )


def test_the_rows_of_a_grid_are_one_family(check: Check) -> None:
    texts = check(poisson, u=U)
    assert len(texts) == 7
    assert texts[1] == "4*u[0,i] - u[1,i] - u[0,i+1] - u[0,i-1] for i in range(1, 9)"
    assert texts[3] == (
        "4*u[i,0] - u[i+1,0] - u[i-1,0] - u[i,1] if j == 0 "
        "else 4*u[i,j] - u[i+1,j] - u[i-1,j] - u[i,j+1] - u[i,j-1] if j < 9 "
        "else 4*u[i,9] - u[i+1,9] - u[i-1,9] - u[i,8] for i in range(1, 8) for j in range(10)"
    )


def test_rows_with_fixed_ends_are_told_apart(check: Check) -> None:
    def fixed(u: Any) -> Any:
        residual = 2 * u
        residual[1:-1, 1:-1] = u[2:, 1:-1] - 2 * u[1:-1, 1:-1] + u[:-2, 1:-1]
        return residual

    texts = check(fixed, u=RNG.normal(size=(12, 20)))
    assert len(texts) == 6
    assert texts[2] == (
        "u[i+1,j] - 2*u[i,j] + u[i-1,j] if j < 19 else 2*u[i,19] if j == 19 else 2*u[i+1,0] "
        "for i in range(1, 10) for j in range(1, 21)"
    )


def test_a_periodic_grid_has_tables_of_its_sides_alone(check: Check) -> None:
    def periodic(u: Any) -> Any:
        return 4 * u - sum(np.roll(u, shift, axis) for shift in (1, -1) for axis in (0, 1)) + np.exp(u)

    u = RNG.normal(size=(12, 16))
    assert len(check(periodic, u=u)) == 1
    assert sorted(table.shape for table in trace(periodic, u=u).tables.values()) == [(12,), (12,), (16,), (16,)]


def test_a_block_of_three_dimensions_is_three_loops(check: Check) -> None:
    texts = check(lambda u: u[1:, 1:, 1:] - u[:-1, :-1, :-1] ** 2, u=RNG.normal(size=(4, 5, 6)))
    assert texts == ("u[i+1,j+1,k+1] - u[i,j,k]**2 for i in range(3) for j in range(4) for k in range(5)",)


@pytest.mark.parametrize(
    ("function", "texts", "shapes"),
    [
        (
            lambda x: A @ x - B,
            ("sum(c1[i,j]*x[j] for j in range(12)) + c2[i] for i in range(12)",),
            {"c1": (12, 12), "c2": (12,)},
        ),
        (lambda x: B * x, ("c1[i]*x[i] for i in range(12)",), {"c1": (12,)}),
        (lambda x: [B @ x, A[3] @ x], (
            "sum(c1[0,i]*x[i] for i in range(12))", "sum(c1[1,i]*x[i] for i in range(12))",
        ), {"c1": (2, 12)}),
        (
            lambda x: np.sum(A * x[:, None] * x, axis=1),
            ("sum(c1[i,j]*x[i]*x[j] for j in range(12)) for i in range(12)",),
            {"c1": (12, 12)},
        ),
        (
            lambda x: np.exp(x) * x[IRREGULAR] + np.sin(x[IRREGULAR]) - x,
            ("exp(x[i])*x[p1[i]] + sin(x[p1[i]]) - x[i] for i in range(12)",),
            {"p1": (12,)},
        ),
        (
            lambda x: SPARSE @ np.sin(x) - 1,
            ("sum(c1[j]*sin(x[p1[j]]) for j in range(p2[i], p2[i+1])) - 1 for i in range(12)",),
            {"c1": (np.count_nonzero(SPARSE),), "p1": (np.count_nonzero(SPARSE),), "p2": (13,)},
        ),
        (
            lambda x: np.where(x > B, x - B, 0),
            ("where(x[i] > c1[i], x[i] + c2[i], 0) for i in range(12)",),
            {"c1": (12,), "c2": (12,)},
        ),
        # The same numbers are one table; those that are the same in all rows have one row.
        (lambda x: B * np.sin(x) - B * x, ("c1[i,0]*sin(x[i]) + c1[i,1]*x[i] for i in range(12)",), {"c1": (12, 2)}),
        (
            lambda x: np.sum(B * np.sin(x - x[:, None]), axis=1) + np.sum(B * x),
            (
                "t1 := sum(c1[i]*x[i] for i in range(12))",
                "sum(c1[j]*sin(x[j] - x[i]) for j in range(12)) + t1 for i in range(12)",
            ),
            {"c1": (12,)},
        ),
    ],
)  # fmt: skip
def test_constants_and_odd_places_become_tables(
    check: Check, function: Function, texts: tuple[str, ...], shapes: dict[str, Any]
) -> None:
    assert check(function, x=X) == texts
    traced = trace(function, x=X)
    found = {name: table.shape for name, table in traced.tables.items()}
    assert {name: shape for name, shape in found.items() if shape != shapes[name]} == {}
    assert {name: table.dtype.kind for name, table in traced.tables.items()} == {
        name: "f" if name.startswith("c") else "i" for name in shapes
    }


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + np.where(np.arange(N) % 3 == 0, B, 0),
        lambda x: 2 * np.exp(x - np.where(np.arange(N) % 2 == 0, B, 0)),
        lambda x: A @ x - np.where(np.arange(N) % 3 == 0, B, 0),
        lambda x: [(-x[i] if i % 3 else x[i]) * np.sin(x[i] if i % 4 else 2 * x[i]) for i in range(N)],
        lambda x: (A * (np.abs(A) > 0.1) + np.eye(N)) @ x,
    ],
)
def test_what_zeros_and_ones_leave_out_does_not_part_likes(check: Check, function: Function) -> None:
    assert len(check(function, x=X)) == 1


def network(x: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    return W2 @ np.tanh(W1 @ x + b1) + b2


@pytest.fixture(params=[(12, 20, 9), (40, 20, 9)])
def layers(request: pytest.FixtureRequest) -> dict[str, Any]:
    n, hidden, m = request.param
    return {
        "x": RNG.normal(size=n),
        "W1": RNG.normal(size=(hidden, n)),
        "b1": RNG.normal(size=hidden),
        "W2": RNG.normal(size=(m, hidden)),
        "b2": RNG.normal(size=m),
    }


def test_a_layer_is_one_text_or_a_definition_a_unit(check: Check, layers: dict[str, Any]) -> None:
    texts = check(network, **layers)
    if layers["x"].size == 12:  # which may be repeated for each of the nine
        unit = "tanh(sum(W1[j,k]*x[k] for k in range(12)) + b1[j])"
        assert texts == (f"sum(W2[i,j]*{unit} for j in range(20)) + b2[i] for i in range(9)",)
    else:
        assert texts[4] == "t5 := tanh(sum(W1[4,i]*x[i] for i in range(40)) + b1[4])"
        assert texts[20].startswith("W2[i,0]*t1 + W2[i,1]*t2 + ")
        assert texts[20].endswith(" + W2[i,19]*t20 + b2[i] for i in range(9)")
        assert len(texts) == 21


def test_a_layers_constants_are_one_table(check: Check, layers: dict[str, Any]) -> None:
    x = layers.pop("x")
    texts = check(lambda x: network(x, **layers), x=x)
    tables = trace(lambda x: network(x, **layers), x=x).tables
    assert sorted(table.shape for table in tables.values()) == sorted(
        [(9,), (9, 20), (20, x.size)] + [(20,)] * (x.size == 12)
    )
    assert len(texts) == (1 if x.size == 12 else 21)


def test_little_stays_as_it_is(check: Check) -> None:
    assert check(lambda x: x[:7] ** 2, x=X)[6] == "x[6]**2"
    assert check(lambda x: [np.sum(x[:7])], x=X) == ("x[0] + x[1] + x[2] + x[3] + x[4] + x[5] + x[6]",)
    # Tables that take more room than the texts would are not made.
    places = RNG.permutation(40)[:N]
    assert check(lambda x: x[places], x=np.arange(40.0)) == tuple(f"x[{place}]" for place in places)


@pytest.mark.parametrize("function", [lambda x: A @ x - B, lambda x: [B @ x], lambda x: SPARSE @ x + B * x])
def test_constants_stay_in_the_text_if_they_must(function: Function, evaluate: Callable[..., Any]) -> None:
    traced = trace(function, with_coefficients=False, x=X)
    assert all(table.dtype.kind == "i" for table in traced.tables.values())
    np.testing.assert_allclose(
        evaluate(traced.equations, {"x": X}, traced.tables), np.ravel(function(X)), rtol=1e-13, atol=1e-14
    )


def test_names_keep_clear_of_the_callers(evaluate: Callable[..., Any]) -> None:
    values = dict.fromkeys(("i", "k", "c1", "p3", "t2"), X)

    def function(i: Any, k: Any, c1: Any, p3: Any, t2: Any) -> Any:
        return B * i - k[IRREGULAR] * np.exp(c1) / np.sum(np.sin(p3) * t2)

    traced = trace(function, **values)
    assert traced.equations == (
        "t_1 := sum(sin(p3[j])*t2[j] for j in range(12))",
        "c_1[j]*i[j] - k[p_1[j]]*exp(c1[j])/t_1 for j in range(12)",
    )
    np.testing.assert_allclose(
        evaluate(traced.equations, values, traced.tables), function(*values.values()), rtol=1e-13
    )


def test_what_all_members_share_is_defined_where_they_are_deep(check: Check) -> None:
    def deep(x: Any, y: Any) -> Any:
        value = x
        for _ in range(9):
            value = np.sin(value) + y[0] * y[1]
        return value

    texts = check(deep, x=X, y=Y)
    assert texts[0] == "t1 := y[0]*y[1]"
    assert len(texts) == 2


def test_what_would_be_repeated_too_often_is_defined(check: Check) -> None:
    def wide(x: Any) -> Any:
        y = np.tanh(x)
        for _ in range(5):
            y = np.sin(y) * y + x
        z = np.pad(y, 7)
        return np.sum(np.stack([z[k : k + len(x)] ** 2 for k in range(15)]), axis=0)

    texts = check(wide, x=np.linspace(-1, 1, 60))
    assert sum(map(len, texts)) < 60 * 500


def test_the_text_of_a_stencil_does_not_grow() -> None:
    lengths = [sum(map(len, trace(bratu, u=np.zeros(n)).equations)) for n in (100, 1000, 10000)]
    assert lengths[2] - lengths[0] <= 4


def test_deep_and_long_members_are_written_one_by_one(check: Check) -> None:
    def deep(x: Any) -> Any:
        value = x
        for _ in range(60):
            value = np.sin(value) + x
        return value

    assert max(text.count("(") for text in check(deep, x=X)) <= 40
