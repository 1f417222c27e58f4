"""Jobs on small tables: descriptions, an executor without processes, and what the solver itself gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.feather
import raphson_solver as rs
from pyarrow import csv, parquet
from raphson.v1.system_pb2 import Parameter, System, Variable
from raphson_server.jobs.description import JobDescription
from raphson_server.jobs.errors import JobError
from raphson_server.jobs.executor import Chunk, ChunkResult
from raphson_server.jobs.record import JobRecord
from raphson_server.jobs.run import run
from raphson_server.jobs.solve_chunk import solve_chunk
from raphson_server.jobs.store import Store

OWNER = "the test"
ROOT = System(
    equations=["x**2 = p", "u[i] = x + i*q for i in range(3)"],
    variables=[Variable(name="x"), Variable(name="u", shape=[3])],
    parameters=[Parameter(name="p"), Parameter(name="q")],
)
START = {"x": 1.0, "u": [0.0, 0.0, 0.0]}
CIRCLE = System(
    equations=["x**2 + y**2 = r**2", "exp(x) + y = 1"],
    variables=[Variable(name="x"), Variable(name="y")],
    parameters=[Parameter(name="r")],
)
CIRCLE_START = {"x": 1.0, "y": -1.7}


def describe(folder: Path, system: System = ROOT, **more: Any) -> JobDescription:
    """Describe a job from ``in.parquet`` to ``out.parquet`` of a folder."""
    given: dict[str, Any] = {
        "definition": system.SerializeToString(),
        "input_url": str(folder / "in.parquet"),
        "output_url": str(folder / "out.parquet"),
        "start": START if system is ROOT else CIRCLE_START,
        "chunk_rows": 100,
    }
    return JobDescription(**{**given, **more})


def radii(count: int, seed: int = 0) -> pa.Table:
    """Return rows for `CIRCLE` with a number each."""
    r = np.random.default_rng(seed).uniform(1.5, 4.0, count)
    return pa.table({"id": np.arange(count), "r": r})


def squares(count: int, seed: int = 0) -> pa.Table:
    """Return rows for `ROOT`."""
    random = np.random.default_rng(seed)
    return pa.table({"p": random.uniform(0.5, 9.0, count), "q": random.normal(size=count)})


def write_table(table: pa.Table, path: Path, **options: Any) -> None:
    """Write a table by the extension of its name."""
    match path.suffix:
        case ".parquet":
            parquet.write_table(table, path, **options)
        case ".csv":
            csv.write_csv(table, path)
        case ".arrow":
            pyarrow.feather.write_feather(table, path, compression="uncompressed")
        case ".arrows":
            with pa.ipc.new_stream(path, table.schema) as writer:
                writer.write_table(table, **options)
        case other:
            raise ValueError(other)


def read_table(path: Path) -> pa.Table:
    """Read a table by the extension of its name."""
    match path.suffix:
        case ".parquet":
            return parquet.read_table(path)
        case ".csv":
            return csv.read_csv(path)
        case _:
            return pa.ipc.open_file(path).read_all()


def directly(system: System, start: Mapping[str, Any], table: pa.Table) -> rs.batch.BatchSolution:
    """Solve the rows of a table, all in one batch, by the solver alone."""
    variables = {each.name: np.asarray(start[each.name]) for each in system.variables}
    names = [each.name for each in system.parameters]
    compiled = rs.compile(list(system.equations), variables, dict.fromkeys(names, 0.5))
    return compiled.solve_batch(variables, {name: table[name].to_numpy() for name in names}, threads=1)


class InProcess:
    """Solves chunks at once, in this process, and remembers which."""

    most_in_flight = 3

    def __init__(self, before: Callable[[Chunk], object] | None = None) -> None:
        self.numbers: list[int] = []
        self._before = before

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def submit(self, chunk: Chunk) -> Future[ChunkResult]:
        future: Future[ChunkResult] = Future()
        self.numbers.append(chunk.number)
        try:
            if self._before is not None:
                self._before(chunk)
            future.set_result(solve_chunk(chunk.plan, chunk.rows))
        except JobError as error:
            future.set_exception(error)
        return future


def run_job(description: JobDescription, store: Store, executor: Any = None, **more: Any) -> JobRecord:
    """Run a job from beginning to end."""
    created = store.create(description)
    claimed = store.claim(OWNER, 30.0, name=created.name)
    assert claimed is not None
    with executor or InProcess() as entered:
        return run(claimed, store, OWNER, entered, **more)


def left_in(folder: Path) -> list[str]:
    """Return the names of what is in a folder, but for a store's."""
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("store"))
