"""SystemService.Compile against a real server."""

from __future__ import annotations

import numpy as np
from raphson.v1.system_pb2 import CompileRequest, Parameter, System, Variable

from tests.server.calling import array, numbers, to_compile
from tests.server.running import Server


def test_what_is_known_of_a_system(server: Server) -> None:
    definition = System(
        equations=["u[i]**2 = a*v for i in range(n)", "v = 3"],
        variables=[Variable(name="u", shape=[2]), Variable(name="v")],
        parameters=[Parameter(name="n", value=array(2.0)), Parameter(name="a")],
    )
    reply = server.compile(CompileRequest(definition=definition))
    assert (reply.variable_count, reply.equation_count) == (3, 3)
    assert [(variable.name, tuple(variable.shape)) for variable in reply.variables] == [("u", (2,)), ("v", ())]
    assert [parameter.name for parameter in reply.parameters] == ["n", "a"]
    assert numbers(reply.parameters[0].value) == 2.0
    assert not reply.parameters[1].HasField("value")
    assert list(reply.equation_names) == ["equations[0] at i=0", "equations[0] at i=1", "equations[1]"]
    pattern = np.zeros((3, 3), dtype=int)
    pattern[list(reply.sparsity_rows), list(reply.sparsity_columns)] = 1
    np.testing.assert_array_equal(pattern, [[1, 0, 1], [0, 1, 1], [0, 0, 1]])


def test_the_id_is_of_the_graph_not_of_its_spelling(server: Server) -> None:
    one = server.compile(to_compile("x**2 + y = 1", "x = y", x=(), y=()))
    same = server.compile(to_compile("x^2 + y=1", "x   =y", x=(), y=()))
    other = server.compile(to_compile("x**3 + y = 1", "x = y", x=(), y=()))
    assert one.system_id == same.system_id
    assert one.system_id != other.system_id
    assert len(one.system_id) == 64


def test_non_square_systems_compile(server: Server) -> None:
    reply = server.compile(to_compile("x + y", x=(), y=()))
    assert (reply.equation_count, reply.variable_count) == (1, 2)
