"""SolverService.Solve against a real server."""

from __future__ import annotations

import math

import numpy as np
import pytest
import raphson_solver as rs
from raphson.v1 import solver_pb2 as wire
from raphson.v1.array_pb2 import DoubleArray, DoubleList
from raphson.v1.solver_pb2 import SolveOptions
from raphson.v1.system_pb2 import Parameter, System, SystemRef, Variable

from tests.server.calling import array, by_id, by_text, endless, named, numbers, to_compile
from tests.server.running import Server

CIRCLE = ("x**2 + y**2 = r**2", "exp(x) + y = 1")
START = {"x": 1.0, "y": -1.7}


def solution(reply: wire.SolveResponse) -> dict[str, np.ndarray]:
    return {named.name: numbers(named.array) for named in reply.solution}


def test_text_and_id_give_what_the_solver_gives(server: Server) -> None:
    direct = rs.compile(CIRCLE, start=START, parameters={"r": 2.0}).solve(START, {"r": 2.0})
    text = server.solve(by_text(*CIRCLE, start=START, parameters={"r": 2.0}))
    named_by_id = server.solve(by_id(text.system_id, START, {"r": 2.0}))
    for reply in (text, named_by_id):
        assert reply.status == wire.STATUS_CONVERGED
        assert list(solution(reply)) == ["x", "y"]
        assert np.array([*solution(reply).values()]).tobytes() == direct.x.tobytes()
        assert numbers(reply.residual).tobytes() == direct.residual.tobytes()
        assert numbers(reply.scaled_residual).tobytes() == direct.scaled_residual.tobytes()
        assert reply.residual_norm == direct.residual_norm
        assert reply.iterations == direct.iterations
        assert reply.evaluations == direct.evaluations
        assert reply.jacobian_evaluations == direct.jacobian_evaluations
        assert reply.method == direct.method
        assert reply.message == direct.message
        assert reply.remedy == ""
        assert 0 <= reply.elapsed_seconds < 1
        assert len(reply.system_id) == 64
        assert not reply.HasField("jacobian")


def test_enums_have_the_same_numbers_on_the_wire() -> None:
    for enum, prefix, values in (
        (rs.Status, "STATUS", wire.Status),
        (rs.Method, "METHOD", wire.Method),
        (rs.JacobianMode, "JACOBIAN_MODE", wire.JacobianMode),
        (rs.WarmStart, "WARM_START", wire.WarmStart),
    ):
        names = {f"{prefix}_{member.name}": int(member) for member in enum}
        assert names | {f"{prefix}_UNSPECIFIED": 0} == dict(values.items())


def test_other_numbers_by_id_are_the_numbers_solved_for(server: Server) -> None:
    """The second and later requests of one form take the short way; it must read the same numbers."""
    system_id = server.solve(by_text(*CIRCLE, start=START, parameters={"r": 2.0})).system_id
    roots = []
    for r in (2.0, 3.0, 4.0, 2.0):
        reply = server.solve(by_id(system_id, START, {"r": r}))
        x, y = (float(value) for value in solution(reply).values())
        assert math.hypot(x, y) == pytest.approx(r, rel=1e-11)
        roots.append((x, y))
    assert roots[0] == roots[3]
    assert len(set(roots)) == 3


def test_start_may_come_in_any_order_by_id(server: Server) -> None:
    first = server.solve(by_text(*CIRCLE, start=START, parameters={"r": 2.0}))
    turned = by_id(first.system_id, {"y": -1.7, "x": 1.0}, {"r": 2.0})
    for _ in range(3):
        reply = server.solve(turned)
        assert list(solution(reply)) == ["x", "y"]
        assert reply.solution == first.solution


def test_arrays_keep_their_shapes(server: Server) -> None:
    start = np.array([[1.0, 2.0], [3.0, 4.0]])
    reply = server.solve(
        by_text("u[i,j]**2 = a[i,j] for i in range(2) for j in range(2)", start={"u": start},
                parameters={"a": np.array([[1.0, 4.0], [9.0, 16.0]])})
    )  # fmt: skip
    assert reply.status == wire.STATUS_CONVERGED
    np.testing.assert_allclose(solution(reply)["u"], start, rtol=1e-11)
    assert tuple(reply.solution[0].array.shape) == (2, 2)


def test_lists_and_bare_vectors_are_read_too(server: Server) -> None:
    """What a person writes in JSON: `list`, and no shape."""
    request = by_text("x[i]**2 = i + 1 for i in range(3)", start={"x": DoubleArray(list=DoubleList(values=[1, 2, 2]))})
    reply = server.solve(request)
    np.testing.assert_allclose(solution(reply)["x"], np.sqrt([1, 2, 3]), rtol=1e-11)


def test_declared_variables_set_the_order(server: Server) -> None:
    request = by_text("x = 1", "y = 2", start={"x": 0.0, "y": 0.0}, variables=[Variable(name="y"), Variable(name="x")])
    assert list(solution(server.solve(request))) == ["y", "x"]


def test_structural_parameter_is_a_part_of_the_system(server: Server) -> None:
    equations = ("u[i]**2 = i + a for i in range(n)",)
    two, three = (
        server.solve(by_text(*equations, start={"u": np.ones(n)}, parameters={"n": float(n), "a": 1.0})) for n in (2, 3)
    )
    assert two.system_id != three.system_id
    start = {"u": np.ones(2)}
    for parameters in ({"a": 1.0}, {"a": 1.0, "n": 2.0}):
        assert server.solve(by_id(two.system_id, start, parameters)).solution == two.solution
    refused = server.refusal(by_id(two.system_id, start, {"a": 1.0, "n": 3.0}))
    assert refused.code.name == "INVALID_ARGUMENT"
    assert refused.reason == "INVALID_INPUT"
    assert refused.field == "parameters[n]"
    assert "range" in refused.message


def test_structural_value_may_be_declared(server: Server) -> None:
    declared = System(
        equations=["u[i]**2 = i + a for i in range(n)"],
        parameters=[Parameter(name="n", value=array(2.0)), Parameter(name="a")],
    )
    request = wire.SolveRequest(
        system=SystemRef(definition=declared), start=named({"u": np.ones(2)}), parameters=named({"a": 1.0})
    )
    np.testing.assert_allclose(solution(server.solve(request))["u"], np.sqrt([1, 2]), rtol=1e-11)


def test_other_values_of_free_parameters_keep_the_id(server: Server) -> None:
    ids = {server.solve(by_text(*CIRCLE, start=START, parameters={"r": r})).system_id for r in (2.0, 2.5, 3.0)}
    assert len(ids) == 1


def test_jacobian_at_the_root(server: Server) -> None:
    reply = server.solve(
        by_text("x*y = 2", "x = y**2 / 4", start={"x": 1.0, "y": 1.0}, options=SolveOptions(return_jacobian=True))
    )
    (x,), (y,) = (value.reshape(1) for value in solution(reply).values())
    np.testing.assert_allclose(numbers(reply.jacobian), [[y, x], [1, -y / 2]], rtol=1e-14)


def test_jacobian_is_not_returned_to_the_next_who_does_not_ask(server: Server) -> None:
    with_jacobian = by_text("x**2 = 2", start={"x": 1.0}, options=SolveOptions(return_jacobian=True))
    without = by_text("x**2 = 2", start={"x": 1.0})
    assert [server.solve(request).HasField("jacobian") for request in (with_jacobian, without)] == [True, False]


@pytest.mark.parametrize("mode", [wire.JACOBIAN_MODE_FORWARD, wire.JACOBIAN_MODE_CENTRAL])
def test_options_reach_the_solver(server: Server, mode: wire.JacobianMode) -> None:
    options = SolveOptions(method=wire.METHOD_NEWTON, jacobian=mode, tolerance=1e-6, max_iterations=50)
    reply = server.solve(by_text(*CIRCLE, start=START, parameters={"r": 2.0}, options=options))
    assert reply.status == wire.STATUS_CONVERGED
    assert reply.method == wire.METHOD_NEWTON
    assert reply.evaluations > reply.iterations + 1


def test_too_few_iterations_is_a_result(server: Server) -> None:
    reply = server.solve(
        by_text("exp(x) = 1e9", start={"x": 0.0}, options=SolveOptions(max_iterations=1, method=wire.METHOD_NEWTON))
    )
    assert reply.status == wire.STATUS_ITERATION_LIMIT
    assert reply.message
    assert "max_iterations" in reply.remedy


@pytest.mark.parametrize(
    ("equations", "start", "status"),
    [
        (
            ("x + y = 1", "2*x + 2*y = 5"),
            {"x": 0.0, "y": 0.0},
            {wire.STATUS_SINGULAR, wire.STATUS_LOCAL_MINIMUM, wire.STATUS_STALLED},
        ),
        (("log(-1 - x**2) = 1",), {"x": -1.0}, {wire.STATUS_DOMAIN_ERROR}),
        (
            ("x**2 + 1 = 0",),
            {"x": 0.5},
            {wire.STATUS_SINGULAR, wire.STATUS_LOCAL_MINIMUM, wire.STATUS_STALLED, wire.STATUS_ITERATION_LIMIT},
        ),
    ],
)  # fmt: skip
def test_no_root_is_a_result_with_a_remedy(
    server: Server, equations: tuple[str, ...], start: dict[str, float], status: set[int]
) -> None:
    reply = server.solve(by_text(*equations, start=start))
    assert reply.status in status
    assert reply.remedy


@pytest.mark.alone
def test_timeout_returns_the_best_point(server: Server) -> None:
    reply = server.solve(endless(timeout_seconds=0.1))
    assert reply.status == wire.STATUS_TIME_LIMIT
    assert 0.09 < reply.elapsed_seconds < 0.4
    assert np.isfinite(solution(reply)["x"])


@pytest.mark.alone
def test_deadline_returns_the_best_point_before_it_passes(server: Server) -> None:
    reply = server.solve(endless(), timeout=0.5)
    assert reply.status == wire.STATUS_TIME_LIMIT
    assert 0.3 < reply.elapsed_seconds < 0.5


def test_id_of_compile_is_the_id_of_solve(server: Server) -> None:
    compiled = server.compile(to_compile("x**2 = 2", x=()))
    solved = server.solve(by_text("x**2 = 2", start={"x": 1.0}))
    assert compiled.system_id == solved.system_id
    by_name = server.solve(by_id(compiled.system_id, {"x": 1.0}))
    assert float(solution(by_name)["x"]) == pytest.approx(math.sqrt(2), rel=1e-11)


def test_every_worker_learns_a_system_by_its_id(server: Server) -> None:
    """While one worker is held, the other gets the request, and the definition with it."""
    system_id = server.solve(by_text("x**2 = 7", start={"x": 1.0})).system_id
    held = server.solver.Solve.future(endless(timeout_seconds=0.5), timeout=5)
    replies = [server.solve(by_id(system_id, {"x": 1.0})) for _ in range(3)]
    held_too = server.solver.Solve.future(endless(timeout_seconds=0.3), timeout=5)
    assert held.result().status == wire.STATUS_TIME_LIMIT
    replies += [server.solve(by_id(system_id, {"x": 1.0})) for _ in range(3)]
    assert held_too.result().status == wire.STATUS_TIME_LIMIT
    assert {reply.status for reply in replies} == {wire.STATUS_CONVERGED}
    assert {reply.system_id for reply in replies} == {system_id}
