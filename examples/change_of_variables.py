"""Change of variables: the factors r, r and r² sin θ, and a density in other coordinates.

|det J| of x = f(u) is how much f stretches a small volume at u: dx dy = r dr dθ. Densities are stretched the other way:
log p_y = log p_x − log|det J|. Both are computed here from the formulas of the coordinates alone, at many points in one
call, in this process, and compared with what textbooks say. Exit code 0 only if they agree.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import raphson_solver
from raphson_solver.differential import Differential
from raphson_solver.differential.density import change_of_variables_logdensity, volume_factor
from raphson_solver.differential.determinant import determinant

TOLERANCE = 1e-13
RADIUS = 12.0  # beyond it a standard normal point of the plane has the probability exp(−72)


@dataclass(frozen=True)
class Coordinates:
    """Coordinates of the plane or of space.

    Attributes
    ----------
    name : str
        What they are called.
    equations : list of str
        The Cartesian coordinates, from these.
    variables : tuple of str
        These.
    formula : str
        The volume factor, as textbooks write it.
    factor : callable
        The same, from points of shape (…, n) to numbers of shape (…).
    points : list of list of float
        Where to look; angles in radians.
    """

    name: str
    equations: list[str]
    variables: tuple[str, ...]
    formula: str
    factor: Callable[[np.ndarray], np.ndarray]
    points: list[list[float]]

    @property
    def differential(self) -> Differential:
        """The map to Cartesian coordinates, and its derivative."""
        return Differential(raphson_solver.compile(self.equations, list(self.variables)))


POLAR = Coordinates(
    "polar",
    ["r*cos(theta)", "r*sin(theta)"],
    ("r", "theta"),
    "r",
    lambda at: at[..., 0],
    [[1.0, 0.0], [2.0, 0.5], [0.25, -2.0]],
)
CYLINDRICAL = Coordinates(
    "cylindrical",
    ["r*cos(theta)", "r*sin(theta)", "z"],
    ("r", "theta", "z"),
    "r",
    lambda at: at[..., 0],
    [[1.0, 0.0, 0.0], [2.0, 0.5, -3.0], [0.25, -2.0, 7.0]],
)
SPHERICAL = Coordinates(
    "spherical",
    ["r*sin(theta)*cos(phi)", "r*sin(theta)*sin(phi)", "r*cos(theta)"],
    ("r", "theta", "phi"),
    "r² sin θ",
    lambda at: at[..., 0] ** 2 * np.sin(at[..., 1]),
    [[1.0, math.pi / 2, 0.0], [2.0, 0.5, 1.0], [0.25, 3.0, -2.0]],
)

# The way back, from Cartesian coordinates of the plane.
TO_POLAR = ["hypot(x, y)", "arctan2(y, x)"]


def factors(coordinates: Coordinates) -> np.ndarray:
    """Return |det J| at every point, from one call."""
    return volume_factor(determinant(coordinates.differential.matrix(coordinates.points)))


def normal_in_polar(at: np.ndarray) -> np.ndarray:
    """Return log p(r, θ), shape (…), of a point of the plane with standard normal x and y, at (r, θ), shape (…, 2)."""
    cartesian = POLAR.differential.value(at)
    log_density = -0.5 * np.sum(cartesian**2, axis=-1) - math.log(2 * math.pi)
    to_polar = Differential(raphson_solver.compile(TO_POLAR, ["x", "y"]))
    return change_of_variables_logdensity(log_density, determinant(to_polar.matrix(cartesian)))


def rayleigh_and_uniform(at: np.ndarray) -> np.ndarray:
    """Return what textbooks say of it: r has Rayleigh's density r exp(−r²/2), and θ independently 1/2π."""
    r = at[..., 0]
    return np.log(r) - 0.5 * r**2 - math.log(2 * math.pi)


def total_probability() -> float:
    """Return the integral of p(r, θ), by Gauss and Legendre's rule in r and the rectangle rule in θ."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    angles = 16
    r = 0.5 * RADIUS * (nodes + 1.0)
    theta = (np.arange(angles) + 0.5) * (2 * math.pi / angles) - math.pi
    grid = np.stack(np.meshgrid(r, theta, indexing="ij"), axis=-1)
    density = np.exp(normal_in_polar(grid))
    return float(0.5 * RADIUS * weights @ density.sum(axis=1)) * 2 * math.pi / angles


def main() -> int:
    """Print each figure beside the textbook's."""
    worst = 0.0
    for coordinates in (POLAR, CYLINDRICAL, SPHERICAL):
        print(f"{coordinates.name}: |det J| is {coordinates.formula}")
        expected = coordinates.factor(np.array(coordinates.points))
        for point, found, textbook in zip(coordinates.points, factors(coordinates), expected, strict=True):
            place = ", ".join(f"{name} = {value:.4g}" for name, value in zip(coordinates.variables, point, strict=True))
            print(f"  {place:<38} {found:.15g}  textbook {textbook:.15g}")
            worst = max(worst, abs(found / textbook - 1.0))
        print()
    print("x and y independent, standard normal: log p(r, θ)")
    at = np.array([[0.01, 3.0], [1.0, 0.5], [2.5, -2.0], [6.0, 1.0]])
    for (r, theta), found, textbook in zip(at, normal_in_polar(at), rayleigh_and_uniform(at), strict=True):
        place = f"r = {r:.4g}, theta = {theta:.4g}"
        print(f"  {place:<38} {found:.15g}  Rayleigh · uniform {textbook:.15g}")
        worst = max(worst, abs(found / textbook - 1.0))
    total = total_probability()
    print(f"  its integral is {total:.15g}")
    worst = max(worst, abs(total - 1.0))
    agrees = worst <= TOLERANCE
    print(f"\n{'all agree' if agrees else 'they do not agree'}: the largest relative difference is {worst:.1e}")
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
