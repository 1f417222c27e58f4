"""Texts that say the same of other numbers, found again as the members of one family.

Equations that a program wrote out by the thousand differ in their numbers and in which scalars they name. Those with
the same text but for these are parsed once; what differs becomes an index of the family's members.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.language import syntax

SCALARS = "@"
"""The array of all variables, by which scalars of different names are one array's elements."""

# With fewer texts there is nothing to gain.
FEWEST = 256

_PIECES = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z_0-9]*)|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<space>\s+)"
)
# What a number stands in decides whether it may differ: anywhere in an index it may; as a factor or a term it may,
# unless it is 0 or 1, by which terms vanish; in an exponent or a condition it may not.
_INDEX, _NUMBER, _FIXED = range(3)
_VANISHING = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Alike:
    """Texts that differ in nothing but some numbers.

    Attributes
    ----------
    texts : tuple of int
        Which, ascending.
    item : Equation
        Their tree, in which the numbers that differ are names.
    numbers : dict of str to ndarray, shape (texts,)
        Those names' numbers, whole ones as int64.
    """

    texts: tuple[int, ...]
    item: syntax.Equation
    numbers: dict[str, NDArray[Any]]

    def part(self, which: slice) -> Alike:
        """Return some of the texts."""
        return Alike(self.texts[which], self.item, {name: array[which] for name, array in self.numbers.items()})


def grouped(texts: Sequence[str], scalars: Mapping[str, int]) -> list[list[int]]:
    """Return which texts are the same but for numbers and the names of scalars, two and more together.

    Parameters
    ----------
    texts : sequence of str
        All of a definition.
    scalars : mapping of str to int
        Variables without a shape, and their places in x.
    """
    found: dict[str, list[int]] = defaultdict(list)

    def plain(match: re.Match[str]) -> str:
        if match.lastgroup == "name":
            return SCALARS if match.group() in scalars else match.group()
        return "0" if match.lastgroup == "number" else " "

    for number, text in enumerate(texts):
        found[_PIECES.sub(plain, text)].append(number)
    return [numbers for skeleton, numbers in found.items() if len(numbers) > 1 and ":=" not in skeleton]


def alike(texts: Sequence[str], which: Sequence[int], tree: syntax.Equation, scalars: Mapping[str, int]) -> list[Alike]:
    """Return the families that texts of one shape are; none if they are to be taken one by one.

    Parameters
    ----------
    texts : sequence of str
        All of a definition.
    which : sequence of int
        Those that `grouped` found together.
    tree : Equation
        The first of them, parsed.
    scalars : mapping of str to int
        As for `grouped`.
    """
    kinds = _kinds(tree, scalars)
    columns = [column for column, _ in _numbers(texts[which[0]], scalars)]
    if tree.loops or sorted(kinds) != columns:
        return []
    rows = [[value for _, value in _numbers(texts[number], scalars)] for number in which]
    values, order = np.array(rows, dtype=np.float64).reshape(len(which), len(columns)), np.array(which)
    kind = np.array([kinds[column] for column in columns], np.int64)
    whole = values[:, kind == _INDEX]
    if not (np.all(np.isfinite(values)) and np.all(whole == np.floor(whole)) and np.all(np.abs(whole) < 2**53)):
        return []
    same = np.where(kind == _FIXED, values, 0.0)
    for place, number in enumerate(_VANISHING):
        same[:, kind == _NUMBER] += (values[:, kind == _NUMBER] == number) * (place + 1.0)
    groups: dict[bytes, list[int]] = defaultdict(list)
    for place, key in enumerate(same):
        groups[key.tobytes()].append(place)
    return [_family(tree, columns, kind, order[places], values[places]) for places in groups.values()]


def _family(
    tree: syntax.Equation,
    columns: Sequence[int],
    kind: NDArray[np.int64],
    texts: NDArray[np.int64],
    values: NDArray[np.float64],
) -> Alike:
    """Write names where numbers differ."""
    numbers: dict[str, NDArray[Any]] = {}
    written: dict[int, syntax.Number | syntax.Name] = {}
    for place, column in enumerate(columns):
        own = values[:, place]
        if np.all(own == own[0]):
            written[column] = syntax.Number(column, float(own[0]))
            continue
        name = f"#{place}"
        numbers[name] = own.astype(np.int64) if kind[place] == _INDEX else own.copy()
        written[column] = syntax.Name(column, name)
    return Alike(tuple(texts.tolist()), _rewritten(tree, written), numbers)


def _numbers(text: str, scalars: Mapping[str, int]) -> Iterator[tuple[int, float]]:
    """Yield the column and the value of each number and of each scalar's place."""
    for match in _PIECES.finditer(text):
        if match.lastgroup == "number":
            yield match.start(), float(match.group())
        elif match.lastgroup == "name" and match.group() in scalars:
            yield match.start(), float(scalars[match.group()])


def _kinds(tree: Any, scalars: Mapping[str, int], kind: int = _NUMBER) -> dict[int, int]:
    """Return what stands at the columns of numbers and scalars."""
    found: dict[int, int] = {}

    def visit(node: Any, kind: int) -> None:
        match node:
            case syntax.Number():
                found[node.column] = kind
            case syntax.Name():
                if node.name in scalars:
                    found[node.column] = _INDEX
            case syntax.Index():
                visit(node.indices, _INDEX)
            case syntax.Power():
                visit(node.base, kind)
                visit(node.exponent, _INDEX if kind == _INDEX else _FIXED)
            case syntax.Conditional():
                visit(node.condition, _FIXED)
                visit([node.first, node.second], kind)
            case syntax.Call(name="where"):
                visit(node.arguments[:1], _FIXED)
                visit(node.arguments[1:], kind)
            case syntax.Reduction():
                visit(node.body, kind)
                visit(node.loops, _INDEX)
            case list() | tuple():
                for each in node:
                    visit(each, kind)
            case _:
                for name in getattr(node, "__slots__", ()):
                    visit(getattr(node, name), kind)

    visit(tree, kind)
    return found


def _rewritten(node: Any, written: Mapping[int, syntax.Number | syntax.Name]) -> Any:
    """Return a tree with other nodes at some columns, and elements of one array for scalars."""
    if isinstance(node, (list, tuple)):
        return type(node)(_rewritten(each, written) for each in node)
    if isinstance(node, syntax.Number):
        return written[node.column]
    if isinstance(node, syntax.Name) and node.column in written:
        return syntax.Index(node.column, SCALARS, [written[node.column]])
    names = getattr(node, "__slots__", ())
    return type(node)(*(_rewritten(getattr(node, name), written) for name in names)) if names else node
