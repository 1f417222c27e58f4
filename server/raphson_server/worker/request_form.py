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
    lengths : sequence of int
        Alternately of the bytes between arrays and of an array, in bytes.
    body : bytes
        The first of them.
    parts : sequence of (str, int, int, shape)
        Which attribute of the question has which of the numbers, in which shape.

    Attributes
    ----------
    question, lengths
        As given.
    size : int
        Bytes of a request.
    fixed : tuple of bytes
        The bytes between arrays.
    answers : int
        How many requests of it were answered, as far as whoever answers counts them.
    """

    def __init__(
        self, question: Q, lengths: Sequence[int], body: bytes, parts: Sequence[tuple[str, int, int, Shape]]
    ) -> None:
        self.question = question
        self.lengths = lengths
        self.size = len(body)
        self._layout = struct.Struct("<" + "".join(f"{length}s" for length in lengths))
        self.fixed = self._layout.unpack(body)[::2]
        self._parts = parts
        self.answers = 0

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
        return cls(question, _alternating(spans, len(body)), body, parts)

    def read(self, body: bytes) -> Q | None:
        """Return what a request asks if it has this form, else None; its numbers may not be finite.

        The question is the same object each time, with other numbers.
        """
        if len(body) != self.size:
            return None
        pieces = self._layout.unpack(body)
        if pieces[::2] != self.fixed:
            return None
        numbers = np.frombuffer(b"".join(pieces[1::2]), WIRE)
        question = self.question
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

    Attributes
    ----------
    last : RequestForm or None
        The form that was recognised last.
    """

    def __init__(self, capacity: int, numbers: Mapping[str, Path]) -> None:
        self._numbers = numbers
        self._forms = BoundedCache[tuple[bytes, int], RequestForm[Q]](capacity)
        self.last: RequestForm[Q] | None = None

    def recognise(self, body: bytes) -> Q | None:
        """Return what a request asks if it has a remembered form, else None."""
        question = None if self.last is None else self.last.read(body)
        if question is not None:
            return question
        form = self._forms.get(_key(body))
        question = None if form is None else form.read(body)
        if question is not None:
            self.last = form
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


def _alternating(spans: Sequence[Span], size: int) -> list[int]:
    """Return how many bytes are before each span, and in it, in turn, and how many after the last."""
    edges = [0, *itertools.chain.from_iterable(spans), size]
    return [last - first for first, last in itertools.pairwise(edges)]
