"""dx/dp at roots against 50 digits, and against central differences of roots that are solved again.

The standard problems have no parameters: each equation is given one of its own, 0, that is subtracted from it. Where J
at the root is singular dx/dp is refused; where the answer says itself that less is known of it, it is not counted. Nor
are differences at a root that no root of a system nearby is found beside, as at the edge of where f is defined.
"""

from __future__ import annotations

import sys

import numpy as np
import raphson_solver as rs
from raphson_solver.sensitivity import Sensitivity, SingularRootError

from benchmarks.timing import heading, table
from tests.problems import standard_problems
from tests.solver.sensitivity.implicit import exact

EXACTLY, BY_DIFFERENCES = 1e-10, 1e-6
WELL = 1e-11
# How far x goes, relatively, when a parameter does.
STEP = 1e-5
CONVERGED = 1e-12
CLOSELY = rs.SolveOptions(tolerance=1e-15, max_iterations=100)


def main() -> int:
    """Print a line a problem, and the largest deviations; return 1 if one is larger than its goal."""
    heading(
        "Sensitivities",
        f"The largest deviation, beside the largest number of its row. Goals: {EXACTLY:g} from 50 digits, "
        f"{BY_DIFFERENCES:g} from central differences.",
    )
    rs.warm_up()
    rows, exactly, by_differences = [], [0.0], [0.0]
    for problem in standard_problems():
        names = [f"x{number + 1}" for number in range(2 * problem.n)]
        texts = [f"{_plain(text)} - {name}" for text, name in zip(problem.equations, names[problem.n :], strict=True)]
        system = rs.compile(texts, start=names[: problem.n], parameters=dict.fromkeys(names[problem.n :], 0.0))
        p = np.zeros(problem.n)
        first = system.solve(np.array(problem.start), p)
        x = system.solve(first.x, p, CLOSELY).x
        try:
            found = Sensitivity(system, x, p)
        except (SingularRootError, rs.InputError) as error:
            rows.append([problem.name, problem.n, "", "", "", str(error).partition(";")[0][:60]])
            continue
        _, slopes = exact(texts, x.tolist(), p.tolist())
        deviation = _largest(found.forward() - slopes, slopes)
        again = _central(system, x, p, slopes)
        apart = np.inf if again is None else _largest(found.forward() - again, again)
        note = "" if again is not None else "no roots beside it"
        if found.relative_error <= WELL:
            exactly.append(deviation)
            if again is not None:
                by_differences.append(apart)
        else:
            note = f"says itself: to {found.relative_error:.0e}"
        shown = "" if again is None else f"{apart:.0e}"
        rows.append([problem.name, problem.n, f"{found.condition:.1e}", f"{deviation:.0e}", shown, note])
    table(("problem", "n", "condition", "50 digits", "differences", ""), rows)
    print(f"\n{len(exactly) - 1} of {len(rows)}: at most {max(exactly):.1e} from 50 digits; {len(by_differences) - 1}: "
          f"{max(by_differences):.1e} from central differences")  # fmt: skip
    return 0 if max(exactly) <= EXACTLY and max(by_differences) <= BY_DIFFERENCES else 1


def _plain(text: str) -> str:
    left, equals, right = text.partition("=")
    return f"{left} - ({right})" if equals else text


def _central(system: rs.System, x: np.ndarray, p: np.ndarray, slopes: np.ndarray) -> np.ndarray | None:
    """Return central differences of x, extrapolated from steps of two sizes; `slopes` say how far a step may go.

    None where there are no roots to take them of.
    """
    found = np.empty_like(slopes)
    for j in range(p.size):
        size = np.maximum(np.abs(x), 1e-3 * np.abs(x).max())
        # Of a root that is zero: not to where roots cannot be told apart.
        step = STEP * max(float(np.min(size / np.maximum(np.abs(slopes[:, j]), STEP))), STEP)
        whole, half = (_difference(system, x, p, j, length) for length in (step, step / 2))
        if whole is None or half is None:
            return None
        found[:, j] = (4.0 * half - whole) / 3.0
    return found


def _difference(system: rs.System, x: np.ndarray, p: np.ndarray, j: int, length: float) -> np.ndarray | None:
    step = np.zeros_like(p)
    step[j] = length
    ahead, behind = (system.solve(x, p + side * step, CLOSELY) for side in (1, -1))
    # As near as rounding lets them come, which for some is not as near as was asked for.
    if not all(float(np.max(each.scaled_residual)) <= CONVERGED for each in (ahead, behind)):
        return None
    difference: np.ndarray = (ahead.x - behind.x) / (2.0 * length)
    return difference


def _largest(difference: np.ndarray, of: np.ndarray) -> float:
    return float(np.max(np.abs(difference) / np.maximum(np.abs(of).max(axis=1, keepdims=True), 1e-300)))


if __name__ == "__main__":
    sys.exit(main())
