"""Makes power_flow_118.toml and its published answer from the IEEE 118-bus case, as PYPOWER ships it.

Needed only to remake the data: `pip install pypower && python examples/power_flow_118.py`.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
from pypower.api import case118, ppoption, runpf
from pypower.idx_brch import BR_B, BR_R, BR_X, F_BUS, SHIFT, T_BUS, TAP
from pypower.idx_bus import BS, BUS_I, BUS_TYPE, GS, PD, QD, VA, VM
from pypower.idx_gen import GEN_BUS, PG, VG

FOLDER = Path(__file__).parent
LOAD, GENERATOR, SLACK = 1, 2, 3

MODEL = """\
# AC power flow of the IEEE 118-bus test case, in polar coordinates, from a flat start: n = 181.
#
# Source: IEEE Common Data Format file ieee118cdf.txt (08/25/93, University of Washington archive of power
# systems test cases), as converted by MATPOWER and distributed with PYPOWER 5 under the BSD licence
# (copyright 1996-2015 PSERC). Made by power_flow_118.py; the published answer is in published/.
#
# Units: powers, voltages and admittances per unit on a base of 100 MVA; angles in radians from the slack bus.
#
# Buses are numbered from 0: first the {loads} loads (voltage and angle unknown), then the {generators}
# generators (voltage held, angle unknown), then the slack bus (both held). Row i of the network's admittance
# matrix G + jB is stored in G[k] and B[k], for k from row[i] to row[i+1], with its columns in to[k].
#
#   P_i = V_i sum_j V_j (G_ij cos(theta_i - theta_j) + B_ij sin(theta_i - theta_j))   where theta is unknown
#   Q_i = V_i sum_j V_j (G_ij sin(theta_i - theta_j) - B_ij cos(theta_i - theta_j))   where V is unknown
#
# "V[j] if j < loads else V_held[j]" is bus j's voltage, unknown or held; the same for angles.

equations = [
{equations}
]

[start]
{start}

[parameters]
{parameters}
"""

PUBLISHED = """\
# Bus voltages of the IEEE 118-bus case by PYPOWER's Newton power flow at a tolerance of 1e-12, in the order
# of power_flow_118.toml: V at the {loads} loads, theta at all buses but the slack. Per unit; radians from the
# slack bus, which the archive puts at 30 degrees.
# Largest mismatch of this answer: {mismatch:.1e} per unit.

absolute_tolerance = 1e-8

[solution]
{solution}

# The archive's number of each bus, in the order of power_flow_118.toml.
[names]
{names}
"""

ACTIVE = """\
P[i] = (V[i] if i < loads else V_held[i])
  * sum((V[to[k]] if to[k] < loads else V_held[to[k]])
        * (G[k] * cos(theta[i] - (theta[to[k]] if to[k] < slack else 0))
         + B[k] * sin(theta[i] - (theta[to[k]] if to[k] < slack else 0)))
        for k in range(row[i], row[i+1]))
  for i in range(slack)
"""
REACTIVE = """\
Q[i] = V[i]
  * sum((V[to[k]] if to[k] < loads else V_held[to[k]])
        * (G[k] * sin(theta[i] - (theta[to[k]] if to[k] < slack else 0))
         - B[k] * cos(theta[i] - (theta[to[k]] if to[k] < slack else 0)))
        for k in range(row[i], row[i+1]))
  for i in range(loads)
"""


def main() -> None:
    """Write both files."""
    case = case118()
    order = np.concatenate([np.flatnonzero(case["bus"][:, BUS_TYPE] == kind) for kind in (LOAD, GENERATOR, SLACK)])
    loads, slack = int(np.sum(case["bus"][:, BUS_TYPE] == LOAD)), len(order) - 1
    admittance = admittance_matrix(case)[np.ix_(order, order)]
    rows, columns = np.nonzero(admittance)
    power = injections(case)[order]
    voltage = voltage_setpoints(case)[order]
    parameters = {
        "loads": loads,
        "slack": slack,
        "P": power.real[:slack],
        "Q": power.imag[:loads],
        "V_held": voltage,
        "row": np.searchsorted(rows, np.arange(len(order) + 1)),
        "to": columns,
        "G": admittance[rows, columns].real,
        "B": admittance[rows, columns].imag,
    }
    write("power_flow_118.toml", MODEL.format(
        loads=loads,
        generators=slack - loads,
        equations=",\n".join(f'"""\n{text}"""' for text in (ACTIVE, REACTIVE)),
        start=table({"V": np.ones(loads), "theta": np.zeros(slack)}),
        parameters=table(parameters),
    ))  # fmt: skip
    answer, converged = runpf(case118(), ppoption(VERBOSE=0, OUT_ALL=0, PF_TOL=1e-12))
    assert converged
    V, theta = answer["bus"][order, VM], np.deg2rad(answer["bus"][order, VA] - answer["bus"][order[-1], VA])
    U = V * np.exp(1j * theta)
    mismatch = U * np.conj(admittance @ U) - power
    write("published/power_flow_118.toml", PUBLISHED.format(
        loads=loads,
        mismatch=max(np.abs(mismatch.real[:slack]).max(), np.abs(mismatch.imag[:loads]).max()),
        solution=table({"V": V[:loads], "theta": theta[:slack]}),
        names=table({"bus": case["bus"][order, BUS_I].astype(int)}),
    ))  # fmt: skip


def admittance_matrix(case: dict[str, np.ndarray]) -> np.ndarray:
    """Assemble G + jB from the branches' pi models and the buses' shunts, per unit."""
    bus, branch = case["bus"], case["branch"]
    assert not branch[:, SHIFT].any()
    Y = np.diag((bus[:, GS] + 1j * bus[:, BS]) / case["baseMVA"])
    start, end = branch[:, F_BUS].astype(int) - 1, branch[:, T_BUS].astype(int) - 1
    tap = np.where(branch[:, TAP] == 0, 1.0, branch[:, TAP])
    series = 1 / (branch[:, BR_R] + 1j * branch[:, BR_X])
    shunt = 0.5j * branch[:, BR_B]
    np.add.at(Y, (start, start), (series + shunt) / tap**2)
    np.add.at(Y, (end, end), series + shunt)
    np.add.at(Y, (start, end), -series / tap)
    np.add.at(Y, (end, start), -series / tap)
    return Y


def injections(case: dict[str, np.ndarray]) -> np.ndarray:
    """Return generation minus load at every bus, per unit; reactive generation is unknown and left out."""
    power = -(case["bus"][:, PD] + 1j * case["bus"][:, QD])
    np.add.at(power, case["gen"][:, GEN_BUS].astype(int) - 1, case["gen"][:, PG])
    return power / case["baseMVA"] + 0.0  # and no minus zeros


def voltage_setpoints(case: dict[str, np.ndarray]) -> np.ndarray:
    """Return the voltage held at every bus with a generator, 1 elsewhere."""
    voltage = np.ones(len(case["bus"]))
    voltage[case["gen"][:, GEN_BUS].astype(int) - 1] = case["gen"][:, VG]
    return voltage


def table(values: dict[str, object]) -> str:
    """Format names and numbers as TOML, every double by its shortest exact text."""
    lines = []
    for name, value in values.items():
        if not isinstance(value, np.ndarray):
            lines.append(f"{name} = {value!r}")
            continue
        numbers = ", ".join(repr(number) for number in value.tolist())
        lines.append(f"{name} = [")
        lines.append(textwrap.fill(numbers, 110, initial_indent="  ", subsequent_indent="  "))
        lines.append("]")
    return "\n".join(lines)


def write(name: str, text: str) -> None:
    """Write one file of the examples folder."""
    (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
