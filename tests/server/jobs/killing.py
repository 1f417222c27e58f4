"""What a process that is to be killed does: a job as ``raphson batch`` does it, but for the workers."""

from __future__ import annotations

import raphson_solver as rs
from raphson_server.cli.embedded_job import run_embedded
from raphson_server.jobs.description import JobDescription

from tests.server.jobs.working import InProcess

# Once, where the processes are forked from: each would take longer to read the engine than it may live.
rs.warm_up()


def work(description: str) -> None:
    """Carry out a job, or what is left of it."""
    record = run_embedded(JobDescription.from_json(description), None, InProcess(), lambda *_: None)
    assert not record.error_code, record.error_message
