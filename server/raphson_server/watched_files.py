"""What is read from files, and read again when they change: certificates and tokens are renewed while calls go on.

The files are looked at when their content is asked for, at most once a second. That needs no thread and no signal: who
renews a certificate, be it certbot or the keeper of a Kubernetes secret, seldom knows whom to tell, and a container's
process may not be reachable for signals at all. A change that makes no sense, such as a certificate that is written
while its key is not yet, is told in the log, and what was read before stays until the next change.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

_LOOK_SECONDS = 1.0

_log = logging.getLogger("raphson_server")


class UnusableFileError(ValueError):
    """A file of the configuration cannot be read, or holds what makes no sense; says which, and what is wrong."""


class WatchedFiles(Generic[T]):
    """The content of some files; safe for threads.

    Parameters
    ----------
    paths : sequence of Path
    read : callable
        Returns the content.

    Raises
    ------
    UnusableFileError
        If the files cannot be used at the beginning: what `read` raises.
    """

    def __init__(self, paths: Sequence[Path], read: Callable[[], T]) -> None:
        self._paths = paths
        self._read = read
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._seen = self._stamps()
        self._content = read()

    def content(self) -> T:
        """Return what the files hold."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._looked = now
                self._look()
            finally:
                self._lock.release()
        return self._content

    def _look(self) -> None:
        stamps = self._stamps()
        if stamps == self._seen:
            return
        self._seen = stamps
        try:
            self._content = self._read()
        except UnusableFileError as error:
            _log.error("%s; what was read before stays in use", error)
        else:
            _log.warning("read again: %s", ", ".join(map(str, self._paths)))

    def _stamps(self) -> list[tuple[int, int, int] | None]:
        """Return what changes with a file, links followed; None of one that is not there."""
        found: list[tuple[int, int, int] | None] = []
        for path in self._paths:
            try:
                status = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return found


def read_bytes(path: Path, setting: str) -> bytes:
    """Return a file's content.

    Raises
    ------
    UnusableFileError
        If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnusableFileError(f"{setting}: {path} cannot be read: {error.strerror}") from None
