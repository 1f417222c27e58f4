"""Large systems through the whole service: a network in a few lines, refusals with advice, a million unknowns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import raphson

ANGLE, EACH = "(a[i] - a[to[k]])", "for i in range(1, n)"
POWER_FLOW = [
    "a[0] = 0",
    "V[0] = 1",
    f"V[i]*sum(V[to[k]]*(G[k]*cos{ANGLE} + B[k]*sin{ANGLE}) for k in range(first[i], first[i+1])) = P[i] {EACH}",
    f"V[i]*sum(V[to[k]]*(G[k]*sin{ANGLE} - B[k]*cos{ANGLE}) for k in range(first[i], first[i+1])) = Q[i] {EACH}",
]
RING = "x[i]**2 - x[(i+1) % n] + p for i in range(n)"


def network(n: int) -> tuple[dict[str, Any], np.ndarray]:
    """Return a mesh of n buses by rows of its admittance matrix, and that matrix times a vector of voltages."""
    rng = np.random.default_rng(3)
    ends = np.array([(i, j) for i in range(n) for j in (i + 1, i + 40) if j < n])
    y = 1.0 / (rng.uniform(0.01, 0.02, len(ends)) + 1j * rng.uniform(0.04, 0.1, len(ends)))
    diagonal = np.zeros(n, complex)
    for side in ends.T:
        np.add.at(diagonal, side, y)
    rows = np.concatenate([*ends.T, np.arange(n)])
    columns = np.concatenate([*ends.T[::-1], np.arange(n)])
    values = np.concatenate([-y, -y, diagonal])
    order = np.lexsort((columns, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    load = -rng.uniform(0.0, 0.001, n) * (1 + 0.5j)
    parameters = {
        "n": n, "to": columns, "first": np.searchsorted(rows, np.arange(n + 1)),
        "G": values.real, "B": values.imag, "P": load.real, "Q": load.imag,
    }  # fmt: skip
    return parameters, np.stack([rows, columns, values])


def test_a_power_network_is_a_handful_of_lines(client: raphson.Client) -> None:
    n = 2400
    parameters, (rows, columns, values) = network(n)
    start = {"V": np.ones(n), "a": np.zeros(n)}
    for loading in (1.0, 1.5):
        load = {name: loading * parameters[name] for name in "PQ"}
        root = client.solve(POWER_FLOW, start, parameters | load)
        assert root.converged
        V = root["V"] * np.exp(1j * np.asarray(root["a"]))
        current = np.zeros(n, complex)
        np.add.at(current, rows.real.astype(int), values * V[columns.real.astype(int)])
        power = V * np.conj(current)
        np.testing.assert_allclose(power[1:], (load["P"] + 1j * load["Q"])[1:], atol=1e-10)
    with pytest.raises(raphson.InvalidRequestError, match=r"which is to\[5\], is outside 0 … 2399") as caught:
        client.solve(
            POWER_FLOW, start, parameters | {"to": np.where(np.arange(columns.size) == 5, n, parameters["to"])}
        )
    assert caught.value.fields[0].field == "equations[2]"


def test_what_would_be_too_large_is_refused_with_advice(client: raphson.Client) -> None:
    n = 100_000
    at, parameters = {"x": np.ones(n)}, {"n": n, "p": 0.0}
    with pytest.raises(raphson.InvalidRequestError, match="ask for it sparse, or for J·v"):
        client.jacobian(RING, at, parameters)
    assert client.jacobian(RING, at, parameters, sparse=True).values.size == 2 * n
    with pytest.raises(raphson.InvalidRequestError, match="entries of a dense Jacobian"):
        client.determinant(RING, at, parameters)
    with pytest.raises(raphson.InvalidRequestError, match="entries of the Jacobian"):
        client.solve("sum(x[j] for j in range(n)) - x[i] for i in range(n)", at, parameters)


def test_evidence_of_a_large_system(client: raphson.Client) -> None:
    n = 12_000
    parameters = {"n": n, "p": 0.1}
    root = client.solve(RING, {"x": np.full(n, 0.2)}, parameters, sensitivity=True, adjoint=np.ones(n), certify=True)
    assert root.converged
    x = 0.5 - np.sqrt(0.25 - 0.1)
    np.testing.assert_allclose(root["x"], x, rtol=1e-12)
    assert root.sensitivity is not None
    assert root.adjoint is not None
    np.testing.assert_allclose(root.sensitivity[:, 0], 1 / (1 - 2 * x), rtol=1e-9)
    np.testing.assert_allclose(root.adjoint, n / (1 - 2 * x), rtol=1e-9)
    assert "certificate: 12000 unknowns; up to 200 are tried" in root.evidence_note
    none = client.solve(RING, {"x": np.full(n, 0.2)}, {"n": n, "p": 1.0}, explain=True, max_iterations=30)
    assert not none.converged
    assert none.explanation is not None
    assert len(none.explanation.worst_equations) == 5
    assert none.explanation.condition is not None
    found = client.explain(["x[2*i] - 1 for i in range(6000)", "y = 1"], variables={"x": (12_000,), "y": (), "z": (9,)})
    assert found.lines[:2] == (
        "there are 6001 equations for 12010 variables",
        "no equation contains x[1], x[3], x[5], x[7], x[9] and 6004 more",
    )
    assert (len(found.underdetermined), found.structural_rank) == (30, 6001)


def test_a_million_unknowns(client: raphson.Client) -> None:
    n = 1_000_000
    said: list[raphson.SolveProgress] = []
    text = "x[i]**2 - p for i in range(n)"
    root = client.solve(text, {"x": np.full(n, 0.99)}, {"n": n, "p": 1.0}, progress=said.append, timeout_seconds=100)
    assert root.converged
    np.testing.assert_allclose(root.x, 1.0, rtol=1e-12)
    told = [each.iteration for each in said]
    assert told == sorted(set(told))
    assert (told[0], told[-1]) == (0, root.iterations)
