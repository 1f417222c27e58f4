"""AC power flow by CasADi: a graph of scalars made from sparse matrices, its own derivatives, its Newton and its QR."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from benchmarks.power_network import Network

try:
    import casadi
except ImportError:
    MISSING: str | None = "casadi is not installed"
else:
    MISSING = None


class CasadiPowerFlow:
    """The rootfinder of one network.

    Parameters
    ----------
    path : str
        Of the network, as `Network.save` wrote it.
    """

    # Of its linear solvers that come with it: the other, CSparse, takes a hundred times as long from 300 buses on.
    linear = "CasADi's sparse QR"

    def __init__(self, path: str) -> None:
        network = Network.load(path)
        loads, slack, buses = network.loads, network.slack, network.held.size
        self._start = np.concatenate((np.ones(loads), np.zeros(slack)))
        x = casadi.SX.sym("x", loads + slack)
        V = casadi.vertcat(x[:loads], network.held[loads:])
        theta = casadi.vertcat(x[loads:], np.zeros(buses - slack))
        e, f = V * casadi.cos(theta), V * casadi.sin(theta)
        Y = csr_array((network.admittance, network.to, network.row), shape=(buses, buses)).tocsc()
        pattern = casadi.Sparsity(buses, buses, Y.indptr.tolist(), Y.indices.tolist())
        G, B = (casadi.DM(pattern, part.copy()) for part in (Y.data.real, Y.data.imag))
        real, imaginary = G @ e - B @ f, G @ f + B @ e
        active, reactive = e * real + f * imaginary, f * real - e * imaginary
        g = casadi.vertcat(reactive[:loads] - network.power.imag[:loads], active[:slack] - network.power.real[:slack])
        options = {"linear_solver": "qr", "abstol": 1e-10}
        self._solve = casadi.rootfinder("power_flow", "newton", {"x": x, "g": g}, options)

    def solve(self) -> tuple[np.ndarray, int]:
        """Return x and the number of iterations."""
        x = np.array(self._solve(x0=self._start)["x"]).ravel()
        return x, int(self._solve.stats()["iter_count"])
