"""Indices of all members at once are those of one member after another, in loops of any kind."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from raphson_solver.errors import DefinitionError
from raphson_solver.expression.family import Places
from raphson_solver.language import syntax
from raphson_solver.language.families import _places
from raphson_solver.language.grid import ALONE, Affine
from raphson_solver.language.index_arrays import OWNER, IndexArrays
from raphson_solver.language.integers import Integers
from raphson_solver.language.names import Array
from raphson_solver.language.parser import Uses, parse_equation

T = np.array([3, 0, 2, 5, 1, 4, 6])
ARRAYS = {
    "t": Array((7,), -1, is_variable=False, values=T),
    "n": Array((), -1, is_variable=False, values=np.array(5)),
    "u": Array((10**6,), 0, is_variable=True),
}

ranges = st.sampled_from(
    ["range(n)", "range(1, n-1)", "range(6, 0, -2)", "range(1)", "range(0)", "range(2, 9, 3)", "range(t[2], t[3])"]
)
dependent = st.sampled_from(["range(i)", "range(i, n)", "range(i-1, i+2)", "range(t[i], t[i]+2)", "range(0, 2*i, i+1)"])
filters = st.sampled_from(
    ["", " if i > 0", " if i % 2 == 1", " if i != 2 and i < 4", " if i == 0 or i == n-1", " if t[i % 7] > 2"]
)
inner_filters = st.sampled_from(
    ["", " if j != i", " if j >= 1", " if i == 0 or j == 0 or j == n-1", " if not i == 2", " if t[j % 7] < t[i % 7]"]
)
wholes = st.recursive(
    st.sampled_from(["i", "j", "3", "n", "t[i % 7]", "t[(j+2) % 7]"]),
    lambda children: st.one_of(
        st.tuples(children, st.sampled_from(["+", "-", "*"]), children).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(children, st.sampled_from(["//", "%"]), st.sampled_from(["2", "3", "(i+1)"])).map(
            lambda parts: f"({' '.join(parts)})"
        ),
        children.map(lambda each: f"(-{each})"),
    ),
    max_leaves=4,
)
conditions = st.sampled_from(["i > 1", "j == 0", "i == j", "j != 2 and i != 3", "t[i % 7] > j", "i % 2 == 0", "n > 3"])


def parsed(text: str) -> syntax.Equation:
    item = parse_equation(text, "equations[0]", 50, Uses())
    assert isinstance(item, syntax.Equation)
    return item


@given(ranges, filters, st.one_of(ranges, dependent), inner_filters, wholes, conditions)
@settings(max_examples=300, deadline=None)
def test_members_are_those_of_loops_one_by_one(
    first: str, outer: str, second: str, inner: str, whole: str, condition: str
) -> None:
    item = parsed(f"u[{whole}] for i in {first}{outer} for j in {second}{inner}")
    assert isinstance(item.left, syntax.Index)
    tree, alone, together = item.left.indices[0], Integers(ARRAYS, 10**6), IndexArrays(ARRAYS, 10**6)
    try:
        steps = list(alone.steps(item.loops, {}))
        expected = [alone.value(tree, step) for step in steps]
    except DefinitionError:
        assume(False)
    members = together.expand(item.loops, ALONE)
    assert [members.at(number) for number in range(members.count)] == steps
    if not steps:
        return
    value = together.value(tree, members)
    assert _places(value, members).array(members.count).tolist() == expected
    # As members part, each keeps its own.
    holds = np.asarray(together.condition(parsed(f"1 if {condition} else 2").left.condition, members))  # type: ignore[union-attr]
    kept = [alone.condition(parsed(f"1 if {condition} else 2").left.condition, step) for step in steps]  # type: ignore[union-attr]
    if holds.ndim == 0:
        assert kept == [bool(holds)] * len(steps)
    elif any(kept):
        part = members.adding("#", members.numbers()).take(holds)
        own = [step for step, is_kept in zip(steps, kept, strict=True) if is_kept]
        assert [part.at(number) for number in range(part.count)] == own
        rows = _places(part.indices["#"], part).array(part.count)
        assert rows.tolist() == np.flatnonzero(kept).tolist()
        assert _places(together.value(tree, part), part).array(part.count).tolist() == [
            alone.value(tree, step) for step in own
        ]


@given(ranges, filters, st.one_of(ranges, dependent), inner_filters)
@settings(max_examples=150, deadline=None)
def test_the_terms_of_a_sum_know_whose_they_are(first: str, outer: str, second: str, inner: str) -> None:
    item, term = parsed(f"1 for i in {first}{outer}"), parsed(f"1 for j in {second}{inner}")
    alone, together = Integers(ARRAYS, 10**6), IndexArrays(ARRAYS, 10**6)
    try:
        owners = list(alone.steps(item.loops, {}))
        steps = [list(alone.steps(term.loops, owner)) for owner in owners]
    except DefinitionError:
        assume(False)
    assume(owners)
    members = together.expand(item.loops, ALONE)
    terms = together.expand(term.loops, members)
    assert [terms.at(number) for number in range(terms.count)] == [step for own in steps for step in own]
    whose = [number for number, own in enumerate(steps) for _ in own]
    assert _places(terms.indices[OWNER], terms).array(terms.count).tolist() == whose if whose else not terms.count
    lengths = {len(own) for own in steps}
    if len(lengths) == 1 and lengths != {0}:
        (length,) = lengths
        for place in range(length):
            chosen = terms.inner(members, place, length)
            assert chosen.shape == members.shape
            assert [chosen.at(number) for number in range(chosen.count)] == [own[place] for own in steps]


def test_boxes_need_no_tables() -> None:
    together = IndexArrays({**ARRAYS, "N": Array((), -1, is_variable=False, values=np.array(1000))}, 10**9)
    members = together.expand(parsed("1 for i in range(1, N-1) for j in range(N) if j > 0").loops, ALONE)
    assert members.shape == (998, 999)
    tree = parsed("N*(i-1) + j").left
    value = together.value(tree, members)
    assert value == Affine(1, (1000, 1))
    places = _places(value, members)
    assert (places.axes, places.given) == (((998, 1000), (999, 1)), None)
    assert places.table is not None
    assert places.array(members.count)[:3].tolist() == [1, 2, 3]
    assert places.array(members.count)[999] == 1001
    # Axes that go on where the one within ends are one progression; so is an axis alone.
    assert Places.on_grid(5, (10, 1), (7, 10)).key == Places(5, 1).key
    assert Places.on_grid(5, (10, 0), (7, 1)).key == Places(5, 10).key
    assert Places.on_grid(5, (0,), (7, 3)).key == Places(5, 0).key
