"""``python -m raphson_server.jobs.local_worker``: a process that solves chunks for the one that started it.

A request is the plan, or nothing if it is that of the request before, and then the rows. A reply is a line of JSON, and
then the part, if there is one.
"""

import json
import os
import signal
import sys
from multiprocessing.connection import Connection

from raphson_server.containment import die_with_parent
from raphson_server.failures import unexpected
from raphson_server.jobs.errors import JobError, JobErrorCode


def main(channel_fd: int, parent_pid: int) -> None:
    """Solve chunks until the other side hangs up."""
    die_with_parent(parent_pid)
    # Ctrl-C reaches the whole group; the one that started this decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    channel = Connection(channel_fd)
    # Imported after that, since it takes a second.
    from raphson_server.jobs.solve_chunk import solve_chunk  # noqa: PLC0415

    plan = b""
    while True:
        try:
            plan = channel.recv_bytes() or plan
            rows = channel.recv_bytes()
        except EOFError:
            return
        try:
            result = solve_chunk(plan, rows)
        except JobError as error:
            _reply(channel, {"code": error.code, "message": error.message}, b"")
        except MemoryError:
            # The parent sees it as a lost worker: another may have room, or may have to do it in smaller chunks.
            print("raphson: a chunk needs more memory than there is", file=sys.stderr)
            os._exit(1)
        except Exception as error:  # noqa: BLE001 - told to the one that waits, which fails the job
            _reply(channel, {"code": JobErrorCode.INTERNAL, "message": unexpected(error).message}, b"")
        else:
            head = {
                "rows": result.rows,
                "status_counts": dict(result.status_counts),
                "seconds": result.seconds,
            }
            _reply(channel, head, result.part)


def _reply(channel: Connection, head: dict[str, object], part: bytes) -> None:
    channel.send_bytes(json.dumps(head).encode())
    channel.send_bytes(part)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
