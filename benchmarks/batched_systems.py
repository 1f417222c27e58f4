"""Three systems with n = m = 8 whose J is asked for at many points: arithmetic, many functions, and a band.

Each in every form that somebody reads: one text an equation, array code as a user of JAX would write it, and the
constants of the C by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers import c_jacobian

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

N = 8
SEED = 4


@dataclass(frozen=True, slots=True)
class BatchedSystem:
    """A system and where it is differentiated.

    Attributes
    ----------
    name : str
        What it is.
    equations : tuple of str
        Of x[0] … x[7]: what raphson and CasADi read.
    array_code : callable
        Takes x of shape (8,) and a module of functions; returns f of shape (8,).
    kernel : str
        In C.
    constants : dict of str to ndarray
        Of the kernel.
    lower, upper : tuple of float
        The box that the points are drawn from.
    """

    name: str
    equations: tuple[str, ...]
    array_code: Callable[[Any, ModuleType], Any]
    kernel: str
    constants: dict[str, np.ndarray]
    lower: tuple[float, ...]
    upper: tuple[float, ...]

    def points(self, count: int) -> np.ndarray:
        """Draw points, the same each time, shape (count, 8)."""
        return np.random.default_rng(SEED).uniform(self.lower, self.upper, (count, N))


def chandrasekhar() -> BatchedSystem:
    """Write Chandrasekhar's H equation by the midpoint rule, c = 0.9: arithmetic alone, dense."""
    place = np.arange(N) + 0.5
    weights = 0.9 / (2 * N) * place[:, None] / (place[:, None] + place)
    equations = tuple(
        f"x[{i}] = 1/(1 - ({' + '.join(f'{weight!r}*x[{j}]' for j, weight in enumerate(row))}))"
        for i, row in enumerate(weights.tolist())
    )
    return BatchedSystem(
        "Chandrasekhar H",
        equations,
        lambda x, _: x - 1 / (1 - weights @ x),
        c_jacobian.CHANDRASEKHAR,
        {"W": weights},
        (0.5,) * N,
        (1.5,) * N,
    )


def two_sources() -> BatchedSystem:
    """Write two damped waves heard at eight places: exp, sin, cos and sqrt, dense.

    The unknowns of a source are its place, its amplitude and its wave number.
    """
    angle = 2 * np.pi * np.arange(N) / N
    places = 3 * np.column_stack([np.cos(angle), np.sin(angle)])
    heard = np.linspace(-0.5, 0.5, N)
    damping = 0.3

    def wave(first: int, x: float, y: float) -> str:
        r = f"sqrt((x[{first}] - ({x!r}))**2 + (x[{first + 1}] - ({y!r}))**2)"
        return f"x[{first + 2}]*exp(-{damping!r}*{r})*cos(x[{first + 3}]*{r})"

    def array_code(x: Any, xp: ModuleType) -> Any:
        sources = x.reshape(2, 4)
        r = xp.sqrt((sources[:, 0] - places[:, :1]) ** 2 + (sources[:, 1] - places[:, 1:]) ** 2)
        return (sources[:, 2] * xp.exp(-damping * r) * xp.cos(sources[:, 3] * r)).sum(1) - heard

    equations = tuple(
        f"{wave(0, x, y)} + {wave(4, x, y)} = {value!r}"
        for (x, y), value in zip(places.tolist(), heard.tolist(), strict=True)
    )
    return BatchedSystem(
        "two sources, eight places",
        equations,
        array_code,
        c_jacobian.SOURCES,
        {"P": places, "D": np.array([damping])},
        (-1.0, -1.0, 0.5, 1.0) * 2,
        (1.0, 1.0, 2.0, 4.0) * 2,
    )


def chain() -> BatchedSystem:
    """Write a Toda chain at rest between two walls, each mass on a spring: exp, three entries a row."""
    stiffness = 0.25

    def push(before: str, after: str) -> str:
        return f"exp({before} - {after})"

    names = ["0", *(f"x[{i}]" for i in range(N)), "0"]
    equations = tuple(
        f"{push(names[i], names[i + 1])} - {push(names[i + 1], names[i + 2])} = {stiffness!r}*x[{i}]" for i in range(N)
    )

    def array_code(x: Any, xp: ModuleType) -> Any:
        pushes = xp.exp(-xp.diff(x, prepend=0.0, append=0.0))
        return pushes[:-1] - pushes[1:] - stiffness * x

    return BatchedSystem(
        "Toda chain",
        equations,
        array_code,
        c_jacobian.CHAIN,
        {"K": np.array([stiffness])},
        (-1.0,) * N,
        (1.0,) * N,
    )


SYSTEMS = (chandrasekhar, two_sources, chain)
