"""A process that runs inputs of one target, so that whatever they do happens to it alone."""

from __future__ import annotations

import faulthandler
import json
import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from benchmarks.fuzz.ledger import Ledger
from benchmarks.fuzz.target import LONGEST_SECONDS, Wrong

if TYPE_CHECKING:
    from benchmarks.fuzz.target import Target

SAVED_OF_A_KIND = 3
OURS = ("raphson_solver", "raphson_server", "benchmarks")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not happen.

    Attributes
    ----------
    target, kind : str
        Where, and what: crash, hang, wrong, INTERNAL, UNKNOWN, …
    number : int
        Which input.
    place : str
        What tells one fault from another.
    what : str
        In a sentence.
    """

    target: str
    kind: str
    number: int
    place: str
    what: str


class Findings:
    """Counts findings, and saves the first inputs of each fault.

    Parameters
    ----------
    folder : Path
        Where to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: Counter[tuple[str, str, str]] = Counter()
        self.first: list[Finding] = []

    def add(self, finding: Finding, data: bytes) -> None:
        """Count one."""
        key = (finding.target, finding.kind, finding.place)
        self._seen[key] += 1
        if self._seen[key] == 1:
            self.first.append(finding)
        if self._seen[key] <= SAVED_OF_A_KIND:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{finding.target}-{finding.kind}-{finding.number}"
            path.write_bytes(data)
            path.with_suffix(".txt").write_text(f"{finding.place}\n{finding.what}\n", "utf-8", "replace")

    def counts(self) -> Counter[str]:
        """Return how many there were of each kind."""
        counts: Counter[str] = Counter()
        for (_, kind, _), count in self._seen.items():
            counts[kind] += count
        return counts


def target(name: str) -> Target:
    """Return a target, ready to run."""
    # Imported here: each loads what it fuzzes, and nothing else.
    if name == "text":
        from benchmarks.fuzz.texts import Texts  # noqa: PLC0415

        return Texts()
    if name == "graph":
        from benchmarks.fuzz.graphs import Graphs  # noqa: PLC0415

        return Graphs()
    from benchmarks.fuzz.wire import Wire  # noqa: PLC0415

    return Wire()


def tried(name: str, way: Target, number: int, data: bytes, findings: Findings) -> tuple[str, float]:
    """Run one input; return what became of it, and the processor's seconds that it took."""
    began = time.thread_time()
    try:
        outcome = way.run(data)
    except Wrong as wrong:
        outcome = wrong.kind
        place = str(wrong)[:60] if wrong.__cause__ is None else _place(wrong.__cause__)
        findings.add(Finding(name, wrong.kind, number, place, str(wrong)), data)
    except Exception as error:  # noqa: BLE001 (a crash is what is looked for)
        outcome = "crash"
        findings.add(Finding(name, "crash", number, _place(error), "".join(traceback.format_exception(error))), data)
    spent = time.thread_time() - began
    if spent > LONGEST_SECONDS:
        findings.add(Finding(name, "hang", number, outcome, f"{outcome} after {spent:.2f} s of a processor"), data)
    return outcome, spent


def _place(error: BaseException) -> str:
    """Return where an error was raised, as far as that is ours."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if any(part in frame.filename for part in OURS)
    ]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {where}"


def main() -> None:
    """Run inputs as standard input says, and print what was found."""
    faulthandler.enable()
    order = json.loads(sys.stdin.readline())
    name, folder = order["target"], Path(order["folder"])
    findings, ledger = Findings(folder), Ledger(Path(order["ledger"]))
    outcomes: Counter[str] = Counter()
    way = target(name)
    number, slowest = order["first"], 0.0
    give_up = time.monotonic() + order["seconds"]
    # What a run has done is told at its end, and when it is stopped.
    with suppress(KeyboardInterrupt):
        while number < order["last"] and time.monotonic() < give_up:
            data = way.make(Random(f"{order['seed']} {name} {number}"))
            ledger.note(number, data)
            outcome, spent = tried(name, way, number, data, findings)
            outcomes[outcome] += 1
            slowest = max(slowest, spent)
            number += 1
    report = {
        "next": number, "outcomes": outcomes, "slowest": slowest, "counts": findings.counts(),
        "findings": [asdict(each) for each in findings.first],
    }  # fmt: skip
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
