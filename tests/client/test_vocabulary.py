"""Enumerations equal the proto's, and friendly strings find them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from raphson import InvalidRequestError, JacobianMode, Method, Status, WarmStart
from raphson.v1 import solver_pb2
from raphson.vocabulary import to_jacobian_mode, to_method

if TYPE_CHECKING:
    from enum import IntEnum


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [
        (Status, solver_pb2.Status, "STATUS_"),
        (Method, solver_pb2.Method, "METHOD_"),
        (JacobianMode, solver_pb2.JacobianMode, "JACOBIAN_MODE_"),
        (WarmStart, solver_pb2.WarmStart, "WARM_START_"),
    ],
)
def test_numbers_equal_the_protos(ours: type[IntEnum], theirs: Any, prefix: str) -> None:
    expected = {name.removeprefix(prefix): number for name, number in theirs.items() if number}
    assert {member.name: int(member) for member in ours} == expected


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("auto", Method.AUTO),
        ("newton", Method.NEWTON),
        ("line_search", Method.LINE_SEARCH),
        ("Line-Search", Method.LINE_SEARCH),
        ("line search", Method.LINE_SEARCH),
        (Method.NEWTON, Method.NEWTON),
    ],
)
def test_friendly_methods(text: Any, method: Method) -> None:
    assert to_method(text) is method


def test_friendly_modes() -> None:
    names = ("exact", "forward", "central", "analytic", "complex_step")
    assert [to_jacobian_mode(name) for name in names] == list(JacobianMode)
    assert to_jacobian_mode("complex step") is JacobianMode.COMPLEX_STEP


def test_an_unknown_string_is_answered_with_a_suggestion() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        to_method("newtn")
    assert str(caught.value).startswith("method: 'newtn' is not known; expected one of 'auto', 'newton', 'line_search'")
    assert str(caught.value).endswith("; did you mean 'newton'?")
    assert caught.value.code.name == "INVALID_ARGUMENT"
    assert caught.value.fields[0].field == "method"


@pytest.mark.parametrize("value", [None, 2, True, Status.CONVERGED])
def test_what_is_no_string_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="expected one of 'exact'"):
        to_jacobian_mode(value)
