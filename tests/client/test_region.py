"""Bounds and nominal sizes: what is sent, and what is refused before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import raphson
from raphson.arrays import from_message

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer

INFINITY = float("inf")


def sent_bounds(request: Any) -> dict[str, tuple[Any, Any]]:
    return {
        bound.name: tuple(
            from_message(getattr(bound, side)).tolist() if bound.HasField(side) else None for side in ("lower", "upper")
        )
        for bound in request.bounds
    }


@pytest.mark.parametrize(
    ("bounds", "sent"),
    [
        ({"x": (0, 10)}, {"x": (0.0, 10.0)}),
        ({"x": (None, 10.0)}, {"x": (None, 10.0)}),
        ({"x": [0.5, None]}, {"x": (0.5, None)}),
        ({"x": (-INFINITY, 1.0)}, {"x": (-INFINITY, 1.0)}),
        ({"u": (0, [1, 2])}, {"u": (0.0, [1.0, 2.0])}),
        ({"u": np.array([[0, 0], [1, 2]])}, {"u": ([0.0, 0.0], [1.0, 2.0])}),
        (([0, 1, 2], [3, 4, 5]), {"x": (0.0, 3.0), "u": ([1.0, 2.0], [4.0, 5.0])}),
        (([0, 1, 2], None), {"x": (0.0, None), "u": ([1.0, 2.0], None)}),
        ((0, 9), {"x": (0.0, 9.0), "u": (0.0, 9.0)}),
    ],
)
def test_bounds_are_sent_by_name(
    scripted: ScriptedServer, talking: raphson.Client, bounds: Any, sent: dict[str, Any]
) -> None:
    talking.solve(["x = 1", "u[i] = x for i in range(2)"], {"x": 1.0, "u": [0.5, 0.5]}, bounds=bounds)
    assert sent_bounds(scripted.requests[0]) == sent


def test_a_pair_of_arrays_goes_to_a_function(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.solve(lambda x: [x[0] - 1, x[1] - 2], [0.5, 0.5], bounds=([0, 0], [1, 3]), nominal=[1, 10])
    assert sent_bounds(scripted.requests[0]) == {"x": ([0.0, 0.0], [1.0, 3.0])}
    assert from_message(scripted.requests[0].nominal[0].array).tolist() == [1.0, 10.0]


def test_an_array_of_two_dimensions_has_bounds_of_its_shape(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.solve(lambda a: a.ravel(), np.ones((2, 2)), bounds=(np.zeros((2, 2)), None))
    assert sent_bounds(scripted.requests[0]) == {"a": ([[0.0, 0.0], [0.0, 0.0]], None)}


def test_nominal_sizes_are_sent(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.solve(["x = 1", "y = 2"], {"x": 1.0, "y": 1.0}, nominal={"y": 1e5}, nominal_residual=[1, 1e5])
    request = scripted.requests[0]
    assert [(part.name, from_message(part.array)) for part in request.nominal] == [("y", 1e5)]
    assert from_message(request.nominal_residual).tolist() == [1.0, 1e5]
    talking.solve("x = 1", {"x": 1.0}, nominal_residual=3)
    assert from_message(scripted.requests[1].nominal_residual).tolist() == [3.0]


def test_what_is_not_given_is_not_sent(scripted: ScriptedServer, talking: raphson.Client) -> None:
    talking.solve("x = 1", {"x": 1.0})
    fields = {field.name for field, _ in scripted.requests[0].ListFields()}
    assert fields == {"system", "start", "options"}


@pytest.mark.parametrize(
    ("arguments", "field", "said"),
    [
        ({"bounds": {"x": 3}}, "bounds[x]", "3 is not a pair; expected (lower, upper), None where"),
        ({"bounds": {"x": (1, 2, 3)}}, "bounds[x]", "is not a pair"),
        ({"bounds": {"x": "01"}}, "bounds[x]", "'01' is not a pair"),
        ({"bounds": 3}, "bounds", "expected name → (lower, upper), or one such pair"),
        ({"bounds": np.array(3)}, "bounds", "is not a pair"),
        ({"bounds": {1: (0, 1)}}, "bounds", "1 is not a name"),
        ({"bounds": {"x": ("a", 1)}}, "bounds[x].lower", "'a' of type str"),
        ({"bounds": ([1, 2, 3], None)}, "bounds.lower", "shape (3,); expected (2,)"),
        ({"nominal": {"x": "big"}}, "nominal[x]", "'big' of type str"),
        ({"nominal": [1, 2, 3]}, "nominal", "shape (3,); expected (2,)"),
        ({"nominal_residual": "big"}, "nominal_residual", "'big' of type"),
    ],
)
def test_what_makes_no_sense_is_refused_before_sending(
    scripted: ScriptedServer, talking: raphson.Client, arguments: Any, field: str, said: str
) -> None:
    with pytest.raises(raphson.InvalidRequestError) as caught:
        talking.solve(["x = 1", "y = 2"], {"x": 1.0, "y": 1.0}, **arguments)
    assert said in str(caught.value)
    assert caught.value.fields[0].field == field
    assert caught.value.code.name == "INVALID_ARGUMENT"
    assert scripted.requests == []
