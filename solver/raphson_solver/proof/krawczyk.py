"""The Krawczyk operator: K(X) = c − Y·f(c) + (I − Y·A)(X − c), with A the slopes of f on X, and Y any matrix.

If K(X) lies inside X then exactly one root of f does, and it lies in K(X). For x − Y·f(x) takes X into K(X), so that
it has a fixed point there (Brouwer), Y and every matrix in A are regular since |I − Y·A| takes the radii of X to
smaller ones, so that the fixed point is a root, and two roots a and b would have M·(a − b) = 0 for some M in A.
Whatever lies inside or not, every root in X lies in K(X).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import arb, arb_mat

from raphson_solver.proof.balls import ZERO
from raphson_solver.proof.slopes import Slopes


class SingularError(ArithmeticError):
    """The Jacobian at the centre has no inverse to the working precision."""


@dataclass(frozen=True, slots=True)
class Centre:
    """A point to look from.

    Attributes
    ----------
    point : list of arb
        c, of radius 0.
    inverse : arb_mat
        Y, of radius 0.
    correction : list of arb
        Y·f(c).
    """

    point: list[arb]
    inverse: arb_mat
    correction: list[arb]


@dataclass(frozen=True, slots=True)
class Image:
    """What the operator does to a box c ± r.

    Attributes
    ----------
    offset : list of arb
        K(X) − c.
    is_inside : bool
        Whether K(X) lies in the interior of X: one root is in X, and no other.
    is_contracting : bool
        Whether differences get smaller: at most one root is in X.
    """

    offset: list[arb]
    is_inside: bool
    is_contracting: bool


def matrix(rows: Sequence[dict[int, arb]]) -> arb_mat:
    """Return sparse rows of a square matrix as a matrix."""
    n = len(rows)
    return arb_mat(n, n, [row.get(column, ZERO) for row in rows for column in range(n)])


def product(square: arb_mat, values: Sequence[arb]) -> list[arb]:
    """Return a matrix times a vector."""
    return (square * arb_mat(len(values), 1, list(values))).entries()


def inverse_of(rows: Sequence[dict[int, arb]]) -> arb_mat:
    """Return about the inverse of the matrix in the middle of sparse rows.

    Raises
    ------
    SingularError
        Where there is none.
    """
    try:
        inverse = matrix(rows).mid().inv().mid()
    except ZeroDivisionError:
        inverse = None
    if inverse is None or not all(entry.is_finite() for entry in inverse.entries()):
        raise SingularError("the Jacobian is singular, or nearly so, at x")
    return inverse


def inverse_at(slopes: Slopes, point: Sequence[arb], p: Sequence[arb]) -> arb_mat:
    """Return about the inverse of the Jacobian at a point.

    Raises
    ------
    SingularError
        Where there is none.
    NoSlopeError
        Where there is no Jacobian.
    """
    return inverse_of(slopes.enclose(point, p)[1])


def centre_at(slopes: Slopes, point: Sequence[arb], p: Sequence[arb], inverse: arb_mat) -> Centre:
    """Return a centre with a given Y.

    Raises
    ------
    NoSlopeError
        Where f is not defined.
    """
    return Centre(list(point), inverse, product(inverse, slopes.values(point, p)))


def spread(slopes: Slopes, centre: Centre, radii: Sequence[arb], p: Sequence[arb]) -> list[arb]:
    """Return (I − Y·A)(X − c) for the box X = c ± r; the radii have radius 0.

    Raises
    ------
    NoSlopeError
        Where f has no slopes on the box.
    """
    _, rows = slopes.enclose([arb(c, r) for c, r in zip(centre.point, radii, strict=True)], p)
    return spread_of(centre.inverse, rows, radii)


def spread_of(inverse: arb_mat, rows: Sequence[dict[int, arb]], radii: Sequence[arb]) -> list[arb]:
    """Return (I − Y·A)(X − c) for slopes A on X."""
    n = len(rows)
    return product(arb_mat(n, n, 1) - inverse * matrix(rows), differences(radii))


def differences(radii: Sequence[arb]) -> list[arb]:
    """Return X − c; its radii may be a little larger than asked for, those of X are so by the same rounding."""
    return [arb(0, r) for r in radii]


def is_inside(image: Sequence[arb], radii: Sequence[arb]) -> bool:
    """Return whether 0 ± r holds the image in its interior."""
    return all(d.contains_interior(k) for d, k in zip(differences(radii), image, strict=True))


def apply(slopes: Slopes, centre: Centre, radii: Sequence[arb], p: Sequence[arb]) -> Image:
    """Return the image of c ± r; the radii have radius 0.

    Raises
    ------
    NoSlopeError
        Where f has no slopes on the box.
    """
    change = spread(slopes, centre, radii, p)
    offset = [q - e for q, e in zip(change, centre.correction, strict=True)]
    return Image(offset, is_inside(offset, radii), is_inside(change, radii))
