"""The nodes that residuals are computed from, as columns: what is alike is found column by column."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raphson.trace import operations as ops
from raphson.trace.pieces import not_finite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raphson.trace.graph import Graph
    from raphson.trace.scalar import TracedScalar

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

# A node that several use is written wherever it is used, rather than defined, if it is small or if that repeats only so
# much; what is defined is the same for all members of a family. The limits are tried until the text stays in bounds.
SMALL = 16
REPEATED = (256, 64, 0)
EXPANSION = 4
EXPANSION_ALWAYS = 20_000
KINDS = {ops.NAME: 1, ops.CONSTANT: 2, ops.MULTIPLY: 3, ops.NEGATIVE: 4}


class Nodes:
    """What some residuals need.

    Every node is read as coefficient times core: ``-3*x`` has the core ``x``, and all constants have the core `one`. It
    is exact, and makes ``x``, ``-x`` and ``2*x`` alike.

    Parameters
    ----------
    graph : Graph
        Where they were made.
    residuals : sequence of TracedScalar
        What is to be zero.

    Attributes
    ----------
    scalars : list of TracedScalar
        The nodes; arguments stand before what is computed from them.
    operations : list of Operation
    arguments : list of tuple of int
    residuals : list of int
    uses : list of int
        How often each is an argument or a residual.
    one : int
        Stands for the number 1; it comes after all nodes.
    """

    def __init__(self, graph: Graph, residuals: Sequence[TracedScalar]) -> None:
        self._graph = graph
        self.scalars = graph.needed(residuals)
        self.operations = [scalar.operation for scalar in self.scalars]
        if self.scalars and self.scalars[-1].index == len(self.scalars) - 1:
            # Everything that was made is needed, and is numbered so already.
            self.arguments = [tuple([a.index for a in scalar.arguments]) for scalar in self.scalars]
            self.residuals = [residual.index for residual in residuals]
        else:
            number = {scalar.index: i for i, scalar in enumerate(self.scalars)}
            self.arguments = [tuple([number[a.index] for a in scalar.arguments]) for scalar in self.scalars]
            self.residuals = [number[residual.index] for residual in residuals]
        self.one = len(self.scalars)
        used = [*chain.from_iterable(self.arguments), *self.residuals]
        self.uses: list[int] = np.bincount(used, minlength=self.one).tolist() if used else []

    def __len__(self) -> int:
        return self.one

    @cached_property
    def columns(self) -> Integers:
        """The arguments, shape (3, count + 1); 0 where a node has fewer."""
        lengths = np.fromiter(map(len, self.arguments), np.int64, len(self))
        columns = np.zeros((len(self) + 1, 3), np.int64)
        columns[:-1][np.arange(3) < lengths[:, None]] = list(chain.from_iterable(self.arguments))
        return np.ascontiguousarray(columns.T)

    def may_have_chains(self, length: int) -> bool:
        """Tell, fast, whether there may be sums, products, minima or maxima of so many terms."""
        counts = Counter(self.operations)
        sums = counts[ops.ADD] + counts[ops.SUBTRACT]
        return max(sums, counts[ops.MULTIPLY], counts[ops.MINIMUM], counts[ops.MAXIMUM]) >= length - 1

    # --- leaves
    @cached_property
    def leaves(self) -> tuple[Integers, Integers]:
        """Of each node that is a name: which of the graph's arrays it belongs to, and its place there; else -1."""
        is_name = self._are(ops.NAME)
        indices = np.fromiter((scalar.index for scalar in self.scalars), np.int64, len(self))[is_name]
        first = np.array([declared.first for declared in self._graph.arrays], np.int64)
        arrays, places = np.full((2, len(self) + 1), -1)
        owner = np.searchsorted(first, indices, side="right") - 1
        arrays[:-1][is_name] = owner
        places[:-1][is_name] = indices - first[owner]
        return arrays, places

    def array(self, number: int) -> tuple[str, tuple[int, ...]]:
        """Return name and shape of an array."""
        declared = self._graph.arrays[number]
        return declared.name, declared.shape

    # --- coefficients and cores
    @cached_property
    def split(self) -> tuple[Floats, Integers]:
        """Coefficients and cores, each of shape (count + 1,)."""
        count = len(self)
        coefficients, cores = np.ones(count + 1), np.arange(count + 1)
        is_constant = self._are(ops.CONSTANT)
        constants = np.ones(count)
        constants[is_constant] = [float(self.scalars[node].value) for node in np.flatnonzero(is_constant)]
        refused = constants[~np.isfinite(constants)]
        if refused.size:
            raise not_finite(refused[0])
        left, right = self.columns[0, :-1], self.columns[1, :-1]
        of_left, of_right = is_constant[left], is_constant[right]
        scaled = self._are(ops.MULTIPLY) & (of_left | of_right)
        factor = np.where(of_left, constants[left], constants[right])
        rest = np.where(of_left, right, left)
        negative = self._are(ops.NEGATIVE)
        kept = np.fromiter(self.named, np.bool_, count)
        scaled &= ~kept
        negative &= ~kept
        may_scale = np.ones(count, np.bool_)
        inner = np.arange(count)
        # A sign, a factor and a sign: at most one factor may be taken out without rounding.
        for _ in range(3):
            now = negative[inner]
            coefficients[:-1][now] *= -1
            inner = np.where(now, left[inner], inner)
            now = scaled[inner] & may_scale
            coefficients[:-1][now] *= factor[inner][now]
            may_scale &= ~now
            inner = np.where(now, rest[inner], inner)
        cores[:-1] = inner
        coefficients[:-1][is_constant] = constants[is_constant]
        cores[:-1][is_constant] = self.one
        return coefficients, cores

    def _are(self, operation: ops.Operation) -> NDArray[np.bool_]:
        return np.equal(self._kinds, KINDS.get(operation, 0))

    @cached_property
    def _kinds(self) -> Integers:
        return np.array([KINDS.get(operation, 0) for operation in self.operations])

    # --- what is computed once
    @cached_property
    def named(self) -> bytearray:
        """Which nodes are too large to be repeated wherever they are used, and so become definitions."""
        for repeated in REPEATED[:-1]:
            named, expansion = self._named(repeated)
            if expansion <= EXPANSION * len(self) + EXPANSION_ALWAYS:
                return named
        return self._named(REPEATED[-1])[0]

    def _named(self, repeated: int) -> tuple[bytearray, int]:
        named = bytearray(len(self))
        sizes = [0] * len(self)
        used, total = self.uses, 0
        for node, arguments in enumerate(self.arguments):
            if arguments:
                size = 1
                for argument in arguments:
                    size += sizes[argument]
                if size > SMALL and (used[node] - 1) * size > repeated:
                    named[node] = 1
                    total += size
                    size = 0
                sizes[node] = size
        return named, total + sum([sizes[node] for node in self.residuals])
