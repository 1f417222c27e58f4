"""The form of a request: its bytes with the numbers cut out.

Callers repeat themselves: one system by id, the same names and options, other numbers. A form is remembered from
the first such request; the next one is recognised by the bytes between its numbers, and the numbers are taken
from where they lie. Nothing is guessed: the bytes outside the numbers decide all else that a protobuf message
says. It spares most of the reading, which costs more than the answer where the system is small.
"""

import itertools
import struct
from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

from raphson_server.bounded_cache import BoundedCache
from raphson_server.worker.conversion import WIRE, Array, Shape
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.wire_fields import Path, Span, payloads

_MOST_ARRAYS = 64
_KEY_BYTES = 72


class Question(Protocol):
    """A request, read; its numbers are attributes, arrays or None."""

    kept: KeptSystem

    @property
    def has_form(self) -> bool:
        """Whether another request may ask the same of other numbers."""
        ...


Q = TypeVar("Q", bound=Question)


class RequestForm(Generic[Q]):
    """What requests of one form have in common.

    Parameters
    ----------
    question : Question
        What the first of them asked.
    between : Struct
        Alternately the bytes between arrays and the bytes of an array.
    fixed : tuple of bytes
        The bytes between arrays.
    parts : sequence of (str, int, int, shape)
        Which attribute of the question has which of the numbers, in which shape.
    """

    def __init__(
        self,
        question: Q,
        between: struct.Struct,
        fixed: tuple[bytes, ...],
        parts: Sequence[tuple[str, int, int, Shape]],
    ) -> None:
        self._question = question
        self._size = between.size
        self._between = between
        self._fixed = fixed
        self._parts = parts

    @classmethod
    def of(cls, body: bytes, question: Q, numbers: Mapping[str, Path]) -> "RequestForm[Q] | None":
        """Return the form of a request that was read, or None where it has no simple one.

        Parameters
        ----------
        body : bytes
            The request.
        question : Question
            What it asks.
        numbers : mapping of str to path
            Where a request has the numbers of which attribute of the question, in the order of their fields.
        """
        spans: list[Span] = []
        parts = []
        count = 0
        for name, path in numbers.items():
            found = [*payloads(body, 0, len(body), path)]
            array: Array | None = getattr(question, name)
            if b"".join(body[first:last] for first, last in found) != (b"" if array is None else array.tobytes()):
                return None
            if array is not None:
                parts.append((name, count, count + array.size, array.shape))
                count += array.size
                spans += found
        in_order = all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(spans))
        if not in_order or len(spans) > _MOST_ARRAYS:
            return None
        between = struct.Struct(_alternating(spans, len(body)))
        return cls(question, between, between.unpack(body)[::2], parts)

    def read(self, body: bytes) -> Q | None:
        """Return what a request asks if it has this form, else None; its numbers may not be finite.

        The question is the same object each time, with other numbers.
        """
        if len(body) != self._size:
            return None
        pieces = self._between.unpack(body)
        if pieces[::2] != self._fixed:
            return None
        numbers = np.frombuffer(b"".join(pieces[1::2]), WIRE)
        question = self._question
        for name, first, last, shape in self._parts:
            setattr(question, name, numbers[first:last].reshape(shape))
        return question


class RequestForms(Generic[Q]):
    """The forms of one method's requests that a worker remembers.

    Parameters
    ----------
    capacity : int
        How many.
    numbers : mapping of str to path
        Where requests have their numbers; see `RequestForm.of`.
    """

    def __init__(self, capacity: int, numbers: Mapping[str, Path]) -> None:
        self._numbers = numbers
        self._forms = BoundedCache[tuple[bytes, int], RequestForm[Q]](capacity)
        self._last: RequestForm[Q] | None = None

    def recognise(self, body: bytes) -> Q | None:
        """Return what a request asks if it has a remembered form, else None."""
        question = None if self._last is None else self._last.read(body)
        if question is not None:
            return question
        form = self._forms.get(_key(body))
        question = None if form is None else form.read(body)
        if question is not None:
            self._last = form
        return question

    def learn(self, body: bytes, question: Q) -> None:
        """Remember the form of a request that was read, unless it is peculiar or one like it is remembered."""
        if not question.has_form:
            return
        key = _key(body)
        if not self._forms.has(key):
            form = RequestForm.of(body, question, self._numbers)
            if form is not None:
                self._forms.put(key, form)


def _key(body: bytes) -> tuple[bytes, int]:
    """Return enough of a request to tell systems apart by their ids."""
    return body[:_KEY_BYTES], len(body)


def _alternating(spans: Sequence[Span], size: int) -> str:
    """Write the layout as `struct` reads it: ``"<76s8s20s8s0s"``."""
    layout = "<"
    place = 0
    for first, last in spans:
        layout += f"{first - place}s{last - first}s"
        place = last
    return f"{layout}{size - place}s"
