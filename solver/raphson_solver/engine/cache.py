"""Where the engine's machine code is kept, and when it is stale.

Numba takes a function's code for fresh as long as the function's own file is unchanged, whatever happened to the
files of the functions that it calls. The engine is many small files that end up in one function, so its code is kept
under a hash of them all, one directory a version: `$RAPHSON_CACHE_DIR`, else the user's cache directory.
"""

from __future__ import annotations

import functools
import getpass
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import caching


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
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Code is loaded from here: nobody else may have put it there.
            if path.stat().st_uid != os.getuid():
                continue
            with tempfile.TemporaryFile(dir=path):
                return path
        except OSError:
            continue
    raise OSError(
        f"no directory for the engine's machine code can be written; tried {', '.join(map(str, roots))}. "
        "Name another in RAPHSON_CACHE_DIR"
    )


def _users_cache() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


class _Locator(caching._CacheLocator):  # noqa: SLF001 - Numba has no public way
    """Tells Numba where, and by what stamp."""

    def get_cache_path(self) -> Any:
        return str(cache_directory())

    def get_source_stamp(self) -> Any:
        return engine_stamp()

    def get_disambiguator(self) -> Any:
        return "engine"

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _Locator:  # noqa: ARG003 - one place for all
        return cls()


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes: list[type[object]] = [_Locator]  # noqa: RUF012 - as Numba declares it


class EngineCache(caching.FunctionCache):
    """Numba's cache of one function, in our directory and under our stamp."""

    _impl_class = _Implementation
