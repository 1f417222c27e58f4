"""Jobs as programs ask for them over the wire, and what is kept on this machine of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from raphson.v1 import job_pb2
from raphson.v1.job_pb2 import CreateJobRequest, GetJobRequest, Job, JobDescription, Table
from raphson.v1.solver_pb2 import METHOD_NEWTON, SolveOptions
from raphson.v1.system_pb2 import Parameter, System, Variable

from tests.server.calling import Problem, named, problem
from tests.server.running import CALL_SECONDS, Server, running_server, wait_until

# Beside the workers: the desk and the runner.
OTHERS = 2
JOB_SECONDS = 60.0
START = {"x": 1.0, "y": -1.7}


@dataclass
class JobServer:
    """A server with jobs, and the folder that they may use."""

    server: Server
    folder: Path
    store: Path

    def call(self, name: str, request: Any, timeout: float = CALL_SECONDS) -> Any:
        return getattr(self.server.jobs, name)(request, timeout=timeout)

    def create(self, description: JobDescription, request_id: str = "") -> Job:
        return self.call("CreateJob", CreateJobRequest(description=description, request_id=request_id), 60)

    def get(self, name: str) -> Job:
        return self.call("GetJob", GetJobRequest(name=name))

    def refusal(self, name: str, request: Any) -> Problem:
        """Make a call that is refused; return how."""
        take = list if name in {"WatchJob", "ReadResults"} else lambda answer: answer
        with pytest.raises(grpc.RpcError) as caught:
            take(self.call(name, request))
        return problem(caught.value)

    def wait_for(self, name: str, condition: Callable[[Job], bool], seconds: float = JOB_SECONDS) -> Job:
        """Wait until a job is as it should be; a desk that is starting again is waited for."""
        found: list[Job] = []

        def holds() -> bool:
            with contextlib.suppress(grpc.RpcError):
                found[:] = [self.get(name)]
                return condition(found[0])
            return False

        # A call each time, by processes that the job could have.
        wait_until(holds, seconds, pause=0.03)
        return found[0]

    def finish(self, name: str) -> Job:
        return self.wait_for(name, lambda job: job.done)

    def process(self, role: str) -> int:
        """Return the process id of the desk or the runner."""
        found: list[int] = []

        def there() -> bool:
            found[:] = [pid for pid in self.server.workers() if _role(pid) == role]
            return len(found) == 1

        wait_until(there, 20)
        return found[0]


def _role(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return words[-2].decode() if b"raphson_server.jobs" in words else ""


@contextlib.contextmanager
def job_server(folder: Path, *flags: str, store: Path | None = None, **choices: Any) -> Iterator[JobServer]:
    """Start a server whose jobs may use a folder."""
    kept = folder / "kept" if store is None else store
    files = folder / "files"
    files.mkdir(exist_ok=True)
    own = ("--jobs", str(kept), "--job-files", str(files), "--job-processes", "1")
    with running_server(*own, *flags, others=OTHERS, **choices) as server:
        yield JobServer(server, files, kept)


def write_input(path: Path, rows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Write radii, and which row each is of."""
    radii = np.linspace(1, 3, rows)
    pq.write_table(pa.table({"r": radii, "row": np.arange(rows)}), path)
    return radii


def circle(source: Path | str, target: Path | str, **more: Any) -> JobDescription:
    """Describe a job on a circle and an exponential."""
    system = System(
        equations=["x**2 + y**2 = r**2", "exp(x) + y = 1"],
        variables=[Variable(name="x"), Variable(name="y")],
        parameters=[Parameter(name="r")],
    )
    given = {"definition": system, "start": named(START), "carry": ["row"], "chunk_rows": 500} | more
    return JobDescription(input=Table(url=str(source)), output=Table(url=str(target)), **given)


def slow(source: Path | str, target: Path | str, iterations: int = 20_000, **more: Any) -> JobDescription:
    """Describe a job whose rows have no root, and take their time to find out."""
    system = System(equations=["x**2 + r = 0"], variables=[Variable(name="x")], parameters=[Parameter(name="r")])
    options = SolveOptions(method=METHOD_NEWTON, max_iterations=iterations)
    return circle(
        source, target, definition=system, start=named({"x": 0.7}), options=options, **({"chunk_rows": 100} | more)
    )


def check_circle(path: Path, radii: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    """Every row once, in order, and a root: by the equations themselves."""
    table = pq.read_table(path)
    assert np.array_equal(table["row"], np.arange(len(radii)))
    x, y = table["x"].to_numpy(), table["y"].to_numpy()
    assert np.abs(x**2 + y**2 - radii**2).max() < 1e-11
    assert np.abs(np.exp(x) + y - 1).max() < 1e-11


def state_name(job: Job) -> str:
    return job_pb2.Job.State.Name(job.state).removeprefix("STATE_")
