"""Every method of the awaited client, and that it returns what its namesake that blocks returns."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import raphson
from raphson import aio
from raphson.offering import finish

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer

EQUATIONS = ["x**2 + y**2 = r**2", "exp(x) + y = 1"]
START, GIVEN = {"x": 1.0, "y": -1.7}, {"r": 2.0}
POLAR, AT = ["r*cos(t)", "r*sin(t)"], {"r": 2.0, "t": 0.5}
GRID = {"r": np.linspace(1, 2, 7), "t": 0.5}

CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("solve", (EQUATIONS, START, GIVEN), {"trace": True, "certify": True, "sensitivity": True}),
    ("solve", (lambda x: [x[0] ** 2 - 2, x[1] - 1], [1.0, 1.0]), {}),
    ("solve", ("x**2 = -1", {"x": 1.5}), {"explain": True}),
    ("solve_batch", ("x**2 = p", {"x": 1.0}, {"p": np.linspace(1, 3, 5000)}), {}),
    ("explain", (["x + y = 3", "2*x + 2*y = 5"], {"x": 1.0, "y": 1.0}), {}),
    ("find_all", ("x**3 - x = 0.1", {"x": (-3, 3)}), {"prove": True}),
    ("follow", ("x**2 = r", {"x": 1.0}, {"r": 1.0}), {"parameter": "r", "lower": -1, "upper": 4, "downwards": True}),
    ("compile", (EQUATIONS, START, GIVEN), {}),
    ("value", (POLAR, AT), {}),
    ("jacobian", (POLAR, GRID), {"batch": 1}),
    ("jacobian", (POLAR, AT), {"sparse": True}),
    ("jacobian_with_error", (POLAR, AT), {}),
    ("jvp", (POLAR, AT), {"v": [1.0, 0.0]}),
    ("vjp", (POLAR, AT), {"v": [0.0, 1.0]}),
    ("gradient", ("x**2*y", {"x": 3.0, "y": 2.0}), {}),
    ("value_and_gradient", ("x**2*y", {"x": 3.0, "y": 2.0}), {}),
    ("hessian_vector_product", ("x**2*y", {"x": 3.0, "y": 2.0}), {"v": [1.0, 0.0]}),
    ("determinant", (POLAR, AT), {}),
    ("change_of_variables_logdensity", ("exp(x)", {"x": 0.5}), {"log_density": -1.0}),
    ("spectrum", (POLAR, AT), {}),
    ("propagate_covariance", (POLAR, AT), {"covariance": {"r": 0.1, "t": 0.01}}),
    ("chain", (["u[i]**2 for i in range(2)", raphson.Link("a*b", variables=["a", "b"])], {"u": np.ones(2)}), {}),
    ("check_jacobian", (["x**2*y", "x + y"], {"x": 3.0, "y": 2.0}, None, [["2*x*y", "x"], [1, 1]]), {}),
    ("root", (lambda x: [x[0] ** 2 - 2, x[1] - 1], [1.0, 1.0]), {}),
    ("systems", (), {}),
    ("differentiability", ("x*y/(x**2 + y**2)", {"x": 0.0, "y": 0.0}), {"value": 0.0}),
]  # fmt: skip
METHODS = sorted({name for name, _, _ in CALLS})


ONE_EACH = pytest.mark.parametrize(("name", "arguments", "options"), CALLS, ids=[name for name, _, _ in CALLS])


def asked(client: raphson.Client, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return what a method returns; of a stream all items, and how it ended."""
    found = getattr(client, name)(*arguments, **options)
    return [found.all(), ending(found)] if isinstance(found, raphson.RootSearch | raphson.Branch) else found


def awaited(address: str, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the same of a client that is awaited."""

    async def call() -> Any:
        async with aio.connect(address) as client:
            pending = getattr(client, name)(*arguments, **options)
            if isinstance(pending, aio.RootSearch | aio.Branch):
                return [[item async for item in pending], ending(pending)]
            return await pending

    return asyncio.run(call())


def ending(stream: Any) -> Any:
    return stream.summary if hasattr(stream, "summary") else stream.end


@ONE_EACH
def test_the_result_is_the_same(
    client: raphson.Client, name: str, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    assert_same(awaited(client.address, name, arguments, options), asked(client, name, arguments, options))


@ONE_EACH
def test_the_requests_are_the_same(
    scripted: ScriptedServer, name: str, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    # The scripted replies do not fit all systems; then both clients complain.
    with raphson.connect(scripted.address) as blocking, contextlib.suppress(raphson.RaphsonError, IndexError):
        asked(blocking, name, arguments, options)
    expected = scripted.requests.copy()
    scripted.requests.clear()
    with contextlib.suppress(raphson.RaphsonError, IndexError):
        awaited(scripted.address, name, arguments, options)
    assert expected
    assert scripted.requests == expected


def assert_same(found: Any, expected: Any) -> None:
    """Compare numbers as far as code that is compiled between two calls lets them be the same."""
    assert type(found) is type(expected)
    match expected:
        case np.ndarray() | float():
            assert np.allclose(found, expected, rtol=1e-9, atol=1e-9, equal_nan=True)
        case raphson.BatchResult():
            assert_same((found.x, found.status, found.variables), (expected.x, expected.status, expected.variables))
        case raphson.Solution():
            for field in ("status", "x", "variables", "certificate", "sensitivity", "explanation", "system_id"):
                assert_same(getattr(found, field), getattr(expected, field))
            assert len(found.trace) == len(expected.trace)
        case raphson.RootResult():
            assert_same([*found.values()], [*expected.values()])
        case list() | tuple():
            assert len(found) == len(expected)
            for one, other in zip(found, expected, strict=True):
                assert_same(one, other)
        case _ if dataclasses.is_dataclass(expected):
            for field in dataclasses.fields(expected):
                assert_same(getattr(found, field.name), getattr(expected, field.name))
        case _:
            assert found == expected


def test_every_method_is_compared() -> None:
    # What makes no call is compared in test_metadata.
    assert sorted(public(aio.Client) - {"close", "address", "with_metadata"}) == METHODS


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize("name", METHODS)
def test_the_arguments_and_the_words_are_the_same(name: str) -> None:
    ours, blocking = getattr(aio.Client, name), getattr(raphson.Client, name)
    assert inspect.signature(ours) == inspect.signature(blocking)
    assert ours.__doc__ == blocking.__doc__
    assert ours.__name__ == blocking.__name__ == name
    assert inspect.iscoroutinefunction(ours) == (name not in {"find_all", "follow"})
    assert not inspect.iscoroutinefunction(blocking)


def wrong_start(client: Any) -> Any:
    return client.solve("x**2 + y = 2", {"x": 1.0})


def wrong_option(client: Any) -> Any:
    return client.solve("x**2 = 2", {"x": 1.0}, tolerance=-1.0)


def wrong_column(client: Any) -> Any:
    return client.solve_batch("x = p", {"x": [1.0, 2.0]}, {"p": [1.0, 2.0, 3.0]})


def untraceable(client: Any) -> Any:
    return client.solve(lambda x: float(x[0]), [1.0], callback=False)


@pytest.mark.parametrize("call", [wrong_start, wrong_option, wrong_column, untraceable])
def test_errors_are_the_same(client: raphson.Client, call: Callable[[Any], Any]) -> None:
    with pytest.raises(raphson.InvalidRequestError) as expected:
        call(client)

    async def awaited_call() -> None:
        async with aio.connect(client.address) as other:
            await call(other)

    with pytest.raises(type(expected.value)) as caught:
        asyncio.run(awaited_call())
    assert str(caught.value) == str(expected.value)
    assert caught.value.fields == expected.value.fields
    assert (caught.value.code, caught.value.reason) == (expected.value.code, expected.value.reason)


def test_a_system_compiled_by_either_serves_both(client: raphson.Client) -> None:
    async def use(system: raphson.CompiledSystem) -> tuple[raphson.CompiledSystem, raphson.Solution]:
        async with aio.connect(client.address) as other:
            root = await other.solve(system, {"x": 1.0}, {"p": 9.0})
            return await other.compile("x = a", variables=["x"], parameters=["a"]), root

    system = client.compile("x**2 = p", variables=["x"], parameters=["p"])
    other, root = asyncio.run(use(system))
    assert root["x"] == pytest.approx(3.0)
    assert client.solve(other, {"x": 0.0}, {"a": 5.0})["x"] == 5.0


def test_a_coroutine_that_waits_is_refused_where_everything_blocks() -> None:
    pause: Coroutine[Any, Any, None] = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="waits for an event loop"):
        finish(pause)
