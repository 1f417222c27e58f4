"""A server of this process's own, on this machine."""

from __future__ import annotations

import importlib.util
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from raphson.errors import EmbeddedServerError

START_SECONDS = 120.0
STOP_SECONDS = 10.0
LAST_WORDS_BYTES = 4000
POLL_SECONDS = 0.1


class EmbeddedServer:
    """A server process that ends with the process that started it.

    Parameters
    ----------
    start_timeout_seconds : float
        How long to wait until it is ready; the first start on a machine compiles the engine.
    is_abandoned : function
        Whether nobody waits for it any longer.

    Attributes
    ----------
    address : str
        Where it listens.

    Raises
    ------
    EmbeddedServerError
        If the server is not installed, ends early, is not ready in time, or is abandoned before.
    """

    def __init__(
        self, start_timeout_seconds: float = START_SECONDS, is_abandoned: Callable[[], bool] = lambda: False
    ) -> None:
        if importlib.util.find_spec("raphson_server") is None:
            raise EmbeddedServerError(
                "there is no server on this machine to start: install it by pip install 'raphson[server]', "
                "or give the address of one, raphson.connect('host:port')"
            )
        self._owner = os.getpid()
        read_end, write_end = os.pipe()
        # A file, not a pipe, which somebody would have to read. It has no name and goes with us.
        self._stderr: IO[bytes] = tempfile.TemporaryFile(prefix="raphson-")  # noqa: SIM115
        try:
            self._process = start_process(write_end, self._stderr)
        except BaseException:
            os.close(read_end)
            self._stderr.close()
            raise
        finally:
            os.close(write_end)
        try:
            self.address = self._wait_for_address(read_end, start_timeout_seconds, is_abandoned)
        except BaseException:
            self.stop()
            raise
        finally:
            os.close(read_end)

    def stop(self) -> None:
        """End the server; a copy in a forked process leaves it alone. Stopping twice is stopping once."""
        if os.getpid() != self._owner or self._stderr.closed:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()

    def _wait_for_address(self, announcement: int, timeout_seconds: float, is_abandoned: Callable[[], bool]) -> str:
        """Read the line that the server writes once it is ready."""
        deadline = time.monotonic() + timeout_seconds
        line = b""
        while not line.endswith(b"\n"):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise self._failure(f"the server did not become ready within {timeout_seconds:g} s")
            if is_abandoned():
                raise self._failure("the server was not wanted any longer before it was ready")
            if select.select([announcement], [], [], min(remaining, POLL_SECONDS))[0]:
                part = os.read(announcement, 4096)
                if not part:
                    raise self._failure(f"the server ended before it was ready (exit status {self._exit_status()})")
                line += part
        try:
            return str(json.loads(line)["address"])
        except (ValueError, KeyError, TypeError) as error:
            raise self._failure(f"the server announced {line!r}; expected a line of JSON with an address") from error

    def _exit_status(self) -> int | None:
        try:
            return self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return None

    def _failure(self, message: str) -> EmbeddedServerError:
        size = os.fstat(self._stderr.fileno()).st_size
        self._stderr.seek(max(0, size - LAST_WORDS_BYTES))
        words = self._stderr.read().decode(errors="replace").strip()
        return EmbeddedServerError(message, stderr=words)


def start_process(announcement: int, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start ``raphson serve`` on a free loopback port.

    Parameters
    ----------
    announcement : int
        File descriptor that the server writes its address to.
    stderr : file
        Where it may complain.
    """
    command = [sys.executable, "-P", "-m", "raphson_server", "serve", "--address", "127.0.0.1:0"]
    command += ["--announce", str(announcement), "--exit-with-parent"]
    # Whatever the environment says of servers for others. All that it has is for one caller.
    command += ["--max-caller-share", "1"]
    command += [
        part for name in ("tokens", "tls-certificate", "tls-key", "tls-client-ca") for part in (f"--{name}", "")
    ]
    return subprocess.Popen(  # noqa: S603 - our own command, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=stderr,
        stderr=stderr,
        pass_fds=(announcement,),
        # Its own session, so that Ctrl-C in a terminal reaches the caller alone.
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(added_search_path())},
    )


def added_search_path() -> list[str]:
    """Return where this process finds modules beside its installation, so that the server finds them too."""
    installed = (sys.prefix, sys.base_prefix)
    return [str(Path(entry).resolve()) for entry in sys.path if entry and not entry.startswith(installed)]
