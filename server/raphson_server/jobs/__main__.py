"""``python -m raphson_server.jobs desk|runner``: the two processes of a server with jobs, told on standard input."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from raphson_server.containment import die_with_parent
from raphson_server.job_settings import JobSettings
from raphson_server.jobs.errors import JobError, StoreError
from raphson_server.observability.logs import configure_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raphson_server.jobs.executor import Executor
    from raphson_server.jobs.store import Store

    Announce = Callable[[Mapping[str, object]], None]

_LAST_REPLIES_SECONDS = 0.2
_COUNT_SECONDS = 3.0
# Of a chunk of results; the larger, the fewer calls, but several wait in memory.
_RESULT_BYTES = 1 << 20


def main(role: str) -> int:
    """Do what the role says until SIGTERM; return the exit code."""
    settings = JobSettings.from_json(sys.stdin.read())
    die_with_parent(settings.parent_pid)
    # Ctrl-C reaches the whole group; the front end decides when this ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    # The front end's mask is inherited.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    configure_logs(settings.log_level, settings.log_format, role)
    # What this process starts hears nothing of it.
    os.set_inheritable(settings.announce_fd, False)
    announce = partial(_announce, settings.announce_fd)
    try:
        from raphson_server.jobs.store import Store  # noqa: PLC0415 (imports the database's packages)

        store = Store(_url_of(settings.store))
    except (JobError, OSError) as error:
        announce({"error": f"cannot keep jobs: {error}"})
        return 1
    with store:
        (_desk if role == "desk" else _runner)(settings, store, announce, stop)
    return 0


def _desk(settings: JobSettings, store: Store, announce: Announce, stop: threading.Event) -> None:
    from raphson_server.jobs.desk import Desk, serve_desk  # noqa: PLC0415 (the runner needs no server)
    from raphson_server.jobs.places import Places  # noqa: PLC0415

    desk = Desk(store, Places(settings.roots), min(_RESULT_BYTES, settings.max_message_bytes), settings.limits)
    server = serve_desk(desk, settings)
    announce({"ready": True})
    _count_jobs(store, announce, stop)
    server.stop(_LAST_REPLIES_SECONDS).wait()


def _count_jobs(store: Store, announce: Announce, stop: threading.Event) -> None:
    """Say how many jobs are in which state, whenever that has changed, until told to stop."""
    said: Mapping[str, int] | None = None
    while True:
        with suppress(StoreError):  # told to whoever calls; here there is a next time
            counts = store.counts()
            if counts != said:
                said = counts
                announce({"counts": counts})
        if stop.wait(_COUNT_SECONDS):
            return


def _runner(settings: JobSettings, store: Store, announce: Announce, stop: threading.Event) -> None:
    from raphson_server.jobs.places import Places  # noqa: PLC0415 (the desk needs no runner)
    from raphson_server.jobs.runner import MOST_LOSSES, Runner  # noqa: PLC0415

    os.nice(settings.niceness)
    announce({"ready": True})
    places, lease_seconds = Places(settings.roots), settings.lease_seconds
    runner = Runner(store, places, _executor(settings), lease_seconds, announce, settings.limits, stop)
    if settings.suspect_losses >= MOST_LOSSES:
        runner.give_up(settings.suspect)
    runner.run()


def _executor(settings: JobSettings) -> Callable[[], Executor]:
    if settings.executor:
        from raphson_server.jobs.on_dask import DaskExecutor  # noqa: PLC0415 (an extra)

        return lambda: DaskExecutor(settings.executor)
    from raphson_server.jobs.local import LocalExecutor  # noqa: PLC0415

    return lambda: LocalExecutor(settings.processes)


def _url_of(store: str) -> str:
    """Return where the database is; of a folder, which is made if it is not there, a file in it."""
    if "://" in store:
        return store
    folder = Path(store).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder / "jobs.sqlite")


def _announce(fd: int, said: Mapping[str, object]) -> None:
    os.write(fd, json.dumps(said).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
