"""Solve the three example systems over gRPC and compare them with their published answers.

Starts a service of its own on a free loopback port and stops it at the end. Exit code 0 only if every system
converges to its published answer.
"""

from __future__ import annotations

import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import raphson

FOLDER = Path(__file__).parent
NAMES = ("two_equations", "chemical_equilibrium", "power_flow_118")

WARM_SOLVES = 20
LARGEST_SHOWN = 12
CORNER = 6
INDENT = "    "


@dataclass(frozen=True)
class Example:
    """A model file and its published answer.

    Attributes
    ----------
    name, title : str
        The file's name and its first line.
    model : dict
        ``equations``, ``start`` and ``parameters``, as the file has them.
    published : dict
        The answer by variable.
    relative_tolerance, absolute_tolerance : float
        How exactly it is known.
    """

    name: str
    title: str
    model: dict[str, Any]
    published: dict[str, Any]
    relative_tolerance: float
    absolute_tolerance: float

    @classmethod
    def load(cls, name: str) -> Example:
        """Read ``name.toml`` and ``published/name.toml``."""
        text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
        answer = tomllib.loads((FOLDER / "published" / f"{name}.toml").read_text(encoding="utf-8"))
        return cls(
            name=name,
            title=text.splitlines()[0].lstrip("# ").rstrip(":"),
            model=tomllib.loads(text),
            published=answer["solution"],
            relative_tolerance=answer.get("relative_tolerance", 0.0),
            absolute_tolerance=answer.get("absolute_tolerance", 0.0),
        )

    @property
    def tolerance(self) -> str:
        """How exactly the answer is known, in words."""
        sizes = {"relative": self.relative_tolerance, "absolute": self.absolute_tolerance}
        return " and ".join(f"{kind} {size:.0e}" for kind, size in sizes.items() if size)

    def error(self, root: Any) -> float:
        """Return the largest error of a root against what is allowed: at most 1 if it agrees."""
        worst = 0.0
        for name, value in self.published.items():
            allowed = self.absolute_tolerance + self.relative_tolerance * np.abs(value)
            worst = max(worst, float(np.max(np.abs(root[name] - np.asarray(value)) / allowed)))
        return worst


def main() -> int:
    """Solve all three; return the exit code."""
    began = time.perf_counter()
    with raphson.connect() as client:
        ready = time.perf_counter() - began
        print(f"raphson: the service is up at {client.address} after {ready:.1f} s")
        failed = [name for name in NAMES if not show(client, Example.load(name))]
    print(f"\n{len(NAMES) - len(failed)} of {len(NAMES)} systems agree with their published answers")
    return 1 if failed else 0


def show(client: raphson.Client, example: Example) -> bool:
    """Solve one system, print what there is to know, and return whether it agrees."""
    model = example.model
    began = time.perf_counter()
    root = client.solve(model["equations"], model["start"], model.get("parameters"), return_jacobian=True)
    first = time.perf_counter() - began
    warm = []
    for _ in range(WARM_SOLVES):
        began = time.perf_counter()
        client.solve(model["equations"], model["start"], model.get("parameters"))
        warm.append(time.perf_counter() - began)

    print(f"\n{example.name}\n{'─' * len(example.name)}\n{example.title}\n")
    print_equations(model["equations"])
    print_root(root)
    error = example.error(root)
    agrees = bool(root.converged and error <= 1)
    verdict = "agrees with" if agrees else "DIFFERS from"
    print(f"\n  status       {root.status.name.lower()}: {root.message}")
    print(f"  residual     {root.residual_norm:.1e}; {max(root.scaled_residual):.1e} of the terms that cancel")
    print(f"  iterations   {root.iterations}")
    print(f"  published    {verdict} the published answer: {error:.2g} of the error allowed, {example.tolerance}")
    print(f"  time         {1e3 * first:.1f} ms from text to root; {1e3 * median(warm):.2f} ms once compiled")
    assert root.jacobian is not None
    print_jacobian(root.jacobian)
    return agrees


def print_equations(equations: list[str]) -> None:
    """Print the text as the file has it, indented."""
    for equation in equations:
        for line in equation.strip("\n").splitlines():
            print(f"{INDENT}{line}")


def print_root(root: raphson.Solution) -> None:
    """Print each variable: a number, or the two ends of an array."""
    print()
    width = max(len(name) for name in root)
    for name in root:
        value = root[name]
        if isinstance(value, float):
            print(f"{INDENT}{name:<{width}} = {value: .15g}")
        else:
            numbers = [f"{number:.9f}" for number in np.ravel(value)]
            shown = [*numbers[:3], "…", *numbers[-2:]] if len(numbers) > LARGEST_SHOWN else numbers
            print(f"{INDENT}{name:<{width}} = [{', '.join(shown)}]  ({len(numbers)} numbers)")


def print_jacobian(jacobian: np.ndarray) -> None:
    """Print a small matrix in full, of a large one its corner."""
    m, n = jacobian.shape
    whole = n <= CORNER
    nonzero = np.count_nonzero(jacobian)
    print(f"  Jacobian     {m}×{n}, {nonzero} entries not zero" + ("" if whole else "; its upper left corner:"))
    part = jacobian if whole else jacobian[:CORNER, :CORNER]
    cells = [["0" if value == 0 else f"{value:.4g}" for value in row] for row in part]
    width = max(len(cell) for row in cells for cell in row)
    for row in cells:
        print(INDENT + "  ".join(cell.rjust(width) for cell in row) + ("" if whole else "  …"))


if __name__ == "__main__":
    sys.exit(main())
