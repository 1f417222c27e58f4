"""The form of a request: its bytes with the numbers cut out.

Callers repeat themselves: one system by id, the same names and options, other numbers. A form is remembered from
the first such request; the next one is recognised by the bytes between its numbers, and the numbers are taken
from where they lie. Nothing is guessed: the bytes outside the numbers decide all else that a protobuf message
says. It spares most of the reading, which costs more than the solve where the system is small.
"""

import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from raphson_server.bounded_cache import BoundedCache
from raphson_server.worker.conversion import WIRE, Array
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.particulars import Particulars

# SolveRequest.start and .parameters, then NamedArray.array, then DoubleArray.data.
_START_DATA = (2, 2, 2)
_PARAMETER_DATA = (3, 2, 2)
_MOST_ARRAYS = 64
_KEY_BYTES = 72


@dataclass(slots=True)
class Question:
    """A SolveRequest, read.

    Attributes
    ----------
    kept : KeptSystem
        What to solve.
    x : ndarray
        Where to begin.
    p : ndarray or None
        The parameters, if there are any.
    options : bytes
        The SolveOptions, serialized.
    return_jacobian : bool
        Whether to return J.
    particulars : Particulars or None
        What few requests have besides; such a request has no form.
    """

    kept: KeptSystem
    x: Array
    p: Array | None
    options: bytes
    return_jacobian: bool
    particulars: Particulars | None = None


class RequestForm:
    """What requests of one form have in common.

    Parameters
    ----------
    question : Question
        What the first of them asked.
    between : Struct
        Alternately the bytes between arrays and the bytes of an array.
    fixed : tuple of bytes
        The bytes between arrays.
    """

    def __init__(self, question: Question, between: struct.Struct, fixed: tuple[bytes, ...]) -> None:
        self._question = question
        self._size = between.size
        self._between = between
        self._fixed = fixed
        self._n = question.x.size
        self._has_parameters = question.p is not None

    @classmethod
    def of(cls, body: bytes, question: Question) -> "RequestForm | None":
        """Return the form of a request that was read, or None where it has no simple one."""
        spans = [*_payloads(body, 0, len(body), _START_DATA), *_payloads(body, 0, len(body), _PARAMETER_DATA)]
        numbers = b"".join(body[first:last] for first, last in spans)
        in_order = all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(spans))
        is_all = numbers == question.x.tobytes() + (b"" if question.p is None else question.p.tobytes())
        if not in_order or not is_all or len(spans) > _MOST_ARRAYS:
            return None
        between = struct.Struct(_alternating(spans, len(body)))
        return cls(question, between, between.unpack(body)[::2])

    def read(self, body: bytes) -> Question | None:
        """Return what a request asks if it has this form, else None; its numbers may not be finite.

        The question is the same object each time, with other numbers.
        """
        if len(body) != self._size:
            return None
        parts = self._between.unpack(body)
        if parts[::2] != self._fixed:
            return None
        numbers = np.frombuffer(b"".join(parts[1::2]), WIRE)
        question = self._question
        if self._has_parameters:
            question.x = numbers[: self._n]
            question.p = numbers[self._n :]
        else:
            question.x = numbers
        return question


class RequestForms:
    """The forms that a worker remembers.

    Parameters
    ----------
    capacity : int
        How many.
    """

    def __init__(self, capacity: int) -> None:
        self._forms = BoundedCache[tuple[bytes, int], RequestForm](capacity)
        self._last: RequestForm | None = None

    def recognise(self, body: bytes) -> Question | None:
        """Return what a request asks if it has a remembered form, else None."""
        question = None if self._last is None else self._last.read(body)
        if question is not None:
            return question
        form = self._forms.get(_key(body))
        question = None if form is None else form.read(body)
        if question is not None:
            self._last = form
        return question

    def learn(self, body: bytes, question: Question) -> None:
        """Remember the form of a request that was read, unless it is peculiar or one like it is remembered."""
        if question.particulars is not None:
            return
        key = _key(body)
        if key not in self._forms:
            form = RequestForm.of(body, question)
            if form is not None:
                self._forms.put(key, form)


def _key(body: bytes) -> tuple[bytes, int]:
    """Return enough of a request to tell systems apart by their ids."""
    return body[:_KEY_BYTES], len(body)


def _alternating(spans: Sequence[tuple[int, int]], size: int) -> str:
    """Write the layout as `struct` reads it: ``"<76s8s20s8s0s"``."""
    layout = "<"
    place = 0
    for first, last in spans:
        layout += f"{first - place}s{last - first}s"
        place = last
    return f"{layout}{size - place}s"


def _payloads(body: bytes, place: int, end: int, path: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Find where the payloads of the fields along a path of field numbers begin and end in a valid message."""
    while place < end:
        tag, place = _varint(body, place)
        match tag & 7:
            case 0:
                _, place = _varint(body, place)
            case 1:
                place += 8
            case 2:
                size, place = _varint(body, place)
                if tag >> 3 == path[0]:
                    if len(path) == 1:
                        yield place, place + size
                    else:
                        yield from _payloads(body, place, place + size, path[1:])
                place += size
            case 5:
                place += 4
            case _:  # groups, which proto3 does not write
                return


def _varint(body: bytes, place: int) -> tuple[int, int]:
    """Read a base-128 number; return it and the place after it."""
    value = shift = 0
    while True:
        byte = body[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
