"""What few solve requests have besides a start and options: bounds, sizes, and evidence asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

from raphson_solver.solution.region import Bounds

from raphson_server.worker.conversion import Array

STEP_BYTES = 64
"""What a step of a trace takes beside its point: four numbers, a method, and what tells fields apart."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What to return besides the solution, as `EvidenceRequest` has it; arrays are None where not asked for."""

    trace: bool = False
    explanation: bool = False
    certificate: bool = False
    sensitivity: bool = False
    adjoint: Array | None = None
    parameter_covariance: Array | None = None

    @property
    def sensitivities(self) -> bool:
        """Whether anything is asked for that needs dx/dp."""
        return self.sensitivity or self.adjoint is not None or self.parameter_covariance is not None

    @property
    def takes_time(self) -> bool:
        """Whether it is computed after the iteration."""
        return self.explanation or self.certificate or self.sensitivities


@dataclass(frozen=True, slots=True)
class Particulars:
    """What few solve requests have.

    Attributes
    ----------
    bounds : Bounds or None
        Where x must stay.
    nominal : mapping
        Sizes of variables by name.
    nominal_residual : ndarray or None
        Sizes of residuals.
    evidence : Evidence
        What to return besides.
    """

    bounds: Bounds | None
    nominal: Mapping[str, Array]
    nominal_residual: Array | None
    evidence: Evidence
