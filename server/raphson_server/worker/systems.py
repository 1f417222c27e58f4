"""The compiled systems that a worker keeps, found by id or by the text they came from."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import raphson_solver as rs
from google.rpc import code_pb2
from raphson.v1.system_pb2 import System, SystemRef

from raphson_server.account import Account
from raphson_server.bounded_cache import BoundedCache
from raphson_server.failures import CallError, Reason
from raphson_server.frames import Definitions
from raphson_server.worker.conversion import Arrays, to_definition
from raphson_server.worker.kept_system import KeptSystem

if TYPE_CHECKING:
    from raphson_solver.registered import RegisteredSystem

# Of a definition, in the log at DEBUG.
_SHOWN_EQUATIONS, _SHOWN_CHARACTERS = 20, 200

_log = logging.getLogger("raphson_server")


class DefinitionNeededError(Exception):
    """Systems named by id are not here; the front end is to send their definitions.

    Attributes
    ----------
    system_ids : tuple of str
        The ids.
    """

    def __init__(self, *system_ids: str) -> None:
        super().__init__(*system_ids)
        self.system_ids = system_ids


class Systems:
    """Bounded memory of compiled systems; the one used longest ago is forgotten first.

    Parameters
    ----------
    capacity : int
        How many are kept.
    limits : Limits
        How large one may be.
    registered : mapping, optional
        Functions by name, which are never forgotten.

    Attributes
    ----------
    account : Account
        Of the work for the request that is answered now.
    """

    def __init__(
        self, capacity: int, limits: rs.Limits, registered: Mapping[str, RegisteredSystem] | None = None
    ) -> None:
        self.account = Account()
        self.registered = dict(registered or {})
        self._limits = limits
        self._registered = {name: KeptSystem(system) for name, system in self.registered.items()}
        self._by_id = BoundedCache[str, KeptSystem](capacity)
        self._id_by_text = BoundedCache[str, str](2 * capacity)
        # Which parameters' values a text depends on, so that other values find the compiled system again.
        self._structural = BoundedCache[str, tuple[str, ...]](2 * capacity)

    def by_name(self, name: str, field: str) -> KeptSystem:
        """Return a registered function.

        Raises
        ------
        CallError
            NOT_FOUND, naming those that there are.
        """
        kept = self._registered.get(name)
        if kept is None:
            known = ", ".join(sorted(self._registered)) or "none"
            raise CallError(
                code_pb2.NOT_FOUND,
                Reason.SYSTEM_NOT_REGISTERED,
                f"{field}: {name[:80]!r} is not registered on this server; registered are {known}",
                field=field,
            )
        self.account.find()
        return kept

    def by_id(self, ref: SystemRef, sent_along: Definitions) -> KeptSystem:
        """Return the system of an id, compiled from its definition sent along where it is not here yet.

        Raises
        ------
        DefinitionNeededError
            If the system is not here, and its definition was not sent along.
        """
        kept = self._by_id.get(ref.system_id)
        if kept is not None:
            self.account.find()
            return kept
        definition = sent_along.get(ref.system_id.encode())
        if definition is not None:
            message = System.FromString(definition)
            kept = self._compiled(to_definition(message, "system.definition", {}, {}))
        if kept is None or kept.system.id != ref.system_id:
            raise DefinitionNeededError(ref.system_id)
        return kept

    def by_text(self, message: System, root: str, point: Arrays, parameters: Arrays) -> KeptSystem:
        """Return the system of a text, compiled now or before.

        Parameters
        ----------
        message : System
        root : str
            Path of ``message`` within the request.
        point, parameters : mapping
            What the request completes the text with; see `to_definition`.

        Raises
        ------
        CallError, RaphsonError
            If the definition is malformed.
        """
        text_key = _key(message, point, parameters)
        names = self._structural.get(text_key)
        if names is not None:
            system_id = self._id_by_text.get(_key_with_values(text_key, names, parameters))
            kept = None if system_id is None else self._by_id.get(system_id)
            if kept is not None:
                self.account.find()
                return kept
        kept = self._compiled(to_definition(message, root, point, parameters))
        names = tuple(kept.system.structural)
        self._structural.put(text_key, names)
        self._id_by_text.put(_key_with_values(text_key, names, parameters), kept.system.id)
        return kept

    def _compiled(self, definition: rs.Definition) -> KeptSystem:
        began = time.monotonic()
        system = rs.compile_definition(definition, self._limits)
        self.account.compile(began)
        if _log.isEnabledFor(logging.DEBUG):
            shown = [equation[:_SHOWN_CHARACTERS] for equation in definition.equations[:_SHOWN_EQUATIONS]]
            _log.debug("system compiled", extra={"system_id": system.id, "n": system.n, "equations": shown})
        kept = self._by_id.get(system.id)
        if kept is None:
            kept = KeptSystem(system)
            self._by_id.put(system.id, kept)
        return kept


def _key(message: System, point: Arrays, parameters: Arrays) -> str:
    """Digest all that a system depends on, but for the values of parameters."""
    digest = hashlib.sha256(message.SerializeToString(deterministic=True))
    shapes = [[(name, array.shape) for name, array in arrays.items()] for arrays in (point, parameters)]
    digest.update(repr(shapes).encode())
    return digest.hexdigest()


def _key_with_values(text_key: str, names: tuple[str, ...], parameters: Arrays) -> str:
    """Digest the values too of the parameters that are a part of the system."""
    digest = hashlib.sha256(text_key.encode())
    for name in names:
        digest.update(parameters[name].tobytes() if name in parameters else b"declared")
    return digest.hexdigest()
