"""Families to machine code: loops over members, in the lanes of vector registers."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raphson_solver.compiler.emit import Module
from raphson_solver.compiler.improving import Improving
from raphson_solver.compiler.machine import MachineCode
from raphson_solver.compiler.members import Members, Target
from raphson_solver.compiler.width import Width, widest
from raphson_solver.expression.family import Buffer, Families
from raphson_solver.interruption import Between, aside, uninterrupted
from raphson_solver.shared import Shared

Array = NDArray[np.float64]

# Members times nodes between two looks at whether somebody still waits: a few milliseconds. And what is worth a thread.
_SLICE, _WORTH_A_THREAD = 4_000_000, 1_000_000

_KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be computed for the members of a family.

    Attributes
    ----------
    outputs : tuple of int
        The nodes.
    targets : tuple of Target
        Where each goes.
    count : int
        How many members there are.
    """

    outputs: tuple[int, ...]
    targets: tuple[Target, ...]
    count: int


class FamilyCode:
    """Jobs compiled together, run one after another.

    Parameters
    ----------
    families : Families
        Holds the nodes and says what their leaves are.
    jobs : sequence of Job
        In the order in which they run.
    width : Width, optional
        Of the code; the widest that this processor has by default.
    """

    def __init__(self, families: Families, jobs: Sequence[Job], width: Width | None = None) -> None:
        self._families, self._width = families, width or widest()
        self.jobs = tuple(jobs)
        self._tables: list[list[NDArray[np.int32] | NDArray[np.float64]]] = []
        self._work: list[int] = []
        self._slices: list[int] = []
        self._lock = threading.Lock()
        self._improving: Improving | None = None

    def run(self, number: int, buffers: Mapping[Buffer, Array], between: Between) -> None:
        """Do one job.

        Parameters
        ----------
        number : int
            Which.
        buffers : mapping of Buffer to contiguous array of float64
            What its slots and targets are part of.
        between : callable
            Called every few milliseconds; what it raises ends the work.
        """
        improving = self._improving or aside(self._compiled, between)
        began, code = time.perf_counter(), improving.code
        self._run(code, number, buffers, between)
        improving.spend(time.perf_counter() - began)

    def _run(self, code: MachineCode, number: int, buffers: Mapping[Buffer, Array], between: Between) -> None:
        addresses = np.zeros(len(Buffer) + len(self._tables[number]), np.int64)
        for buffer, array in buffers.items():
            addresses[buffer] = array.ctypes.data
        for place, table in enumerate(self._tables[number]):
            addresses[len(Buffer) + place] = table.ctypes.data
        kernel = _KERNEL(code.address(f"job{number}"))
        count, size = self.jobs[number].count, self._slices[number]
        threads, lanes = self._threads(number), self._width.lanes
        if threads > 1:
            # At least two slices a thread: none waits long for the last.
            size = min(size, max(1, count // (2 * threads * lanes)) * lanes)
        firsts = Shared(range(0, count, size))

        def work_off(look: Between) -> None:
            work = np.empty(self._work[number])
            for first in firsts:
                look()
                kernel(first, min(first + size, count), addresses.ctypes.data, work.ctypes.data)

        if threads == 1:
            work_off(between)
            return
        with ThreadPoolExecutor(threads - 1) as pool:
            helping = [pool.submit(work_off, uninterrupted) for _ in range(threads - 1)]
            try:
                # Once at least, though the others may leave nothing to do.
                between()
                work_off(between)
            except BaseException:
                # The others find nothing left.
                for _ in firsts:
                    pass
                raise
            for each in helping:
                each.result()

    def _threads(self, number: int) -> int:
        """Return how many threads share a job: one where members add to what others add to."""
        job = self.jobs[number]
        if any(target.adds for target in job.targets):
            return 1
        nodes = _SLICE // self._slices[number]
        return max(1, min(os.cpu_count() or 1, job.count * nodes // _WORTH_A_THREAD))

    def _compiled(self) -> Improving:
        with self._lock:
            if self._improving is None:
                self._improving = Improving(self._text())
            return self._improving

    def _text(self) -> str:
        """Return the module, and note what its jobs need; only what is run is ever written."""
        module, families = Module(), self._families
        for number, job in enumerate(self.jobs):
            form = Members(self._width, families.variable_slots, families.parameter_slots, job.targets)
            self._work.append(module.add(f"job{number}", families.graph, job.outputs, form) * self._width.lanes)
            self._tables.append(form.tables)
            slice_size = _SLICE // (len(form.items(families.graph, job.outputs)) + 1)
            self._slices.append(max(self._width.lanes, slice_size // self._width.lanes * self._width.lanes))
        return module.text
