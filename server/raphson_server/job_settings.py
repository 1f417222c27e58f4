"""What the front end tells the processes that keep and run jobs when it starts them."""

import json
from dataclasses import asdict, dataclass
from typing import Self

CALLER_KEY, SEES_ALL_KEY = "raphson-caller", "raphson-sees-all"
"""Metadata by which the front end tells the desk whose call it passes on, and whether others' jobs are its business."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobSettings:
    """Where jobs are kept, what they may touch, and how they are run.

    Attributes
    ----------
    store : str
        Path or URL of the store; it may hold a password, so that it is never an argument of a process.
    roots : tuple of str
        Beneath which callers may read and write: absolute paths and URLs.
    executor : str
        ``dask://host:port``; empty: processes of this machine.
    processes : int
        How many of those.
    niceness : int
        Scheduling niceness of whatever computes for jobs.
    lease_seconds : float
        After how long without a word of a job's runner others may take the job over.
    address : str
        Where the desk answers: a socket of this machine that only this user reaches.
    announce_fd : int
        Where a process says, in lines of JSON, that it is ready, or why it cannot be, and which job it is about to run.
    parent_pid : int
        The front end; neither process outlives it.
    max_message_bytes : int
        Largest message.
    limits : dict of str to int
        Those of one definition, by the solver's names.
    code_cache_bytes : int
        What machine code on disk may take; 0 for none.
    log_level, log_format : str
        Of their logs.
    suspect : str
        The job that the process before was lost with; empty if there is none.
    suspect_losses : int
        How many were lost with it in a row, without a chunk between.
    """

    store: str
    roots: tuple[str, ...]
    executor: str
    processes: int
    niceness: int
    lease_seconds: float
    address: str
    announce_fd: int
    parent_pid: int
    max_message_bytes: int
    limits: dict[str, int]
    code_cache_bytes: int
    log_level: str
    log_format: str
    suspect: str = ""
    suspect_losses: int = 0

    def to_json(self) -> str:
        """Write the settings."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        content = json.loads(text)
        return cls(**content | {"roots": tuple(content["roots"])})
