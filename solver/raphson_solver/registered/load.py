"""From the files that an operator names to systems that are compiled and tried: whatever is wrong stops the start."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit
from numba.core.errors import NumbaError
from numpy.typing import NDArray

from raphson_solver.errors import InputError
from raphson_solver.registered import registration
from raphson_solver.registered.kernels import NumbaKernels
from raphson_solver.registered.registration import Registration
from raphson_solver.registered.system import RegisteredSystem
from raphson_solver.solution.packing import pack

Array = NDArray[np.float64]

_STEP = 2.0**-17.5
# How far a Jacobian may be from central differences, beside the largest entry of its row.
_AGREES = 1e-4
_SHOWN = 300


class RegistrationError(Exception):
    """A file, or a function in it, that cannot be served; the message is for the operator."""


def load(sources: Iterable[str]) -> dict[str, RegisteredSystem]:
    """Import files or modules, and compile and try what they register.

    Parameters
    ----------
    sources : iterable of str
        Paths that end with ".py", or names of modules.

    Returns
    -------
    dict of str to RegisteredSystem
        By name.

    Raises
    ------
    RegistrationError
        If one cannot be imported or registers nothing, or a function does not compile, raises, or returns something of
        the wrong shape; with file, name and reason.
    """
    systems: dict[str, RegisteredSystem] = {}
    for source in sources:
        registration.noted.clear()
        _import(source)
        if not registration.noted:
            raise RegistrationError(f"{source} registers nothing; expected functions decorated by @register(…)")
        for each in list(registration.noted):
            if each.name in systems:
                raise RegistrationError(f"{each.where}: '{each.name}' is registered twice; expected each name once")
            systems[each.name] = _system(each)
    return systems


def _import(source: str) -> ModuleType:
    try:
        if not source.endswith(".py"):
            return importlib.import_module(source)
        path = Path(source).resolve()
        spec = importlib.util.spec_from_file_location(f"raphson_registered_{path.stem}", path)
        # A path that ends with .py has both.
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    except Exception as error:
        raise RegistrationError(f"{source} cannot be imported: {_of(error)}") from error
    return module


def _system(each: Registration) -> RegisteredSystem:
    """Compile and try one."""
    x, p = _example(each)
    function, f = _tried(each, each.function, "", x, p)
    if f.ndim != 1 or not f.size:
        raise _wrong(each, f"returns shape {f.shape}; expected (m,), a number an equation")
    jacobian = None
    if each.jacobian is not None:
        jacobian, slopes = _tried(each, each.jacobian, "its Jacobian ", x, p)
        if slopes.shape != (f.size, x.size):
            raise _wrong(each, f"its Jacobian returns shape {slopes.shape}; expected {(f.size, x.size)}")
        _check_slopes(each, function, slopes, x, p)
    return RegisteredSystem(each, NumbaKernels(function, jacobian, f.size, x.size, p.size))


def _example(each: Registration) -> tuple[Array, Array]:
    try:
        parts = []
        for declared in (each.variables, each.parameters):
            given = {name: each.example.get(name, np.ones(shape)) for name, shape in declared}
            parts.append(pack(given, declared, "example"))
    except InputError as error:
        raise _wrong(each, str(error)) from error
    return parts[0], parts[1]


def _tried(each: Registration, function: Callable[..., Any], what: str, x: Array, p: Array) -> tuple[Any, Array]:
    """Return a function compiled, so that it returns an array, and what it returns."""
    compiled: Any = function if hasattr(function, "py_func") else njit(nogil=True, error_model="numpy")(function)
    try:
        returned = compiled(x.copy(), p.copy())
    except NumbaError as error:
        raise _wrong(each, f"{what}does not compile: {_of(error)}") from error
    except Exception as error:
        at = f"x = {_short(x)}, p = {_short(p)}"
        raise _wrong(each, f"{what}raises {_of(error)} at {at}; give @register another `example`") from error
    if isinstance(returned, np.ndarray) and returned.dtype.kind in "biuf":
        return compiled, returned.astype(np.float64)
    try:
        array = np.array(returned, dtype=np.float64)
    except (TypeError, ValueError):
        raise _wrong(each, f"{what}returns {_short(returned)}; expected an array of real numbers") from None
    # Tuples, lists and single numbers become arrays.
    make: Any = njit(nogil=True, error_model="numpy")
    if array.ndim:
        return make(lambda x, p: np.array(compiled(x, p))), array
    return make(lambda x, p: np.array([compiled(x, p)])), array.reshape(1)


def _check_slopes(each: Registration, function: Any, slopes: Array, x: Array, p: Array) -> None:
    """Refuse a Jacobian that differences contradict."""
    for j in range(x.size):
        step = np.zeros(x.size)
        step[j] = _STEP * max(abs(x[j]), 1.0)
        try:
            above, below = (np.asarray(function(at, p.copy()), np.float64) for at in (x + step, x - step))
        except Exception:  # noqa: BLE001, S112 - not defined there, so that nothing contradicts
            continue
        found = (above - below) / (2.0 * step[j])
        size = np.maximum(np.max(np.abs(slopes), axis=1), np.abs(found))
        for i in np.flatnonzero(np.abs(slopes[:, j] - found) > _AGREES * size):
            what = f"its Jacobian has {slopes[i, j]:.6g} at [{i}, {j}], where differences give {found[i]:.6g}"
            raise _wrong(each, f"{what}, at x = {_short(x)}, p = {_short(p)}")


def _wrong(each: Registration, reason: str) -> RegistrationError:
    return RegistrationError(f"{each.where}: '{each.name}' {reason}")


def _of(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {' '.join(lines)}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _short(value: Any) -> str:
    text = (
        np.array2string(np.asarray(value), threshold=6, edgeitems=2) if isinstance(value, np.ndarray) else repr(value)
    )
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
