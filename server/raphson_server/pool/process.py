"""One worker process, seen from the front end."""

import asyncio
import mmap
import os
import socket
import subprocess
import sys
import time
from functools import partial

from raphson_server import frames
from raphson_server.bounded_cache import BoundedCache
from raphson_server.configuration import ServerConfig
from raphson_server.containment import environment
from raphson_server.worker_settings import WorkerSettings

# As in `raphson_solver.CancelFlag`, which the front end does not load: the flag, and whether work that looks at none is
# under way.
_WORD_BYTES = 8
_FLAG_BYTES = 2 * _WORD_BYTES
# A process that ends closes its socket a moment before it can be waited for.
_LAST_WORDS_SECONDS = 0.2
_SET = (1).to_bytes(_WORD_BYTES, sys.byteorder)
_CLEAR = bytes(_WORD_BYTES)


class WorkerProcess:
    """A started worker: its process, its socket and its cancel flag.

    Parameters
    ----------
    config : ServerConfig
    hurry : bool
        Whether the service waits for it: it then yields the core only once it is ready.

    Attributes
    ----------
    known : BoundedCache
        Ids of the systems that this worker has compiled, as far as the front end can tell.
    busy : bool
        Whether a request holds it.
    alive : bool
        False once it was lost.
    reaped : bool
        Whether its process was waited for.
    compiled_engine : bool
        Whether it had to compile the engine when it started.
    killed : bool
        Whether it was told to end at once.
    cpu_before : float
        Processor time that it had taken before the request that it is at work on, in seconds.
    at_once_bytes : int
        What can be sent without waiting until the process reads it.
    send : callable
        Sends a request, as `frames.send_request` does; raises `NotSentError` if the process has ended.
    """

    def __init__(self, config: ServerConfig, *, hurry: bool) -> None:
        self.known = BoundedCache[bytes, bool](config.worker_systems)
        self.busy = False
        self.alive = True
        self.reaped = False
        self.compiled_engine = False
        self.killed = False
        self.cpu_before = 0.0
        flag_fd = os.memfd_create("raphson-cancel")
        os.ftruncate(flag_fd, _FLAG_BYTES)
        self._flag = mmap.mmap(flag_fd, _FLAG_BYTES)
        self._channel, theirs = frames.channel_pair()
        # The kernel counts a little more than the bytes.
        self.at_once_bytes = self._channel.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2
        # Not a method: every request would pay for the call.
        self.send = partial(frames.send_request, self._channel)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pieces = frames.Pieces(self._channel)
        self._listener: asyncio.Future[frames.Reply] | None = None
        # What it said while nobody listened; once it has ended, that.
        self._said: frames.Reply | Exception | None = None
        settings = WorkerSettings(
            channel_fd=theirs.fileno(),
            flag_fd=flag_fd,
            parent_pid=os.getpid(),
            memory_bytes=config.worker_memory_bytes,
            systems=config.worker_systems,
            max_message_bytes=config.max_message_bytes,
            limits=config.solver_limits(),
            system_files=config.systems,
            max_callback_bytes=config.max_callback_bytes,
            niceness=config.worker_niceness,
            hurry=hurry,
            log_level=config.log_level,
            log_format=config.log_format,
        )
        try:
            # -P: a file in the working directory never shadows a package.
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
                [sys.executable, "-P", "-m", "raphson_server.worker", settings.to_argument()],
                pass_fds=(settings.channel_fd, settings.flag_fd),
                stdin=subprocess.DEVNULL,
                stdout=2,
                env=environment(config.code_cache_bytes),
            )
        except OSError:
            self.close()
            raise
        finally:
            os.close(flag_fd)
            theirs.close()
        self._cpu_clock = _cpu_clock(self._process.pid)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def fileno(self) -> int:
        """Return the socket's file descriptor: it hangs up when the process ends."""
        return self._channel.fileno()

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read what it says from now on as it says it.

        Parameters
        ----------
        loop : asyncio.AbstractEventLoop
            Where; all of this object's other methods but those for its start and its end are for there.
        """
        self._loop = loop
        loop.add_reader(self._channel.fileno(), self._hear)

    def reply(self) -> "asyncio.Future[frames.Reply]":
        """Return what becomes the reply to what was sent.

        Its error is `NotSentError` if the process ended before it had read the request, `ChannelClosedError` if it
        ended before it answered. If whoever waits is cancelled, the reply is that of the next call of this.
        """
        assert self._loop is not None
        listener = self._listener = self._loop.create_future()
        said = self._said
        if said is not None:
            if not isinstance(said, Exception):
                self._said = None
            _settle(listener, said)
        return listener

    def next_reply(self) -> "asyncio.Future[frames.Reply]":
        """Let it go on after an item of a stream; return what becomes the next one, or the end, as `reply` does."""
        try:
            frames.send_acknowledgement(self._channel)
        except frames.ChannelClosedError as error:
            self._said = error
        return self.reply()

    def _hear(self) -> None:
        try:
            reply = self._pieces.take()
        except frames.ChannelClosedError as error:
            assert self._loop is not None
            self._loop.remove_reader(self._channel.fileno())
            self._tell(error)
        else:
            if reply is not None:
                self._tell(reply)

    def _tell(self, said: frames.Reply | Exception) -> None:
        listener = self._listener
        if listener is None or listener.done() or isinstance(said, Exception):
            self._said = said
        if listener is not None and not listener.done():
            _settle(listener, said)

    def tell_to_warm_up(self) -> None:
        """Let it make the engine ready."""
        frames.send_request(self._channel, frames.Method.WARM_UP)

    def next_announcement(self) -> frames.Reply:
        """Read the HELLO or READY that it has sent."""
        return frames.receive_reply(self._channel)

    def cpu_seconds(self) -> float:
        """Return the processor time that the process has taken so far; 0 if it is gone."""
        try:
            return time.clock_gettime(self._cpu_clock)
        except OSError:
            return 0.0

    def set_cancel_flag(self) -> None:
        """Make the engine stop at its next iteration."""
        self._flag[:_WORD_BYTES] = _SET

    def clear_cancel_flag(self) -> None:
        """Let the next request run; a batch that fails in the worker sets the flag too."""
        self._flag[:_WORD_BYTES] = _CLEAR

    def is_unheard(self) -> bool:
        """Return whether it is within a library's work, which stops for no flag."""
        return self._flag[_WORD_BYTES:] != _CLEAR

    def kill(self) -> None:
        """End the process at once."""
        self.killed = True
        self._process.kill()

    def reap(self) -> int:
        """Wait for a process that hung up; return its exit code (negative: the signal's number)."""
        try:
            return self._process.wait(_LAST_WORDS_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def close(self) -> None:
        """Free the socket and the flag; for a worker that is reaped and that nobody talks to."""
        if self._loop is not None:
            self._loop.remove_reader(self._channel.fileno())
        self._channel.close()
        self._flag.close()


def _settle(listener: "asyncio.Future[frames.Reply]", said: frames.Reply | Exception) -> None:
    if isinstance(said, Exception):
        listener.set_exception(said)
    else:
        listener.set_result(said)


def _cpu_clock(pid: int) -> int:
    """Return the id of another process's clock, as clock_getcpuclockid(3) makes it on Linux."""
    return ~pid << 3 | 2
