"""Names and numbers as parts of a sentence."""

from __future__ import annotations

from collections.abc import Sequence

MOST_NAMES = 6


def listed(names: Sequence[str], most: int = MOST_NAMES, *, total: int | None = None) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``, or ``a, b and 7 more``; `total` counts those without a name here."""
    total = len(names) if total is None else total
    if total > most:
        return f"{', '.join(names[: most - 1])} and {total - most + 1} more"
    if len(names) <= 1:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def count(number: int, thing: str) -> str:
    """Return ``1 thing`` or ``2 things``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
