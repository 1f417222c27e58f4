"""Where PETSc is: in this Python, or in Debian's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache

from benchmarks.peers import compiled_c


@cache
def interpreter() -> tuple[str, str | None]:
    """Return the Python that has petsc4py, and what is missing, if anything."""
    if compiled_c.MISSING:
        return sys.executable, compiled_c.MISSING
    for python in (sys.executable, "/usr/bin/python3"):
        if shutil.which(python):
            asked = subprocess.run([python, "-c", "import petsc4py, numpy"], capture_output=True, check=False)
            if asked.returncode == 0:
                return python, None
    return sys.executable, "petsc4py is not installed (Debian: python3-petsc4py-real)"
