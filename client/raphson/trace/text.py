"""From traced residuals to equations text: families, reductions, and ``t1 := …`` for what is shared or deep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raphson.trace.blocks import find_blocks
from raphson.trace.chains import LEAST, Chains
from raphson.trace.families import Family
from raphson.trace.generalizer import Generalizer
from raphson.trace.nodes import Nodes
from raphson.trace.operations import Precedence
from raphson.trace.pieces import Piece, write
from raphson.trace.reductions import Reductions
from raphson.trace.shapes import Shapes
from raphson.trace.tables import DEFINITIONS, Table, Tables, free_prefix

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from raphson.trace.graph import Graph
    from raphson.trace.scalar import TracedScalar

# Repeating something shorter costs less than naming it, and cannot grow the text by more than this a use.
SHORT_CHARACTERS = 12
# Well below what parsers accept, so that a long loop is no deeper for them than a page of definitions.
MAXIMUM_DEPTH = 30
MAXIMUM_CHARACTERS = 1000
LOOP = " for "


@dataclass(frozen=True, slots=True)
class EquationsText:
    """What a trace is written as.

    Attributes
    ----------
    definitions : tuple of str
        ``"t1 := …"``, each using only earlier ones.
    residuals : tuple of str
        One expression an equation, or one for a family of them.
    tables : dict of str to ndarray
        Numbers that the text refers to by name.
    """

    definitions: tuple[str, ...]
    residuals: tuple[str, ...]
    tables: dict[str, Table] = field(default_factory=dict)


def write_equations(
    graph: Graph, residuals: Sequence[TracedScalar], taken: Collection[str], *, with_coefficients: bool = True
) -> EquationsText:
    """Write residuals as text whose length grows with the number of unlike nodes, whatever they share.

    Parameters
    ----------
    graph : Graph
        Where they were made.
    residuals : sequence of TracedScalar
        What is to be zero.
    taken : collection of str
        The caller's names, which no name of ours may equal.
    with_coefficients : bool
        Whether constants may be put into tables.
    """
    nodes = Nodes(graph, residuals)
    tables = Tables(taken)
    families: dict[int, Family] = {}
    reductions: Reductions | None = None
    if len(residuals) >= LEAST or nodes.may_have_chains(LEAST):
        chains = Chains(nodes)
        shapes = Shapes(nodes, chains)
        generalizer = Generalizer(nodes, shapes)
        families = _families(nodes, chains, shapes, generalizer, tables, with_coefficients=with_coefficients)
        if shapes.segments:
            roots = [*_outside(nodes, families), *[node for family in families.values() for node in family.same]]
            reductions = Reductions(
                chains, shapes, generalizer, tables, _below(nodes, roots), with_coefficients=with_coefficients
            )
    return _written(nodes, families, reductions, tables, free_prefix(DEFINITIONS, taken))


def _families(
    nodes: Nodes, chains: Chains, shapes: Shapes, generalizer: Generalizer, tables: Tables, *, with_coefficients: bool
) -> dict[int, Family]:
    """Return the families by their first residuals."""
    families: dict[int, Family] = {}

    def add(shapes: Shapes, generalizer: Generalizer, start: int, stop: int) -> None:
        residuals = nodes.residuals[start:stop]
        alike = [shapes.edge(node) for node in residuals]
        found = find_blocks(alike, lambda place: shapes.offsets(residuals[place]))
        blocks = [block._replace(start=block.start + start) for block in found]
        while blocks:
            family = Family(nodes, generalizer, blocks.pop(), tables)
            if family.is_worth_it(with_coefficients=with_coefficients):
                families[family.block.start] = family
            else:
                blocks += family.pieces

    add(shapes, generalizer, 0, len(nodes.residuals))
    # Sums that differ in their number of terms, as the rows of a sparse matrix do, are alike on a second look.
    stretches = list(_stretches(families, len(nodes.residuals)))
    if stretches:
        shapes = Shapes(nodes, chains, least=1)
        generalizer = Generalizer(nodes, shapes)
        for start, stop in stretches:
            add(shapes, generalizer, start, stop)
    return families


def _stretches(families: dict[int, Family], count: int) -> Iterable[tuple[int, int]]:
    """Yield from where to where enough residuals are in no family."""
    first = 0
    for start in [*sorted(families), count]:
        if start - first >= LEAST:
            yield first, start
        first = families[start].block.stop if start < count else count


def _outside(nodes: Nodes, families: dict[int, Family]) -> list[int]:
    """Return the residuals that are in no family."""
    outside, first = [], 0
    for start, family in sorted(families.items()):
        outside += nodes.residuals[first:start]
        first = family.block.stop
    return outside + nodes.residuals[first:]


def _below(nodes: Nodes, roots: Iterable[int]) -> list[int]:
    """Return the nodes that some are computed from, themselves included, in order."""
    seen = bytearray(len(nodes))
    for root in roots:
        seen[root] = 1
    for node in range(len(nodes) - 1, -1, -1):
        if seen[node]:
            for argument in nodes.arguments[node]:
                seen[argument] = 1
    return [node for node in range(len(nodes)) if seen[node]]


def _written(
    nodes: Nodes, families: dict[int, Family], reductions: Reductions | None, tables: Tables, prefix: str
) -> EquationsText:
    """Write what stands alone, with definitions, and the families around what is the same in their members."""
    outside = _outside(nodes, families)
    uses = Counter(outside)
    deep: set[int] = set()
    in_loops: set[int] = set()
    for family in families.values():
        uses.update(family.same)
        in_loops.update(family.same)
        if not family.leaves_room:
            deep.update(family.same)
    needed = bytearray(len(nodes))
    for node in uses:
        needed[node] = 1
    for node in range(len(nodes) - 1, -1, -1):
        if needed[node]:
            arguments: Sequence[int] = nodes.arguments[node]
            if reductions is not None and node in reductions:
                arguments = reductions.needs(node)
                in_loops.update(reductions.same(node))
            for argument in arguments:
                uses[argument] += 1
                needed[argument] = 1
    pieces: dict[int, Piece] = {}
    definitions: list[str] = []
    large = nodes.named if families else None
    for node in range(len(nodes)):
        if not needed[node]:
            continue
        if reductions is not None and node in reductions:
            piece = reductions.write(node, pieces.__getitem__)
        else:
            piece = write(nodes.scalars[node], [pieces[argument] for argument in nodes.arguments[node]])
        # Loops do not stand in loops that they do not depend on, where they would be gone through each time.
        wanted = node in deep or (large is not None and large[node] != 0) or (node in in_loops and LOOP in piece.text)
        if piece.depth and (wanted or _deserves_a_name(piece, uses[node])):
            name = f"{prefix}{len(definitions) + 1}"
            is_condition = nodes.operations[node].yields_condition
            # A definition is a number, so a condition is kept as 1 or 0.
            definitions.append(f"{name} := where({piece.text}, 1, 0)" if is_condition else f"{name} := {piece.text}")
            piece = Piece(f"{name} != 0", Precedence.COMPARISON, 0) if is_condition else Piece(name, Precedence.ATOM, 0)
        pieces[node] = piece
    texts = []
    place = 0
    while place < len(nodes.residuals):
        if place in families:
            texts.append(families[place].write(pieces.__getitem__))
            place = families[place].block.stop
        else:
            texts.append(pieces[nodes.residuals[place]].text)
            place += 1
    return EquationsText(tuple(definitions), tuple(texts), tables.arrays)


def _deserves_a_name(piece: Piece, uses: int) -> bool:
    shared = uses > 1 and len(piece.text) > SHORT_CHARACTERS
    return shared or piece.depth > MAXIMUM_DEPTH or len(piece.text) > MAXIMUM_CHARACTERS
