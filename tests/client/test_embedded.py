"""A server of our own: how it starts, fails to start, and ends."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest
import raphson
from raphson import embedded
from raphson.embedded import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def run_instead(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[subprocess.Popen[bytes]]]:
    """Let a few lines of Python stand for the server; the file descriptor is `announcement`."""

    def run_instead(code: str) -> list[subprocess.Popen[bytes]]:
        started: list[subprocess.Popen[bytes]] = []

        def start(announcement: int, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
            program = f"import os, sys, time\nannouncement = {announcement}\n{textwrap.dedent(code)}"
            process = subprocess.Popen([sys.executable, "-c", program], stderr=stderr, pass_fds=(announcement,))
            started.append(process)
            return process

        monkeypatch.setattr(embedded, "start_process", start)
        return started

    return run_instead


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_without_an_installed_server_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raphson.embedded.importlib.util.find_spec", lambda _: None)
    with pytest.raises(raphson.EmbeddedServerError, match=r"pip install 'raphson\[server\]'") as caught:
        raphson.connect()
    assert caught.value.code.name == "UNAVAILABLE"


def test_a_server_that_ends_early_is_quoted(run_instead: Callable[[str], list[subprocess.Popen[bytes]]]) -> None:
    before = open_descriptors()
    started = run_instead("print('no free port today', file=sys.stderr); sys.exit(3)")
    with pytest.raises(raphson.EmbeddedServerError) as caught:
        EmbeddedServer()
    assert str(caught.value) == (
        "the server ended before it was ready (exit status 3)\nIts last words:\nno free port today"
    )
    assert caught.value.stderr == "no free port today"
    assert caught.value.code.name == "UNAVAILABLE"
    assert started[0].poll() == 3
    assert open_descriptors() == before


def test_a_server_that_is_never_ready_is_stopped(
    run_instead: Callable[[str], list[subprocess.Popen[bytes]]],
) -> None:
    before = open_descriptors()
    started = run_instead("print('still warming', file=sys.stderr, flush=True); time.sleep(60)")
    with pytest.raises(raphson.EmbeddedServerError, match=r"did not become ready within 1\.5 s") as caught:
        EmbeddedServer(start_timeout_seconds=1.5)
    assert caught.value.stderr == "still warming"
    assert started[0].poll() is not None
    assert open_descriptors() == before


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"port": 3}'])
def test_an_announcement_without_an_address_is_quoted(
    run_instead: Callable[[str], list[subprocess.Popen[bytes]]], line: str
) -> None:
    started = run_instead(f"os.write(announcement, {line.encode()!r} + b'\\n'); time.sleep(60)")
    with pytest.raises(raphson.EmbeddedServerError, match="expected a line of JSON with an address") as caught:
        EmbeddedServer()
    assert line in caught.value.message
    assert started[0].poll() is not None


def test_an_announcement_may_come_in_parts(run_instead: Callable[[str], list[subprocess.Popen[bytes]]]) -> None:
    started = run_instead(
        """
        os.write(announcement, b'{"address": "127.0')
        time.sleep(0.2)
        os.write(announcement, b'.0.1:99"}\\n')
        time.sleep(60)
        """
    )
    server = EmbeddedServer()
    assert server.address == "127.0.0.1:99"
    server.stop()
    server.stop()
    assert started[0].poll() is not None


def test_a_server_that_does_not_heed_sigterm_is_killed(
    run_instead: Callable[[str], list[subprocess.Popen[bytes]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = run_instead(
        """
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(announcement, b'{"address": "127.0.0.1:99"}\\n')
        time.sleep(60)
        """
    )
    monkeypatch.setattr(embedded, "STOP_SECONDS", 0.2)
    EmbeddedServer().stop()
    assert started[0].poll() == -9


def test_a_forked_copy_leaves_the_server_alone(
    run_instead: Callable[[str], list[subprocess.Popen[bytes]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = run_instead('os.write(announcement, b\'{"address": "127.0.0.1:99"}\\n\'); time.sleep(60)')
    server = EmbeddedServer()
    pid = os.getpid()
    with monkeypatch.context() as child:
        child.setattr("raphson.embedded.os.getpid", lambda: pid + 1)
        server.stop()
    assert started[0].poll() is None
    server.stop()
    assert started[0].poll() is not None


def test_the_real_server_starts_answers_and_ends() -> None:
    with raphson.connect() as client:
        assert repr(client) == f"<raphson client of the embedded server at {client.address}>"
        assert client.address.startswith("127.0.0.1:")
        assert client.solve("x**2 = 2", {"x": 1.0})["x"] == pytest.approx(2**0.5, abs=1e-11)
        process = client._server._process  # type: ignore[union-attr]
        assert process.poll() is None
    assert process.poll() == 0


def test_the_server_outlives_the_thread_that_started_it() -> None:
    clients: list[raphson.Client] = []
    thread = threading.Thread(target=lambda: clients.append(raphson.connect()))
    thread.start()
    thread.join()
    time.sleep(1)
    with clients[0] as client:
        assert client.solve("x**2 = 2", {"x": 1.0}).converged


def test_the_server_ends_with_a_process_that_forgot_it(tmp_path: Path) -> None:
    script = tmp_path / "forgets.py"
    script.write_text(
        "import os, raphson\n"
        "client = raphson.connect()\n"
        "print(client._server._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    path = os.pathsep.join(embedded.added_search_path())
    run = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert run.returncode == -9, run.stderr
    server = Path("/proc", run.stdout.strip())
    deadline = time.monotonic() + 15
    while server.exists() and "zombie" not in (server / "status").read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not server.exists() or "zombie" in (server / "status").read_text()
