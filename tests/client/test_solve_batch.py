"""Batches of solves: which arrays count members, what is sent, and what comes back."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import raphson
from google.rpc.error_details_pb2 import ErrorInfo
from raphson import batch_solving, progress
from raphson.v1.solver_pb2 import SolveBatchResponse
from raphson.v1.system_pb2 import CompileResponse

from tests.client.conftest import SYSTEM_ID, packed, solved_at_start

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer

EQUATIONS = ["x**2 + y = p", "y = q*x"]
# |f| is at most 1e-12 of the terms that cancel and of J·x: about six times p, and x is moved by half of that.
EARNED = 6e-12
RANDOM = np.random.default_rng(3)


def roots_of(p: Any, q: Any) -> Any:
    """The positive root of EQUATIONS, by the quadratic formula: shape (B, 2)."""
    x = (-np.asarray(q) + np.sqrt(np.asarray(q) ** 2 + 4 * np.asarray(p))) / 2
    return np.column_stack([x, q * x])


# --- what comes back ----------------------------------------------------------------------------------------


def test_a_batch_is_what_single_solves_are(client: raphson.Client) -> None:
    p, q = RANDOM.uniform(1, 4, 500), RANDOM.uniform(0.1, 1, 500)
    result = client.solve_batch(EQUATIONS, {"x": 1.0, "y": 1.0}, {"p": p, "q": q})
    assert len(result) == 500
    assert result.converged.all()
    assert np.abs(result.x - roots_of(p, q)).max() < EARNED * 4
    for member in (0, 77, 499):
        single = client.solve(EQUATIONS, {"x": 1.0, "y": 1.0}, {"p": p[member], "q": q[member]})
        assert np.abs(single.x - result.x[member]).max() < EARNED * 4
    assert result["x"].shape == result["y"].shape == result.residual_norm.shape == result.iterations.shape == (500,)
    assert np.array_equal(np.column_stack([result["x"], result["y"]]), result.x)
    assert result.residual_norm.max() < EARNED * 4
    assert result.iterations.min() >= 2
    assert (result.x.dtype, result.status.dtype, result.iterations.dtype) == (np.float64, np.int8, np.int32)


def test_the_order_is_kept_over_many_chunks(client: raphson.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_solving, "CHUNK_BYTES", 5000)
    p, q = np.arange(1.0, 30_001.0), np.full(30_000, 0.5)
    result = client.solve_batch(EQUATIONS, {"x": p, "y": 1.0}, {"p": p, "q": q})
    assert result.converged.all()
    assert (np.abs(result.x - roots_of(p, q)) <= EARNED * np.sqrt(p)[:, None]).all()


@pytest.mark.parametrize("how", ["previous", "nearest"])
def test_warm_starts_lead_to_the_same_roots_in_fewer_steps(client: raphson.Client, how: Any) -> None:
    p = np.linspace(1, 40, 500)
    cold = client.solve_batch("x**2 = p", {"x": 1.0}, {"p": p})
    warm = client.solve_batch("x**2 = p", {"x": 1.0}, {"p": p}, warm_start=how)
    assert warm.converged.all()
    assert np.abs(warm["x"] - np.sqrt(p)).max() < EARNED * 4
    assert warm.iterations.mean() < 0.7 * cold.iterations.mean()


def test_each_member_has_its_own_status(client: raphson.Client) -> None:
    result = client.solve_batch("x**2 = p", {"x": 1.0}, {"p": [4.0, np.nan, -1.0, 9.0]})
    assert result.converged.tolist() == [True, False, False, True]
    assert result.status[1] == raphson.Status.DOMAIN_ERROR
    assert np.isnan(result.residual_norm[1])
    assert np.allclose(result["x"][[0, 3]], [2, 3], rtol=EARNED)


def test_how_a_result_reads(client: raphson.Client) -> None:
    p = np.r_[np.ones(110), np.nan]
    result = client.solve_batch("x**2 = p", {"x": 1.0}, {"p": p})
    assert str(result) == "111 members\n  110 converged\n    1 domain error"
    assert repr(result) == "<BatchResult of 111 members, 110 converged>"
    assert result.unknown_names == result.keys() == ("x",)
    assert dict(result)["x"].shape == (111,)
    with pytest.raises(KeyError, match="'z' is not a variable; the variables are x"):
        result["z"]


# --- which arrays count members -----------------------------------------------------------------------------


def test_names_of_text_are_scalars_unless_shapes_say_otherwise(client: raphson.Client) -> None:
    text = "u[i]**2 = p*a[i] for i in range(3)"
    shapes = {"u": (3,), "a": (3,)}
    p, a = np.array([1.0, 4.0]), np.array([1.0, 4.0, 9.0])
    result = client.solve_batch(text, {"u": np.ones(3)}, {"p": p, "a": a}, shapes=shapes)
    assert result["u"].shape == (2, 3)
    assert np.allclose(result["u"], np.outer(np.sqrt(p), [1, 2, 3]), rtol=EARNED)
    by_row = client.solve_batch(text, {"u": np.ones((2, 3))}, {"p": 1.0, "a": np.stack([a, 4 * a])}, shapes=shapes)
    assert np.allclose(by_row["u"], result["u"], rtol=EARNED)


def test_who_forgets_the_shapes_is_told_of_them(client: raphson.Client) -> None:
    text = "u[i]**2 = p for i in range(3)"
    with pytest.raises(raphson.InvalidRequestError, match="takes no index") as caught:
        client.solve_batch(text, {"u": np.ones(3)}, {"p": np.ones(5)})
    assert "shapes={'u': (50,)}" in caught.value.__notes__[0]
    result = client.solve_batch(text, {"u": np.ones(3)}, {"p": np.ones(5)}, shapes={"u": (3,)})
    assert result["u"].shape == (5, 3)


def test_a_handle_knows_its_shapes(client: raphson.Client) -> None:
    system = client.compile("A[i,j]**2 = p for i in range(2) for j in range(3)", variables={"A": (2, 3)},
                            parameters=["p"])  # fmt: skip
    result = client.solve_batch(system, np.ones((4, 6)), {"p": [1.0, 4.0, 9.0, 16.0]})
    assert result["A"].shape == (4, 2, 3)
    assert np.allclose(result["A"], np.arange(1.0, 5)[:, None, None], rtol=EARNED)
    assert len(client.solve_batch(system, np.ones(6), {"p": 4.0})) == 1
    assert len(client.solve_batch(system, {"A": np.ones((7, 2, 3))}, {"p": 4.0})) == 7


def test_functions_too(client: raphson.Client) -> None:
    weights = np.linspace(1, 2, 40)
    result = client.solve_batch(
        lambda u, p: u**2 * weights - p, np.ones((5, 40)), {"p": np.arange(1.0, 6)}, shapes={"u": (40,)}
    )
    assert np.allclose(result["u"], np.sqrt(np.arange(1.0, 6)[:, None] / weights), rtol=EARNED)


def test_a_value_that_is_part_of_the_system(client: raphson.Client) -> None:
    text, shapes = "u[i]**2 = p + i*0*n for i in range(n)", {"u": (2,)}
    result = client.solve_batch(text, {"u": np.ones(2)}, {"p": [1.0, 4.0], "n": 2}, shapes=shapes)
    assert np.allclose(result["u"], [[1, 1], [2, 2]], rtol=EARNED)
    system = client.compile(text, {"u": np.ones(2)}, {"p": 1.0, "n": 2})
    with pytest.raises(raphson.InvalidRequestError, match=r"parameters\[n\]: is used as a range"):
        client.solve_batch(system, {"u": np.ones(2)}, {"p": 1.0, "n": [2.0, 2.0]})
    with pytest.raises(raphson.InvalidRequestError, match="'n'"):
        client.solve_batch(text, {"u": np.ones(2)}, {"p": 1.0, "n": [2.0, 2.0]}, shapes=shapes)


@pytest.mark.parametrize(
    ("arguments", "field", "words"),
    [
        ({"start": {"x": [1.0, 2.0], "y": 1.0}}, "parameters[p]", "3 members, but start[x] has 2"),
        ({"start": {"x": [[1.0]], "y": 1.0}}, "start[x]", "shape (1, 1); expected () for all members, or (B,)"),
        ({"start": {"x": [], "y": 1.0}}, "start[x]", "no members"),
        ({"start": {"x": [1.0, 2.0, np.inf], "y": 1.0}}, "start[x]", "inf at [2]; expected finite"),
        ({"start": {"x": "one", "y": 1.0}}, "start[x]", "not a real number"),
        ({"start": [1.0, 2.0]}, "start", "without names"),
        ({"start": {"x": 1.0}}, "equations[0]", "'y'"),
        ({"warm_start": "next"}, "warm_start", "'next' is not known; expected one of 'previous', 'nearest'"),
        ({"shapes": {"z": (2,)}}, "shapes[z]", "neither in start nor"),
        ({"shapes": {"x": 2}}, "shapes", "expected name → shape"),
        ({"tolerance": 2.0}, "options.tolerance", "2.0"),
        ({"max_iterations": 0}, "options.max_iterations", "0"),
        ({"method": "newtown"}, "method", "did you mean 'newton'?"),
        ({"timeout_seconds": -1}, "timeout_seconds", "-1"),
    ],
)
def test_what_makes_no_sense(client: raphson.Client, arguments: dict[str, Any], field: str, words: str) -> None:
    given = {"start": {"x": 1.0, "y": 1.0}, "parameters": {"p": [1.0, 2.0, 3.0], "q": 1.0}} | arguments
    with pytest.raises(raphson.InvalidRequestError) as caught:
        client.solve_batch(EQUATIONS, **given)
    assert caught.value.fields[0].field == field
    assert words in str(caught.value)


def test_an_array_that_has_not_its_shape(client: raphson.Client) -> None:
    with pytest.raises(raphson.InvalidRequestError, match=r"start\[u\]: shape \(3,\); expected \(2,\) for .* \(B, 2\)"):
        client.solve_batch(["u[0] = u[1]", "u[1] = 1"], {"u": np.ones(3)}, shapes={"u": (2,)})


def test_what_makes_no_sense_for_a_handle(client: raphson.Client) -> None:
    system = client.compile(EQUATIONS, variables=["x", "y"], parameters=["p", "q"])
    start, given = {"x": 1.0, "y": 1.0}, {"p": 1.0, "q": 1.0}
    for arguments, field in (
        ((start | {"z": 1.0}, given), "start[z]"),
        ((start, given | {"z": 1.0}), "parameters[z]"),
        ((np.ones((2, 3)), given), "start"),
        (({"x": 1.0}, given), "start[y]"),
        ((start, {"p": 1.0}), "parameters[q]"),
    ):
        with pytest.raises(raphson.InvalidRequestError) as caught:
            client.solve_batch(system, *arguments)
        assert caught.value.fields[0].field == field
    with pytest.raises(raphson.InvalidRequestError, match="knows its shapes"):
        client.solve_batch(system, start, given, shapes={"x": (2,)})


# --- what is sent, and when ---------------------------------------------------------------------------------


def small_chunks(monkeypatch: pytest.MonkeyPatch, members: int) -> None:
    """Let chunks of one variable have so many members."""
    monkeypatch.setattr(batch_solving, "CHUNK_BYTES", members * (8 + batch_solving.RESULT_BYTES))


def test_the_chunks(scripted: ScriptedServer, talking: raphson.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    small_chunks(monkeypatch, 4)
    x = np.arange(10.0)
    result = talking.solve_batch("x = p", {"x": x}, {"p": 7.0}, method="newton", tolerance=1e-9, max_iterations=5)
    compiled, *chunks = scripted.requests
    assert [variable.name for variable in compiled.definition.variables] == ["x"]
    assert [chunk.members for chunk in chunks] == [4, 4, 2]
    assert {chunk.system.system_id for chunk in chunks} == {SYSTEM_ID}
    assert [list(chunk.start[0].array.shape) for chunk in chunks] == [[4], [4], [2]]
    assert [list(chunk.parameters[0].array.shape) for chunk in chunks] == [[], [], []]
    assert (chunks[2].options.method, chunks[2].options.tolerance, chunks[2].options.max_iterations) == (2, 1e-9, 5)
    assert not chunks[0].options.HasField("absolute_tolerance")
    assert np.array_equal(result.x[:, 0], x)
    assert np.array_equal(result.iterations, np.full(10, 3))


def test_a_small_batch_is_cut_for_several_workers(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.solve_batch("x = 1", {"x": np.ones(20_000)})
    assert [chunk.members for chunk in scripted.requests[1:]] == [2500] * 8
    scripted.requests.clear()
    talking.solve_batch("x = 1", {"x": np.ones(2000)})
    assert [chunk.members for chunk in scripted.requests[1:]] == [2000]


class Silent:
    """Reads every chunk there is, and answers none until it is let."""

    def __init__(self, *, answers: bool = True) -> None:
        self.read = 0
        self.answers = answers
        self.may_answer = threading.Event()
        self.ended = threading.Event()

    def __call__(self, chunks: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        if not context.add_callback(self.ended.set):
            self.ended.set()
        kept: list[Any] = []
        reader = threading.Thread(target=lambda: kept.extend(self._count(chunks)), daemon=True)
        reader.start()
        self.may_answer.wait(20)
        answered = 0
        while reader.is_alive() or answered < self.read:
            while answered < len(kept):
                yield solved_at_start(kept[answered])
                answered += 1
            time.sleep(0.001)

    def _count(self, chunks: Iterator[Any]) -> Iterator[Any]:
        with contextlib.suppress(grpc.RpcError):  # of a call that was cancelled
            for chunk in chunks:
                self.read += 1
                yield chunk


def test_no_more_chunks_are_sent_than_may_be_in_flight(
    scripted: ScriptedServer, talking: raphson.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_chunks(monkeypatch, 1)
    silent = Silent()
    scripted.script.append(silent)
    scripted.script.insert(0, lambda request, context: compiled_like(request))
    counts: list[int] = []

    def watch() -> None:
        time.sleep(0.5)
        counts.append(silent.read)
        silent.may_answer.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = talking.solve_batch("x = 1", {"x": np.arange(100.0)})
    watcher.join()
    assert counts == [batch_solving.MOST_IN_FLIGHT]
    assert silent.read == 100
    assert np.array_equal(result.x[:, 0], np.arange(100.0))


def compiled_like(request: Any) -> Any:
    return CompileResponse(
        system_id=SYSTEM_ID, variable_count=1, equation_count=1, variables=request.definition.variables
    )


# --- when something goes wrong ------------------------------------------------------------------------------


def failing(after: int, code: grpc.StatusCode, reason: str, **metadata: str) -> Any:
    """A conversation that fails after so many chunks."""

    def action(chunks: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        for _ in range(after):
            yield solved_at_start(next(chunks))
        next(chunks)
        details = packed(ErrorInfo(reason=reason, metadata=metadata))
        context.set_trailing_metadata((("grpc-status-details-bin", details),))
        context.abort(code, reason)

    return action


@pytest.fixture
def system(talking: raphson.Client, scripted: ScriptedServer) -> raphson.CompiledSystem:
    compiled = talking.compile("x = 1", variables=["x"])
    scripted.requests.clear()
    return compiled


def test_a_server_that_forgot_the_system_is_told_again(
    scripted: ScriptedServer, talking: raphson.Client, system: raphson.CompiledSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_chunks(monkeypatch, 3)
    scripted.script.append(failing(2, grpc.StatusCode.NOT_FOUND, "SYSTEM_NOT_CACHED"))
    x = np.arange(10.0)
    assert np.array_equal(talking.solve_batch(system, {"x": x}).x[:, 0], x)
    kinds = [type(request).__name__ for request in scripted.requests]
    after = kinds.index("CompileRequest")
    assert [chunk.start[0].array.data for chunk in scripted.requests[after + 1 :]] == [
        x[6:9].tobytes(),
        x[9:].tobytes(),
    ]


def test_what_a_lost_worker_had_is_sent_again(
    scripted: ScriptedServer, talking: raphson.Client, system: raphson.CompiledSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_chunks(monkeypatch, 2)
    scripted.script += [failing(1, grpc.StatusCode.UNAVAILABLE, "WORKER_LOST") for _ in range(6)]
    x = np.arange(20.0)
    assert np.array_equal(talking.solve_batch(system, {"x": x}).x[:, 0], x)


def test_it_is_not_tried_for_ever(
    scripted: ScriptedServer, talking: raphson.Client, system: raphson.CompiledSystem
) -> None:
    def lost(chunks: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        context.send_initial_metadata(())  # so that gRPC itself does not try again
        yield from failing(0, grpc.StatusCode.UNAVAILABLE, "WORKER_LOST")(chunks, context)

    scripted.script += [lost] * 9
    with pytest.raises(raphson.ServerUnavailableError, match="WORKER_LOST"):
        talking.solve_batch(system, {"x": np.ones(3)})
    assert len(scripted.script) == 9 - batch_solving.ATTEMPTS


def test_chunks_shrink_for_a_server_of_small_messages(
    scripted: ScriptedServer, talking: raphson.Client, system: raphson.CompiledSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_chunks(monkeypatch, 8)
    limit = {"limit": "max_message_bytes", "value": "200", "maximum": "100"}
    scripted.script.append(failing(0, grpc.StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED", **limit))
    x = np.arange(10.0)
    assert np.array_equal(talking.solve_batch(system, {"x": x}).x[:, 0], x)
    sizes = [chunk.members for chunk in scripted.requests]
    assert sizes[-4:] == [3, 3, 3, 1]


def test_other_errors_are_raised(
    scripted: ScriptedServer, talking: raphson.Client, system: raphson.CompiledSystem
) -> None:
    for code, kind in (
        (grpc.StatusCode.INVALID_ARGUMENT, raphson.InvalidRequestError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, raphson.ServerBusyError),
        (grpc.StatusCode.INTERNAL, raphson.InternalServerError),
    ):
        scripted.script.append(failing(0, code, "SOME"))
        with pytest.raises(kind, match="SOME"):
            talking.solve_batch(system, {"x": np.ones(3)})
    assert talking.solve_batch(system, {"x": np.ones(3)}).converged.all()


@pytest.mark.parametrize(
    ("reply", "words"),
    [(None, "ended a batch after 0 of 3"), (SolveBatchResponse(statuses=b"\1\1\1"), "results of 3 members take")],
)
def test_a_server_that_does_not_keep_to_the_contract(
    scripted: ScriptedServer,
    talking: raphson.Client,
    system: raphson.CompiledSystem,
    reply: SolveBatchResponse | None,
    words: str,
) -> None:
    scripted.script.append(lambda chunks, context: [] if reply is None else [reply])
    with pytest.raises(raphson.IncompatibleServerError, match=words):
        talking.solve_batch(system, {"x": np.ones(3)})


def test_an_interrupt_cancels_the_call(
    scripted: ScriptedServer, talking: raphson.Client, system: raphson.CompiledSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_chunks(monkeypatch, 1)
    silent = Silent()
    scripted.script.append(silent)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        talking.solve_batch(system, {"x": np.ones(1000)})
    assert silent.ended.wait(2)
    silent.may_answer.set()
    assert silent.read == batch_solving.MOST_IN_FLIGHT
    assert talking.solve_batch(system, {"x": np.ones(3)}).converged.all()


@pytest.mark.alone
def test_a_real_server_is_free_after_the_deadline(client: raphson.Client) -> None:
    hopeless = {"p": np.full(100_000, -1.0)}
    began = time.monotonic()
    with pytest.raises(raphson.DeadlineExceededError, match=r"within 0\.\d+ s"):
        client.solve_batch("x**2 = p", {"x": 0.7}, hopeless, method="newton", max_iterations=5000, timeout_seconds=0.5)
    assert time.monotonic() - began < 1.0
    assert client.solve("x = 1", {"x": 0.0}).converged
    assert time.monotonic() - began < 2.0


def test_a_closed_client_says_so(talking: raphson.Client, system: raphson.CompiledSystem) -> None:
    talking.close()
    with pytest.raises(raphson.ClientStateError, match="is closed"):
        talking.solve_batch(system, {"x": np.ones(3)})


# --- the bar ------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_shown_on_a_terminal(
    talking: raphson.Client, system: raphson.CompiledSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    talking.solve_batch(system, {"x": np.ones(5000)})
    assert "100%" in terminal.getvalue()
    assert "members/s" in terminal.getvalue()
    terminal.truncate(0)
    talking.solve_batch(system, {"x": np.ones(5000)}, progress=False)
    assert terminal.getvalue().strip("\0") == ""


def test_elsewhere_a_bar_is_shown_where_it_is_asked_for(
    talking: raphson.Client, system: raphson.CompiledSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    talking.solve_batch(system, {"x": np.ones(5000)})
    assert capsys.readouterr().err == ""
    talking.solve_batch(system, {"x": np.ones(5000)}, progress=True)
    assert "5.00k/5.00k" in capsys.readouterr().err


def test_without_tqdm(talking: raphson.Client, system: raphson.CompiledSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: None)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    talking.solve_batch(system, {"x": np.ones(5)})
    assert terminal.getvalue() == ""
    with pytest.raises(raphson.InvalidRequestError, match=r"progress: a bar needs tqdm"):
        talking.solve_batch(system, {"x": np.ones(5)}, progress=True)
