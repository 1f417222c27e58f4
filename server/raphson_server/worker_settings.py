"""What the front end tells a worker process when it starts it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerSettings:
    """One worker's bounds and the file descriptors it inherits.

    Attributes
    ----------
    channel_fd : int
        Its end of the socket to the front end.
    flag_fd : int
        Eight bytes of shared memory: other than zero stops the engine at its next iteration.
    parent_pid : int
        The front end; the worker never outlives it.
    memory_bytes : int
        Address space it may take; 0 sets no limit.
    systems : int
        Compiled systems it keeps.
    max_message_bytes : int
        Largest reply.
    limits : dict of str to int
        Those of one definition, by the solver's names.
    system_files : sequence of str
        Whose registered functions it serves.
    max_callback_bytes : int
        What a search of a callback may keep between its turns.
    niceness : int
        Scheduling niceness.
    hurry : bool
        Whether to take it on only when ready.
    log_level, log_format : str
        Of its log.
    """

    channel_fd: int
    flag_fd: int
    parent_pid: int
    memory_bytes: int
    systems: int
    max_message_bytes: int
    limits: dict[str, int]
    system_files: Sequence[str]
    max_callback_bytes: int
    niceness: int
    hurry: bool
    log_level: str
    log_format: str

    def to_argument(self) -> str:
        """Write the settings as one command-line argument."""
        return json.dumps(asdict(self))

    @classmethod
    def from_argument(cls, argument: str) -> Self:
        """Read what `to_argument` wrote."""
        return cls(**json.loads(argument))
