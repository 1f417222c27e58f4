"""`root` beside ``scipy.optimize.root``: the same calls, and the same fields of the result."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy as np
import pytest
import raphson
from raphson import aio
from scipy import optimize


def coupled(x: Any, a: float = 4.0, b: float = 1.0) -> list[Any]:
    return [x[0] ** 2 + x[1] ** 2 - a, np.exp(x[0]) + x[1] - b]


def opaque(x: Any, a: float = 4.0, b: float = 1.0) -> list[Any]:
    return [x[0] ** 2 + x[1] ** 2 - a, math.exp(x[0]) + x[1] - b]


def slopes(x: Any, _a: float = 4.0, _b: float = 1.0) -> Any:
    return np.array([[2 * x[0], 2 * x[1]], [math.exp(x[0]), 1.0]])


CALLS: list[dict[str, Any]] = [
    {"fun": coupled},
    {"fun": opaque},
    {"fun": opaque, "args": (4.0, 1.0)},
    {"fun": coupled, "args": (5.0, 1.0), "method": "lm"},
    {"fun": opaque, "method": "lm"},
    {"fun": opaque, "jac": slopes},
    {"fun": lambda x: (opaque(x), slopes(x)), "jac": True},
    {"fun": opaque, "jac": lambda x: slopes(x).T, "options": {"col_deriv": True}},
    {"fun": coupled, "tol": 1e-10, "options": {"maxfev": 500}},
]


@pytest.mark.parametrize("call", CALLS)
def test_calls_written_for_scipy_work_unchanged(client: raphson.Client, call: dict[str, Any]) -> None:
    expected = optimize.root(x0=[1.0, -1.7], **call)
    found = client.root(x0=[1.0, -1.7], **call)
    assert found.success
    assert found.success == expected.success
    assert found.x == pytest.approx(expected.x, rel=1e-8)
    shared = {"x", "success", "message", "fun", "nfev", "method"} | ({"status"} & set(expected))
    assert shared <= set(found)
    assert found["x"] is found.x
    assert found.fun.shape == expected.fun.shape
    assert found.how == ("traced" if call["fun"] is coupled else "callback")


def test_failing_is_said(client: raphson.Client) -> None:
    found = client.root(lambda x: x**2 + 1, 1.0, options={"maxfev": 40})
    assert not found.success
    assert found.status is not raphson.Status.CONVERGED
    assert ";" in found.message
    assert found.x.shape == (1,)


def test_it_prints_well(client: raphson.Client) -> None:
    lines = repr(client.root(coupled, [1.0, -1.7])).splitlines()
    assert lines[0].split(": ")[0].strip() == "x"
    assert "success: True" in lines
    assert any(line.startswith("   nfev: ") for line in lines)
    assert len({line.index(":") for line in lines}) == 1


def test_the_callback_sees_every_evaluation(client: raphson.Client) -> None:
    seen: list[tuple[Any, Any]] = []
    found = client.root(coupled, [1.0, -1.7], callback=lambda x, f: seen.append((x, f)))
    assert len(seen) == found.nfev
    assert seen[0][0].tolist() == [1.0, -1.7]
    assert seen[0][1] == coupled([1.0, -1.7])


def test_it_is_awaited_too(client: raphson.Client) -> None:
    async def solve() -> raphson.RootResult:
        async with aio.connect(client.address) as awaited:
            return await awaited.root(opaque, [1.0, -1.7])

    assert asyncio.run(solve()).success


@pytest.mark.parametrize(
    ("arguments", "field", "words"),
    [
        ({"method": "krylov"}, "method", "'krylov' is SciPy's alone; expected one of hybr, lm"),
        ({"method": "hybrid"}, "method", "hybrid"),
        ({"options": {"factor": 10}}, "options[factor]", "has no meaning here; expected one of maxfev"),
        ({"jac": 3}, "jac", "3 is no function"),
        ({"fun": "x = 1"}, "fun", "`solve` takes equations"),
    ],
)
def test_what_makes_no_sense(client: raphson.Client, arguments: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(raphson.InvalidRequestError) as caught:
        client.root(**{"fun": coupled, "x0": [1.0, -1.7], **arguments})
    assert caught.value.fields[0].field == field
    assert words in str(caught.value)


def test_without_a_client_a_server_is_started_once(monkeypatch: pytest.MonkeyPatch, client: raphson.Client) -> None:
    started = []

    def connect() -> raphson.Client:
        started.append(client)
        return client

    monkeypatch.setattr("raphson.default_client.connect", connect)
    monkeypatch.setattr("raphson.default_client._client", None)
    monkeypatch.setattr("atexit.register", lambda _: None)
    for _ in range(2):
        assert raphson.root(coupled, [1.0, -1.7]).success
    assert len(started) == 1
