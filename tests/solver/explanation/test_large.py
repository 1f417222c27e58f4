"""Systems that stay families are explained as small ones are, by sparse algebra, with as many names as are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.explanation import ElementNames, Explanation, Structure, element_names

from tests.solver.building import build

AS_FAMILIES = rs.Limits(equations=1)
U = np.ones(9)
RNG = np.random.default_rng(5)


def families(texts: Any, start: Any, parameters: Any = None) -> rs.System:
    system = build(texts, start, parameters, limits=AS_FAMILIES)
    assert system.family_codes is not None
    return system


def at(system: rs.System, x: Any, p: Any = None, **more: Any) -> Explanation:
    found = system.explain(x, p, **more)
    assert isinstance(found, Explanation)
    return found


PARTS: dict[str, tuple[Any, Any]] = {
    "too many, too few": (["u[i] + u[i+1] - 3 for i in range(7)", "u[0] + u[1]", "2*u[0] - u[1]"], {"u": U}),
    "no variable": (["u[i] - 1 for i in range(8)", "3 = 4 for i in range(2)"], {"u": U, "z": np.ones(3)}),
    "rectangular": (["u[i]*u[i+1] - 1 for i in range(8)"], {"u": U}),
    "sound": ("u[i] - u[(i+1) % 9]**2 for i in range(9)", {"u": U}),
}


@pytest.mark.parametrize("name", PARTS)
def test_the_pattern_is_explained_as_if_written_out(name: str) -> None:
    texts, start = PARTS[name]
    got, expected = families(texts, start).explain(), build(texts, start).explain()
    assert isinstance(got, Structure)
    assert got == expected
    assert str(got) == str(expected)


@pytest.mark.parametrize(
    ("text", "parameters", "said"),
    [
        ("log(u[i] - a*i) + u[8-i]", {"a": 0.5}, "equations[0] at i=2 is not finite: log(u[2] - a*2) is -inf ("),
        ("sqrt(u[i] - 1) + u[8-i]", None, "the slope of equations[0] at i=0 in u[0] is not finite: sqrt(u[0] - 1) ("),
        (
            "u[i] + sum(log(u[j] + 2 - i) for j in range(9))",
            None,
            "equations[0] at i=3 is not finite: log(u[0] + 2 - 3) is -inf (log of 0",
        ),
        (
            "u[i] + sum(cbrt(u[j] - 1)*b[j] for j in range(9))",
            {"b": np.arange(1.0, 10.0)},
            "the slope of equations[0] at i=0 in u[0] is not finite: cbrt(u[0] - 1) (the slope of cbrt",
        ),
    ],
)  # fmt: skip
def test_where_it_is_not_finite(text: str, parameters: Any, said: str) -> None:
    found = at(families(f"{text} for i in range(9)", {"u": U}, parameters), U, parameters)
    assert found.not_finite is not None
    assert found.lines()[0].startswith(said)


def test_a_sum_that_overflows() -> None:
    found = at(families("u[0] + sum(u[j]*1e308 for j in range(9)) + 0*u[i] for i in range(9)", {"u": U}), U)
    assert found.not_finite is not None
    assert (found.not_finite.equation, found.not_finite.text) == (0, "sum(…)")


def test_worst_equations_and_bounds() -> None:
    system = families("u[i]**2 - i for i in range(9)", {"u": U})
    found, expected = at(system, U, bounds={"u": (1, 9)}), build("u[i]**2 - i for i in range(9)", {"u": U}).explain(U)
    assert isinstance(expected, Explanation)
    assert found.worst == expected.worst
    assert found.lines()[:4] == [
        "u[0] is at its lower bound 1",
        "u[1] is at its lower bound 1",
        "u[2] is at its lower bound 1",
        "… and 6 more like these",
    ]


def test_equations_that_say_the_same_and_variables_that_act_alike() -> None:
    texts = ["u[i]*u[i+1] - 3 for i in range(7)", "u[3]*u[4]*2 - 5*u[0]*u[1]*0", "u[8] + u[7]"]
    found = at(families(texts, {"u": U}), U)
    assert found.dependence is not None
    assert [(pair.first, pair.second, round(pair.cosine, 12)) for pair in found.dependence.parallel_rows] == [
        (3, 7, 1.0)
    ]
    text = "(u[2*i] + 3*u[2*i+1])**3 + u[(2*i+2) % 20] + 3*u[(2*i+3) % 20] - i for i in range(10)"
    alike = at(families(text, {"u": np.ones(20)}), np.ones(20))
    assert alike.dependence is not None
    pairs = {(pair.first, pair.second) for pair in alike.dependence.parallel_columns}
    assert pairs == {(2 * i, 2 * i + 1) for i in range(10)}


@pytest.mark.parametrize("end", ["u[0] - u[39]", "u[0] - u[39] + 1e-13*u[0]"])
def test_what_is_singular_names_what_is_dependent(end: str) -> None:
    system = families(["u[i+1] - u[i] for i in range(39)", end], {"u": np.ones(40)})
    found = at(system, np.ones(40))
    assert found.dependence is not None
    assert found.dependence.condition is not None
    assert found.dependence.condition > 1e10
    (redundant,), (undetermined,) = found.dependence.redundant, found.dependence.undetermined
    assert redundant.more == undetermined.more == 10
    np.testing.assert_allclose(np.abs(undetermined.weights), 1.0, rtol=1e-3)
    text = str(found)
    assert "u[4] and 35 more can change together" in text.replace("\n  ", " ")


def test_the_condition_is_that_of_the_dense_analysis_within_the_estimates() -> None:
    n = 60
    texts = [f"{h}*u[i]**2 + u[(i+7) % n] - 0.5*u[(i+1) % n] - 1 for i in range(n)" for h in (1.5,)]
    x = RNG.uniform(0.5, 1.5, n)
    sparse, dense = at(families(texts, {"u": x}, {"n": n}), x), build(texts, {"u": x}, {"n": n}).explain(x)
    assert isinstance(dense, Explanation)
    assert sparse.dependence is not None
    assert dense.dependence is not None
    assert (sparse.dependence.rank, dense.dependence.rank) == (n, n)
    assert sparse.dependence.condition is not None
    assert dense.dependence.condition is not None
    # Of other norms.
    assert 1 / n < sparse.dependence.condition / dense.dependence.condition < n


def test_a_hundred_thousand_unused_variables_are_counted_not_listed() -> None:
    n = 200_000
    system = build("u[2*i]**2 - 1 for i in range(n//2)", {"u": np.ones(n)}, {"n": n})
    found = system.explain()
    assert isinstance(found, Structure)
    assert str(found).splitlines() == [
        "there are 100000 equations for 200000 variables",
        "no equation contains u[1], u[3], u[5], u[7], u[9] and 99995 more",
    ]
    assert (len(found.unused_variables), len(found.under)) == (30, 30)


def test_names_are_made_when_they_are_asked_for() -> None:
    declared = (("x", ()), ("u", (3, 2, 4)), ("none", (0,)), ("w", (2,)))
    names = ElementNames(declared)
    assert tuple(names) == element_names(declared)
    assert (len(names), names[-1], names[1:3]) == (27, "w[1]", ("u[0,0,0]", "u[0,0,1]"))
    with pytest.raises(IndexError):
        names[27]


def test_more_entries_than_may_be_are_refused_before_they_are_made() -> None:
    n = 1_000_000
    system = build(["s := sum(u)", "u[i]*s - 1 for i in range(n)"], {"u": np.ones(n)}, {"n": n})
    with pytest.raises(rs.LimitError, match="a variable of its own") as caught:
        system.solve(np.ones(n))
    assert (caught.value.limit, caught.value.value) == ("entries", n * n)


def test_an_index_from_a_table_is_told_with_its_place() -> None:
    for limits in (AS_FAMILIES, rs.Limits()):
        with pytest.raises(rs.DefinitionError) as caught:
            build("u[q[i]] for i in range(5)", {"u": np.ones(3)}, {"q": np.array([0, 2, 7, 1, 1])}, limits=limits)
        assert caught.value.message == "the index 7 of 'u', which is q[2], is outside 0 … 2 (at i=2)"
