"""Some of the points of a batch, and every view of f there; what several views need is computed once."""

import functools

import numpy as np
from raphson_solver.differential.density import change_of_variables_logdensity
from raphson_solver.differential.determinant import Determinant, determinant
from raphson_solver.differential.scatter import summed
from raphson_solver.differential.spectrum import Spectrum, spectrum
from raphson_solver.differential.uncertainty import Propagated, propagate_deviations

from raphson_server.worker.batch import part
from raphson_server.worker.conversion import Array
from raphson_server.worker.evaluate_question import EvaluateQuestion


class Chunk:
    """Points from one to another of a question's batch.

    Parameters
    ----------
    question : EvaluateQuestion
        Whose arrays have rows: one for each point, or one for all.
    first, last : int
        Which points.
    """

    def __init__(self, question: EvaluateQuestion, first: int, last: int) -> None:
        self._question = question
        self._first, self._last = first, last
        self._differential = question.differential
        self._x = part(question.x, first, last)
        self._p = None if question.p is None else part(question.p, first, last)
        self._forms_matrix = needs_matrix(question)

    @functools.cached_property
    def value(self) -> Array:
        """f, shape (c, m)."""
        return self._differential.value(self._x, self._p)

    @functools.cached_property
    def matrix(self) -> Array:
        """J, shape (c, m, n)."""
        if "error_estimate" in self._question.views:
            return self._matrix_with_error[0]
        return self._differential.matrix(self._x, self._p)

    @property
    def error(self) -> Array:
        """An estimate of the error of each entry, shape (c, m, n)."""
        return self._matrix_with_error[1]

    @functools.cached_property
    def _matrix_with_error(self) -> tuple[Array, Array]:
        return self._differential.matrix_with_error(self._x, self._p)

    @functools.cached_property
    def entries(self) -> Array:
        """The entries of J that may differ from zero, shape (c, entries)."""
        if self._forms_matrix:
            rows, columns = self._differential.pattern
            return self.matrix[:, rows, columns]
        return self._differential.entries(self._x, self._p)

    # --- the linear map -------------------------------------------------------------------------------------

    @property
    def jvp(self) -> Array:
        """J·v, shape (k, c, m)."""
        v = self._seeds(self._question.jvp)
        if self._question.is_exact:
            return self._differential.jvp(self._x, v, self._p)
        if self._forms_matrix:
            return np.asarray(np.matmul(self.matrix, v[..., None])[..., 0])
        rows, columns = self._differential.pattern
        return summed(self.entries * v[..., columns], rows, self._differential.m)

    @property
    def vjp(self) -> Array:
        """wᵀ·J, shape (k, c, n)."""
        w = self._seeds(self._question.vjp)
        if self._question.is_exact:
            return self._differential.vjp(self._x, w, self._p)
        if self._forms_matrix:
            return np.asarray(np.matmul(w[..., None, :], self.matrix)[..., 0, :])
        rows, columns = self._differential.pattern
        return summed(self.entries * w[..., rows], columns, self._differential.n)

    @property
    def gradient(self) -> Array:
        """∇f, shape (c, n)."""
        if self._forms_matrix:
            return self.matrix[:, 0, :]
        return self._differential.gradient(self._x, self._p)

    @property
    def hessian_vector(self) -> Array:
        """H·v, shape (k, c, n)."""
        return self._differential.hessian_vector_product(self._x, self._seeds(self._question.hessian_vector), self._p)

    def _seeds(self, seeds: Array | None) -> Array:
        assert seeds is not None
        return part(seeds, self._first, self._last)

    # --- what follows from the matrix -----------------------------------------------------------------------

    @functools.cached_property
    def determinant(self) -> Determinant:
        """Signs and logarithms, shape (c,)."""
        return determinant(self.matrix)

    @functools.cached_property
    def spectrum(self) -> Spectrum:
        """Singular values, shape (c, min(m, n)), condition and rank."""
        return spectrum(self.matrix)

    @property
    def rank(self) -> Array:
        """Numerical ranks, shape (c,), as the wire has numbers."""
        return self.spectrum.rank.astype(np.float64)

    @property
    def log_density(self) -> Array:
        """The logarithm of the density of f(x), shape (c,)."""
        given = self._question.log_density
        assert given is not None
        return change_of_variables_logdensity(given[self._first : self._last], self.determinant)

    @functools.cached_property
    def propagated(self) -> Propagated:
        """J Σ Jᵀ, shape (c, m, m), and standard deviations, shape (c, m)."""
        if self._question.deviations is not None:
            return propagate_deviations(self.matrix, self._question.deviations)
        root = self._question.root
        assert root is not None
        # Σ = R·Rᵀ was factored once, and J·R takes independent numbers of size one.
        return propagate_deviations(self.matrix @ root, np.ones(root.shape[-1]))


def needs_matrix(question: EvaluateQuestion) -> bool:
    """Return whether J is formed, by itself or on the way to a view."""
    return not question.views.isdisjoint(
        ("matrix", "error_estimate", "determinant", "spectrum", "log_density", "covariance")
    )
