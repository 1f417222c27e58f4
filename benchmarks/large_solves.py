"""Solvers side by side on one problem: each in a process of its own, all judged by one function."""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fresh_process import Nothing, measured, megabytes
from benchmarks.timing import duration, table

# What raphson calls solved; see `LargeSystem.scaled_residual`.
TOLERANCE = 1e-12
COLUMNS = (
    "who",
    "set up",
    "first",
    "again",
    "of",
    "steps",
    "residual",
    "apart",
    "peak",
    "own",
    "all cores",
    "ours : it",
    "linear systems by",
)
NOTES = (
    "Each in a fresh process on one core. 'set up': all before the first solve (of ours: text to system). 'first': it,",
    "with whatever it makes for later ones; 'again': the median of those after it, and how many, of ours with the code",
    "that use brings in the background (System.compile). 'residual': the largest scaled one of the answer, by one",
    f"function in NumPy for all, at most {TOLERANCE:g} ('!' if not). 'apart': the largest difference from a reference,",
    "over its largest number. 'peak': memory of the process; 'own': of it, what came after the libraries. 'all cores':",
    "'again', with threads as they come. 'ours : it': of 'again'; below 1 ours is faster.",
)
# On all cores too only what on one core takes no longer.
_LONGEST_TWICE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Who solves.

    Attributes
    ----------
    who : str
        As printed.
    module, made : str
        A class there, with `solve() -> (x, iterations)` and `linear`.
    arguments : dict
        What it is made with, beside what names the problem.
    interpreter : str
        The Python that has it.
    missing : str, optional
        What it lacks here.
    threads : bool
        Whether it may use more than one core.
    """

    who: str
    module: str
    made: str
    arguments: dict[str, Any] = field(default_factory=dict)
    interpreter: str = sys.executable
    missing: str | None = None
    threads: bool = False


@dataclass(frozen=True, slots=True)
class Judge:
    """How an answer is looked at.

    Attributes
    ----------
    scaled_residual : callable
        x → the largest scaled residual.
    reference : ndarray, shape (n,)
        The root, by something else.
    """

    scaled_residual: Callable[[np.ndarray], float]
    reference: np.ndarray

    def apart(self, x: np.ndarray) -> float:
        """Return how far x is from the reference."""
        return float(np.max(np.abs(x - self.reference)) / np.max(np.abs(self.reference)))


class Contest:
    """Rounds of one problem in growing sizes.

    Parameters
    ----------
    participants : sequence of Participant
        Ours first.
    longest : float
        Seconds that a process may take.
    """

    def __init__(self, participants: Sequence[Participant], longest: float) -> None:
        self._participants = participants
        self._longest = longest
        self.times: dict[str, dict[int, float]] = {each.who: {} for each in participants}
        self.memory: dict[int, float] = {}
        self.failed: list[str] = []

    def round(self, n: int, problem: dict[str, Any], judge: Judge) -> dict[str, np.ndarray]:
        """Let everybody solve one problem, print the table, and return the answers by who gave them.

        Parameters
        ----------
        n : int
            Its unknowns.
        problem : dict
            What names it, for every participant's class.
        judge : Judge
            Of the answers.
        """
        rows: list[tuple[str, ...]] = []
        notes: list[str] = []
        answers: dict[str, np.ndarray] = {}
        for number, each in enumerate(self._participants):
            result = self._result(each, n, problem, judge, cores=1)
            if isinstance(result, Nothing):
                notes.append(f"{each.who}: {result.why}")
                if number == 0 and result.failed:
                    self.failed.append(f"{each.who}, n = {n:,}: {result.why}")
                continue
            self.times[each.who][n] = result["seconds"]
            answers[each.who] = result["x"]
            if number == 0:
                self.memory[n] = result["own"]
                if result["residual"] > TOLERANCE:
                    self.failed.append(f"{each.who}, n = {n:,}: scaled residual {result['residual']:.1e}")
            both = "—"
            if each.threads and result["first"] < _LONGEST_TWICE:
                on_all = self._result(each, n, problem, judge, cores=None)
                both = "failed" if isinstance(on_all, Nothing) else duration(on_all["seconds"])
            rows.append(self._row(each.who, n, result, both))
        table(COLUMNS, rows)
        print()
        for note in notes:
            print(note)
        return answers

    def exponents(self) -> None:
        """Print the exponents of growth of every participant with at least two sizes."""
        for who, times in self.times.items():
            if len(times) > 1:
                parts = [
                    f"{a:,} → {b:,}: {math.log(times[b] / times[a]) / math.log(b / a):.2f}"
                    for a, b in zip(list(times)[:-1], list(times)[1:], strict=True)
                ]
                print(f"{who}: time grows as n to the {exponent(times):.2f} ({', '.join(parts)})")
        if len(self.memory) > 1:
            print(f"{self._participants[0].who}: own memory grows as n to the {exponent(self.memory):.2f}")

    # --- inside ---------------------------------------------------------------------------------------------

    def _result(
        self, each: Participant, n: int, problem: dict[str, Any], judge: Judge, *, cores: int | None
    ) -> dict[str, Any] | Nothing:
        if each.missing is not None:
            return Nothing(each.missing, failed=False)
        expected = self._expected(each.who, n)
        if expected > self._longest and cores is not None and each is not self._participants[0]:
            why = f"not tried: {duration(expected)} a solve expected from smaller sizes (--longest {self._longest:g})"
            return Nothing(why, failed=False)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.npy"
            arguments = [each.module, each.made, json.dumps(problem | each.arguments), str(path)]
            result = measured(
                "benchmarks.one_solve", list(arguments), self._longest, interpreter=each.interpreter, cores=cores
            )
            if isinstance(result, Nothing):
                return result
            x = np.load(path)
        seconds = statistics.median(result["again"]) if result["again"] else result["first"]
        return result | {"x": x, "seconds": seconds, "residual": judge.scaled_residual(x), "apart": judge.apart(x)}

    def _expected(self, who: str, n: int) -> float:
        """Return the seconds of a solve that grows on as it did."""
        times = self.times[who]
        if not times:
            return 0.0
        largest = max(times)
        power = max(exponent(times), 1.0) if len(times) > 1 else 1.0
        return times[largest] * (n / largest) ** power

    def _row(self, who: str, n: int, result: dict[str, Any], both: str) -> tuple[str, ...]:
        ours = self.times[self._participants[0].who].get(n)
        return (
            who,
            duration(result["setup"]),
            duration(result["first"]),
            duration(result["seconds"]) if result["again"] else "—",
            str(len(result["again"])),
            str(result["iterations"]),
            f"{result['residual']:.0e}{'!' * (result['residual'] > TOLERANCE)}",
            f"{result['apart']:.0e}",
            megabytes(result["peak"]),
            megabytes(result["own"]),
            both,
            f"{ours / result['seconds']:.3g}" if ours else "—",
            result["linear"],
        )


def parser(description: str | None, sizes: Sequence[int] = ()) -> argparse.ArgumentParser:
    """Return the command line that contests have in common.

    Parameters
    ----------
    description : str
        Of the benchmark.
    sizes : sequence of int
        Of the problem, unless told otherwise; none where it has no size.
    """
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if sizes:
        shown = " ".join(map(str, sizes))
        made.add_argument("--sizes", type=int, nargs="+", default=sizes, help=f"unknowns (default: {shown})")
    made.add_argument("--longest", type=float, default=30.0, help="seconds that a process may take (default: 30)")
    made.add_argument("--peers", nargs="*", metavar="WORD", help="only peers with one of these in their names")
    return made


def chosen(participants: Sequence[Participant], words: Sequence[str] | None) -> list[Participant]:
    """Return ours, and the peers that `--peers` leaves."""
    ours, *peers = participants
    if words is None:
        return [ours, *peers]
    return [ours, *(each for each in peers if any(word.lower() in each.who.lower() for word in words))]


def exponent(values: dict[int, float]) -> float:
    """Return e of the fit a·nᵉ, by least squares of the logarithms."""
    return float(np.polyfit(np.log(list(values)), np.log(list(values.values())), 1)[0])
