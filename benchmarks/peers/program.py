"""Equations and their exact Jacobian as straight-line code, for the peers that want source to compile.

What somebody who knows the calculus would write by hand: every common subexpression once, whole powers as
products, no term that is zero. Written here a second time, on purpose, so that raphson is not measured
against its own compiler.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Node = int
Row = dict[int, Node]

_INFIX = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_ALIASES = {"arctan": "atan"}


def normal_form(equation: str) -> str:
    """Return ``(left) - (right)``, or the expression itself where there is no ``=``."""
    left, equals, right = equation.partition("=")
    return f"({left}) - ({right})" if equals else equation


def standard_form(equations: Iterable[str], n: int) -> tuple[str, ...]:
    """Rename x1 … xn, as the standard problems call their unknowns, to x[0] … x[n-1]."""
    renamed = _Renamed(n)
    return tuple(ast.unparse(renamed.visit(ast.parse(text.strip(), mode="eval"))) for text in equations)


class Program:
    """f, J and the size of the terms that cancel in f, as numbered steps.

    Attributes
    ----------
    f : list of Node
        The m values.
    jacobian : list of Row
        For every equation: variable → the node of its partial derivative, zeros left out.
    sizes : list of Node
        For every equation the sum of |term| over its outermost terms.
    """

    def __init__(self, equations: Sequence[str], n: int) -> None:
        self.n = n
        self.steps: list[tuple[str, tuple[Node, ...], float]] = []
        self._known: dict[tuple[str, tuple[Node, ...], float], Node] = {}
        self._slopes: dict[Node, Row] = {}
        trees = [ast.parse(normal_form(text).strip(), mode="eval").body for text in equations]
        self.f = [self._node(tree) for tree in trees]
        self.sizes = [self._size(tree) for tree in trees]
        self.jacobian = [self._slope(node) for node in self.f]

    # --- text to steps --------------------------------------------------------------------------------------

    def _node(self, tree: ast.expr) -> Node:
        match tree:
            case ast.Constant(value=int() | float() as value):
                return self._number(float(value))
            case ast.Subscript(slice=ast.Constant(value=int() as place)):
                return self._step("x", (), float(place))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._negative(self._node(operand))
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(self._node(left), self._node(right))
            case ast.BinOp(left=left, op=operation, right=right):
                return self._infix(_INFIX[type(operation)], self._node(left), self._node(right))
            case ast.Call(func=ast.Name(id=name), args=[argument]):
                return self._step(_ALIASES.get(name, name), (self._node(argument),))
        raise NotImplementedError(f"the peers' texts do not use {ast.unparse(tree)!r}")

    def _size(self, tree: ast.expr) -> Node:
        match tree:
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
                return self._infix("+", self._size(left), self._size(right))
        return self._step("abs", (self._node(tree),))

    # --- arithmetic with what is known folded in --------------------------------------------------------------

    def _number(self, value: float) -> Node:
        return self._step("number", (), value)

    def _value(self, node: Node) -> float | None:
        name, _, value = self.steps[node]
        return value if name == "number" else None

    def _infix(self, operation: str, a: Node, b: Node) -> Node:
        u, v = self._value(a), self._value(b)
        if operation == "+" and (u == 0 or v == 0):
            return b if u == 0 else a
        if operation == "-" and (u == 0 or v == 0):
            return a if v == 0 else self._negative(b)
        if operation == "*" and (u == 0 or v == 0):
            return self._number(0.0)
        if operation in "*/" and v == 1:
            return a
        if operation == "*" and u == 1:
            return b
        if operation == "*" and -1 in (u, v):
            return self._negative(b if u == -1 else a)
        return self._step(operation, (a, b))

    def _negative(self, a: Node) -> Node:
        value = self._value(a)
        return self._step("negative", (a,)) if value is None else self._number(-value)

    def _power(self, a: Node, b: Node) -> Node:
        exponent = self._value(b)
        if exponent is None or not exponent.is_integer() or not 1 <= exponent <= 16:
            raise NotImplementedError("the peers' texts use whole powers from 1 to 16 only")
        result = a
        for _ in range(int(exponent) - 1):
            result = self._infix("*", result, a)
        return result

    def _step(self, name: str, arguments: tuple[Node, ...], value: float = 0.0) -> Node:
        key = (name, arguments, value)
        if key not in self._known:
            self._known[key] = len(self.steps)
            self.steps.append(key)
        return self._known[key]

    # --- derivatives ------------------------------------------------------------------------------------------

    def _slope(self, node: Node) -> Row:
        if node not in self._slopes:
            self._slopes[node] = self._differentiate(node)
        return self._slopes[node]

    def _differentiate(self, node: Node) -> Row:
        name, arguments, place = self.steps[node]
        one, two = self._number(1.0), self._number(2.0)
        if name in {"number", "sign"}:
            return {}
        if name == "x":
            return {int(place): one}
        a = arguments[0]
        match name:
            case "+":
                return self._combine(a, one, arguments[1], one)
            case "-":
                return self._combine(a, one, arguments[1], self._number(-1.0))
            case "*":
                return self._combine(a, arguments[1], arguments[1], a)
            case "/":
                b = arguments[1]
                return self._combine(a, self._infix("/", one, b), b, self._negative(self._infix("/", node, b)))
            case "negative":
                factor = self._number(-1.0)
            case "exp":
                factor = node
            case "sin":
                factor = self._step("cos", (a,))
            case "cos":
                factor = self._negative(self._step("sin", (a,)))
            case "sqrt":
                factor = self._infix("/", self._number(0.5), node)
            case "atan":
                factor = self._infix("/", one, self._infix("+", one, self._power(a, two)))
            case _:
                raise NotImplementedError(f"the derivative of {name} is not needed by the peers' texts")
        return {j: self._infix("*", slope, factor) for j, slope in self._slope(a).items()}

    def _combine(self, a: Node, by_a: Node, b: Node, by_b: Node) -> Row:
        row = {j: self._infix("*", slope, by_a) for j, slope in self._slope(a).items()}
        for j, slope in self._slope(b).items():
            term = self._infix("*", slope, by_b)
            row[j] = self._infix("+", row[j], term) if j in row else term
        return row

    # --- source -----------------------------------------------------------------------------------------------

    def source(self, outputs: Sequence[tuple[str, Node]], language: Language) -> list[str]:
        """Return the statements that set each output, e.g. ``("out[0]", node)``."""
        needed: set[Node] = set()
        stack = [node for _, node in outputs]
        while stack:
            node = stack.pop()
            if node not in needed:
                needed.add(node)
                stack.extend(self.steps[node][1])
        lines = [f"{language.declare}t{node} = {self._text(node, language)}{language.end}" for node in sorted(needed)]
        return lines + [f"{target} = t{node}{language.end}" for target, node in outputs]

    def _text(self, node: Node, language: Language) -> str:
        name, arguments, value = self.steps[node]
        names = [f"t{argument}" for argument in arguments]
        if name == "number":
            return repr(value)
        if name == "x":
            return f"x[{int(value)}]"
        if name == "negative":
            return f"-{names[0]}"
        if name in "+-*/":
            return f"{names[0]} {name} {names[1]}"
        return language.functions.get(name, f"{language.prefix}{name}({{0}})").format(*names)


@dataclass(frozen=True, slots=True)
class Language:
    """How a statement looks."""

    declare: str
    end: str
    prefix: str
    functions: dict[str, str]


PYTHON = Language("", "", "math.", {"abs": "abs({0})", "sign": "float(({0} > 0.0) - ({0} < 0.0))"})
C = Language("const double ", ";", "", {"abs": "fabs({0})", "sign": "(double)(({0} > 0.0) - ({0} < 0.0))"})


class _Renamed(ast.NodeTransformer):
    def __init__(self, n: int) -> None:
        self._places = {f"x{i + 1}": i for i in range(n)}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._places:
            return node
        return ast.Subscript(ast.Name("x", ast.Load()), ast.Constant(self._places[node.id]), ast.Load())
