"""Entries from products of slopes, against NumPy, at every width and for all kinds of patterns."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raphson_solver.compiler.machine import MachineCode
from raphson_solver.compiler.members import Members
from raphson_solver.compiler.products import Assembly, Products
from raphson_solver.compiler.width import Width, widest

SIGNATURE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5)
WIDTHS = sorted({2, 4, widest().lanes})


def assembled(numbers: list[int], length: int, lanes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return entries of so many products each, by the code and by NumPy in the same order."""
    random = np.random.default_rng(seed)
    count, slope_count = sum(numbers), 40
    starts = np.concatenate(([0], np.cumsum(numbers))).astype(np.int32)
    chains = random.integers(0, slope_count + 1, (count, length)).astype(np.int32)
    slopes = np.concatenate((random.normal(size=slope_count), [1.0, 0.0]))
    width = Width(lanes, vector_functions=False)
    assembly = Assembly(Products(starts, chains), slope_count, width)
    text = "\n".join([*Members(width, (), (), ()).declarations(), *assembly.text()])
    code = MachineCode(text.replace("define internal", "define"), optimize=True)
    entries = np.full(len(numbers) + 1, 7.0)
    tables = [assembly.starts, assembly.slopes.ravel(), assembly.entries]
    SIGNATURE(code.address("assemble"))(slopes.ctypes.data, *(each.ctypes.data for each in tables), entries.ctypes.data)
    assert entries[-1] == 7.0
    expected = np.zeros(len(numbers))
    for entry in range(len(numbers)):
        for chain in chains[starts[entry] : starts[entry + 1]]:
            product = slopes[chain[0]]
            for factor in chain[1:]:
                product *= slopes[factor]
            expected[entry] += product
    return entries[:-1], expected


@pytest.mark.parametrize("lanes", WIDTHS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(numbers=st.lists(st.integers(1, 9), max_size=40), length=st.integers(1, 3), seed=st.integers(0, 2**30))
def test_entries_are_sums_of_products_to_the_last_bit(numbers: list[int], length: int, seed: int, lanes: int) -> None:
    found, expected = assembled(numbers, length, lanes, seed)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("lanes", WIDTHS)
@pytest.mark.parametrize("each", [1, 3])
@pytest.mark.parametrize("count", [1, 7, 8, 9, 33])
def test_entries_of_equally_many_products_stay_in_order(count: int, each: int, lanes: int) -> None:
    found, expected = assembled([each] * count, 2, lanes, count)
    np.testing.assert_array_equal(found, expected)
