"""AC power flow from a flat start, the same two families of text for 118 to 9241 buses.

The networks are those that pandapower ships. Beside ours: its Newton alone and inside `runpp`, KLU by hand in C, and
CasADi. Every voltage is compared with pandapower's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.large_solves import NOTES, Contest, Judge, Participant, chosen, parser
from benchmarks.peers import casadi_power_flow, klu_power_flow, pandapower_newton
from benchmarks.timing import duration, heading, repeat, table

LARGEST_DIFFERENCE = 1e-8


def participants() -> tuple[Participant, ...]:
    """Return ours and the peers that run in processes of their own."""
    return (
        Participant(
            who="raphson",
            module="benchmarks.raphson_solve",
            made="Raphson",
            arguments={"name": "power_flow"},
            threads=True,
        ),
        Participant(
            who="KLU by hand in C",
            module="benchmarks.peers.klu_power_flow",
            made="KluPowerFlow",
            missing=klu_power_flow.MISSING,
        ),
        Participant(
            who="CasADi",
            module="benchmarks.peers.casadi_power_flow",
            made="CasadiPowerFlow",
            missing=casadi_power_flow.MISSING,
        ),
    )


def main() -> None:
    """Print a table a network."""
    command, known = parser(__doc__), pandapower_newton.CASES
    command.add_argument("--cases", nargs="+", choices=known, default=known, help="networks (default: all)")
    arguments = command.parse_args()
    heading(
        "AC power flow from a flat start",
        *NOTES,
        "'apart' is from pandapower's answer. KLU and CasADi stop as pandapower does, at mismatches of at most 1e-10;",
        "pandapower's own lines are of one process, on all cores. Goal: the fastest on each; voltages equal to 1e-8.",
    )
    if pandapower_newton.MISSING:
        print(f"{pandapower_newton.MISSING}: there are no networks")
        return
    contest = Contest(chosen(participants(), arguments.peers), arguments.longest)
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.cases:
            _case(name, contest, Path(folder) / f"{name}.npz")
    if contest.failed:
        raise SystemExit("\n".join(contest.failed))


def _case(name: str, contest: Contest, path: Path) -> None:
    case = pandapower_newton.case(name)
    network = case.network
    network.save(path)
    system = network.system()
    n = system.x.size
    print(f"{name}: {network.held.size:,} buses, n = {n:,}\n")
    judge = Judge(system.scaled_residual, case.unknowns())
    answers = contest.round(n, {"path": str(path)}, judge)
    newton, whole = (repeat(action, 5) for action in (case.newton, case.run))
    ours = contest.times["raphson"].get(n)
    table(
        ("pandapower", "again", "of", "steps", "residual", "ours : it"),
        [
            (
                who,
                duration(sample.median),
                len(sample.seconds),
                case.iterations,
                f"{system.scaled_residual(case.unknowns()):.0e}",
                f"{ours / sample.median:.3g}" if ours else "—",
            )
            for who, sample in (("its Newton alone", newton), ("runpp, whole", whole))
        ],
    )
    print()
    for who, x in answers.items():
        largest = float(np.abs(case.voltages(x) - case.answer).max())
        print(f"{who}: voltages differ from pandapower's by {largest:.1e} per unit at most")
        if who == "raphson" and not largest <= LARGEST_DIFFERENCE:
            contest.failed.append(f"{name}: voltages differ from pandapower's by {largest:.1e}")
    print()


if __name__ == "__main__":
    main()
