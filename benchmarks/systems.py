"""Texts of systems that no server has seen: each variant has other coefficients, written into the text."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

POWER_FLOW = Path(__file__).parent.parent / "examples" / "power_flow_118.toml"


@dataclass(frozen=True, slots=True)
class Text:
    """A system as a caller writes it.

    Attributes
    ----------
    name : str
        What it is.
    n : int
        How many unknowns.
    equations : tuple of str
        In the language of raphson; when `unrolled`, also Python expressions of ``x[i]`` with one ``=``.
    start, parameters : dict
        Name → number or array.
    unrolled : bool
        One equation a text, in the one array x: what the peers can read.
    """

    name: str
    n: int
    equations: tuple[str, ...]
    start: dict[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict)
    unrolled: bool = True

    @property
    def x0(self) -> np.ndarray:
        """The start, flattened, shape (n,)."""
        return np.concatenate([np.ravel(np.asarray(value, dtype=float)) for value in self.start.values()])


def circle_and_exponential(variant: int) -> Text:
    """Write the system of the README, n = 2."""
    r, c = 2 + _small(variant), 1 + _small(variant + 1)
    equations = (f"x[0]**2 + x[1]**2 = {r!r}**2", f"exp(x[0]) + x[1] = {c!r}")
    return Text("circle and exponential", 2, equations, {"x": np.array([1.0, -1.7])})


def combustion(variant: int) -> Text:
    """Write propane combustion, n = 5: Meintjes and Morgan (1990), reduced formulation."""
    p = 40 * (1 + _small(variant))
    s = p**0.5
    R6, R7, R8, R9, R10 = 2.597e-3 / s, 3.448e-3 / s, 1.799e-5 / p, 2.155e-4 / s, 3.846e-5 / p
    OH, O, NO = f"{R7!r}*x[1]*x[2]", f"{R8!r}*x[1]", f"{R9!r}*x[1]*x[3]"
    H2O, H2, H, O2 = "x[1]*x[2]**2", "0.193*x[2]**2", f"{R6!r}*x[2]", f"{R10!r}*x[1]**2"
    equations = (
        "x[0]*x[1] + x[0] = 3*x[4]",
        f"2*x[0]*x[1] + x[0] + {H2O} + {O} + 2*{O2} + {OH} + {NO} = 10*x[4]",
        f"2*{H2O} + 2*{H2} + {H} + {OH} = 8*x[4]",
        f"{NO} + 2*x[3]**2 = 40*x[4]",
        f"x[0]*(x[1] + 1) + {O2} + {H2O} + {O} + {H2} + x[3]**2 + {H} + {OH} + {NO} = 1",
    )
    return Text("propane combustion", 5, equations, {"x": np.array([0.01, 30.0, 0.1, 1.0, 0.05])})


def chandrasekhar(n: int, variant: int) -> Text:
    """Write Chandrasekhar's H equation by the midpoint rule: every unknown in every equation."""
    c = 0.9 * (1 + _small(variant))
    mu = [(i + 0.5) / n for i in range(n)]
    equations = []
    for i in range(n):
        weights = (f"{c / (2 * n) * mu[i] / (mu[i] + mu[j])!r}*x[{j}]" for j in range(n))
        equations.append(f"x[{i}] = 1/(1 - ({' + '.join(weights)}))")
    return Text("Chandrasekhar H", n, tuple(equations), {"x": np.ones(n)})


def chandrasekhar_family(n: int, variant: int) -> Text:
    """Write the same in one line."""
    c = 0.9 * (1 + _small(variant))
    equation = f"x[i] = 1/(1 - {c!r}/(2*n)*sum((i + 0.5)/(i + j + 1)*x[j] for j in range(n))) for i in range(n)"
    return Text("Chandrasekhar H, family", n, (equation,), {"x": np.ones(n)}, {"n": n}, unrolled=False)


def broyden_tridiagonal(n: int, variant: int) -> Text:
    """Write Broyden's tridiagonal function: three unknowns in each equation."""
    a = 2 + _small(variant)
    equations = []
    for i in range(n):
        before = f" - x[{i - 1}]" if i > 0 else ""
        after = f" - 2*x[{i + 1}]" if i < n - 1 else ""
        equations.append(f"(3 - {a!r}*x[{i}])*x[{i}]{before}{after} + 1 = 0")
    return Text("Broyden tridiagonal", n, tuple(equations), {"x": -np.ones(n)})


def broyden_family(n: int, variant: int) -> Text:
    """Write the same in three lines."""
    a = 2 + _small(variant)
    equations = (
        f"(3 - {a!r}*x[0])*x[0] - 2*x[1] + 1 = 0",
        f"(3 - {a!r}*x[i])*x[i] - x[i-1] - 2*x[i+1] + 1 = 0 for i in range(1, n-1)",
        f"(3 - {a!r}*x[n-1])*x[n-1] - x[n-2] + 1 = 0",
    )
    return Text("Broyden tridiagonal, family", n, equations, {"x": -np.ones(n)}, {"n": n}, unrolled=False)


def power_flow_family(variant: int) -> Text:
    """Write the IEEE 118-bus case as examples/ does, its demand scaled, n = 181."""
    model = tomllib.loads(POWER_FLOW.read_text(encoding="utf-8"))
    scale = 1 - _small(variant)
    equations = tuple(f"{scale!r} * {equation.strip()}" for equation in model["equations"])
    return Text("118-bus power flow, family", 181, equations, model["start"], model["parameters"], unrolled=False)


def power_flow(variant: int) -> Text:
    """Write the same case out: one equation a balance, every admittance a number in the text."""
    model = tomllib.loads(POWER_FLOW.read_text(encoding="utf-8"))
    p, scale = model["parameters"], 1 - _small(variant)
    loads, slack = p["loads"], p["slack"]

    def voltage(bus: int) -> str:
        return f"x[{bus}]" if bus < loads else repr(p["V_held"][bus])

    def angle(i: int, j: int) -> str:
        return f"(x[{loads + i}] - x[{loads + j}])" if j < slack else f"x[{loads + i}]"

    def flow(i: int, k: int, first: str, second: str, sign: str) -> str:
        j, G, B = p["to"][k], p["G"][k], p["B"][k]
        if j == i:  # cos 0 = 1, sin 0 = 0
            own = G if first == "cos" else (B if sign == "+" else -B)
            return f"{voltage(i)}*{own!r}"
        return f"{voltage(j)}*({G!r}*{first}({angle(i, j)}) {sign} {B!r}*{second}({angle(i, j)}))"

    def balance(i: int, injected: float, first: str, second: str, sign: str) -> str:
        terms = (flow(i, k, first, second, sign) for k in range(p["row"][i], p["row"][i + 1]))
        return f"{scale * injected!r} = {voltage(i)}*({' + '.join(terms)})"

    active = [balance(i, p["P"][i], "cos", "sin", "+") for i in range(slack)]
    reactive = [balance(i, p["Q"][i], "sin", "cos", "-") for i in range(loads)]
    start = np.concatenate([model["start"]["V"], model["start"]["theta"]])
    return Text("118-bus power flow", 181, (*active, *reactive), {"x": start})


@dataclass(frozen=True, slots=True)
class Kind:
    """A generator of texts and the time that raphson has to the first root, RPC included."""

    make: Callable[[int], Text]
    goal_seconds: float


KINDS = (
    Kind(circle_and_exponential, 10e-3),
    Kind(combustion, 10e-3),
    Kind(lambda variant: broyden_tridiagonal(10, variant), 10e-3),
    Kind(lambda variant: chandrasekhar(10, variant), 10e-3),
    Kind(lambda variant: broyden_tridiagonal(50, variant), 60e-3),
    Kind(lambda variant: broyden_family(50, variant), 60e-3),
    Kind(lambda variant: chandrasekhar(50, variant), 60e-3),
    Kind(lambda variant: chandrasekhar_family(50, variant), 60e-3),
    Kind(power_flow_family, 500e-3),
    Kind(power_flow, 500e-3),
)


def _small(variant: int) -> float:
    """Return a number below 0.02, another one for each variant."""
    return (variant * 7919 % 19_999_999 + 1) / 1e9
