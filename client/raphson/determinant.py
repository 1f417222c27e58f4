"""Determinants that neither overflow nor underflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from raphson.arrays import Array


@dataclass(frozen=True, slots=True, eq=False)
class Determinant:
    """det J = sign · exp(log_abs), which neither overflows nor underflows.

    Attributes
    ----------
    sign : float, or ndarray of float64, shape (…)
        −1, 0 or 1; NaN where J is not finite.
    log_abs : float, or ndarray of float64, shape (…)
        log|det J|; −inf where the sign is 0.
    """

    sign: float | Array
    log_abs: float | Array

    @property
    def value(self) -> float | Array:
        """The determinant as a plain number: ±inf or 0 where float64 ends."""
        with np.errstate(over="ignore", under="ignore"):
            value = np.asarray(self.sign * np.exp(self.log_abs))
        return value if value.ndim else float(value)

    @property
    def volume_factor(self) -> float | Array:
        """|det J|: the volume of a small neighbourhood's image over its own."""
        volume = np.abs(self.value)
        return volume if isinstance(volume, np.ndarray) and volume.ndim else float(volume)
