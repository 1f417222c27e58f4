"""What keeps a worker from harming others: it dies with its parent, yields the core, has bounded memory."""

import ctypes
import os
import resource
import signal

from raphson_server.worker_settings import WorkerSettings

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""Environment of processes of which there is one a core."""

_PR_SET_PDEATHSIG = 1
# glibc's malloc.h: what is freed goes back above so many bytes; what is larger is never kept.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES, _LARGEST_KEPT_BYTES = 256 << 20, 64 << 20


def environment(code_cache_bytes: int) -> dict[str, str]:
    """Return that of a process that computes; `code_cache_bytes` is the setting, as the solver reads it."""
    return os.environ | ONE_THREAD | {"RAPHSON_CODE_CACHE_BYTES": str(code_cache_bytes)}


def contain(settings: WorkerSettings) -> None:
    """Bound this process; ends it at once if its front end is already gone.

    Raises
    ------
    OSError
        If the kernel refuses the parent-death signal.
    """
    die_with_parent(settings.parent_pid)
    keep_memory()
    # Ctrl-C reaches the whole group; the front end decides when a worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The front end's mask is inherited; a worker must still end by SIGTERM.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if not settings.hurry:
        os.nice(settings.niceness)
    if settings.memory_bytes:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        bound = settings.memory_bytes if hard == resource.RLIM_INFINITY else min(settings.memory_bytes, hard)
        resource.setrlimit(resource.RLIMIT_AS, (bound, hard))


def keep_memory() -> None:
    """Let freed memory be used again, where the C library can: arrays of megabytes come and go with every chunk.

    To have new memory made page by page took longer than solving: measured, 7.7 ms a chunk of a batch against 5.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel for SIGKILL when the parent ends, and check that it has not ended before.

    Raises
    ------
    OSError
        If the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"the parent-death signal cannot be set: {os.strerror(error)}")
    if os.getppid() != parent_pid:
        os._exit(0)
