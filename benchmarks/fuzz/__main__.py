"""A million inputs over parser, graph and wire: crashes, hangs, and replies that must not be.

Text is written by the grammar and broken; graphs are random, with their derivatives; messages are changed in their
fields and their bytes, and go to a worker's functions in this process, and to a real server. Part of the texts and
messages is made by a coverage-guided fuzzer, Atheris, where it is installed. What is found is saved, and ends the run
with code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.fuzz.child import Finding, Findings, target, tried
from benchmarks.fuzz.ledger import Ledger
from benchmarks.fuzz.target import LONGEST_SECONDS
from benchmarks.timing import duration, heading, table

COUNT = 1_000_000
SHARES = {"text": 0.42, "graph": 0.20, "wire": 0.30, "text, guided": 0.03, "wire, guided": 0.02, "calls": 0.03}
STUCK_SECONDS = 60.0
LOOK_SECONDS = 0.5
GUIDED = ", guided"
KINDS = ("crash", "hang", "wrong", "INTERNAL", "UNKNOWN")


@dataclass
class Row:
    """What became of one target's inputs."""

    name: str
    seconds: float = 0.0
    slowest: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    first: list[Finding] = field(default_factory=list)
    note: str = ""

    @property
    def inputs(self) -> int:
        """How many there were."""
        return sum(self.outcomes.values())

    def add(self, findings: Findings) -> None:
        """Take in what was found beside what a process has reported."""
        self.counts += findings.counts()
        self.first += findings.first


class Progress:
    """A line that is written over on a terminal, and now and then elsewhere."""

    def __init__(self, name: str, wanted: int) -> None:
        self._name, self._wanted, self._began = name, wanted, time.monotonic()
        self._pause = 0.5 if sys.stderr.isatty() else 30.0
        self._next = self._began + self._pause

    def tell(self, done: int) -> None:
        """Say how many are done, unless that was said a moment ago."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._pause
        start, end = ("\r", "") if sys.stderr.isatty() else ("", "\n")
        rate = done / (now - self._began)
        print(
            f"{start}{self._name}: {done:,} of {self._wanted:,}, {rate:,.0f}/s ", end=end, file=sys.stderr, flush=True
        )


def run_in_processes(row: Row, seed: int, count: int, seconds: float, folder: Path, scratch: Path) -> None:
    """Run inputs in a process of its own; in another one after each that it did not survive."""
    ledger_path, progress = scratch / f"{row.name}.ledger", Progress(row.name, count)
    ledger, give_up, number = Ledger(ledger_path), time.monotonic() + seconds, 0
    name, guided = row.name.removesuffix(GUIDED), row.name.endswith(GUIDED)
    while number < count and time.monotonic() < give_up:
        order = {
            "target": name, "seed": seed, "first": number, "last": count, "seconds": give_up - time.monotonic(),
            "folder": str(folder), "ledger": str(ledger_path), "corpus": str(scratch / f"{name}-corpus"),
        }  # fmt: skip
        module = "coverage" if guided else "child"
        with (scratch / "stderr").open("w+", encoding="utf-8", errors="replace") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", f"benchmarks.fuzz.{module}"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True,
            )  # fmt: skip
            assert process.stdin is not None
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.close()
            hung = _watch(process, ledger, progress)
            assert process.stdout is not None
            said = process.stdout.read()
            process.stdout.close()
            stderr.seek(0)
            last_words = stderr.read()[-4000:]
        if process.returncode == 1:
            # Not what an input did: Python itself gave up.
            raise SystemExit(f"{row.name}: {last_words}")
        reached = ledger.number
        if guided:
            row.note = "by Atheris"
            _of_fuzzer(row, said, reached + 1 - number)
            if process.returncode == 0:
                return
        elif process.returncode == 0:
            _of_child(row, json.loads(said))
            return
        found = Findings(folder)
        kind = "hang" if hung else "crash"
        what = f"the process ended with code {process.returncode}\n{last_words}"
        found.add(Finding(row.name, kind, reached, "".join(last_words.strip().splitlines()[-1:]), what),
                  ledger.data)  # fmt: skip
        row.add(found)
        if not guided:
            row.outcomes["lost with their process"] += reached + 1 - number
        number = reached + 1
        if row.counts["crash"] > 50:
            return


def _watch(process: subprocess.Popen[str], ledger: Ledger, progress: Progress) -> bool:
    """Wait for a process's end; kill it if it comes no further, and return whether that was so."""
    number, since = -1, time.monotonic()
    try:
        while True:
            try:
                process.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            else:
                return False
            now = ledger.number
            progress.tell(now)
            if now != number:
                number, since = now, time.monotonic()
            elif time.monotonic() - since > STUCK_SECONDS:
                process.kill()
                process.wait()
                return True
    except KeyboardInterrupt:
        # Ctrl-C has reached it as well: it tells what it has done.
        process.wait(STUCK_SECONDS)
        raise


def _of_child(row: Row, report: dict[str, Any]) -> None:
    row.outcomes += Counter(report["outcomes"])
    row.counts += Counter(report["counts"])
    row.slowest = max(row.slowest, report["slowest"])
    row.first += [Finding(**each) for each in report["findings"]]


def _of_fuzzer(row: Row, said: str, done: int) -> None:
    row.outcomes["done"] += done
    for line in said.splitlines():
        if line.startswith("["):
            finding = Finding(*json.loads(line))
            row.first.append(finding)
            row.counts[finding.kind] += 1


def run_calls(row: Row, seed: int, count: int, seconds: float, folder: Path, scratch: Path) -> None:
    """Send messages to a server."""
    from benchmarks.fuzz.calls import send_all  # noqa: PLC0415 - needs raphson[jobs]

    row.outcomes, row.slowest, found = send_all(seed, count, seconds, folder, scratch, Progress(row.name, count).tell)
    row.add(found)
    row.note = "over gRPC"


def replay(path: Path) -> int:
    """Run one saved input; return 1 if it is still wrong."""
    name = path.name.partition("-")[0]
    findings = Findings(Path(tempfile.mkdtemp(prefix="raphson-fuzz-")))
    outcome, spent = tried(name, target(name), 0, path.read_bytes(), findings)
    print(f"{outcome} after {duration(spent)} of a processor")
    for finding in findings.first:
        print(f"{finding.kind}: {finding.place}\n{finding.what}")
    return 1 if findings.first else 0


def main() -> int:
    """Print the table; return 1 if anything was found."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=COUNT, help=f"inputs (default: {COUNT:,})")
    parser.add_argument("--seconds", type=float, default=3600.0, help="give up after (default: 3600)")
    parser.add_argument("--seed", type=int, default=7, help="of all inputs (default: 7)")
    parser.add_argument("--only", choices=SHARES, action="append", help="of the targets; may come more than once")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="where inputs are saved")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run one saved input of text, graph or wire, alone")
    options = parser.parse_args()
    if options.replay is not None:
        return replay(options.replay)
    names = options.only or [name for name in SHARES if find_spec("atheris") or not name.endswith(GUIDED)]
    whole = sum(SHARES[name] for name in names)
    began = time.monotonic()
    rows = []
    # A server's processes, and those of inputs, end with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="raphson-fuzz-") as scratch:
        for name in names:
            row = Row(name)
            rows.append(row)
            left = options.seconds - (time.monotonic() - began)
            share = SHARES[name] / sum(SHARES[each] for each in names[len(rows) - 1 :])
            run = run_calls if name == "calls" else run_in_processes
            started = time.monotonic()
            count = round(options.count * SHARES[name] / whole)
            run(row, options.seed, count, left * share, options.findings, Path(scratch))
            row.seconds = time.monotonic() - started
    print_table(rows, options.seed, time.monotonic() - began)
    if not find_spec("atheris"):
        print("atheris is not installed: no input was guided by coverage; pip install 'raphson[fuzz]'")
    found = [finding for row in rows for finding in row.first]
    for finding in found:
        print(f"\n{finding.target} {finding.number:,}: {finding.kind}: {finding.place}\n{finding.what[-1500:]}")
    if found:
        print(f"\ninputs are saved in {options.findings}; run one again with --replay FILE")
    return 1 if found else 0


def print_table(rows: list[Row], seed: int, seconds: float) -> None:
    """Print what became of all inputs."""
    total = sum(row.inputs for row in rows)
    heading(
        "Fuzzing",
        f"{total:,} inputs, seed {seed}, in {seconds:.0f} s: {total / seconds:,.0f} a second; load "
        f"{os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores.",
        f"A hang takes more than {LONGEST_SECONDS:g} s of a processor. Goals: all zero.",
    )
    table(
        ("target", "inputs", "a second", "slowest", *KINDS),
        [
            (
                *(row.name, f"{row.inputs:,}", f"{row.inputs / max(row.seconds, 1e-9):,.0f}"),
                *(duration(row.slowest) if row.slowest else "—", *(str(row.counts[kind]) for kind in KINDS)),
            )
            for row in rows
        ]
        + [("all", f"{total:,}", "", "", *(str(sum(row.counts[kind] for row in rows)) for kind in KINDS))],
    )
    print()
    for row in rows:
        shares = ", ".join(f"{name} {count:,}" for name, count in row.outcomes.most_common())
        print(f"{row.name}{' (' + row.note + ')' if row.note else ''}: {shares}")


if __name__ == "__main__":
    sys.exit(main())
