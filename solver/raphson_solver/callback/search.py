"""The search for a root of a black box: a state machine that asks, is answered, and asks again.

Powell's hybrid method as in MINPACK (Moré, Garbow & Hillstrom 1980): J by differences once, then corrected by the
secant of each step (Broyden 1965), asked anew where two steps in a row have failed or progress is slow; each step the
dogleg of `step`. Where that ends elsewhere than at a root, `auto` goes on with undamped Newton from the same start, and
then from others, within the limit of evaluations.
"""

from __future__ import annotations

import math
from dataclasses import replace
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from raphson_solver.callback.convergence import noise_points, noise_scale, smooth_nearby
from raphson_solver.callback.differences import Differences
from raphson_solver.callback.place import Place
from raphson_solver.callback.problem import CallbackProblem
from raphson_solver.callback.question import Question
from raphson_solver.callback.radius import Radius
from raphson_solver.callback.result import CallbackSolution
from raphson_solver.callback.starts import another_start
from raphson_solver.callback.step import Step
from raphson_solver.engine.status import JacobianMode, Method, Status

Array = NDArray[np.float64]

_EPSILON = 2.0**-52
_NEWTON_STEPS = 100
_ATTEMPTS = 12
# Points nearby at which terms may cancel in some equation, before J is asked instead.
_LOOKS = 3
# How often a start outside the domain of f is moved.
_MOVED_STARTS = 5


class _Phase(Enum):
    """What the open question is for."""

    START = auto()
    SLOPES = auto()
    TRIAL = auto()
    SCALE = auto()
    NEARBY = auto()
    NOISE = auto()


class Search:
    """One search; plain data between two answers.

    Parameters
    ----------
    problem : CallbackProblem

    Attributes
    ----------
    question : Question or None
        What is asked; None once it has ended.
    iterations, evaluations, jacobian_evaluations : int
        Steps tried, points answered, Jacobians.
    """

    def __init__(self, problem: CallbackProblem) -> None:
        self.problem = problem
        self.question: Question | None = None
        self.iterations = self.evaluations = self.jacobian_evaluations = 0
        self._result: CallbackSolution | None = None
        self._best: CallbackSolution | None = None
        self._least = math.inf
        self._m: int | None = None
        self._number = 0
        self._phase = _Phase.START
        # Of the attempt under way.
        self._attempt = -1
        self._first: Array | None = None
        self._moved = 0
        self._place: Place | None = None
        self._radius = Radius()
        self._steps = 0
        self._step: Step | None = None
        self._differences: Differences | None = None
        self._unheard: NDArray[np.bool_] = np.ones(0, bool)
        self._looks = 0
        self._next_attempt()

    @property
    def result(self) -> CallbackSolution:
        """How it ended; there only when nothing is asked any more."""
        assert self._result is not None
        return self._result

    def answer(self, values: Array) -> None:
        """Take the values of f, or J, that were asked; then there is another question, or a result.

        Raises
        ------
        InputError
            If they have not the shape that was asked for; the question stays.
        """
        question = self.question
        assert question is not None
        values = question.read(values)
        self.question = None
        if not question.wants_jacobian:
            self._m = values.shape[1]
            self.evaluations += len(values)
        with np.errstate(all="ignore"):
            match self._phase:
                case _Phase.START:
                    self._take_start(question.points[0], values[0])
                case _Phase.SLOPES:
                    self._take_slopes(values, exact=question.wants_jacobian)
                case _Phase.TRIAL:
                    self._take_trial(question.points[0], values[0])
                case _Phase.SCALE:
                    self._take_scale(question.points[0], values[0])
                case _Phase.NEARBY:
                    self._take_nearby(question.points, values)
                case _Phase.NOISE:
                    self._take_noise(question.points, values)

    def limit_block(self, most: int) -> None:
        """Ask for no more points at a time from now on."""
        if most < self.problem.largest_block:
            self.problem = replace(self.problem, largest_block=most)

    def stop(self, status: Status) -> None:
        """End it now, with the best point so far: time is up, or nobody answers any more."""
        self._keep(status)
        self._conclude(status)

    # --- asking ---------------------------------------------------------------------------------------------

    def _ask(self, phase: _Phase, points: Array, *, wants_jacobian: bool = False) -> None:
        """Ask, unless that would be more than is allowed."""
        spent = 0 if wants_jacobian else len(points)
        if self.evaluations + spent > self.problem.max_evaluations and self.evaluations:
            self.stop(Status.EVALUATION_LIMIT)
            return
        self._phase = phase
        self._number += 1
        self.question = Question(self._number, self.problem.inside(points), wants_jacobian, self._m)

    def _ask_slopes(self) -> None:
        """Ask for J here."""
        self.jacobian_evaluations += 1
        if self.problem.mode is JacobianMode.ANALYTIC:
            self._ask(_Phase.SLOPES, self._here.x[None], wants_jacobian=True)
            return
        self._differences = Differences.begin(self.problem, self._here.x, self._here.f, self._here.largest)
        if len(self._differences.places):
            self._ask(_Phase.SLOPES, self._differences.block(self.problem.largest_block))
        else:
            # No variable can move.
            self._take_jacobian(self._differences.jacobian(None))

    # --- attempts -------------------------------------------------------------------------------------------

    @property
    def _here(self) -> Place:
        assert self._place is not None
        return self._place

    @property
    def _is_undamped(self) -> bool:
        return self.problem.options.method is Method.NEWTON or self._attempt == 1

    @property
    def _method(self) -> Method:
        return Method.NEWTON if self._is_undamped else Method.TRUST_REGION

    def _next_attempt(self) -> None:
        """Begin the next attempt: the first two from the caller's start, the others elsewhere."""
        self._attempt += 1
        self._place = None
        self._radius = Radius()
        self._steps = self._moved = 0
        if self._attempt == 1 and self._first is not None:
            self._begin(self.problem.start, self._first)
            return
        start = self.problem.start if self._attempt <= 1 else another_start(self.problem, self._attempt - 1)
        self._ask(_Phase.START, start[None])

    def _take_start(self, x: Array, f: Array) -> None:
        if np.all(np.isfinite(f)):
            if self._attempt == 0 and not self._moved:
                self._first = f
            self._begin(x, f)
            return
        if self._best is None:
            self._best = self._solution(Status.DOMAIN_ERROR, x, f, np.zeros(f.size), None)
        self._moved += 1
        if self.problem.options.method is Method.AUTO and self._moved <= _MOVED_STARTS:
            # Towards zero, as the engine does: a half, a quarter, a sixteenth, each the last's square.
            x = self.problem.start * 0.5 ** (2.0 ** (self._moved - 1))
            self._ask(_Phase.START, x[None])
        else:
            self._end_attempt(Status.DOMAIN_ERROR)

    def _begin(self, x: Array, f: Array) -> None:
        self._place = Place.begin(self.problem, x, f)
        self._ask_slopes()

    def _end_attempt(self, status: Status) -> None:
        """Go on with the next attempt, or end."""
        self._keep(status)
        assert self._best is not None
        options = self.problem.options
        # A least-squares point is what was asked for.
        more = options.method is Method.AUTO and self._attempt + 1 < _ATTEMPTS
        if more and self._best.status is not Status.LEAST_SQUARES and self.iterations < options.max_iterations:
            self._next_attempt()
        else:
            self._conclude(self._best.status)

    # --- the Jacobian ---------------------------------------------------------------------------------------

    def _take_slopes(self, values: Array, *, exact: bool) -> None:
        if exact:
            self._take_jacobian(values)
            return
        differences = self._differences
        assert differences is not None
        if not differences.take(values) or differences.other_side(self.problem):
            self._ask(_Phase.SLOPES, differences.block(self.problem.largest_block))
            return
        self._differences = None
        self._take_jacobian(differences.jacobian(self._here.jacobian))

    def _take_jacobian(self, jacobian: Array) -> None:
        here = self._here
        if not np.all(np.isfinite(jacobian)):
            if here.jacobian is None:
                self._end_attempt(Status.DOMAIN_ERROR)
                return
            jacobian = np.where(np.isfinite(jacobian), jacobian, here.jacobian)
        here.take_jacobian(jacobian)
        self._radius.renew(here.length(here.x))
        self._go_on()

    # --- the test of a point --------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Test the point; if it earns nothing, try a step."""
        here = self._here
        if not here.passes(here.scale) or here.is_escaping:
            self._try_step()
        elif not (here.is_confirmed and here.passes_beside_terms()):
            self._unheard = np.ones(here.f.size, bool)
            self._ask(_Phase.NEARBY, here.nearby(1.0))
        elif here.has_jacobian_of_nearby:
            self._succeed(here.scale)
        else:
            self._unheard, self._looks = np.ones(here.f.size, bool), 1
            self._ask(_Phase.SCALE, here.nearby(1.0)[:1])

    def _take_scale(self, point: Array, f: Array) -> None:
        """See from points nearby whether J, asked elsewhere, says how large the terms are here."""
        here = self._here
        self._unheard &= ~here.passing(here.seen_scale(point, f))
        if not self._unheard.any():
            self._succeed(here.scale)
        elif self._looks < min(_LOOKS, here.x.size):
            self._ask(_Phase.SCALE, here.nearby(1.0, self._looks)[:1])
            self._looks += 1
        else:
            self._ask_slopes()

    def _take_nearby(self, points: Array, values: Array) -> None:
        here, options = self._here, self.problem.options
        scale = here.seen_scale(points[0], values[0])
        passed = here.passes(scale)
        self._unheard &= ~smooth_nearby(values, scale, options.tolerance, options.absolute_tolerance)
        if passed and not self._unheard.any():
            self._succeed(scale)
        elif passed and points[0, 0] > here.x[0]:
            self._ask(_Phase.NEARBY, here.nearby(-1.0))
        elif here.is_asked_here:
            # No root, or f tells it from nothing around it.
            self._end_attempt(Status.SINGULAR)
        else:
            # It may have passed by a J of elsewhere.
            self._ask_slopes()

    # --- steps ----------------------------------------------------------------------------------------------

    def _try_step(self) -> None:
        here, options = self._here, self.problem.options
        most = _NEWTON_STEPS if self._is_undamped and options.method is Method.AUTO else options.max_iterations
        if self.iterations >= options.max_iterations or self._steps >= most:
            self._end_attempt(Status.ITERATION_LIMIT)
            return
        self._step = step = here.dogleg(math.inf if self._is_undamped else self._radius.value)
        leads_on = self._is_undamped or step.predicted < here.norm(here.f)
        if leads_on and here.length(step.step) > _EPSILON * here.extent:
            self._ask(_Phase.TRIAL, (here.x + step.step)[None])
        else:
            self._no_step()

    def _take_trial(self, x: Array, f: Array) -> None:
        """Take the trial point or leave it, and learn from it."""
        here, step = self._here, self._step
        assert step is not None
        self.iterations += 1
        self._steps += 1
        if not np.all(np.isfinite(f)):
            self._back_away(here.length(x - here.x))
            return
        if self._is_undamped:
            here.go(x, f)
            self._ask_slopes()
            return
        is_taken = self._radius.judge(here.norm(here.f), here.norm(f), step.predicted, here.length(x - here.x))
        here.learn(x, f)
        if is_taken:
            here.go(x, f)
        if self._radius.is_hopeless:
            self._no_step()
        elif self._radius.doubts_jacobian and not here.is_asked_here and not here.passes(here.scale):
            self._ask_slopes()
        elif is_taken:
            self._go_on()
        else:
            self._try_step()

    def _back_away(self, length: float) -> None:
        """Shorten a step to where f is not finite."""
        here, step = self._here, self._step
        assert step is not None
        if self._is_undamped:
            # The same way, half as far.
            step.step[:] *= 0.5
            is_long = here.length(step.step) > _EPSILON * here.extent
        else:
            is_long = self._radius.back_away(length) > _EPSILON * here.extent
        if not is_long:
            self._end_attempt(Status.DOMAIN_ERROR)
        elif self._is_undamped:
            self._ask(_Phase.TRIAL, (here.x + step.step)[None])
        else:
            self._try_step()

    def _no_step(self) -> None:
        """No step leads on: look again with a J of this point, or see what it is."""
        here, step = self._here, self._step
        assert step is not None
        if not (here.is_asked_here or self._is_undamped or self._radius.is_hopeless):
            self._radius.forget()
            self._ask_slopes()
        elif here.may_be_noise(step):
            self._ask(_Phase.NOISE, noise_points(here.x, here.largest))
        else:
            self._end_attempt(here.ending(step))

    def _take_noise(self, points: Array, values: Array) -> None:
        here, step = self._here, self._step
        assert step is not None
        scale = noise_scale(here.f, values, points - here.x, here.J, here.scale)
        if here.passes(scale):
            self._succeed(scale)
        else:
            self._end_attempt(here.ending(step))

    # --- what is kept ---------------------------------------------------------------------------------------

    def _succeed(self, scale: Array) -> None:
        here = self._here
        self._best = self._solution(Status.CONVERGED, here.x, here.f, scale, here.jacobian)
        self._conclude(Status.CONVERGED)

    def _keep(self, status: Status) -> None:
        """Keep the point if it is the best so far."""
        here = self._place
        if here is None:
            if self._best is None:
                self._best = self._solution(status, self.problem.start, np.empty(0), np.empty(0), None)
            return
        norm = here.norm(here.f)
        if self._best is None or norm < self._least:
            scale = np.zeros(here.f.size) if here.jacobian is None else here.scale
            self._least = norm
            self._best = self._solution(status, here.x, here.f, scale, here.jacobian)

    def _solution(self, status: Status, x: Array, f: Array, scale: Array, jacobian: Array | None) -> CallbackSolution:
        bounds = self.problem.bounds
        active: tuple[tuple[int, str], ...] = ()
        if bounds is not None:
            below, above = x <= bounds.lower, x >= bounds.upper
            active = tuple((int(j), "lower" if below[j] else "upper") for j in np.flatnonzero(below | above))
        return CallbackSolution(
            status=status,
            x=x,
            residual=f,
            scaled_residual=np.abs(f) / np.where(scale > 0.0, scale, 1.0),
            jacobian=jacobian,
            method=self._method,
            active_bounds=active,
        )

    def _conclude(self, status: Status) -> None:
        """End with the best point."""
        assert self._best is not None
        self.question = None
        self._place = None
        self._result = self._best
        self._result.status = status
        self._result.iterations = self.iterations
        self._result.evaluations = self.evaluations
        self._result.jacobian_evaluations = self.jacobian_evaluations
