"""Repeat, take medians, and print them side by side."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Action = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Sample:
    """Seconds that each repetition took, sorted."""

    seconds: tuple[float, ...]

    def quantile(self, share: float) -> float:
        """Return the time that this share of the repetitions did not exceed."""
        return self.seconds[min(int(share * len(self.seconds)), len(self.seconds) - 1)]

    @property
    def median(self) -> float:
        """The middle one."""
        return self.quantile(0.5)

    @property
    def spread(self) -> str:
        """Read the tenth and ninetieth hundredths of the repetitions."""
        return f"{duration(self.quantile(0.1))} … {duration(self.quantile(0.9))}"

    def __str__(self) -> str:
        return duration(self.median)


def sample(seconds: Sequence[float]) -> Sample:
    """Sort what was measured elsewhere."""
    return Sample(tuple(sorted(seconds)))


def clock(action: Action) -> float:
    """Return the seconds that one call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def repeat(action: Action, repetitions: int, warm_up: int = 1) -> Sample:
    """Time an action that costs far more than reading the clock."""
    return alternate({"": action}, repetitions, warm_up)[""]


def alternate(actions: dict[str, Action], repetitions: int, warm_up: int = 1) -> dict[str, Sample]:
    """Time several actions in turn, so that what the machine does meanwhile hits all alike.

    A B C, then B C A, then C A B: each also follows each equally often.
    """
    for action in actions.values():
        for _ in range(warm_up):
            action()
    names = tuple(actions)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    gc.disable()
    try:
        for repetition in range(repetitions):
            first = repetition % len(actions)
            for name in (*names[first:], *names[:first]):
                seconds[name].append(clock(actions[name]))
    finally:
        gc.enable()
    return {name: sample(values) for name, values in seconds.items()}


def repeat_fast(action: Action, repetitions: int = 15, least_seconds: float = 2e-4) -> Sample:
    """Time an action of microseconds: each repetition calls it often enough to last `least_seconds`."""
    action()
    calls = max(1, int(least_seconds / max(clock(action), 1e-9)))
    seconds = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(repetitions):
            began = time.perf_counter()
            for _ in range(calls):
                action()
            seconds.append((time.perf_counter() - began) / calls)
    finally:
        gc.enable()
    return sample(seconds)


def duration(seconds: float) -> str:
    """Write a time with three digits and the unit that suits it."""
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(seconds) >= size:
            return f"{seconds / size:.3g} {unit}" if seconds / size < 999.5 else f"{seconds / size:.0f} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def heading(title: str, *notes: str) -> None:
    """Print what comes, and how it was measured."""
    print(f"\n{title}\n{'─' * len(title)}")
    for note in notes:
        print(note)
    if notes:
        print()


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their columns: the first to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for number, row in enumerate(cells):
        first, *others = zip(row, widths, strict=True)
        print("  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip())
        if number == 0:
            print("  ".join("─" * width for width in widths))
