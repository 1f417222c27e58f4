"""Packages that only jobs need, and what to install where they are not there."""

from collections.abc import Iterator
from contextlib import contextmanager

from raphson_server.jobs.errors import JobError, JobErrorCode

_PACKAGES = {
    "jobs": {"pyarrow", "sqlalchemy", "fsspec"},
    "postgres": {"psycopg", "psycopg2"},
    "dask": {"dask", "distributed"},
}


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import what belongs to an extra of the distribution.

    Raises
    ------
    JobError
        PACKAGE_MISSING, with the command that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES[name]:
            raise
        message = f"{package} is not installed: pip install 'raphson[{name}]'"
        raise JobError(JobErrorCode.PACKAGE_MISSING, message) from None
