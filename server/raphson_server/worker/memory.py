"""Refuses what would not fit a worker's memory, before any of it is allocated.

What is compared are lower bounds: whatever they refuse, but for starts that are roots, would have failed half-way. What
they let pass may still fail, by the kernel's own count (RLIMIT_AS), and is told in the same words.
"""

import resource
from pathlib import Path

import raphson_solver as rs
from google.rpc import code_pb2

from raphson_server.failures import CallError, Reason, raised_by
from raphson_server.worker.call import Call
from raphson_server.worker.conversion import WIRE

_DEFAULT = rs.SolveOptions()
# Less than this is always there.
_SMALL_BYTES = 32 << 20
# A variable of a system of families: measured, 600 bytes with a diagonal J, 840 with a tridiagonal one, and two to four
# times as much address space, which is what is bounded.
_FAMILY_VARIABLE_BYTES = 500
# The matrices that a decomposition of one needs at the least: itself, and what it is destroyed in.
_MATRICES_OF_A_DECOMPOSITION = 2


def check_solving_fits(
    system: rs.System, call: Call, options: rs.SolveOptions = _DEFAULT, field: str = "system"
) -> None:
    """Refuse a system whose solve would not fit.

    Raises
    ------
    CallError
        RESOURCE_EXHAUSTED, with reason OUT_OF_MEMORY.
    """
    m, n = system.m, system.n
    if not system.solves_densely(options):
        what = f"to solve for {n:,} variables"
        check_memory(_FAMILY_VARIABLE_BYTES * n, what, call, field)
        return
    # What the engine has for its matrices: two of n×n, and one of least squares (`engine.layout.Memory`).
    what = f"to solve {m:,} equations for {n:,} variables with dense matrices"
    check_memory(WIRE.itemsize * (2 * n * n + (m + n) * (n + 1)), what, call, field)


def check_decomposition_fits(system: rs.System, call: Call, field: str) -> None:
    """Refuse to decompose a dense Jacobian that would not fit; raises as `check_solving_fits`."""
    m, n = system.m, system.n
    # Of more entries than this none is formed, which is told elsewhere.
    if m * n <= system.limits.dense_entries:
        size = _MATRICES_OF_A_DECOMPOSITION * WIRE.itemsize * m * n
        check_memory(size, f"to decompose a dense matrix of {m:,}×{n:,}", call, field)


def check_memory(size: int, what: str, call: Call, field: str) -> None:
    """Refuse what takes more bytes than this process may still take; raises as `check_solving_fits`."""
    if size <= _SMALL_BYTES or not call.memory_bytes:
        return
    free = call.memory_bytes - _taken_bytes()
    if size <= free:
        return
    description = (
        f"{what} takes at least {size:,} bytes, of the {call.memory_bytes:,} of a worker {max(free, 0):,} are free; "
        f"{raised_by('worker_memory_bytes')}"
    )
    raise CallError(
        code_pb2.RESOURCE_EXHAUSTED,
        Reason.OUT_OF_MEMORY,
        f"{field}: {description}",
        field=field,
        description=description,
        metadata={"limit": "worker_memory_bytes", "value": str(size), "maximum": str(call.memory_bytes)},
    )


def _taken_bytes() -> int:
    """Return the address space that this process has taken."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split(maxsplit=1)[0])
    return pages * resource.getpagesize()
