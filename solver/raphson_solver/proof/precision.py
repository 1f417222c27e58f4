"""How many bits balls are computed with: a setting of the whole process, so it is taken by one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flint import ctx

_TURN = threading.RLock()


@contextmanager
def working_bits(bits: int) -> Iterator[None]:
    """Compute with this many bits inside; a bound holds whatever the number, more bits make it tighter."""
    with _TURN:
        before = ctx.prec
        ctx.prec = bits
        try:
            yield
        finally:
            ctx.prec = before
