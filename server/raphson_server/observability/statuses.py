"""How solves end, by the names that logs, metrics and traces use: ``converged``, as on the wire without its prefix."""

from raphson.v1 import solver_pb2

_PREFIX = "STATUS_"
_NAMES = {number: name.removeprefix(_PREFIX).lower() for name, number in solver_pb2.Status.items() if number}

STATUSES = tuple(_NAMES)
"""The numbers of all statuses."""


def name_of_status(number: int) -> str:
    """Return the name of a status, or the number itself where it has none."""
    return _NAMES.get(number) or str(number)
