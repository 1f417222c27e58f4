"""Whatever comes in, a system or a `RaphsonError` comes out, soon, and the next system is as it would have been."""

from __future__ import annotations

import time
from functools import cache

import numpy as np
import raphson_solver as rs
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

LIMITS = rs.Limits(nodes=3000, equations=200)
VARIABLES = (("x", ()), ("y", ()), ("u", (4,)), ("a", (2, 3)))
PARAMETERS = (("r", ()), ("n", ()), ("t", (4,)), ("w", (4,)))
VALUES = (("n", (4.0,)), ("t", (3.0, 0.0, 1.0, 2.0)))
START = np.array([0.5, -1.5, 1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
LONGEST_SECONDS = 2.0

VALID = [
    "x**2 + y^2 = r**2",
    "exp(-x) - y*log1p(x*x) = 0.5e-3",
    "u[i-1] - 2*u[i] + u[i+1] + exp(u[i]) = 0 for i in range(1, n-1)",
    "a[i,j] - w[j] for i in range(2) for j in range(3) if i != j and not j == 2",
    "sum(u[i]*w[i] for i in range(n)) - prod(u) + max(x, y, 3) = min(a[0,j] for j in range(3))",
    "(u[i-1] if i > 0 else x) - u[t[i]] // 2 % 3 for i in range(n)",
    "where(x > 0 and y <= 1 or not x == y, sqrt(x), -x) - arctan2(x, y) = pi",
    "rho := sqrt(x**2 + y**2)",
    "1 if 0 < x < y else 2 if x != 0 else 3",
]
PIECES = [
    "x", "y", "u", "a", "r", "n", "t", "w", "i", "j", "e", "pi", "z", "for", "in", "if", "else", "and", "or", "not",
    "range", "sum", "prod", "min", "max", "where", "sin", "power", "hypot", "lambda", "(", ")", "[", "]", ",", "=",
    ":=", "+", "-", "*", "/", "//", "%", "**", "^", "<", "<=", "==", "!=", ">", "0", "1", "2", "0.5", "1e300", "1e999",
    "9", "10**15", ".", "'", ":", "é", "\n", " ", "u[i]", "for i in range(3)", "range(10**12)", "sum(u)",
    "x if i > 0 else", "(x", "x)",
]  # fmt: skip


def system_or_error(texts: list[str], jacobian: tuple[tuple[str, ...], ...] | None = None) -> None:
    """Check what comes out, and that it comes soon; a machine that stood still gets another chance."""
    if outcome_seconds(texts, jacobian) > LONGEST_SECONDS:
        assert outcome_seconds(texts, jacobian) <= LONGEST_SECONDS


def outcome_seconds(texts: list[str], jacobian: tuple[tuple[str, ...], ...] | None) -> float:
    """Check what comes out; return how long that took."""
    definition = rs.Definition(tuple(texts), VARIABLES, PARAMETERS, VALUES, jacobian)
    began = time.perf_counter()
    try:
        system, error = rs.compile_definition(definition, LIMITS), None
    except rs.RaphsonError as caught:
        system, error = None, caught
    if error is not None:
        assert error.field.startswith(("equations", "start", "parameters", "jacobian"))
        assert error.message
        assert str(error).startswith(f"{error.field}: {error.message}")
        if isinstance(error, rs.DefinitionError) and error.column is not None:
            assert error.source is not None
            assert 0 <= error.column <= len(error.source)
    if system is not None:
        free = {name: np.ones(shape) for name, shape in system.parameters if name not in system.structural}
        assert system.residual(START, free).shape == (system.m,) == (len(system.equation_names),)
    return time.perf_counter() - began


@cache
def reference() -> tuple[str, bytes]:
    system = rs.compile_definition(rs.Definition(tuple(VALID), VARIABLES, PARAMETERS, VALUES), rs.Limits())
    return system.id, system.residual(START, np.full(5, 2.0)).tobytes()


@given(st.text(max_size=60))
@settings(max_examples=150)
def test_any_text(text: str) -> None:
    system_or_error([text])


@given(st.binary(max_size=60))
@settings(max_examples=100)
def test_any_bytes(raw: bytes) -> None:
    system_or_error([raw.decode("latin-1")])


@given(st.lists(st.sampled_from(PIECES), max_size=14), st.sampled_from(["", " "]))
@settings(max_examples=300)
@example(["x", "[", "1e300", "]"], "")
@example(["u", "[", "10**15", "*", "10**15", "]"], "")
@example(["sum", "(", "x", "for", "i", "in", "range(10**12)", ")"], " ")
def test_any_tokens(pieces: list[str], gap: str) -> None:
    system_or_error([gap.join(pieces)])


@given(st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_a_valid_text_changed_somewhere(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(VALID))
    for _ in range(data.draw(st.integers(1, 3))):
        first, last = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
        middle = data.draw(st.sampled_from(["", text[first:last] * 2, *PIECES]))
        text = text[:first] + middle + text[min(last, first + 8) :]
    system_or_error([text, "x"])


@given(st.lists(st.sampled_from(PIECES), max_size=6), st.integers(0, 3))
@settings(max_examples=100)
def test_any_entry_of_a_jacobian(pieces: list[str], place: int) -> None:
    entries = ["1", "y", "u[0]", "2*x"] + ["0"] * 20
    entries[place] = " ".join(pieces)
    system_or_error(["x*y", "x + y"], (tuple(entries[:12]), tuple(entries[12:])))


def test_nothing_that_was_refused_left_a_trace() -> None:
    before = reference()
    for text in PIECES:
        system_or_error([text])
    reference.cache_clear()
    assert reference() == before
