"""Callers that vanish, dawdle or fall silent."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import grpc
import raphson
from raphson.v1 import solver_pb2_grpc

from benchmarks.faults.fault import EQUATIONS, START, Fault, Others
from benchmarks.faults.proxy import Proxy
from benchmarks.fresh_process import megabytes
from benchmarks.processes import children, open_channel, resident_bytes, serve
from tests.server.calling import long_branch

if TYPE_CHECKING:
    from collections.abc import Iterator

# Others wait until the only worker is free again.
ONE_WORKER = ("--workers", "1", "--log-level", "ERROR")
PATIENCE_SECONDS = 2.0
# The server's, and what a loaded machine adds.
KEEPALIVE_SECONDS = 40.0
SLACK_SECONDS = 10.0
CLIENT_SECONDS = 3.0
ITEMS = 5
# So that the reader's side takes little by itself.
SMALL_WINDOW = (("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0), ("grpc.enable_http_proxy", 0))
# Variables, of items that fill what is buffered on their way in a moment.
WIDE = 200

_CLIENT = """
import sys
from benchmarks.processes import open_channel
from raphson.v1 import solver_pb2_grpc
from tests.server.calling import long_branch
channel = open_channel(sys.argv[1])
for number, _ in enumerate(solver_pb2_grpc.SolverServiceStub(channel).Follow(long_branch())):
    if number == 5:
        print("reading", flush=True)
"""


def client_killed() -> Fault:
    """Kill a client in the middle of a stream."""
    with serve(*ONE_WORKER) as served, Others(served.address) as others:
        workers = children(served.process.pid)
        client = subprocess.Popen([sys.executable, "-c", _CLIENT, served.address], stdout=subprocess.PIPE, text=True)
        assert client.stdout is not None
        client.stdout.readline()
        client.send_signal(signal.SIGKILL)
        freed = others.wait_for_an_answer(SLACK_SECONDS)
        client.wait()
        client.stdout.close()
        others.stop()
        same = workers == children(served.process.pid)
        happened = f"the worker that it held was free {_after(freed)}, and {'lived on' if same else 'was replaced'}"
        return Fault("client killed (-9) mid-stream", happened, str(others), others.sound and freed is not None)


def slow_reader() -> Fault:
    """Read a few items of an endless stream, and then nothing, while the connection stays."""
    patience = ("--reader-patience-seconds", str(PATIENCE_SECONDS))
    with (
        serve(*ONE_WORKER, *patience) as served,
        grpc.insecure_channel(served.address, SMALL_WINDOW) as channel,
        Others(served.address) as others,
    ):
        before = resident_bytes(served.process.pid)
        call = solver_pb2_grpc.SolverServiceStub(channel).Follow(long_branch(WIDE))
        for _ in islice(call, ITEMS):
            pass
        freed = others.wait_for_an_answer(PATIENCE_SECONDS + 3 * SLACK_SECONDS)
        grown = resident_bytes(served.process.pid) - before
        others.stop()
        happened = (
            f"after {PATIENCE_SECONDS:g} s of patience its call was ended ({_code(call)}), the worker free "
            f"{_after(freed)}; the front end grew by {megabytes(grown)}"
        )
        return Fault("reader that takes nothing", happened, str(others), others.sound and freed is not None)


def half_open() -> Fault:
    """Let a connection fall silent without closing it, with a stream on it and a client that waits for an answer."""
    with (
        serve(*ONE_WORKER) as served,
        Others(served.address) as others,
        Proxy(served.address) as proxy,
        open_channel(proxy.address) as channel,
        raphson.connect(proxy.address, timeout_seconds=CLIENT_SECONDS) as client,
    ):
        client.solve(EQUATIONS, START, {"r": 2.0})
        call = solver_pb2_grpc.SolverServiceStub(channel).Follow(long_branch())
        for _ in islice(call, ITEMS):
            pass
        proxy.freeze()
        began = time.monotonic()
        error = "nothing"
        try:
            client.solve(EQUATIONS, START, {"r": 2.0})
        except raphson.RaphsonError as caught:
            error = type(caught).__name__
        told = time.monotonic() - began
        is_free = others.wait_for_an_answer(KEEPALIVE_SECONDS + SLACK_SECONDS) is not None
        freed = time.monotonic() - began if is_free else None
        others.stop()
        call.cancel()
        happened = (
            f"the server let go of the stream {_after(freed)} (keepalive: 30 + 10 s); a client with a deadline of "
            f"{CLIENT_SECONDS:g} s had {error} after {told:.1f} s"
        )
        sound = others.sound and is_free and told < CLIENT_SECONDS + SLACK_SECONDS
        return Fault("half-open connection", happened, str(others), sound)


def _after(seconds: float | None) -> str:
    return "not at all" if seconds is None else f"after {seconds:.1f} s"


def _code(call: Iterator[object]) -> str:
    """Read what is left of a stream that was ended; return its status code."""
    with suppress(grpc.RpcError):
        for _ in call:
            pass
    return str(call.code().name)  # type: ignore[attr-defined]
