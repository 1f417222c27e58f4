"""The process that callers talk to: it checks envelopes, admits, forwards, tells health; it never computes.

Neither Numba, SciPy nor `raphson_solver` is ever imported here, so that no request can hold this process's
interpreter lock for long.
"""

from raphson_server.front_end.service import Service

__all__ = ["Service"]
