"""Certificates: proofs at the roots of the standard problems, and refusals where there is nothing to prove.

A root is simple if J there, rows and columns scaled, has a condition number below 1e12. The certificate should
succeed at nine in ten of them, and must refuse at double roots and beside points that are no root.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import raphson_solver as rs

from benchmarks.timing import duration, heading, table
from tests.problems import standard_problems

SIMPLE = 1e12
MULTIPLE = (
    (("x**2",), [0.0]),
    (("(x - 1)**2*(x - 3)",), [1.0]),
    (("x**2 - 2*x + 1",), [1.0]),
    (("x**3",), [0.0]),
    (("x**2 + y**2 = 2", "x + y = 2"), [1.0, 1.0]),
    (("(x - y)**2", "x + y = 2"), [1.0, 1.0]),
    (("abs(x)",), [0.0]),
)
NO_ROOT = (
    (("x**2 + 1e-20",), [0.0]),
    (("x**2 + 1e-12",), [1e-9]),
    (("exp(-x)",), [800.0]),
    (("x - sqrt(x**2 + 1)",), [1e9]),
    (("1/(x - 0.3)",), [0.3000001]),
    (("sin(x) + 1.5",), [1e15]),
    (("where(x < 0, -1, 1)",), [0.0]),
)


def main() -> int:
    """Print a line a problem and the totals; return 1 if a certificate lies, or too few are given."""
    heading("Certificates", "By the Krawczyk operator in ball arithmetic.")
    rs.warm_up()
    rows, simple, proven, spent = [], 0, 0, []
    for problem in standard_problems():
        system = rs.compile(problem.equations, start=list(problem.variables))
        solution = system.solve(np.array(problem.start))
        condition = _condition(system.jacobian(solution.x))
        began = time.perf_counter()
        certificate = system.certify(solution.x)
        spent.append(time.perf_counter() - began)
        is_simple = solution.converged and condition < SIMPLE
        simple += is_simple
        proven += is_simple and certificate.proven
        widest = f"{max(certificate.radius):.1e}" if certificate.proven else certificate.reason
        rows.append([problem.name, problem.n, f"{condition:.1e}", "proven" if certificate.proven else "–", widest,
                     duration(spent[-1])])  # fmt: skip
    table(("problem", "n", "condition", "", "radius, or why not", "time"), rows)
    lies = 0
    for kind, cases in (("multiple root or kink", MULTIPLE), ("no root", NO_ROOT)):
        for equations, x in cases:
            certificate = rs.compile(equations).certify(x)
            lies += certificate.proven
            print(f"{kind}: {'; '.join(equations)} at {x}: {'PROVEN' if certificate.proven else certificate.reason}")
    print(f"simple roots proven: {proven} of {simple}; false certificates: {lies}")
    print(f"a certificate takes {duration(float(np.median(spent)))} in the median, the longest {duration(max(spent))}")
    return 1 if lies or proven < 0.9 * simple else 0


def _condition(jacobian: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        scaled = jacobian / np.abs(jacobian).max(axis=1, keepdims=True)
        scaled = scaled / np.abs(scaled).max(axis=0, keepdims=True)
    return float(np.linalg.cond(scaled)) if np.all(np.isfinite(scaled)) else np.inf


if __name__ == "__main__":
    sys.exit(main())
