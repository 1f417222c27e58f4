"""Where PETSc is: in this Python, or in Debian's."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.peers import compiled_c

_ASKED = """
import numpy, petsc4py
from petsc4py import PETSc
maps = open("/proc/self/maps").read().split()
blas = sorted({path.rpartition("/")[2] for path in maps if "/" in path and "blas" in path.rpartition("/")[2]})
print("PETSc", ".".join(map(str, PETSc.Sys.getVersion())), "with", " ".join(blas) or "its own BLAS")
"""


@dataclass(frozen=True, slots=True)
class Petsc:
    """A Python with petsc4py.

    Attributes
    ----------
    python : str
        Its path.
    missing : str or None
        What it lacks.
    version : str
        Of PETSc, and the BLAS that it uses.
    """

    python: str
    missing: str | None
    version: str = ""


@cache
def found() -> Petsc:
    """Look for petsc4py here and in Debian's Python."""
    if compiled_c.MISSING:
        return Petsc(sys.executable, compiled_c.MISSING)
    for python in (sys.executable, "/usr/bin/python3"):
        if Path(python).exists():
            asked = subprocess.run([python, "-c", _ASKED], capture_output=True, text=True, check=False)
            if asked.returncode == 0:
                return Petsc(python, None, asked.stdout.strip())
    return Petsc(sys.executable, "petsc4py is not installed (Debian: python3-petsc4py-real, libopenblas0-pthread)")
