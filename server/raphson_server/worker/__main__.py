"""Start a worker: contain it, import, greet, warm up, then serve until the front end hangs up."""

import gc
import mmap
import os
import socket
import sys

from raphson_server.containment import contain
from raphson_server.frames import Outcome, Reply, receive_request, send_reply
from raphson_server.observability.logs import configure_logs
from raphson_server.worker_settings import WorkerSettings


def main(argument: str) -> None:
    """Serve the front end on the channel that ``argument`` names."""
    settings = WorkerSettings.from_argument(argument)
    contain(settings)
    configure_logs(settings.log_level, settings.log_format, "worker")
    flag = mmap.mmap(settings.flag_fd, 0)
    os.close(settings.flag_fd)
    channel = socket.socket(fileno=settings.channel_fd)

    # The solver is imported after the containment, so that its libraries start within the bounds.
    import numpy as np  # noqa: PLC0415
    import raphson_solver as rs  # noqa: PLC0415

    from raphson_server.worker import machine_loop  # noqa: PLC0415
    from raphson_server.worker.loop import serve  # noqa: PLC0415

    # Overflow in what a caller sent is the caller's: it is told in the reply, not in the server's log.
    np.seterr(all="ignore")
    registered = {}
    if settings.system_files:
        from raphson_solver.registered import RegistrationError, load  # noqa: PLC0415 - Numba's front end is slow to load

        try:
            registered = load(settings.system_files)
        except RegistrationError as error:
            send_reply(channel, Reply(Outcome.FAILED, str(error).encode()))
            return
    send_reply(channel, Reply(Outcome.HELLO))
    receive_request(channel)
    compiled = rs.warm_up()
    machine_loop.warm_up()
    # What was loaded stays; the collector need not look at it again.
    gc.collect()
    gc.freeze()
    if settings.hurry:
        os.nice(settings.niceness)
    send_reply(channel, Reply(Outcome.READY, b"compiled" if compiled else b"loaded"))
    serve(channel, rs.CancelFlag(memoryview(flag)), settings, registered)


if __name__ == "__main__":
    main(sys.argv[1])
