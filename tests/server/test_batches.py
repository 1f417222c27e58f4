"""Many points in one call, against a real server."""

from __future__ import annotations

import time

import grpc
import numpy as np
import pytest
from raphson.v1 import solver_pb2 as wire
from raphson.v1.array_pb2 import DoubleArray
from raphson.v1.jacobian_pb2 import EvaluateRequest

from tests.server.calling import array, by_id_to_evaluate, numbers, to_evaluate
from tests.server.running import Server, wait_until

EQUATIONS = ("x**2*y + a", "5*x + sin(y)")
COUNT = 5000
RANDOM = np.random.default_rng(3)
X, Y, A = RANDOM.normal(size=(3, COUNT))
MODES = (
    wire.JACOBIAN_MODE_EXACT,
    wire.JACOBIAN_MODE_FORWARD,
    wire.JACOBIAN_MODE_CENTRAL,
    wire.JACOBIAN_MODE_COMPLEX_STEP,
)


def jacobians(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """J of EQUATIONS, shape (…, 2, 2)."""
    rows = [[2 * x * y, x**2], [np.full_like(x, 5.0), np.cos(y)]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


@pytest.mark.parametrize("mode", MODES)
def test_every_view_at_many_points(server: Server, mode: wire.JacobianMode) -> None:
    """More Jacobians than are formed at a time."""
    v, w, log_density = RANDOM.normal(size=(COUNT, 2)), RANDOM.normal(size=(COUNT, 2)), RANDOM.normal(size=COUNT)
    count = COUNT if mode == wire.JACOBIAN_MODE_EXACT else 300
    matrix = jacobians(X[:count], Y[:count])
    near = {"rtol": 1e-5, "atol": 1e-5} if mode in MODES[1:3] else {"rtol": 1e-10, "atol": 1e-12}
    reply = server.evaluate(
        to_evaluate(
            *EQUATIONS,
            at={"x": X[:count], "y": Y[:count]},
            parameters={"a": A[:count]},
            batch_dimensions=1,
            batched_parameters=["a"],
            mode=mode,
            value=True,
            matrix=True,
            sparse=True,
            determinant=True,
            spectrum=True,
            jvp=array(v[:count]),
            vjp=array(w[:count]),
            log_density=array(log_density[:count]),
            covariance=array([0.1, 0.2]),
        )
    )
    x, y = X[:count], Y[:count]
    np.testing.assert_allclose(
        numbers(reply.value), np.stack([x**2 * y + A[:count], 5 * x + np.sin(y)], -1), rtol=1e-14
    )
    np.testing.assert_allclose(numbers(reply.matrix), matrix, **near)
    np.testing.assert_allclose(numbers(reply.sparse.values), matrix.reshape(count, 4), **near)
    np.testing.assert_allclose(numbers(reply.jvp), np.einsum("bij,bj->bi", matrix, v[:count]), **near)
    np.testing.assert_allclose(numbers(reply.vjp), np.einsum("bij,bi->bj", matrix, w[:count]), **near)
    sign, log_abs = np.linalg.slogdet(numbers(reply.matrix))
    np.testing.assert_array_equal(numbers(reply.determinant.sign), sign)
    np.testing.assert_allclose(numbers(reply.determinant.log_abs), log_abs, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(numbers(reply.log_density), log_density[:count] - log_abs, rtol=1e-9, atol=1e-9)
    values = np.linalg.svd(numbers(reply.matrix), compute_uv=False)
    np.testing.assert_allclose(numbers(reply.spectrum.singular_values), values, rtol=1e-9)
    assert numbers(reply.spectrum.rank).tolist() == [2.0] * count
    covariance = np.einsum("bij,j,bkj->bik", matrix, np.array([0.01, 0.04]), matrix)
    np.testing.assert_allclose(numbers(reply.covariance), covariance, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        numbers(reply.standard_deviations) ** 2, np.einsum("bii->bi", numbers(reply.covariance)), rtol=1e-12
    )


def test_one_point_of_a_batch_is_that_point(server: Server) -> None:
    """The same bits, whatever stands beside it."""
    views = {"value": True, "matrix": True}
    many = server.evaluate(
        to_evaluate(*EQUATIONS, at={"x": X, "y": Y}, parameters={"a": 1.0}, batch_dimensions=1, **views)
    )
    for place in (0, 17, COUNT - 1):
        one = server.evaluate(by_id_to_evaluate(many.system_id, {"x": X[place], "y": Y[place]}, {"a": 1.0}, **views))
        np.testing.assert_array_equal(numbers(one.matrix), numbers(many.matrix)[place])
        np.testing.assert_array_equal(numbers(one.value), numbers(many.value)[place])


def test_extents_of_one_make_a_grid(server: Server) -> None:
    x, y = np.linspace(0, 1, 3), np.linspace(-1, 1, 4)
    reply = server.evaluate(
        to_evaluate(
            *EQUATIONS,
            at={"x": x[:, None], "y": y[None, :]},
            parameters={"a": 0.0},
            batch_dimensions=2,
            matrix=True,
            jvp=array([1.0, 0.0]),
        )
    )
    matrix = jacobians(*np.meshgrid(x, y, indexing="ij"))
    np.testing.assert_allclose(numbers(reply.matrix), matrix, rtol=1e-14)
    np.testing.assert_allclose(numbers(reply.jvp), matrix[..., 0], rtol=1e-14)


def test_arrays_have_their_own_shape_after_the_batchs(server: Server) -> None:
    u = RANDOM.normal(size=(7, 2, 3))
    family = "u[i,j]**2 + x for i in range(2) for j in range(3)"
    reply = server.evaluate(to_evaluate(family, at={"u": u, "x": np.arange(7.0)}, batch_dimensions=1, sparse=True))
    values = np.stack([2 * u.reshape(7, 6), np.ones((7, 6))], axis=-1).reshape(7, 12)
    np.testing.assert_allclose(numbers(reply.sparse.values), values, rtol=1e-15)


def test_points_of_one_array(server: Server) -> None:
    u = RANDOM.normal(size=(4, 5, 3))
    reply = server.evaluate(to_evaluate("u[0]*u[1]*u[2]", at={"u": u}, batch_dimensions=2, gradient=True))
    expected = np.stack([u[..., 1] * u[..., 2], u[..., 0] * u[..., 2], u[..., 0] * u[..., 1]], axis=-1)
    np.testing.assert_allclose(numbers(reply.gradient), expected, rtol=1e-14)


def test_many_parameters_at_one_point(server: Server) -> None:
    reply = server.evaluate(
        to_evaluate(
            "x**2 + a", at={"x": np.ones(1)}, parameters={"a": np.arange(5.0)},
            batch_dimensions=1, batched_parameters=["a"], value=True, determinant=True,
        )
    )  # fmt: skip
    assert numbers(reply.value).tolist() == [[1.0], [2.0], [3.0], [4.0], [5.0]]
    np.testing.assert_allclose(numbers(reply.determinant.log_abs), np.full(5, np.log(2)), rtol=1e-15)


@pytest.mark.parametrize(
    ("batch", "shape"),
    [((), (2,)), ((), (3, 2)), ((4,), (2,)), ((4,), (4, 2)), ((4,), (1, 2)), ((4,), (3, 4, 2)), ((4,), (3, 1, 2)),
     ((4, 5), (3, 4, 5, 2)), ((4, 5), (4, 1, 2))],
)  # fmt: skip
@pytest.mark.parametrize("mode", [wire.JACOBIAN_MODE_EXACT, wire.JACOBIAN_MODE_FORWARD])
def test_shapes_of_vectors(
    server: Server, batch: tuple[int, ...], shape: tuple[int, ...], mode: wire.JacobianMode
) -> None:
    """One for all points, one for each, or several of either."""
    x, y = RANDOM.normal(size=(2, *batch))
    v = RANDOM.normal(size=shape)
    reply = server.evaluate(
        to_evaluate(
            *EQUATIONS, at={"x": x, "y": y}, parameters={"a": 0.0}, batch_dimensions=len(batch),
            mode=mode, jvp=array(v), vjp=array(v),
        )
    )  # fmt: skip
    matrix = jacobians(np.asarray(x), np.asarray(y))
    digits = 1e-12 if mode == wire.JACOBIAN_MODE_EXACT else 1e-5
    lead = shape[: max(len(shape) - 1 - len(batch), 0)]
    forward = np.broadcast_to(np.einsum("...ij,...j->...i", matrix, v), (*lead, *batch, 2))
    backward = np.broadcast_to(np.einsum("...ij,...i->...j", matrix, v), (*lead, *batch, 2))
    np.testing.assert_allclose(numbers(reply.jvp), forward, rtol=digits, atol=digits)
    np.testing.assert_allclose(numbers(reply.vjp), backward, rtol=digits, atol=digits)


def test_second_derivatives_along_several_directions(server: Server) -> None:
    x, y = RANDOM.normal(size=(2, 4))
    reply = server.evaluate(
        to_evaluate("x**2*y", at={"x": x, "y": y}, batch_dimensions=1, hessian_vector=array(np.eye(2)[:, None, :]))
    )
    np.testing.assert_allclose(numbers(reply.hessian_vector)[0], np.stack([2 * y, 2 * x], axis=-1), rtol=1e-14)
    np.testing.assert_allclose(numbers(reply.hessian_vector)[1], np.stack([2 * x, 0 * x], axis=-1), rtol=1e-14)


# --- what does not fit
@pytest.mark.parametrize(
    ("views", "field", "words"),
    [
        ({"at": {"x": X[:3], "y": Y[:4]}}, "at[y]", ["(4,)", "(3,)"]),
        ({"at": {"x": X[:3], "y": 1.0}}, "at[y].array.shape", ["()", "1 dimension"]),
        ({"at": {"x": np.ones((3, 2)), "y": Y[:3]}}, "at[x]", ["(2,)", "()"]),
        ({"batch_dimensions": -1}, "batch_dimensions", ["-1"]),
        ({"batch_dimensions": 2}, "at[x].array.shape", ["(3,)", "2 dimensions"]),
        ({"batched_parameters": ["b"]}, "batched_parameters", ["'b'"]),
        ({"batched_parameters": ["a"], "parameters": {"a": np.ones(2)}}, "batched_parameters", ["(2,)", "(3,)"]),
        ({"parameters": {"a": np.ones(3)}}, "parameters[a]", ["(3,)", "()"]),
        ({"jvp": array(np.ones(3))}, "jvp", ["(3,)", "(2,)", "(3, 2)"]),
        ({"jvp": array(np.ones((4, 2)))}, "jvp", ["(4, 2)", "(3, 2)", "(k, 3, 2)"]),
        ({"vjp": array(np.ones((2, 4, 2)))}, "vjp", ["(2, 4, 2)", "(k, 3, 2)"]),
        ({"vjp": array([np.nan, 1.0])}, "vjp", ["nan"]),
        ({"log_density": array(np.ones(2))}, "log_density", ["(2,)", "(3,)"]),
        ({"at": {"x": np.array([1.0, np.nan, 1.0]), "y": Y[:3]}}, "at[x]", ["nan", "place 1"]),
        ({"at": {"x": DoubleArray(shape=[0]), "y": Y[:3]}}, "at[x].array", ["neither"]),
        ({"at": {"x": DoubleArray(shape=[0], data=b""), "y": Y[:3]}}, "at[x].array", []),
    ],
)
def test_batches_that_do_not_fit(server: Server, views: dict[str, object], field: str, words: list[str]) -> None:
    usual = server.evaluate(to_evaluate(*EQUATIONS, at={"x": 1.0, "y": 1.0}, parameters={"a": 1.0}, value=True))
    asked = {"at": {"x": X[:3], "y": Y[:3]}, "parameters": {"a": 1.0}, "batch_dimensions": 1, "value": True} | views
    refused = server.refusal(by_id_to_evaluate(usual.system_id, **asked))  # type: ignore[arg-type]
    assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.field is not None
    assert refused.field.startswith(field)
    for word in words:
        assert word in refused.message


def test_a_structural_parameter_holds_for_all_points(server: Server) -> None:
    request = to_evaluate(
        "u[i] for i in range(n)", at={"u": np.ones((2, 3))}, parameters={"n": np.array([3.0, 2.0])},
        batch_dimensions=1, batched_parameters=["n"], value=True,
    )  # fmt: skip
    refused = server.refusal(request)
    assert refused.field == "batched_parameters"
    assert "'n' is used in a range" in refused.message


def test_a_batch_over_the_cap_is_refused_before_it_is_computed(server: Server) -> None:
    u = {"u": np.ones((20_000, 20))}
    family = "u[i]**2 + sum(u[j] for j in range(20)) for i in range(20)"
    refused = server.refusal(to_evaluate(family, at=u, matrix=True, value=True, batch_dimensions=1))
    assert (refused.reason, refused.field) == ("LIMIT_EXCEEDED", "matrix")
    assert refused.metadata["limit"] == "max_message_bytes"
    assert int(refused.metadata["value"]) == 8 * 20_000 * (400 + 20)
    for word in ("20,000 times", "20×20", "64,000,000 bytes", "send at most 4,993 of the 20,000"):
        assert word in refused.message
    fitting = {"u": np.ones((4_900, 20))}
    assert server.evaluate(to_evaluate(family, at=fitting, matrix=True, value=True, batch_dimensions=1)).matrix.data


# --- deadlines and cancelling
def seconds_of_work(server: Server, view: str) -> EvaluateRequest:
    """Write a request that fits, at nearly a million points of a sum whose machine code is made."""
    text = "sum(sin(x*i)*cos(x/i) for i in range(1, 200))"
    few = server.evaluate(to_evaluate(text, at={"x": np.ones(30_000)}, batch_dimensions=1, **{view: True}))
    x = {"x": np.linspace(0.0, 1.0, 900_000)}
    return by_id_to_evaluate(few.system_id, x, batch_dimensions=1, **{view: True})


@pytest.mark.parametrize("view", ["value", "gradient", "determinant"])
def test_cancelling_a_batch_frees_its_worker(server: Server, view: str) -> None:
    request, workers = seconds_of_work(server, view), server.workers()
    call = server.jacobian.Evaluate.future(request, timeout=60)
    server.wait_for_busy_workers(1)
    call.cancel()
    wait_until(lambda: not server.busy_workers(0.05), 3.0)
    assert server.workers() == workers, "the work stopped by itself; no worker had to be killed"


@pytest.mark.alone
def test_a_deadline_ends_a_batch(server: Server) -> None:
    request, workers = seconds_of_work(server, "value"), server.workers()
    began = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        server.jacobian.Evaluate(request, timeout=0.3)
    assert time.monotonic() - began < 1.0
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    wait_until(lambda: not server.busy_workers(0.05), 3.0)
    assert server.workers() == workers
