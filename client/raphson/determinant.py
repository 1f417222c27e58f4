"""A determinant that neither overflows nor underflows."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Determinant:
    """det J = sign · exp(log_abs), which neither overflows nor underflows.

    Attributes
    ----------
    sign : float
        −1, 0 or 1.
    log_abs : float
        log|det J|; −inf when the sign is 0.
    """

    sign: float
    log_abs: float

    @property
    def value(self) -> float:
        """The determinant as a plain number: ±inf or 0 where float64 ends."""
        try:
            return self.sign * math.exp(self.log_abs)
        except OverflowError:
            return self.sign * math.inf
