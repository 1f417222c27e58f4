"""Robustness: every problem of nls23 and mgh over gRPC, from its standard start, with default options.

Each answer is judged at 50 digits. False success: the status says converged, and f is not small there. False
failure: it says something else, and f is. Exit code 1 if there is any false success.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from typing import get_args

import raphson
from raphson.vocabulary import MethodName

from benchmarks.evidence import Evidence, evidence
from benchmarks.processes import serve
from benchmarks.timing import duration, heading, table
from tests.problems import Problem, standard_problems

PROMISED = 1e-12
CLEARLY_NOT = 1e-10
"""Between these two only rounding decides, and neither flag is raised."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One problem's answer and what 50 digits say of it."""

    problem: Problem
    root: raphson.Solution
    evidence: Evidence

    @property
    def flag(self) -> str:
        """Name what the status gets wrong; empty if it is right."""
        if self.root.converged and not self.evidence.holds(CLEARLY_NOT):
            return "FALSE SUCCESS"
        if not self.root.converged and self.evidence.holds(PROMISED):
            return "FALSE FAILURE"
        return ""

    @property
    def row(self) -> list[object]:
        """The line of the table."""
        root = self.root
        return [
            self.problem.name,
            self.problem.n,
            root.status.name.lower(),
            f"{root.residual_norm:.1e}",
            f"{max(root.scaled_residual):.1e}",
            f"{self.evidence.residual_norm:.1e}",
            root.iterations,
            root.evaluations,
            root.method.name.lower(),
            self.flag,
        ]


def main() -> int:
    """Print a line a problem and the totals; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", choices=["nls23", "mgh"], help="only this set")
    parser.add_argument("--method", choices=get_args(MethodName), default="auto")
    options = parser.parse_args()
    heading(
        "Robustness",
        "Over gRPC, default tolerance. 'true residual' is |f| at the returned point at 50 digits.",
    )
    outcomes = []
    with serve() as served, raphson.connect(served.address) as client:
        for problem in standard_problems():
            if options.group in (None, problem.group):
                start = dict(zip(problem.variables, problem.start, strict=True))
                root = client.solve(problem.equations, start, method=options.method)
                outcomes.append(Outcome(problem, root, evidence(problem.equations, root.x)))
    table(
        (
            "problem",
            "n",
            "status",
            "residual",
            "scaled",
            "true residual",
            "iterations",
            "evaluations",
            "method",
            "",
        ),
        [outcome.row for outcome in outcomes],
    )
    print()
    return report(outcomes)


def report(outcomes: list[Outcome]) -> int:
    """Print the totals; return 1 if any success is false."""
    for group in dict.fromkeys(outcome.problem.group for outcome in outcomes):
        of_group = [outcome for outcome in outcomes if outcome.problem.group == group]
        statuses = Counter(outcome.root.status.name.lower() for outcome in of_group)
        print(f"{group}: {statuses['converged']} of {len(of_group)} converged", end="")
        others = ", ".join(f"{count} {name}" for name, count in statuses.items() if name != "converged")
        print(f" ({others})" if others else "")
    iterations = sum(outcome.root.iterations for outcome in outcomes)
    evaluations = sum(outcome.root.evaluations for outcome in outcomes)
    seconds = sum(outcome.root.elapsed_seconds for outcome in outcomes)
    print(f"all: {iterations} iterations, {evaluations} evaluations, {duration(seconds)} iterating")
    flags = Counter(outcome.flag for outcome in outcomes)
    print(f"false successes: {flags['FALSE SUCCESS']}; false failures: {flags['FALSE FAILURE']}")
    return 1 if flags["FALSE SUCCESS"] else 0


if __name__ == "__main__":
    sys.exit(main())
