"""Steady viscous Burgers on a line with n = 10⁵: a tridiagonal J, where a solve is bound by memory.

Beside ours: KINSOL with its banded solver and with KLU, all in C; Newton with SciPy's `splu`; and, as the limit, Newton
with elimination along the line by hand in C.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.linalg import solve_banded

from benchmarks.large_solves import NOTES, Contest, Judge, Participant, chosen, parser
from benchmarks.large_systems import burgers
from benchmarks.peers import compiled_c, kinsol
from benchmarks.timing import heading

SIZES = (10_000, 100_000)


def participants() -> tuple[Participant, ...]:
    """Return ours and its peers."""
    peer = partial(Participant, missing=compiled_c.MISSING)
    library = partial(peer, module="benchmarks.peers.kinsol", made="Kinsol", missing=kinsol.MISSING)
    return (
        Participant(who="raphson", module="benchmarks.raphson_solve", made="Raphson", threads=True),
        library(who="KINSOL band", arguments={"band": True}),
        library(who="KINSOL KLU", arguments={"band": False}),
        peer(who="Newton, SciPy splu", module="benchmarks.peers.newton_splu", made="NewtonSplu"),
        peer(who="by hand in C", module="benchmarks.peers.c_tridiagonal", made="CTridiagonal"),
    )


def judge(n: int) -> Judge:
    """Return how answers are looked at: the reference by Newton in NumPy and LAPACK's banded solver, to rounding."""
    system = burgers(n)
    x = system.x
    for _ in range(8):
        J = system.jacobian(x)
        band = np.zeros((3, n))
        band[0, 1:], band[1], band[2, :-1] = J.diagonal(1), J.diagonal(), J.diagonal(-1)
        x = x - solve_banded((1, 1), band, system.evaluate(x)[0])
    return Judge(system.scaled_residual, x)


def main() -> None:
    """Print a table a size, and the exponents."""
    arguments = parser(__doc__, SIZES).parse_args()
    heading(
        "Burgers on a line",
        *NOTES,
        "f and J of the peers are in C. KINSOL is left to stop by its residual alone: it takes a step fewer.",
        "Goal: the fastest at 10⁵.",
    )
    contest = Contest(chosen(participants(), arguments.peers), arguments.longest)
    for n in arguments.sizes:
        print(f"n = {n:,}\n")
        contest.round(n, {"name": "burgers", "n": n}, judge(n))
        print()
    contest.exponents()
    if contest.failed:
        raise SystemExit("\n".join(contest.failed))


if __name__ == "__main__":
    main()
