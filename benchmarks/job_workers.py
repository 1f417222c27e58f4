"""One job on a Dask cluster of one worker, and of two.

Chandrasekhar's H equation at 32 places, dense, so that solving is what takes the time. The scheduler, the workers and
what coordinates the job share this machine. The same job was done before by the same workers, so that they have
compiled the system, as for all but the first chunks of a long job.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import distributed
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from raphson.v1.system_pb2 import Parameter, System, Variable
from raphson_server.jobs.description import JobDescription
from raphson_server.jobs.on_dask import DaskExecutor
from raphson_server.jobs.record import JobState
from raphson_server.jobs.run import run
from raphson_server.jobs.store import Store

from benchmarks.timing import duration, heading, table

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACES = 32
OWNER = "the benchmark"
LEASE_SECONDS = 60.0
START_SECONDS = 60.0
SEED = 3


def system() -> System:
    """Write H at its places."""
    place = f"x[i] - 1 = c/{2 * PLACES}*x[i]*sum((i + 0.5)/(i + j + 1)*x[j] for j in range({PLACES}))"
    return System(
        equations=[f"{place} for i in range({PLACES})"],
        variables=[Variable(name="x", shape=[PLACES])],
        parameters=[Parameter(name="c")],
    )


@contextlib.contextmanager
def cluster(folder: Path, workers: int) -> Iterator[str]:
    """Start a scheduler and workers of one thread each; yield its address."""
    file = folder / f"scheduler{workers}.json"
    with contextlib.ExitStack() as stack:
        _start(stack, folder, "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        address = _address(file)
        for _ in range(workers):
            _start(stack, folder, "worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", str(folder))
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, START_SECONDS)
        yield address.replace("tcp://", "dask://")


def _start(stack: contextlib.ExitStack, folder: Path, *arguments: str) -> None:
    log = stack.enter_context((folder / "dask.log").open("ab"))
    one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
        stdout=log,
        stderr=log,
        env=os.environ | one_thread,
    )
    stack.callback(process.wait, START_SECONDS)
    stack.callback(process.terminate)


def _address(file: Path) -> str:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return str(json.loads(file.read_text())["address"])
        time.sleep(0.05)
    raise RuntimeError("no scheduler has started")


def seconds_of_job(folder: Path, source: Path, executor: DaskExecutor, chunk_rows: int) -> float:
    """Run the job; return how long it took, from its beginning to its output."""
    output = folder / "out.parquet"
    description = JobDescription(
        definition=system().SerializeToString(),
        input_url=str(source),
        output_url=str(output),
        start={"x": [1.0] * PLACES},
        chunk_rows=chunk_rows,
        overwrite=True,
    )
    with Store(str(folder / "store.sqlite")) as store:
        store.create(description)
        record = store.claim(OWNER, LEASE_SECONDS)
        if record is None:
            raise RuntimeError("the job was not to be claimed")
        began = time.perf_counter()
        ended = run(record, store, OWNER, executor, lease_seconds=LEASE_SECONDS)
        took = time.perf_counter() - began
    if ended.state is not JobState.SUCCEEDED or ended.status_counts != {"converged": ended.rows_total}:
        raise RuntimeError(f"{ended.state}: {ended.error_message} {ended.status_counts}")
    return took


def main() -> int:
    """Print times and their ratio; return 1 if two workers are not 1.7 times as fast."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=60_000, help="of the job (default: 60 000)")
    parser.add_argument("--chunk-rows", type=int, default=2_000, help="of a chunk (default: 2000)")
    parser.add_argument("--repetitions", type=int, default=5, help="jobs on each cluster, in turn (default: 5)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="raphson-workers-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        source = folder / "in.parquet"
        c = np.random.default_rng(SEED).uniform(0.1, 0.95, arguments.rows)
        pq.write_table(pa.table({"c": c}), source)
        executors = {}
        for workers in (1, 2):
            executors[workers] = stack.enter_context(DaskExecutor(stack.enter_context(cluster(folder, workers))))
            seconds_of_job(folder, source, executors[workers], arguments.chunk_rows)
        found: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(arguments.repetitions):
            for workers, executor in executors.items():
                found[workers].append(seconds_of_job(folder, source, executor, arguments.chunk_rows))
    heading(
        "Dask workers",
        f"{arguments.rows:,} rows of {PLACES} variables, chunks of {arguments.chunk_rows:,}, Parquet to Parquet.",
        "Goal: two workers at least 1.7 times one.",
    )
    medians = {workers: statistics.median(times) for workers, times in found.items()}
    rows = [
        [
            str(workers),
            duration(medians[workers]),
            f"{arguments.rows / medians[workers]:,.0f}",
            f"{medians[1] / medians[workers]:.2f}",
        ]
        for workers in found
    ]
    table(("workers", "median", "rows/s", "to one"), rows)
    return 0 if medians[1] / medians[2] >= 1.7 else 1


if __name__ == "__main__":
    sys.exit(main())
