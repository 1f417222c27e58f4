"""Which nodes are alike: the same operations on the same arrays, whatever the places in them and the constants."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from raphson.trace import operations as ops
from raphson.trace.chains import LEAST

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from raphson.trace.chains import Chains
    from raphson.trace.nodes import Nodes

LONGEST_PERIOD = 4
MOST_OFFSETS = 32
NONE, FIRST, LAST = 0, 1, 2
"""Where a sum has its constant."""


class Segment(NamedTuple):
    """Terms of a chain from `start` to before `stop`: one term (period 0), or likes that come round every `period`."""

    start: int
    stop: int
    period: int


class Shapes:
    """A number for each node, equal where the nodes are alike.

    A constant added at one end of a sum does not count, since where it is zero the graph does not have it.

    Parameters
    ----------
    nodes : Nodes
    chains : Chains
    least : int
        How many like terms make a reduction; 1 makes sums alike that differ in how many like terms they have.

    Attributes
    ----------
    chains : Chains
    least : int
    of : list of int
        By node, as a core.
    constants : dict of int to tuple of (int, int)
        By the sums that have one: whether the constant is `FIRST` or `LAST`, and its term.
    terms : dict of int to list of int
        By chain: the terms without that constant.
    segments : dict of int to tuple of Segment
        By the chains that hold reductions.
    bodies : dict of int to tuple
        By the same: equal where the segments are alike.
    """

    def __init__(self, nodes: Nodes, chains: Chains, least: int = LEAST) -> None:
        self._nodes, self.chains, self.least = nodes, chains, least
        self._cores: list[int] = nodes.split[1].tolist()
        self._arrays: list[int] = nodes.leaves[0].tolist()
        self.of: list[int]
        self.constants: dict[int, tuple[int, int]]
        self.terms: dict[int, list[int]]
        self.segments: dict[int, tuple[Segment, ...]]
        self.bodies: dict[int, tuple[Hashable, ...]]
        self._constants_apart, self._constants_differ = True, False
        self._number()
        if self._constants_differ:
            # Sums that are alike but for the constant have it now at the one, now at the other end.
            self._constants_apart = False
            self._number()

    def edge(self, node: int) -> int:
        """Return the shape of a node whatever its coefficient."""
        return self.of[self._cores[node]]

    def offsets(self, node: int) -> tuple[int, ...]:
        """Return how far apart the first few places in each array are: equal where likes are translations.

        Of places that are all the same, it tells those at the ends of the array's rows.
        """
        arrays, places = self._nodes.leaves
        first: dict[int, int] = {}
        found: list[int] = []
        waiting = [node]
        while waiting and len(found) < MOST_OFFSETS:
            node = waiting.pop()
            array, place = int(arrays[node]), int(places[node])
            if array >= 0:
                found.append(place - first.setdefault(array, place))
            elif not self._nodes.named[node]:
                waiting.extend(self._nodes.arguments[node])
        for array, place in first.items():
            shape = self._nodes.array(array)[1]
            if not any(found) and len(shape) > 1:
                column = place % shape[-1]
                found += [column == 0, column == shape[-1] - 1]
        return tuple(found)

    def _number(self) -> None:
        nodes = self._nodes
        self.of = [-1] * (nodes.one + 1)
        self.constants, self.terms, self.segments, self.bodies = {}, {}, {}, {}
        self._numbers: dict[Hashable, int] = {"one": 0}
        self._ends: dict[int, int] = {}
        self.of[nodes.one] = 0
        inside = self.chains.inside
        for node in range(nodes.one):
            if not inside[node]:
                self._give(node)

    def _give(self, node: int) -> None:
        """Give a node its number, and notice a constant at another end than its likes have it."""
        nodes, of, cores, chains = self._nodes, self.of, self._cores, self.chains
        operation = nodes.operations[node]
        body = self._chain(node) if node in chains.terms else ()
        key: Hashable
        if nodes.named[node]:
            key = "named", node
        elif body:
            key = self._chain_key(node, body)
        elif operation is ops.NAME:
            key = "array", self._arrays[node]
        elif operation is ops.CONSTANT or operation is ops.TRUTH:
            key = operation, nodes.scalars[node].value
        else:
            arguments = nodes.arguments[node]
            if operation is ops.POWER and nodes.operations[arguments[1]] is ops.CONSTANT:
                # The solver multiplies out whole powers, so that exponents stay numbers in the text.
                key = operation, of[cores[arguments[0]]], nodes.scalars[arguments[1]].value
            else:
                key = (operation, *[of[cores[argument]] for argument in arguments])
        of[node] = key if isinstance(key, int) else self._numbers.setdefault(key, len(self._numbers))
        if node in self.constants:
            end = self.constants[node][0]
            self._constants_differ |= self._ends.setdefault(of[node], end) != end

    def _chain_key(self, node: int, body: tuple[Hashable, ...]) -> Hashable:
        if len(body) == 1:
            if node not in self.segments:
                return body[0]  # one term beside a constant: alike with the term
            if self.least == 1:
                run = body[0]
                assert isinstance(run, tuple)
                alike: Hashable = run[1]
                return alike  # any number of like terms: alike with one
        return self.chains.kinds[node], body

    def _chain(self, node: int) -> tuple[Hashable, ...]:
        """Set terms, constant and segments of a chain, and return what makes others like it."""
        terms, kind = self.chains.terms[node], self.chains.kinds[node]
        cores, one, of = self._cores, self._nodes.one, self.of
        inner = [cores[term if term >= 0 else ~term] for term in terms]
        if self._constants_apart and kind == "sum":
            end = LAST if inner[-1] == one else FIRST if inner[0] == one else NONE
            if end:
                self.constants[node] = end, terms[-1 if end == LAST else 0]
                kept = slice(None, -1) if end == LAST else slice(1, None)
                terms, inner = terms[kept], inner[kept]
        self.terms[node] = terms
        kinds = [of[core] for core in inner]
        parts = segments(kinds, self.least if kind == "sum" else LEAST)
        if parts is None:
            return tuple(kinds)
        if self._keeps_together(node, kinds, parts):
            return self._chain(node)
        self.segments[node] = parts
        self.bodies[node] = body = tuple(
            [
                ("run", *kinds[part.start : part.start + part.period]) if part.period else kinds[part.start]
                for part in parts
            ]
        )
        return body

    def _keeps_together(self, node: int, kinds: list[int], parts: tuple[Segment, ...]) -> bool:
        """Notice that the first of like terms has been taken apart, as a + b has in (a + b) + (c + d) + …."""
        run = next(part for part in parts if part.period)
        if run.period != 1 or not 2 <= run.start <= LONGEST_PERIOD or self.constants.get(node, (NONE,))[0] == FIRST:
            return False
        like = self._cores[abs_term(self.terms[node][run.start])]
        first = self.chains.apart(like, run.start, self.chains.kinds[node])
        if first is None or [self.edge(term) for term in first] != kinds[: run.start]:
            return False
        for partial in self.chains.keep_together(node, run.start):
            self._give(partial)
        return True


def abs_term(term: int) -> int:
    """Return the node of a term, which is stored as ``~term`` if it is subtracted."""
    return term if term >= 0 else ~term


def segments(kinds: Sequence[int], least: int) -> tuple[Segment, ...] | None:
    """Cut a sequence into runs of likes, and single ones between them; None if there is no run."""
    if len(kinds) < least:
        return None
    parts: list[Segment] = []
    start, count, found = 0, len(kinds), False
    while start < count:
        stop, period = start + 1, 0
        for length in range(1, LONGEST_PERIOD + 1 if least > 1 else 2):
            if start + length * least > count:
                break
            end = start + length
            while end < count and kinds[end] == kinds[end - length]:
                end += 1
            repeats = (end - start) // length
            if repeats >= least:
                stop, period, found = start + repeats * length, length, True
                break
        parts.append(Segment(start, stop, period))
        start = stop
    return tuple(parts) if found else None
