"""What there is to say of one setting of the service, once: flags, TOML keys, environment and tables follow from it."""

import math
import typing
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

ENVIRONMENT_PREFIX = "RAPHSON_SERVE_"
"""Before every setting's name, in capitals: what a machine says to clients begins otherwise."""

_KEY = "raphson"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One setting.

    Attributes
    ----------
    name : str
        Of the field, and in a TOML file.
    kind : type
        ``str``, ``int``, ``float``, ``bool``, or ``tuple`` of several ``str``.
    default : object
    about : str
        What it decides.
    section : str
        Under which heading it is shown.
    metavar : str
        What a value is, in capitals; for numbers their unit.
    least, most : float
        Between which a number is; both may be.
    choices : tuple of str
        What a text may be; empty: anything.
    shown_default : str
        The default in words, where it depends on the machine; else empty.
    is_secret : bool
        Whether a value may hold a password.
    """

    name: str
    kind: type
    default: Any
    about: str
    section: str
    metavar: str = ""
    least: float = -math.inf
    most: float = math.inf
    choices: tuple[str, ...] = ()
    shown_default: str = ""
    is_secret: bool = False

    @property
    def flag(self) -> str:
        """On the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """In the environment."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def expectation(self) -> str:
        """What a value has to be, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.kind is bool:
            return "true or false"
        if self.kind is str:
            return "a text"
        if self.kind is tuple:
            return "a list of texts"
        words = "a whole number" if self.kind is int else "a finite number"
        if math.isfinite(self.most):
            return f"{words} from {self.least:,} to {self.most:,}"
        return f"{words} of at least {self.least:,}"

    def read(self, value: object) -> Any:
        """Return a value that came with a type.

        Raises
        ------
        ValueError
            If it has another type, or is out of the range; says what it is, and what was expected.
        """
        right: Any = value
        if self.kind is tuple and isinstance(value, list | tuple):
            right = tuple(value)
            is_right = all(isinstance(part, str) for part in right)
        elif self.kind is float and isinstance(value, int) and not isinstance(value, bool):
            right, is_right = float(value), True
        else:
            is_right = type(value) is self.kind
        if self.kind in (int, float):
            is_right = is_right and math.isfinite(right) and self.least <= right <= self.most
        if self.choices:
            is_right = is_right and right in self.choices
        if not is_right:
            raise ValueError(f"{value!r}; expected {self.expectation}")
        return right

    def parse(self, text: str) -> Any:
        """Return a value that came as text; raises as `read`."""
        if self.kind is bool and text.lower() in (*_TRUE, *_FALSE):
            return text.lower() in _TRUE
        if self.kind in (int, float):
            try:
                number = self.kind(text)
            except ValueError:
                raise ValueError(f"{text!r}; expected {self.expectation}") from None
            return self.read(number)
        if self.choices:
            # Whatever the case that they are written in.
            return self.read({choice.upper(): choice for choice in self.choices}.get(text.upper(), text))
        return self.read(text)


def setting(
    default: Any = MISSING,
    about: str = "",
    *,
    factory: Callable[[], Any] | None = None,
    **particulars: Any,
) -> Any:
    """Declare a field of a configuration; `particulars` are attributes of `Setting`."""
    metadata = {_KEY: {"about": about, **particulars}}
    if factory is not None:
        return field(default_factory=factory, metadata=metadata)
    return field(default=default, metadata=metadata)


def settings_of(configuration: type) -> tuple[Setting, ...]:
    """Return the settings of a configuration's class, in their order."""
    kinds = typing.get_type_hints(configuration)
    found = []
    for declared in fields(configuration):
        kind = typing.get_origin(kinds[declared.name]) or kinds[declared.name]
        default = declared.default if declared.default_factory is MISSING else declared.default_factory()
        found.append(Setting(name=declared.name, kind=kind, default=default, **declared.metadata[_KEY]))
    return tuple(found)
