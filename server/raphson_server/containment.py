"""What keeps a worker from harming others: it dies with its parent, yields the core, has bounded memory."""

import ctypes
import os
import resource
import signal

from raphson_server.worker_settings import WorkerSettings

_PR_SET_PDEATHSIG = 1


def contain(settings: WorkerSettings) -> None:
    """Bound this process; ends it at once if its front end is already gone.

    Raises
    ------
    OSError
        If the kernel refuses the parent-death signal.
    """
    _die_with_parent(settings.parent_pid)
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


def _die_with_parent(parent_pid: int) -> None:
    """Ask the kernel for SIGKILL when the parent ends, and check that it has not ended before."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"the parent-death signal cannot be set: {os.strerror(error)}")
    if os.getppid() != parent_pid:
        os._exit(0)
