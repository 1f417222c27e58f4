"""Texts → syntax → graph → value: whatever comes in, a system or a `RaphsonError` comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import raphson_solver as rs

from benchmarks.fuzz.grammar import any_text, broken
from benchmarks.fuzz.target import Wrong

if TYPE_CHECKING:
    from random import Random

# What is allowed may take its time; what is measured is how much more than that a text can take.
LIMITS = rs.Limits(
    nodes=3000, equations=200, variables=10_000, parameters=10_000, members=100_000, dense_entries=40_000
)
VARIABLES = (("x", ()), ("y", ()), ("u", (4,)), ("a", (2, 3)))
PARAMETERS = (("r", ()), ("n", ()), ("t", (4,)), ("w", (4,)))
VALUES = (("n", (4.0,)), ("t", (3.0, 0.0, 1.0, 2.0)))
START = np.array([0.5, -1.5, 1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
FIELDS = ("equations", "start", "parameters", "jacobian")
# Between texts, and before the entries of a Jacobian: no keyboard has them.
BETWEEN, ENTRIES = "\x1e", "\x1d"


class Texts:
    """Equations, and at times the entries of a Jacobian."""

    def make(self, random: Random) -> bytes:
        """Return one to three texts."""
        texts = [any_text(random) for _ in range(random.choice((1, 1, 1, 2, 3)))]
        data = BETWEEN.join(texts)
        if random.random() < 0.03:
            entries = ["1", "y", "u[0]", "2*x", *["0"] * 8]
            entries[random.randrange(12)] = broken(random, any_text(random))
            data += ENTRIES + BETWEEN.join(entries)
        return data.encode("utf-8", "surrogatepass")

    def run(self, data: bytes) -> str:
        """Compile the texts, and evaluate f and sometimes J."""
        texts, _, entries = data.decode("utf-8", "surrogatepass").partition(ENTRIES)
        jacobian = (tuple(entries.split(BETWEEN)),) if entries else None
        definition = rs.Definition(tuple(texts.split(BETWEEN)), VARIABLES, PARAMETERS, VALUES, jacobian)
        try:
            system = rs.compile_definition(definition, LIMITS)
        except rs.RaphsonError as error:
            _check(error)
            return type(error).__name__
        free = {name: np.ones(shape) for name, shape in system.parameters if name not in system.structural}
        f = system.residual(START, free)
        if f.shape != (system.m,):
            raise Wrong("wrong", f"f has the shape {f.shape} of {system.m} equations")
        if len(data) % 4 == 0 and system.jacobian(START, free).shape != (system.m, system.n):
            raise Wrong("wrong", "J has another shape than m×n")
        return "compiled"


def _check(error: rs.RaphsonError) -> None:
    """Check that an error says where and what."""
    if not (error.field.startswith(FIELDS) and error.message and str(error).startswith(f"{error.field}: ")):
        raise Wrong("wrong", f"an error that names no field: {error!r}")
    if isinstance(error, rs.DefinitionError) and error.column is not None:
        source = error.source
        if source is None or not 0 <= error.column <= len(source):
            raise Wrong("wrong", f"an error at column {error.column} of {source!r}")
