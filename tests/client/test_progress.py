"""`solve(progress=…)`: word of how far it has come, and the result; in both clients."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import raphson
from raphson import SolveProgress, aio, progress
from raphson.v1.solver_pb2 import SolveProgress as WireProgress
from raphson.v1.solver_pb2 import SolveWithProgressResponse

from tests.client.conftest import SYSTEM_ID, root_like, scalar

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer

RESULT = SolveWithProgressResponse(result=root_like([scalar("x", 2.0)]))


def word(iteration: int, **more: Any) -> SolveWithProgressResponse:
    known = {"residual_norm": 0.5, "scaled_residual": 0.25, "elapsed_seconds": 1.26, "linear_solver": "dense LU"} | more
    return SolveWithProgressResponse(progress=WireProgress(iteration=iteration, method="METHOD_LINE_SEARCH", **known))


def test_a_function_is_told_and_the_result_is_that_of_a_solve(
    scripted: ScriptedServer, talking: raphson.Client
) -> None:
    said: list[SolveProgress] = []
    scripted.stream(word(0), word(1, linear_seconds=0.75, linear_solver="sparse LU"), RESULT)
    solution = talking.solve("x = 2", {"x": 1.0}, progress=said.append)
    assert (solution["x"], solution.iterations) == (2.0, 3)
    assert [str(each) for each in said] == [
        "line search, 0 iterations: largest |f| 0.5, scaled 0.25; 1.3 s (dense LU)",
        "line search, 1 iteration: largest |f| 0.5, scaled 0.25; 1.3 s (sparse LU 0.8 s)",
    ]
    assert np.isnan(said[0].linear_seconds)
    # The id is learnt, and goes first the next time, however the system is solved.
    scripted.stream(RESULT)
    talking.solve("x = 2", {"x": 1.0}, progress=said.append)
    assert scripted.requests[1].system.system_id == SYSTEM_ID


def test_a_line_is_shown(
    scripted: ScriptedServer, talking: raphson.Client, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    scripted.stream(word(0), word(7), RESULT)
    assert talking.solve("x = 2", {"x": 1.0}, progress=True).converged
    shown = capsys.readouterr().err
    assert "line search, 7 iterations: largest |f| 0.5" in shown
    assert shown.count("\n") == 1
    monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(raphson.InvalidRequestError, match=r"progress: a line needs tqdm"):
        talking.solve("x = 2", {"x": 1.0}, progress=True)
    with pytest.raises(raphson.InvalidRequestError, match=r"progress: 'yes' is neither True nor False nor"):
        talking.solve("x = 2", {"x": 1.0}, progress="yes")  # type: ignore[arg-type]


def test_a_server_that_forgets_the_result_or_the_method(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.stream(word(0))
    with pytest.raises(raphson.IncompatibleServerError, match="without its result"):
        talking.solve("x = 2", {"x": 1.0}, progress=lambda _: None)
    scripted.stream(SolveWithProgressResponse(progress=WireProgress(method=77)))  # type: ignore[arg-type]
    with pytest.raises(raphson.IncompatibleServerError, match="method 77"):
        talking.solve("x = 2", {"x": 1.0}, progress=lambda _: None)


class Endless:
    """Tells of one iteration and then works on until the caller is gone."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def __call__(self, _: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        if not context.add_callback(self.ended.set):
            self.ended.set()
        yield word(0)
        assert self.ended.wait(20)


def refuse(_: SolveProgress) -> None:
    raise ZeroDivisionError


def test_an_error_of_the_function_cancels_the_solve(scripted: ScriptedServer, talking: raphson.Client) -> None:
    endless = Endless()
    scripted.script.append(endless)
    with pytest.raises(ZeroDivisionError):
        talking.solve("x = 2", {"x": 1.0}, progress=refuse)
    assert endless.ended.wait(2)


def test_awaited(scripted: ScriptedServer) -> None:
    said: list[SolveProgress] = []
    stuck, refused = Endless(), Endless()
    scripted.stream(word(0), word(5), RESULT)
    scripted.script += [refused, stuck]

    async def run() -> None:
        async with aio.connect(scripted.address) as client:
            solution = await client.solve("x = 2", {"x": 1.0}, progress=said.append)
            assert (solution["x"], [each.iteration for each in said]) == (2.0, [0, 5])
            with pytest.raises(ZeroDivisionError):
                await client.solve("x = 2", {"x": 1.0}, progress=refuse)
            assert await asyncio.to_thread(refused.ended.wait, 2)
            begun = asyncio.Event()
            pending = asyncio.create_task(client.solve("x = 2", {"x": 1.0}, progress=lambda _: begun.set()))
            await begun.wait()
            pending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await pending
            assert await asyncio.to_thread(stuck.ended.wait, 2)

    asyncio.run(run())


def test_a_real_server_tells(client: raphson.Client) -> None:
    said: list[SolveProgress] = []
    n = 12_000
    solution = client.solve(f"x[i]**2 = i + 1 for i in range({n})", {"x": np.ones(n)}, progress=said.append)
    np.testing.assert_allclose(solution["x"], np.sqrt(np.arange(1, n + 1)), rtol=1e-12)
    assert (said[0].iteration, said[0].linear_solver) == (0, "sparse, auto")
    assert said[-1].iteration == solution.iterations
    assert said[-1].residual_norm == solution.residual_norm
    with pytest.raises(raphson.InvalidRequestError, match=r"start\[x\]"):
        client.solve("x = 1", {"x": np.nan}, progress=said.append)
