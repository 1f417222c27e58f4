"""A kernel: some outputs of a graph, callable by address; interpreted at first, machine code when it pays."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.emit import emit
from raphson_solver.compiler.interpret import interpreter_address, program
from raphson_solver.compiler.machine import MachineCode
from raphson_solver.compiler.one_point import OnePoint
from raphson_solver.expression.graph import Graph

# Past this many outputs and operations the tighter code costs seconds to make (measured: 0.1 ms an operation).
LARGEST_OPTIMIZED = 30_000

SIGNATURE = ctypes.CFUNCTYPE(None, *(ctypes.c_void_p,) * 5)
"""Program, x, p, out, work."""


class Kernel:
    """Outputs of a graph behind the C ABI.

    Parameters
    ----------
    graph : Graph
        Holds the nodes.
    outputs : sequence of int
        Which nodes.
    variables : int
        How long x is.

    Attributes
    ----------
    address : int
        The function to call: the interpreter, or the kernel's own machine code.
    program : int
        What to pass as its first argument.
    work_size : int
        Doubles of scratch that a call needs, in either form.
    output_size : int
        Doubles that a call writes.
    """

    def __init__(self, graph: Graph, outputs: Sequence[int], variables: int = 2**31 - 1) -> None:
        self._graph = graph
        self._outputs = tuple(outputs)
        self._program, self.work_size = program(graph, outputs, variables)
        self._code: MachineCode | None = None
        self._lock = threading.Lock()
        self.output_size = len(self._outputs)
        self.program = int(self._program.ctypes.data)
        self.address = interpreter_address()

    @property
    def compiled(self) -> bool:
        """Whether it is machine code."""
        return self._code is not None

    def compile(self) -> None:
        """Make it machine code. Safe to call from several threads: one compiles, the others wait."""
        with self._lock:
            if self._code is None:
                text, _ = emit("kernel", self._graph, self._outputs, OnePoint())
                code = MachineCode(text, optimize=self.work_size <= LARGEST_OPTIMIZED)
                # Last, in one assignment: a solve that starts now reads either form, both complete.
                self._code, self.address = code, code.address("kernel")

    def __call__(self, x: NDArray[np.float64], p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the outputs at one point.

        Parameters
        ----------
        x, p : contiguous arrays of float64
            Long enough for every variable and parameter that the graph reads.

        Returns
        -------
        array of float64, shape (outputs,)
        """
        out = np.empty(self.output_size)
        work = np.empty(self.work_size)
        SIGNATURE(self.address)(self.program, x.ctypes.data, p.ctypes.data, out.ctypes.data, work.ctypes.data)
        return out
