"""Arrays to the wire and back."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import raphson
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from raphson import InvalidRequestError
from raphson.arrays import from_message, split, write, write_named
from raphson.v1.array_pb2 import DoubleArray, DoubleList
from raphson.v1.solver_pb2 import SolveRequest

arrays = hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=4, max_side=5))


def written(value: Any) -> DoubleArray:
    message = DoubleArray()
    write(value, message, "x")
    return message


@given(arrays)
@settings(derandomize=True)
def test_any_array_comes_back_bit_for_bit(array: np.ndarray[Any, Any]) -> None:
    back = from_message(written(array))
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@given(st.floats())
@settings(derandomize=True)
def test_any_number_comes_back_bit_for_bit(number: float) -> None:
    message = written(number)
    assert not message.shape
    assert from_message(message).tobytes() == np.float64(number).tobytes()


@pytest.mark.parametrize(
    ("value", "shape", "numbers"),
    [
        (3, (), [3.0]),
        (True, (), [1.0]),
        (np.float32(0.5), (), [0.5]),
        (Fraction(1, 4), (), [0.25]),
        (10**30, (), [1e30]),
        ([1, 2.5], (2,), [1.0, 2.5]),
        ([1.0], (1,), [1.0]),
        (range(3), (3,), [0.0, 1.0, 2.0]),
        (np.arange(6).reshape(2, 3).T, (3, 2), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
        (np.arange(4.0, dtype=">f8")[::2], (2,), [0.0, 2.0]),
    ],
)
def test_what_is_array_like_is_sent_in_c_order(value: Any, shape: tuple[int, ...], numbers: list[float]) -> None:
    message = written(value)
    assert tuple(message.shape) == shape
    assert np.frombuffer(message.data, "<f8").tolist() == numbers


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("1.5", "'1.5' of type str is not a real number"),
        (["1"], "is not a real number"),
        (None, "None of type NoneType is not a real number"),
        (1j, "is not a real number"),
        ([1, None], "None of type NoneType"),
        ([[1], [1, 2]], "rows differ in length"),
        (np.datetime64("2024-01-01"), "is not a real number"),
        ({}, "{} of type dict"),
    ],
)
def test_what_is_no_number_is_refused_before_sending(value: Any, said: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        write_named({"x": value}, SolveRequest().start, "start")
    assert said in str(caught.value)
    assert caught.value.code.name == "INVALID_ARGUMENT"
    assert caught.value.fields[0].field == "start[x]"


def test_a_list_of_numbers_is_read_as_well_as_bytes() -> None:
    message = DoubleArray(shape=[2, 1], list=DoubleList(values=[1.0, 2.0]))
    assert from_message(message).tolist() == [[1.0], [2.0]]


def test_without_a_shape_several_numbers_are_a_vector() -> None:
    assert from_message(DoubleArray(data=np.arange(3.0).tobytes())).tolist() == [0.0, 1.0, 2.0]


def test_arrays_are_read_without_a_copy() -> None:
    array = from_message(DoubleArray(shape=[2], data=bytes(16)))
    assert not array.flags.owndata
    assert not array.flags.writeable


def test_a_vector_is_cut_into_the_variables() -> None:
    parts = split(np.arange(7.0), [("x", ()), ("A", (2, 3))], "start")
    assert parts["x"].tolist() == 0.0
    assert parts["A"].tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_a_vector_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"start: an array of shape \(3,\); expected \(2,\)") as caught:
        split(np.arange(3.0), [("x", (2,))], "start")
    assert caught.value.code.name == "INVALID_ARGUMENT"


# −0, the least and the largest, infinity, and NaNs: quiet and signalling, of both signs, with something in them.
ODD_BITS = [
    0x8000000000000000, 0x0000000000000001, 0x800FFFFFFFFFFFFF, 0x7FEFFFFFFFFFFFFF, 0xFFF0000000000000,
    0x7FF8000000000000, 0xFFF8DEADBEEF0123, 0x7FF0000000000001, 0xFFF4000000000000,
]  # fmt: skip
ODD = np.array(ODD_BITS, dtype=np.uint64).view(np.float64)


def bits(array: Any) -> list[int]:
    return np.ascontiguousarray(array, dtype=np.float64).reshape(-1).view(np.uint64).tolist()


@pytest.mark.parametrize(
    "array",
    [
        ODD,
        ODD.reshape(3, 3),
        np.asfortranarray(ODD.reshape(3, 3)),
        np.repeat(ODD, 2)[::2],
        ODD.byteswap().view(ODD.dtype.newbyteorder()),
    ],
    ids=["vector", "matrix", "columns first", "strided", "big-endian"],
)
def test_odd_numbers_keep_every_bit_on_the_wire(array: Any, talking: raphson.Client) -> None:
    """There and back: the server that is talked to returns the start."""
    root = talking.solve("x = 0", {"x": array})
    assert root["x"].shape == array.shape
    assert bits(root["x"]) == ODD_BITS
    assert root["x"].dtype == np.dtype(np.float64)


@pytest.mark.parametrize("number", ODD, ids=[hex(number) for number in ODD_BITS])
def test_so_do_odd_scalars(number: np.float64, talking: raphson.Client) -> None:
    for sent in (number, np.array(number)):
        assert bits(talking.solve("x = 0", {"x": sent})["x"]) == bits(number)


def test_a_real_server_keeps_the_bits_of_what_is_finite(client: raphson.Client) -> None:
    points = ODD[np.isfinite(ODD)]
    points = np.stack([points, -points])
    assert bits(client.value("x[i] for i in range(4)", {"x": points[0]})) == bits(points[0])
    assert bits(client.value("x[i] for i in range(4)", {"x": points}, batch=1)) == bits(points)
