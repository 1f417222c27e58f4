"""A pattern: where a matrix of equations by variables may differ from zero."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


class Part(NamedTuple):
    """Some equations and some variables, each in ascending order."""

    equations: Places
    variables: Places


def compressed(rows: Places, columns: Places, m: int, n: int) -> Any:
    """Return the pattern as a SciPy matrix of ones in compressed rows; an entry may come twice and in any order."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    keys = rows * n + columns
    if np.any(keys[1:] <= keys[:-1]):
        # SciPy's strong components go wrong when an edge comes twice.
        keys = np.unique(keys)
        rows, columns = np.divmod(keys, n)
    starts = np.zeros(m + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=m), out=starts[1:])
    return csr_matrix((np.ones(columns.size), columns.astype(np.int32), starts), shape=(m, n))
