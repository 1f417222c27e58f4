"""A hundred load cases of IEEE's 118 buses: one network, every load scaled by its own seeded random number.

Ours solves them by `solve_batch`. Beside it pandapower in a loop, as it comes and with what it keeps between runs
(`recycle`), and KLU by hand in C, which keeps analysis and pivots.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import raphson_solver

from benchmarks.budget import alternate_within
from benchmarks.large_solves import TOLERANCE
from benchmarks.large_systems import LargeSystem
from benchmarks.peers import klu_power_flow, pandapower_newton
from benchmarks.power_network import Network
from benchmarks.timing import Action, clock, duration, heading, table

SEED, SPREAD = 20261129, 0.2
LARGEST_DIFFERENCE = 1e-8
SECONDS, REPETITIONS = 6.0, 25
KEPT = {"bus_pq": True, "trafo": False, "gen": False}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=pandapower_newton.CASES, default="case118", help="default: case118")
    parser.add_argument("--count", type=int, default=100, help="load cases (default: 100)")
    arguments = parser.parse_args()
    heading(
        f"{arguments.count} load cases of {arguments.case}",
        f"Loads scaled by ±{SPREAD:.0%}, each by its own number; all from a flat start. In process; the peers use one",
        "core. Medians; 'first': the first batch, with whatever is made for later ones. 'residual': the largest scaled",
        "one; 'apart': of voltages from pandapower's, per unit. Goal: faster than pandapower and than KLU.",
    )
    if pandapower_newton.MISSING:
        print(f"{pandapower_newton.MISSING}: there is no network")
        return
    case = pandapower_newton.case(arguments.case)
    scales = 1 + SPREAD * np.random.default_rng(SEED).uniform(-1, 1, (arguments.count, len(case.net.load)))
    loads = case.net.load[["p_mw", "q_mvar"]].to_numpy().copy()

    def pandapower_loop(**options: object) -> list[tuple[np.ndarray, np.ndarray]]:
        answers = []
        for scale in scales:
            case.net.load[["p_mw", "q_mvar"]] = loads * scale[:, None]
            case.run(**options)
            answers.append((case.power(), case.answer.copy()))
        return answers

    # What every case feeds in, and the voltages to compare with.
    answers = pandapower_loop()
    power = np.array([each for each, _ in answers])
    expected = np.array([each for _, each in answers])
    network = case.network
    P, Q = power.real[:, : network.slack].copy(), power.imag[:, : network.loads].copy()

    slow: dict[str, Action] = {
        "pandapower in a loop": pandapower_loop,
        "pandapower, recycle": lambda: pandapower_loop(recycle=KEPT),
    }
    kept = np.array([each for _, each in pandapower_loop(recycle=KEPT)])
    if not np.abs(kept - expected).max() <= LARGEST_DIFFERENCE:
        raise SystemExit("pandapower answers otherwise with what it keeps between runs")
    results: dict[str, tuple[np.ndarray, float]] = {}
    system = network.system()
    compiled = raphson_solver.compile(system.equations, start=system.start, parameters=system.parameters)
    given = {name: system.parameters[name] for name, _ in compiled.free_parameters} | {"P": P, "Q": Q}

    def ours(threads: int) -> Action:
        def solve() -> None:
            batch = compiled.solve_batch(system.start, given, threads=threads)
            if not batch.converged.all():
                raise SystemExit(f"raphson solved {int(batch.converged.sum())} of {arguments.count}")
            results[_ours(threads)] = batch.x, float(np.max(batch.iterations))

        return solve

    all_cores = len(os.sched_getaffinity(0))
    fast: dict[str, Action] = {_ours(threads): ours(threads) for threads in sorted({1, all_cores})}
    if klu_power_flow.MISSING is None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.npz"
            network.save(path)
            klu = klu_power_flow.KluPowerFlow(str(path))

        def by_klu() -> None:
            x, iterations = klu.solve_batch(P, Q)
            results["KLU by hand in C"] = x, float(iterations.max())

        fast["KLU by hand in C"] = by_klu
    first = {who: clock(action) for who, action in (slow | fast).items()}
    # As thousands of members would.
    compiled.settle_batches(system.start, given)
    samples = alternate_within(slow, SECONDS, REPETITIONS) | alternate_within(fast, SECONDS, REPETITIONS)
    rows = []
    for who, sample in samples.items():
        judged = ("—", "—", "—")
        if who in results:
            x, steps = results[who]
            residual = _largest_residual(network, P, Q, x)
            apart = max(float(np.abs(case.voltages(row) - one).max()) for row, one in zip(x, expected, strict=True))
            judged = (f"{steps:.0f}", f"{residual:.0e}{'!' * (residual > TOLERANCE)}", f"{apart:.0e}")
            if who.startswith("raphson") and not (apart <= LARGEST_DIFFERENCE and residual <= TOLERANCE):
                raise SystemExit(f"raphson: residual {residual:.1e}, voltages differ by {apart:.1e}")
        ratios = [f"{samples[_ours(threads)].median / sample.median:.3g}" for threads in (1, all_cores)]
        each = duration(sample.median / arguments.count)
        rows.append((who, duration(first[who]), duration(sample.median), len(sample.seconds), each, *judged, *ratios))
    columns = ("who", "first", "again", "of", "a case", "most steps", "residual", "apart")
    table((*columns, "ours on 1 : it", f"on {all_cores} : it"), rows)
    if klu_power_flow.MISSING:
        print(f"\nKLU by hand in C: {klu_power_flow.MISSING}")


def _ours(threads: int) -> str:
    return f"raphson, {threads} core{'s' * (threads > 1)}"


def _largest_residual(network: Network, P: np.ndarray, Q: np.ndarray, x: np.ndarray) -> float:
    """Return the largest scaled residual over all cases."""
    largest = 0.0
    for active, reactive, row in zip(P, Q, x, strict=True):
        power = network.power.copy()
        power.real[: network.slack] = active
        power.imag[: network.loads] = reactive
        system: LargeSystem = network.fed(power).system()
        largest = max(largest, system.scaled_residual(row))
    return largest


if __name__ == "__main__":
    main()
