"""What ends a job, or keeps it from starting: a code to branch on, and words for people.

JobError
├── JobNotFoundError   no job of that name
├── JobStateError      the job's state does not allow it
├── LeaseLostError     another process has the job now
└── StoreError         the store cannot be opened, or is not one
"""

from enum import StrEnum


class JobErrorCode(StrEnum):
    """Why a job failed; kept with the job."""

    INVALID_DEFINITION = "INVALID_DEFINITION"
    """The equations, names or options make no sense."""
    INVALID_COLUMNS = "INVALID_COLUMNS"
    """A column is missing, unknown, ragged, or holds no numbers."""
    INPUT_UNREADABLE = "INPUT_UNREADABLE"
    """There is no such file, or it may not be read."""
    INPUT_MALFORMED = "INPUT_MALFORMED"
    """The file is not of its format, or ends too early."""
    INPUT_CHANGED = "INPUT_CHANGED"
    """The file is another than when the job began."""
    OUTPUT_EXISTS = "OUTPUT_EXISTS"
    """There is an output, which the job was not told to replace."""
    OUTPUT_UNWRITABLE = "OUTPUT_UNWRITABLE"
    """The output's folder is not there, may not be written, or failed."""
    DISK_FULL = "DISK_FULL"
    """There is no room for the output or its parts."""
    PARTS_LOST = "PARTS_LOST"
    """Parts that were committed are not there any more, or not as they were."""
    WORKER_LOST = "WORKER_LOST"
    """A chunk ended its worker again and again."""
    EXECUTOR_LOST = "EXECUTOR_LOST"
    """What the workers belong to cannot be reached (any more)."""
    PATH_NOT_ALLOWED = "PATH_NOT_ALLOWED"
    """The operator of the server does not let jobs read or write there."""
    STORE = "STORE"
    """The store of jobs cannot be used."""
    JOB_NOT_FOUND = "JOB_NOT_FOUND"
    """No job has that name."""
    JOB_STATE = "JOB_STATE"
    """The job is in another state than the operation needs."""
    LEASE_LOST = "LEASE_LOST"
    """Another process has taken the job over."""
    PACKAGE_MISSING = "PACKAGE_MISSING"
    """A package is not installed."""
    INTERNAL = "INTERNAL"
    """A fault in the program."""


class JobError(Exception):
    """Something is wrong with a job.

    Attributes
    ----------
    code : JobErrorCode
    message : str
        For people: the file, the column, what was found, and what was expected.
    """

    def __init__(self, code: JobErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class JobNotFoundError(JobError):
    """No job has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(JobErrorCode.JOB_NOT_FOUND, f"{name!r} is no job of this store")


class JobStateError(JobError):
    """The job is in another state than the operation needs."""

    def __init__(self, message: str) -> None:
        super().__init__(JobErrorCode.JOB_STATE, message)


class LeaseLostError(JobError):
    """Another process has taken the job over, or it was deleted; whoever had it stops without a trace."""

    def __init__(self, name: str, owner: str) -> None:
        super().__init__(JobErrorCode.LEASE_LOST, f"{owner} has lost its lease of {name}")


class StoreError(JobError):
    """The store of jobs cannot be opened, or is not one."""

    def __init__(self, message: str) -> None:
        super().__init__(JobErrorCode.STORE, message)
