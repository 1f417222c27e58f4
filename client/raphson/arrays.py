"""NumPy arrays to the wire's `DoubleArray` and back: little-endian bytes, read without a copy."""

from __future__ import annotations

import math
import numbers
import struct
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson.errors import InvalidRequestError

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

    from raphson.v1.array_pb2 import DoubleArray, NamedArray

    RepeatedNamedArray = RepeatedCompositeFieldContainer[NamedArray]

    from collections.abc import Iterable, Mapping

Array = NDArray[np.float64]
Shape = tuple[int, ...]

WIRE = np.dtype("<f8")
SCALAR = struct.Struct("<d")
REAL_KINDS = "biuf"


def to_array(value: ArrayLike, field: str) -> Array:
    """Read anything array-like of real numbers as float64.

    Raises
    ------
    InvalidRequestError
        If it holds something else, or its rows differ in length.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InvalidRequestError.at(field, "rows differ in length; expected a number or a full array") from error
    if array.dtype.kind == "O":
        odd = [element for element in array.flat if not isinstance(element, numbers.Real)]
        if not odd:
            return array.astype(np.float64)
        raise InvalidRequestError.at(field, f"{_shown(odd[0])} is not a real number")
    if array.dtype.kind not in REAL_KINDS:
        raise InvalidRequestError.at(field, f"{_shown(value)} is not a real number or an array of them")
    return array.astype(np.float64, copy=False)


def write(value: ArrayLike, message: DoubleArray, field: str) -> None:
    """Write a number or an array into a message, as bytes with its shape."""
    if type(value) is float:
        message.data = SCALAR.pack(value)
        return
    array = to_array(value, field)
    message.shape.extend(array.shape)
    message.data = array.astype(WIRE, copy=False).tobytes()


def write_named(values: Mapping[str, ArrayLike], messages: RepeatedNamedArray, field: str) -> None:
    """Write arrays with their names into a request's repeated field, in their order."""
    for name, value in values.items():
        if type(name) is not str:
            raise InvalidRequestError.at(field, f"{name!r} is not a name; expected the name that the equations use")
        # Filling a message in place takes half the time of building one and copying it.
        message = messages.add()
        message.name = name
        write(value, message.array, f"{field}[{name}]")


def split(flat: Array, variables: Iterable[tuple[str, Shape]], field: str) -> dict[str, Array]:
    """Cut a vector of all unknowns into the variables.

    Raises
    ------
    InvalidRequestError
        If it has not as many numbers as the variables together.
    """
    shapes = tuple(variables)
    expected = sum(math.prod(shape) for _, shape in shapes)
    if flat.shape != (expected,):
        raise InvalidRequestError.at(field, f"an array of shape {flat.shape}; expected ({expected},) or a mapping")
    parts: dict[str, Array] = {}
    first = 0
    for name, shape in shapes:
        last = first + math.prod(shape)
        parts[name] = flat[first:last].reshape(shape)
        first = last
    return parts


def from_message(message: DoubleArray) -> Array:
    """Read an array; its numbers are not copied, and not writable, when they came as bytes."""
    numbers_ = np.frombuffer(to_bytes(message), dtype=WIRE)
    shape = tuple(message.shape)
    return numbers_ if len(shape) == 1 else numbers_.reshape(shape or (() if numbers_.size == 1 else -1))


def to_bytes(message: DoubleArray) -> bytes:
    """Return an array's numbers as bytes, whichever way they were sent."""
    data = message.data
    return data or np.array(message.list.values, dtype=WIRE).tobytes()


def _shown(value: object) -> str:
    text = repr(value)
    shortened = text if len(text) <= 60 else f"{text[:57]}…"
    return f"{shortened} of type {type(value).__name__}"
