"""Machine code on disk, from one process to the next: found by what it was made of, and never run unless it is whole.

A folder of ours, mode 0700, holds one file for each module, named by its key; it is shared by any number of processes,
of any versions: a file is written beside and then renamed, read in one piece, and may go at any time. No lock is needed
for that; `turn` has one, so that processes do not all make the same. A file begins with a digest of its key and of the
rest. What does not fit that, or is not ours alone to write, is removed and made anew. What cannot be read or written
costs time, a warning, and nothing else.

We do it by hand since general caches, such as diskcache, unpickle what they find before anything of it is checked, and
lock a database, which network folders are known to break.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import logging
import os
import random
import re
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from raphson_solver.errors import InputError

VARIABLE = "RAPHSON_CODE_CACHE_BYTES"
FOLDER = "compiled-systems"
DEFAULT_BYTES = 256 * 1024 * 1024

_DIGEST_BYTES = 32
_BLOCK_BYTES = 4096
# Ours: a key, and behind it what makes the name of a file that is not complete yet.
_NAME = re.compile(r"[0-9a-f]{64}(\.[0-9a-f]{16})?")
# Looking through a folder takes milliseconds, so it is done once in so many parts of the bound, on average.
_PARTS = 16
_LOOK_SECONDS = 0.002

_log = logging.getLogger("raphson_solver")
# Not the one that callers seed; and nobody can tell ahead when it looks.
_chance = random.SystemRandom()


class ObjectFiles:
    """Contents by key, in a folder.

    Parameters
    ----------
    folder : Path
        Made when something is looked for. It must be, or become, this user's alone.
    most_bytes : int
        Beyond which what was not used for longest goes. The folder is looked through by chance, and then emptied to
        three quarters, so that it is rarely larger, and never by much.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._path = folder
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._has_told = False

    def find(self, key: str) -> bytes | None:
        """Return what was kept under a key of 64 hexadecimal digits, or None."""
        try:
            with self._folder() as folder:
                return self._read(key, folder)
        except OSError as error:
            self._tell(error)
            return None

    @contextmanager
    def turn(self, key: str, patience_seconds: float) -> Iterator[bytes | None]:
        """Take the turn to make what a key stands for; give it, if another has made it meanwhile.

        After `patience_seconds` it is taken by force. A process that ends leaves its turns to others.
        """
        try:
            with self._folder() as folder:
                # Some keys share one, rather than leaving a file each.
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
                file = os.open(f"turn.{key[:2]}", flags, 0o600, dir_fd=folder)
        except OSError as error:
            self._tell(error)
            yield None
            return
        try:
            yield self.find(key) if _has_waited(file, patience_seconds) else None
        finally:
            os.close(file)

    def keep(self, key: str, content: bytes) -> None:
        """Keep something, unless that cannot be, or it alone is a quarter of what there is room for."""
        size = _DIGEST_BYTES + len(content)
        if 4 * size > self._most_bytes:
            return
        try:
            with self._folder() as folder:
                _write(key, content, folder)
                if _chance.random() * self._most_bytes < _PARTS * _on_disk(size):
                    self._make_room(folder)
        except OSError as error:
            self._tell(error)

    @contextmanager
    def _folder(self) -> Iterator[int]:
        """Open the folder: what is done goes there, whatever happens to its path meanwhile.

        Raises
        ------
        OSError
            If it cannot be made or opened, or others may write there.
        """
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            status = os.fstat(folder)
            if status.st_uid != os.geteuid():
                raise PermissionError(f"{self._path} belongs to another user")
            if status.st_mode & 0o077:
                os.fchmod(folder, status.st_mode & 0o700)
                if os.fstat(folder).st_mode & 0o022:
                    raise PermissionError(f"{self._path} may be written by other users")
            yield folder
        finally:
            os.close(folder)

    def _read(self, key: str, folder: int) -> bytes | None:
        try:
            file = os.open(key, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(file)
            why = _objection(status)
            if why is None:
                written = os.read(file, status.st_size)
                digest, content = written[:_DIGEST_BYTES], written[_DIGEST_BYTES:]
                if _digest(key, content) == digest:
                    # Read-only folders serve too.
                    with suppress(OSError):
                        os.utime(file)
                    return content
                why = "is damaged"
        finally:
            os.close(file)
        _log.warning("%s/%s %s; it is compiled again", self._path, key, why)
        with suppress(FileNotFoundError):
            os.unlink(key, dir_fd=folder)
        return None

    def _make_room(self, folder: int) -> None:
        """Remove what was not used for longest. Others may be doing the same, or reading: open files stay whole."""
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name):
                    with suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        found.append((status.st_mtime_ns, _on_disk(status.st_size), entry.name))
        total = sum(size for _, size, _ in found)
        if total <= self._most_bytes:
            return
        for _, size, name in sorted(found):
            if 4 * total <= 3 * self._most_bytes:
                return
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
            total -= size

    def _tell(self, error: OSError) -> None:
        """Say it once, rather than for each system."""
        with self._lock:
            if self._has_told:
                return
            self._has_told = True
        _log.warning("machine code of systems is not kept, so that every process compiles its own: %s", error)


def _has_waited(file: int, patience_seconds: float) -> bool:
    """Lock a file, or try so long; return whether that was not at once."""
    give_up = time.monotonic() + patience_seconds
    waited = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = True
            if time.monotonic() < give_up:
                time.sleep(_LOOK_SECONDS)
                continue
        except OSError:
            # A disk without locks.
            pass
        return waited


def _write(key: str, content: bytes, folder: int) -> None:
    """Write a file beside its place, and move it there when it is complete."""
    beside = f"{key}.{secrets.token_hex(8)}"
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        # Not synced: what a power cut leaves does not fit its digest.
        with os.fdopen(file, "wb") as stream:
            stream.write(_digest(key, content) + content)
        os.replace(beside, key, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside, dir_fd=folder)
        raise


def _objection(status: os.stat_result) -> str | None:
    """Return why a file must not be run, if there is anything to be said against it."""
    if not stat.S_ISREG(status.st_mode):
        return "is no file"
    if status.st_uid != os.geteuid():
        return "belongs to another user"
    return "may be written by other users" if status.st_mode & 0o022 else None


def _digest(key: str, content: bytes) -> bytes:
    return hashlib.sha256(key.encode() + content).digest()


def _on_disk(size: int) -> int:
    return -(-size // _BLOCK_BYTES) * _BLOCK_BYTES


@functools.cache
def object_files() -> ObjectFiles | None:
    """Return those of this process, beside the engine's code; None where the environment says 0 bytes.

    Raises
    ------
    InputError
        If it says something else than a number.
    """
    given = os.environ.get(VARIABLE) or str(DEFAULT_BYTES)
    if not given.isdecimal():
        raise InputError(VARIABLE, f"is {given!r}; expected a whole number of bytes, or 0 to keep none")
    if int(given) == 0:
        return None
    # Here, since to make itself ready the engine compiles a kernel.
    from raphson_solver.engine.cache import cache_directory  # noqa: PLC0415

    return ObjectFiles(cache_directory().parents[1] / FOLDER, int(given))
