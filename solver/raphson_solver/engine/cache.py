"""Where the engine's machine code is kept, and when it is stale.

Numba takes a function's code for fresh as long as the function's own file is unchanged, whatever happened to the
files of the functions that it calls. The engine is many small files that end up in one function, so its code is kept
under a hash of them all, one directory a version: `$RAPHSON_CACHE_DIR`, else the user's cache directory.

Machine code that was damaged would be run as it is, so each file begins with a digest of the rest: what does not fit it
is compiled again and written anew. A disk that is full costs time, and nothing else.
"""

from __future__ import annotations

import functools
import getpass
import hashlib
import logging
import os
import pickle
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import caching

_DIGEST_BYTES = 32

_log = logging.getLogger("raphson_solver")


@functools.cache
def engine_stamp() -> str:
    """Return a hash of the engine's sources and of what compiles them."""
    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {sys.version}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()


@functools.cache
def cache_directory() -> Path:
    """Return the directory of this version's machine code; it exists and can be written."""
    wanted = os.environ.get("RAPHSON_CACHE_DIR")
    roots = [Path(wanted)] if wanted else [_users_cache() / "raphson"]
    roots.append(Path(tempfile.gettempdir()) / f"raphson-{getpass.getuser()}")
    for root in roots:
        path = root / "engine" / engine_stamp()[:16]
        # Code is loaded from here: nobody else may have put it there. Where a folder lies that was asked for is the
        # operator's choice; beside the files of all users it must be ours from the first.
        own = [path.parent, path] if root == roots[0] else [root, path.parent, path]
        try:
            root.parent.mkdir(parents=True, exist_ok=True)
            for folder in [root, path.parent, path]:
                folder.mkdir(mode=0o700, exist_ok=True)
            if all(_is_ours(folder) for folder in own):
                with tempfile.TemporaryFile(dir=path):
                    return path
        except OSError:
            continue
    raise OSError(
        f"no directory for the engine's machine code can be written; tried {', '.join(map(str, roots))}. "
        "Name another in RAPHSON_CACHE_DIR"
    )


def _is_ours(folder: Path) -> bool:
    """Return whether it belongs to this user, and nobody else may write there; close it first if it can be."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return False
    if status.st_mode & 0o022:
        folder.chmod(status.st_mode & 0o755)
    return not folder.stat().st_mode & 0o022


def _users_cache() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


class _Locator(caching._CacheLocator):  # noqa: SLF001 - Numba has no public way
    """Tells Numba where, and by what stamp: the engine's, and one of the function's own file if that is elsewhere."""

    def __init__(self, source: Path) -> None:
        is_ours = source.parent == Path(__file__).parent
        self._own = "" if is_ours else hashlib.sha256(source.read_bytes()).hexdigest()

    def get_cache_path(self) -> Any:
        return str(cache_directory())

    def get_source_stamp(self) -> Any:
        return engine_stamp() + self._own

    def get_disambiguator(self) -> Any:
        return "engine"

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _Locator:  # noqa: ARG003 - one place for all
        return cls(Path(py_file))


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes: list[type[object]] = [_Locator]  # noqa: RUF012 - as Numba declares it


class _CodeFiles(caching.IndexDataCacheFile):
    """The files of one function, with digests; none that cannot be read or written stops anybody."""

    def save(self, key: Any, data: Any) -> None:
        try:
            super().save(key, (key, data))
        except OSError as error:
            _tell_unwritable(str(error))

    def load(self, key: Any) -> Any:
        found = super().load(key)
        # Two kinds of processors that share a directory may have written a file of the same name at the same time.
        return found[1] if found is not None and found[0] == key else None

    def _load_index(self) -> Any:
        try:
            stamp, overloads = _read(self._index_path)
        except OSError:
            return {}
        return overloads if stamp == self._source_stamp else {}

    def _save_index(self, overloads: Any) -> None:
        self._write(self._index_path, (self._source_stamp, overloads))

    def _load_data(self, name: str) -> Any:
        return _read(self._data_path(name))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def _write(self, path: str, content: Any) -> None:
        body = self._dump(content)
        with self._open_for_write(path) as stream:
            stream.write(hashlib.sha256(body).digest() + body)


def _read(path: str) -> Any:
    """Return what was written.

    Raises
    ------
    OSError
        If it is not there, or no longer as it was written.
    """
    content = Path(path).read_bytes()
    digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        _log.warning("%s is damaged; it is compiled again", path)
        raise OSError(f"{path} is damaged")
    return pickle.loads(body)  # noqa: S301 - we wrote it, into a directory that is ours


@functools.cache
def _tell_unwritable(reason: str) -> None:
    """Say it once, rather than for each function."""
    _log.warning("the engine's machine code cannot be kept, so that every start compiles it: %s", reason)


class EngineCache(caching.FunctionCache):
    """Numba's cache of one function, in our directory and under our stamp."""

    _impl_class = _Implementation

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        files = self._cache_file
        self._cache_file = _CodeFiles(self._cache_path, self._impl.filename_base, files._source_stamp)  # noqa: SLF001
