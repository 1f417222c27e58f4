"""The bounds of a request, by the names of variables, as the solver's two vectors."""

from collections.abc import Iterable

import numpy as np
from raphson.v1.solver_pb2 import ActiveBound
from raphson.v1.solver_pb2 import Bounds as WireBounds
from raphson_solver.solution.region import Bounds, pack_bounds

from raphson_server.failures import invalid_input
from raphson_server.worker.conversion import Array, Arrays, to_array
from raphson_server.worker.kept_system import KeptSystem

SIDES = {"lower": ActiveBound.SIDE_LOWER, "upper": ActiveBound.SIDE_UPPER}


def to_bounds(messages: Iterable[WireBounds], kept: KeptSystem) -> Bounds | None:
    """Read where x must stay; None where nothing is said of it.

    Raises
    ------
    CallError, InputError
        If a name comes twice or is unknown, a shape does not fit, or a lower bound is above its upper one.
    """
    sides = to_sides(messages)
    return pack_bounds(sides, kept.system.variables, kept.system.n) if sides else None


def to_box(messages: Iterable[WireBounds], kept: KeptSystem) -> Bounds:
    """Read a box: every variable between two numbers.

    Raises
    ------
    CallError, InputError
        If a side is missing or infinite, or for what `to_bounds` refuses.
    """
    box = pack_bounds(to_sides(messages), kept.system.variables, kept.system.n)
    for side, values in (("lower", box.lower), ("upper", box.upper)):
        for j in np.flatnonzero(~np.isfinite(values))[:1]:
            raise invalid_input(
                f"bounds[{_variable(kept, j)}].{side}", f"missing or infinite for {kept.elements[j]}; expected a number"
            )
    for j in np.flatnonzero(box.lower == box.upper)[:1]:
        raise invalid_input(
            f"bounds[{_variable(kept, j)}]", f"{box.lower[j]} on both sides; expected a lower one below the upper one"
        )
    return box


def to_sides(messages: Iterable[WireBounds]) -> dict[str, tuple[Array | None, Array | None]]:
    """Read the lower and the upper side of each variable named, None where there is none.

    Raises
    ------
    CallError
        If a name comes twice or an array is malformed.
    """
    sides: dict[str, tuple[Array | None, Array | None]] = {}
    for message in messages:
        field = f"bounds[{message.name}]"
        if message.name in sides:
            raise invalid_input(field, "given twice; expected each name once")
        lower = to_array(message.lower, f"{field}.lower") if message.HasField("lower") else None
        upper = to_array(message.upper, f"{field}.upper") if message.HasField("upper") else None
        sides[message.name] = lower, upper
    return sides


def to_shapes(messages: Iterable[WireBounds]) -> Arrays:
    """Read an array of each variable's shape: that of the side that has one, since a side may be a single number."""
    shapes = {}
    for name, sides in to_sides(messages).items():
        given = [side for side in sides if side is not None]
        shapes[name] = max(given, key=lambda side: side.ndim, default=np.zeros(()))
    return shapes


def check_inside(x: Array, bounds: Bounds, kept: KeptSystem) -> None:
    """Refuse a start outside its bounds.

    Raises
    ------
    CallError
        INVALID_ARGUMENT, naming the variable.
    """
    for j in np.flatnonzero((x < bounds.lower) | (x > bounds.upper))[:1]:
        raise invalid_input(
            f"start[{_variable(kept, j)}]",
            f"{kept.elements[j]} is {x[j]}, outside its bounds; expected {bounds.lower[j]} to {bounds.upper[j]}",
        )


def _variable(kept: KeptSystem, place: int) -> str:
    """Return the name of the variable to which a place of x belongs."""
    return kept.elements[place].partition("[")[0]
