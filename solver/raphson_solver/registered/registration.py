"""The decorator by which a function is registered, and what it notes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from raphson_solver.language import Shape
from raphson_solver.language.names import CONSTANTS, FUNCTIONS

Function = TypeVar("Function", bound=Callable[..., Any])
Declared = Mapping[str, Sequence[int]] | Sequence[str]

noted: list[Registration] = []
"""What was registered since `load` last looked."""


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """A function as its author registers it.

    Attributes
    ----------
    name : str
        What callers call it.
    function : callable
        From x, shape (n,), and p, shape (k,), to f, shape (m,): what Numba compiles.
    jacobian : callable or None
        From the same to J, shape (m, n).
    variables, parameters : tuple of (str, tuple of int)
        Names and shapes; x and p are all of them, flattened, in this order.
    example : mapping of str to array-like
        Values at which it is tried when it is loaded; 1 where none is given.
    where : str
        File and line, for the operator.
    documentation : str
        Its docstring.
    """

    name: str
    function: Callable[..., Any]
    jacobian: Callable[..., Any] | None
    variables: tuple[tuple[str, Shape], ...]
    parameters: tuple[tuple[str, Shape], ...]
    example: Mapping[str, Any]
    where: str
    documentation: str

    @property
    def n(self) -> int:
        """How many variables, flattened."""
        return sum(math.prod(shape) for _, shape in self.variables)

    @property
    def parameter_count(self) -> int:
        """How many parameters, flattened."""
        return sum(math.prod(shape) for _, shape in self.parameters)


def register(
    *,
    variables: Declared,
    parameters: Declared = (),
    jacobian: Callable[..., Any] | None = None,
    name: str | None = None,
    example: Mapping[str, Any] | None = None,
) -> Callable[[Function], Function]:
    """Register a function, for servers that are told to load its file.

    Parameters
    ----------
    variables : mapping of str to tuple of int, or sequence of str
        Names and shapes of the unknowns, names alone for scalars. The function's first argument is all of them,
        flattened in this order, shape (n,).
    parameters : mapping of str to tuple of int, or sequence of str
        Likewise of what is given: the second argument, shape (k,).
    jacobian : callable, optional
        Takes the same arguments; returns J, shape (m, n). Default: differences.
    name : str, optional
        What callers call it. Default: the function's own name.
    example : mapping of str to array-like, optional
        Values of variables and parameters at which the function is tried when it is loaded. Default: 1 everywhere.

    Returns
    -------
    callable
        The decorator, which returns the function as it is.

    Raises
    ------
    ValueError
        If names or shapes make no sense.

    Examples
    --------
    >>> @register(variables={"T": (2,)}, parameters=["area"])
    ... def exchanger(x, p):
    ...     \"\"\"Two temperatures, K.\"\"\"
    ...     return np.array([x[0] - x[1] - 10.0, p[0] * x[1] - 300.0])
    """
    declared = _declared(variables, "variables"), _declared(parameters, "parameters")
    if not declared[0]:
        raise ValueError("variables is empty; expected the names of the unknowns")
    names = [name for part in declared for name, _ in part]
    for each in names:
        if names.count(each) > 1:
            raise ValueError(f"'{each}' is declared twice; expected each name once")
    for each in example or {}:
        if each not in names:
            raise ValueError(f"example has '{each}', which is neither a variable nor a parameter")

    def note(function: Function) -> Function:
        python = getattr(function, "py_func", function)
        called = name or python.__name__
        if not called.isidentifier():
            raise ValueError(f"{called!r} is not a name; expected an identifier")
        file, line = inspect.getsourcefile(python) or "?", python.__code__.co_firstlineno
        noted.append(
            Registration(
                name=called,
                function=function,
                jacobian=jacobian,
                variables=declared[0],
                parameters=declared[1],
                example=dict(example or {}),
                where=f"{file}:{line}",
                documentation=inspect.getdoc(python) or "",
            )
        )
        return function

    return note


def _declared(given: Declared, what: str) -> tuple[tuple[str, Shape], ...]:
    if isinstance(given, str):
        raise TypeError(f"{what} is the text {given!r}; expected a list of names, or a mapping of names to shapes")
    shapes = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given, ())
    for name, shape in shapes.items():
        if not (isinstance(name, str) and name.isidentifier()) or name in CONSTANTS or name in FUNCTIONS:
            raise ValueError(f"{what} has {name!r}; expected an identifier that is no function or constant")
        if not all(isinstance(extent, int) and extent >= 1 for extent in shape):
            raise ValueError(f"{what}[{name!r}] is {shape!r}; expected a tuple of whole numbers of at least 1")
    return tuple((name, tuple(shape)) for name, shape in shapes.items())
