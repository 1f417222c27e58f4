"""The log: one event a line, whoever wrote it, whatever is in it."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from raphson_server.observability import log_thread
from raphson_server.observability.call_log import CallLog
from raphson_server.observability.logs import call_logger, configure_logs
from raphson_server.observability.request_id import REQUEST_ID
from raphson_server.tokens import new_token, write_entry

from tests.server.calling import by_text
from tests.server.running import running_server

EVIL = "x\n2026-01-01T00:00:00Z [error] forged\x1b[31m\u2028\x85\r"
Configure = Callable[..., io.StringIO]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Return what directs the log to a stream, until the test ends."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def to_stream(level: str, form: str, process: str = "worker", stream: io.StringIO | None = None) -> io.StringIO:
        into = io.StringIO() if stream is None else stream
        configure_logs(level, form, process, into, waits=process != "front end")
        return into

    yield to_stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("process", ["worker", "front end"])
@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_that_is_logged_makes_a_line_or_a_colour(configure: Configure, form: str, process: str) -> None:
    stream = configure("INFO", form, process)
    logging.getLogger("somebody.else").warning("told %s", EVIL, extra={"fact": EVIL, "members": {EVIL: [EVIL]}})
    lines = CallLog(call_logger())
    lines.write({"method": EVIL, "members": {EVIL: 1}})
    lines.close()
    text = stream.getvalue()
    assert text.count("\n") == len(text.splitlines()) == 2
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("process", ["worker", "front end"])
def test_every_line_says_who_and_for_which_request(configure: Configure, process: str) -> None:
    stream = configure("INFO", "json", process)
    REQUEST_ID.set("abc")
    logging.getLogger("raphson_server").warning("worker ended", extra={"exit_code": -9})
    logging.getLogger("raphson_server").debug("too much")
    REQUEST_ID.set("")
    CallLog(call_logger()).close()
    (line,) = map(json.loads, stream.getvalue().splitlines())
    del line["timestamp"]
    assert line == {
        "event": "worker ended", "level": "warning", "exit_code": -9, "process": process, "request_id": "abc"
    }  # fmt: skip


def test_a_log_that_nobody_reads_holds_up_no_call(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_thread, "_MOST_LINES", 3)
    stream = configure("INFO", "json")
    is_read, is_writing = threading.Event(), threading.Event()

    class Unread:
        def info(self, event: str, **facts: object) -> None:
            is_writing.set()
            is_read.wait(10)
            call_logger().info(event, **facts)

    lines = CallLog(Unread())
    lines.write({"number": -1})
    assert is_writing.wait(5)
    for number in range(10):
        lines.write({"number": number})
    is_read.set()
    lines.close()
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["number"] for line in told if line["event"] == "call"] == [-1, 0, 1, 2]
    assert [line["dropped"] for line in told if "dropped" in line] == [7]


class Full(io.StringIO):
    """A stream into which some of the first lines cannot be written."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def write(self, text: str, /) -> int:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(text)


def test_lines_that_cannot_be_written_are_told_and_those_after_them_are_written(configure: Configure) -> None:
    stream = configure("INFO", "json", "front end", Full(4))
    lines = CallLog(call_logger())
    for number in range(3):
        lines.write({"number": number})
        logging.getLogger("raphson_server").warning("number %d", number)
    lines.close()
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in told] == ["call", "lines were dropped", "number 1", "call", "number 2"]
    assert (told[1]["dropped"], told[1]["reason"]) == (2, "[Errno 28] No space left on device")


def test_a_log_that_nobody_reads_holds_up_no_warning(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_thread, "_MOST_LINES", 300)
    is_read, is_writing = threading.Event(), threading.Event()

    class Unread(io.StringIO):
        def write(self, text: str, /) -> int:
            is_writing.set()
            is_read.wait(5)
            is_read.set()
            return super().write(text)

    stream = configure("WARNING", "json", "front end", Unread())
    logging.getLogger("grpc").warning("first")
    assert is_writing.wait(5)
    for number in range(500):
        logging.getLogger("grpc").warning("number %d", number)
    is_read.set()
    CallLog(call_logger()).close()
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(told) == 302
    assert [line["dropped"] for line in told if "dropped" in line] == [200]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Return the ends of a pipe, to read from and to write to."""
    reader, writer = os.pipe()
    yield reader, writer
    os.close(writer)
    os.close(reader)


def fill(writer: int) -> None:
    """Write to a pipe, and wait for nothing, until nothing more goes in."""
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"\n")


LOSE_AND_KEEP = """
import logging, sys
from raphson_server.observability.log_thread import LOG_THREAD
from raphson_server.observability.logs import configure_logs
configure_logs("WARNING", "json", "front end", waits=False)
logging.warning("lost")
LOG_THREAD.flush()
print("full", flush=True)
sys.stdin.readline()
logging.warning("kept")
"""


def test_a_line_that_could_not_be_written_does_not_come_later(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    fill(writer)
    command = [sys.executable, "-c", LOSE_AND_KEEP]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=writer, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "full\n"
        assert set(os.read(reader, 1 << 20)) == set(b"\n")
        process.stdin.write("empty\n")
    assert process.returncode == 0
    told = [json.loads(line) for line in os.read(reader, 4096).splitlines()]
    assert [line["event"] for line in told] == ["lines were dropped", "kept"]
    assert (told[0]["dropped"], told[0]["reason"]) == (1, "[Errno 11] Resource temporarily unavailable")


def test_a_server_whose_log_nobody_reads_answers_and_stops(tmp_path: Path, pipe: tuple[int, int]) -> None:
    _, unread = pipe
    store, token = tmp_path / "tokens.toml", new_token("alice")
    store.write_text(write_entry(token, ["solve"], None, {}))
    with running_server("--tokens", str(store), "--log-level", "INFO", stderr=unread) as server:
        fill(unread)
        os.set_blocking(unread, True)

        def solve() -> Any:
            metadata = (("authorization", f"Bearer {token}"),)
            return server.solver.Solve(by_text("x**2 = 4", start={"x": 1.0}), timeout=20, metadata=metadata)

        for _ in range(3):
            os.utime(store, (0, time.time()))
            time.sleep(1.1)  # it is looked at once a second, and that it has changed is told in the loop
            assert solve().iterations > 0
        assert server.serving()
        server.process.terminate()
        assert server.process.wait(20) == 0


def fail() -> None:
    try:
        float("secret*x**2 = 1")
    except ValueError as error:
        raise KeyError("secret") from error


@pytest.mark.parametrize(("level", "is_told"), [("INFO", False), ("DEBUG", True)])
def test_what_exceptions_say_is_told_at_debug_alone(configure: Configure, level: str, is_told: bool) -> None:
    stream = configure(level, "json")
    try:
        fail()
    except KeyError:
        logging.getLogger("raphson_server").exception("request failed")
    trace = json.loads(stream.getvalue())["exception"].splitlines()
    assert ("secret" in stream.getvalue()) is is_told
    assert trace[0].endswith("in fail")
    assert [line.partition(":")[0] for line in trace if "test_" not in line] == ["ValueError", "KeyError"]
