"""What can be wrong with a request. Not converging is no error: it is a `Status`.

RaphsonError
├── DefinitionError   the text of a system makes no sense
├── LimitError        a limit was passed before any work started
└── InputError        a start, a parameter, an option or a vector does not fit the system
"""

from __future__ import annotations

MAXIMUM_QUOTE = 120


class RaphsonError(Exception):
    """Base of every error that this package raises on purpose.

    Attributes
    ----------
    field : str
        Which argument is at fault, e.g. ``"equations[2]"``, ``"start.x"``, ``"options.tolerance"``.
    message : str
        What was wrong, with which value, and what was expected.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class DefinitionError(RaphsonError):
    """The text of a system makes no sense.

    Attributes
    ----------
    column : int or None
        Where in the text, from 0; None when the whole text is at fault.
    """

    def __init__(self, field: str, message: str, source: str | None = None, column: int | None = None) -> None:
        super().__init__(field, message)
        self.source = source
        self.column = column

    def __str__(self) -> str:
        text = f"{self.field}: {self.message}"
        if self.source is None or self.column is None:
            return text
        return f"{text} (column {self.column + 1})\n{quote(self.source, self.column)}"


class LimitError(RaphsonError):
    """A limit was passed.

    Attributes
    ----------
    limit : str
        Name of the limit in `Limits`.
    value, maximum : int
        What was asked for, and what is allowed.
    excess : str
        The message without how to raise the limit, which is another matter behind a service.
    """

    def __init__(self, field: str, limit: str, value: int, maximum: int, unit: str) -> None:
        self.excess = f"{value:,} {unit} is more than the limit of {maximum:,}"
        super().__init__(field, f"{self.excess} (raise `Limits.{limit}` to allow more)")
        self.limit = limit
        self.value = value
        self.maximum = maximum


class InputError(RaphsonError):
    """A start, a parameter, an option or a vector does not fit the system."""


def quote(source: str, column: int) -> str:
    """Return the text around a column with a caret under it, two lines."""
    first = max(0, column - MAXIMUM_QUOTE // 2)
    part = source[first : first + MAXIMUM_QUOTE].replace("\n", " ").replace("\t", " ")
    lead = "…" if first else ""
    return f"  {lead}{part}\n  {' ' * (len(lead) + column - first)}^"
