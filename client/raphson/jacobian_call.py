"""The type of `jacobian`, whose result depends on an argument."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar, overload

from raphson.offering import Offered, offered

if TYPE_CHECKING:
    from raphson.arrays import Array
    from raphson.jacobian_argument import JacobianArgument
    from raphson.problem import Equations, Parameters, Point
    from raphson.region import Bounds
    from raphson.sparse_jacobian import SparseJacobian

P = ParamSpec("P")
Dense_co = TypeVar("Dense_co", covariant=True)
Sparse_co = TypeVar("Sparse_co", covariant=True)


class JacobianCall(Protocol[Dense_co, Sparse_co]):
    """`Client.jacobian` to type checkers; `Dense_co` and `Sparse_co` are what it returns, or lets be awaited."""

    @overload
    def __call__(
        self,
        equations: Equations | None = None,
        at: Point | None = None,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        system: str | None = None,
        sparse: Literal[False] = False,
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        bounds: Bounds | None = None,
        timeout_seconds: float | None = None,
    ) -> Dense_co: ...

    @overload
    def __call__(
        self,
        equations: Equations | None = None,
        at: Point | None = None,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        system: str | None = None,
        sparse: Literal[True],
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        bounds: Bounds | None = None,
        timeout_seconds: float | None = None,
    ) -> Sparse_co: ...


def offered_dense_or_sparse(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, Array | SparseJacobian]],
) -> Offered[
    JacobianCall[Array, SparseJacobian],
    JacobianCall[Coroutine[Any, Any, Array], Coroutine[Any, Any, SparseJacobian]],
]:
    """Offer `jacobian`, as `offered` does."""
    both: Offered[Any, Any] = offered(method)
    return both
