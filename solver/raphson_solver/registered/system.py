"""A registered function as a system: solved by the engine, differentiated by its own Jacobian or differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

from numpy.typing import ArrayLike

from raphson_solver.engine import CancelFlag, JacobianMode, layout
from raphson_solver.errors import InputError
from raphson_solver.interruption import Between
from raphson_solver.language import Definition
from raphson_solver.limits import Limits
from raphson_solver.registered.kernels import NumbaKernels
from raphson_solver.registered.registration import Registration
from raphson_solver.registered.source import NumbaSource
from raphson_solver.solution.kernels import Kernels
from raphson_solver.solution.options import SolveOptions
from raphson_solver.solution.prepared import Prepared
from raphson_solver.solution.solution import Solution
from raphson_solver.solution.system import System

if TYPE_CHECKING:
    from raphson_solver.solution.blocks import Blocks

_DEFAULT = SolveOptions()


class RegisteredSystem(System):
    """A system without equations: what needs them is refused.

    Parameters
    ----------
    registration : Registration
        Names, shapes and words.
    kernels : NumbaKernels
        The code.

    Attributes
    ----------
    registration : Registration
        As given. What a `System` has besides is here too; `id` is empty, since nobody else can make it again.
    """

    _meant: tuple[SolveOptions | None, SolveOptions]

    def __init__(self, registration: Registration, kernels: NumbaKernels) -> None:
        self.registration = registration
        self.definition = Definition((), registration.variables, registration.parameters)
        self.id = ""
        self.n, self.m = kernels.n, kernels.m
        self.variables, self.parameters = registration.variables, registration.parameters
        self.structural = {}
        self.equation_names = tuple(f"{registration.name}[{i}]" for i in range(kernels.m))
        self.free_parameters = registration.parameters
        self.parameter_count = kernels.parameter_count
        self.limits = Limits()
        self.family_codes = None
        # Of the same shape, as far as the engine looks.
        self._kernels = self._solved = cast("Kernels", kernels)
        self._numba_kernels = kernels
        self._prepared = {}
        # The options of the last solve, and what they stand for: making new ones costs more than a step.
        self._meant = (None, _DEFAULT)
        self._last = (None, None)
        self._uses, self._is_counting = 0, False

    @property
    def has_analytic(self) -> bool:
        """Whether the function has a Jacobian of its own."""
        return self._numba_kernels.has_analytic

    @property
    def has_equations(self) -> bool:
        """Whether there are equations to look at: no."""
        return False

    def derivative_mode(self, mode: JacobianMode) -> JacobianMode:
        """Return what a mode stands for: exact, the default, for the function's Jacobian, else central differences.

        Raises
        ------
        InputError
            For a complex step, which needs equations.
        """
        if mode is JacobianMode.COMPLEX_STEP:
            raise InputError("mode", self._without("a complex step"))
        if mode is not JacobianMode.EXACT:
            return mode
        return JacobianMode.ANALYTIC if self.has_analytic else JacobianMode.CENTRAL

    def source(self, between: Between) -> NumbaSource:
        """Return values and derivatives at many points."""
        return NumbaSource(self._numba_kernels, between)

    def solve(
        self,
        x: ArrayLike | Mapping[str, Any],
        p: ArrayLike | Mapping[str, Any] | None = None,
        options: SolveOptions = _DEFAULT,
        cancel: CancelFlag | None = None,
        **more: Any,
    ) -> Solution:
        """Do as `System.solve`; exact, the default mode, stands for the function's Jacobian or forward differences."""
        if options.jacobian is JacobianMode.EXACT:
            asked, meant = self._meant
            if asked is not options:
                mode = JacobianMode.ANALYTIC if self.has_analytic else JacobianMode.FORWARD
                meant = replace(options, jacobian=mode)
                self._meant = options, meant
            options = meant
        return super().solve(x, p, options, cancel, **more)

    def prepare(self, options: SolveOptions) -> Prepared:
        """Return what solves with these options need."""
        key = replace(options, timeout_seconds=None)
        prepared = self._prepared.get(key)
        if prepared is None:
            prepared = self._prepared[key] = _Prepared(
                cast("Kernels", self._numba_kernels), options, self.limits.dense_entries
            )
        self._last = (options, prepared)
        return prepared

    def _blocks(self, options: SolveOptions) -> Blocks | None:  # noqa: ARG002 - there are none
        return None

    # --- what needs equations -------------------------------------------------------------------------------

    def explain(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        self._refuse("an explanation")

    def certify(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        self._refuse("a certificate")

    def sensitivity(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        self._refuse("dx/dp")

    def find_all(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        self._refuse("a search for all roots")

    def follow(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        self._refuse("following a branch")

    def settle_batches(self, *_: Any, **__: Any) -> None:
        """Do nothing: members go through the engine."""

    def _refuse(self, what: str) -> NoReturn:
        raise InputError("system", self._without(what))

    def _without(self, what: str) -> str:
        return f"{what} needs equations, and '{self.registration.name}' is a registered function; send it as text"


class _Prepared(Prepared):
    """Memory in which `effect` finds the J that the engine has."""

    def memory(self) -> layout.Memory:
        memory = super().memory()
        memory.plan[layout.EFFECT_PROGRAM] = memory.address
        return memory
