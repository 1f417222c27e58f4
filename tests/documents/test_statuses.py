"""One set of statuses, methods and modes: in the engine, on the wire, in the client and in the documents."""

from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
import raphson
import raphson_solver
from raphson.v1 import solver_pb2
from raphson_solver.engine import attempts

PAGE = (Path(__file__).parents[2] / "docs" / "statuses.md").read_text()


@pytest.mark.parametrize(
    ("prefix", "solvers", "wire", "clients"),
    [
        ("STATUS_", raphson_solver.Status, solver_pb2.Status, raphson.Status),
        ("METHOD_", raphson_solver.Method, solver_pb2.Method, raphson.Method),
        ("JACOBIAN_MODE_", raphson_solver.JacobianMode, solver_pb2.JacobianMode, None),
    ],
)
def test_names_and_numbers_are_the_same(
    prefix: str, solvers: type[IntEnum], wire: Any, clients: type[IntEnum] | None
) -> None:
    in_solver = {member.name: int(member) for member in solvers}
    on_wire = {name.removeprefix(prefix): number for name, number in wire.items() if number}
    assert in_solver == on_wire
    if clients is not None:
        assert in_solver == {member.name: int(member) for member in clients}


@pytest.mark.parametrize("status", raphson_solver.Status)
def test_the_page_says_what_the_engine_says(status: raphson_solver.Status) -> None:
    assert f"| `{status.name}` | {int(status)} | {status.message} | {status.remedy or '–'} |" in PAGE


@pytest.mark.parametrize(
    ("system", "tried"),
    [
        ("m = n, several variables", attempts.SQUARE),
        ("one equation in one variable", attempts.SCALAR),
        ("m ≠ n", attempts.RECTANGULAR),
    ],
)
def test_the_page_says_what_auto_tries(system: str, tried: Any) -> None:
    shares = ", ".join(
        f"`{raphson.Method(method).name.lower()}` {share / 10:g} %{' unweighted' if unweighted else ''}"
        for method, unweighted, _, share in tried
    )
    assert f"| {system} | {shares} |" in PAGE


def test_the_page_says_how_auto_restarts() -> None:
    assert f"| any | then up to {attempts.RESTARTS} restarts, {attempts._RESTART_SHARE / 10:g} % each |" in PAGE


@pytest.mark.parametrize("method", raphson_solver.Method)
def test_the_page_names_every_method(method: raphson_solver.Method) -> None:
    assert f"| `{method.name.lower()}` |" in PAGE
