"""Stores of jobs: in SQLite, and in a PostgreSQL of the tests' own where there is one to start."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from raphson_server.jobs.store import Store

# PostgreSQL refuses to run as root.
NOBODY = "nobody"
SECONDS = 30.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "store.sqlite")) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty store."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    base: str = request.getfixturevalue("postgresql")
    name = f"jobs{time.time_ns()}"
    create_database(base, name)
    return base.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Start a cluster of the tests' own; return the URL of its first database."""
    programs = {name: shutil.which(name) for name in ("initdb", "postgres")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        pytest.skip(f"no PostgreSQL to start here: {', '.join(missing)} not found")
    folder = tempfile.mkdtemp(prefix="raphson-postgresql-")
    user = None
    if os.geteuid() == 0:
        user = pwd.getpwnam(NOBODY).pw_uid
        os.chown(folder, user, -1)
    data = f"{folder}/data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "user": user, "cwd": folder}
    subprocess.run(
        [str(programs["initdb"]), "-D", data, "-U", "raphson", "--auth=trust", "--no-sync", "--locale=C"],
        check=True,
        **quiet,
    )
    # No network: a socket within the folder.
    settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    server = subprocess.Popen([str(programs["postgres"]), "-D", data, *settings], **quiet)
    try:
        url = f"postgresql://raphson@/postgres?host={folder}"
        wait_for(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(SECONDS)
        shutil.rmtree(folder)


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the cluster answers."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > end or server.poll() is not None:
                raise
            time.sleep(0.05)
        else:
            return


def create_database(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
