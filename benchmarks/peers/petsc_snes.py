"""PETSc's SNES, Newton without line search, on f and J in C; its linear solvers as users choose them.

Runs in the Python that has petsc4py, Debian's own (`python3-petsc4py-real`), not in this environment's. J's entries are
written in place into the arrays that PETSc's matrix is made of; the callbacks from Python cost microseconds.
"""

from __future__ import annotations

import sys

import numpy as np
import petsc4py

petsc4py.init([sys.argv[0]])

from petsc4py import PETSc  # noqa: E402 - PETSc starts with the options that it is given

from benchmarks.peers.c_systems import CSystem  # noqa: E402

# To 1e-5 of the right side a step, as PETSc does unless told: of 1e-1 … 1e-6 what takes least time to this tolerance.
_KRYLOV = {"ksp_type": "gmres", "ksp_rtol": "1e-5"}
OPTIONS = {
    "gamg": {**_KRYLOV, "pc_type": "gamg"},
    # Made in the first step of each solve: half the time of one a step.
    "boomeramg": {
        **_KRYLOV,
        "pc_type": "hypre",
        "pc_hypre_type": "boomeramg",
        "snes_lag_preconditioner": "100",
    },
    "mumps": {"ksp_type": "preonly", "pc_type": "lu", "pc_factor_mat_solver_type": "mumps"},
}


class PetscSnes:
    """SNES for one system.

    Parameters
    ----------
    name : str
        Of the system.
    n : int
        Unknowns.
    way : str
        Key of `OPTIONS`.
    """

    def __init__(self, name: str, n: int, way: str) -> None:
        self._system = system = CSystem(name, n)
        options = PETSc.Options()
        for key, value in OPTIONS[way].items():
            options[key] = value
        self._matrix = PETSc.Mat().createAIJWithArrays(
            (n, n), (system.starts, system.columns, system.values), comm=PETSc.COMM_SELF
        )
        self._x, f = self._matrix.createVecs()
        self._snes = snes = PETSc.SNES().create(comm=PETSc.COMM_SELF)
        snes.setType("newtonls")
        snes.setFunction(self._residual, f)
        snes.setJacobian(self._jacobian, self._matrix)
        snes.setConvergenceTest(self._solved)
        options["snes_linesearch_type"] = "basic"
        snes.setFromOptions()

    def solve(self) -> tuple[np.ndarray, int]:
        """Return x and the number of iterations."""
        self._x.setArray(self._system.start())
        self._snes.solve(None, self._x)
        if self._snes.getConvergedReason() <= 0:
            raise RuntimeError(f"SNES ended with {self._snes.getConvergedReason()}")
        return self._x.getArray().copy(), self._snes.getIterationNumber()

    @property
    def linear(self) -> str:
        """How linear systems were solved."""
        solver = self._snes.getKSP()
        kind, pc = solver.getType(), solver.getPC()
        if kind == "preonly":
            return f"{pc.getFactorSolverType()}'s factors"
        return f"{kind}, {self._snes.getLinearSolveIterations()} steps, {pc.getType()}"

    def _residual(self, _: PETSc.SNES, x: PETSc.Vec, f: PETSc.Vec) -> None:
        self._system.residual(x.getArray(readonly=True), f.getArray())

    def _jacobian(self, _: PETSc.SNES, x: PETSc.Vec, _matrix: PETSc.Mat, used: PETSc.Mat) -> None:
        self._system.jacobian(x.getArray(readonly=True))
        used.stateIncrease()
        used.assemble()

    def _solved(self, snes: PETSc.SNES, iteration: int, _: tuple[float, float, float]) -> int:
        if iteration == 0:
            return 0
        x, step, f = snes.getSolution(), snes.getSolutionUpdate(), snes.getFunction()[0]
        arrays = (each.getArray(readonly=True) for each in (x, f, step))
        return int(PETSc.SNES.ConvergedReason.CONVERGED_FNORM_ABS) if self._system.solved(*arrays) else 0
