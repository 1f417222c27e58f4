"""Limits hold before the work that they bound, and say which one, what was asked and what is allowed."""

from __future__ import annotations

import time

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import build, value

A_MOMENT_SECONDS = 5.0


def refused(equations: str | list[str], start: object, limits: rs.Limits | None = None) -> rs.LimitError:
    began = time.perf_counter()
    with pytest.raises(rs.LimitError) as caught:
        build(equations, start, limits=limits)
    assert time.perf_counter() - began < A_MOMENT_SECONDS
    error = caught.value
    assert f"{error.value:,} " in error.message
    assert f"more than the limit of {error.maximum:,} (raise `Limits.{error.limit}` to allow more)" in error.message
    assert error.value > error.maximum == getattr(limits or rs.Limits(), error.limit)
    return error


def test_ten_megabytes_of_text() -> None:
    error = refused("x + " * 2_500_000 + "x", ["x"])
    assert (error.field, error.limit, error.value) == ("equations[0]", "text_length", 10_000_001)


def test_text_is_measured_before_names_are_looked_for_in_it() -> None:
    error = refused("x + " * 300_000 + "x", None)
    assert (error.field, error.limit) == ("equations[0]", "text_length")


def test_text_counts_over_all_equations_and_entries() -> None:
    limits = rs.Limits(text_length=10)
    build(["x + 1", "x + 2"], ["x"], limits=limits)
    error = refused(["x + 1", "x + 2", "x"], ["x"], limits)
    assert (error.field, error.limit, error.value) == ("equations[2]", "text_length", 11)
    with pytest.raises(rs.LimitError, match=r"^jacobian\[0\]: 11 characters is more") as caught:
        build(["x + 12345"], ["x"], jacobian=[["10"]], limits=limits)
    assert caught.value.limit == "text_length"


@pytest.mark.parametrize(
    ("opening", "closing"), [("(", ")"), ("sin(", ")"), ("-", ""), ("2**", ""), ("not ", ""), ("1 if x > 0 else ", "")]
)
def test_ten_thousand_levels(opening: str, closing: str) -> None:
    error = refused(opening * 10_000 + "x" + closing * 10_000, ["x"])
    assert (error.field, error.limit, error.value) == ("equations[0]", "depth", 51)


def test_ten_thousand_levels_of_index() -> None:
    assert refused("u[" * 10_000, {"u": [1.0]}).limit == "depth"


@pytest.mark.parametrize(("opening", "closing"), [("(", ")"), ("abs(", ")"), ("-", ""), ("1 * (0 + ", ")")])
def test_as_deep_as_allowed(opening: str, closing: str) -> None:
    assert abs(value(opening * 48 + "x" + closing * 48, x=2.0)) == 2.0
    assert refused(opening * 51 + "x" + closing * 51, ["x"]).limit == "depth"


def test_as_deep_as_allowed_through_every_operator() -> None:
    nested = "x"
    for _ in range(48):
        nested = f"where(x < 0 or x > 9 and x < x + x * {nested}, x, x)"
    assert value(nested, x=2.0) == 2.0


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("x for i in range(10**12)", "members"),
        ("sum(x for i in range(10**12))", "nodes"),
        ("sum(x for i in range(10**12) if i < 0) + x", "nodes"),
        ("sum(x for i in range(10**15, 0, -1))", "nodes"),
    ],
)
def test_a_huge_range(text: str, limit: str) -> None:
    assert refused(text, ["x"]).limit == limit


def test_an_index_of_a_hundred_kilobytes() -> None:
    began = time.perf_counter()
    with pytest.raises(rs.DefinitionError, match=r"the index is too large"):
        build("u[" + "*".join(["9**15"] * 30_000) + "]", {"u": [1.0]})
    assert time.perf_counter() - began < A_MOMENT_SECONDS


def test_a_thousand_loops() -> None:
    loops = "".join(f" for i{number} in range(1)" for number in range(1000))
    assert refused("x" + loops, ["x"]).limit == "depth"
    assert refused(f"sum(x{loops})", ["x"]).limit == "depth"


def test_loops_within_loops_count_together() -> None:
    error = refused("sum(x for i in range(100) for j in range(100))", ["x"], rs.Limits(nodes=5000))
    assert (error.field, error.limit) == ("equations[0]", "nodes")


def test_nodes() -> None:
    limits = rs.Limits(nodes=50)
    build("sum(sin(i * x) for i in range(10))", ["x"], limits=limits)
    error = refused("sum(sin(i * x) for i in range(30))", ["x"], limits)
    assert (error.limit, error.value) == ("nodes", 51)


def test_nodes_of_derivatives_count() -> None:
    system = build("prod(sin(i * x) for i in range(1, 12))", ["x"], limits=rs.Limits(nodes=50))
    with pytest.raises(rs.LimitError, match=r"51 expression nodes is more than the limit of 50") as caught:
        system.jacobian([1.0])
    assert caught.value.limit == "nodes"
    assert np.isfinite(system.residual([1.0]))


def test_equations() -> None:
    limits = rs.Limits(equations=5)
    assert build("x for i in range(5)", ["x"], limits=limits).solve([0.0]).converged
    families = build(["x for i in range(5)", "x"], ["x"], limits=limits)
    np.testing.assert_array_equal(families.residual([3.0]), [3.0] * 6)
    with pytest.raises(rs.LimitError) as caught:
        families.certify([0.0])
    assert (caught.value.field, caught.value.limit, caught.value.value) == ("equations", "equations", 6)


def test_members_and_families() -> None:
    error = refused("x*i for i in range(100)", ["x"], rs.Limits(equations=5, members=99))
    assert (error.field, error.limit, error.value) == ("equations[0]", "members", 100)
    texts = ["x + 1", "x*x", "sin(x)", "exp(x)"]
    error = refused(texts, ["x"], rs.Limits(equations=3, families=3))
    assert (error.field, error.limit, error.value) == ("equations[3]", "families", 4)


def test_variables_and_parameters() -> None:
    limits = rs.Limits(variables=5, parameters=3)
    build("x + sum(u) + sum(p)", {"x": 1.0, "u": np.ones((2, 2))}, {"p": np.ones(3)}, limits=limits)
    error = refused("x + sum(u)", {"x": 1.0, "u": np.ones(5)}, limits)
    assert (error.field, error.limit, error.value) == ("start.u", "variables", 6)
    with pytest.raises(rs.LimitError, match=r"^parameters\.q: 4 parameters is more") as caught:
        build("x", ["x"], {"p": np.ones(3), "q": 1.0}, limits=limits)
    assert caught.value.limit == "parameters"


def test_a_shape_is_measured_before_anything_is_allocated() -> None:
    began = time.perf_counter()
    with pytest.raises(rs.LimitError) as caught:
        rs.compile_definition(rs.Definition(("x[0,0]",), (("x", (10**9, 10**9)),)))
    assert time.perf_counter() - began < A_MOMENT_SECONDS
    assert (caught.value.field, caught.value.limit, caught.value.value) == ("start.x", "variables", 10**18)


def test_dense_entries() -> None:
    families = build("u[i] for i in range(4)", {"u": np.ones(4)}, limits=rs.Limits(dense_entries=15))
    assert families.solve(np.ones(4)).converged
    with pytest.raises(rs.LimitError) as caught:
        families.certify(np.ones(4))
    assert (caught.value.field, caught.value.limit, caught.value.value) == ("equations", "dense_entries", 16)
    with pytest.raises(rs.LimitError):
        families.jacobian(np.ones(4))


def test_a_refused_system_leaves_the_next_one_as_it_was() -> None:
    for _ in range(3):
        refused("(" * 10_000, ["x"])
    assert value("x + 1", x=1.0) == 2.0
