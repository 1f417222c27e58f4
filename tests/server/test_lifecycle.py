"""Starting, announcing, draining and stopping."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from unittest.mock import Mock
from urllib.error import URLError
from urllib.request import urlopen

import grpc
import numpy as np
import pytest
import raphson
from grpc_health.v1 import health_pb2
from raphson.v1 import solver_pb2 as wire
from raphson.v1.jacobian_pb2 import EvaluateRequest, EvaluateResponse
from raphson_server.configuration import ServerConfig
from raphson_server.front_end.service import Service

from tests.server.calling import by_text, chunk, endless, problem, to_evaluate
from tests.server.own_service import Mortal, own_service
from tests.server.running import Server, has_ended, wait_until

StartServer = Callable[..., contextlib.AbstractContextManager[Server]]
EASY = by_text("x**2 = 2", start={"x": 1.0})
# A caller with it takes little by itself; and of a matrix of far more bytes, the rows and columns.
SMALL_WINDOW = (("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0))
SIDE = 700
SERVE = [sys.executable, "-m", "raphson_server", "serve"]


def ended(pids: list[int]) -> bool:
    return all(map(has_ended, pids))


def test_start_up_line_and_drain(own_server: StartServer, server: Server) -> None:
    """SIGTERM: health says so, new requests are turned away, those in flight end well, exit code 0.

    The shared server started first and has filled the caches, so this one compiles nothing.
    """
    assert server.serving()
    with own_server("--drain-seconds", "5") as draining:
        watch = draining.health.Watch(health_pb2.HealthCheckRequest(), timeout=20)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        in_flight = [draining.solver.Solve.future(endless(timeout_seconds=0.8), timeout=20) for _ in range(2)]
        draining.wait_for_busy_workers(1)
        workers = draining.workers()
        draining.process.send_signal(signal.SIGTERM)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert not draining.serving()
        refused = draining.refusal(EASY)
        assert refused.code == grpc.StatusCode.UNAVAILABLE
        assert refused.reason == "NOT_SERVING"
        assert refused.retry_seconds is not None
        assert [call.result().status for call in in_flight] == [wire.STATUS_TIME_LIMIT] * 2
        output, _ = draining.process.communicate(timeout=10)
        assert draining.process.returncode == 0
        wait_until(lambda: ended(workers), 5)
        assert re.fullmatch(
            rf"raphson listens on {draining.address}: 1 workers ready in \d+\.\d s, "
            r"engine loaded from its cache\n",
            output,
        )


def test_drain_has_a_limit(own_server: StartServer) -> None:
    with own_server("--drain-seconds", "0.3", stderr=subprocess.DEVNULL) as server:
        stubborn = server.solver.Solve.future(endless(), timeout=60)
        server.wait_for_busy_workers(1)
        waiting = server.solver.Solve.future(EASY, timeout=60)
        time.sleep(0.1)
        server.process.send_signal(signal.SIGINT)
        for call, reason in ((stubborn, "NOT_SERVING"), (waiting, "NOT_SERVING")):
            with pytest.raises(grpc.RpcError) as caught:
                call.result()
            assert problem(caught.value).code == grpc.StatusCode.UNAVAILABLE
            assert problem(caught.value).reason == reason
            assert problem(caught.value).retry_seconds is not None
        assert server.process.wait(timeout=5) == 0


def test_a_batch_is_finished_and_a_second_signal_ends_the_wait(
    own_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch goes on although it has no chunk under way when the server is told to stop; systemd hears of it all."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    with manager, own_server("--drain-seconds", "60", stderr=subprocess.DEVNULL) as server:
        system_id = server.solve(EASY).system_id
        chunks: SimpleQueue[wire.SolveBatchRequest | None] = SimpleQueue()
        batch = server.solver.SolveBatch(iter(chunks.get, None), timeout=60)
        chunks.put(chunk(system_id, 2, {"x": 1.0}))
        assert len(next(batch).statuses) == 2
        stubborn = server.solver.Solve.future(endless(), timeout=60)
        server.wait_for_busy_workers(1)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not server.serving(), 5)
        assert server.refusal(EASY).reason == "NOT_SERVING"
        stubborn.cancel()
        chunks.put(chunk(system_id, 3, {"x": 1.0}))
        assert len(next(batch).statuses) == 3
        assert server.process.poll() is None
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.RpcError) as caught:
            next(batch)
        assert problem(caught.value).reason == "NOT_SERVING"
        chunks.put(None)
        assert server.process.wait(timeout=10) == 0
        assert time.monotonic() - began < 10
        assert [manager.recv(64) for _ in range(2)] == [b"READY=1", b"STOPPING=1"]


@contextlib.contextmanager
def stopping_while_a_reply_is_written() -> Iterator[tuple[Mortal, threading.Thread, Any]]:
    """Stop a service of a long drain whose worker is done, but whose caller takes the reply when it is asked to."""
    large = to_evaluate(f"u[i]**2 for i in range({SIDE})", at={"u": np.ones(SIDE)}, matrix=True)
    with (
        own_service(drain_seconds=60) as mortal,
        grpc.insecure_channel(mortal.address, options=SMALL_WINDOW) as channel,
    ):
        # As if it were a stream, of which nothing is taken ahead.
        evaluate: Any = channel.unary_stream(
            "/raphson.v1.JacobianService/Evaluate",
            request_serializer=EvaluateRequest.SerializeToString,
            response_deserializer=EvaluateResponse.FromString,
        )
        replies = evaluate(large, timeout=60)
        wait_until(lambda: mortal.pool.state().busy_seconds > 0 and mortal.is_idle(), 60)
        stopping = threading.Thread(target=mortal.service.stop)
        stopping.start()
        stopping.join(1.5)
        yield mortal, stopping, replies
        stopping.join(20)


def test_a_reply_that_is_being_written_has_what_is_left_of_the_drain() -> None:
    with stopping_while_a_reply_is_written() as (_, stopping, replies):
        assert [len(reply.matrix.data) for reply in replies] == [8 * SIDE**2]
        stopping.join(20)
        assert not stopping.is_alive()


def test_a_second_signal_ends_the_wait_for_a_reply_that_is_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    with stopping_while_a_reply_is_written() as (mortal, stopping, replies):
        failed = Mock()
        monkeypatch.setattr(mortal.service, "_on_failure", failed)
        assert stopping.is_alive()
        mortal.service.cut_short()
        stopping.join(20)
        assert not stopping.is_alive()
        with pytest.raises(grpc.RpcError):
            list(replies)
        failed.assert_not_called()


def test_what_becomes_ready_within_the_drain_changes_nothing() -> None:
    with own_service(drain_seconds=60) as mortal:
        call = mortal.stub().Solve.future(endless(), timeout=60)
        wait_until(lambda: mortal.pool._busy, 20)
        stopping = threading.Thread(target=mortal.service.stop)
        stopping.start()
        wait_until(lambda: not mortal.service._health.is_serving, 20)
        mortal.service._jobs_ready()
        mortal.service._loop.run(asyncio.sleep(0))
        assert not mortal.service._health.is_serving
        call.cancel()
        stopping.join(20)
        assert not stopping.is_alive()


def test_a_service_that_cannot_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    threads = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = ServerConfig(
            address=f"127.0.0.1:{taken.getsockname()[1]}",
            metrics_address="127.0.0.1:0",
            jobs=str(tmp_path / "jobs"),
            job_files=(str(tmp_path / "files"),),
        )
        service = Service(config, Mock(), Mock())
        with pytest.raises(OSError, match="cannot be bound"):
            service.start()
    assert service.metrics_address
    with pytest.raises(URLError):
        urlopen(f"http://{service.metrics_address}/metrics")
    assert not list(folder.iterdir())
    assert service._jobs is not None
    assert service._jobs._channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN
    assert set(threading.enumerate()) <= threads


def test_callers_of_several_servers_do_not_notice_that_one_stops(server: Server) -> None:
    with own_service() as other, raphson.connect(f"ipv4:{server.address},{other.address}") as client:

        def solve() -> None:
            assert client.solve("x**2 = 2", start={"x": 1.0}).converged

        wait_until(lambda: solve() or other.pool.state().busy_seconds > 0, 10)
        stopping = threading.Thread(target=other.service.stop)
        stopping.start()
        while stopping.is_alive():
            solve()
        for _ in range(5):
            solve()


def test_nobody_outlives_a_killed_server(own_server: StartServer) -> None:
    with own_server() as server:
        workers = server.workers()
        server.process.kill()
        wait_until(lambda: ended(workers), 2)


def test_exit_with_parent() -> None:
    """The program that started the server is killed; the server and its workers end by themselves."""
    reader, writer = os.pipe()
    starter = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen({SERVE!r} + ['--address', '127.0.0.1:0', '--workers', '1', '--exit-with-parent',"
        f" '--announce', '{writer}'], pass_fds=({writer},))\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", starter], pass_fds=(writer,), stdout=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as announcement:
        address = announcement.readline()
    assert address.startswith('{"address": "127.0.0.1:')
    (server,) = map(int, Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split())
    parent.kill()
    parent.wait()
    wait_until(lambda: ended([server]), 5)


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        run = subprocess.run([*SERVE, "--address", address], capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 1
    assert f"{address} cannot be bound" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--workers", "0"], "workers is 0; expected a whole number of at least 1"),
        (["--address", "nowhere"], "expected host:port"),
        (["--drain-seconds", "nan"], "drain_seconds is nan"),
        (["--workers", "two"], "two"),
    ],
)
def test_flags_out_of_range(flags: list[str], words: str) -> None:
    run = subprocess.run([*SERVE, *flags], capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 2
    assert words in run.stderr


def test_workers_that_cannot_start_end_the_server_with_a_reason() -> None:
    """Sixteen megabytes of address space hold no Python."""
    began = time.monotonic()
    run = subprocess.run(
        [*SERVE, "--address", "127.0.0.1:0", "--workers", "1", "--worker-memory-bytes", str(16 << 20)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert "before it was ready" in run.stderr
    assert time.monotonic() - began < 30


def test_the_front_end_imports_no_engine() -> None:
    """Nothing that computes, compiles or keeps jobs is ever loaded into the process that answers calls."""
    check = (
        "import sys, raphson_server.cli.serve\n"
        "heavy = ('numba', 'scipy', 'llvmlite', 'raphson_solver', 'pyarrow', 'sqlalchemy', 'fsspec', 'distributed')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=30, check=True)
    assert run.stdout == "[]\n"
