"""Systems built to have no real root, from many starts, by every method and source of J: none may converge.

Each has a reason why it has none: a sum of squares and a constant, values out of a function's range, curves that do
not meet, equations that contradict each other, a zero at infinity alone, a pole, a jump, and what rounding makes small.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter
from dataclasses import dataclass

import numpy as np
import raphson_solver as rs

from benchmarks.timing import heading, table


@dataclass(frozen=True, slots=True)
class Rootless:
    """A system without a real root, and why there is none."""

    equations: tuple[str, ...]
    why: str


def systems() -> list[Rootless]:
    """Return them."""
    made = [
        Rootless(("x**2 + 1",), "positive"),
        Rootless(("x**2 + 1e-6",), "positive, and nearly zero at 0"),
        Rootless(("x**4 + x**2 + 1e-9",), "positive, and nearly zero at 0"),
        Rootless(("exp(x)",), "zero at −∞ alone"),
        Rootless(("1/x",), "zero at ∞ alone, and a pole"),
        Rootless(("1/(x - 0.3)",), "zero at ∞ alone, and a pole"),
        Rootless(("x - sqrt(x**2 + 1)",), "zero at ∞ alone, where terms cancel"),
        Rootless(("arctan(x) - 2",), "out of range"),
        Rootless(("tanh(x) - 1.5",), "out of range"),
        Rootless(("sin(x) + 1.5",), "out of range"),
        Rootless(("cos(x) = 2",), "out of range"),
        Rootless(("sin(x**3) + 1.5",), "out of range, and steep far out"),
        Rootless(("abs(x) + 1e-3",), "positive, with a kink"),
        Rootless(("floor(x) - 0.5",), "jumps past zero"),
        Rootless(("cosh(x) + x**2 - 0.999",), "at least 0.001"),
        Rootless(("x**2 + y**2 = 1", "x + y = 3"), "circle and line apart"),
        Rootless(("x**2 + y**2 = 1", "(x - 3)**2 + y**2 = 1"), "circles apart"),
        Rootless(("y = exp(x)", "y = log(x)"), "curves apart"),
        Rootless(("y = x**2 + 1", "y = -x**2"), "parabolas apart"),
        Rootless(("x + y = 1", "x + y = 2"), "contradiction"),
        Rootless(("x*y = 1", "x*y = 1.001"), "contradiction"),
        Rootless(("x*y = 0", "x**2 + y**2 = -1"), "a sum of squares"),
        Rootless(("x + y + z = 1", "x - y = 0", "x**2 + y**2 + z**2 = 0.3"), "plane and sphere apart"),
        Rootless(("exp(x - y) + 1", "x*y = 2"), "positive"),
    ]
    random = np.random.default_rng(7)
    for n in (2, 3, 5):
        for _ in range(4):
            # f₁ = Σ(a·x − b)² + c > 0, whatever the others are.
            names = [f"x{i}" for i in range(n)]
            squares = " + ".join(
                f"({' + '.join(f'{a:.3f}*{name}' for a, name in zip(random.normal(size=n), names, strict=True))} "
                f"- {random.normal():.3f})**2"
                for _ in range(n)
            )
            others = [f"{names[i]}*{names[(i + 1) % n]} + sin({names[i]}) = {random.normal():.3f}" for i in range(1, n)]
            made.append(
                Rootless((f"{squares} + {10.0 ** random.uniform(-4, 1):.6f}", *others), "squares and a constant")
            )
    return made


def starts(n: int, count: int, random: np.random.Generator) -> list[np.ndarray]:
    """Return starts of every size, signs at random."""
    sizes = 10.0 ** random.uniform(-6, 16, size=(count, n))
    return list(sizes * random.choice([-1.0, 1.0], size=(count, n)))


def main() -> int:
    """Print a line a system; return 1 if anything converged."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=40, help="a system, method and mode (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default: %(default)s)")
    options = parser.parse_args()
    heading("Systems without a real root", "By every method, with J exact and by differences. None may converge.")
    rs.warm_up()
    random = np.random.default_rng(options.seed)
    rows, false, solves = [], 0, 0
    for rootless in systems():
        system = rs.compile(rootless.equations)
        n = system.n
        methods = [method for method in rs.Method if n == 1 or method is not rs.Method.BRACKETING]
        modes = (rs.JacobianMode.EXACT, rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL)
        statuses: Counter[str] = Counter()
        for method, mode in itertools.product(methods, modes):
            how = rs.SolveOptions(method=method, jacobian=mode, max_iterations=300)
            for start in starts(n, options.starts, random):
                solution = system.solve(start, options=how)
                statuses[solution.status.name.lower()] += 1
                if solution.converged:
                    print(f"FALSE SUCCESS: {rootless.equations} from {start}, {method.name}, {mode.name}: {solution!r}")
        false += statuses["converged"]
        solves += statuses.total()
        text = "; ".join(rootless.equations)
        rows.append([text if len(text) < 50 else text[:47] + "…", rootless.why, statuses.total(), statuses["converged"],
                     ", ".join(f"{count} {name}" for name, count in statuses.most_common(3))])  # fmt: skip
    table(("system", "why no root", "solves", "converged", "mostly"), rows)
    print(f"false successes: {false} of {solves} solves")
    return 1 if false else 0


if __name__ == "__main__":
    sys.exit(main())
