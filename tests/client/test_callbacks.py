"""Functions that can only be called: traced if possible, else called, and it is said which."""

from __future__ import annotations

import asyncio
import logging
import math
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import raphson
from raphson import aio

START = [1.0, -1.7]
ROOT = [1.0041687384746591, -1.7296372870258699]


def two(x: Any) -> list[Any]:
    return [x[0] ** 2 + x[1] ** 2 - 4, math.exp(x[0]) + x[1] - 1]


def slopes(x: Any) -> list[Any]:
    return [[2 * x[0], 2 * x[1]], [math.exp(x[0]), 1.0]]


def many(x: Any) -> Any:
    assert x.ndim == 2
    return np.stack([x[:, 0] ** 2 + x[:, 1] ** 2 - 4, np.exp(x[:, 0]) + x[:, 1] - 1], axis=1)


async def waited(x: Any) -> list[Any]:
    await asyncio.sleep(0)
    return two(x)


def fails(_x: Any) -> Any:
    raise ZeroDivisionError("the caller's own")


def solve_awaited(client: raphson.Client, *args: Any, **options: Any) -> raphson.Solution:
    async def solve() -> raphson.Solution:
        async with aio.connect(client.address) as awaited:
            return await awaited.solve(*args, **options)

    return asyncio.run(solve())


def test_what_cannot_be_traced_is_called_and_said(client: raphson.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "raphson"):
        root = client.solve(two, START)
    assert (root.converged, root.how) == (True, "callback")
    assert root.x == pytest.approx(ROOT, rel=1e-11)
    assert "a traced value cannot be turned into a plain number" in root.why_called_back
    assert "by callbacks: it cannot be traced" in repr(root)
    assert "two() is called back: it cannot be traced" in caplog.text
    again = pickle.loads(pickle.dumps(root))
    assert (again.how, again.why_called_back) == (root.how, root.why_called_back)


def test_what_can_be_traced_is(client: raphson.Client) -> None:
    assert client.solve(lambda x: [x[0] ** 2 - 2], [1.0]).how == "traced"
    assert client.solve("x**2 = 2", {"x": 1.0}).how == "equations"
    called = client.solve(lambda x: [x[0] ** 2 - 2], [1.0], callback=True)
    assert (called.how, called.why_called_back) == ("callback", "callback=True")
    with pytest.raises(raphson.TraceError):
        client.solve(two, START, callback=False)


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (two, {"jacobian": "central"}),
        (two, {"jacobian": slopes}),
        (two, {"method": "newton"}),
        (many, {"vectorized": True}),
        (two, {"bounds": ([0, -2], [2, 0]), "nominal": [1.0, 2.0], "nominal_residual": [4.0, 1.0]}),
    ],
)
def test_ways_to_be_called_are_the_same_blocking_and_awaited(
    client: raphson.Client, function: Callable[..., Any], options: dict[str, Any]
) -> None:
    root = client.solve(function, START, **options, return_jacobian=True)
    awaited = solve_awaited(client, function, START, **options, return_jacobian=True)
    for found in (root, awaited):
        assert found.x == pytest.approx(ROOT, rel=1e-10)
        assert found.jacobian == pytest.approx(np.array(slopes(ROOT)), rel=5e-2)
    assert root.x.tolist() == awaited.x.tolist()
    assert root.evaluations == awaited.evaluations


def test_variables_and_parameters_come_by_name_and_shape(client: raphson.Client) -> None:
    def function(u: Any, v: Any, p: Any, label: str = "kept") -> Any:
        assert (u.shape, type(v), p.shape, label) == ((2, 2), float, (2,), "kept")
        u[0, 0] += 0.0  # its own copy
        return [float(each) ** 3 - p[0] for each in u.flat] + [v - p[1]]

    root = client.solve(function, {"u": np.ones((2, 2)), "v": 0.0}, {"p": np.array([8.0, 3.0])})
    assert root["u"] == pytest.approx(np.full((2, 2), 2.0))
    assert root["v"] == pytest.approx(3.0)


@pytest.mark.parametrize("callback", [None, True])
def test_what_a_function_raises_comes_out_as_it_is(client: raphson.Client, callback: bool | None) -> None:
    with pytest.raises(ZeroDivisionError, match="the caller's own"):
        client.solve(fails, [1.0], callback=callback)
    with pytest.raises(ZeroDivisionError, match="the caller's own"):
        solve_awaited(client, fails, [1.0], callback=callback)


def test_ctrl_c_in_a_function_ends_the_call_on_the_server(client: raphson.Client) -> None:
    def interrupted(_x: Any) -> Any:
        raise KeyboardInterrupt

    # More often than the server has places for callbacks.
    for _ in range(40):
        with pytest.raises(KeyboardInterrupt):
            client.solve(interrupted, [1.0], callback=True)
    assert client.solve(two, START).converged


def test_a_coroutine_function_is_awaited_for_all_points_at_once(client: raphson.Client) -> None:
    most = now = 0

    async def counted(x: Any) -> Any:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1
        return x**3 - 2

    root = solve_awaited(client, counted, np.ones(5))
    assert root["x"] == pytest.approx(np.full(5, 2 ** (1 / 3)))
    assert most == 5
    with pytest.raises(raphson.InvalidRequestError, match=r"a client of raphson\.aio"):
        client.solve(counted, np.ones(5))


def test_a_coroutine_function_may_fail(client: raphson.Client) -> None:
    async def function(_x: Any) -> Any:
        raise ZeroDivisionError("the caller's own")

    with pytest.raises(ZeroDivisionError, match="the caller's own"):
        solve_awaited(client, function, np.ones(5))


def test_a_plain_function_does_not_hold_the_loop_up(client: raphson.Client) -> None:
    threads = set()

    def function(x: Any) -> Any:
        threads.add(threading.current_thread())
        return two(x)

    assert solve_awaited(client, function, START, callback=True).converged
    assert threading.main_thread() not in threads


def test_an_embedded_server_has_all_its_seats_for_its_one_caller(client: raphson.Client) -> None:
    together = threading.Barrier(20)

    def solve(_: int) -> bool:
        calls = 0

        def meets(x: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 1:
                together.wait(60)
            return two(x)

        return client.solve(meets, START, callback=True).converged

    with ThreadPoolExecutor(together.parties) as threads:
        assert all(threads.map(solve, range(together.parties)))


def test_not_converging_is_a_result(client: raphson.Client) -> None:
    root = client.solve(lambda x: [math.exp(x[0]) + 1], [1.0], max_evaluations=30)
    assert root.status is raphson.Status.EVALUATION_LIMIT
    assert root.remedy
    late = client.solve(two, START, timeout_seconds=1e-6)
    assert late.status is raphson.Status.TIME_LIMIT


@pytest.mark.parametrize(
    ("function", "options", "field", "words"),
    [
        (two, {"certify": True}, "certify", "needs equations, and the function is called back: it cannot be traced"),
        (two, {"jacobian": [["1", "0"], ["0", "1"]]}, "jacobian", "expected a function that returns J"),
        (two, {"method": "broyden"}, "options.method", "not for callbacks"),
        (lambda x: None, {"callback": True}, "equations", "returned None; expected residuals"),
        (lambda x: "text", {"callback": True}, "equations", "returned 'text'; expected real numbers"),
        (lambda x: x * 1j, {"callback": True}, "equations", "expected real numbers"),
        (lambda x: [1.0], {"vectorized": True}, "equations", "returned shape (1,) for 1 points; expected (1, m)"),
        (lambda y: y, {"callback": True, "parameters": {"q": 1.0}}, "parameters[q]", "takes no argument 'q'"),
        (two, {"jacobian": lambda x: [1.0, 2.0, 3.0]}, "jacobian", "expected (m, 2), equations by unknowns"),
    ],
)
def test_what_makes_no_sense(
    client: raphson.Client, function: Callable[..., Any], options: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(raphson.InvalidRequestError) as caught:
        client.solve(function, START, **options)
    assert caught.value.fields[0].field == field
    assert words in str(caught.value)


def test_words_for_functions_are_refused_for_text(client: raphson.Client) -> None:
    with pytest.raises(raphson.InvalidRequestError, match="vectorized: is for functions; the equations are text"):
        client.solve("x = 1", {"x": 1.0}, vectorized=True)
