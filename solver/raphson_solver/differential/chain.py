"""f_k ∘ … ∘ f_1 and its differential, by the chain rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raphson_solver.differential.differential import Differential, Point
from raphson_solver.differential.matrices import first_place
from raphson_solver.differential.orders import ChainOrder, Plan, plan_product
from raphson_solver.differential.points import parameter_points, points
from raphson_solver.errors import InputError
from raphson_solver.explanation.elements import element_names

Array = NDArray[np.float64]


class Chain:
    """f = f_k ∘ … ∘ f_1: Rⁿ → Rᵐ, and f′ = f_k′ · … · f_1′, at any number of points in one call.

    Each link takes what the one before it gives, flattened, as its variables, flattened. "…" in a shape stands for the
    dimensions of the batch, as in `Differential`.

    Parameters
    ----------
    links : sequence of Differential
        f_1 first.
    parameters : sequence of arrays or mappings, optional
        Those of each link; None for a link that has none.

    Attributes
    ----------
    n, m : int
        Extents.
    plan : Plan
        In which order the links' Jacobians are multiplied, and what each order costs.
    evaluations : int
        Evaluations of links' functions spent on differences so far, by calls of this chain.

    Raises
    ------
    InputError
        When there is no link, shapes do not meet, or parameters do not fit.
    """

    def __init__(self, links: Sequence[Differential], parameters: Sequence[Point | None] | None = None) -> None:
        self.links = tuple(links)
        self.plan: Plan = plan_product([(link.m, link.n) for link in self.links])
        given = (None,) * len(self.links) if parameters is None else tuple(parameters)
        if len(given) != len(self.links):
            raise InputError("parameters", f"expected {len(self.links)}, one a link; found {len(given)}")
        self.n, self.m = self.links[0].n, self.links[-1].m
        self.evaluations = 0
        self._given: list[Array] = []
        for place, link in enumerate(self.links):
            with self._entered(place):
                self._given.append(parameter_points(link.system, given[place]))

    def value(self, x: Point) -> Array:
        """Return f(x), shape (…, m).

        Raises
        ------
        InputError
            When x does not fit, or a link before the last gives a number that is not finite; so for the views below.
        """
        return self._value(len(self.links) - 1, self._inputs(x)[-1])

    def matrix(self, x: Point, order: str | ChainOrder = ChainOrder.AUTO) -> Array:
        """Return J, shape (…, m, n).

        A row (m = 1) in reverse order and a column (n = 1) in forward order are carried through the links as vectors;
        else the links' Jacobians are formed and multiplied.

        Parameters
        ----------
        x : array of shape (…, n), or mapping of names to arrays
            Where.
        order : ChainOrder
            AUTO is `plan.cheapest`.

        Raises
        ------
        InputError
            As `value` does, when a link's Jacobian is not finite, and for an order that is none.
        """
        product = self.plan.take(order)
        inputs = self._inputs(x)
        if product.name is ChainOrder.REVERSE and self.m == 1:
            return self._pull_back(inputs, np.ones(1))[..., None, :]
        if product.name is ChainOrder.FORWARD and self.n == 1:
            return self._push_forward(inputs, np.ones(1))[..., :, None]
        matrices: list[Array] = []
        for place, (link, at, given) in enumerate(zip(self.links, inputs, self._given, strict=True)):
            with self._entered(place):
                matrices.append(link.matrix(at, given))
            if len(self.links) > 1:
                self._check_matrix(place, matrices[-1])
        with np.errstate(over="ignore", invalid="ignore"):
            return product.multiply(matrices)

    def jvp(self, x: Point, v: ArrayLike | Mapping[str, Any]) -> Array:
        """Return J·v, shape (…, m), for v of shape (…, n), link by link, without forming any J."""
        seeds = points(v, self.links[0].system.variables, "v")
        return self._push_forward(self._inputs(x), seeds)

    def vjp(self, x: Point, w: ArrayLike) -> Array:
        """Return wᵀ·J, shape (…, n), for w of shape (…, m), link by link from the last, without forming any J."""
        seeds = points(w, (("w", (self.m,)),), "w")
        return self._pull_back(self._inputs(x), seeds)

    # --- inside ---------------------------------------------------------------------------------------------

    def _inputs(self, x: Point) -> list[Array]:
        """Return what each link is evaluated at."""
        inputs = [points(x, self.links[0].system.variables, "at")]
        for place in range(len(self.links) - 1):
            value = self._value(place, inputs[-1])
            self._check(place, "its value", value, self.links[place].system.equation_names)
            inputs.append(value)
        return inputs

    def _value(self, place: int, at: Array) -> Array:
        with self._entered(place):
            return self.links[place].value(at, self._given[place])

    def _push_forward(self, inputs: list[Array], seeds: Array) -> Array:
        last = len(self.links) - 1
        for place, link in enumerate(self.links):
            with self._entered(place):
                seeds = link.jvp(inputs[place], seeds, self._given[place])
            if place < last:
                self._check(place, "J·v", seeds, link.system.equation_names)
        return seeds

    def _pull_back(self, inputs: list[Array], seeds: Array) -> Array:
        for place, link in reversed(list(enumerate(self.links))):
            with self._entered(place):
                seeds = link.vjp(inputs[place], seeds, self._given[place])
            if place > 0:
                self._check(place, "wᵀ·J", seeds, element_names(link.system.variables))
        return seeds

    @contextmanager
    def _entered(self, place: int) -> Iterator[None]:
        """Count what a link spends, and say in errors which link it is."""
        link = self.links[place]
        before = link.evaluations
        try:
            yield
        except InputError as error:
            raise InputError(f"links[{place}].{error.field}", error.message) from None
        finally:
            self.evaluations += link.evaluations - before

    def _check(self, place: int, what: str, numbers: Array, names: Sequence[str]) -> None:
        bad = ~np.isfinite(numbers)
        if bad.any():
            *batch, i = first_place(bad)
            self._refuse(place, f"{what} is {numbers[(*batch, i)]} at {names[i]}", batch)

    def _check_matrix(self, place: int, matrix: Array) -> None:
        bad = ~np.isfinite(matrix)
        if bad.any():
            *batch, i, j = first_place(bad)
            system = self.links[place].system
            equation, variable = system.equation_names[i], element_names(system.variables)[j]
            slope = f"the derivative of {equation} with respect to {variable} is {matrix[(*batch, i, j)]}"
            self._refuse(place, slope, batch)

    def _refuse(self, place: int, what: str, batch: list[int]) -> None:
        where = f" (at point {batch})" if batch else ""
        raise InputError(f"links[{place}]", f"{what}{where}; the chain rule needs finite numbers between links")
