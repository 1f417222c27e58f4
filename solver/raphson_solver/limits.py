"""How large a system may be, checked before the work that the size would cause."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds on one definition.

    Attributes
    ----------
    text_length : int
        Characters over all equations and Jacobian entries together.
    depth : int
        Levels of nested parentheses, signs, powers, calls and conditionals.
    variables, parameters : int
        Numbers in all variables, and in all parameters, together.
    equations : int
        Equations, or variables, of a system that is written out; with more it stays families, which are evaluated,
        differentiated and solved without a dense matrix.
    nodes : int
        Nodes of the expression graph, derivatives included.
    dense_entries : int
        Entries of a dense m×n or n×n matrix; larger systems stay families.
    members : int
        Members of all families, and terms of their sums, together.
    entries : int
        Entries of J of a system that stays in families, each product along its sums counted.
    families : int
        Different expressions of a system that stays families.
    """

    text_length: int = 1_048_576
    depth: int = 50
    variables: int = 4_000_000
    parameters: int = 1_000_000
    equations: int = 10_000
    nodes: int = 1_000_000
    dense_entries: int = 16_000_000
    members: int = 16_000_000
    entries: int = 64_000_000
    families: int = 500
