"""Solutions: what they hold, and how they print."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from raphson import Determinant, Solution, Status
from raphson.display import show_seconds, show_value
from raphson.v1.array_pb2 import DoubleArray, NamedArray
from raphson.v1.solver_pb2 import SolveResponse


def array(*numbers: float, shape: tuple[int, ...] | None = None) -> DoubleArray:
    return DoubleArray(shape=(len(numbers),) if shape is None else shape, data=np.array(numbers, dtype=float).tobytes())


def solution(**changes: Any) -> Solution:
    fields: dict[str, Any] = {
        "status": "STATUS_CONVERGED",
        "message": "the scaled residual passes at the returned point",
        "solution": [
            NamedArray(name="x", array=array(1.5, shape=())),
            NamedArray(name="u", array=array(-2.0, 0.25)),
        ],
        "residual": array(0.0, 1e-16, -2e-16),
        "scaled_residual": array(0.0, 1e-17, 3e-17),
        "residual_norm": 2e-16,
        "iterations": 4,
        "evaluations": 5,
        "jacobian_evaluations": 4,
        "elapsed_seconds": 12.3e-6,
        "system_id": "ab" * 32,
        "method": "METHOD_LINE_SEARCH",
    }
    return Solution(SolveResponse(**fields | changes))


def test_variables_are_found_by_name() -> None:
    root = solution()
    assert root["x"] == 1.5
    assert isinstance(root["x"], float)
    assert np.array_equal(root["u"], [-2.0, 0.25])
    assert "u" in root
    assert "v" not in root
    assert list(root) == ["x", "u"]
    assert dict(root).keys() == {"x", "u"}
    with pytest.raises(KeyError, match="'v' is not a variable; the variables are x, u"):
        root["v"]


def test_only_one_status_is_a_root() -> None:
    assert [status for status in Status if solution(status=int(status)).converged] == [Status.CONVERGED]


def test_a_solution_is_frozen_and_can_be_pickled() -> None:
    root = solution()
    for name in ("status", "x", "residual", "_reply", "other"):
        with pytest.raises(AttributeError, match="frozen"):
            setattr(root, name, None)
    for part in (root.x, root["u"], root.residual, root.scaled_residual):
        assert not part.flags.writeable  # type: ignore[union-attr]
    copy = pickle.loads(pickle.dumps(root))
    assert copy["x"] == 1.5
    assert repr(copy) == repr(root)


def test_a_root_prints_as_aligned_lines() -> None:
    assert repr(solution()).splitlines() == [
        "Solution",
        "  status      converged (method line search)",
        "  x           1.5",
        "  u           [-2, 0.25]",
        "  residual    2e-16 at most, scaled 3e-17",
        "  iterations  4 (5 evaluations of f, 4 of J)",
        "  time        12.3 µs",
    ]


def test_what_did_not_converge_says_why_and_what_to_try() -> None:
    text = repr(solution(status="STATUS_ITERATION_LIMIT", message="200 iterations were not enough", remedy="raise it"))
    lines = text.splitlines()
    assert lines[1] == "  status      iteration limit (method line search)"
    assert lines[-2:] == ["  message     200 iterations were not enough", "  remedy      raise it"]


def test_many_variables_are_abbreviated() -> None:
    count = 40
    root = solution(solution=[NamedArray(name=f"x{i}", array=array(i, shape=())) for i in range(count)])
    lines = repr(root).splitlines()
    assert len(lines) < 20
    assert "  …           (28 more variables)" in lines
    assert "  x39         39" in lines


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / 3, "0.333333333333"),
        (-2.0, "-2"),
        (np.array([1.0, 1 / 3]), "[1, 0.33333333]"),
        (np.arange(7.0), "[0, 1, 2, …, 6] shape (7,)"),
        (np.zeros((2, 2)), "[0, 0, 0, 0] shape (2, 2)"),
        (np.array([math.nan]), "[nan]"),
    ],
)
def test_values_are_short(value: Any, text: str) -> None:
    assert show_value(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(3.4e-6, "3.4 µs"), (0.0123, "12.3 ms"), (4.25, "4.25 s")])
def test_times_have_their_unit(seconds: float, text: str) -> None:
    assert show_seconds(seconds) == text


@pytest.mark.parametrize(
    ("sign", "log_abs", "value"),
    [(1.0, math.log(2), 2.0), (-1.0, 0.0, -1.0), (0.0, -math.inf, 0.0), (-1.0, 1e4, -math.inf), (1.0, -1e4, 0.0)],
)
def test_a_determinant_has_a_value(sign: float, log_abs: float, value: float) -> None:
    assert Determinant(sign, log_abs).value == pytest.approx(value)
