"""A process that is started again whenever it ends, until it is told to stop."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from raphson_server.containment import environment
from raphson_server.job_settings import JobSettings

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0

_log = logging.getLogger("raphson_server")


class KeptProcess:
    """One role of ``python -m raphson_server.jobs``, kept alive by a thread of its own.

    Parameters
    ----------
    role : str
        What it does.
    settings : JobSettings
        Told to it on its standard input; the descriptor for announcements is filled in.
    on_ready : callable
        Called once, when it is ready for the first time.
    on_failure : callable
        Called with a reason if it ends before it was ever ready.

    Attributes
    ----------
    counts : dict of str to int
        How many jobs are in which state, as it said last.
    """

    def __init__(
        self, role: str, settings: JobSettings, on_ready: Callable[[], None], on_failure: Callable[[str], None]
    ) -> None:
        self._role = role
        self._settings = settings
        self._on_ready = on_ready
        self._on_failure = on_failure
        self.counts: dict[str, int] = {}
        self._was_ready = False
        self._failed_starts = 0
        # The job that is run, and how many of its rows were done at its beginning.
        self._job: tuple[str, int] | None = None
        self._lost_with: list[tuple[str, int]] = []
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        # The process dies with the thread that started it (PR_SET_PDEATHSIG): this one starts it each time.
        self._thread = threading.Thread(target=self._run, name=f"raphson-jobs-{role}", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id of the one that is there now, if there is one."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it, and start it again whenever it ends."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Tell it to end, and start it no more."""
        with self._lock:
            self._stopping.set()
            if self._process is not None:
                self._process.terminate()

    def kill(self) -> None:
        """End it at once, and start it no more."""
        with self._lock:
            self._stopping.set()
            if self._process is not None:
                self._process.kill()

    def stop(self, seconds: float) -> None:
        """Do as `ask_to_stop`, wait for its end that long, and then end it."""
        self.ask_to_stop()
        if self._thread.ident is None:
            return
        self._thread.join(seconds)
        self.kill()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                reason = self._run_once()
            except OSError as error:
                reason = f"could not be started: {error}"
            if self._stopping.is_set():
                return
            reason = f"the process for jobs ({self._role}) {reason}"
            if not self._was_ready:
                self._on_failure(reason)
                return
            self._failed_starts += 1
            pause = min(_FIRST_PAUSE_SECONDS * 2**self._failed_starts, _LONGEST_PAUSE_SECONDS)
            _log.warning("process ended and is started again", extra={"reason": reason, "next_try_seconds": pause})
            self._stopping.wait(pause)

    def _run_once(self) -> str:
        """Start it and wait for its end; return how it ended."""
        reader, writer = os.pipe()
        try:
            process = self._started(writer)
        except OSError:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        error = ""
        with os.fdopen(reader, encoding="utf-8") as announcement:
            for line in announcement:
                if line.endswith("\n"):
                    error = self._hear(json.loads(line)) or error
        exit_code = process.wait()
        with self._lock:
            self._process = None
        if self._job is not None:
            self._lost_with = [*(job for job in self._lost_with if job == self._job), self._job]
            self._job = None
        return error or f"ended (exit code {exit_code})"

    def _hear(self, said: dict[str, Any]) -> str:
        """Take in what the process says; return why it cannot do its work, empty if it can."""
        match said:
            case {"ready": True}:
                self._failed_starts = 0
                if not self._was_ready:
                    self._was_ready = True
                    self._on_ready()
            case {"job": [str(name), int(rows)]}:
                self._job = (name, rows)
            case {"counts": dict(counts)}:
                self.counts = counts
            case {"job": None}:
                self._job = None
                self._lost_with.clear()
        return str(said.get("error", ""))

    def _started(self, announce_fd: int) -> subprocess.Popen[str]:
        settings = replace(
            self._settings,
            announce_fd=announce_fd,
            parent_pid=os.getpid(),
            suspect=self._lost_with[-1][0] if self._lost_with else "",
            suspect_losses=len(self._lost_with),
        )
        # -P: a file in the working directory never shadows a package.
        process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-P", "-m", "raphson_server.jobs", self._role],
            pass_fds=(announce_fd,),
            stdin=subprocess.PIPE,
            stdout=2,
            env=environment(self._settings.code_cache_bytes),
            text=True,
        )
        assert process.stdin is not None
        try:
            with process.stdin:
                process.stdin.write(settings.to_json())
        except BrokenPipeError:
            pass  # its end is seen by whoever waits for it
        with self._lock:
            self._process = process
            if self._stopping.is_set():
                process.terminate()
        return process
