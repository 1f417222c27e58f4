"""The format of a table, by what was chosen or by its extension."""

from pathlib import PurePosixPath

from raphson_server.jobs.description import TableFormat
from raphson_server.jobs.errors import JobError, JobErrorCode

EXTENSIONS = {
    ".parquet": TableFormat.PARQUET,
    ".pq": TableFormat.PARQUET,
    ".arrow": TableFormat.ARROW,
    ".arrows": TableFormat.ARROW,
    ".feather": TableFormat.ARROW,
    ".ipc": TableFormat.ARROW,
    ".csv": TableFormat.CSV,
}
"""Extensions in lower case."""


def find_format(url: str, chosen: TableFormat | None) -> TableFormat:
    """Return the format of a table.

    Raises
    ------
    JobError
        INPUT_UNREADABLE if nothing was chosen, and the extension says nothing.
    """
    if chosen is not None:
        return chosen
    extension = PurePosixPath(url.partition("?")[0]).suffix.lower()
    found = EXTENSIONS.get(extension)
    if found is None:
        what = f"the extension {extension!r} is not known" if extension else "there is no extension"
        expected = f"expected one of {', '.join(EXTENSIONS)}, or a format: {', '.join(TableFormat)}"
        raise JobError(JobErrorCode.INPUT_UNREADABLE, f"{url}: {what}; {expected}")
    return found
