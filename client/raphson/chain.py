"""A composition of systems, and what its differential is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raphson.arrays import from_message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raphson.arrays import Array
    from raphson.problem import Equations, Parameters
    from raphson.v1.jacobian_pb2 import EvaluateChainResponse

ORDERS = {1: "auto", 2: "forward", 3: "reverse"}


@dataclass(frozen=True, slots=True)
class Link:
    """One function of a composition.

    Attributes
    ----------
    equations : str, sequence of str, callable or CompiledSystem
        The system.
    parameters : mapping of str to array-like, optional
        What is given.
    variables : mapping of str to tuple of int, or sequence of str, optional
        Names and shapes of the unknowns, names alone standing for scalars: what the link before gives, flattened, in
        this order. The first link has them from `at`, a `CompiledSystem` from its compilation.
    """

    equations: Equations
    parameters: Parameters | None = None
    variables: Mapping[str, Sequence[int]] | Sequence[str] | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ChainEvaluation:
    """f = f_k ∘ … ∘ f_1 at a point, its differential, and how that was multiplied.

    Attributes
    ----------
    value : ndarray of float64, shape (m,)
        f(x).
    jacobian : ndarray of float64, shape (m, n), or None
        J_k · … · J_1, if asked for.
    jvp, vjp : ndarray of float64, shape (m,) and (n,), or None
        J·v and wᵀ·J, if asked for; link by link, without forming any J.
    order : str
        "forward", from the input on; "reverse", from the output back; or "auto", where neither is cheapest.
    brackets : str
        The order as it is written, e.g. ``"(J3·J2)·J1"``.
    forward_operations, reverse_operations, cheapest_operations : int
        Multiplications of numbers that each order takes for the matrix.
    evaluations : int
        Evaluations of functions spent on differences.
    """

    value: Array
    jacobian: Array | None
    jvp: Array | None
    vjp: Array | None
    order: str
    brackets: str
    forward_operations: int
    reverse_operations: int
    cheapest_operations: int
    evaluations: int

    def __str__(self) -> str:
        costs = f"{self.forward_operations:,} forward, {self.reverse_operations:,} in reverse"
        lines = [
            f"{self.brackets}: {self.order} order",
            f"  multiplications: {costs}, {self.cheapest_operations:,} at least",
        ]
        parts = (("value", self.value), ("jacobian", self.jacobian), ("J·v", self.jvp), ("wᵀ·J", self.vjp))
        for name, array in parts:
            if array is not None:
                lines.append(f"  {name}\n{array}" if array.ndim == 2 else f"  {name} {array}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"ChainEvaluation\n{self}"


def to_chain_evaluation(reply: EvaluateChainResponse) -> ChainEvaluation:
    """Read a reply."""
    return ChainEvaluation(
        value=from_message(reply.value),
        jacobian=from_message(reply.matrix) if reply.HasField("matrix") else None,
        jvp=from_message(reply.jvp) if reply.HasField("jvp") else None,
        vjp=from_message(reply.vjp) if reply.HasField("vjp") else None,
        order=ORDERS.get(reply.order, "auto"),
        brackets=reply.brackets,
        forward_operations=reply.forward_operations,
        reverse_operations=reply.reverse_operations,
        cheapest_operations=reply.cheapest_operations,
        evaluations=reply.evaluations,
    )
