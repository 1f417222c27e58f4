"""The condition of a sparse matrix, estimated by a few solves with its factors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def condition_by_factors(matrix: Any, factors: Any) -> float:
    """Return about ‖A‖·‖A⁻¹‖ in the 1-norm; infinite where a solve overflows.

    Parameters
    ----------
    matrix : scipy.sparse array, shape (n, n)
        A.
    factors : scipy.sparse.linalg.SuperLU
        Of A.

    References
    ----------
    N. J. Higham and F. Tisseur, "A block algorithm for matrix 1-norm estimation", SIAM J. Matrix Anal. Appl. 21 (2000).
    """
    import scipy.sparse.linalg  # noqa: PLC0415 - a fifth of a second

    sparse: Any = scipy.sparse.linalg
    inverse = sparse.LinearOperator(
        matrix.shape, matvec=factors.solve, rmatvec=lambda right: factors.solve(right, "T"), dtype=np.float64
    )
    with np.errstate(all="ignore"):
        condition = float(sparse.norm(matrix, 1)) * float(sparse.onenormest(inverse))
    return condition if math.isfinite(condition) else math.inf
