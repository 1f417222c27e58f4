"""Functions that a server's operator has registered: found by name, and given wherever equations are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raphson.calls import Calls
from raphson.compiled import CompiledSystem
from raphson.definition import Definition
from raphson.errors import InvalidRequestError, SystemNotFoundError
from raphson.offering import offered
from raphson.v1.system_pb2 import ListRegisteredRequest

if TYPE_CHECKING:
    from raphson.problem import Equations
    from raphson.v1 import system_pb2


@dataclass(frozen=True, eq=False, slots=True)
class RegisteredSystem(CompiledSystem):
    """The handle of a registered function; made by `systems`. It has no text, and thus no id.

    Attributes
    ----------
    name : str
        What the server calls it.
    has_jacobian : bool
        Whether it has a Jacobian of its own; else derivatives come by differences.
    documentation : str
        What its author says of it.
    """

    name: str = ""
    has_jacobian: bool = False
    documentation: str = ""

    @property
    def registered(self) -> str:
        """The name, for the wire."""
        return self.name

    def __repr__(self) -> str:
        names = ", ".join(f"{name}{list(shape)}" if shape else name for name, shape in self.variables)
        given = ", ".join(f"{name}{list(shape)}" if shape else name for name, shape in self.parameters)
        says = f": {self.documentation.partition(chr(10))[0]}" if self.documentation else ""
        own = "its own Jacobian" if self.has_jacobian else "derivatives by differences"
        counts = f"{self.m} equations in {self.n} unknowns: {names}; parameters: {given or 'none'}; {own}"
        return f"RegisteredSystem({self.name!r}, {counts}){says}"


class Registry(Calls):
    """Knows what a server's operator has registered."""

    _registered: dict[str, RegisteredSystem] | None = None

    @offered
    async def systems(self, *, timeout_seconds: float | None = None) -> dict[str, RegisteredSystem]:
        """List the functions that the server's operator has registered (``raphson serve --systems``).

        Parameters
        ----------
        timeout_seconds : float, optional
            Deadline of the call.

        Returns
        -------
        dict of str to RegisteredSystem
            By name; each can be given wherever equations are asked for, as far as a call does without equations.

        Raises
        ------
        RaphsonError
            If no answer came.
        """
        return await self._list(self._deadline(timeout_seconds))

    async def _named(self, equations: Equations | None, system: str | None) -> Equations:
        """Return the equations that are meant, given as such or by a registered name.

        Raises
        ------
        InvalidRequestError
            If they are given neither way, or both.
        SystemNotFoundError
            If nothing of this name is registered.
        """
        if system is None:
            if equations is None:
                raise InvalidRequestError.at(
                    "equations", "missing; expected them, or system='name' of a registered one"
                )
            return equations
        if equations is not None:
            raise InvalidRequestError.at("system", "both equations and the name of a registered system; expected one")
        known = self._registered
        if known is None or system not in known:
            known = await self._list(self.timeout_seconds)
        if system not in known:
            names = ", ".join(known) or "none"
            message = f"{system!r} is not registered on the server at {self._transport.address}; registered are {names}"
            raise SystemNotFoundError(message, reason="SYSTEM_NOT_REGISTERED")
        return known[system]

    async def _list(self, timeout_seconds: float) -> dict[str, RegisteredSystem]:
        method = self._transport.list_registered
        reply = await self._transport.ask(method, ListRegisteredRequest(), timeout_seconds)
        self._registered = {message.name: _of(message) for message in reply.systems}
        return dict(self._registered)


def given(value: object, field: str) -> None:
    """Refuse an argument that is missing: it has a default only since equations may be left out."""
    if value is None:
        raise InvalidRequestError.at(field, "missing; expected name → value, e.g. {'x': 1.0}")


def _of(message: system_pb2.RegisteredSystem) -> RegisteredSystem:
    variables = tuple((each.name, tuple(each.shape)) for each in message.variables)
    parameters = tuple((each.name, tuple(each.shape)) for each in message.parameters)
    n, m = sum(int(np.prod(shape, dtype=np.int64)) for _, shape in variables), message.equation_count
    rows, columns = (each.ravel().astype(np.int64) for each in np.indices((m, n)))
    for indices in (rows, columns):
        indices.flags.writeable = False
    return RegisteredSystem(
        id="",
        n=n,
        m=m,
        variables=variables,
        parameters=parameters,
        equation_names=tuple(f"{message.name}[{i}]" for i in range(m)),
        sparsity=(rows, columns),
        definition=Definition((), variables, parameters),
        name=message.name,
        has_jacobian=message.has_jacobian,
        documentation=message.documentation,
    )
