"""Systems that stay families give what they give written out: f, J·v, wᵀ·J, J, H·v, names and ids."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from raphson_solver.compiler import family_code
from raphson_solver.compiler.width import Width, widest
from raphson_solver.differential import Differential

from tests.solver.building import build

AS_FAMILIES = rs.Limits(equations=1)
RNG = np.random.default_rng(7)


def both(texts: Any, start: Any, parameters: Any = None) -> tuple[rs.System, rs.System]:
    """Return a system as families, and written out."""
    families, written = build(texts, start, parameters, limits=AS_FAMILIES), build(texts, start, parameters)
    assert families.family_codes is not None
    assert written.family_codes is None
    return families, written


def agree(got: np.ndarray, expected: np.ndarray, tolerance: float = 1e-14) -> None:
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * max(1e-300, float(np.max(np.abs(expected)))))


NETWORK = {
    "to": np.array([1, 2, 0, 3, 4, 5, 1, 2, 3, 0, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1]),
    "first": np.array([0, 2, 6, 6, 9, 10, 24]),
    "Y": np.linspace(1, 2, 24),
    "P": np.ones(6),
}
SYSTEMS: dict[str, tuple[Any, Any, Any]] = {
    "boundary value": (
        ["u[0] = 0", "u[i-1] - 2*u[i] + u[i+1] + h**2*exp(u[i]) = 0 for i in range(1, n-1)", "u[n-1] = 0"],
        {"u": np.linspace(0, 1, 19)},
        {"n": 19, "h": 0.1},
    ),
    "plane": (
        [
            (
                "u[i-1,j] + u[i+1,j] + u[i,j-1] + u[i,j+1] - 4*u[i,j] + exp(u[i,j])/n**2"
                " for i in range(1, n-1) for j in range(1, n-1)"
            ),
            "u[i,j] for i in range(n) for j in range(n) if i == 0 or i == n-1 or j == 0 or j == n-1",
        ],
        {"u": np.linspace(0, 1, 49).reshape(7, 7)},
        {"n": 7},
    ),
    "dense sums": (
        ["x[i] - 1 - c/(2*n)*sum(x[i]*x[j]*(i+1)/(i+j+2) for j in range(n)) for i in range(n)"],
        {"x": np.linspace(0.5, 1, 20)},
        {"n": 20, "c": 0.5},
    ),
    "definitions, choices, long minima": (
        [
            "rho := sqrt(x**2 + y**2)",
            "s := sum(u)",
            "rho*u[i]*(i+1) + sin(s) + (u[i-1] if i > 0 else x) + (y if i == n-1 else u[i+1]) for i in range(n)",
            "rho - s",
            "max(u[k] for k in range(n)) + prod(1 + u[k]**2 for k in range(3)) + min(k*u[k] for k in range(1, n))",
        ],
        {"x": 0.3, "y": 0.4, "u": np.linspace(0.1, 0.7, 13)},
        {"n": 13},
    ),
    "network": (
        "sum(V[to[k]]*Y[k]*cos(V[i] - V[to[k]]) for k in range(first[i], first[i+1])) - P[i] for i in range(6)",
        {"V": np.linspace(0.9, 1.1, 6)},
        NETWORK,
    ),
    "scalar": (
        "sum(100*(x[2*i+1] - x[2*i]**2)**2 + (1 - x[2*i])**2 for i in range(n))",
        {"x": np.linspace(-1, 1, 24)},
        {"n": 12},
    ),
    "sums of sums": (
        [
            "sum(sum(x[j]*y[k]*(j+1) for k in range(12)) * x[j] for j in range(10)) - 1",
            "x[i]*y[i]*sum(sin(x[j]*y[i]) + (x[j] if j > i//2 else j) for j in range(i)) for i in range(10)",
            "y[10]**2 - y[11]",
        ],
        {"x": np.linspace(0.1, 1, 10), "y": np.linspace(0.2, 0.5, 12)},
        None,
    ),
    "one equation twice, and unlike ones": (
        ["x*y - 1 for i in range(9)", "x + i*y for i in range(3, 12, 2)", "x - y", "2**i*x for i in range(5)"],
        ["x", "y"],
        None,
    ),
    "periodic": (
        "u[(i+1) % n] - 2*u[i] + u[(i-1) % n] + u[i]**3 for i in range(n)",
        {"u": np.linspace(-1, 1, 11)},
        {"n": 11},
    ),
}
every_system = pytest.mark.parametrize("name", SYSTEMS)


@every_system
def test_every_view(name: str) -> None:
    texts, start, parameters = SYSTEMS[name]
    families, written = both(texts, start, parameters)
    free = {key: value for key, value in (parameters or {}).items() if key not in written.structural}
    got, expected = Differential(families), Differential(written)
    x = np.ones(written.n) * 0.7 if isinstance(start, list) else written.pack_start(start)
    v, w = RNG.normal(size=(3, written.n)), RNG.normal(size=(3, written.m))
    points = x * RNG.uniform(0.9, 1.1, (2, written.n))
    assert list(families.equation_names) == list(written.equation_names)
    agree(got.value(points, free), expected.value(points, free))
    agree(got.jvp(x, v, free), expected.jvp(x, v, free))
    agree(got.vjp(x, w, free), expected.vjp(x, w, free))
    agree(got.matrix(points, free), expected.matrix(points, free))
    places = set(zip(*(each.tolist() for each in got.pattern), strict=True))
    assert places >= set(zip(*(each.tolist() for each in expected.pattern), strict=True))
    assert got.pattern[0].size == len(places)
    if written.m == 1:
        agree(got.gradient(x, free), expected.gradient(x, free))
        agree(got.hessian_vector_product(x, v, free), expected.hessian_vector_product(x, v, free), 1e-13)
    central = Differential(families, rs.JacobianMode.CENTRAL)
    agree(central.matrix(x, free), expected.matrix(x, free), 1e-6)


@pytest.mark.parametrize("width", [Width(lanes) for lanes in (2, 4, 8) if lanes <= widest().lanes], ids=str)
@every_system
def test_every_width(name: str, width: Width, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family_code, "widest", lambda: width)
    texts, start, parameters = SYSTEMS[name]
    limits = rs.Limits(equations=1, depth=10 + width.lanes)
    families, written = build(texts, start, parameters, limits=limits), build(texts, start, parameters)
    free = {key: value for key, value in (parameters or {}).items() if key not in written.structural}
    x = np.ones(written.n) * 0.7 if isinstance(start, list) else written.pack_start(start)
    w = RNG.normal(size=written.m)
    agree(Differential(families).vjp(x, w, free), Differential(written).vjp(x, w, free))
    agree(Differential(families).entries(x, free).sum(), Differential(written).entries(x, free).sum(), 1e-12)


indices = st.sampled_from(["i", "i+1", "n-1-i", "(i+3) % n", "(i*i) % n", "0", "n-1", "i//2", "t[i]"])
atoms = st.one_of(
    indices.map(lambda index: f"u[{index}]"),
    st.sampled_from(["a", "b[i]", "i", "2.5", "n", "t[i]", "c[i//3]", "s", "x"]),
)


loops = st.sampled_from(["j", "k", "l", "q"])


def combined(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(children, st.sampled_from(["+", "-", "*"]), children).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(st.sampled_from(["sin", "tanh", "arctan"]), children).map(lambda parts: f"{parts[0]}({parts[1]})"),
        st.tuples(children, children).map(lambda parts: f"({parts[0]} if i % 3 == 1 else {parts[1]})"),
        st.tuples(children, loops).map(lambda parts: "sum(({0})*u[{1}] for {1} in range(i % 4))".format(*parts)),
        st.tuples(children, loops).map(
            lambda parts: "sum({0} + cos(u[{1}]*b[i]) for {1} in range(n) if {1} != i)".format(*parts)
        ),
        children.map(lambda body: f"max({body}, 0.1)"),
    )


expressions = st.recursive(atoms, combined, max_leaves=6)


@given(st.lists(expressions, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_random_families(bodies: list[str]) -> None:
    n = 12
    texts = ["s := a*x + u[0]", *(f"{body} + 0*u[i] for i in range({n - 1 - k})" for k, body in enumerate(bodies))]
    start = {"u": np.linspace(-0.9, 1.1, n), "x": 0.3}
    parameters = {"n": n, "t": (np.arange(n) * 5) % n, "a": 0.7, "b": np.linspace(1, 2, n), "c": np.linspace(2, 1, 4)}
    try:
        families, written = both(texts, start, parameters)
    except rs.DefinitionError as error:
        # Loops inside each other may have drawn the same name.
        assume("is already in use" not in error.message)
        raise
    free = {key: value for key, value in parameters.items() if key not in written.structural}
    if "t" in written.structural and "n" not in written.structural:
        free["n"] = float(n)
    got, expected = Differential(families), Differential(written)
    x = written.pack_start(start)
    agree(got.value(x, free), expected.value(x, free), 1e-13)
    agree(got.matrix(x, free), expected.matrix(x, free), 1e-13)
    w, v = RNG.normal(size=written.m), RNG.normal(size=written.n)
    agree(got.vjp(x, w, free), expected.vjp(x, w, free), 1e-13)
    agree(got.jvp(x, v, free), expected.jvp(x, v, free), 1e-13)


@pytest.mark.parametrize(
    "text",
    [
        "u[i+1] for i in range(5)",
        "u[i-1] for i in range(5)",
        "sum(u[i+j] for j in range(i)) for i in range(5)",
        "u[0 * (4 // (i-2))] for i in range(5)",
        "u[i**(0-i)] for i in range(5)",
        "u[i/2] for i in range(5)",
        "u[q[i]] for i in range(5)",
        "u[i,0] for i in range(5)",
        "w[i] for i in range(5)",
        "u[i] for i in range(0, 5, 0)",
        "max(u[j] for j in range(i)) for i in range(5)",
        "u[i] for i in range(5) for i in range(2)",
        "u[i] for u in range(5)",
        "u[1.5] for i in range(5)",
        "u[x] for i in range(5)",
    ],
)
def test_what_is_refused_is_refused_in_the_same_place(text: str) -> None:
    errors = []
    for limits in (AS_FAMILIES, rs.Limits()):
        with pytest.raises(rs.DefinitionError) as caught:
            build(text, {"u": np.ones(5), "x": 1.0}, {"q": np.arange(3)}, limits=limits)
        errors.append(caught.value)
    assert errors[0].field == errors[1].field
    assert errors[0].column == errors[1].column


def test_ids_tell_families_apart() -> None:
    def name(text: str, parameters: Any = None) -> str:
        return build(text, {"u": np.ones(5)}, parameters, limits=AS_FAMILIES).id

    first = name("u[i]**2 for i in range(5)")
    assert first == name(" u[i] ** 2 for i in range( 5 )")
    others = [
        name("u[i]**2 for i in range(4)"),
        name("u[4-i]**2 for i in range(5)"),
        name("i*u[i]**2 for i in range(5)"),
    ]
    tables = [name("u[t[i]]**2 for i in range(5)", {"t": np.array(t)}) for t in ([0, 2, 1, 3, 4], [0, 1, 2, 4, 3])]
    assert len({first, *others, *tables}) == 6


def test_a_million_unknowns() -> None:
    n = 1_000_000
    text = ["u[0]", "u[i-1] - 2*u[i] + u[i+1] + h**2*exp(u[i]) = 0 for i in range(1, n-1)", "u[n-1]"]
    system = build(text, {"u": np.zeros(n)}, {"n": n, "h": 1.0})
    x, v = RNG.uniform(size=n), RNG.uniform(size=n)
    d = Differential(system)
    h = {"h": 0.5}
    diagonal = -2 + 0.25 * np.exp(x)
    expected = np.concatenate(([v[0]], v[:-2] + diagonal[1:-1] * v[1:-1] + v[2:], [v[-1]]))
    agree(d.jvp(x, v, h), expected)
    agree(d.entries(x, h).reshape(-1)[2:-2:3][: n - 3], diagonal[1:-2], 1e-14)
    assert float(np.dot(d.vjp(x, v, h), v)) == pytest.approx(float(np.dot(v, expected)), rel=1e-12)
    assert system.equation_names[n - 2] == f"equations[1] at i={n - 2}"
    for refused in (
        lambda: system.jacobian(x, [0.5]),
        lambda: system.certify(x, [0.5]),
    ):
        with pytest.raises(rs.LimitError) as caught:
            refused()
        assert caught.value.limit == "dense_entries"


@pytest.mark.parametrize("cores", [2, 3, 8])
def test_threads_share_the_members_of_large_families(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 100_003
    text = "u[i]*sin(u[(i+1) % n]) - exp(u[(i+7) % n]/9)*u[i] + a[i] = 0 for i in range(n)"
    rng = np.random.default_rng(cores)
    x, a, v = rng.normal(size=(3, n))

    def views(count: int) -> list[np.ndarray]:
        monkeypatch.setattr(os, "cpu_count", lambda: count)
        of = Differential(build(text, {"u": np.ones(n)}, {"n": n, "a": a}))
        return [of.value(x, a), of.entries(x, a), of.jvp(x, v, a), of.vjp(x, v, a)]

    for found, expected in zip(views(cores), views(1), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_what_is_raised_between_ends_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    n = 2_000_000
    system = build("u[i]*sin(u[(i+1) % n]) - 1 = 0 for i in range(n)", {"u": np.ones(n)}, {"n": n})

    def between() -> None:
        raise KeyboardInterrupt

    Differential(system).value(np.ones(n))
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        Differential(system, between=between).value(np.ones(n))
    assert threading.active_count() <= before


def test_two_threads_may_ask_at_once() -> None:
    system = build("u[i]**2 - u[i+1] for i in range(99)", {"u": np.ones(100)}, limits=AS_FAMILIES)
    results: list[np.ndarray] = []
    x = np.linspace(0, 1, 100)
    threads = [
        threading.Thread(target=lambda: results.append(Differential(system).vjp(x, np.ones(99)))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert all(np.array_equal(each, results[0]) for each in results)
