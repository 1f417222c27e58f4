"""Tokens to a tree, by operator precedence. Nothing is evaluated, and no text becomes code."""

from __future__ import annotations

from dataclasses import dataclass, field

from raphson_solver.errors import DefinitionError, LimitError
from raphson_solver.language import syntax
from raphson_solver.language.syntax import Expression
from raphson_solver.language.tokens import KEYWORDS, Token, clip, tokenize

REDUCTIONS = frozenset({"sum", "prod", "min", "max"})

_OR, _AND, _COMPARISON, _SUM, _PRODUCT = 1, 2, 3, 4, 5
_LEVELS = (
    {"or": _OR, "and": _AND}
    | dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), _COMPARISON)
    | dict.fromkeys(("+", "-"), _SUM)
    | dict.fromkeys(("*", "/", "//", "%"), _PRODUCT)
)


@dataclass(slots=True)
class Uses:
    """What the parser notices of names.

    Attributes
    ----------
    structural : set of str
        Names inside a range, a filter or an index: their values are a part of the system.
    counted : set of str
        Names that a ``for`` counts with.
    """

    structural: set[str] = field(default_factory=set)
    counted: set[str] = field(default_factory=set)


def parse_equation(source: str, argument: str, depth_limit: int, uses: Uses) -> syntax.Equation | syntax.Assignment:
    """Parse ``left = right``, a bare expression, ``name := value``, or a family ``… for i in range(n)``.

    Parameters
    ----------
    source : str
        The text.
    argument : str
        What to call it in an error.
    depth_limit : int
        Most levels of nesting.
    uses : Uses
        Receives the names that it uses in ranges and as indices.

    Raises
    ------
    DefinitionError
        With the column at which the text stops making sense.
    LimitError
        When it is nested too deeply.
    """
    return _Parser(source, argument, depth_limit, uses).equation()


def parse_expression(source: str, argument: str, depth_limit: int, uses: Uses) -> Expression:
    """Parse a text that is one expression, such as an entry of a caller's Jacobian."""
    return _Parser(source, argument, depth_limit, uses).only_expression()


class _Parser:
    def __init__(self, source: str, argument: str, depth_limit: int, uses: Uses) -> None:
        self._source = source
        self._argument = argument
        self._uses = uses
        self._inside = 0
        self._depth = 0
        self._depth_limit = depth_limit
        self._tokens = tokenize(source, argument)
        self._place = 0
        self._token = self._tokens[0]

    # --- whole texts ----------------------------------------------------------------------------------------

    def equation(self) -> syntax.Equation | syntax.Assignment:
        if self._token.kind == "end":
            raise self._error("the equation is empty", self._token)
        if self._token.kind == "name" and self._tokens[self._place + 1].kind == ":=":
            return self._assignment()
        left = self._expression()
        right = None
        if self._token.kind == "=":
            self._advance()
            right = self._expression()
        loops = self._loops()
        self._expect_end("=" if right is None else "for")
        return syntax.Equation(left, right, loops)

    def only_expression(self) -> Expression:
        result = self._expression()
        self._expect_end("an operator")
        return result

    def _assignment(self) -> syntax.Assignment:
        name = self._advance()
        self._advance()
        value = self._expression()
        if self._token.kind == "for":
            raise self._error("a definition names one value; it cannot have a 'for'", self._token)
        self._expect_end("an operator")
        return syntax.Assignment(name.column, name.text, value)

    # --- expressions, loosest first ---------------------------------------------------------------------------

    def _expression(self) -> Expression:
        """Parse ``a if condition else b``, or anything tighter."""
        self._enter()
        first = self._operators(_OR)
        if self._token.kind == "if":
            column = self._advance().column
            condition = self._operators(_OR)
            self._expect("else", "to say what holds otherwise")
            first = syntax.Conditional(column, condition, first, self._expression())
        self._depth -= 1
        return first

    def _operators(self, loosest: int) -> Expression:
        """Parse operators that bind at least as tightly as `loosest`; a run of equals becomes one node."""
        left = self._signed()
        while (level := _LEVELS.get(self._token.kind, 0)) >= loosest:
            column, operands, operators = self._token.column, [left], []
            while _LEVELS.get(self._token.kind, 0) == level:
                operators.append(self._advance().kind)
                operands.append(self._operators(level + 1))
            left = _join(level, column, operands, operators)
        return left

    def _signed(self) -> Expression:
        if self._token.kind not in {"+", "-", "not"}:
            return self._power()
        self._enter()
        sign = self._advance()
        if sign.kind == "not":
            argument: Expression = syntax.Not(sign.column, self._operators(_COMPARISON))
        else:
            argument = self._signed()
            if sign.kind == "-":
                argument = syntax.Negative(sign.column, argument)
        self._depth -= 1
        return argument

    def _power(self) -> Expression:
        base = self._atom()
        if self._token.kind != "**":
            return base
        self._enter()
        column = self._advance().column
        exponent = self._signed()
        self._depth -= 1
        return syntax.Power(column, base, exponent)

    def _atom(self) -> Expression:
        token = self._advance()
        if token.kind == "number":
            result: Expression = syntax.Number(token.column, float(token.text))
        elif token.kind == "name":
            result = self._named(token)
        elif token.kind == "(":
            result = self._expression()
            if self._token.kind == ",":
                raise self._error("tuples do not exist here; expected ')'", self._token)
            self._close("(", ")", token)
        else:
            raise self._unexpected(token)
        if self._token.kind in {"name", "number", "("}:
            hint = "only a function's name can be called" if self._token.kind == "(" else "write '*' to multiply"
            if "\n" in self._source[token.column : self._token.column]:
                hint = "or equations on lines of their own: give each as a text of its own, in a list"
            raise self._error(f"an operator is missing before '{clip(self._token.text)}'; {hint}", self._token)
        return result

    def _named(self, token: Token) -> Expression:
        if self._token.kind == "(":
            return self._call(token)
        if self._token.kind == "[":
            opening = self._advance()
            self._note(token.text)
            self._inside += 1
            indices = [self._expression()]
            while self._token.kind == ",":
                self._advance()
                indices.append(self._expression())
            self._inside -= 1
            self._close("[", "]", opening)
            return syntax.Index(token.column, token.text, indices)
        if token.text == "lambda":
            raise self._error("lambdas do not exist here", token)
        self._note(token.text)
        return syntax.Name(token.column, token.text)

    def _note(self, name: str) -> None:
        if self._inside:
            self._uses.structural.add(name)

    def _call(self, name: Token) -> Expression:
        opening = self._advance()
        if self._token.kind == ")":
            raise self._error(f"'{clip(name.text)}' needs an argument", self._token)
        arguments = [self._expression()]
        if self._token.kind == "for":
            if name.text not in REDUCTIONS:
                raise self._error(
                    f"'for' stands only in {', '.join(sorted(REDUCTIONS))} and at the end of an equation",
                    self._token,
                )
            loops = self._loops()
            self._close("(", ")", opening)
            return syntax.Reduction(name.column, name.text, arguments[0], loops)
        while self._token.kind == ",":
            self._advance()
            arguments.append(self._expression())
        self._close("(", ")", opening)
        return syntax.Call(name.column, name.text, arguments)

    def _loops(self) -> list[syntax.Loop]:
        loops = []
        while self._token.kind == "for":
            self._enter()
            column = self._advance().column
            name = self._expect("name", "to count with")
            self._expect("in", f"after 'for {name.text}'")
            function = self._expect("name", "'range(…)' after 'in'")
            if function.text != "range":
                raise self._error(f"'{clip(function.text)}' cannot be counted through; write range(…)", function)
            opening = self._expect("(", "after 'range'")
            self._uses.counted.add(name.text)
            self._inside += 1
            bounds = [self._expression()]
            while self._token.kind == ",":
                self._advance()
                bounds.append(self._expression())
            self._close("(", ")", opening)
            if len(bounds) > 3:
                raise self._error("range takes one to three numbers: range(first, last, step)", function)
            filters = []
            while self._token.kind == "if":
                self._advance()
                filters.append(self._operators(_OR))
            self._inside -= 1
            loops.append(syntax.Loop(column, name.text, bounds, filters))
        self._depth -= len(loops)
        return loops

    # --- tokens -----------------------------------------------------------------------------------------------

    def _advance(self) -> Token:
        token = self._token
        if token.kind != "end":
            self._place += 1
            self._token = self._tokens[self._place]
        return token

    def _expect(self, kind: str, why: str) -> Token:
        if self._token.kind != kind:
            what = "a name" if kind == "name" else f"'{kind}'"
            raise self._error(f"expected {what} {why}, found {_found(self._token)}", self._token)
        return self._advance()

    def _close(self, opening: str, closing: str, where: Token) -> None:
        if self._token.kind == "end":
            raise self._error(f"'{opening}' was never closed", where)
        if self._token.kind == "=":
            raise self._error(f"expected '{closing}', found '='; write '==' to compare", self._token)
        if self._token.kind == ":=":
            raise self._error("':=' stands only at the start: name := expression", self._token)
        if self._token.kind != closing:
            raise self._error(f"expected '{closing}', found {_found(self._token)}", self._token)
        self._advance()

    def _expect_end(self, expected: str) -> None:
        token = self._token
        if token.kind == "end":
            return
        if token.kind in {")", "]"}:
            raise self._error(f"'{token.kind}' was never opened", token)
        if token.kind == "=":
            raise self._error("an equation has one '='; write '==' to compare", token)
        if token.kind == ":=":
            raise self._error("':=' stands only at the start: name := expression", token)
        raise self._error(f"expected {expected} or the end, found {_found(token)}", token)

    def _unexpected(self, token: Token) -> DefinitionError:
        if token.kind == "end":
            return self._error("the text ends where a value is expected", token)
        if token.kind in {")", "]"} and self._place >= 2:
            return self._error(f"expected a value, found '{clip(token.text)}'", token)
        if token.kind == "[":
            return self._error("lists do not exist here; an index needs a name before it", token)
        if token.kind in KEYWORDS:
            return self._error(f"expected a value, found the word '{clip(token.text)}'", token)
        return self._error(f"expected a value, found '{clip(token.text)}'", token)

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > self._depth_limit:
            raise LimitError(self._argument, "depth", self._depth, self._depth_limit, "levels of nesting")

    def _error(self, message: str, token: Token) -> DefinitionError:
        return DefinitionError(self._argument, message, self._source, token.column)


def _join(level: int, column: int, operands: list[Expression], operators: list[str]) -> Expression:
    if level == _SUM:
        return syntax.Sum(column, list(zip(["+", *operators], operands, strict=True)))
    if level == _PRODUCT:
        return syntax.Product(column, list(zip(["*", *operators], operands, strict=True)))
    if level == _COMPARISON:
        return syntax.Comparison(column, operands, operators)
    return syntax.Logic(column, operators[0], operands)


def _found(token: Token) -> str:
    return "the end" if token.kind == "end" else f"'{clip(token.text)}'"
