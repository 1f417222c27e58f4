"""A system: the text, what is known of it, and every question it answers."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.compiler.background import compile_later
from raphson_solver.engine import CancelFlag, JacobianMode, LinearSolver, Method
from raphson_solver.engine.aim import RUNNING
from raphson_solver.engine.entrance import WRONG_SIZE
from raphson_solver.errors import InputError, LimitError
from raphson_solver.interruption import Between, uninterrupted
from raphson_solver.language import Definition, FamilyInstance, Instance, from_text, written_out
from raphson_solver.limits import Limits
from raphson_solver.solution.asking import solve
from raphson_solver.solution.blocks import Blocks, find_blocks
from raphson_solver.solution.family_codes import FamilyCodes
from raphson_solver.solution.family_kernels import FamilyKernels
from raphson_solver.solution.identity import identity
from raphson_solver.solution.kernels import Kernels
from raphson_solver.solution.options import SolveOptions, WarmStart
from raphson_solver.solution.packing import as_numbers, check_finite, pack, unpack, vector
from raphson_solver.solution.prepared import Prepared
from raphson_solver.solution.progress import OnProgress
from raphson_solver.solution.region import BoundsLike, NominalLike, pack_bounds
from raphson_solver.solution.solution import Solution
from raphson_solver.sparse import choose
from raphson_solver.structure import block_triangular, matching

if TYPE_CHECKING:
    from raphson_solver.batch import BatchSolution
    from raphson_solver.continuation import Branch
    from raphson_solver.differential import Differential
    from raphson_solver.differential.written import Source
    from raphson_solver.explanation import Explanation, Structure
    from raphson_solver.proof import Certificate
    from raphson_solver.roots import Roots
    from raphson_solver.sensitivity import Sensitivity

_DEFAULT = SolveOptions()

_ARRAY = np.ndarray
_NOTHING = np.empty(0)
# Code for whole steps takes 0.02 to 0.3 s to make: about as long as so many solves took.
_PAYING_USES = 5_000
_COMPILING_USES = 2
# Sets of options whose memory is kept for the next solve.
_LARGEST_PREPARED = 16


class System:
    """f: Rⁿ → Rᵐ, ready to be solved, evaluated and differentiated. Safe to share between threads.

    Parameters
    ----------
    definition : Definition
        The text.
    limits : Limits
        How large it may be.
    compile_now : bool
        Whether to make machine code at once, or in the background when the system is used a second time.

    Attributes
    ----------
    id : str
        SHA-256 of the canonical graph, names and shapes, in hexadecimal.
    n, m : int
        Numbers of variables and of equations.
    variables, parameters : tuple of (name, shape)
        In the order of x; of the parameters, those that are part of the system included.
    structural : dict of str to ndarray
        Parameters whose whole-number values are part of the system.
    equation_names : sequence of str, length m
        Such as ``"equations[0] at i=3"``.
    free_parameters : tuple of (name, shape)
        Parameters in the order of p: those that are not part of the system.
    parameter_count : int
        Length of p.
    limits : Limits
        As given.
    family_codes : FamilyCodes or None
        The code of the system's families, if it is too large to be written out.
    """

    def __init__(self, definition: Definition, limits: Limits, *, compile_now: bool) -> None:
        instance = from_text(definition, limits)
        self.definition = definition
        self.id = identity(definition, instance)
        self.n = instance.n
        self.m = len(instance.equation_names)
        self.variables = definition.variables
        self.parameters = definition.parameters
        self.structural = instance.structural
        self.equation_names = instance.equation_names
        self.free_parameters = tuple(
            (name, shape) for name, shape in definition.parameters if name not in self.structural
        )
        self.parameter_count = instance.parameter_count
        self.limits = limits
        self.family_codes: FamilyCodes | None = None
        self._written = instance if isinstance(instance, Instance) else None
        self._writing = threading.Lock()
        self._compile_now = compile_now
        self._kernels: Kernels | None = None
        self._solved: Kernels | FamilyKernels
        if isinstance(instance, FamilyInstance):
            self.family_codes = FamilyCodes(instance.families, limits.entries, instance.parameter_count)
            self._solved = FamilyKernels(self.family_codes, instance.parameter_count)
        else:
            self._kernels = self._solved = Kernels(instance, compile_now=compile_now)
        self._prepared: dict[SolveOptions, Prepared] = {}
        self._last: tuple[SolveOptions | None, Prepared | None] = (None, None)
        # How often it was used, as long as that matters.
        self._uses = 0
        self._is_counting = self._kernels is not None

    # --- names and shapes -----------------------------------------------------------------------------------

    @property
    def kernels(self) -> Kernels:
        """What is compiled of it equation by equation, for the rooms that come after this one.

        Raises
        ------
        LimitError
            If it is too large to be written out.
        """
        if self._kernels is None:
            maximum, entries = self.limits.dense_entries, max(self.m, self.n) * self.n
            if entries > maximum:
                raise LimitError("equations", "dense_entries", entries, maximum, "entries of dense matrices")
            if max(self.m, self.n) > self.limits.equations:
                raise LimitError("equations", "equations", self.m, self.limits.equations, "equations to write out")
            with self._writing:
                if self._kernels is None:
                    self._written = written_out(self.definition, self.limits)
                    self._kernels = Kernels(self._written, compile_now=self._compile_now)
        return self._kernels

    @property
    def can_be_written_out(self) -> bool:
        """Whether it is small enough to be looked at equation by equation."""
        entries, equations = self.limits.dense_entries, self.limits.equations
        return max(self.m, self.n) * self.n <= entries and max(self.m, self.n) <= equations

    @property
    def has_equations(self) -> bool:
        """Whether there are equations to look at, and not code alone."""
        return True

    @property
    def has_analytic(self) -> bool:
        """Whether there is a Jacobian besides that of the equations: the caller's own."""
        return self.definition.jacobian is not None

    def derivative_mode(self, mode: JacobianMode) -> JacobianMode:
        """Return what a mode stands for: itself."""
        return mode

    def source(self, between: Between) -> Source | None:  # noqa: ARG002 - for systems that have one
        """Return where values and derivatives at many points come from, if not from equations."""
        return None

    @property
    def sparsity(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows and columns of the entries of J that may differ from zero, row by row."""
        return self._differential(JacobianMode.EXACT).pattern

    def pack_start(self, start: Mapping[str, Any]) -> NDArray[np.float64]:
        """Return x, shape (n,), from values by name; raises `InputError` for what is missing or does not fit."""
        return pack(start, self.variables, "start")

    def pack_parameters(self, parameters: Mapping[str, Any]) -> NDArray[np.float64]:
        """Return p from values by name; those that are part of the system may be left out."""
        self.check_structural(parameters)
        rest = {name: value for name, value in parameters.items() if name not in self.structural}
        return pack(rest, self.free_parameters, "parameters")

    def check_structural(self, parameters: Mapping[str, Any]) -> None:
        """Raise `InputError` for a parameter that is part of the system and given with another value."""
        for name, compiled in self.structural.items():
            if name not in parameters:
                continue
            given = as_numbers(parameters[name], f"parameters.{name}")
            if not np.array_equal(given, compiled):
                raise InputError(
                    f"parameters.{name}",
                    f"'{name}' is used in a range or as an index, so its value belongs to the compiled system "
                    f"({_short(compiled)}); compile another system for {_short(np.asarray(parameters[name]))}",
                )

    def unpack(self, x: NDArray[np.float64]) -> dict[str, float | NDArray[np.float64]]:
        """Return the variables by name: a float for a scalar, else an array of its shape."""
        return unpack(x, self.variables)

    # --- solving --------------------------------------------------------------------------------------------

    def solve(
        self,
        x: ArrayLike | Mapping[str, Any],
        p: ArrayLike | Mapping[str, Any] | None = None,
        options: SolveOptions = _DEFAULT,
        cancel: CancelFlag | None = None,
        *,
        bounds: BoundsLike | None = None,
        nominal: NominalLike | None = None,
        nominal_residual: ArrayLike | None = None,
        trace: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Solution:
        """Find x with f(x) = 0; with more equations than variables, where the sum of squares is least.

        Parameters
        ----------
        x : array of shape (n,), or mapping of names to values
            Where to begin.
        p : array, or mapping of names to values, optional
            The parameters.
        options : SolveOptions
            How.
        cancel : CancelFlag, optional
            Set it from another thread to stop the iteration.
        bounds : mapping of names to pairs (lower, upper), or two arrays of shape (n,), optional
            f is never evaluated outside. A side is a number, an array of the variable's shape, or None.
        nominal : mapping of names to sizes, or array of shape (n,), optional
            How large each variable is, about, in its unit; else its size at the start counts.
        nominal_residual : array of shape (m,), optional
            How large each residual is, about, in its equation's unit: what the steps weigh them by, and, with more
            equations than variables, the sum of squares. Whether a point is a root does not depend on it.
        trace : bool
            Whether to keep every step in ``solution.trace``.
        on_progress : callable, optional
            Is told a `Progress` of the first iteration, of the last, and of those between about every 0.1 s. What it
            raises ends the solve and comes out of it.

        Returns
        -------
        Solution
            Whether or not it converged; its status says which.

        Raises
        ------
        InputError
            When the start, the parameters, the bounds or the sizes do not fit, or the method needs m = n.
        """
        # Comparing identities first: hashing the options costs as much as a step of the iteration.
        last, prepared = self._last
        if last is not options:
            prepared = self.prepare(options)
        assert prepared is not None
        if self._is_counting:
            self._use()
        if (
            type(x) is _ARRAY
            and (p is None or type(p) is _ARRAY)
            and cancel is None
            and bounds is None
            and nominal is None
            and nominal_residual is None
            and not trace
            and on_progress is None
            and options.timeout_seconds is None
            and prepared.is_small
        ):
            # The shortest way, for two vectors and nothing else; what is not so simple begins anew.
            idle = prepared.idle
            try:
                memory = idle.pop()
            except IndexError:
                memory = prepared.memory()
            try:
                status = prepared.enter(memory.address, x, _NOTHING if p is None else p)
            except TypeError:
                status = WRONG_SIZE
            if status > RUNNING:
                solution = Solution(self, memory.answer.copy(), status)
                idle.append(memory)
                return solution
        region = None if bounds is None else pack_bounds(bounds, self.variables, self.n)
        return solve(
            self,
            prepared,
            x,
            p,
            options,
            cancel,
            region,
            nominal,
            nominal_residual,
            trace=trace,
            on_progress=on_progress,
        )

    def solve_batch(
        self,
        x: ArrayLike | Mapping[str, Any],
        p: ArrayLike | Mapping[str, Any] | None = None,
        options: SolveOptions = _DEFAULT,
        *,
        threads: int | None = None,
        between: Between = uninterrupted,
        cancel: CancelFlag | None = None,
        warm_start: WarmStart | None = None,
    ) -> BatchSolution:
        """Solve many members, each with its own start and parameters; as `solve` does, one by one, but faster.

        Members go through undamped Newton in the lanes of vector registers, by an elimination made for the pattern of
        J. Those that are not decided there are solved alone, from their start, by all that `solve` has. The order of
        pivots is chosen once, from members of the first batch of 64 or more; after that what a member gives in such a
        batch depends neither on the others nor on the threads. Smaller batches are solved one by one. Where J is sparse
        and its factors thin, eight go side by side in batches of eight or more, with the bits of single solves.

        Parameters
        ----------
        x : array of shape (B, n) or (n,), or mapping of names to arrays of shape (B, *shape) or shape
            Where to begin.
        p : array of shape (B, k) or (k,), or mapping, optional
            The parameters; a name without the batch's dimension holds for all.
        options : SolveOptions
            Of each member.
        threads : int, optional
            How many work at once. Default: one a core.
        between : callable, optional
            Called every few milliseconds; what it raises ends the work.
        cancel : CancelFlag, optional
            Set it from another thread to stop; members not solved by then have that status. An error sets it too.
        warm_start : WarmStart, optional
            Begin most members at the roots of others, which are solved before them: fewer steps, for members that are
            slow to solve or only from nearby; small systems lose more by fetching roots than they gain. A member that
            this leads to no root is solved from its own start. Which of several roots is found may then depend on the
            others. Default: none.

        Returns
        -------
        BatchSolution
            Points, statuses, residuals and iterations, a row a member.

        Raises
        ------
        InputError
            When the starts or the parameters do not fit.
        """
        from raphson_solver.batch import solve_batch  # noqa: PLC0415

        return solve_batch(self, x, p, options, threads, between, cancel, warm_start)

    def settle_batches(
        self,
        x: ArrayLike | Mapping[str, Any],
        p: ArrayLike | Mapping[str, Any] | None = None,
        *,
        in_lanes: bool = True,
    ) -> None:
        """Decide now what batches to come would decide by themselves, when code of their own first pays.

        After that what a member gives depends on nothing but its start, its parameters and the options, in whatever
        process, batch or order it is solved, on processors whose vector registers have the same width. What is decided
        stays; to decide again does nothing.

        Parameters
        ----------
        x, p
            Some members, as for `solve_batch`: eight of them choose the order of pivots.
        in_lanes : bool
            Whether batches of 64 members and more are to go through the lanes. If so, code for these is made now, in
            0.05 to 1 s; where J is at none of these members finite and regular there is none. Else the engine has all.

        Raises
        ------
        InputError
            When the starts or the parameters do not fit.
        """
        from raphson_solver.batch import settle_batches  # noqa: PLC0415

        settle_batches(self, x, p, in_lanes=in_lanes)

    # --- evaluating: more, and at many points, in the room of the differential --------------------------------

    def residual(
        self, x: ArrayLike | Mapping[str, Any], p: ArrayLike | Mapping[str, Any] | None = None
    ) -> NDArray[np.float64]:
        """Return f(x), shape (m,)."""
        point = self.point(x, p)
        self._use()
        return self._solved.residual(*point)

    def jacobian(
        self,
        x: ArrayLike | Mapping[str, Any],
        p: ArrayLike | Mapping[str, Any] | None = None,
        mode: JacobianMode = JacobianMode.EXACT,
    ) -> NDArray[np.float64]:
        """Return J, shape (m, n): a row when m = 1, a column when n = 1."""
        point = self.point(x, p)
        return self._differential(mode).matrix(*point)

    def jvp(
        self,
        x: ArrayLike | Mapping[str, Any],
        v: ArrayLike,
        p: ArrayLike | Mapping[str, Any] | None = None,
        mode: JacobianMode = JacobianMode.EXACT,
    ) -> NDArray[np.float64]:
        """Return J·v, shape (m,), for v of shape (n,)."""
        at, given = self.point(x, p)
        return self._differential(mode).jvp(at, vector(v, self.n, "v", "a number a variable"), given)

    def vjp(
        self,
        x: ArrayLike | Mapping[str, Any],
        w: ArrayLike,
        p: ArrayLike | Mapping[str, Any] | None = None,
        mode: JacobianMode = JacobianMode.EXACT,
    ) -> NDArray[np.float64]:
        """Return wᵀ·J, shape (n,), for w of shape (m,)."""
        at, given = self.point(x, p)
        return self._differential(mode).vjp(at, vector(w, self.m, "w", "a number an equation"), given)

    def determinant(
        self,
        x: ArrayLike | Mapping[str, Any],
        p: ArrayLike | Mapping[str, Any] | None = None,
        mode: JacobianMode = JacobianMode.EXACT,
    ) -> tuple[float, float]:
        """Return sign and log|det J|: det J = sign · exp(log)."""
        if self.m != self.n:
            raise InputError("determinant", f"a determinant needs a square Jacobian; this one is {self.m}×{self.n}")
        from raphson_solver.differential import determinant  # noqa: PLC0415

        found = determinant(self.jacobian(x, p, mode))
        return float(found.sign), float(found.log_abs)

    # --- evidence: rooms that come after this one, entered when asked for -------------------------------------

    def explain(
        self,
        x: ArrayLike | Mapping[str, Any] | None = None,
        p: ArrayLike | Mapping[str, Any] | None = None,
        *,
        bounds: BoundsLike | None = None,
    ) -> Explanation | Structure:
        """Say what is wrong: by the pattern of J alone, or, with a point, also by what f and J are there.

        Parameters
        ----------
        x : array of shape (n,), or mapping of names to values, optional
            Where an iteration ended, or is to begin.
        p : array, or mapping of names to values, optional
            The parameters.
        bounds : optional
            As for `solve`: variables at them are named.

        Returns
        -------
        Explanation or, without a point, Structure
            Prints in sentences, the most telling first.
        """
        from raphson_solver.solution.evidence import explain  # noqa: PLC0415

        region = None if bounds is None else pack_bounds(bounds, self.variables, self.n)
        return explain(self, x, p, region)

    def certify(self, x: ArrayLike | Mapping[str, Any], p: ArrayLike | Mapping[str, Any] | None = None) -> Certificate:
        """Prove, in rigorous arithmetic, that a box around x holds exactly one root, or say why that fails."""
        from raphson_solver.solution.evidence import certify  # noqa: PLC0415

        return certify(self, x, p)

    def sensitivity(
        self,
        x: ArrayLike | Mapping[str, Any],
        p: ArrayLike | Mapping[str, Any] | None = None,
        mode: JacobianMode = JacobianMode.EXACT,
    ) -> Sensitivity:
        """Return dx/dp at a root, by the implicit function theorem: forward, adjoint, and covariances, from one LU."""
        from raphson_solver.sensitivity import Sensitivity  # noqa: PLC0415

        return Sensitivity(self, x, p, mode)

    def find_all(
        self, lower: ArrayLike, upper: ArrayLike, p: ArrayLike | Mapping[str, Any] | None = None, **how: Any
    ) -> Roots:
        """Look for every root between two corners of shape (n,); `raphson_solver.roots.find_all` says how."""
        from raphson_solver.roots import find_all  # noqa: PLC0415

        return find_all(self, lower, upper, p, **how)

    def follow(
        self,
        x: ArrayLike | Mapping[str, Any],
        parameter: str,
        p: ArrayLike | Mapping[str, Any] | None = None,
        **how: Any,
    ) -> Branch:
        """Follow a root while one parameter changes; `raphson_solver.continuation.follow` says how."""
        from raphson_solver.continuation import follow  # noqa: PLC0415

        return follow(self, x, parameter, p, **how)

    def compile(self, *, whole_steps: bool = False) -> None:
        """Make machine code of what is used, now: what use brings in the background by itself, all in all.

        Parameters
        ----------
        whole_steps : bool
            Whether to make code for whole steps of Newton's method too, where the system is small: it takes 0.02 to
            0.3 s, and small solves then less than half the time, with the same results to the last bit. For a system
            in use it is made in the background by itself.
        """
        if isinstance(self._solved, FamilyKernels):
            self._solved.compile()
        if self._kernels is not None:
            if whole_steps:
                self._kernels.straighten()
            else:
                self._kernels.compile()
        for prepared in list(self._prepared.values()):
            prepared.refresh()

    # --- inside ---------------------------------------------------------------------------------------------

    def _differential(self, mode: JacobianMode) -> Differential:
        from raphson_solver.differential import Differential  # noqa: PLC0415

        self._use()
        return Differential(self, mode)

    def _use(self, times: int = 1) -> None:
        """Count uses: from the second on it is worth compiling, and later code for whole steps."""
        if self._kernels is None:
            return
        before = self._uses
        self._uses += times
        if before < _COMPILING_USES <= self._uses and not self._kernels.compile_now:
            compile_later(self, System.compile)
        if before < _PAYING_USES <= self._uses:
            self._is_counting = False
            compile_later(self, _compile_steps)

    def point(
        self, x: ArrayLike | Mapping[str, Any], p: ArrayLike | Mapping[str, Any] | None, field: str = "at"
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x, shape (n,), and p as vectors; raises `InputError` for what does not fit or is not finite."""
        point, given = self._start(x, field), self._given(p)
        check_finite(point, field)
        check_finite(given, "parameters")
        return point, given

    def _start(self, x: ArrayLike | Mapping[str, Any], field: str) -> NDArray[np.float64]:
        if isinstance(x, Mapping):
            return pack(x, self.variables, field)
        return vector(x, self.n, field, "a number a variable")

    def _given(self, p: ArrayLike | Mapping[str, Any] | None) -> NDArray[np.float64]:
        if p is None or isinstance(p, Mapping):
            return self.pack_parameters(p or {})
        return vector(p, self.parameter_count, "parameters", "a number a parameter")

    def _blocks(self, options: SolveOptions) -> Blocks | None:
        """Return the blocks that a solve goes through first, if it does."""
        if options.method is not Method.AUTO or options.whole or self.m != self.n or self.n == 1:
            return None
        if self._written is None:
            return None
        instance = self._written
        return self.kernels.once("blocks", lambda: find_blocks(instance, self.kernels))

    def solves_densely(self, options: SolveOptions = _DEFAULT) -> bool:
        """Return whether a solve has dense matrices, of n×n and of least squares."""
        if options.linear_solver is LinearSolver.DENSE:
            return True
        kernels, mode = self._solved_by(options), options.jacobian
        if isinstance(kernels, Kernels) and not (mode is JacobianMode.ANALYTIC and kernels.has_analytic):
            # Of the same pattern; whether there is such a Jacobian is asked when it is solved.
            mode = JacobianMode.EXACT
        entries = kernels.pattern(mode).rows.size
        limit = self.limits.dense_entries
        return choose(entries, self.m, self.n, options.linear_solver, limit) is LinearSolver.DENSE

    def _solved_by(self, options: SolveOptions) -> Kernels | FamilyKernels:
        """Return the kernels that a solve calls: those of families, unless these lack what it asks for."""
        if self._kernels is self._solved or not self.can_be_written_out:
            return self._solved
        if options.jacobian is not JacobianMode.EXACT or self._falls_apart(options):
            return self.kernels
        return self._solved

    def _falls_apart(self, options: SolveOptions) -> bool:
        """Return whether a solve goes block by block, and no block is most of the system."""
        if options.method is not Method.AUTO or options.whole or self.m != self.n:
            return False
        solved, n = self._solved, self.n

        def find() -> bool:
            pattern = solved.pattern(JacobianMode.EXACT)
            try:
                parts = block_triangular(pattern.rows, pattern.columns, n)
            except ValueError:
                return False
            return max(part.variables.size for part in parts) <= n // 2

        return solved.once("falls apart", find)

    def _check_structure(self) -> None:
        """Raise `InputError` if J is singular whatever its values are: iterating would take long to say less."""
        solved = self._solved

        def rank() -> int:
            pattern = solved.pattern(JacobianMode.EXACT)
            return int(np.count_nonzero(matching(pattern.rows, pattern.columns, self.m, self.n) >= 0))

        if self.m == self.n and solved.once("structural rank", rank) < self.n:
            raise InputError(
                "equations",
                f"the Jacobian is singular whatever its values are: {'; '.join(self.explain().lines())}; expected an "
                "equation for each variable; where only few are missing, linear_solver 'dense' looks for a "
                "least-squares point all the same",
            )

    def prepare(self, options: SolveOptions) -> Prepared:
        """Return what solves with these options need."""
        # Every call may have another timeout; memory prepared for one serves all.
        key = replace(options, timeout_seconds=None)
        prepared = self._prepared.get(key)
        if prepared is not None:
            self._last = (options, prepared)
            return prepared
        kernels = self._solved_by(options)
        blocks = self._blocks(options) if isinstance(kernels, Kernels) else None
        if blocks is not None and self.kernels.straight is not None and blocks.kernels[0].straight is None:
            compile_later(self, _compile_steps)
        prepared = Prepared(kernels, options, self.limits.dense_entries, blocks)
        if prepared.is_sparse:
            self._check_structure()
        if len(self._prepared) >= _LARGEST_PREPARED:
            self._prepared.clear()
        self._prepared[key] = prepared
        self._last = (options, prepared)
        return prepared


def _compile_steps(system: System) -> None:
    system.compile(whole_steps=True)


def _short(values: NDArray[Any]) -> str:
    return np.array2string(values, threshold=6, edgeitems=2)
