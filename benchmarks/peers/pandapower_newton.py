"""pandapower: the networks that it ships, its power flow as users call it, and the Newton inside that alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from benchmarks.power_network import Network, whole

try:
    import pandapower
    import pandapower.networks
    import pandapower.pf.run_newton_raphson_pf as inside
except ImportError:
    MISSING: str | None = "pandapower is not installed"
else:
    MISSING = None

CASES = ("case118", "case300", "case1354pegase", "case2869pegase", "case9241pegase")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A network as pandapower has it.

    Attributes
    ----------
    net : object
        pandapower's network, solved once.
    arguments : tuple
        What its `newtonpf` was called with: from a flat start.
    order : ndarray of int, shape (buses,)
        Its number of each bus, in the order of `network`.
    network : Network
        In our order.
    """

    net: Any
    arguments: tuple[Any, ...]
    order: np.ndarray
    network: Network

    @property
    def answer(self) -> np.ndarray:
        """Voltages by pandapower, complex, per unit, in its own order."""
        return np.asarray(self.net._ppc["internal"]["V"])  # noqa: SLF001 - to the last digit, before its own rounding

    @property
    def iterations(self) -> int:
        """How many pandapower took."""
        return int(self.net._ppc["iterations"])  # noqa: SLF001

    def power(self) -> np.ndarray:
        """Return what is fed in at each bus in its last run, complex, per unit, in our order."""
        return np.asarray(self.net._ppc["internal"]["Sbus"])[self.order]  # noqa: SLF001

    def voltages(self, x: np.ndarray) -> np.ndarray:
        """Return the voltages of a root of ours, as `answer`."""
        magnitude, angle = whole(self.network, x)
        slack = np.angle(self.arguments[2][self.order[-1]])
        voltages = np.empty(angle.size, complex)
        voltages[self.order] = magnitude * np.exp(1j * (angle + slack))
        return voltages

    def unknowns(self) -> np.ndarray:
        """Return `answer` as x: the loads' voltages, then the angles from the slack bus."""
        ordered = self.answer[self.order]
        angles = np.angle(ordered * np.exp(-1j * np.angle(ordered[-1])))
        return np.concatenate((np.abs(ordered[: self.network.loads]), angles[: self.network.slack]))

    def run(self, **options: Any) -> None:
        """Solve it as users do, from a flat start, by Newton with pandapower's Numba code."""
        pandapower.runpp(self.net, algorithm="nr", init="flat", calculate_voltage_angles=True, numba=True, **options)

    def newton(self) -> None:
        """Do what is inside `run` of iteration: no conversion of tables, no results."""
        inside.newtonpf(*self.arguments)


def case(name: str) -> Case:
    """Take a network from pandapower.

    Raises
    ------
    ValueError
        If it has other than one slack bus.
    """
    net = getattr(pandapower.networks, name)()
    recorded: list[tuple[Any, ...]] = []
    own = inside.newtonpf

    def recording(*given: Any) -> Any:
        recorded.append(given)
        return own(*given)

    inside.newtonpf = recording
    try:
        pandapower.runpp(net, algorithm="nr", init="flat", calculate_voltage_angles=True, numba=True)
    finally:
        inside.newtonpf = own
    admittance, power, V, ref, pv, pq = recorded[0][:6]
    if len(ref) != 1:
        raise ValueError(f"{name}: expected one slack bus, found {len(ref)}")
    order = np.concatenate((pq, pv, ref)).astype(int)
    matrix = csr_array(admittance)[order][:, order]
    matrix.sum_duplicates()
    matrix.sort_indices()
    network = Network(
        loads=len(pq),
        slack=len(pq) + len(pv),
        row=matrix.indptr.astype(np.int32),
        to=matrix.indices.astype(np.int32),
        admittance=matrix.data,
        power=np.asarray(power)[order],
        held=np.abs(np.asarray(V)[order]),
    )
    return Case(net, recorded[0], order, network)
