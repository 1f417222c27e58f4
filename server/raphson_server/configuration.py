"""Everything an operator may choose about the service, in one frozen object."""

import os
from dataclasses import dataclass, field
from pathlib import Path

MIB = 1024 * 1024


def _cores() -> int:
    """Count the cores this process may run on."""
    return len(os.sched_getaffinity(0))


def _is_within(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or in it, links followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerConfig:
    """How the service listens, how much it admits and what its workers may use.

    Attributes
    ----------
    address : str
        ``host:port`` to bind; port 0 takes a free one.
    workers : int
        Worker processes that compute at the same time; one hot spare is kept beside them.
    max_in_flight : int
        Requests admitted at a time, running and waiting, and batches at a time. Past it: RESOURCE_EXHAUSTED, at once.
    max_message_bytes : int
        Largest request and largest reply.
    worker_memory_bytes : int
        Address space of one worker (RLIMIT_AS); 0 sets no limit.
    worker_systems : int
        Compiled systems that each worker keeps.
    definitions : int
        Definitions kept by id, for requests that name one.
    definition_bytes : int
        Bytes that those definitions may take together.
    drain_seconds : float
        How long a stopping server waits for requests in flight.
    cancel_grace_seconds : float
        How long a worker may go on after its call has ended before it is killed.
    reader_patience_seconds : float
        How long a stream may wait for its reader to take an item before the call is ended: it holds a worker.
    systems : tuple of str
        Files that end with ``.py``, or modules, whose registered functions callers may name; nothing else is imported.
    callbacks : int
        Calls at a time that solve what the caller evaluates, waiting for it or not.
    callback_bytes : int
        What such a call may keep between its turns.
    answer_patience_seconds : float
        How long such a call waits for the caller's answer.
    worker_niceness : int
        Scheduling niceness of the workers, so that the front end always gets a core.
    jobs : str
        Where jobs are kept: a folder, or the URL of a PostgreSQL database; empty: there are none.
    job_files : tuple of str
        Beneath which jobs may read and write: absolute paths, and URLs with their schemes.
    jobs_on : str
        ``dask://host:port`` of a scheduler that jobs are run on; empty: processes of this machine.
    job_processes : int
        How many of those.
    job_niceness : int
        Scheduling niceness of what computes for jobs: above that of the workers, so that calls come first.
    job_lease_seconds : float
        After how long without a word of a job's runner, on another machine, its job is taken over.

    Raises
    ------
    ValueError
        If a value is outside its range; the message names the field, the value and the range.
    """

    address: str = "127.0.0.1:50551"
    workers: int = field(default_factory=_cores)
    max_in_flight: int = 64
    max_message_bytes: int = 16 * MIB
    worker_memory_bytes: int = 4096 * MIB
    worker_systems: int = 256
    definitions: int = 10_000
    definition_bytes: int = 256 * MIB
    drain_seconds: float = 10.0
    cancel_grace_seconds: float = 0.25
    reader_patience_seconds: float = 30.0
    systems: tuple[str, ...] = ()
    callbacks: int = 32
    callback_bytes: int = 64 * MIB
    answer_patience_seconds: float = 300.0
    worker_niceness: int = 10
    jobs: str = ""
    job_files: tuple[str, ...] = ()
    jobs_on: str = ""
    job_processes: int = field(default_factory=_cores)
    job_niceness: int = 15
    job_lease_seconds: float = 30.0

    def __post_init__(self) -> None:
        """Check every range once, so that nothing below has to."""
        least = {
            "workers": 1,
            "max_in_flight": 1,
            "max_message_bytes": 1024,
            "worker_memory_bytes": 0,
            "worker_systems": 1,
            "definitions": 1,
            "definition_bytes": 1024,
            "drain_seconds": 0,
            "cancel_grace_seconds": 0,
            "reader_patience_seconds": 0,
            "callbacks": 1,
            "callback_bytes": 1024,
            "answer_patience_seconds": 0,
            "worker_niceness": 0,
            "job_processes": 1,
            "job_niceness": 0,
            "job_lease_seconds": 0.1,
        }
        for name, minimum in least.items():
            value = getattr(self, name)
            if not value >= minimum:
                raise ValueError(f"{name} is {value}; expected at least {minimum}")
        if ":" not in self.address:
            raise ValueError(f"address is {self.address!r}; expected host:port, e.g. 127.0.0.1:50551")
        for name in ("job_files", "jobs_on"):
            if getattr(self, name) and not self.jobs:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}, but jobs is empty; expected a folder to keep them in"
                )
        if self.jobs_on and not self.jobs_on.startswith("dask://"):
            raise ValueError(f"jobs_on is {self.jobs_on!r}; expected dask://host:port")
        for root in self.job_files:
            if not (root.startswith("/") or "://" in root):
                raise ValueError(
                    f"job_files has {root!r}; expected an absolute path, or a URL such as s3://bucket/folder"
                )
            if "://" not in self.jobs and _is_within(self.jobs, root.removeprefix("file://")):
                message = f"jobs is {self.jobs!r}, within {root!r} of job_files: callers could overwrite it"
                raise ValueError(f"{message}; expected it elsewhere")
