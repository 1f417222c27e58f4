"""The one place that says how the engine is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit
from numba.extending import intrinsic as numba_intrinsic

from raphson_solver.engine.cache import EngineCache

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile on first call, without the GIL, with IEEE division, and keep the code on disk; for jitted callers."""
    # Without wrappers for Python and C, which are a seventh of the time to compile.
    return _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def inlined(function: Function) -> Function:
    """Do as `jit`, and copy the code into every caller, so that constants among its arguments are known in it."""
    return _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)


def entry(function: Function) -> Function:
    """Do as `jit`, for what Python calls."""
    return _compiled(function, no_cfunc_wrapper=True)


def _compiled(function: Function, **how: bool) -> Function:
    settings: Any = {"nogil": True, "error_model": "numpy", **how}
    dispatcher: Any = njit(**settings)(function)
    cache: Any = EngineCache
    dispatcher._cache = cache(function)  # noqa: SLF001 - what `cache=True` does, with a cache of ours
    return cast("Function", dispatcher)


def c_entry(function: Function) -> Function:
    """Do as `entry`, for what machine code calls by its address too."""
    return _compiled(function)


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that writes LLVM callable from jitted code."""
    return cast("Callable[..., Any]", numba_intrinsic(function))
