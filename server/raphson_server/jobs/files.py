"""Files on this machine, or wherever fsspec reaches: written whole or not at all, with errors that name them."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from raphson_server.jobs.errors import JobError, JobErrorCode
from raphson_server.jobs.extra import extra

with extra("jobs"):
    from fsspec.core import url_to_fs

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_TEMPORARY = ".tmp"
_COPY_BYTES = 1 << 23


class Files(Protocol):
    """What jobs ask of a file system."""

    def open(self, path: str) -> IO[bytes]:
        """Open a file to be read."""
        ...

    def facts(self, path: str) -> dict[str, Any]:
        """Return what shows that a file was changed: its size, and its time or tag."""
        ...

    def exists(self, path: str) -> bool:
        """Return whether there is something of that name."""
        ...

    def is_folder(self, path: str) -> bool:
        """Return whether there is a folder of that name."""
        ...

    def names(self, folder: str) -> list[str]:
        """Return the names of what is in a folder; nothing if there is none."""
        ...

    def make_folder(self, path: str) -> None:
        """Make a folder within one that is there."""
        ...

    def creating(self, path: str) -> Any:
        """Write a file within a ``with``: afterwards it is on the disk."""
        ...

    def replace(self, path: str, to: str) -> None:
        """Give a file another name, in one step; what had that name is gone."""
        ...

    def publish(self, path: str, to: str) -> None:
        """Give a file a name that nothing else has, in one step; it may keep its own too.

        Raises
        ------
        FileExistsError
            If something else has the name.
        """
        ...

    def is_same(self, path: str, other: str) -> bool:
        """Return whether two names are there for one file."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all that is in it, if it is there."""
        ...


class LocalFiles:
    """The disks of this machine."""

    def open(self, path: str) -> IO[bytes]:  # noqa: D102
        return Path(path).open("rb")

    def facts(self, path: str) -> dict[str, Any]:  # noqa: D102
        status = Path(path).stat()
        return {"size": status.st_size, "modified": status.st_mtime_ns}

    def exists(self, path: str) -> bool:  # noqa: D102
        return os.path.lexists(path)

    def is_folder(self, path: str) -> bool:  # noqa: D102
        return Path(path).is_dir()

    def names(self, folder: str) -> list[str]:  # noqa: D102
        return [each.name for each in Path(folder).iterdir()] if Path(folder).is_dir() else []

    def make_folder(self, path: str) -> None:  # noqa: D102
        Path(path).mkdir(exist_ok=True)
        _sync_folder(path)

    @contextmanager
    def creating(self, path: str) -> Iterator[IO[bytes]]:  # noqa: D102
        # No buffer of Python's: what is written comes in pieces of megabytes.
        with Path(path).open("wb", buffering=0) as raw:
            file = _Whole(raw)
            yield file  # type: ignore[misc]
            os.fsync(raw.fileno())

    def replace(self, path: str, to: str) -> None:  # noqa: D102
        Path(path).replace(to)
        _sync_folder(to)

    def publish(self, path: str, to: str) -> None:  # noqa: D102
        try:
            os.link(path, to)
        except FileExistsError:
            # Killed after the link was made, and asked again.
            if not Path(path).samefile(to):
                raise
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if self.exists(to):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), to) from None
            Path(path).replace(to)
        _sync_folder(to)

    def is_same(self, path: str, other: str) -> bool:  # noqa: D102
        return Path(path).is_file() and Path(other).is_file() and Path(path).samefile(other)

    def remove(self, path: str) -> None:  # noqa: D102
        if Path(path).is_dir():
            shutil.rmtree(path)
        else:
            Path(path).unlink(missing_ok=True)


class _Whole:
    """A raw file whose `write` writes everything; a raw one may stop short, at a limit of file sizes for one."""

    closed = False

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw

    def write(self, data: Any) -> int:
        """Write bytes, all of them."""
        rest = memoryview(data).cast("B")
        count = len(rest)
        while rest:
            rest = rest[self._raw.write(rest) :]
        return count

    def tell(self) -> int:
        """Return how much is written."""
        return self._raw.tell()

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def writable(self) -> bool:
        """Return True."""
        return True


class RemoteFiles:
    """A file system of fsspec's. A file appears there when it is closed, or by a move."""

    def __init__(self, system: Any) -> None:
        self._system = system

    def open(self, path: str) -> IO[bytes]:  # noqa: D102
        file: IO[bytes] = self._system.open(path, "rb")
        return file

    def facts(self, path: str) -> dict[str, Any]:  # noqa: D102
        self._system.invalidate_cache()
        info = self._system.info(path)
        names = ("size", "mtime", "modified", "last_modified", "LastModified", "updated", "ETag", "etag")
        return {name: str(info[name]) for name in names if info.get(name) is not None}

    def exists(self, path: str) -> bool:  # noqa: D102
        self._system.invalidate_cache()
        return bool(self._system.exists(path))

    def is_folder(self, path: str) -> bool:  # noqa: D102
        return bool(self._system.isdir(path))

    def names(self, folder: str) -> list[str]:  # noqa: D102
        self._system.invalidate_cache()
        if not self._system.isdir(folder):
            return []
        return [str(name).rstrip("/").rpartition("/")[2] for name in self._system.ls(folder, detail=False)]

    def make_folder(self, path: str) -> None:  # noqa: D102
        self._system.makedirs(path, exist_ok=True)

    @contextmanager
    def creating(self, path: str) -> Iterator[IO[bytes]]:  # noqa: D102
        with self._system.open(path, "wb") as file:
            yield file

    def replace(self, path: str, to: str) -> None:  # noqa: D102
        self._system.mv(path, to)

    def publish(self, path: str, to: str) -> None:  # noqa: D102
        if self.exists(to):
            if not self.exists(path):
                return
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), to)
        self._system.mv(path, to)

    def is_same(self, path: str, other: str) -> bool:  # noqa: ARG002, D102
        return False

    def remove(self, path: str) -> None:  # noqa: D102
        if self._system.exists(path):
            self._system.rm(path, recursive=True)


def find_files(url: str) -> tuple[Files, str]:
    """Return the file system of a path or URL, and the path within it.

    Raises
    ------
    JobError
        INPUT_UNREADABLE if no file system goes by that URL, or its package is not installed.
    """
    try:
        system, path = url_to_fs(url)
    except (ValueError, ImportError) as error:
        # What is before the host may be a password.
        scheme = url.partition("://")[0]
        message = f"{scheme}://… is not reached: {error}; expected a path or a URL that fsspec knows"
        raise JobError(JobErrorCode.INPUT_UNREADABLE, message) from None
    if "file" in (system.protocol if isinstance(system.protocol, tuple) else (system.protocol,)):
        return LocalFiles(), str(Path(path).absolute())
    return RemoteFiles(system), path


def write_whole(files: Files, path: str, data: Any) -> None:
    """Write a file that is there with all of `data`, or not at all, whenever this is cut short."""
    temporary = path + _TEMPORARY
    with files.creating(temporary) as file:
        file.write(data)
    files.replace(temporary, path)


def copy_into(source: IO[bytes], first: int, count: int, target: IO[bytes]) -> None:
    """Append a part of a file to another, in pieces.

    Raises
    ------
    EOFError
        If the source is shorter.
    """
    source.seek(first)
    while count:
        piece = source.read(min(count, _COPY_BYTES))
        if not piece:
            raise EOFError
        target.write(piece)
        count -= len(piece)


@contextmanager
def writing_to(path: str) -> Iterator[None]:
    """Tell a full disk from other faults while something of a job's output is written.

    Raises
    ------
    JobError
        DISK_FULL or OUTPUT_UNWRITABLE.
    """
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: str, error: OSError) -> JobError:
    if error.errno in _FULL:
        what = "there is no room" if error.errno != errno.EFBIG else "files may not grow so large"
        message = f"{path} cannot be written: {what} ({_reason(error)}); make some, and go on: what is done is kept"
        return JobError(JobErrorCode.DISK_FULL, message)
    return JobError(JobErrorCode.OUTPUT_UNWRITABLE, f"{path} cannot be written: {_reason(error)}")


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _sync_folder(path: str) -> None:
    """Let a new name within a folder last."""
    folder = os.open(Path(path).parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
