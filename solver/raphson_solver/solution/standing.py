"""A solve that stands ready for callers that are machine code themselves, and call the engine by its address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raphson_solver.engine import CancelFlag, layout
from raphson_solver.engine.entrance import iterate_address
from raphson_solver.solution.solution import DENSE_LU, Solution

if TYPE_CHECKING:
    from raphson_solver.solution.options import SolveOptions
    from raphson_solver.solution.prepared import Prepared
    from raphson_solver.solution.system import System


class StandingSolve:
    """Memory of one system and one set of options, for one solve at a time.

    A caller writes the start to `X` and parameters to `P`, which the plan has the addresses of, sets `TIMEOUT`, calls
    `entrance.begin`, and then the engine until it returns another status than `RUNNING`: `ANSWER` then has what
    `Solution.numbers` has. Numbers that are not finite end with `NOT_FINITE`.

    Attributes
    ----------
    plan : int
        Address of the plan; see `engine.layout`.
    engine : int
        Address of the engine; see `entrance.iterate_address`.
    linear_solver : str
        That of each `Solution`.
    """

    linear_solver = DENSE_LU

    def __init__(self, system: System, prepared: Prepared, cancel: CancelFlag) -> None:
        self._system, self._prepared = system, prepared
        self._idle = prepared.idle
        self._memory = prepared.memory()
        self._memory.plan[layout.CANCEL_ADDRESS] = cancel.address
        # Held, since the plan has but its address.
        self._cancel = cancel
        self.plan = self._memory.address
        self.engine = iterate_address()

    def solution(self, status: int) -> Solution:
        """Return what the solve that has just ended found."""
        return Solution(self._system, self._memory.answer.copy(), status)

    @property
    def began(self) -> float:
        """When it began, on the clock of ``time.monotonic``."""
        return float(self._memory.settings[layout.BEGAN])

    @property
    def is_current(self) -> bool:
        """Whether the system has no better code by now."""
        return self._prepared.idle is self._idle

    def spend(self, times: int) -> None:
        """Let the system know how often it was solved: in use it gets better code."""
        self._system._use(times)  # noqa: SLF001 - nobody's but this room's


def standing_solve(system: System, options: SolveOptions, cancel: CancelFlag) -> StandingSolve | None:
    """Return what machine code solves a system by, with these options and this flag; None if that takes Python."""
    prepared = system.prepare(options)
    return StandingSolve(system, prepared, cancel) if prepared.is_small else None
