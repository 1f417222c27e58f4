"""Whatever array code is drawn at random: the compact text computes what the function computes, row for row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from raphson.trace import trace_function

from tests.solver.building import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SIZES = st.integers(3, 24)
# Zeros, ones and minus ones are what a graph simplifies, so that rows that are alike look different.
SIMPLE = np.array([0.0, 0.0, 1.0, -1.0, 2.0, 0.5])


@dataclass
class Machine:
    """Runs a drawn program on arrays of length n, and keeps the size of what was added up.

    Attributes
    ----------
    constants : Generator
        Draws the program's constants; the same seed draws the same program.
    largest : float
        The largest sum of absolute values met, when run on numbers.
    """

    constants: np.random.Generator
    largest: float = 1.0
    values: list[Any] = field(default_factory=list)

    def run(self, steps: list[tuple[str, int, int]], x: Any, w: Any) -> Any:
        self.values = [x, w]
        for name, first, second in steps:
            a, b = (self.values[place % len(self.values)] for place in (first, second))
            self.values.append(getattr(self, name)(a, b))
            self.note(self.values[-1])
        return self.values[-1]

    def note(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            self.largest = max(self.largest, float(np.max(np.abs(value))))
        return value

    def numbers(self, *shape: int) -> Array:
        plain = self.constants.normal(size=shape)
        return np.where(self.constants.random(shape) < 0.3, self.constants.choice(SIMPLE, shape), plain)

    def elementwise(self, a: Any, b: Any) -> Any:
        return np.tanh(a) + np.sin(b) * 0.5

    def product(self, a: Any, b: Any) -> Any:
        return np.tanh(a) * b

    def quotient(self, a: Any, b: Any) -> Any:
        return a / (2 + np.cos(b))

    def power(self, a: Any, b: Any) -> Any:
        return np.sin(a) ** 3 - 2 * np.tanh(b) ** 2

    def scaled(self, a: Any, b: Any) -> Any:
        return self.numbers(len(a)) * a - b

    def shifted(self, a: Any, b: Any) -> Any:
        return a - b + self.numbers(len(a))

    def rolled(self, a: Any, b: Any) -> Any:
        return np.roll(a, int(self.constants.integers(1, 4))) - 2 * b + a[::-1]

    def stencil(self, a: Any, b: Any) -> Any:
        c = np.zeros_like(a)
        c[0], c[-1] = a[0] - 0.5, b[-1]
        c[1:-1] = a[:-2] - 2 * a[1:-1] + a[2:] + 0.01 * np.exp(np.tanh(b[1:-1]))
        return c

    def padded(self, a: Any, b: Any) -> Any:
        c = np.pad(a, 1)
        return c[2:] - 2 * a + c[:-2] + b

    def matrix(self, a: Any, b: Any) -> Any:
        A = self.numbers(len(a), len(a))
        self.note(np.abs(A) @ np.abs(a) if isinstance(a, np.ndarray) else a)
        return A @ a + b

    def sparse(self, a: Any, b: Any) -> Any:
        A = self.numbers(len(a), len(a)) * (self.constants.random((len(a), len(a))) < 0.3)
        self.note(np.abs(A) @ np.abs(a) if isinstance(a, np.ndarray) else a)
        return A @ np.sin(a) - b

    def broadcast(self, a: Any, b: Any) -> Any:
        return np.sum(np.sin(a[:, None] - b[None, :]), axis=self.axis()) / len(a)

    def table(self, a: Any, b: Any) -> Any:
        # A grid of which each element is one residual.
        return np.ravel(np.sin(a)[: (len(a) + 1) // 2, None] * b[None, :2] + a[0])[: len(a)]

    def chosen(self, a: Any, b: Any) -> Any:
        return np.where(a > b, a, 2 * b) + np.minimum(a, self.numbers(len(a)))

    def shared(self, a: Any, b: Any) -> Any:
        return np.tanh(a) / (1 + np.sum(b**2)) + np.max(b) * np.mean(a)

    def loop(self, a: Any, b: Any) -> Any:
        c = []
        for i in range(len(a)):
            total = -b[i]
            for j in range(i + 1):
                total = total + 0.1 * a[j] * b[i - j]
            c.append(total)
        return np.stack(c)

    def interleaved(self, a: Any, b: Any) -> Any:
        c = []
        for i in range(0, len(a) - 1, 2):
            c += [a[i] - b[i + 1] * i, np.cos(a[i]) + 1]
        return np.stack([*c, *([a[-1]] * (len(a) - len(c)))])

    def sliced(self, a: Any, b: Any) -> Any:
        return np.concatenate([a[::2] * 2, b[1::2] + 1])

    def gathered(self, a: Any, b: Any) -> Any:
        return a[self.constants.permutation(len(a))] - b

    def added_up(self, a: Any, b: Any) -> Any:
        return np.cumsum(a) / len(a) - b

    def axis(self) -> int:
        return int(self.constants.integers(2))


STEPS = [
    name
    for name, value in vars(Machine).items()
    if callable(value) and not name.startswith("_") and name not in {"run", "note", "numbers", "axis"}
]
programs = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=4)


@given(programs, SIZES, st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_the_compact_text_computes_what_the_function_computes(
    evaluate: Callable[..., Array], steps: list[tuple[str, int, int]], n: int, seed: int, with_coefficients: bool
) -> None:
    point = np.random.default_rng(seed + 1)
    x, w = point.normal(size=n), point.normal(size=n)
    machine = Machine(np.random.default_rng(seed))
    expected = machine.run(steps, x, w)
    traced = trace_function(
        lambda x, w: Machine(np.random.default_rng(seed)).run(steps, x, w),
        {"x": (n,)},
        {"w": (n,)},
        with_coefficients=with_coefficients,
    )
    assert traced.m == n
    assert with_coefficients or all(table.dtype.kind == "i" for table in traced.tables.values())
    bound = 1e-14 * len(steps) * machine.largest
    np.testing.assert_allclose(evaluate(traced.equations, {"x": x, "w": w}, traced.tables), expected, 1e-14, bound)
    # And through the real solver.
    system = build(traced.equations, {"x": x}, {"w": w, **traced.tables})
    actual = system.residual({"x": x}, {"w": w, **traced.tables})
    np.testing.assert_allclose(actual, expected, 1e-14, bound)


@dataclass
class Grids(Machine):
    """The same for arrays of two dimensions, of which each element is a residual in the end."""

    def run(self, steps: list[tuple[str, int, int]], x: Any, w: Any) -> Any:
        return super().run(steps, x, w).ravel()

    def mixed(self, a: Any, b: Any) -> Any:
        return self.numbers(*a.shape) * np.sin(a) - b + self.numbers(a.shape[1])

    def laplacian(self, a: Any, b: Any) -> Any:
        c = np.pad(a, 1)
        return 4 * a - c[2:, 1:-1] - c[:-2, 1:-1] - c[1:-1, 2:] - c[1:-1, :-2] + np.tanh(b)

    def inner_points(self, a: Any, b: Any) -> Any:
        c = b * 2
        c[1:-1, 1:-1] = a[2:, 1:-1] - 2 * a[1:-1, 1:-1] + a[:-2, 1:-1] - b[1:-1, :-2] * a[1:-1, 2:]
        return c

    def left(self, a: Any, b: Any) -> Any:
        A = self.numbers(a.shape[0], a.shape[0])
        self.note(np.abs(A) @ np.abs(a) if isinstance(a, np.ndarray) else a)
        return np.tanh(A @ a / a.shape[0]) + b

    def right(self, a: Any, b: Any) -> Any:
        A = self.numbers(a.shape[1], a.shape[1])
        self.note(np.abs(a) @ np.abs(A) if isinstance(a, np.ndarray) else a)
        return a @ A - b

    def rows(self, a: Any, b: Any) -> Any:
        return a - np.mean(b, axis=1, keepdims=True) * np.max(a, axis=0)

    def softmax(self, a: Any, b: Any) -> Any:
        e = np.exp(np.tanh(a))
        return e / np.sum(e, axis=1, keepdims=True) - b

    def turned(self, a: Any, b: Any) -> Any:
        return a.T.reshape(a.shape) * np.cos(b) + np.flip(b, axis=1)

    def gram(self, a: Any, b: Any) -> Any:
        self.note(np.abs(a) @ np.abs(b.T) @ np.abs(a) if isinstance(a, np.ndarray) else a)
        return np.sin(a @ b.T / a.size) @ a

    def cornered(self, a: Any, b: Any) -> Any:
        c = np.zeros_like(a)
        c[0], c[1:, 0], c[1:, 1:] = b[0], a[1:, 0] - 1, a[1:, 1:] * b[:-1, :-1] - 0.5
        return c


GRID_STEPS = [name for name, value in vars(Grids).items() if callable(value) and name[0] != "_" and name != "run"]
grid_programs = st.lists(
    st.tuples(st.sampled_from(GRID_STEPS), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=3
)


@given(grid_programs, st.tuples(st.integers(3, 8), st.integers(3, 8)), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_so_does_that_of_grids(
    evaluate: Callable[..., Array], steps: list[tuple[str, int, int]], shape: tuple[int, int], seed: int
) -> None:
    point = np.random.default_rng(seed + 1)
    x, w = point.normal(size=shape), point.normal(size=shape)
    machine = Grids(np.random.default_rng(seed))
    expected = machine.run(steps, x, w)
    traced = trace_function(
        lambda x, w: Grids(np.random.default_rng(seed)).run(steps, x, w), {"x": shape}, {"w": shape}
    )
    bound = 1e-14 * len(steps) * machine.largest
    np.testing.assert_allclose(evaluate(traced.equations, {"x": x, "w": w}, traced.tables), expected, 1e-14, bound)
    system = build(traced.equations, {"x": x}, {"w": w, **traced.tables})
    actual = system.residual({"x": x}, {"w": w, **traced.tables})
    np.testing.assert_allclose(actual, expected, 1e-14, bound)
