"""Random texts of the language: written by its grammar, then, some of them, broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

SCALARS = ("x", "y", "r", "n")
ARRAYS = (("u", "4"), ("t", "4"), ("w", "4"))
FUNCTIONS = (
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
    "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "abs", "sign", "floor", "ceil", "erf", "erfc", "square",
    "reciprocal", "asin", "acosh",
)  # fmt: skip
PAIRS = ("arctan2", "hypot", "minimum", "maximum", "power", "min", "max", "pow")
INFIX = ("+", "-", "*", "/", "**", "^", "//", "%", "+", "-", "*")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
NUMBERS = (
    "0", "1", "2", "3", "7", "0.5", ".25", "2.", "1e1", "1e-3", "1e300", "1e308", "1e-320", "123456789012345678901",
    "0.1", "64", "65", "1e15",
)  # fmt: skip
PIECES = (
    "x", "y", "u", "a", "r", "n", "t", "w", "i", "j", "e", "pi", "z", "for", "in", "if", "else", "and", "or", "not",
    "range", "sum", "prod", "min", "max", "where", "sin", "power", "hypot", "lambda", "import", "__class__", "(", ")",
    "[", "]", ",", "=", ":=", "+", "-", "*", "/", "//", "%", "**", "^", "<", "<=", "==", "!=", ">", "0", "1", "2",
    "0.5", "1e300", "1e999", "9", "10**15", "2**63", "-1", ".", "..", "'", '"', ":", "é", "ﬁ", "\u0660", "\ud800",
    "\u200b", "\n", "\t", "\0", " ", "#", "\\", "{", "}", "u[i]", "for i in range(3)", "range(10**12)", "sum(u)",
    "x if i > 0 else", "(x", "x)", "nan", "inf", "True", "None", "1_000", "0x1f", "1j", "@", "~", "|", "&", "->",
)  # fmt: skip


class Grammar:
    """Writes expressions.

    Parameters
    ----------
    random : Random
    """

    def __init__(self, random: Random) -> None:
        self._random = random

    def text(self) -> str:
        """Return an equation, a family or a definition."""
        random = self._random
        match random.randrange(8):
            case 0:
                return (
                    f"{random.choice((*'pqvsz', 'rho', 'x', 'sum'))} := {self.expression(random.randrange(1, 8), '')}"
                )
            case 1 | 2:
                loops, index = self.loops()
                right = f" = {self.expression(2, index)}" if random.random() < 0.5 else ""
                return f"{self.expression(random.randrange(1, 10), index)}{right}{loops}"
            case 3:
                return self.expression(random.randrange(1, 30), "")
            case _:
                return f"{self.expression(random.randrange(1, 10), '')} = {self.expression(random.randrange(1, 4), '')}"

    def loops(self, index: str = "i") -> tuple[str, str]:
        """Return the `for` parts of a family, and an index that they give."""
        random = self._random
        bounds = random.choice(
            ("4", "1, 3", "n", "1, n-1", "n-1, -1, -1", "t[0]", "2*n//3", "2", "3", "0, 4, 2", "0", "i")
        )
        conditions = (f" if {index} != 2", f" if t[{index}] > 0", " if x > 0", f" if {index}")
        condition = random.choice(conditions) if random.random() < 0.3 else ""
        more = " for j in range(3)" if random.random() < 0.2 else ""
        return f" for {index} in range({bounds}){more}{condition}", index

    def expression(self, size: int, index: str) -> str:
        """Return an expression of about so many leaves."""
        random = self._random
        if size <= 1:
            return self.leaf(index)
        half, kind = size // 2, random.randrange(12)
        match kind:
            case 0:
                return f"({self.expression(size - 1, index)})"
            case 1:
                return f"{random.choice(('-', '-', '-', '+', '- -', '-+', 'not '))}{self.expression(size - 1, index)}"
            case 2 | 3:
                return f"{random.choice(FUNCTIONS)}({self.expression(size - 1, index)})"
            case 4:
                return f"{random.choice(PAIRS)}({self.expression(half, index)}, {self.expression(half, index)})"
            case 5:
                first, second = self.expression(half, index), self.expression(half, index)
                condition = self.condition(half, index)
                if random.random() < 0.5:
                    return f"where({condition}, {first}, {second})"
                return f"({first} if {condition} else {second})"
            case 6:
                inner = "k" if index == "i" else "i"
                loops, _ = self.loops(inner)
                return f"{random.choice(('sum', 'prod', 'min', 'max'))}({self.expression(half, inner)}{loops})"
            case _:
                space = random.choice((" ", "", " "))
                operator = random.choice(INFIX)
                return f"{self.expression(half, index)}{space}{operator}{space}{self.expression(size - half, index)}"

    def condition(self, size: int, index: str) -> str:
        """Return a condition."""
        random = self._random
        half = size // 2
        if size > 2 and random.random() < 0.4:
            return f"{self.condition(half, index)} {random.choice(('and', 'or'))} not {self.condition(half, index)}"
        return f"{self.expression(half, index)} {random.choice(COMPARISONS)} {self.expression(half, index)}"

    def leaf(self, index: str) -> str:
        """Return a number, a name or an element."""
        random = self._random
        match random.randrange(6):
            case 0 | 1:
                return random.choice(SCALARS)
            case 2:
                return random.choice(NUMBERS)
            case 3:
                return f"a[{self.index(index, 2)},{self.index(index, 3)}]"
            case 4 if index:
                return index
            case _:
                name, _ = random.choice(ARRAYS)
                return f"{name}[{self.index(index, 4)}]"

    def index(self, index: str, extent: int) -> str:
        """Return an index that is often, not always, within an array."""
        random = self._random
        if index and random.random() < 0.6:
            return random.choice(
                (index, f"{index}-1", f"(i+1) % {extent}", *(f"{index} % {extent}",) * 4, f"t[{index}] % 2")
            )
        return str(random.randrange(-1, extent + 1) if random.random() < 0.1 else random.randrange(extent))


def broken(random: Random, text: str) -> str:
    """Return a text that is changed in a few places."""
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        first = random.randrange(len(text) + 1)
        last = min(len(text), first + random.choice((0, 0, 1, 1, 2, 8, 30)))
        match random.randrange(6):
            case 0:
                middle = ""
            case 1:
                middle = text[first:last] * random.choice((2, 2, 3, 60))
            case 2:
                middle = chr(
                    random.choice((random.randrange(128), random.randrange(0x3000), random.randrange(0x11000)))
                )
            case 3:
                begin = random.randrange(len(text) + 1)
                middle = text[begin : begin + random.randrange(20)]
            case _:
                middle = random.choice(PIECES)
        text = text[:first] + middle + text[last:]
    return text[:4000]


def any_text(random: Random) -> str:
    """Return a text of any kind: grammatical, broken, a heap of pieces, or noise."""
    match random.randrange(10):
        case 0:
            return random.choice(("", " ")).join(random.choices(PIECES, k=random.randrange(1, 14)))
        case 1:
            return "".join(map(chr, (random.randrange(0x250) for _ in range(random.randrange(40)))))
        case 2 | 3 | 4 | 5:
            return broken(random, Grammar(random).text())
        case _:
            return Grammar(random).text()
