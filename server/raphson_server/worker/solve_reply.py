"""Replies to solves of one system: what earlier ones had in common, with other numbers between.

Most of a reply is names, shapes and words. Two solves that ended alike after as many steps differ only in numbers that
take eight bytes each, wherever they stand, so that the second reply is bytes joined. It spares what writing a message
costs, which is more than a small solve, and keeps nothing of the solutions before.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import raphson_solver as rs
from raphson.v1.array_pb2 import DoubleArray, NamedArray
from raphson.v1.solver_pb2 import Method as WireMethod
from raphson.v1.solver_pb2 import SolveResponse
from raphson.v1.solver_pb2 import Status as WireStatus

from raphson_server.worker.conversion import WIRE, Array, from_array, to_bytes
from raphson_server.worker.wire_fields import Path, payloads

_MOST_FORMS = 64
# In `Solution.numbers`.
_NORM, _SECONDS = 4, 6


@dataclass(frozen=True, slots=True)
class ReplyForm:
    """What replies have in common.

    Attributes
    ----------
    between : sequence of bytes
        Before, between and after a reply's numbers.
    places : sequence of slice
        Where in the bytes of `Solution.numbers` those are that go between.
    size : int
        Bytes of a reply.
    """

    between: Sequence[bytes]
    places: Sequence[slice]
    size: int

    def joined(self, numbers: bytes) -> bytes:
        """Return a reply with these numbers."""
        parts = [self.between[0]]
        for place, after in zip(self.places, self.between[1:], strict=True):
            parts += (numbers[place], after)
        return b"".join(parts)


class SolveReply:
    """Writes the replies to solves of one system.

    Parameters
    ----------
    system : System

    Attributes
    ----------
    forms : dict
        Of the latest new replies, by status, linear solver, and the counts of `Solution.numbers`, where the norm and
        the seconds stand for whether they are zero.
    """

    def __init__(self, system: rs.System) -> None:
        self._system = system
        # Of x, in bytes, what each variable has.
        ends = [*itertools.accumulate((WIRE.itemsize * math.prod(shape) for _, shape in system.variables), initial=0)]
        self._variables = [*itertools.pairwise(ends)]
        self.forms: dict[tuple[float | str, ...], ReplyForm] = {}

    def message(self, solution: rs.Solution, jacobian: Array | None = None) -> SolveResponse:
        """Return a message. Enums have the same numbers on the wire."""
        message = SolveResponse(
            status=cast("WireStatus", solution.status),
            message=solution.message,
            remedy=solution.remedy,
            residual=from_array(solution.residual),
            scaled_residual=from_array(solution.scaled_residual),
            residual_norm=solution.residual_norm,
            iterations=solution.iterations,
            evaluations=solution.evaluations,
            jacobian_evaluations=solution.jacobian_evaluations,
            regularized_steps=solution.regularized_steps,
            elapsed_seconds=solution.elapsed_seconds,
            method=cast("WireMethod", solution.method),
            linear_solver=solution.linear_solver,
            system_id=self._system.id,
        )
        data = to_bytes(solution.x)
        for (name, shape), (first, last) in zip(self._system.variables, self._variables, strict=True):
            message.solution.append(NamedArray(name=name, array=DoubleArray(shape=shape, data=data[first:last])))
        if jacobian is not None:
            message.jacobian.CopyFrom(from_array(jacobian))
        return message

    def written(self, solution: rs.Solution) -> bytes:
        """Return the bytes of a message without a Jacobian."""
        numbers = solution.numbers
        counts = numbers[: rs.Solution.COUNTS].tolist()
        for place in (_NORM, _SECONDS):
            # A zero is left out of a message; else these take eight bytes.
            counts[place] = counts[place] == 0.0
        key = (int(solution.status), solution.linear_solver, *counts)
        form = self.forms.get(key)
        if form is not None:
            return form.joined(to_bytes(numbers))
        body = self.message(solution).SerializeToString()
        form = self._form_of(body)
        if form.joined(to_bytes(numbers)) == body:
            if len(self.forms) >= _MOST_FORMS:
                del self.forms[next(iter(self.forms))]
            self.forms[key] = form
        return body

    def _form_of(self, body: bytes) -> ReplyForm:
        """Return the bytes between a reply's numbers, and where in `Solution.numbers` each piece of these is."""
        spans = sorted(
            (span, where)
            for path, places in self._numbers()
            for span, where in zip(payloads(body, 0, len(body), path), places, strict=False)
        )
        ends = [0, *(last for (_, last), _ in spans)]
        begins = [*(first for (first, _), _ in spans), len(body)]
        between = [body[end:begin] for end, begin in zip(ends, begins, strict=True)]
        return ReplyForm(between, [slice(*where) for _, where in spans], len(body))

    def _numbers(self) -> list[tuple[Path, list[tuple[int, int]]]]:
        """Return which fields have numbers, and the bytes of `Solution.numbers` that go there."""
        m, n, size = self._system.m, self._system.n, WIRE.itemsize
        scaled = size * rs.Solution.COUNTS
        x = scaled + size * m
        f = x + size * n
        return [
            (_path("solution", "array", "data"), [(x + first, x + last) for first, last in self._variables]),
            (_path("residual", "data"), [(f, f + size * m)]),
            (_path("scaled_residual", "data"), [(scaled, x)]),
            (_path("residual_norm"), [(size * _NORM, size * (_NORM + 1))]),
            (_path("elapsed_seconds"), [(size * _SECONDS, size * (_SECONDS + 1))]),
        ]


def _path(*names: str) -> Path:
    """Return the numbers of fields, from the outside in."""
    message: Any = SolveResponse.DESCRIPTOR
    path = []
    for name in names:
        field = message.fields_by_name[name]
        path.append(field.number)
        message = field.message_type
    return tuple(path)
