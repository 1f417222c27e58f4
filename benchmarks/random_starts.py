"""Statuses under stress: the standard problems from random starts in ever larger boxes, every answer judged.

Start k of a problem is uniform in ±1, ±10, … ±10⁴ in turn, times a hundredth of the published start's size where that
is larger than 1. The methods and sources of J take turns too. False success: converged, and 50 digits disagree. False
failure: not converged, and 50 digits say that it is a root. Exit code 1 if there is any of either.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import raphson_solver as rs

from benchmarks.evidence import evidence
from benchmarks.timing import heading, table
from tests.problems import Problem, standard_problems

BOXES = (1.0, 1e1, 1e2, 1e3, 1e4)
LARGEST = 10
PROMISED, CLEARLY_NOT = 1e-12, 1e-10
"""Between these two only rounding decides, and neither flag is raised."""
BATCH = 200
MODES = (rs.JacobianMode.EXACT, rs.JacobianMode.EXACT, rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL)


@dataclass(frozen=True, slots=True)
class Case:
    """One start and how it is solved."""

    problem: Problem
    start: tuple[float, ...]
    box: float
    options: rs.SolveOptions


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a case."""

    case: Case
    status: rs.Status
    flag: str
    x: tuple[float, ...]


def cases(count: int, seed: int, *, every_method: bool) -> list[Case]:
    """Return as many cases as asked for, the same for the same seed."""
    random = np.random.default_rng(seed)
    problems = [problem for problem in standard_problems() if problem.n <= LARGEST]
    methods = (
        [method for method in rs.Method if method is not rs.Method.BRACKETING] if every_method else [rs.Method.AUTO]
    )
    made = []
    for k in range(count):
        turn, place = divmod(k, len(problems))
        problem, box = problems[place], BOXES[turn % len(BOXES)]
        size = np.maximum(1.0, np.abs(problem.start) / 100.0)
        start = random.uniform(-box, box, problem.n) * size
        options = rs.SolveOptions(
            method=methods[k % len(methods)],
            jacobian=MODES[turn // len(BOXES) % len(MODES)] if every_method else MODES[0],
        )
        made.append(Case(problem, tuple(start.tolist()), box, options))
    return made


def judge(batch: list[Case]) -> list[Verdict]:
    """Solve and judge some cases, in a process of their own."""
    systems: dict[tuple[str, ...], rs.System] = {}
    verdicts = []
    for case in batch:
        problem = case.problem
        if problem.equations not in systems:
            definition = rs.Definition(problem.equations, tuple((name, ()) for name in problem.variables), ())
            systems[problem.equations] = rs.compile_definition(definition)
        solution = systems[problem.equations].solve(np.array(case.start), options=case.options)
        found, flag = evidence(problem.equations, solution.x), ""
        if solution.converged and not found.holds(CLEARLY_NOT):
            flag = "FALSE SUCCESS"
        if not solution.converged and found.holds(PROMISED):
            flag = "FALSE FAILURE"
        verdicts.append(Verdict(case, solution.status, flag, tuple(solution.x.tolist())))
    return verdicts


def main() -> int:
    """Print the totals a box, and every false status; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="starts (default: %(default)s, about 10 minutes)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default: %(default)s)")
    parser.add_argument(
        "--every-method", action="store_true", help="methods and sources of J in turn, not 'auto' alone"
    )
    parser.add_argument("--processes", type=int, default=2, help="judging at once (default: %(default)s)")
    options = parser.parse_args()
    heading(
        "Random starts", f"{options.count} starts, in boxes up to ±{BOXES[-1]:g}; every answer judged at 50 digits."
    )
    rs.warm_up()
    made = cases(options.count, options.seed, every_method=options.every_method)
    batches = [made[first : first + BATCH] for first in range(0, len(made), BATCH)]
    verdicts: list[Verdict] = []
    with ProcessPoolExecutor(options.processes) as pool:
        for done in pool.map(judge, batches):
            verdicts += done
            print(f"\r{len(verdicts)} of {len(made)} judged", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return report(verdicts)


def report(verdicts: list[Verdict]) -> int:
    """Print what became of the cases; return 1 if any status is false."""
    rows = []
    for box in BOXES:
        of_box = [verdict for verdict in verdicts if verdict.case.box == box]
        statuses = Counter(verdict.status.name.lower() for verdict in of_box)
        others = ", ".join(f"{count} {name}" for name, count in statuses.most_common() if name != "converged")
        rows.append([f"±{box:g}", len(of_box), statuses["converged"], others])
    table(("box", "starts", "converged", "others"), rows)
    flags = Counter(verdict.flag for verdict in verdicts)
    for verdict in verdicts:
        if verdict.flag:
            case = verdict.case
            print(f"{verdict.flag}: {case.problem.name} from {case.start}, {case.options.method.name.lower()}, "
                  f"{case.options.jacobian.name.lower()}: {verdict.status.name.lower()} at {verdict.x}")  # fmt: skip
    print(f"false successes: {flags['FALSE SUCCESS']}; false failures: {flags['FALSE FAILURE']}")
    return 1 if flags["FALSE SUCCESS"] or flags["FALSE FAILURE"] else 0


if __name__ == "__main__":
    sys.exit(main())
