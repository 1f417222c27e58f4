"""A SolveRequest, read."""

from dataclasses import dataclass

from raphson_server.worker.conversion import Array
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.particulars import Particulars

# SolveRequest.start and .parameters, then NamedArray.array, then DoubleArray.data.
NUMBERS = {"x": (2, 2, 2), "p": (3, 2, 2)}
"""Where a request has the numbers of x and p: numbers of fields, from the outside in."""


@dataclass(slots=True)
class SolveQuestion:
    """What to solve, from where and how.

    Attributes
    ----------
    kept : KeptSystem
        What to solve.
    x : ndarray
        Where to begin.
    p : ndarray or None
        The parameters, if there are any.
    options : bytes
        The SolveOptions, serialized.
    return_jacobian : bool
        Whether to return J.
    particulars : Particulars or None
        What few requests have besides; such a request has no form.
    """

    kept: KeptSystem
    x: Array
    p: Array | None
    options: bytes
    return_jacobian: bool
    particulars: Particulars | None = None

    @property
    def has_form(self) -> bool:
        """Whether another request may ask the same of other numbers."""
        return self.particulars is None
