"""What is wrong with a system, as the explanation room says it, in the wire's terms."""

from collections.abc import Sequence

from raphson.v1.solver_pb2 import ActiveBound, Explanation, NotFinite, Pair, Part, WorstEquation
from raphson_solver import explanation as room

from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.region import SIDES


def from_explanation(found: room.Explanation | room.Structure, kept: KeptSystem) -> Explanation:
    """Write what was found at a point, or in the pattern alone."""
    structure = found if isinstance(found, room.Structure) else found.structure
    message = Explanation(
        lines=found.lines() or [str(found)],
        system_id=kept.system.id,
        structural_rank=structure.rank,
        overdetermined=[_from_group(group) for group in structure.over],
        underdetermined=[_from_group(group) for group in structure.under],
    )
    if isinstance(found, room.Explanation):
        _add_point(message, found)
    return message


def _from_group(group: room.Group) -> Part:
    return Part(
        equations=group.equations,
        variables=group.variables,
        more_equations=group.more_equations,
        more_variables=group.more_variables,
    )


def _add_point(message: Explanation, found: room.Explanation) -> None:
    """Add what is known only at a point."""
    equations, variables = found.equation_names, found.variable_names
    if found.not_finite is not None:
        message.not_finite.CopyFrom(_from_not_finite(found.not_finite, equations, variables))
    message.worst_equations.extend(
        WorstEquation(equation=worst.name, residual=worst.residual, scaled_residual=worst.scaled_residual)
        for worst in found.worst
    )
    message.active_bounds.extend(ActiveBound(element=at.name, side=SIDES[at.side]) for at in found.at_bounds)
    if found.dependence is not None:
        message.parallel_equations.extend(_from_pair(pair, equations) for pair in found.dependence.parallel_rows)
        message.parallel_variables.extend(_from_pair(pair, variables) for pair in found.dependence.parallel_columns)
        if found.dependence.condition is not None:
            message.condition = found.dependence.condition
        if found.dependence.rank is not None:
            message.rank = found.dependence.rank


def _from_not_finite(found: room.NotFinite, equations: Sequence[str], variables: Sequence[str]) -> NotFinite:
    return NotFinite(
        equation=equations[found.equation],
        variable="" if found.variable is None else variables[found.variable],
        text=found.text,
        arguments=found.arguments,
        value=found.value,
        reason=found.reason,
    )


def _from_pair(pair: room.Pair, names: Sequence[str]) -> Pair:
    return Pair(first=names[pair.first], second=names[pair.second], cosine=pair.cosine)
