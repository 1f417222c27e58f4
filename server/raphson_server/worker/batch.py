"""Arrays by name, with the dimensions of a batch before their own."""

import math
from collections.abc import Container, Mapping

import numpy as np
from raphson_solver.differential.points import points

from raphson_server.failures import invalid_input
from raphson_server.worker.conversion import Array, Arrays, Shape


class Batched:
    """Arrays of a request, some of which have a batch's dimensions.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        As they came.
    dimensions : int
        How many dimensions the batch has.
    names : container of str
        Which arrays have them.
    field : str
        Of the request.

    Attributes
    ----------
    batched : list of str
        The arrays that have them.

    Raises
    ------
    CallError
        INVALID_ARGUMENT if an array has fewer.
    """

    def __init__(self, arrays: Arrays, dimensions: int, names: Container[str], field: str) -> None:
        self.arrays = arrays
        self.batched = [name for name in arrays if name in names]
        self._field = field
        self._dimensions = {name: dimensions if name in names else 0 for name in arrays}
        for name, array in arrays.items():
            count = self._dimensions[name]
            if array.ndim < count:
                raise invalid_input(
                    f"{field}[{name}].array.shape",
                    f"{array.shape}; expected the {count} dimension{'s' * (count > 1)} of the batch, and then its own",
                )

    def of_one_point(self) -> dict[str, Array]:
        """Return the arrays as they are at the first point, with their own shapes."""
        return {name: array[(0,) * self._dimensions[name]] for name, array in self.arrays.items()}

    def flat(self, declared: tuple[tuple[str, Shape], ...]) -> Array:
        """Return the declared ones' numbers, one name after another, shape (…, count).

        Raises
        ------
        InputError
            If a number is not finite, or two batches do not broadcast. Names and shapes were checked at one point.
        """
        if len(declared) == 1:
            # No name after another: the array is flat as it is.
            ((name, shape),) = declared
            array = self.arrays[name]
            batch = array.shape[: array.ndim - len(shape)]
            values: Mapping[str, Array] = {name: array.reshape((*batch, math.prod(shape)))}
            return points(values, ((name, (math.prod(shape),)),), self._field)
        return points({name: self.arrays[name] for name, _ in declared}, declared, self._field)


def rows(array: Array, batch: Shape) -> Array:
    """Return vectors of shape (…, width) as rows: a single one for the whole batch, or one for each point of it."""
    width = array.shape[-1]
    if array.size == width:
        return array.reshape(1, width)
    return np.broadcast_to(array, (*batch, width)).reshape(-1, width)


def part(array: Array, first: int, last: int) -> Array:
    """Return the rows of some points of a batch: what `rows` returned, perhaps with dimensions before, from to."""
    return array if array.shape[-2] == 1 else array[..., first:last, :]
