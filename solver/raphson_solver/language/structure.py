"""Which names a text uses in ranges and as indices: their values are a part of the system."""

from __future__ import annotations

from collections.abc import Iterator

from raphson_solver.language import syntax
from raphson_solver.language.syntax import Expression


def structural_names(parsed: list[syntax.Equation | syntax.Assignment], entries: list[Expression]) -> set[str]:
    """Return every name that stands inside a range, a filter or an index, loop indices left out."""
    found: set[str] = set()
    bound: set[str] = set()
    stack: list[tuple[Expression, bool]] = [(entry, False) for entry in entries]
    for item in parsed:
        if isinstance(item, syntax.Assignment):
            stack.append((item.value, False))
        else:
            stack.append((item.left, False))
            if item.right is not None:
                stack.append((item.right, False))
            stack.extend(_of_loops(item.loops, bound))
    while stack:
        node, inside = stack.pop()
        if isinstance(node, syntax.Name):
            if inside:
                found.add(node.name)
        elif isinstance(node, syntax.Index):
            if inside:
                found.add(node.name)
            stack.extend((index, True) for index in node.indices)
        elif isinstance(node, syntax.Reduction):
            stack.append((node.body, inside))
            stack.extend(_of_loops(node.loops, bound))
        else:
            stack.extend((child, inside) for child in _children(node))
    return found - bound


def _of_loops(loops: list[syntax.Loop], bound: set[str]) -> Iterator[tuple[Expression, bool]]:
    for loop in loops:
        bound.add(loop.name)
        for part in (*loop.bounds, *loop.filters):
            yield part, True


def _children(node: Expression) -> list[Expression]:
    match node:
        case syntax.Sum():
            return [term for _, term in node.terms]
        case syntax.Product():
            return [factor for _, factor in node.factors]
        case syntax.Negative() | syntax.Not():
            return [node.argument]
        case syntax.Power():
            return [node.base, node.exponent]
        case syntax.Comparison() | syntax.Logic():
            return node.operands
        case syntax.Conditional():
            return [node.condition, node.first, node.second]
        case syntax.Call():
            return node.arguments
        case _:
            return []
