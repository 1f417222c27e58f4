"""Bratu on a square, one family of text, with n = 10⁴, 10⁵ and 10⁶ unknowns: time, memory, and how both grow.

Beside ours: PETSc's SNES, with GMRES preconditioned by its own algebraic multigrid (GAMG), by hypre's (BoomerAMG, made
once a solve), and with MUMPS's factors; Newton with SciPy's `splu`; `newton_krylov`; KINSOL with KLU; and, as the
limit, an iteration that knows the operator and inverts it by sine transforms.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.large_solves import NOTES, Contest, Judge, Participant, chosen, parser
from benchmarks.large_systems import bratu
from benchmarks.peers import compiled_c, kinsol, petsc, sine_transform
from benchmarks.timing import heading

SIZES = (10_000, 99_856, 1_000_000)


def participants() -> tuple[Participant, ...]:
    """Return ours and its peers."""
    library = petsc.found()
    snes = partial(
        Participant,
        module="benchmarks.peers.petsc_snes",
        made="PetscSnes",
        interpreter=library.python,
        missing=library.missing,
    )
    peer = partial(Participant, missing=compiled_c.MISSING)
    return (
        Participant(who="raphson", module="benchmarks.raphson_solve", made="Raphson", threads=True),
        snes(who="PETSc GMRES+GAMG", arguments={"way": "gamg"}),
        snes(who="PETSc GMRES+BoomerAMG", arguments={"way": "boomeramg"}),
        snes(who="PETSc MUMPS", arguments={"way": "mumps"}, threads=True),
        peer(who="Newton, SciPy splu", module="benchmarks.peers.newton_splu", made="NewtonSplu"),
        peer(who="SciPy newton_krylov", module="benchmarks.peers.scipy_krylov", made="ScipyKrylov"),
        peer(
            who="KINSOL KLU",
            module="benchmarks.peers.kinsol",
            made="Kinsol",
            arguments={"band": False},
            missing=kinsol.MISSING,
        ),
        peer(who="knows the operator", module="benchmarks.peers.sine_transform", made="SineTransform"),
    )


def judge(n: int) -> Judge:
    """Return how answers are looked at: the reference by sine transforms, to rounding; unknown without a compiler."""
    if compiled_c.MISSING:
        return Judge(bratu(n).scaled_residual, np.full(n, np.nan))
    return Judge(bratu(n).scaled_residual, sine_transform.SineTransform("bratu", n).iterate(12))


def main() -> None:
    """Print a table a size, and the exponents."""
    arguments = parser(__doc__, SIZES).parse_args()
    heading(
        "Bratu on a square",
        *NOTES,
        "f and J of the peers are in C (PETSc's too, called through petsc4py), J's pattern and storage made once.",
        petsc.found().version or "PETSc: none",
        "Goal: the fastest at each size; exponents of at most 1.3 with factors, to 10⁵, and about 1 with Krylov.",
    )
    contest = Contest(chosen(participants(), arguments.peers), arguments.longest)
    for n in arguments.sizes:
        print(f"n = {n:,}\n")
        contest.round(n, {"name": "bratu", "n": n}, judge(n))
        print()
    contest.exponents()
    if contest.failed:
        raise SystemExit("\n".join(contest.failed))


if __name__ == "__main__":
    main()
