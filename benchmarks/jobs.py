"""A durable job, Parquet to Parquet: rows a second, and the memory of all its processes, at 10⁶ rows and at 10⁷.

``raphson batch`` as a person runs it: a process of its own and one worker a core, from its start to its end, a table of
parameters in and a table of roots out, every chunk committed. A two-link arm (n = 2) and Chandrasekhar's H equation
(n = 8). Beside it what the same rows cost without durability, in one process of one thread: the table read by pyarrow,
solved by `System.solve_batch`, written by pyarrow, all of it in memory. Memory is what all processes hold together at
the worst moment, shared pages counted once (the proportional set size), looked at ten times a second.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import raphson_solver as rs
from pyarrow import parquet

from benchmarks.batch_solve import rate
from benchmarks.batch_systems import BatchSystem, arm, chandrasekhar
from benchmarks.timing import duration, heading, table

LOOK_SECONDS = 0.1
MEGABYTE = 1e6
ROW_GROUP = 1 << 20


@dataclass(frozen=True, slots=True)
class Measured:
    """One job.

    Attributes
    ----------
    rows : int
    seconds : float
        From the start of the command to its end.
    bytes : float
        The most that all processes held.
    """

    rows: int
    seconds: float
    bytes: float


def write_input(system: BatchSystem, count: int, path: Path) -> None:
    """Write the parameters of some members, piece by piece."""
    schema = pa.schema([(name, pa.float64()) for name in system.parameters])
    drawn = system.draw(min(count, ROW_GROUP))
    with parquet.ParquetWriter(path, schema) as writer:
        for first in range(0, count, ROW_GROUP):
            rows = drawn[: min(ROW_GROUP, count - first)]
            writer.write_table(pa.table([pa.array(column) for column in rows.T], schema=schema))


def write_model(system: BatchSystem, path: Path) -> None:
    start = "\n".join(f"{name} = {np.asarray(value).tolist()}" for name, value in system.variables.items())
    path.write_text(f"equations = {json.dumps(system.equations)}\n[start]\n{start}\n")


def run_job(folder: Path, workers: int) -> Measured:
    """Run the command; the output is looked at afterwards."""
    command = [sys.executable, "-c", "from raphson_server.cli import main; main()", "batch", "model.toml", "in.parquet"]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, "-o", "out.parquet", "--workers", str(workers), "--json"], cwd=folder, stdout=subprocess.PIPE
    )
    held = [0.0]
    over = threading.Event()
    watcher = threading.Thread(target=watch, args=(process.pid, held, over))
    watcher.start()
    said, _ = process.communicate()
    seconds = time.perf_counter() - began
    over.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"raphson batch ended with {process.returncode}")
    summary = json.loads(said)
    if summary["status_counts"] != {"converged": summary["rows"]}:
        raise SystemExit(f"not all rows converged: {summary}")
    return Measured(summary["rows"], seconds, held[0])


def watch(pid: int, held: list[float], over: threading.Event) -> None:
    """Look at the memory of a process and its children until told to stop."""
    while not over.wait(LOOK_SECONDS):
        held[0] = max(held[0], sum(proportional_bytes(each) for each in [pid, *processes_below(pid)]))


def processes_below(pid: int) -> list[int]:
    """Return the processes that a process started, and that those started."""
    try:
        texts = [path.read_text(encoding="utf-8") for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except (FileNotFoundError, ProcessLookupError):
        return []
    children = [int(word) for text in texts for word in text.split()]
    return children + [each for child in children for each in processes_below(child)]


def proportional_bytes(pid: int) -> float:
    """Return the proportional set size of a process; none if it is no more."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(1024.0 * int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def plainly(system: BatchSystem, folder: Path, rows: int) -> float:
    """Return how long pyarrow and the solver take for some of the rows, on one thread, after a first time."""
    compiled = rs.compile(system.equations, start=system.variables, parameters=dict.fromkeys(system.parameters, 1.0))
    best = float("inf")
    for _ in range(2):
        began = time.perf_counter()
        given = parquet.read_table(folder / "in.parquet", use_threads=False).slice(0, rows)
        members = np.column_stack([given[name].to_numpy() for name in system.parameters])
        found = compiled.solve_batch(system.start, members, threads=1)
        columns: dict[str, pa.Array] = {}
        place = 0
        for name, value in system.variables.items():
            size = np.size(value)
            part = pa.array(np.ascontiguousarray(found.x[:, place : place + size]).ravel())
            columns[name] = part if np.ndim(value) == 0 else pa.FixedSizeListArray.from_arrays(part, size)
            place += size
        columns |= {"status": pa.array(found.status), "residual_norm": pa.array(found.residual_norm)}
        parquet.write_table(pa.table(columns), folder / "plain.parquet")
        best = min(best, time.perf_counter() - began)
    return best


def check(system: BatchSystem, folder: Path, rows: int) -> None:
    """Compare rows of the output, the first and the last, with the solver's own answers."""
    file = parquet.ParquetFile(folder / "out.parquet")
    if file.metadata.num_rows != rows:
        raise SystemExit(f"{file.metadata.num_rows} rows came of {rows}")
    compiled = rs.compile(system.equations, start=system.variables, parameters=dict.fromkeys(system.parameters, 1.0))
    drawn = system.draw(min(rows, ROW_GROUP))
    first = 0
    for group in range(file.num_row_groups):
        found = file.read_row_group(group)
        if group in {0, file.num_row_groups - 1}:
            places = np.arange(first, first + len(found)) % ROW_GROUP
            direct = compiled.solve_batch(system.start, drawn[places], threads=1)
            for name in system.variables:
                values = found[name].combine_chunks()
                flat = values.flatten() if pa.types.is_fixed_size_list(values.type) else values
                if not np.allclose(flat.to_numpy(), direct[name].ravel(), rtol=1e-9, atol=1e-12):
                    raise SystemExit(f"{system.name}: rows from {first} on differ from what the solver gives")
        first += len(found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10**6, 10**7], help="of each job (default: 10⁶, 10⁷)")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="default: one a core")
    parser.add_argument("--folder", type=Path, help="where tables go (default: where temporary files go)")
    arguments = parser.parse_args()
    lines: list[list[object]] = []
    peaks: list[str] = []
    for make in (arm, chandrasekhar):
        system = make()
        jobs: list[Measured] = []
        for rows in arguments.rows:
            with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
                folder = Path(name)
                write_input(system, rows, folder / "in.parquet")
                write_model(system, folder / "model.toml")
                measured = run_job(folder, arguments.workers)
                check(system, folder, rows)
                sample = min(rows, ROW_GROUP)
                plain = sample / plainly(system, folder, sample)
                jobs.append(measured)
                lines.append(
                    [
                        f"{system.name}, {rows:,} rows",
                        duration(measured.seconds),
                        rate(rows / measured.seconds),
                        rate(plain),
                        f"{measured.bytes / MEGABYTE:.0f} MB",
                    ]
                )
        if len(jobs) > 1:
            more = f"{jobs[-1].rows / jobs[0].rows:.3g} times the rows"
            peaks.append(f"{system.name}: {more}, {jobs[-1].bytes / jobs[0].bytes:.2f} times the memory")
            apart = jobs[-1].seconds - jobs[0].seconds
            if apart > 0:
                more_rows = rate((jobs[-1].rows - jobs[0].rows) / apart)
                peaks.append(f"{system.name}: {more_rows} rows/s once the processes have started")
    heading(
        "Durable jobs, Parquet to Parquet",
        f"raphson batch with {arguments.workers} workers, start and end of all processes included; each row checked",
        "to be there, and those of the first and the last chunk against the solver. In one process: read, solved and",
        "written in memory, by one thread, 10⁶ rows at most.",
    )
    table(("job", "time", "rows/s", "in one process, rows/s", "memory at most"), lines)
    print()
    for line in peaks:
        print(line)


if __name__ == "__main__":
    main()
