"""What is fuzzed: makes inputs, and runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from random import Random

LONGEST_SECONDS = 1.0
"""Of a processor's time, for one input; past it the input hangs."""


class Target(Protocol):
    """One way in."""

    def make(self, random: Random) -> bytes:
        """Return an input."""

    def run(self, data: bytes) -> str:
        """Run an input; return what became of it, in a word.

        Raises
        ------
        Wrong
            If an answer came that must not.
        Exception
            Any other is a crash.
        """


class Wrong(Exception):  # noqa: N818 (the answer is wrong, nothing failed)
    """An answer that must not be.

    Parameters
    ----------
    kind : str
        In a word: what is counted.
    what : str
        In a sentence.
    """

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(what)
        self.kind = kind
