"""What the engine calls of a system that stays in families: f, and f with the sizes of its terms and J."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.family_code import Job
from raphson_solver.compiler.family_kernel import FamilyKernel
from raphson_solver.compiler.members import Target
from raphson_solver.engine.layout import LANES, Pattern
from raphson_solver.engine.status import JacobianMode
from raphson_solver.errors import InputError
from raphson_solver.expression.family import Buffer, Places
from raphson_solver.solution.family_codes import FamilyCodes

Made = TypeVar("Made")

_IN_ORDER = Places(0, 1)


class FamilyKernels:
    """The kernels of families, each made when first asked for; what `Kernels` is to what is written out.

    Parameters
    ----------
    codes : FamilyCodes
        Of the system.
    parameter_count : int
        Length of p.

    Attributes
    ----------
    m, n : int
        Extents of the Jacobian.
    parameter_count : int
        As given.
    has_analytic : bool
        Whether the caller gave a Jacobian: not for families.
    straight : None
        There is no code for whole steps.
    """

    has_analytic = False
    straight = None

    def __init__(self, codes: FamilyCodes, parameter_count: int) -> None:
        self._codes = codes
        self.m, self.n, self.parameter_count = codes.families.m, codes.families.n, parameter_count

    @property
    def residual(self) -> FamilyKernel:
        """F."""

        def make() -> FamilyKernel:
            families = self._codes.families
            jobs = [Job((each.node,), (Target(Buffer.OUT, _IN_ORDER),), each.count) for each in families.sums]
            jobs += [Job((each.node,), (Target(Buffer.OUT, each.places),), each.count) for each in families.equations]
            return FamilyKernel(families, jobs)

        return self._codes.once("residual kernel", make)

    def evaluate(self, mode: JacobianMode) -> FamilyKernel:
        """Return f, then the size of the terms in each equation, then the entries of J."""
        self._check(mode)
        return self._codes.once("evaluate kernel", lambda: self._evaluating(1))

    @property
    def evaluate_beside(self) -> FamilyKernel:
        """The same for `layout.LANES` points side by side."""
        return self._codes.once("evaluate kernel beside", lambda: self._evaluating(LANES))

    def _evaluating(self, points: int) -> FamilyKernel:
        codes, families = self._codes, self._codes.families
        code, pattern = codes.entries
        jobs = []
        for number, (sizes, slopes) in enumerate(zip(codes.sizes.jobs, code.jobs, strict=True)):
            targets = tuple(Target(Buffer.SLOPES, each.places) for each in slopes.targets)
            assert number < len(families.sums) or sizes.targets[0].buffer is Buffer.OUT
            jobs.append(Job((*sizes.outputs, *slopes.outputs), (*sizes.targets, *targets), sizes.count))
        entries, slope_count, products = pattern.rows.size, pattern.slope_count, pattern.products()
        return FamilyKernel(families, jobs, entries, slope_count, products, points=points)

    def compile(self) -> None:
        """Make the code of solves tight now."""
        for each in (self.residual, self.evaluate(JacobianMode.EXACT)):
            each.compile()

    def pattern(self, mode: JacobianMode) -> Pattern:
        """Return where J may differ from zero."""
        self._check(mode)
        pattern = self._codes.entries[1]
        return Pattern(pattern.rows, pattern.columns, self.m, self.n)

    def packed(self, mode: JacobianMode) -> NDArray[np.int64]:
        """Return the pattern as the engine reads it."""
        return self._codes.once("packed", lambda: self.pattern(mode).packed())

    @property
    def first_order(self) -> NDArray[np.int64]:
        """The order in which rows are eliminated at first where matrices are dense: as they come."""
        return self._codes.once("first order", lambda: np.arange(self.n))

    @property
    def effect(self) -> FamilyKernel:
        """For the modes whose J may be wrong: not for families."""
        raise NotImplementedError

    def once(self, key: str, make: Callable[[], Made]) -> Made:
        """Return what was made under a name, making it the first time, whichever thread comes first."""
        return self._codes.once(key, make)

    @staticmethod
    def _check(mode: JacobianMode) -> None:
        if mode is not JacobianMode.EXACT:
            raise InputError(
                "options.jacobian", f"{mode.name.lower()} is not for systems that stay in families; expected exact"
            )
