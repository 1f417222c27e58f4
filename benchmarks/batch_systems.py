"""Three systems that are solved for a million parameters at a time: n = 2, n = 8 dense, n = 50 tridiagonal.

Each in every form that somebody reads: text, and functions of arrays. The same by hand in C and for Numba stands
beside the peers, under the same key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

SEED = 5
Residual = Callable[[Any, Any, ModuleType], list[Any]]


@dataclass(frozen=True, slots=True)
class BatchSystem:
    """A system, where its members start, and how their parameters are drawn.

    Attributes
    ----------
    key : str
        What the peers call it.
    name : str
        What it is.
    members : int
        How many to solve unless told otherwise.
    equations : tuple of str
        What raphson reads.
    variables : dict of str to float or ndarray
        Names, and where every member starts.
    parameters : dict of str to tuple of two floats
        Names, and the range of each.
    residual : callable
        Takes x, p and a module of functions; returns the n values of f.
    reach : callable, optional
        From what was drawn within the ranges, shape (B, k), to the parameters.
    """

    key: str
    name: str
    members: int
    equations: tuple[str, ...]
    variables: dict[str, float | np.ndarray]
    parameters: dict[str, tuple[float, float]]
    residual: Residual
    reach: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def start(self) -> np.ndarray:
        """Where every member starts, shape (n,)."""
        return np.concatenate([np.atleast_1d(value) for value in self.variables.values()])

    def draw(self, count: int) -> np.ndarray:
        """Draw the parameters of some members, the same each time, shape (count, k)."""
        lower, upper = zip(*self.parameters.values(), strict=True)
        drawn = np.random.default_rng(SEED).uniform(lower, upper, (count, len(lower)))
        return drawn if self.reach is None else np.ascontiguousarray(self.reach(drawn))


def arm() -> BatchSystem:
    """Write the inverse kinematics of an arm with two links, 1 and 0.8 long: which angles reach a point.

    The points are those that angles between 0.2 and 1.2, and 0.3 and 1.5, reach.
    """

    def residual(x: Any, p: Any, xp: ModuleType) -> list[Any]:
        return [
            xp.cos(x[0]) + 0.8 * xp.cos(x[0] + x[1]) - p[0],
            xp.sin(x[0]) + 0.8 * xp.sin(x[0] + x[1]) - p[1],
        ]

    return BatchSystem(
        "arm",
        "two-link arm",
        1_000_000,
        ("cos(a) + 0.8*cos(a + b) = px", "sin(a) + 0.8*sin(a + b) = py"),
        {"a": 0.7, "b": 0.9},
        {"px": (0.2, 1.2), "py": (0.3, 1.5)},
        residual,
        lambda angles: np.column_stack(residual(angles.T, (0.0, 0.0), np)),
    )


def chandrasekhar() -> BatchSystem:
    """Write Chandrasekhar's H equation by the midpoint rule at eight places: dense, arithmetic alone."""

    def residual(x: Any, p: Any, _: ModuleType) -> list[Any]:
        return [x[i] - 1 - p[0] / 16 * x[i] * sum((i + 0.5) / (i + j + 1) * x[j] for j in range(8)) for i in range(8)]

    return BatchSystem(
        "chandrasekhar",
        "Chandrasekhar H",
        1_000_000,
        ("x[i] - 1 = c/16*x[i]*sum((i + 0.5)/(i + j + 1)*x[j] for j in range(8)) for i in range(8)",),
        {"x": np.ones(8)},
        {"c": (0.1, 0.95)},
        residual,
    )


def pellet() -> BatchSystem:
    """Write reaction and heat in a slab of catalyst, u'' = φ²·u·exp(γβ(1 − u)/(1 + β(1 − u))), at fifty places.

    u' = 0 in the middle, where the first place is; u = 1 outside, one place beyond the last.
    """

    def rate(u: str) -> str:
        return f"(phi/50)**2*{u}*exp(gamma*beta*(1 - {u})/(1 + beta*(1 - {u})))"

    def residual(u: Any, p: Any, xp: ModuleType) -> list[Any]:
        def rate(x: Any) -> Any:
            heat = p[2] * (1 - x)
            return (p[0] / 50) ** 2 * x * xp.exp(p[1] * heat / (1 + heat))

        inside = [u[i - 1] - 2 * u[i] + u[i + 1] - rate(u[i]) for i in range(1, 49)]
        return [2 * (u[1] - u[0]) - rate(u[0]), *inside, u[48] - 2 * u[49] + 1 - rate(u[49])]

    return BatchSystem(
        "pellet",
        "catalyst pellet",
        100_000,
        (
            f"2*(u[1] - u[0]) = {rate('u[0]')}",
            f"u[i - 1] - 2*u[i] + u[i + 1] = {rate('u[i]')} for i in range(1, 49)",
            f"u[48] - 2*u[49] + 1 = {rate('u[49]')}",
        ),
        {"u": np.ones(50)},
        {"phi": (0.1, 1.2), "gamma": (5.0, 20.0), "beta": (0.01, 0.1)},
        residual,
    )


SYSTEMS = (arm, chandrasekhar, pellet)
