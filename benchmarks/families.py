"""Systems as large as one likes, in a few lines of text, with their derivatives by hand in NumPy.

What is written out by hand is what somebody writes who knows the calculus and NumPy: whole arrays, no loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Family:
    """One system of one size.

    Attributes
    ----------
    equations : tuple of str
        In the language of raphson.
    start : dict of str to ndarray
        The unknowns: a point to differentiate at.
    parameters : dict of str to number
        Values of what else stands in the text.
    f : callable
        x → f, shape (n,) → (m,).
    vjp : callable
        x, w → wᵀ·J, shapes (n,), (m,) → (n,).
    entries : callable, optional
        x → the entries of J, row by row.
    """

    equations: tuple[str, ...]
    start: dict[str, Array]
    parameters: dict[str, Any]
    f: Callable[[Array], Array]
    vjp: Callable[[Array, Array], Array]
    entries: Callable[[Array], Array] | None = None

    @property
    def x(self) -> Array:
        """The start, flattened, shape (n,)."""
        return np.concatenate([value.ravel() for value in self.start.values()])


def bratu_line(n: int) -> Family:
    """Write u″ + c·exp(u) = 0 on a line of n points, u = 0 at both ends."""
    h, c = 1 / (n - 1), 1.0
    equations = (
        "u[0] = 0",
        "u[i-1] - 2*u[i] + u[i+1] + h**2*c*exp(u[i]) = 0 for i in range(1, n-1)",
        "u[n-1] = 0",
    )

    def f(u: Array) -> Array:
        out = u.copy()
        out[1:-1] = u[:-2] - 2 * u[1:-1] + u[2:] + h**2 * c * np.exp(u[1:-1])
        return out

    def vjp(u: Array, w: Array) -> Array:
        out, inner = np.zeros(n), w[1:-1]
        out[0], out[-1] = w[0], w[-1]
        out[1:-1] += inner * (h**2 * c * np.exp(u[1:-1]) - 2)
        out[:-2] += inner
        out[2:] += inner
        return out

    return Family(equations, {"u": _bump(n)}, {"n": n, "h": h, "c": c}, f, vjp)


def bratu_square(n: int) -> Family:
    """Write Δu + c·exp(u) = 0 on a square of k×k points, k² as near to n as can be, u = 0 on the edge."""
    k = round(n**0.5)
    h, c = 1 / (k - 1), 1.0
    inside = "u[i-1,j] + u[i+1,j] + u[i,j-1] + u[i,j+1] - 4*u[i,j] + h**2*c*exp(u[i,j])"
    equations = (
        "u[0,j] = 0 for j in range(k)",
        "u[k-1,j] = 0 for j in range(k)",
        "u[i,0] = 0 for i in range(1, k-1)",
        "u[i,k-1] = 0 for i in range(1, k-1)",
        f"{inside} = 0 for i in range(1, k-1) for j in range(1, k-1)",
    )

    def edge(grid: Array) -> list[Array]:
        return [grid[0], grid[-1], grid[1:-1, 0], grid[1:-1, -1]]

    def f(x: Array) -> Array:
        u = x.reshape(k, k)
        centre = u[1:-1, 1:-1]
        inner = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * centre + h**2 * c * np.exp(centre)
        return np.concatenate([*edge(u), inner.ravel()])

    def vjp(x: Array, w: Array) -> Array:
        u, out = x.reshape(k, k), np.zeros((k, k))
        place = 0
        for part in edge(out):
            part[:] = w[place : place + part.size]
            place += part.size
        inner = w[place:].reshape(k - 2, k - 2)
        out[1:-1, 1:-1] += inner * (h**2 * c * np.exp(u[1:-1, 1:-1]) - 4)
        out[:-2, 1:-1] += inner
        out[2:, 1:-1] += inner
        out[1:-1, :-2] += inner
        out[1:-1, 2:] += inner
        return out.ravel()

    start = np.outer(_bump(k), _bump(k))
    return Family(equations, {"u": start}, {"k": k, "h": h, "c": c}, f, vjp)


def rosenbrock(n: int) -> Family:
    """Write the extended Rosenbrock function, a sum over n/2 pairs: m = 1."""
    equations = ("sum(100*(x[2*k+1] - x[2*k]**2)**2 + (1 - x[2*k])**2 for k in range(n//2))",)

    def f(x: Array) -> Array:
        a, b = x[::2], x[1::2]
        return np.array([(100 * (b - a**2) ** 2 + (1 - a) ** 2).sum()])

    def vjp(x: Array, w: Array) -> Array:
        a, b = x[::2], x[1::2]
        out, slope = np.empty(n), w[0] * 200 * (b - a**2)
        out[::2] = -2 * a * slope - w[0] * 2 * (1 - a)
        out[1::2] = slope
        return out

    return Family(equations, {"x": 1 + 0.5 * np.sin(np.arange(n))}, {"n": n}, f, vjp)


def toda_chain(n: int) -> Family:
    """Write a Toda chain at rest between two walls, each mass on a spring: three entries a row, all with exp."""
    stiffness = 0.25
    equations = (
        "exp(-x[0]) - exp(x[0] - x[1]) = s*x[0]",
        "exp(x[i-1] - x[i]) - exp(x[i] - x[i+1]) = s*x[i] for i in range(1, n-1)",
        "exp(x[n-2] - x[n-1]) - exp(x[n-1]) = s*x[n-1]",
    )

    def pushes(x: Array) -> Array:
        return np.exp(-np.diff(x, prepend=0.0, append=0.0))

    def f(x: Array) -> Array:
        e = pushes(x)
        return e[:-1] - e[1:] - stiffness * x

    def vjp(x: Array, w: Array) -> Array:
        e = pushes(x)
        out = -(e[:-1] + e[1:] + stiffness) * w
        out[:-1] += e[1:-1] * w[1:]
        out[1:] += e[1:-1] * w[:-1]
        return out

    def entries(x: Array) -> Array:
        e = pushes(x)
        return _rows_of_three(e[:-1], -(e[:-1] + e[1:] + stiffness), e[1:])

    return Family(equations, {"x": np.sin(np.arange(n) / 3)}, {"n": n, "s": stiffness}, f, vjp, entries)


def broyden_tridiagonal(n: int) -> Family:
    """Write Broyden's tridiagonal function: three entries a row, arithmetic alone."""
    equations = (
        "(3 - 2*x[0])*x[0] - 2*x[1] + 1 = 0",
        "(3 - 2*x[i])*x[i] - x[i-1] - 2*x[i+1] + 1 = 0 for i in range(1, n-1)",
        "(3 - 2*x[n-1])*x[n-1] - x[n-2] + 1 = 0",
    )

    def f(x: Array) -> Array:
        out = (3 - 2 * x) * x + 1
        out[1:] -= x[:-1]
        out[:-1] -= 2 * x[1:]
        return out

    def vjp(x: Array, w: Array) -> Array:
        out = (3 - 4 * x) * w
        out[:-1] -= w[1:]
        out[1:] -= 2 * w[:-1]
        return out

    def entries(x: Array) -> Array:
        return _rows_of_three(-1.0, 3 - 4 * x, -2.0)

    return Family(equations, {"x": -1 + 0.5 * np.sin(np.arange(n))}, {"n": n}, f, vjp, entries)


def tridiagonal_pattern(n: int) -> tuple[Array, Array]:
    """Return rows and columns of the entries of a tridiagonal matrix, row by row."""
    rows = np.repeat(np.arange(n), 3)[1:-1]
    columns = (np.arange(n)[:, None] + (-1, 0, 1)).ravel()[1:-1]
    return rows, columns


def _rows_of_three(before: Array | float, diagonal: Array, after: Array | float) -> Array:
    table = np.empty((diagonal.size, 3))
    table[:, 0], table[:, 1], table[:, 2] = before, diagonal, after
    return table.ravel()[1:-1]


def _bump(n: int) -> Array:
    """Return a smooth function that is zero at both ends, shape (n,)."""
    t = np.linspace(0.0, 1.0, n)
    return t * (1 - t) * (1 + t)
