"""How long work is interrupted: something to call every few milliseconds, which raises to end the work."""

from __future__ import annotations

from collections.abc import Callable

Between = Callable[[], object]


def uninterrupted() -> None:
    """Let the work go on."""
