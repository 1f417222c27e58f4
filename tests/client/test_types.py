"""What both type checkers know of a program that uses the clients; `make types` reads this file, and it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, assert_type

import numpy as np
import raphson
from numpy.typing import NDArray
from raphson import aio

Floats = NDArray[np.float64]

CIRCLE = ["x**2 + y**2 = r**2", "exp(x) + y = 1"]
START = {"x": 1.0, "y": -1.7}
AT = {"x": 1.0, "y": 2.0}


def test_a_solution(client: raphson.Client) -> None:
    root = client.solve(CIRCLE, START, {"r": 2.0}, certify=True, sensitivity=True, trace=True)
    assert_type(root, raphson.Solution)
    assert_type(root["x"], float | Floats)
    assert_type(root.x, Floats)
    assert_type(root.converged, bool)
    assert_type(root.status, raphson.Status)
    assert_type(root.message, str)
    assert_type(root.residual_norm, float)
    assert_type(root.sensitivity, Floats | None)
    assert_type(root.explanation, raphson.Explanation | None)
    assert root.certificate is not None
    assert_type(root.certificate.proven, bool)
    assert_type(root.iterations, int)


def test_what_is_known_of_a_system(client: raphson.Client) -> None:
    system = client.compile(CIRCLE, START, ["r"])
    assert_type(system, raphson.CompiledSystem)
    assert_type(system.n, int)
    assert_type(client.solve(system, START, {"r": 2.0}), raphson.Solution)
    assert_type(client.explain(CIRCLE, START, {"r": 2.0}), raphson.Explanation)
    assert_type(client.systems(), dict[str, raphson.RegisteredSystem])


def test_a_batch(client: raphson.Client) -> None:
    batch = client.solve_batch(CIRCLE, START, {"r": np.linspace(1, 2, 5)}, progress=False)
    assert_type(batch, raphson.BatchResult)
    assert_type(batch["x"], Floats)
    assert_type(batch.converged, NDArray[np.bool_])
    assert_type(batch.status, NDArray[np.int8])


def test_derivatives(client: raphson.Client) -> None:
    product = ["x**2 + y", "x*y"]
    assert_type(client.value(product, AT), Floats)
    assert_type(client.jacobian(product, AT), Floats)
    assert_type(client.jacobian(product, AT, sparse=True), raphson.SparseJacobian)
    assert_type(client.jvp(product, AT, v=[1.0, 0.0]), Floats)
    assert_type(client.vjp(product, AT, v=[1.0, 0.0]), Floats)
    assert_type(client.determinant(product, AT), raphson.Determinant)
    assert_type(client.spectrum(product, AT), raphson.Spectrum)
    assert_type(client.propagate_covariance(product, AT, covariance=[0.1, 0.1]), raphson.Propagated)
    assert_type(client.jacobian_with_error(product, AT, method="central"), raphson.JacobianEstimate)
    assert_type(client.differentiability("x*y", AT), raphson.Differentiability)
    assert_type(client.chain([raphson.Link("x*y", variables={"x": (), "y": ()})], AT), raphson.ChainEvaluation)


def test_streams(client: raphson.Client) -> None:
    search = client.find_all("x**2 = 2", {"x": (-3, 3)})
    assert_type(search, raphson.RootSearch)
    for root in search:
        assert_type(root, raphson.FoundRoot)
    assert_type(search.summary, raphson.FindAllSummary | None)
    branch = client.follow("x**2 = r", {"x": 1.0}, {"r": 1.0}, parameter="r", lower=0.5, upper=2)
    assert_type(branch, raphson.Branch)
    assert_type(branch.all(), list[raphson.BranchPoint])


def test_the_rest(client: raphson.Client) -> None:
    assert_type(client.with_metadata({"a": "1"}), raphson.Client)
    assert_type(client.root(lambda x: [x[0] - 1], [0.5]), raphson.RootResult)
    assert_type(client.address, str)
    jobs: Callable[[], Iterator[raphson.Job]] = client.jobs
    assert callable(jobs)


def test_awaited(client: raphson.Client) -> None:
    async def calls() -> Any:
        async with aio.connect(client.address) as awaited:
            assert_type(awaited, aio.Client)
            assert_type(awaited.with_metadata({"a": "1"}), aio.Client)
            assert_type(await awaited.solve(CIRCLE, START, {"r": 2.0}), raphson.Solution)
            assert_type(await awaited.compile(CIRCLE, START, ["r"]), raphson.CompiledSystem)
            search = awaited.find_all("x**2 = 2", {"x": (-3, 3)})
            assert_type(search, aio.RootSearch)
            async for root in search:
                assert_type(root, raphson.FoundRoot)
            batch = await awaited.solve_batch("x = p", {"x": 1.0}, {"p": [1.0, 2.0]}, progress=False)
            assert_type(batch, raphson.BatchResult)

    asyncio.run(calls())
