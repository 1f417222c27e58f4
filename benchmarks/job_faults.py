"""Durable jobs under `kill -9` of the server, of its processes, and of the client: rows that are lost, or twice there.

A job for each fault: a client asks a server for it and waits; at a random moment one of them is killed, and started
again as whoever watches over it would. A client that is started again sends its request again, under the same id. Then
the output is read: each row of the input has its number and its radius, and must be there once, with its own root.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import raphson

from benchmarks.processes import children
from benchmarks.timing import heading, table

if TYPE_CHECKING:
    from collections.abc import Iterator

EQUATIONS = ("x**2 + y**2 = r**2", "exp(x) + y = 1")
START = {"x": 1.0, "y": -1.7}
VICTIMS = ("server", "worker", "runner", "client")
SEED = 7
START_SECONDS = 120.0
JOB_SECONDS = 120.0
LONGEST_PAUSE_SECONDS = 0.1
# Of whatever the last digits of a root leave.
WORST_RESIDUAL = 1e-11


@dataclass(frozen=True, slots=True)
class Fault:
    """What became of one job.

    Attributes
    ----------
    victim : str
        Who was killed.
    seconds : float
        When, after the job was asked for.
    rows_then : int
        Rows that were committed by then.
    state : str
        How the job ended.
    lost, twice, wrong : int
        Rows that are not in the output, that are there again, and whose root is none.
    jobs : int
        How many jobs the request has made.
    """

    victim: str
    seconds: float
    rows_then: int
    state: str
    lost: int
    twice: int
    wrong: int
    jobs: int


class Service:
    """A server with jobs, which is started again at the same address when it was killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.address = "127.0.0.1:0"
        self.start()

    def start(self) -> None:
        """Start it and wait until it is ready."""
        reading, writing = os.pipe()
        command = [sys.executable, "-m", "raphson_server", "serve", "--address", self.address, "--workers", "1"]
        command += [
            "--jobs",
            str(self._folder / "kept"),
            "--job-files",
            str(self._folder / "files"),
            "--job-processes",
            "1",
        ]
        command += ["--announce", str(writing), "--exit-with-parent", "--log-level", "ERROR"]
        self._process = subprocess.Popen(command, pass_fds=[writing], stdout=subprocess.DEVNULL)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as announced:
            line = announced.readline()
        if not line:
            raise RuntimeError("the server ended before it was ready")
        self.address = json.loads(line)["address"]

    def kill(self, victim: str) -> bool:
        """Kill the server, its runner, or a process that solves chunks; return whether there was one."""
        assert self._process is not None
        if victim == "server":
            self._process.kill()
            self._process.wait()
            self.start()
            return True
        runner = next((pid for pid in children(self._process.pid) if words(pid)[-1:] == ["runner"]), None)
        found = [runner] if victim == "runner" else children(runner or -1)
        for pid in found:
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def stop(self) -> None:
        """End it."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(START_SECONDS)


def words(pid: int) -> list[str]:
    """Return a process's command line."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    return []


def ask(address: str, source: str, target: str, chunk_rows: int, request_id: str) -> None:
    """Be the client: ask for the job until it is there, and wait for its end."""
    with raphson.connect(address, timeout_seconds=START_SECONDS) as client:
        while True:
            try:
                job = client.create_job(
                    EQUATIONS,
                    source,
                    target,
                    START,
                    {"r": None},
                    carry=["row"],
                    chunk_rows=chunk_rows,
                    request_id=request_id,
                )
                break
            except raphson.ServerUnavailableError:
                time.sleep(0.2)
        job.wait(timeout_seconds=JOB_SECONDS)


def start_client(*arguments: object) -> subprocess.Popen[bytes]:
    """Start a client of its own process."""
    return subprocess.Popen([sys.executable, "-m", "benchmarks.job_faults", "--client", *map(str, arguments)])


def run_faults(folder: Path, kills: int, rows: int, chunk_rows: int, seed: int = SEED) -> Iterator[Fault]:
    """Kill somebody in each of so many jobs; the victims take turns, the moments are random."""
    radii = np.linspace(1, 3, rows)
    files = folder / "files"
    files.mkdir()
    source = files / "in.parquet"
    pq.write_table(pa.table({"r": radii, "row": np.arange(rows)}), source)
    rng = np.random.default_rng(seed)
    with ExitStack() as stack:
        service = Service(folder)
        stack.callback(service.stop)
        for number in range(kills):
            # By rows, since a job's first seconds are spent on starting what it needs; and any time in a chunk.
            moment = (rng.uniform() * rows, rng.uniform(0, LONGEST_PAUSE_SECONDS))
            yield _one(service, files, radii, chunk_rows, number, VICTIMS[number % len(VICTIMS)], moment)


def _one(
    service: Service,
    folder: Path,
    radii: np.ndarray,
    chunk_rows: int,
    number: int,
    victim: str,
    moment: tuple[float, float],
) -> Fault:
    """Do one job, and kill somebody once so many rows are done and so many seconds have passed; return what became."""
    target, request_id = folder / f"out{number}.parquet", f"fault-{number}"
    arguments = (service.address, folder / "in.parquet", target, chunk_rows, request_id)
    began = time.monotonic()
    client = start_client(*arguments)
    job = _job(service, target, client)
    asked = time.monotonic()
    while not job.refresh().done and job.progress.rows_done < moment[0]:
        time.sleep(0.01)
    time.sleep(moment[1])
    rows_then = job.refresh().progress.rows_done
    seconds = time.monotonic() - asked
    if victim == "client":
        client.kill()
        client.wait()
        client = start_client(*arguments)
    else:
        while not service.kill(victim):
            # It has not been started yet, or its end came first: a job that ended is a moment like any other.
            if job.refresh().done:
                break
            time.sleep(0.01)
    job.wait(timeout_seconds=JOB_SECONDS)
    if client.wait(JOB_SECONDS):
        raise RuntimeError(
            f"the client ended with exit code {client.returncode} after {time.monotonic() - began:.0f} s"
        )
    made = sum(Path(each.output_url) == target for each in job_list(service))
    return _compare(job, target, radii, victim, seconds, rows_then, made)


def job_list(service: Service) -> list[raphson.Job]:
    """Return all jobs of a service."""
    with raphson.connect(service.address, timeout_seconds=START_SECONDS) as client:
        return list(client.jobs())


def _job(service: Service, target: Path, asking: subprocess.Popen[bytes]) -> raphson.Job:
    """Wait until the job is there that a client asks for."""
    client = raphson.connect(service.address, timeout_seconds=START_SECONDS)
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        for job in client.jobs():
            if Path(job.output_url) == target:
                return job
        if asking.poll():
            break
        time.sleep(0.02)
    raise RuntimeError("the client has asked for no job")


def _compare(
    job: raphson.Job, target: Path, radii: np.ndarray, victim: str, seconds: float, rows_then: int, made: int
) -> Fault:
    """Count what is lost, twice there, or wrong."""
    found = pq.read_table(target)
    numbers = found["row"].to_numpy()
    times = Counter(numbers.tolist())
    x, y, r = found["x"].to_numpy(), found["y"].to_numpy(), radii[numbers]
    residual = np.maximum(np.abs(x**2 + y**2 - r**2), np.abs(np.exp(x) + y - 1))
    return Fault(
        victim,
        seconds,
        rows_then,
        job.state.name.lower(),
        lost=sum(row not in times for row in range(len(radii))),
        twice=sum(count - 1 for count in times.values()),
        wrong=int(np.count_nonzero(~(residual <= WORST_RESIDUAL))),
        jobs=made,
    )


def main() -> int:
    """Print the table; return 1 if a row was lost, twice there or wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("--rows", type=int, default=400_000, help="of each job (default: 400 000)")
    parser.add_argument("--chunk-rows", type=int, default=2_000, help="committed together (default: 2000)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the moments (default: {SEED})")
    parser.add_argument("--client", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.client is not None:
        address, source, target, chunk_rows, request_id = arguments.client
        ask(address, source, target, int(chunk_rows), request_id)
        return 0
    heading(
        "Durable jobs under kill -9",
        f"{arguments.kills} jobs of {arguments.rows:,} rows in chunks of {arguments.chunk_rows:,}; one process solves.",
        "Goal: no row lost, none twice.",
    )
    with tempfile.TemporaryDirectory(prefix="raphson-faults-") as folder:
        faults = list(run_faults(Path(folder), arguments.kills, arguments.rows, arguments.chunk_rows, arguments.seed))
    table(
        ("", "killed", "after", "rows then", "ended", "rows lost", "twice", "wrong", "jobs made"),
        [
            [str(i + 1), f.victim, f"{f.seconds:.2f} s", f"{f.rows_then:,}", f.state]
            + [str(count) for count in (f.lost, f.twice, f.wrong, f.jobs)]
            for i, f in enumerate(faults)
        ],
    )
    sums = [sum(getattr(fault, name) for fault in faults) for name in ("lost", "twice", "wrong")]
    print(f"\nrows lost {sums[0]}, twice {sums[1]}, wrong {sums[2]}, of {arguments.rows * len(faults):,}")
    sound = not any(sums) and all(fault.state == "succeeded" and fault.jobs == 1 for fault in faults)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
