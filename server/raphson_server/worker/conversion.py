"""The wire's messages in the solver's terms, and back: small functions, one for each thing that is sent."""

import math
import sys
from collections.abc import Iterable, Mapping

import numpy as np
import raphson_solver as rs
from numpy.typing import NDArray
from raphson.v1.array_pb2 import DoubleArray, NamedArray
from raphson.v1.solver_pb2 import SolveOptions
from raphson.v1.system_pb2 import JacobianRow, Parameter, System, Variable
from raphson_solver.language import Table

from raphson_server.failures import invalid_input

Array = NDArray[np.float64]
Arrays = Mapping[str, Array]
Shape = tuple[int, ...]

WIRE = np.dtype("<f8")
"""How numbers are sent: IEEE-754 binary64, little-endian."""

_MOST_DIMENSIONS = 8
_IS_LITTLE_ENDIAN = sys.byteorder == "little"


# --- arrays -------------------------------------------------------------------------------------------------


def to_array(message: DoubleArray, field: str) -> Array:
    """Read an array; its numbers are not copied, and not writable, when they came as bytes.

    Raises
    ------
    CallError
        INVALID_ARGUMENT if the payload is missing or does not fill the shape.
    """
    match message.WhichOneof("payload"):
        case "data":
            if len(message.data) % WIRE.itemsize:
                raise invalid_input(
                    f"{field}.data", f"{len(message.data)} bytes; expected 8 for each number (binary64)"
                )
            numbers = np.frombuffer(message.data, WIRE)
        case "list":
            numbers = np.array(message.list.values, np.float64)
        case _:
            raise invalid_input(field, "neither data nor list is set; expected the array's numbers")
    shape = tuple(message.shape)
    if not shape:
        if not numbers.size:
            raise invalid_input(field, "no numbers; expected one for a scalar, or more for a vector")
        return numbers.reshape(()) if numbers.size == 1 else numbers
    check_shape(shape, f"{field}.shape")
    if math.prod(shape) != numbers.size:
        raise invalid_input(field, f"{numbers.size} numbers for shape {_written(shape)}; expected {math.prod(shape)}")
    return numbers if len(shape) == 1 else numbers.reshape(shape)


def to_vector(message: DoubleArray, field: str) -> Array:
    """Read a vector, where one number without a shape is a vector of length one."""
    array = to_array(message, field)
    return array.reshape(1) if array.ndim == 0 else array


def check_shape(shape: Shape, field: str) -> None:
    """Refuse extents below one, and more dimensions than an equation can index."""
    if len(shape) > _MOST_DIMENSIONS:
        raise invalid_input(field, f"{len(shape)} dimensions; expected at most {_MOST_DIMENSIONS}")
    for extent in shape:
        if extent < 1:
            raise invalid_input(field, f"{_written(shape)} has extent {extent}; expected at least 1 each")


def from_array(array: Array) -> DoubleArray:
    """Write an array as bytes with its shape."""
    return DoubleArray(shape=array.shape, data=to_bytes(array))


def to_bytes(array: Array) -> bytes:
    """Write an array's numbers little-endian, in C order."""
    return array.tobytes() if _IS_LITTLE_ENDIAN else array.astype(WIRE).tobytes()


def to_arrays(messages: Iterable[NamedArray], field: str) -> dict[str, Array]:
    """Read arrays by name.

    Raises
    ------
    CallError
        INVALID_ARGUMENT if a name comes twice or an array is malformed.
    """
    arrays: dict[str, Array] = {}
    for message in messages:
        name = message.name
        if name in arrays:
            raise invalid_input(f"{field}[{name}]", "given twice; expected each name once")
        arrays[name] = to_array(message.array, f"{field}[{name}].array")
    return arrays


def _written(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


# --- definitions --------------------------------------------------------------------------------------------


def to_definition(message: System, root: str, point: Arrays, parameters: Arrays) -> rs.Definition:
    """Read a definition, completed from the request that carries it.

    Parameters
    ----------
    message : System
    root : str
        Path of ``message`` within the request.
    point : mapping
        ``start`` or ``at``: names and shapes of the variables where ``message.variables`` is empty.
    parameters : mapping
        Values of the request: names and shapes of the parameters where ``message.parameters`` is empty, and
        values where ``message`` gives none.
    """
    variables = tuple((name, array.shape) for name, array in point.items())
    if message.variables:
        variables = tuple(_to_variable(variable, root) for variable in message.variables)
    values = dict(parameters)
    shapes = tuple((name, array.shape) for name, array in parameters.items())
    if message.parameters:
        declared = [_to_parameter(parameter, root) for parameter in message.parameters]
        shapes = tuple((name, shape) for name, shape, _ in declared)
        values = {name: parameters[name] for name, _ in shapes if name in parameters}
        values |= {name: value for name, _, value in declared if value is not None}
    return rs.Definition(
        equations=tuple(message.equations),
        variables=variables,
        parameters=shapes,
        values=tuple((name, Table(value)) for name, value in values.items()),
        jacobian=tuple(tuple(row.entries) for row in message.jacobian) or None,
    )


def _to_variable(message: Variable, root: str) -> tuple[str, Shape]:
    shape = tuple(message.shape)
    check_shape(shape, f"{root}.variables[{message.name}].shape")
    return message.name, shape


def _to_parameter(message: Parameter, root: str) -> tuple[str, Shape, Array | None]:
    field = f"{root}.parameters[{message.name}]"
    shape = tuple(message.shape)
    check_shape(shape, f"{field}.shape")
    if not message.HasField("value"):
        return message.name, shape, None
    value = to_array(message.value, f"{field}.value")
    if shape and value.shape != shape:
        raise invalid_input(f"{field}.value", f"shape {_written(value.shape)}; expected {_written(shape)} as declared")
    return message.name, value.shape, value


def from_system(system: rs.System) -> System:
    """Write a compiled system's definition, complete with names, shapes and structural values."""
    definition = system.definition
    return System(
        equations=definition.equations,
        variables=from_variables(system),
        parameters=from_parameters(system),
        jacobian=[JacobianRow(entries=row) for row in definition.jacobian or ()],
    )


def from_variables(system: rs.System) -> list[Variable]:
    """Write the unknowns in the order of x."""
    return [Variable(name=name, shape=shape) for name, shape in system.variables]


def from_parameters(system: rs.System) -> list[Parameter]:
    """Write the parameters, with values where they are a part of the system."""
    return [
        Parameter(
            name=name,
            shape=shape,
            value=from_array(system.structural[name].astype(np.float64)) if name in system.structural else None,
        )
        for name, shape in system.parameters
    ]


# --- options ------------------------------------------------------------------------------------------------


def to_options(message: SolveOptions) -> rs.SolveOptions:
    """Read a solve's options; what is absent takes the solver's default.

    Raises
    ------
    CallError, InputError
        If an option is out of its range.
    """
    given = {
        name: getattr(message, name)
        for name in ("tolerance", "absolute_tolerance", "max_iterations", "timeout_seconds", "max_evaluations")
        if message.HasField(name)
    }
    return rs.SolveOptions(
        method=_to_method(message.method),
        jacobian=to_mode(message.jacobian, "options.jacobian"),
        whole=message.whole,
        linear_solver=_to_linear_solver(message.linear_solver),
        **given,
    )


def to_mode(number: int, field: str) -> rs.JacobianMode:
    """Read a JacobianMode; unspecified means exact."""
    try:
        return rs.JacobianMode(number) if number else rs.JacobianMode.EXACT
    except ValueError:
        raise invalid_input(field, _unknown(number, rs.JacobianMode)) from None


def _to_method(number: int) -> rs.Method:
    try:
        return rs.Method(number) if number else rs.Method.AUTO
    except ValueError:
        raise invalid_input("options.method", _unknown(number, rs.Method)) from None


def _to_linear_solver(number: int) -> rs.LinearSolver:
    try:
        return rs.LinearSolver(number) if number else rs.LinearSolver.AUTO
    except ValueError:
        raise invalid_input("options.linear_solver", _unknown(number, rs.LinearSolver)) from None


_PREFIXES = {rs.Method: "METHOD", rs.JacobianMode: "JACOBIAN_MODE", rs.LinearSolver: "LINEAR_SOLVER"}


def _unknown(number: int, known: type[rs.Method] | type[rs.JacobianMode] | type[rs.LinearSolver]) -> str:
    """Say which numbers an enum has."""
    prefix = _PREFIXES[known]
    names = ", ".join(f"{prefix}_{member.name} ({member.value})" for member in known)
    return f"{number} is not known; expected one of {names}"
