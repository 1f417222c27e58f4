"""A system as the client knows it: text, names and shapes, ready to be sent or found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raphson.v1.array_pb2 import DoubleArray
from raphson.v1.system_pb2 import JacobianRow, Parameter, System, Variable

if TYPE_CHECKING:
    from raphson.arrays import Shape


@dataclass(frozen=True, slots=True)
class Definition:
    """The text of a system; hashable, and equal only if a server would compile the same thing.

    Attributes
    ----------
    equations : tuple of str
        In the raphson language.
    variables, parameters : tuple of (str, tuple of int)
        Names and shapes, in order.
    values : tuple of (str, bytes)
        Values (little-endian binary64) of the whole-numbered parameters that the text may use as a range or
        an index, and which may therefore be a part of the system.
    jacobian : tuple of tuple of str, or None
        The caller's own m×n expressions.
    """

    equations: tuple[str, ...]
    variables: tuple[tuple[str, Shape], ...]
    parameters: tuple[tuple[str, Shape], ...] = ()
    values: tuple[tuple[str, bytes], ...] = ()
    jacobian: tuple[tuple[str, ...], ...] | None = None

    def to_message(self) -> System:
        """Write the definition in full."""
        values = dict(self.values)
        return System(
            equations=self.equations,
            variables=[Variable(name=name, shape=shape) for name, shape in self.variables],
            parameters=[
                Parameter(
                    name=name,
                    shape=shape,
                    value=DoubleArray(shape=shape, data=values[name]) if name in values else None,
                )
                for name, shape in self.parameters
            ],
            jacobian=[JacobianRow(entries=row) for row in self.jacobian or ()],
        )
