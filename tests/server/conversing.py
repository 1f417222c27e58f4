"""A caller of SolveCallback, who answers what the server asks."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from raphson.v1.solver_pb2 import (
    Bounds,
    CallbackAnswer,
    CallbackOpening,
    CallbackQuestion,
    SolveCallbackRequest,
    SolveCallbackResponse,
    SolveResponse,
)

from tests.server.calling import array, named, numbers
from tests.server.running import CALL_SECONDS, Server

Function = Callable[[np.ndarray], Any]


def opening(start: Any, **more: Any) -> CallbackOpening:
    """Write where to begin; a mapping of values by name."""
    return CallbackOpening(start=named(start), **more)


class Conversation:
    """One call, message by message."""

    def __init__(
        self, server: Server, timeout: float = CALL_SECONDS, metadata: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self._said: queue.SimpleQueue[SolveCallbackRequest | None] = queue.SimpleQueue()
        self.call: Iterator[SolveCallbackResponse] = server.solver.SolveCallback(
            iter(self._said.get, None), timeout=timeout, metadata=metadata
        )

    def open(self, message: CallbackOpening) -> SolveCallbackResponse:
        self._said.put(SolveCallbackRequest(opening=message))
        return next(self.call)

    def answer(self, number: int, values: Any, **more: Any) -> SolveCallbackResponse:
        self._said.put(SolveCallbackRequest(answer=CallbackAnswer(number=number, values=array(values), **more)))
        return next(self.call)

    def end(self) -> SolveCallbackResponse:
        """Say that there will be no more."""
        self._said.put(None)
        return next(self.call)

    def close(self) -> None:
        self.call.cancel()  # type: ignore[attr-defined]
        self._said.put(None)


def solve(
    server: Server,
    message: CallbackOpening,
    function: Function,
    jacobian: Function | None = None,
    timeout: float = CALL_SECONDS,
) -> tuple[SolveResponse, list[CallbackQuestion]]:
    """Answer everything; return the result and what was asked."""
    conversation = Conversation(server, timeout)
    asked = []
    said = conversation.open(message)
    while said.HasField("question"):
        asked.append(said.question)
        points = numbers(said.question.points)
        if said.question.quantity == CallbackQuestion.QUANTITY_JACOBIAN:
            assert jacobian is not None
            values = np.asarray(jacobian(points[0]))
        else:
            values = np.array([function(point) for point in points])
        said = conversation.answer(said.question.number, values)
    assert not list(conversation.call)
    conversation.close()
    return said.result, asked


def inside(**sides: tuple[float, float]) -> list[Bounds]:
    return [Bounds(name=name, lower=array(lower), upper=array(upper)) for name, (lower, upper) in sides.items()]
