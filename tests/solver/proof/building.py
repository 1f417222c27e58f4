"""Graphs of texts, for proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raphson_solver.language import from_text
from raphson_solver.limits import Limits
from raphson_solver.proof import BoxSearch, Certificate, certify, search_box
from raphson_solver.solution import define

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raphson_solver.language import Instance


def instance(equations: Sequence[str], names: Sequence[str], parameters: Any = None) -> Instance:
    """Return the graph of some equations."""
    return from_text(define(list(equations), list(names), parameters, None), Limits())


def certificate(equations: Sequence[str], at: dict[str, float], **parameters: float) -> Certificate:
    """Return what is proven of a point."""
    written = instance(equations, list(at), list(parameters) or None)
    return certify(written.graph, written.equations, list(at.values()), list(parameters.values()))


def search(equations: Sequence[str], box: dict[str, tuple[float, float]], **options: Any) -> BoxSearch:
    """Return what is found in a box."""
    written = instance(equations, list(box))
    lower, upper = zip(*box.values(), strict=True)
    return search_box(written.graph, written.equations, lower, upper, **options)
