"""What a client offers of compositions: the chain rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from raphson.arrays import to_array, write, write_named
from raphson.calls import Calls
from raphson.chain import ChainEvaluation, Link, to_chain_evaluation
from raphson.compiled import CompiledSystem
from raphson.errors import InvalidRequestError
from raphson.offering import offered
from raphson.problem import to_problem, to_shaped_problem
from raphson.v1.jacobian_pb2 import EvaluateChainRequest
from raphson.vectors import direction
from raphson.vocabulary import to_jacobian_mode

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from raphson.problem import Equations, Point, Problem
    from raphson.vocabulary import JacobianMode, JacobianName

ORDERS = {"auto": 1, "forward": 2, "reverse": 3}


class Composing(Calls):
    """Differentiates compositions of systems."""

    @offered
    async def chain(
        self,
        links: Sequence[Equations | Link],
        at: Point,
        method: JacobianName | JacobianMode = "exact",
        *,
        order: str = "auto",
        jacobian: bool = True,
        v: Mapping[str, ArrayLike] | ArrayLike | None = None,
        w: ArrayLike | None = None,
        timeout_seconds: float | None = None,
    ) -> ChainEvaluation:
        """Evaluate f_k ∘ … ∘ f_1 and its differential by the chain rule.

        Parameters
        ----------
        links : sequence of Link, or of what `solve` takes as equations
            f_1 first; each takes what the one before gives, flattened. With parameters, or, after the first, names of
            unknowns to tell: a `Link`.
        at : mapping of str to array-like, or array-like
            Where: the unknowns of the first link.
        method : {"exact", "forward", "central", "complex_step", "analytic"}
            Where the derivatives of each link come from.
        order : {"auto", "forward", "reverse"}
            In which order the links' Jacobians are multiplied; "auto" is the cheapest, by dynamic programming over
            their shapes.
        jacobian : bool
            Whether to return the matrix.
        v : array-like of shape (n,), or mapping of str to array-like, optional
            Asks for J·v.
        w : array-like of shape (m,), optional
            Asks for wᵀ·J.
        timeout_seconds : float, optional
            Deadline of the call.

        Returns
        -------
        ChainEvaluation
            The value, what was asked for, and what each order of multiplying costs.

        Raises
        ------
        InvalidRequestError
            If shapes do not meet, or the request makes no sense otherwise; `fields` say where.
        RaphsonError
            If no answer came.
        """
        if order not in ORDERS:
            expected = ", ".join(map(repr, ORDERS))
            raise InvalidRequestError.at("order", f"{order!r} is not known; expected one of {expected}")
        problems = to_problems(links, at)
        request = EvaluateChainRequest(
            mode=int(to_jacobian_mode(method, "method")),  # type: ignore[arg-type]
            order=ORDERS[order],  # type: ignore[arg-type]
            matrix=bool(jacobian),
        )
        write_named(problems[0].point, request.at, "at")
        for place, problem in enumerate(problems):
            write_named(problem.parameters, request.links.add().parameters, f"links[{place}].parameters")
        if v is not None:
            write(np.atleast_1d(direction(v, problems[0])), request.jvp, "v")
        if w is not None:
            write(np.atleast_1d(to_array(w, "w")), request.vjp, "w")
        deadline = self._deadline(timeout_seconds)
        reply = await self._refer(
            [(link.system, problem) for link, problem in zip(request.links, problems, strict=True)],
            lambda: self._transport.ask(self._transport.evaluate_chain, request, deadline),
        )
        for problem, system_id in zip(problems, reply.system_ids, strict=True):
            self._remember(problem, system_id)
        return to_chain_evaluation(reply)


def to_problems(links: Sequence[Equations | Link], at: Point) -> list[Problem]:
    """Read the links of a composition.

    Raises
    ------
    InvalidRequestError
        If there is none, or nothing tells the unknowns of one after the first.
    """
    if isinstance(links, str) or not isinstance(links, Sequence) or not links:
        raise InvalidRequestError.at("links", f"{links!r} is not a list of systems; expected at least one, f_1 first")
    problems = []
    for place, given in enumerate(links):
        link = given if isinstance(given, Link) else Link(given)
        try:
            problems.append(_to_problem(link, at, is_first=place == 0))
        except InvalidRequestError as error:
            where = [(_placed(field, place), description) for field, description in error.fields]
            raise InvalidRequestError(f"links[{place}]: {error.message}", fields=where) from None
    return problems


def _to_problem(link: Link, at: Point, *, is_first: bool) -> Problem:
    if is_first:
        return to_problem(link.equations, at, link.parameters, "exact", point_field="at")
    if isinstance(link.equations, CompiledSystem):
        zeros: dict[str, Any] = {name: np.zeros(shape) for name, shape in link.equations.variables}
        return to_problem(link.equations, zeros, link.parameters, "exact", point_field="at")
    if link.variables is None:
        raise InvalidRequestError.at(
            "variables",
            "missing; expected the names of the unknowns: Link(equations, variables=[...]), or a compiled one",
        )
    return to_shaped_problem(link.equations, None, link.variables, link.parameters, point_field="at")


def _placed(field: str, place: int) -> str:
    return field if field.startswith("at") else f"links[{place}].{field}"
