"""From a definition to a `System`, each made once."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np

from raphson_solver.errors import DefinitionError, InputError, LimitError
from raphson_solver.language import Definition, Shape, Table, check_length
from raphson_solver.language.names import CONSTANTS, FUNCTIONS
from raphson_solver.language.tokens import KEYWORDS, tokenize
from raphson_solver.limits import Limits
from raphson_solver.solution.system import System

CACHED_SYSTEMS = 256

_systems: OrderedDict[tuple[Definition, Limits], Future[System]] = OrderedDict()
_lock = threading.Lock()


def compile_definition(definition: Definition, limits: Limits | None = None) -> System:
    """Return the system of a definition; made once, however many threads ask at once.

    It answers at once through the interpreter and becomes machine code in the background when used again.

    Raises
    ------
    DefinitionError, LimitError
        Where the text makes no sense, or is too large.
    """
    key = (definition, limits or Limits())
    with _lock:
        future = _systems.get(key)
        mine = future is None
        if future is None:
            future = _systems[key] = Future()
            while len(_systems) > CACHED_SYSTEMS:
                _systems.popitem(last=False)
        else:
            _systems.move_to_end(key)
    if mine:
        try:
            future.set_result(_system(*key))
        except BaseException as error:
            with _lock:
                _systems.pop(key, None)
            future.set_exception(error)
            raise
    return future.result()


def _system(definition: Definition, limits: Limits) -> System:
    try:
        return System(definition, limits, compile_now=False)
    except RecursionError:
        # The caller's own stack was deep already, or its limit of recursion low.
        raise LimitError("equations", "depth", limits.depth, limits.depth, "levels of nesting") from None


def compile(  # noqa: A001 - the name callers expect
    equations: str | Sequence[str],
    start: Mapping[str, Any] | Iterable[str] | None = None,
    parameters: Mapping[str, Any] | Iterable[str] | None = None,
    jacobian: Sequence[Sequence[str]] | None = None,
    *,
    limits: Limits | None = None,
) -> System:
    """Compile a system to machine code, to be solved many times.

    Of one that stays families the code is made when it is first called, quickly, and tight by use (`System.compile`).

    Parameters
    ----------
    equations : sequence of str, or one str
        In the raphson language.
    start : mapping of names to values, or names, optional
        The variables; only shapes count. Without it, every name that the equations use and `parameters` does
        not declare is a scalar variable, in order of appearance.
    parameters : mapping of names to values, or names, optional
        Values are needed for those that stand in a range or an index.
    jacobian : sequence of sequences of str, optional
        The caller's own, m rows of n expressions.
    limits : Limits, optional
        How large it may be.

    Returns
    -------
    System

    Raises
    ------
    DefinitionError, LimitError
        Where the text makes no sense, or is too large.
    """
    system = compile_definition(define(equations, start, parameters, jacobian, limits), limits)
    if system.family_codes is None:
        system.compile()
    return system


def define(
    equations: str | Sequence[str],
    start: Mapping[str, Any] | Iterable[str] | None,
    parameters: Mapping[str, Any] | Iterable[str] | None,
    jacobian: Sequence[Sequence[str]] | None,
    limits: Limits | None = None,
) -> Definition:
    """Return the definition that friendly arguments stand for."""
    texts = (equations,) if isinstance(equations, str) else tuple(equations)
    check_length(texts, None, limits or Limits())
    given = _shapes(parameters or (), "parameters")
    names = _free_names(texts, {name for name, _ in given}) if start is None else start
    return Definition(
        equations=texts,
        variables=_shapes(names, "start"),
        parameters=given,
        values=_values(parameters),
        jacobian=None if jacobian is None else tuple(tuple(row) for row in jacobian),
    )


def _shapes(declared: Mapping[str, Any] | Iterable[str], field: str) -> tuple[tuple[str, Shape], ...]:
    if not isinstance(declared, Mapping):
        if isinstance(declared, np.ndarray) or not all(isinstance(name, str) for name in declared):
            raise InputError(field, "expected names, or a mapping of names to values, e.g. {'x': 1.0}")
        return tuple((name, ()) for name in declared)
    return tuple((name, _shape(value, f"{field}.{name}")) for name, value in declared.items())


def _shape(value: Any, field: str) -> Shape:
    try:
        return np.shape(value)
    except ValueError:
        raise InputError(field, "expected a number or an array; its rows differ in length") from None


def _values(
    parameters: Mapping[str, Any] | Iterable[str] | None,
) -> tuple[tuple[str, Table], ...]:
    """Return whole-number values: only they can be a part of the system."""
    if not isinstance(parameters, Mapping):
        return ()
    whole = {name: np.asarray(value) for name, value in parameters.items() if np.asarray(value).dtype.kind in "iu"}
    return tuple((name, Table(value)) for name, value in whole.items())


def _free_names(texts: tuple[str, ...], declared: set[str]) -> list[str]:
    """Return the names that must be variables, in order of appearance."""
    found: dict[str, None] = {}
    bound: set[str] = set()
    for number, text in enumerate(texts):
        tokens = tokenize(text, f"equations[{number}]")
        for token, following in itertools.pairwise(tokens):
            if token.kind == "name" and following.kind == ":=":
                bound.add(token.text)
            if token.kind == "for" and following.kind == "name":
                bound.add(following.text)
            if token.kind == "name" and following.kind == "[":
                if token.text not in declared:
                    raise DefinitionError(
                        "start",
                        f"'{token.text}' is an array; give a start to say its shape",
                        text,
                        token.column,
                    )
            elif token.kind == "name" and following.kind != "(":
                found[token.text] = None
    reserved = KEYWORDS | FUNCTIONS.keys() | CONSTANTS.keys() | declared | bound
    return [name for name in found if name not in reserved]
