"""J by complex steps: the imaginary part of f(x + ih), over h, which nothing cancels in and so is exact to rounding.

Source: W. Squire & G. Trapp, Using complex variables to estimate derivatives of real functions, SIAM Review 40 (1998).

Every operation is continued into the complex plane around the real point where it stands. Real parts are those of the
real function, so what is not defined there, such as log at −1, stays undefined. NumPy's complex functions give the
imaginary parts, save for what it has not, cbrt, hypot and arctan2, and for powers, whose complex logarithm would bury h
where the base is negative.

A step h of 2⁻¹⁰⁰ times the variable's size makes terms in h² vanish even beside a singularity, which is no nearer than
2⁻⁵³ of it; slopes below 2⁻¹⁰⁷⁴/h are lost. A choice, `where(c, a, b)` or `a if c else b`, is taken
by the real parts, as if h were 0: its slope is that of the branch taken, as with exact derivatives. The operations that
have no analytic continuation are refused where they are applied to something that depends on x.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raphson_solver.differential.compression import Compression
from raphson_solver.errors import InputError
from raphson_solver.expression import operations as op
from raphson_solver.expression.graph import Graph
from raphson_solver.expression.operations import Operation
from raphson_solver.interruption import Between, uninterrupted

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Places = NDArray[np.int64]

_EXPONENT = -100
# Of variables that are tiny themselves the step is not so short that imaginary parts vanish.
_SHORTEST, _LARGEST_EXPONENT = 2.0**-1000, -30
# Nodes between two looks at whether somebody still waits.
_LOOK = 1024
_CHUNK = 2**26
"""Bytes that the values of all nodes may take at once."""
_NOT_ANALYTIC = frozenset({op.ABS, op.SIGN, op.FLOOR, op.CEIL, op.MINIMUM, op.MAXIMUM, op.REMAINDER})


@dataclass(frozen=True, slots=True, eq=False)
class ComplexStepped:
    """J by complex steps at a batch of B points.

    Attributes
    ----------
    entries : ndarray, shape (B, entries)
        In the order of the pattern; NaN where f is not finite, infinite where it is infinitely steep.
    evaluations : int
        Points at which f was evaluated.
    """

    entries: Array
    evaluations: int


def complex_step(
    graph: Graph,
    equations: Sequence[int],
    names: Sequence[str],
    x: Array,
    p: Array,
    rows: Places,
    columns: Places,
    between: Between = uninterrupted,
    compression: Compression | None = None,
) -> ComplexStepped:
    """Return the entries of J by complex steps.

    Parameters
    ----------
    graph : Graph
        Holds the nodes.
    equations : sequence of int, length m
        The nodes of f.
    names : sequence of str, length m
        What errors call the equations.
    x : array, shape (B, n)
        The points.
    p : array, shape (B, k), (1, k) or (k,)
        The parameters.
    rows, columns : int64 arrays, shape (entries,)
        Where J may differ from zero.
    between : callable, optional
        Called now and then; what it raises ends the work.
    compression : Compression, optional
        That of the pattern, if it is known already.

    Raises
    ------
    InputError
        Where an equation applies abs, sign, floor, ceil, minimum, maximum or fmod to what depends on x.
    """
    order = graph.reachable(equations)
    depends = graph.dependent()
    _check_analytic(graph, equations, names, order, depends)
    count, n = x.shape
    p = np.atleast_2d(p)
    compression = compression or Compression(rows, columns, n)
    steps = _steps(x)
    entries = np.zeros((count, rows.size))
    evaluations = count * compression.count
    chunk = max(1, _CHUNK // (16 * (n + len(order))))
    for first in range(0, evaluations, chunk):
        member, colour = np.divmod(np.arange(first, min(first + chunk, evaluations)), compression.count)
        at = x[member].astype(np.complex128)
        which, column = compression.columns(colour)
        at.imag[which, column] = steps[member[which], column]
        f = _values(graph, order, equations, depends, at.T, p[member].T if p.shape[0] > 1 else p.T, between)
        which, entry = compression.entries(colour)
        with np.errstate(all="ignore"):
            entries[member[which], entry] = f[rows[entry], which].imag / steps[member[which], columns[entry]]
    return ComplexStepped(entries, evaluations)


def _steps(x: Array) -> Array:
    """Return powers of 2, so that dividing by them is exact."""
    exponent = np.frexp(np.where(x == 0.0, 1.0, x))[1]
    longest = np.minimum(np.ldexp(1.0, exponent + _LARGEST_EXPONENT), _SHORTEST)
    steps: Array = np.maximum(np.ldexp(1.0, exponent + _EXPONENT), longest)
    return steps


def _check_analytic(
    graph: Graph, equations: Sequence[int], names: Sequence[str], order: list[int], depends: bytearray
) -> None:
    refused = {node for node in order if graph.operation[node] in _NOT_ANALYTIC and depends[node]}
    if not refused:
        return
    for equation, name in zip(equations, names, strict=True):
        for node in graph.reachable([equation]):
            if node in refused:
                raise InputError(
                    "mode",
                    f"a complex step needs functions that are analytic; {name} applies "
                    f"'{graph.operation[node].name}' to what depends on a variable. Use 'exact'",
                )


# --- evaluation in the complex plane -------------------------------------------------------------------------


def _values(
    graph: Graph,
    order: list[int],
    outputs: Sequence[int],
    depends: bytearray,
    x: Complex,
    p: Array,
    between: Between,
) -> Complex:
    """Return the outputs, shape (m, K), at complex x of shape (n, K)."""
    values: dict[int, Any] = {}
    with np.errstate(all="ignore"):
        for place, node in enumerate(order):
            if not place % _LOOK:
                between()
            kind = graph.operation[node]
            if kind is op.CONSTANT:
                values[node] = graph.value[node]
            elif kind is op.VARIABLE:
                values[node] = x[int(graph.value[node])]
            elif kind is op.PARAMETER:
                values[node] = p[int(graph.value[node])]
            else:
                arguments = [values[argument] for argument in graph.arguments[node]]
                values[node] = _continued(kind, arguments) if depends[node] else kind.value(*arguments)
    return np.array([np.broadcast_to(values[node], x.shape[1:]) for node in outputs], np.complex128)


def _continued(kind: Operation, arguments: list[Any]) -> Any:
    """Return an operation's value just off the real axis; a condition is that of the real parts."""
    if kind is op.SELECT:
        return np.where(*arguments)
    real = [np.real(argument) for argument in arguments]
    value = kind.value(*real)
    if kind.yields_condition:
        return value
    imaginary = [np.imag(argument) for argument in arguments]
    slope = _OWN[kind](real, imaginary) if kind in _OWN else kind.value(*arguments).imag
    if kind in _STEEP:
        place, sign = _STEEP[kind]
        slope = np.where(np.abs(real[0]) == place, sign * np.inf * imaginary[0], slope)
    moved = np.any([np.not_equal(each, 0.0) for each in np.broadcast_arrays(*imaginary)], axis=0)
    result = np.empty(np.shape(slope), np.complex128)
    result.real = value
    result.imag = np.where(np.isfinite(value), np.where(moved, slope, 0.0), np.nan)
    return result


def _cbrt(real: list[Any], imaginary: list[Any]) -> Any:
    root = np.cbrt(real[0])
    return imaginary[0] / (3.0 * root) / root


def _hypot(real: list[Any], imaginary: list[Any]) -> Any:
    (a, b), (da, db) = real, imaginary
    size = np.hypot(a, b)
    return a / size * da + b / size * db


def _arctan2(real: list[Any], imaginary: list[Any]) -> Any:
    (a, b), (da, db) = real, imaginary
    size = np.hypot(a, b)
    return (b / size * da - a / size * db) / size


def _power(real: list[Any], imaginary: list[Any]) -> Any:
    (a, b), (da, db) = real, imaginary
    by_base = np.where(np.equal(da, 0.0), 0.0, b * np.power(a, b - 1.0) * da)
    # 0**b does not change with b > 0.
    by_exponent = np.power(a, b) * np.where(np.equal(a, 0.0), 0.0, np.log(a)) * db
    return by_base + np.where(np.equal(db, 0.0), 0.0, by_exponent)


_OWN: dict[Operation, Callable[[list[Any], list[Any]], Any]] = {
    op.CBRT: _cbrt,
    op.HYPOT: _hypot,
    op.ARCTAN2: _arctan2,
    op.POWER: _power,
}
# Ends of domains, by the size of the argument, where the slope is infinite, and its sign.
_STEEP: dict[Operation, tuple[float, float]] = {
    op.SQRT: (0.0, 1.0),
    op.CBRT: (0.0, 1.0),
    op.ARCSIN: (1.0, 1.0),
    op.ARCCOS: (1.0, -1.0),
    op.ARCCOSH: (1.0, 1.0),
}
