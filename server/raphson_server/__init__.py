"""The server room: translation, limits, worker processes and the command line; no numerics.

A call walks: `front_end` (envelope, admission) → `pool` (a worker process of our own) → `worker` (convert,
call `raphson_solver`, convert) and back. `configuration` holds what an operator chooses, `failures` what a
caller learns when a call ends with an error, `frames` what front end and worker say to each other.
"""

from raphson_server.configuration import ServerConfig

__all__ = ["ServerConfig"]
