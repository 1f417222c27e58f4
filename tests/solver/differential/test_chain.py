"""Compositions against the composed text, against the product of their links' Jacobians, and by the laws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from raphson_solver.differential import Differential
from raphson_solver.differential.chain import Chain
from raphson_solver.differential.orders import ChainOrder

from tests.problems import reference
from tests.solver.building import build

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Texts of f, by their variables x1 … xn, smooth everywhere.
TEXTS: dict[tuple[int, int], list[str]] = {
    (1, 1): ["sin(x1) + x1/3"],
    (1, 2): ["cos(x1)", "exp(x1/4)"],
    (1, 3): ["x1", "x1**2/5", "sin(x1)"],
    (2, 1): ["x1*x2 + cos(x1 - x2)"],
    (2, 2): ["x1*cos(x2)", "x1*sin(x2) + x2"],
    (2, 3): ["x1 + x2", "x1*x2/4", "exp(-x1**2) + x2"],
    (3, 1): ["atan(x1 + x2*x3) + x3/5"],
    (3, 2): ["x1*x2 - x3", "cos(x1) + x2*x3/6"],
    (3, 3): ["x2 + sin(x3)", "x1*x3/7", "atan(x1)"],
}
LINKS = {(n, m): Differential(build(texts, [f"x{i + 1}" for i in range(n)])) for (n, m), texts in TEXTS.items()}
extents = st.lists(st.integers(1, 3), min_size=2, max_size=6)
seeds = st.integers(0, 2**32 - 1)


def chain_of(sizes: list[int]) -> Chain:
    return Chain([LINKS[sizes[i], sizes[i + 1]] for i in range(len(sizes) - 1)])


def composed(sizes: list[int]) -> list[str]:
    """The texts of the whole, each link's written into the next one's."""
    texts = [f"x{i + 1}" for i in range(sizes[0])]
    for i in range(len(sizes) - 1):
        inner = texts
        texts = []
        for text in TEXTS[sizes[i], sizes[i + 1]]:
            for place in range(len(inner), 0, -1):
                text = text.replace(f"x{place}", f"#{place}")  # noqa: PLW2901
            for place, part in enumerate(inner, start=1):
                text = text.replace(f"#{place}", f"({part})")  # noqa: PLW2901
            texts.append(text)
    return texts


def product(chain: Chain, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """J by NumPy, from the links one after another."""
    total = np.eye(chain.n)
    for link in chain.links:
        total = link.matrix(x) @ total
        x = link.value(x)
    return total


@pytest.mark.parametrize("sizes", [[2, 2], [1, 3, 2], [2, 3, 3, 1], [3, 1, 2, 3], [2, 2, 1, 1, 3]])
def test_it_agrees_with_the_composed_text_to_fifty_digits(sizes: list[int]) -> None:
    chain = chain_of(sizes)
    x = np.random.default_rng(len(sizes)).uniform(-1.0, 1.0, sizes[0])
    wanted = np.array(reference.jacobian(composed(sizes), x.tolist()), dtype=float)
    value = [float(number) for number in reference.residual(composed(sizes), x.tolist())]
    assert (chain.n, chain.m) == (sizes[0], sizes[-1])
    np.testing.assert_allclose(chain.value(x), value, rtol=1e-13, atol=1e-14)
    for order in ChainOrder:
        np.testing.assert_allclose(chain.matrix(x, order), wanted, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(chain.jvp(x, np.ones(sizes[0])), wanted.sum(axis=1), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(chain.vjp(x, np.ones(sizes[-1])), wanted.sum(axis=0), rtol=1e-12, atol=1e-13)


@given(extents, seeds)
def test_it_agrees_with_the_system_of_the_composed_text(sizes: list[int], seed: int) -> None:
    chain = chain_of(sizes)
    x = np.random.default_rng(seed).uniform(-1.0, 1.0, sizes[0])
    whole = Differential(build(composed(sizes), [f"x{i + 1}" for i in range(sizes[0])]))
    np.testing.assert_allclose(chain.value(x), whole.value(x), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(chain.matrix(x), whole.matrix(x), rtol=1e-11, atol=1e-12)


@given(extents, seeds)
def test_every_order_gives_the_same_matrix(sizes: list[int], seed: int) -> None:
    chain = chain_of(sizes)
    x = np.random.default_rng(seed).uniform(-1.0, 1.0, (2, 3, sizes[0]))
    wanted = product(chain, x)
    for order in ("auto", "forward", "reverse"):
        found = chain.matrix(x, order)
        assert found.shape == (2, 3, sizes[-1], sizes[0])
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-13)


@given(extents, seeds)
def test_the_adjoint_identity(sizes: list[int], seed: int) -> None:
    chain = chain_of(sizes)
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, (4, sizes[0]))
    v, w = rng.normal(size=(4, sizes[0])), rng.normal(size=(4, sizes[-1]))
    forward, reverse = chain.jvp(x, v), chain.vjp(x, w)
    assert (forward.shape, reverse.shape) == ((4, sizes[-1]), (4, sizes[0]))
    J = product(chain, x)
    size = np.abs(w)[:, None, :] @ np.abs(J) @ np.abs(v)[..., None]
    assert np.all(np.abs(np.sum(forward * w, -1) - np.sum(v * reverse, -1)) <= 1e-12 * (1 + size[:, 0, 0]))
    np.testing.assert_allclose(forward, (J @ v[..., None])[..., 0], rtol=1e-11, atol=1e-12)


@given(extents, hnp.arrays(np.float64, (2, 3), elements=st.floats(-1e3, 1e3)), st.floats(-1e3, 1e3))
def test_the_products_are_linear(sizes: list[int], both: NDArray[np.float64], factor: float) -> None:
    chain = chain_of(sizes)
    x = np.linspace(-0.5, 0.75, sizes[0])
    for view, count in ((chain.jvp, sizes[0]), (chain.vjp, sizes[-1])):
        a, b = both[:, :count]
        sum_, parts = view(x, factor * a + b), view(x, np.array([a, b]))
        size = np.abs(factor) * np.abs(a).max() + np.abs(b).max()
        np.testing.assert_allclose(sum_, factor * parts[0] + parts[1], atol=1e-11 * size + 1e-300, rtol=0)


# --- batches, names and parameters ------------------------------------------------------------------------------


def test_several_vectors_at_one_point() -> None:
    chain = chain_of([2, 3, 2])
    x = np.array([0.3, -0.4])
    v, w = np.random.default_rng(1).normal(size=(2, 5, 2))
    J = chain.matrix(x)
    np.testing.assert_allclose(chain.jvp(x, v), v @ J.T, rtol=1e-13)
    np.testing.assert_allclose(chain.vjp(x, w), w @ J, rtol=1e-13)


POLAR = Differential(build(["r*cos(t)", "r*sin(t)"], ["r", "t"]))
STRETCH = Differential(build("a[i]*x[i]*s for i in range(2)", {"x": [0.0, 0.0]}, {"a": [1.0, 1.0], "s": 1.0}))


def test_links_by_name_with_parameters_and_a_batch() -> None:
    chain = Chain([POLAR, STRETCH, POLAR], [None, {"a": [2.0, 3.0], "s": [[1.0], [-0.5], [0.25]]}, None])
    at = {"r": [1.0, 2.0, 0.5, 1.5], "t": 0.75}
    value, J = chain.value(at), chain.matrix(at)
    assert value.shape == (3, 4, 2)
    assert J.shape == (3, 4, 2, 2)
    for place in np.ndindex(3, 4):
        s, r = (1.0, -0.5, 0.25)[place[0]], at["r"][place[1]]  # type: ignore[index]
        texts = [
            f"2*({s})*x1*cos(x2)*cos(3*({s})*x1*sin(x2))",
            f"2*({s})*x1*cos(x2)*sin(3*({s})*x1*sin(x2))",
        ]
        wanted = np.array(reference.jacobian(texts, [r, 0.75]), dtype=float)
        np.testing.assert_allclose(J[place], wanted, rtol=1e-13, atol=1e-14)
        expected = [float(number) for number in reference.residual(texts, [r, 0.75])]
        np.testing.assert_allclose(value[place], expected, rtol=1e-13)
    np.testing.assert_allclose(chain.jvp(at, {"r": 1.0, "t": 0.0}), J[..., 0], rtol=1e-14)


# --- which way ----------------------------------------------------------------------------------------------------


class Unformed(Differential):
    """One whose J is never asked for, and whose products are counted."""

    def __init__(self, system: rs.System) -> None:
        super().__init__(system)
        self.swept: list[str] = []

    def matrix(self, *_: Any) -> NoReturn:
        raise AssertionError("a matrix was formed")

    def jvp(self, *arguments: Any) -> NDArray[np.float64]:
        self.swept.append("jvp")
        return super().jvp(*arguments)

    def vjp(self, *arguments: Any) -> NDArray[np.float64]:
        self.swept.append("vjp")
        return super().vjp(*arguments)


def test_a_parameter_that_is_part_of_its_system_may_be_given_again() -> None:
    system = build("s*x[k[i]] for i in range(n)", {"x": [0.0] * 3}, {"n": 2, "k": [2, 0], "s": 1.0})
    chain = Chain([Differential(system)], [{"n": 2, "k": [2, 0], "s": 5.0}])
    assert chain.matrix([0.0, 0.0, 0.0]).tolist() == [[0.0, 0.0, 5.0], [5.0, 0.0, 0.0]]
    with pytest.raises(rs.InputError) as caught:
        Chain([Differential(system)], [{"n": 3, "s": 5.0}])
    assert caught.value.field == "links[0].parameters.n"


def network() -> tuple[list[rs.System], list[dict[str, Any]], NDArray[np.float64]]:
    """Three layers of tanh and a squared error: 20 → 12 → 8 → 4 → 1."""
    rng = np.random.default_rng(12)
    systems, parameters = [], []
    for n, m in ((20, 12), (12, 8), (8, 4)):
        weights = {"W": rng.normal(size=(m, n)) / n, "b": rng.normal(size=m)}
        text = f"tanh(sum(W[i,j]*x[j] for j in range({n})) + b[i]) for i in range({m})"
        systems.append(build(text, {"x": np.zeros(n)}, weights))
        parameters.append(weights)
    target = {"target": rng.normal(size=4)}
    systems.append(build("sum((x[i] - target[i])**2 for i in range(4))", {"x": np.zeros(4)}, target))
    return systems, [*parameters, target], rng.normal(size=20)


def test_a_network_is_differentiated_backwards_without_forming_a_matrix() -> None:
    systems, parameters, x = network()
    links = [Unformed(system) for system in systems]
    chain = Chain(links, parameters)
    assert chain.plan.order is ChainOrder.REVERSE
    found = chain.matrix(x)
    assert found.shape == (1, 20)
    assert [link.swept for link in links] == [["vjp"]] * 4

    def loss(x: NDArray[Any]) -> Any:
        for layer in parameters[:3]:
            x = np.tanh(x @ layer["W"].T + layer["b"])
        return np.sum((x - parameters[3]["target"]) ** 2, axis=-1)

    complex_step = loss(x + 1e-100j * np.eye(20)).imag / 1e-100
    np.testing.assert_allclose(found[0], complex_step, rtol=1e-12)
    assert chain.value(x) == pytest.approx([loss(x)], rel=1e-13)
    formed = Chain([Differential(system) for system in systems], parameters).matrix(x, "forward")
    np.testing.assert_allclose(found, formed, rtol=1e-12)


def test_a_curve_is_differentiated_forwards_without_forming_a_matrix() -> None:
    links = [Unformed(LINKS[shape].system) for shape in ((1, 3), (3, 3), (3, 3), (3, 2))]
    chain = Chain(links)
    assert chain.plan.order is ChainOrder.FORWARD
    t = np.linspace(-1.0, 1.0, 5)[:, None]
    found = chain.matrix(t)
    assert [link.swept for link in links] == [["jvp"]] * 4
    np.testing.assert_allclose(found, product(chain_of([1, 3, 3, 3, 2]), t), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("sizes", [[2, 3, 1, 2, 3], [3, 3, 2], [2, 1]])
def test_the_products_form_no_matrix(sizes: list[int]) -> None:
    chain = Chain([Unformed(LINKS[sizes[i], sizes[i + 1]].system) for i in range(len(sizes) - 1)])
    x = np.full(sizes[0], 0.5)
    assert chain.jvp(x, x).shape == (sizes[-1],)
    assert chain.vjp(x, np.ones(sizes[-1])).shape == (sizes[0],)


class Counting(Differential):
    """One that spends seven evaluations on each Jacobian."""

    def matrix(self, *arguments: Any) -> NDArray[np.float64]:
        self.evaluations += 7
        return super().matrix(*arguments)


def test_evaluations_are_counted_once_each() -> None:
    twice, once = Counting(LINKS[2, 2].system), Counting(LINKS[2, 3].system)
    twice.matrix([0.1, 0.2])
    chain = Chain([twice, twice, once])
    assert chain.evaluations == 0
    chain.matrix([0.1, 0.2])
    assert chain.evaluations == 21
    chain.jvp([0.1, 0.2], [1.0, 0.0])
    chain.matrix([0.1, 0.2])
    assert chain.evaluations == 42
    assert twice.evaluations == 35


@pytest.mark.parametrize("mode", [rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL])
def test_links_may_be_differentiated_by_differences(mode: rs.JacobianMode) -> None:
    links = [Differential(LINKS[shape].system, mode) for shape in ((2, 3), (3, 3), (3, 2))]
    x = np.array([0.4, -0.3])
    wanted = chain_of([2, 3, 3, 2]).matrix(x)
    np.testing.assert_allclose(Chain(links).matrix(x), wanted, atol=1e-6)
    np.testing.assert_allclose(Chain(links).vjp(x, [1.0, 2.0]), [1.0, 2.0] @ wanted, atol=1e-6)


# --- what is refused ------------------------------------------------------------------------------------------------

LOG = Differential(build(["log(x)", "x + y"], ["x", "y"]))
ROOT = Differential(build(["sqrt(u)", "v"], ["u", "v"]))


def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(rs.InputError) as caught:
        call()
    return caught.value.field, caught.value.message


def test_a_link_that_gives_no_number() -> None:
    chain = Chain([POLAR, LOG, POLAR])
    at = np.array([[1.0, 0.1], [1.0, 3.0]])
    wanted = (
        "links[1]",
        "its value is nan at equations[0] (at point [1]); the chain rule needs finite numbers between links",
    )
    assert refused(lambda: chain.value(at)) == wanted
    assert refused(lambda: chain.matrix(at)) == wanted
    assert refused(lambda: chain.jvp(at, [1.0, 0.0])) == wanted
    assert refused(lambda: chain.vjp(at, [1.0, 0.0])) == wanted
    assert refused(lambda: chain.value(at[1]))[1].startswith("its value is nan at equations[0]; ")
    # The last one may: nothing comes after it.
    assert np.isnan(Chain([POLAR, LOG]).value(at)[1, 0])


def test_a_link_with_an_infinite_slope() -> None:
    chain = Chain([STRETCH, ROOT, STRETCH], [[1.0, 1.0, 1.0], None, [1.0, 1.0, 1.0]])
    end = "; the chain rule needs finite numbers between links"
    assert refused(lambda: chain.matrix([0.0, 1.0])) == (
        "links[1]",
        f"the derivative of equations[0] with respect to u is inf{end}",
    )
    assert refused(lambda: chain.jvp([0.0, 1.0], [1.0, 1.0])) == ("links[1]", f"J·v is inf at equations[0]{end}")
    assert refused(lambda: chain.vjp([0.0, 1.0], [1.0, 1.0])) == ("links[1]", f"wᵀ·J is inf at u{end}")
    # Alone it gives what it has.
    assert Chain([ROOT]).matrix([0.0, 1.0])[0, 0] == np.inf


def test_links_that_do_not_meet() -> None:
    assert refused(lambda: Chain([LINKS[2, 3], LINKS[2, 1]])) == (
        "links[1]",
        "shapes do not meet: links[1] is 1×2 and takes 2 numbers, links[0] is 3×2 and gives 3",
    )
    assert refused(lambda: Chain([])) == ("links", "expected at least one; found none")


def test_parameters_that_do_not_fit() -> None:
    assert refused(lambda: Chain([POLAR, STRETCH], [None])) == ("parameters", "expected 2, one a link; found 1")
    field, message = refused(lambda: Chain([POLAR, STRETCH], [None, {"a": [1.0, 2.0]}]))
    assert field == "links[1].parameters.s"
    assert message.startswith("no value for 's'")
    chain = Chain([POLAR, STRETCH], [None, {"a": [1.0, 2.0], "s": np.ones(3)}])
    field, message = refused(lambda: chain.value(np.ones((4, 2))))
    assert field == "links[1].parameters"
    assert message == "batch dimensions (3,) do not broadcast with (4,)"


@pytest.mark.parametrize(
    ("view", "arguments", "field"),
    [
        ("value", ([1.0, 2.0, 3.0],), "at"),
        ("value", ({"r": 1.0},), "at.t"),
        ("matrix", ([1.0, np.nan],), "at"),
        ("matrix", ([1.0, 2.0], "sideways"), "order"),
        ("jvp", ([1.0, 2.0], [1.0]), "v"),
        ("vjp", ([1.0, 2.0], [1.0, 2.0, 3.0]), "w"),
    ],
)
def test_arguments_that_do_not_fit(view: str, arguments: tuple[Any, ...], field: str) -> None:
    chain = Chain([POLAR, LOG])
    assert refused(lambda: getattr(chain, view)(*arguments))[0] == field
