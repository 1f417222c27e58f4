"""How far J is trusted, and when it is to be asked anew: MINPACK's rules (hybrd, Moré, Garbow & Hillstrom 1980)."""

from __future__ import annotations

import math
from dataclasses import dataclass

# The first radius against ‖D x‖.
_FIRST = 100.0
# What share of the promised fall makes a step worth taking, a poor one, and a good one.
_LEAST, _POOR, _GOOD = 1e-4, 0.1, 0.5
# What share of ‖f‖² a step, and the steps from one J, must take away for progress not to be slow.
_SLOW_STEP, _SLOW_JACOBIAN = 1e-3, 0.1
_SLOW_STEPS, _SLOW_JACOBIANS, _FAILURES = 10, 5, 2
_BACK = 0.25


@dataclass(slots=True)
class Radius:
    """The radius of steps, with what it learns from them.

    Attributes
    ----------
    value : float
        Of ‖D step‖; NaN before the first Jacobian.
    """

    value: float = math.nan
    _is_first: bool = True
    _failures: int = 0
    _successes: int = 0
    _slow_steps: int = 0
    _slow_jacobians: int = 0

    @property
    def doubts_jacobian(self) -> bool:
        """Whether steps fail, or lead nowhere, so that J should be asked anew."""
        return self._failures >= _FAILURES or self._slow_steps >= _SLOW_STEPS

    @property
    def is_hopeless(self) -> bool:
        """Whether Jacobian after Jacobian has led nowhere."""
        return self._slow_jacobians >= _SLOW_JACOBIANS

    def renew(self, extent: float) -> None:
        """There is a new Jacobian; `extent` is ‖D x‖."""
        self._failures = self._successes = self._slow_steps = 0
        self._slow_jacobians += 1
        if math.isnan(self.value):
            self.value = _FIRST * extent if extent > 0.0 else _FIRST

    def forget(self) -> None:
        """Begin again with the next Jacobian."""
        self.value = math.nan

    def back_away(self, length: float) -> float:
        """Shrink from a step of a length to where f is not finite; return the radius."""
        self.value = _BACK * length
        return self.value

    def judge(self, before: float, after: float, predicted: float, length: float) -> bool:
        """Return whether a step is worth taking, from ‖f‖ before it, after it and as predicted; choose the next radius.

        The falls are those of ‖f‖², relative.
        """
        fell = 1.0 - (after / before) ** 2 if after < before else -1.0
        promised = 1.0 - (predicted / before) ** 2
        ratio = fell / promised if promised > 0.0 else 0.0
        if self._is_first:
            self._is_first = False
            self.value = min(self.value, length)
        if ratio < _POOR:
            self._successes = 0
            self._failures += 1
            self.value *= 0.5
        else:
            self._failures = 0
            self._successes += 1
            if ratio >= _GOOD or self._successes > 1:
                self.value = max(self.value, 2.0 * length)
            if abs(ratio - 1.0) <= _POOR:
                self.value = 2.0 * length
        self._slow_steps = 0 if fell >= _SLOW_STEP else self._slow_steps + 1
        if fell >= _SLOW_JACOBIAN:
            self._slow_jacobians = 0
        return ratio >= _LEAST
