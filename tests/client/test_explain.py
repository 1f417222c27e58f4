"""`Client.explain`: what is sent, and what the unknowns are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import raphson
from raphson.arrays import from_message

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer


def test_a_point_is_sent(scripted: ScriptedServer, talking: raphson.Client) -> None:
    found = talking.explain("x**2 = r", {"x": 1.0}, {"r": 2.0}, bounds={"x": (0, None)})
    assert found.lines == ("nothing is wrong",)
    request = scripted.requests[0]
    assert [part.name for part in request.at] == ["x"]
    assert [part.name for part in request.parameters] == ["r"]
    assert from_message(request.bounds[0].lower) == 0.0
    assert list(request.system.definition.equations) == ["x**2 = r"]


@pytest.mark.parametrize(
    ("equations", "variables", "shapes"),
    [
        (["x + y = r"], ["x", "y"], [("x", []), ("y", [])]),
        (["u[0] = r"], {"u": (3,)}, [("u", [3])]),
        (lambda u, r: u - r, {"u": (2,)}, [("u", [2])]),
    ],
)
def test_without_a_point_the_unknowns_are_declared(
    scripted: ScriptedServer, talking: raphson.Client, equations: Any, variables: Any, shapes: Any
) -> None:
    talking.explain(equations, parameters=["r"], variables=variables)
    request = scripted.requests[0]
    assert [(variable.name, list(variable.shape)) for variable in request.system.definition.variables] == shapes
    assert (len(request.at), len(request.parameters)) == (0, 0)


def test_a_compiled_system_knows_its_own(scripted: ScriptedServer, talking: raphson.Client) -> None:
    system = talking.compile("x = r", {"x": 1.0}, ["r"])
    talking.explain(system)
    talking.explain(system, np.array([2.0]), {"r": 1.0})
    assert [len(request.at) for request in scripted.requests[1:]] == [0, 1]
    assert all(request.system.system_id for request in scripted.requests[1:])


@pytest.mark.parametrize("arguments", [{}, {"at": {"x": 1.0}, "variables": ["x"]}])
def test_the_unknowns_are_told_once(scripted: ScriptedServer, talking: raphson.Client, arguments: Any) -> None:
    with pytest.raises(raphson.InvalidRequestError, match="expected either at or variables"):
        talking.explain("x = 1", **arguments)
    assert scripted.requests == []


def test_a_failure_is_typed(scripted: ScriptedServer, talking: raphson.Client) -> None:
    scripted.fail(grpc.StatusCode.UNIMPLEMENTED, "no such method")
    with pytest.raises(raphson.IncompatibleServerError):
        talking.explain("x = 1", {"x": 1.0})
