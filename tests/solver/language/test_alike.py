"""Equations written out by the thousand are families again: what they say is what they said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.differential import Differential

from tests.solver.building import build

N = 300
AS_FAMILIES = rs.Limits(equations=N - 1)
RNG = np.random.default_rng(11)


def both(texts: list[str], start: Any, parameters: Any = None) -> tuple[rs.System, rs.System]:
    families, written = build(texts, start, parameters, limits=AS_FAMILIES), build(texts, start, parameters)
    assert families.family_codes is not None
    assert written.family_codes is None
    return families, written


def count(system: rs.System) -> int:
    assert system.family_codes is not None
    return len(system.family_codes.families.equations)


def same(families: rs.System, written: rs.System, p: Any = None) -> None:
    """Compare names, f and J, the pattern included."""
    got, expected = Differential(families), Differential(written)
    x = RNG.uniform(0.5, 1.5, written.n)
    assert list(families.equation_names) == list(written.equation_names)
    np.testing.assert_allclose(got.value(x, p), expected.value(x, p), rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(got.matrix(x, p), expected.matrix(x, p), rtol=1e-14, atol=1e-14)
    for one, other in zip(got.pattern, expected.pattern, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_line_of_stencils() -> None:
    texts = [
        f"u[{i - 1}] - 2*u[{i}] + u[{i + 1}] + {0.001 * (i % 7 + 1)}*exp(u[{i}]) = 0"
        if 0 < i < N - 1
        else f"u[{i}] = 0"
        for i in range(N)
    ]
    families, written = both(texts, {"u": np.ones(N)})
    assert count(families) == 2
    same(families, written)
    assert families.equation_names[7] == "equations[7]"


def test_scalars_by_their_names_and_parameters() -> None:
    names = [f"x{i}" for i in range(N)]
    texts = [f"{names[i]}**2 - a*{names[(i * 7) % N]} + b[{i}] - {i}" for i in range(N)]
    parameters = {"a": 0.5, "b": np.linspace(0.1, 1, N)}
    families, written = both(texts, dict.fromkeys(names, 1.0), parameters)
    # A factor of 1 and a term of 0 vanish where they stand, as in equations one by one.
    assert count(families) == 3
    same(families, written, parameters)


def test_what_may_not_differ_tells_families_apart() -> None:
    texts = [f"u[{i}]**{i % 3 + 1} - {i % 2}*u[{(i + 1) % N}]*sin(u[{i}]) - 2" for i in range(N)]
    families, written = both(texts, {"u": np.ones(N)})
    assert count(families) == 6
    same(families, written)


def test_conditions_tables_sums_and_definitions() -> None:
    texts = ["s := u[0] + 1.5"]
    texts += [
        f"(u[{i}] if u[{i}] > 0.9 else s*{i + 2}) + sum(u[k]*w[k] for k in range({i}, {i + 3 + i % 2})) - t[{i}]*x"
        for i in range(N - 5)
    ]
    texts += ["x - 1", *(f"u[j] - j for j in range({N - 5}, {N - 2})" for _ in range(1)), "u[298] - u[299]", "u[299]*x"]
    parameters = {"w": np.linspace(1, 2, N), "t": (np.arange(N) * 7) % 5}
    families, written = both(texts, {"u": np.ones(N), "x": 1.0}, parameters)
    assert count(families) < 12
    same(
        families, written, {"w": parameters["w"]} | ({} if "t" in written.structural else {"t": 1.0 * parameters["t"]})
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("u[300] - 2*u[3] - 5", "the index 300 of 'u' is outside 0 … 299"),
        ("u[1.5] - 2*u[3] - 5", "an index must be a whole number; found 1.5"),
        ("u[7] - 2*u[3]  - 1e999", "the number 1e999 is too large"),
        ("u[7] - 2*v[3] - 5", "unknown name 'v'"),
        ("u[7] - 2*u[3 - 5", "'[' was never closed"),
    ],
)
def test_the_text_that_makes_no_sense_is_named(text: str, message: str) -> None:
    texts = [f"u[{i}] - 2*u[{(i + 5) % N}] - {i + 2}" for i in range(N)]
    texts[177] = text
    errors = []
    for limits in (AS_FAMILIES, rs.Limits()):
        with pytest.raises(rs.DefinitionError) as caught:
            build(texts, {"u": np.ones(N)}, limits=limits)
        errors.append(caught.value)
    assert message in errors[0].message
    assert errors[0].field == errors[1].field == "equations[177]"
    assert (errors[0].message, errors[0].column) == (errors[1].message, errors[1].column)


def test_ten_thousand_texts_are_one_family() -> None:
    n = 12_000
    system = build([f"u[{i}]**2 - {i + 2}.5" for i in range(n)], {"u": np.ones(n)})
    assert count(system) == 1
    solution = system.solve(np.ones(n))
    np.testing.assert_allclose(solution.x, np.sqrt(np.arange(n) + 2.5), rtol=1e-12)
