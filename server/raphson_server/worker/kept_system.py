"""A compiled system with the form in which its numbers come over the wire."""

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
import raphson_solver as rs
from raphson.v1.array_pb2 import NamedArray
from raphson_solver.differential import Differential
from raphson_solver.explanation import element_names
from raphson_solver.solution.region import Bounds

from raphson_server.worker.conversion import WIRE, Array, Shape, from_array, from_system, to_arrays
from raphson_server.worker.solve_reply import SolveReply

_NOTHING = np.empty(0)


class KeptSystem:
    """A compiled system that a worker keeps between requests.

    Attributes
    ----------
    system : System
    """

    def __init__(self, system: rs.System) -> None:
        self.system = system
        self._variables = _Layout(system.variables)
        self._parameters = _Layout(system.free_parameters)
        self._differentials: dict[rs.JacobianMode, Differential] = {}

    @functools.cached_property
    def definition(self) -> bytes:
        """The complete definition, as a serialized ``raphson.v1.System``."""
        return from_system(self.system).SerializeToString()

    @functools.cached_property
    def elements(self) -> tuple[str, ...]:
        """What each number of x is called, such as "x" or "u[3]"."""
        return element_names(self.system.variables)

    @functools.cached_property
    def parameter_count(self) -> int:
        """How many numbers p has."""
        return sum(math.prod(shape) for _, shape in self.system.free_parameters)

    @functools.cached_property
    def solve_reply(self) -> SolveReply:
        """The reply message of this system's solves."""
        return SolveReply(self.system)

    def differential(self, mode: rs.JacobianMode, bounds: Bounds | None, between: Callable[[], object]) -> Differential:
        """Return f and f′ at any number of points.

        Parameters
        ----------
        mode : JacobianMode
            Where derivatives come from.
        bounds : Bounds or None
            Differences never evaluate f outside.
        between : callable
            Called every few milliseconds; what it raises ends the work. The same in all calls.

        Raises
        ------
        InputError
            If the system does not have the mode.
        """
        if bounds is not None:
            return Differential(self.system, mode, (bounds.lower, bounds.upper), between)
        known = self._differentials.get(mode)
        if known is None:
            known = self._differentials[mode] = Differential(self.system, mode, between=between)
        return known

    def point(self, messages: Sequence[NamedArray], field: str) -> Array:
        """Read x from ``start`` or ``at``.

        Raises
        ------
        CallError, InputError
            If a variable is missing, unknown, given twice, of the wrong shape or not finite.
        """
        x = self._variables.read(messages)
        return self.system.pack_start(to_arrays(messages, field)) if x is None else x

    def from_point(self, x: Array) -> list[NamedArray]:
        """Write x, each variable with its own shape."""
        return [
            NamedArray(name=name, array=from_array(np.reshape(value, shape)))
            for (name, shape), value in zip(self.system.variables, self.system.unpack(x).values(), strict=True)
        ]

    def parameters(self, messages: Sequence[NamedArray], field: str = "parameters") -> Array:
        """Read p; parameters that are a part of the system may be left out, but not changed.

        Raises
        ------
        CallError, InputError
            If a parameter is missing, unknown, of the wrong shape, not finite, or not what was compiled.
        """
        p = self._parameters.read(messages)
        return self.system.pack_parameters(to_arrays(messages, field)) if p is None else p


class _Layout:
    """The order, shapes and sizes in which well-formed arrays come: the short way for the usual request."""

    def __init__(self, arrays: Sequence[tuple[str, Shape]]) -> None:
        self._expected = [(name, list(shape), WIRE.itemsize * math.prod(shape)) for name, shape in arrays]
        self._count = len(self._expected)

    def read(self, messages: Sequence[NamedArray]) -> Array | None:
        """Join the arrays' bytes if they are just as declared and finite; else None: others say why."""
        if len(messages) != self._count:
            return None
        if not self._count:
            return _NOTHING
        parts = []
        for message, (name, shape, size) in zip(messages, self._expected, strict=True):
            array = message.array
            data = array.data
            if len(data) != size or message.name != name or array.shape != shape:
                return None
            parts.append(data)
        numbers = np.frombuffer(b"".join(parts), WIRE)
        # Squares that overflow take the long way, which finds nothing wrong.
        return numbers if math.isfinite(numbers.dot(numbers)) else None
