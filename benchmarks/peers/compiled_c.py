"""C to a shared library, kept from run to run."""

from __future__ import annotations

import ctypes
import ctypes.util
import hashlib
import shutil
import subprocess
from pathlib import Path

CACHE = Path(".benchmarks") / "c"
MISSING = None if shutil.which("gcc") else "gcc is not installed"


def library(source: str, *libraries: str) -> ctypes.CDLL:
    """Load what gcc -O3 -march=native makes of a source, now or in an earlier run.

    Parameters
    ----------
    source : str
        In C.
    *libraries : str
        What to link, as in ``-lm``.
    """
    command = ["gcc", "-O3", "-march=native", "-fPIC", "-shared"]
    CACHE.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256("\n".join((source, *command, *libraries)).encode()).hexdigest()
    path = CACHE / f"{key[:20]}.so"
    if not path.exists():
        written = path.with_suffix(".c")
        written.write_text(source, encoding="utf-8")
        subprocess.run([*command, "-o", path, written, *libraries], check=True, capture_output=True)
    return ctypes.CDLL(str(path.resolve()))


def missing_header(header: str, package: str) -> str | None:
    """Say what C that includes a header lacks here, if anything: the compiler, or the Debian package that brings it."""
    if MISSING is not None:
        return MISSING
    command = ["gcc", "-E", "-x", "c", "-"]
    asked = subprocess.run(command, input=f"#include <{header}>", text=True, capture_output=True, check=False)
    return f"{header} is not installed (Debian: {package})" if asked.returncode else None


def missing_lanes() -> str | None:
    """Say what code with eight doubles in a register, and functions of them, lacks here, if anything."""
    if MISSING is not None:
        return MISSING
    if ctypes.util.find_library("mvec") is None:
        return "glibc's libmvec is not installed"
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("flags")[2].partition("\n")[0].split()
    if not {"avx512f", "avx512dq"} <= set(flags):
        return "the C lanes need AVX-512"
    return None
