"""Code that is there soon and becomes tight once it is used: the ski rental problem, in seconds spent running it.

Both have the same bits, so an answer does not tell which one ran. Only code that has run for as long as would have paid
is compiled again, in the background: LLVM lets one thread in at a time, and whoever calls but once would wait for it
with the next thing that it compiles.
"""

from __future__ import annotations

import threading

from raphson_solver.compiler.background import compile_later
from raphson_solver.compiler.machine import MachineCode, is_kept

# Measured: what LLVM's optimisation takes for each character of a module, 0.6 to 1.0e-6 s, and what share of the time
# the loops of families then run shorter by, 0.05 to 0.35.
_CHARACTER_SECONDS, _SHARE = 0.8e-6, 0.2


class Improving:
    """A module, compiled as fast as can be unless the tighter code is on disk.

    Parameters
    ----------
    text : str
        In LLVM's language.
    at_once : bool
        Whether it is to be tight from the first.

    Attributes
    ----------
    code : MachineCode
        To be run now. What was read stays valid as long as this object, for those who have addresses of it.
    """

    def __init__(self, text: str, *, at_once: bool = False) -> None:
        is_tight = at_once or is_kept(text)
        self.code = MachineCode(text, optimize=is_tight)
        self._text = None if is_tight else text
        self._first = self.code
        self._owed = len(text) * _CHARACTER_SECONDS / _SHARE
        self._lock, self._improvement = threading.Lock(), threading.Lock()

    @property
    def is_tight(self) -> bool:
        """Whether there is nothing left to be improved."""
        return self._text is None

    @property
    def owed(self) -> float:
        """For how many seconds it has to run until it is improved."""
        return self._owed

    def spend(self, seconds: float) -> None:
        """Add the time for which it was run; have it improved if that is enough by now."""
        with self._lock:
            if self._owed <= 0.0 or self._text is None:
                return
            self._owed -= seconds
            if self._owed > 0.0:
                return
        compile_later(self, Improving.improve)

    def improve(self) -> None:
        """Compile it again, to tighter code; once, whoever asks: somebody may have that code's address by then."""
        with self._improvement:
            text = self._text
            if text is None:
                return
            made = MachineCode(text, optimize=True)
            for name in self.code.names:
                # Linked here, rather than by the first who runs it.
                made.address(name)
            self.code, self._text = made, None
