"""AC power flow in polar coordinates, from a flat start, as text and by hand in NumPy.

Buses are numbered from 0: first the loads (voltage and angle unknown), then the generators (voltage held, angle
unknown), then the slack bus (both held). Row i of the network's admittance matrix G + jB is stored in G[k] and B[k],
for k from row[i] to row[i+1], with its columns in to[k]. Powers, voltages and admittances are per unit, angles in
radians from the slack bus.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from benchmarks.large_systems import Array, LargeSystem

POWER_FLOW = (
    """P[i] = (V[i] if i < loads else V_held[i])
         * sum((V[to[k]] if to[k] < loads else V_held[to[k]])
               * (G[k]*cos(theta[i] - (theta[to[k]] if to[k] < slack else 0))
                + B[k]*sin(theta[i] - (theta[to[k]] if to[k] < slack else 0)))
               for k in range(row[i], row[i+1]))
       for i in range(slack)""",
    """Q[i] = V[i]
         * sum((V[to[k]] if to[k] < loads else V_held[to[k]])
               * (G[k]*sin(theta[i] - (theta[to[k]] if to[k] < slack else 0))
                - B[k]*cos(theta[i] - (theta[to[k]] if to[k] < slack else 0)))
               for k in range(row[i], row[i+1]))
       for i in range(loads)""",
)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network in the order of this module.

    Attributes
    ----------
    loads, slack : int
        Numbers of loads, and of loads and generators.
    row, to : ndarray of int32, shapes (buses + 1,), (entries,)
        Pattern of the admittance matrix, row by row.
    admittance : ndarray of complex, shape (entries,)
        Its entries, per unit.
    power : ndarray of complex, shape (buses,)
        What is fed in at each bus, per unit; of generators only the real part counts.
    held : ndarray, shape (buses,)
        Voltages of generators and slack bus; 1 at loads.
    """

    loads: int
    slack: int
    row: Array
    to: Array
    admittance: Array
    power: Array
    held: Array

    def fed(self, power: Array) -> Network:
        """Return the network with other powers, shape (buses,)."""
        return replace(self, power=power)

    def save(self, path: Path) -> None:
        """Write it, for other processes."""
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: str | Path) -> Network:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            values = {name: stored[name] for name in stored.files}
        return cls(**values | {name: int(values[name]) for name in ("loads", "slack")})

    def system(self) -> LargeSystem:
        """Return text, start, parameters, f and J."""
        parameters = {
            "loads": self.loads,
            "slack": self.slack,
            "P": self.power.real[: self.slack],
            "Q": self.power.imag[: self.loads],
            "V_held": self.held,
            "row": self.row,
            "to": self.to,
            "G": self.admittance.real,
            "B": self.admittance.imag,
        }
        start = {"V": np.ones(self.loads), "theta": np.zeros(self.slack)}
        of, jacobian = np.repeat(np.arange(self.row.size - 1), np.diff(self.row)), _Jacobian(self)

        def evaluate(x: Array) -> tuple[Array, Array]:
            V, theta = whole(self, x)
            angle = theta[of] - theta[self.to]
            flow = V[of] * V[self.to] * self.admittance.conj() * np.exp(1j * angle)
            buses = V.size
            size = V[of] * V[self.to] * np.stack(
                (_absolute(self.admittance, np.cos(angle), np.sin(angle)),
                 _absolute(self.admittance, np.sin(angle), np.cos(angle)))
            )  # fmt: skip
            active = np.bincount(of, flow.real, buses), np.bincount(of, size[0], buses) + np.abs(self.power.real)
            reactive = np.bincount(of, flow.imag, buses), np.bincount(of, size[1], buses) + np.abs(self.power.imag)
            f = self.power.real - active[0], self.power.imag - reactive[0]
            return (
                np.concatenate((f[0][: self.slack], f[1][: self.loads])),
                np.concatenate((active[1][: self.slack], reactive[1][: self.loads])),
            )

        return LargeSystem(POWER_FLOW, start, parameters, evaluate, jacobian)


def _absolute(admittance: Array, of_conductance: Array, of_susceptance: Array) -> Array:
    return np.abs(admittance.real * of_conductance) + np.abs(admittance.imag * of_susceptance)


def whole(network: Network, x: Array) -> tuple[Array, Array]:
    """Return voltages and angles of all buses, shapes (buses,)."""
    V = network.held.copy()
    V[: network.loads] = x[: network.loads]
    theta = np.zeros(V.size)
    theta[: network.slack] = x[network.loads :]
    return V, theta


class _Jacobian:
    """J = ∂(P − P(V, θ), Q − Q(V, θ))/∂(V, θ): four blocks with the pattern of the admittance matrix."""

    def __init__(self, network: Network) -> None:
        self._network = network
        loads, slack, buses = network.loads, network.slack, network.row.size - 1
        of, to = np.repeat(np.arange(buses), np.diff(network.row)), network.to
        equation, unknown = (of, of + slack), (to, to + loads)
        # In the order of the blocks that __call__ computes: P by V, P by θ, Q by V, Q by θ.
        kept = [(of < slack if q == 0 else of < loads) & (to < loads if t == 0 else to < slack)
                for q in (0, 1) for t in (0, 1)]  # fmt: skip
        rows = np.concatenate([equation[q][keep] for (q, _), keep in zip(_BLOCKS, kept, strict=True)])
        columns = np.concatenate([unknown[t][keep] for (_, t), keep in zip(_BLOCKS, kept, strict=True)])
        self._kept, self._order = kept, np.lexsort((columns, rows))
        self._columns = columns[self._order].astype(np.int32)
        self._starts = np.searchsorted(rows[self._order], np.arange(slack + loads + 1)).astype(np.int32)
        self._of, self._diagonal = of, np.flatnonzero(of == to)

    def __call__(self, x: Array) -> csr_array:
        network = self._network
        V, theta = whole(network, x)
        angle = theta[self._of] - theta[network.to]
        flow = V[self._of] * V[network.to] * network.admittance.conj() * np.exp(1j * angle)
        total = np.bincount(self._of, flow.real, V.size) + 1j * np.bincount(self._of, flow.imag, V.size)
        by_V, by_theta = flow / V[network.to], -1j * flow
        by_V[self._diagonal] += total / V
        by_theta[self._diagonal] += 1j * total
        blocks = (by_V.real, by_theta.real, by_V.imag, by_theta.imag)
        values = -np.concatenate([block[keep] for block, keep in zip(blocks, self._kept, strict=True)])
        n = network.loads + network.slack
        return csr_array((values[self._order], self._columns, self._starts), shape=(n, n))


_BLOCKS = ((0, 0), (0, 1), (1, 0), (1, 1))
