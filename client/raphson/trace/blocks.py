"""Which consecutive residuals make a family: runs of likes, and patterns that come round, as the rows of a grid do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from raphson.trace.chains import LEAST

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from raphson.trace.nodes import Integers

LONGEST_PATTERN = 8
LEAST_REPEATS = 4


class Block(NamedTuple):
    """Residuals from `start` on: `repeats` times runs of likes of these lengths."""

    start: int
    repeats: int
    lengths: tuple[int, ...]

    @property
    def stop(self) -> int:
        """The first residual after it."""
        return self.start + self.repeats * sum(self.lengths)


def find_blocks(shapes: Sequence[int], offsets: Callable[[int], Hashable]) -> list[Block]:
    """Cut residuals into blocks; what is in none stays as it is.

    Parameters
    ----------
    shapes : sequence of int
        Equal where residuals are alike.
    offsets : callable
        Tells likes apart, by their numbers, that are no translations of each other. The ends of two rows of a grid may
        be alike, and stand together.
    """
    if len(shapes) < LEAST:
        return []
    values = _apart(np.array(shapes), offsets)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1])
    lengths = np.diff(np.concatenate([starts, [len(values)]]))
    period, repeats = _best_patterns(values[starts], lengths, starts)
    found: list[Block] = []
    run = 0
    for candidate in np.flatnonzero(period).tolist():
        if candidate >= run:
            run = candidate + int(period[candidate] * repeats[candidate])
            pattern = tuple(lengths[candidate : candidate + period[candidate]].tolist())
            found.append(Block(int(starts[candidate]), int(repeats[candidate]), pattern))
    return found


def _apart(values: Integers, offsets: Callable[[int], Hashable]) -> Integers:
    """Give new numbers, by offsets too, to what stands in short runs, where likes stand side by side."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1])
    lengths = np.diff(np.append(starts, len(values)))
    is_short = lengths < LEAST
    side_by_side = set(values[starts[is_short & (lengths > 1)]].tolist())
    numbers: dict[Hashable, int] = {}
    for run in np.flatnonzero(is_short).tolist():
        if int(values[starts[run]]) in side_by_side:
            for place in range(starts[run], starts[run] + lengths[run]):
                key = int(values[place]), offsets(place)
                values[place] = -1 - numbers.setdefault(key, len(numbers))
    return values


def _best_patterns(kinds: Integers, lengths: Integers, starts: Integers) -> tuple[Integers, Integers]:
    """Return, for each run, how many runs make the pattern that covers most from there on (0: none), and how often."""
    count = len(kinds)
    ends = np.append(starts, starts[-1] + lengths[-1])
    period = np.where(lengths >= LEAST, 1, 0)
    repeats = np.ones(count, np.int64)
    covered = lengths * period
    places = np.arange(count)
    for length in range(2, min(LONGEST_PATTERN, count // LEAST_REPEATS) + 1):
        same = (kinds[:-length] == kinds[length:]) & (lengths[:-length] == lengths[length:])
        # The next run that differs from the one a pattern further on.
        differs = np.append(np.where(same, count, places[:-length]), np.full(length, count - length))
        following = np.minimum.accumulate(differs[::-1])[::-1]
        times = np.where(following >= places, (following - places) // length + 1, 1)
        covers = ends[np.minimum(places + times * length, count)] - starts
        better = (times >= LEAST_REPEATS) & (covers >= 2 * LEAST) & (covers > covered)
        period = np.where(better, length, period)
        repeats = np.where(better, times, repeats)
        covered = np.where(better, covers, covered)
    return period, repeats
