"""The cheapest order of multiplying against every order there is, a textbook's example, and matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import raphson_solver as rs
from hypothesis import given
from hypothesis import strategies as st
from raphson_solver.differential.orders import ChainOrder, Plan, plan_product

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Shape = tuple[int, int]

extents = st.lists(st.integers(1, 12), min_size=2, max_size=7)


def shapes_of(sizes: Sequence[int]) -> list[Shape]:
    """J_1 … J_k from n, the extents between, and m."""
    return [(sizes[i + 1], sizes[i]) for i in range(len(sizes) - 1)]


def every_order(shapes: Sequence[Shape]) -> Iterator[tuple[int, Shape]]:
    """The cost and the resulting shape of every way to put brackets."""
    if len(shapes) == 1:
        yield 0, shapes[0]
    for split in range(1, len(shapes)):
        for right_cost, (b, c) in every_order(shapes[:split]):
            for left_cost, (a, b_again) in every_order(shapes[split:]):
                assert b_again == b
                yield left_cost + right_cost + a * b * c, (a, c)


def cost_of(brackets: str, shapes: Sequence[Shape]) -> int:
    """What an order costs as it is written, read by a parser of its own."""
    total = 0

    def read(text: str) -> Shape:
        nonlocal total
        if text[0] == "J" and text[1:].isdecimal():
            return shapes[int(text[1:]) - 1]
        depth, cut = 0, []
        for place, character in enumerate(text):
            depth += {"(": 1, ")": -1}.get(character, 0)
            if character == "·" and depth == 0:
                cut.append(place)
        assert depth == 0
        assert len(cut) == 1, text
        sides = [part.removeprefix("(").removesuffix(")") for part in (text[: cut[0]], text[cut[0] + 1 :])]
        (a, b), (b_again, c) = read(sides[0]), read(sides[1])
        assert b == b_again
        total += a * b * c
        return a, c

    assert read(brackets) == (shapes[-1][0], shapes[0][1])
    return total


@given(extents)
def test_the_cheapest_is_the_cheapest_of_all(sizes: list[int]) -> None:
    shapes = shapes_of(sizes)
    plan = plan_product(shapes)
    assert plan.cheapest_operations == min(cost for cost, _ in every_order(shapes))


@given(extents)
def test_an_order_costs_what_its_brackets_say(sizes: list[int]) -> None:
    shapes = shapes_of(sizes)
    plan = plan_product(shapes)
    for product in (plan.forward, plan.reverse, plan.cheapest):
        assert cost_of(product.brackets, shapes) == product.operations


@given(extents, st.integers(0, 99))
def test_every_order_gives_the_same_matrix(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    links = [rng.integers(-3, 4, size=(2, *shape)).astype(float) for shape in shapes_of(sizes)]
    wanted = links[0]
    for link in links[1:]:
        wanted = link @ wanted
    plan = plan_product(shapes_of(sizes))
    for order in ChainOrder:
        # Whole numbers below 2⁵³: exact.
        np.testing.assert_array_equal(plan.take(order).multiply(links), wanted)


@given(extents)
def test_the_order_named_is_the_order_taken(sizes: list[int]) -> None:
    plan = plan_product(shapes_of(sizes))
    named = {ChainOrder.FORWARD: plan.forward, ChainOrder.REVERSE: plan.reverse}
    if plan.order is ChainOrder.AUTO:
        assert plan.cheapest_operations < min(plan.forward_operations, plan.reverse_operations)
    else:
        assert plan.cheapest == named[plan.order]
    if plan.forward_operations == plan.reverse_operations == plan.cheapest_operations:
        assert plan.order is (ChainOrder.REVERSE if sizes[-1] < sizes[0] else ChainOrder.FORWARD)


def brackets(plan: Plan) -> tuple[str, str, str]:
    return plan.forward.brackets, plan.reverse.brackets, plan.brackets


def test_how_orders_are_written() -> None:
    assert brackets(plan_product([(2, 3)])) == ("J1", "J1", "J1")
    assert brackets(plan_product([(2, 3), (4, 2)])) == ("J2·J1", "J2·J1", "J2·J1")
    assert brackets(plan_product([(5, 1), (5, 5), (5, 5), (5, 5)])) == (
        "J4·(J3·(J2·J1))",
        "((J4·J3)·J2)·J1",
        "J4·(J3·(J2·J1))",
    )


def test_the_textbook_example() -> None:
    """Cormen, Leiserson, Rivest and Stein, Introduction to Algorithms, matrix-chain multiplication: 15125."""
    textbook = [30, 35, 15, 5, 10, 20, 25]  # A1 is 30×35; A1 … A6 are J6 … J1
    plan = plan_product(shapes_of(textbook[::-1]))
    assert plan.cheapest_operations == 15125
    assert plan.order is ChainOrder.AUTO
    assert plan.brackets == "(J6·(J5·J4))·((J3·J2)·J1)"


def test_a_network_of_three_layers_with_a_scalar_loss_chooses_reverse() -> None:
    plan = plan_product(shapes_of([784, 128, 64, 10, 1]))
    assert plan.order is ChainOrder.REVERSE
    assert plan.brackets == "((J4·J3)·J2)·J1"
    assert plan.reverse_operations == 10 * 64 + 64 * 128 + 128 * 784
    assert plan.forward_operations == 784 * (128 * 64 + 64 * 10 + 10)


def test_a_curve_chooses_forward() -> None:
    plan = plan_product(shapes_of([1, 50, 60, 70]))
    assert plan.order is ChainOrder.FORWARD
    assert plan.brackets == "J3·(J2·J1)"
    assert plan.forward_operations == 50 * 60 + 60 * 70
    assert plan.reverse_operations == 70 * 60 * 50 + 70 * 50


@pytest.mark.parametrize(
    ("sizes", "order"),
    [
        ([3, 1], ChainOrder.REVERSE),
        ([1, 3], ChainOrder.FORWARD),
        ([3, 7, 1], ChainOrder.REVERSE),
        ([1, 7, 3], ChainOrder.FORWARD),
        ([4, 4, 4, 4], ChainOrder.FORWARD),
        ([1, 5, 5, 1], ChainOrder.FORWARD),
        ([2, 9, 9, 1], ChainOrder.REVERSE),
        # A bottleneck: with J_2 of one row the long way round is the short one, even for a scalar function.
        ([2, 100, 1, 1], ChainOrder.FORWARD),
    ],
)
def test_ties_and_bottlenecks(sizes: list[int], order: ChainOrder) -> None:
    assert plan_product(shapes_of(sizes)).order is order


def test_extents_too_large_for_int64_are_counted_exactly() -> None:
    size = 10**7
    plan = plan_product(shapes_of([size, size, size + 1, size, 3]))
    assert plan.forward_operations == size**2 * (size + 1) * 2 + 3 * size**2
    assert plan.order is ChainOrder.REVERSE
    sizes = [size + 5, size + 2, size - 7, size, size + 1]
    plan = plan_product(shapes_of(sizes))
    assert plan.cheapest_operations == min(cost for cost, _ in every_order(shapes_of(sizes)))
    assert plan.cheapest_operations > 2**63


def test_three_hundred_links() -> None:
    rng = np.random.default_rng(6)
    sizes = [int(size) for size in rng.integers(1, 1000, 301)]
    plan = plan_product(shapes_of(sizes))
    assert counted(plan, sizes) == plan.cheapest_operations
    assert plan.cheapest_operations < min(plan.forward_operations, plan.reverse_operations)
    # One order that is always near the best: from the narrowest extent outwards on both sides, then across.
    narrow = min(range(len(sizes)), key=sizes.__getitem__)
    outwards = sum(sizes[narrow] * sizes[i] * sizes[i + 1] for i in range(300) if i not in {narrow - 1, narrow})
    assert plan.cheapest_operations <= outwards + sizes[0] * sizes[narrow] * sizes[-1]


def counted(plan: Plan, sizes: Sequence[int]) -> int:
    """Multiplications, counted by making the products in shapes alone."""
    made: list[Shape] = shapes_of(sizes)
    used: set[int] = set()
    total = 0
    for left, right in plan.cheapest.steps:
        (a, b), (b_again, c) = made[left], made[right]
        assert b == b_again
        assert not used & {left, right}
        used |= {left, right}
        total += a * b * c
        made.append((a, c))
    assert made[-1] == (sizes[-1], sizes[0])
    return total


@pytest.mark.parametrize(
    ("shapes", "field", "message"),
    [
        ([], "links", "expected at least one; found none"),
        ([(2, 3), (0, 2)], "links[1]", "expected extents of at least 1; found 0×2"),
        (
            [(2, 3), (5, 2), (1, 4)],
            "links[2]",
            "shapes do not meet: links[2] is 1×4 and takes 4 numbers, links[1] is 5×2 and gives 5",
        ),
    ],
)
def test_shapes_that_do_not_meet(shapes: list[Shape], field: str, message: str) -> None:
    with pytest.raises(rs.InputError) as caught:
        plan_product(shapes)
    assert (caught.value.field, caught.value.message) == (field, message)


def test_an_order_that_is_none() -> None:
    plan = plan_product([(2, 2)])
    assert plan.take("reverse") is plan.reverse
    with pytest.raises(rs.InputError) as caught:
        plan.take("backward")
    assert caught.value.field == "order"
    assert caught.value.message == "expected one of 'auto', 'forward', 'reverse'; found 'backward'"
