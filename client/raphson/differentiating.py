"""What a client offers of f and its differential: values, J as a matrix and as a linear map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from raphson.evaluating import Asked, Evaluating, Where, to_vectors
from raphson.jacobian_call import offered_dense_or_sparse
from raphson.jacobian_estimate import JacobianEstimate
from raphson.offering import offered
from raphson.registered import Registry, given
from raphson.sparse_jacobian import SparseJacobian, to_sparse_jacobian

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from raphson.arrays import Array
    from raphson.jacobian_argument import JacobianArgument
    from raphson.problem import Equations, Parameters, Point
    from raphson.region import Bounds


class Differentiating(Evaluating, Registry):
    """Evaluates and differentiates systems, at one point or at many.

    "…" in a shape stands for the dimensions of the batch: none for one point.
    """

    @offered
    async def value(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        *,
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        timeout_seconds: float | None = None,
    ) -> Array:
        """Evaluate f(x).

        Parameters
        ----------
        equations, at, parameters, batch, batched_parameters, timeout_seconds
            As in `jacobian`.

        Returns
        -------
        ndarray of float64, shape (…, m)
            Left minus right side of each equation.
        """
        where = Where(equations, at, parameters, "exact", batch, batched_parameters, None, timeout_seconds)
        found = await self._evaluate(where, Asked(("value",)))
        return found.array("value", 1)

    @offered_dense_or_sparse
    async def jacobian(
        self,
        equations: Equations | None = None,
        at: Point | None = None,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        system: str | None = None,
        sparse: bool = False,
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        bounds: Bounds | None = None,
        timeout_seconds: float | None = None,
    ) -> Array | SparseJacobian:
        """Evaluate the Jacobian.

        Parameters
        ----------
        equations, at, parameters
            As `solve` takes equations, start and parameters; m and n may differ. For many points, arrays of `at` have
            the batch's dimensions before their own, and broadcast as NumPy's do. A batch larger than a message is
            sent in several calls.
        method : {"exact", "forward", "central", "complex_step", "analytic"}, nested list or mapping
            Where derivatives come from, as `solve` takes `jacobian`.
        system : str, optional
            The name of a registered function, in place of equations; see `systems`.
        sparse : bool
            Whether to return only the entries that may differ from zero.
        batch : int, optional
            How many leading dimensions of the arrays in `at` count points. Default: told by the shapes of a
            `CompiledSystem`, else 0.
        batched_parameters : sequence of str
            Parameters that have these dimensions too; those of a `CompiledSystem` are told by their shapes.
        bounds : mapping of str to (lower, upper), or such a pair for all unknowns, optional
            Differences never evaluate f outside.
        timeout_seconds : float, optional
            Deadline of the call, or of all calls where a batch takes several.

        Returns
        -------
        ndarray of float64, shape (…, m, n), or SparseJacobian
            ∂f_i/∂x_j, the unknowns flattened in order.

        Raises
        ------
        InvalidRequestError
            If the request makes no sense; `fields` say where.
        RaphsonError
            If no answer came.
        """
        equations = await self._named(equations, system)
        given(at, "at")
        assert at is not None
        where = Where(equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds)
        if sparse:
            return to_sparse_jacobian(await self._evaluate(where, Asked(("sparse",))))
        found = await self._evaluate(where, Asked(("matrix",)))
        return found.array("matrix", 2)

    @offered
    async def jacobian_with_error(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        method: JacobianArgument = "central",
        *,
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        bounds: Bounds | None = None,
        timeout_seconds: float | None = None,
    ) -> JacobianEstimate:
        """Evaluate the Jacobian by differences, and estimate the error of every entry.

        Parameters
        ----------
        equations, at, parameters, batch, batched_parameters, bounds, timeout_seconds
            As in `jacobian`.
        method : {"central", "forward"}
            Which differences.

        Returns
        -------
        JacobianEstimate
            The matrix, the error, and how many evaluations of f it took.
        """
        where = Where(equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds)
        found = await self._evaluate(where, Asked(("matrix", "error_estimate")))
        return JacobianEstimate(found.array("matrix", 2), found.array("error", 2), found.evaluations)

    @offered
    async def jvp(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        v: Mapping[str, ArrayLike] | ArrayLike,
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        bounds: Bounds | None = None,
        timeout_seconds: float | None = None,
    ) -> Array:
        """Evaluate J·v without forming J: how f changes along v.

        Parameters
        ----------
        equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds
            As in `jacobian`.
        v : array-like of shape (n,), (…, n) or (k, …, n), or mapping of str to array-like
            A direction: one number an unknown; the same at all points, one for each, or k for each.

        Returns
        -------
        ndarray of float64, shape (…, m), or (k, …, m) for k directions
        """
        where = Where(equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds)
        found = await self._product(where, "jvp", v)
        return found.array("jvp", 1)

    @offered
    async def vjp(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        v: ArrayLike,
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        bounds: Bounds | None = None,
        timeout_seconds: float | None = None,
    ) -> Array:
        """Evaluate vᵀ·J without forming J: the gradient of vᵀ·f.

        Parameters
        ----------
        equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds
            As in `jacobian`.
        v : array-like of shape (m,), (…, m) or (k, …, m)
            One number an equation; the same at all points, one vector for each, or k for each.

        Returns
        -------
        ndarray of float64, shape (…, n), or (k, …, n) for k vectors
        """
        where = Where(equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds)
        found = await self._evaluate(where, Asked(vectors={"vjp": to_vectors(v, "v")}))
        return found.array("vjp", 1)

    @offered
    async def gradient(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        bounds: Bounds | None = None,
        timeout_seconds: float | None = None,
    ) -> Array:
        """Evaluate ∇f of a scalar function, one equation: one reverse sweep, whatever n.

        Parameters
        ----------
        equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds
            As in `jacobian`.

        Returns
        -------
        ndarray of float64, shape (…, n)
        """
        where = Where(equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds)
        found = await self._evaluate(where, Asked(("gradient",)))
        return found.array("gradient", 1)

    @offered
    async def value_and_gradient(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        method: JacobianArgument = "exact",
        *,
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        bounds: Bounds | None = None,
        timeout_seconds: float | None = None,
    ) -> tuple[float | Array, Array]:
        """Evaluate a scalar function and its gradient in one call.

        Parameters
        ----------
        equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds
            As in `jacobian`.

        Returns
        -------
        value : float, or ndarray of float64, shape (…)
        gradient : ndarray of float64, shape (…, n)
        """
        where = Where(equations, at, parameters, method, batch, batched_parameters, bounds, timeout_seconds)
        found = await self._evaluate(where, Asked(("value", "gradient")))
        value = found.array("value", 1)[..., 0]
        return (value if value.ndim else float(value)), found.array("gradient", 1)

    @offered
    async def hessian_vector_product(
        self,
        equations: Equations,
        at: Point,
        parameters: Parameters | None = None,
        *,
        v: Mapping[str, ArrayLike] | ArrayLike,
        batch: int | None = None,
        batched_parameters: Sequence[str] = (),
        timeout_seconds: float | None = None,
    ) -> Array:
        """Evaluate H·v of a scalar function, H being its second derivatives, without forming H.

        Parameters
        ----------
        equations, at, parameters, batch, batched_parameters, timeout_seconds
            As in `jacobian`.
        v : array-like of shape (n,), (…, n) or (k, …, n), or mapping of str to array-like
            A direction, as in `jvp`.

        Returns
        -------
        ndarray of float64, shape (…, n), or (k, …, n) for k directions
        """
        where = Where(equations, at, parameters, "exact", batch, batched_parameters, None, timeout_seconds)
        found = await self._product(where, "hessian_vector", v)
        return found.array("hessian_vector", 1)
