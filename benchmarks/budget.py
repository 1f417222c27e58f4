"""How often to repeat what takes microseconds in one year and seconds in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.timing import alternate, clock

if TYPE_CHECKING:
    from benchmarks.timing import Action, Sample

LEAST = 3


def alternate_within(actions: dict[str, Action], seconds: float, repetitions: int) -> dict[str, Sample]:
    """Time several actions in turn as often as asked, or as `seconds` allow, but three times at least."""
    once = sum(clock(action) for action in actions.values())
    return alternate(actions, max(LEAST, min(repetitions, int(seconds / once))), warm_up=0)
