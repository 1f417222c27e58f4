"""Which sequences go to zero, and how fast."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raphson_solver.differential.shrinking import shrinking

STEPS = 0.25 ** np.arange(1.0, 22.0)


@given(st.floats(0.15, 8.0), st.floats(-100.0, 100.0), st.integers(3, 21))
def test_powers_of_the_step(order: float, log_size: float, count: int) -> None:
    seen = 10.0**log_size * STEPS**order
    seen[count:] = 0.0
    shrinks, found = shrinking(seen[:, None], STEPS)
    assert shrinks[0]
    assert found[0] == pytest.approx(order, rel=1e-9)


@given(st.floats(-3.0, 0.05), st.integers(2, 21))
def test_what_does_not_shrink_has_order_0(order: float, count: int) -> None:
    seen = STEPS**order
    seen[count:] = 0.0
    shrinks, found = shrinking(seen[:, None], STEPS)
    assert not shrinks[0]
    assert found[0] == pytest.approx(max(order, 0.0), abs=1e-9)


@pytest.mark.parametrize("limit", [1e-2, 1e-4, 1e-6, 1e-9])
def test_a_limit_above_zero_is_found_where_it_is_reached(limit: float) -> None:
    assert not shrinking((limit + STEPS)[:, None], STEPS)[0][0]


def test_what_is_hidden_or_missing_does_not_count() -> None:
    seen = np.stack([np.zeros(21), STEPS**2, np.full(21, np.nan), STEPS], axis=1)
    seen[3:, 1] = np.nan
    seen[1:, 3] = 0.0
    shrinks, found = shrinking(seen, STEPS)
    assert shrinks.all()
    np.testing.assert_allclose(found, [np.nan, 2.0, np.nan, np.nan])
