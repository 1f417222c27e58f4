"""From the text of a large system to its machine code and the pattern of its J, whatever n is: where the time goes.

Each measurement in a fresh process, which has solved one small system before, so that libraries are loaded; then more
in the same process, each a new text to it.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import statistics
import sys
import tempfile
import time
from pathlib import Path

import raphson_solver
from raphson_solver.differential import Differential

from benchmarks.fresh_process import CHILD, Nothing, measured
from benchmarks.large_systems import LargeSystem
from benchmarks.peers import pandapower_newton
from benchmarks.raphson_solve import large_system
from benchmarks.timing import duration, heading, table

GOAL = 0.1
SIZES = (("bratu", 10_000), ("bratu", 99_856), ("bratu", 1_000_000), ("burgers", 100_000))
PROCESSES, AGAIN = 3, 3
STEPS = ("text", "f", "J")


def compiled(system: LargeSystem, mark: int) -> dict[str, float]:
    """Return the seconds from text to system, to the code of f, and to J's code and pattern.

    Of the last two: the first evaluation less the fastest of the next ones. Blanks at its end make the text new.
    """
    equations = [each + " " * mark for each in system.equations]
    began = time.perf_counter()
    made = raphson_solver.compile(equations, start=system.start, parameters=system.parameters)
    seconds = {"text": time.perf_counter() - began}
    x = made.pack_start(system.start)
    p = made.pack_parameters({name: system.parameters[name] for name, _ in made.free_parameters})
    for name, evaluate in (
        ("f", lambda: made.residual(x, p)),
        ("J", lambda: Differential(made).entries(x, p)),
    ):
        times = []
        for _ in range(4):
            began = time.perf_counter()
            evaluate()
            times.append(time.perf_counter() - began)
        seconds[name] = max(times[0] - min(times[1:]), 0.0)
    return seconds


def measure(name: str, n: int | None, path: str | None) -> list[dict[str, float]]:
    """Return what the first text took in this process, and the next ones."""
    compiled(large_system("burgers", 5000, None), 0)
    system = large_system(name, n, path)
    return [compiled(system, mark) for mark in range(1 + AGAIN)]


def main() -> None:
    """Print a row a system."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--longest", type=float, default=20.0, help="seconds that a process may take (default: 20)")
    parser.add_argument(
        "--profile", metavar="WORD", help="say instead in which functions the time of some systems goes"
    )
    parser.add_argument(CHILD, nargs=1, metavar="JSON", help="measure one system, and print it as JSON")
    arguments = parser.parse_args()
    if arguments.child:
        json.dump({"times": measure(**json.loads(arguments.child[0]))}, sys.stdout)
        return
    heading(
        "From text to compiled",
        f"Medians of {PROCESSES} fresh processes, and of {AGAIN} further texts in each ('again'). 'text': from text to",
        "system; 'f', 'J': the first evaluation of f, and of J with its pattern, less a later one. All cores.",
        f"Goal: {duration(GOAL)} at every n.",
    )
    with tempfile.TemporaryDirectory() as folder:
        systems = {f"{name}, n = {n:,}": {"name": name, "n": n, "path": None} for name, n in SIZES}
        if pandapower_newton.MISSING:
            print(f"{pandapower_newton.MISSING}: no power flow\n")
        else:
            for name in pandapower_newton.CASES:
                path = Path(folder) / f"{name}.npz"
                pandapower_newton.case(name).network.save(path)
                systems[name] = {"name": "power_flow", "n": None, "path": str(path)}
        if arguments.profile:
            _profile(systems, arguments.profile)
            return
        rows, notes = [], []
        for name, problem in systems.items():
            done = []
            for _ in range(PROCESSES):
                result = measured("benchmarks.text_to_compiled", [json.dumps(problem)], arguments.longest)
                if isinstance(result, Nothing):
                    notes.append(f"{name}: {result.why}")
                    break
                done.append(result["times"])
            if done:
                rows.append(_row(name, [times[0] for times in done], [each for times in done for each in times[1:]]))
    table(
        ("system", *STEPS, "all", "of goal", *(f"{step} again" for step in STEPS), "all again"),
        rows,
    )
    print(*notes, sep="\n")


def _row(name: str, first: list[dict[str, float]], again: list[dict[str, float]]) -> list[str]:
    cells = [name]
    for times in (first, again):
        cells += [duration(statistics.median(each[step] for each in times)) for step in STEPS]
        whole = statistics.median(sum(each.values()) for each in times)
        cells.append(duration(whole))
        if times is first:
            cells.append(f"{whole / GOAL:.2f}")
    return cells


def _profile(systems: dict[str, dict[str, object]], word: str) -> None:
    """Print the functions that take most, in this process, for systems with a word in their name."""
    compiled(large_system("burgers", 5000, None), 0)
    for name, problem in systems.items():
        if word not in name:
            continue
        system = large_system(**problem)  # type: ignore[arg-type]
        profile = cProfile.Profile()
        profile.enable()
        compiled(system, 1)
        profile.disable()
        print(f"\n{name}")
        pstats.Stats(profile).sort_stats("tottime").print_stats(12)


if __name__ == "__main__":
    main()
