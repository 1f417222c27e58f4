"""Residuals that are alike, written as one text with loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from raphson.trace.blocks import Block
from raphson.trace.chains import LEAST
from raphson.trace.compact import Compact
from raphson.trace.operations import Precedence
from raphson.trace.pieces import Piece
from raphson.trace.settling import settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from raphson.trace.generalizer import Generalizer
    from raphson.trace.nodes import Nodes
    from raphson.trace.tables import Tables
    from raphson.trace.templates import Edge, Template

# What a parser counts as nesting stays below what it accepts, with what is the same in all members in between.
DEEPEST = 40
DEEPEST_WITH_INLINED = 16
BYTES_OF_A_NUMBER = 8
MOST_PIECES = 8
PLACEHOLDER = Piece("t00", Precedence.ATOM, 0)


class Family:
    """The residuals of a block.

    Parameters
    ----------
    nodes : Nodes
    generalizer : Generalizer
    block : Block
    tables : Tables

    Attributes
    ----------
    block : Block
    same : list of int
        Nodes that are written once for all members, as often as they occur.
    pieces : list of Block
        Parts of the block that need no table of places, where the block as a whole needs a large one; set by
        `is_worth_it`.
    """

    def __init__(self, nodes: Nodes, generalizer: Generalizer, block: Block, tables: Tables) -> None:
        self.block = block
        self.pieces: list[Block] = []
        self._tables = tables
        self._parts: list[tuple[Template, Edge]] = []
        rows = np.array(nodes.residuals[block.start : block.stop]).reshape(block.repeats, -1)
        first = 0
        for length in block.lengths:
            template, edge = generalizer.members(rows[:, first : first + length].ravel().tolist())
            strides = [length, length * block.repeats] if len(block.lengths) > 1 else ()
            settle(template, tables, strides=strides)
            self._parts.append((template, edge))
            first += length
        self.same = [node for template, _ in self._parts for node in template.same]
        if len(block.lengths) > 1:
            self._count_together()

    def is_worth_it(self, *, with_coefficients: bool) -> bool:
        """Tell whether the text, with its tables, is shorter than one text a member, and not too deep; adds tables."""
        before = len(self._tables.arrays)
        text, self._depth = self._write(lambda _: PLACEHOLDER)
        added = list(self._tables.arrays.values())[before:]
        length = sum(template.length for template, _ in self._parts)
        size = len(text) + BYTES_OF_A_NUMBER * sum(array.size for array in added)
        allowed = with_coefficients or not any(array.dtype.kind == "f" for array in added)
        places = sum(array.size for array in added if array.dtype.kind == "i")
        self.pieces = self._regular_pieces() if 2 * places > self.block.stop - self.block.start else []
        if allowed and not self.pieces and size < length and self._depth <= DEEPEST:
            return True
        self._tables.forget(before)
        return False

    @property
    def leaves_room(self) -> bool:
        """Whether what is the same in all members may be written where it stands, rather than be defined."""
        return self._depth <= DEEPEST_WITH_INLINED

    def write(self, piece_of: Callable[[int], Piece]) -> str:
        """Write the text, given that of what is the same in all members."""
        return self._write(piece_of)[0]

    def _regular_pieces(self) -> list[Block]:
        template = self._parts[0][0]
        odd = [
            column.values
            for column in template.columns
            if column.is_place and column.parts is None and column.level is template.root
        ]
        if len(self._parts) > 1 or not odd:
            return []
        steps, counts = np.unique(np.diff(odd, axis=1), axis=1, return_counts=True)
        usual = steps[:, [counts.argmax()]]
        starts = [0, *(np.flatnonzero((np.diff(odd, axis=1) != usual).any(axis=0)) + 1).tolist()]
        if not 1 < len(starts) <= MOST_PIECES:
            return []
        lengths = np.diff([*starts, self.block.lengths[0]]).tolist()
        return [
            Block(self.block.start + start, 1, (length,))
            for start, length in zip(starts, lengths, strict=True)
            if length >= LEAST
        ]

    def _count_together(self) -> None:
        """Let the runs of a pattern count with the same two loops: how often it came round, and the place in it."""
        digits = [template.root.digits for template, _ in self._parts]
        lengths = self.block.lengths
        offsets = np.concatenate([[0], np.cumsum(lengths)]).tolist()
        longest = int(np.argmax(lengths))
        start = max(digits[longest][1].start - offsets[longest], 0)
        for pair, offset in zip(digits, offsets, strict=False):
            pair[0].start = digits[longest][0].start
            pair[1].start = start + offset

    def _write(self, piece_of: Callable[[int], Piece]) -> tuple[str, int]:
        writers = [Compact(template, self._tables, piece_of) for template, _ in self._parts]
        pieces = [writer.edge(edge) for writer, (_, edge) in zip(writers, self._parts, strict=True)]
        depth = max(piece.depth for piece in pieces) + len(pieces)
        root = self._parts[0][0].root
        if len(pieces) == 1:
            return pieces[0].text + writers[0].loops(root), depth
        outer, inner = root.digits
        text = ""
        for piece, length, (template, _) in zip(pieces[:-1], self.block.lengths, self._parts, strict=False):
            start = template.root.digits[1].start
            condition = f"{inner.name} == {start}" if length == 1 else f"{inner.name} < {start + length}"
            text += f"{piece.text} if {condition} else "
        text += pieces[-1].text
        inner_stop = inner.start + sum(self.block.lengths)
        loops = [
            f"for {name} in range({f'{start}, ' if start else ''}{stop})"
            for name, start, stop in (
                (outer.name, outer.start, outer.start + outer.size),
                (inner.name, inner.start, inner_stop),
            )
        ]
        return f"{text} {' '.join(loops)}", depth
