"""Takes likes apart into what they have in common and columns of what differs (anti-unification).

Column after column of nodes, one node a member, is taken apart at once.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from raphson.trace import operations as ops
from raphson.trace.chains import LEAST
from raphson.trace.levels import Level
from raphson.trace.shapes import FIRST
from raphson.trace.templates import BINARY, Apply, Column, Edge, Leaf, Reduce, Same, Sum, Template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raphson.trace.nodes import Floats, Integers, Nodes
    from raphson.trace.shapes import Shapes
    from raphson.trace.templates import Expression


class Generalizer:
    """Finds what alike nodes have in common.

    Parameters
    ----------
    nodes : Nodes
    shapes : Shapes
        Says which are alike.
    """

    def __init__(self, nodes: Nodes, shapes: Shapes) -> None:
        self._nodes, self._shapes = nodes, shapes
        self._coefficients, self._cores = nodes.split
        self._arrays, self._places = nodes.leaves
        # Of sums of one term and a constant: these two.
        self._is_alone = np.zeros(len(nodes) + 1, np.bool_)
        self._alone = np.zeros(len(nodes) + 1, np.int64)
        self._constant = np.zeros(len(nodes) + 1)
        for node, (_, term) in shapes.constants.items():
            self._constant[node] = self._number(term)
            if len(shapes.terms[node]) == 1 and node not in shapes.segments:
                self._is_alone[node], self._alone[node] = True, shapes.terms[node][0]
        # Whether a sum is one run of likes, and alike with one of them.
        self._single = np.zeros(len(nodes) + 1, np.bool_)
        if shapes.least == 1:
            self._single[[node for node, body in shapes.bodies.items() if len(body) == 1]] = True

    def members(self, nodes: Sequence[int]) -> tuple[Template, Edge]:
        """Return what alike nodes have in common."""
        template = Template.of(len(nodes))
        return template, self._edge(template, np.array(nodes), template.root)

    def reductions(self, heads: Sequence[int]) -> tuple[Template, list[Edge | None]]:
        """Return what the segments of alike chains have in common, None for single terms."""
        template = Template.of(len(heads))
        shapes = self._shapes
        edges: list[Edge | None] = []
        for place, part in enumerate(shapes.segments[heads[0]]):
            parts = [shapes.segments[head][place] for head in heads]
            lists = [shapes.terms[head][part.start : part.stop] for head, part in zip(heads, parts, strict=True)]
            kind = shapes.chains.kinds[heads[0]]
            run = self._reduction(template, kind, lists, part.period, template.root) if part.period else None
            edges.append(run)
        return template, edges

    def _number(self, term: int) -> float:
        return float(-self._coefficients[~term] if term < 0 else self._coefficients[term])

    # --- nodes
    def _edge(self, template: Template, terms: Integers, level: Level) -> Edge:
        """Generalize terms, of which those that are subtracted are stored as ``~term``."""
        negative = terms < 0
        raw = np.where(negative, ~terms, terms)
        factors = np.where(negative, -1.0, 1.0) * self._coefficients[raw]
        cores = self._cores[raw]
        if (cores == cores[0]).all():
            return Edge(self._factor(template, factors, level), self._same(template, int(cores[0]), level))
        alone = self._is_alone[cores]
        if alone.any():
            # x + c beside x, which is x + 0.
            inner = self._edge(template, np.where(alone, self._alone[cores], terms), level)
            numbers = np.where(alone, self._constant[cores], 0.0)
            expression: Expression = self._with_constant(template, [inner], numbers, cores.tolist(), level)
            factors = np.where(alone, factors, 1.0)
        elif (alone := self._single[cores]).any() and not alone.all():
            # Some like terms beside one; their sign is taken out of both.
            taken = ~alone & (factors[alone][0] == -1)
            factors = np.where(taken, -1.0, np.where(alone, factors, 1.0))
            pairs = zip(cores.tolist(), np.where(taken, ~terms, terms).tolist(), alone.tolist(), strict=True)
            lists = [self._shapes.terms[core] if found else [term] for core, term, found in pairs]
            numbers = np.where(alone, self._constant[cores], 0.0)
            run = self._run(template, "sum", lists, 1, level)
            expression = self._with_constant(template, run, numbers, cores.tolist(), level)
        else:
            return Edge(self._factor(template, factors, level), self._expression(template, cores, level))
        return Edge(self._factor(template, factors, level), expression)

    def _factor(self, template: Template, factors: Floats, level: Level) -> float | Column:
        if (factors == factors[0]).all():
            template.length += 0 if abs(factors[0]) == 1 else level.size * len(repr(float(factors[0])))
            return float(factors[0])
        template.length += int(np.where((factors == np.rint(factors)) & (np.abs(factors) < 1e6), 3, 20).sum())
        return template.column(factors, level)

    def _same(self, template: Template, core: int, level: Level) -> Expression | None:
        if core == self._nodes.one:
            return None
        template.same.append(core)
        template.length += 8 * level.size
        return Same(core)

    def _expression(self, template: Template, cores: Integers, level: Level) -> Expression:
        operation = self._nodes.operations[cores[0]]
        if operation is ops.NAME:
            return self._leaf(template, cores, level)
        template.length += (len(operation.name) + 2) * level.size
        if level.around is not None and not template.is_uneven:
            members = level.member
            template.is_uneven = bool((cores == cores[np.searchsorted(members, members)]).all())
        if int(cores[0]) in self._shapes.terms:
            return self._chain(template, cores.tolist(), level)
        count = len(self._nodes.arguments[cores[0]])
        arguments = self._nodes.columns[:count, cores]
        return Apply(operation, [self._edge(template, argument, level) for argument in arguments])

    def _leaf(self, template: Template, cores: Integers, level: Level) -> Leaf:
        name, shape = self._nodes.array(int(self._arrays[cores[0]]))
        template.length += (len(name) + 2 + 2 * len(shape)) * level.size
        indices = np.unravel_index(self._places[cores], shape)
        return Leaf(
            name,
            [
                int(index[0]) if (index == index[0]).all() else template.column(index.astype(np.int64), level)
                for index in indices
            ],
        )

    # --- chains
    def _chain(self, template: Template, heads: list[int], level: Level) -> Expression:
        shapes = self._shapes
        kind = shapes.chains.kinds[heads[0]]
        terms = [shapes.terms[head] for head in heads]
        edges: list[Edge] = []
        if heads[0] in shapes.segments:
            for place, part in enumerate(shapes.segments[heads[0]]):
                parts = [shapes.segments[head][place] for head in heads]
                lists = [among[part.start : part.stop] for among, part in zip(terms, parts, strict=True)]
                edges += self._run(template, kind, lists, max(part.period, 1), level)
        else:
            edges += self._apart(template, terms, level)
        if kind == "sum":
            return self._with_constant(template, edges, self._constant[heads], heads, level)
        result = edges[0]
        for edge in edges[1:]:
            result = Edge(1.0, Apply(BINARY[kind], [result, edge]))
        return Sum([result]) if result.expression is None or result.factor != 1.0 else result.expression

    def _with_constant(
        self, template: Template, edges: list[Edge], numbers: Floats, heads: list[int], level: Level
    ) -> Sum:
        if numbers.any():
            end = next(self._shapes.constants[head][0] for head in heads if head in self._shapes.constants)
            edges.insert(0 if end == FIRST else len(edges), Edge(self._factor(template, numbers, level), None))
        factors = [edge.factor for edge in edges if isinstance(edge.factor, Column) and edge.expression is not None]
        for factor in factors:
            factor.beside = factors
        return Sum(edges)

    def _apart(self, template: Template, lists: list[list[int]], level: Level) -> list[Edge]:
        return [self._edge(template, np.ascontiguousarray(column), level) for column in np.array(lists).T]

    def _run(self, template: Template, kind: str, lists: list[list[int]], period: int, level: Level) -> list[Edge]:
        count = len(lists[0])
        if count < LEAST and all(len(terms) == count for terms in lists):
            return self._apart(template, lists, level)
        return [self._reduction(template, kind, lists, period, level)]

    def _reduction(self, template: Template, kind: str, lists: list[list[int]], period: int, around: Level) -> Edge:
        lengths = np.fromiter(map(len, lists), np.int64) // period
        level = Level(around, lengths)
        template.levels.append(level)
        if level.is_ragged:
            level.extents = Column(lengths, around, is_place=False)
            template.columns.append(level.extents)
        table = np.fromiter(chain.from_iterable(lists), np.int64).reshape(-1, period)
        body = [self._edge(template, np.ascontiguousarray(column), level) for column in table.T]
        sign = 1.0
        factors = [edge.factor for edge in body if not isinstance(edge.factor, Column) and edge.factor < 0]
        if kind == "sum" and len(factors) == len(body):
            sign = -1.0
            body = [Edge(-factor, edge.expression) for factor, edge in zip(factors, body, strict=True)]
        return Edge(sign, Reduce(kind, level, body))
