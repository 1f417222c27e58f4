"""The code of a system that stays in families, each part made when first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from raphson_solver.compiler.family_code import FamilyCode, Job
from raphson_solver.compiler.members import Target
from raphson_solver.derivative import pushforward, sweep
from raphson_solver.expression import magnitudes
from raphson_solver.expression import operations as op
from raphson_solver.expression.family import Buffer, Families, Family, Places, Slot
from raphson_solver.limits import Limits
from raphson_solver.solution.family_pattern import FamilyPattern

Made = TypeVar("Made")

_IN_ORDER = Places(0, 1)
_SEEDS = {
    Buffer.X: Buffer.DIRECTION,
    Buffer.SUMS: Buffer.SUM_DIRECTIONS,
    Buffer.SUM_WEIGHTS: Buffer.SUM_WEIGHT_DIRECTIONS,
}


class FamilyCodes:
    """What is compiled of the families of a system, each part when it is first asked for.

    Parameters
    ----------
    families : Families
        Of the system.
    most_entries : int
        How many entries J, or ∂f/∂p, may have.
    parameter_count : int
        Length of p.
    """

    def __init__(self, families: Families, most_entries: int = Limits().entries, parameter_count: int = 0) -> None:
        self.families = families
        self._parameter_count = parameter_count
        self._most_entries = most_entries
        self._made: dict[str, object] = {}
        self._lock = threading.RLock()
        self._seeds: dict[int, int] = {}

    @property
    def value(self) -> FamilyCode:
        """The terms of the sums, family by family, then the equations."""
        families = self.families

        def make() -> FamilyCode:
            sums = [Job((each.node,), (Target(Buffer.OUT, _IN_ORDER),), each.count) for each in families.sums]
            return FamilyCode(families, [*sums, *(self._equation(each, (each.node,)) for each in families.equations)])

        return self.once("value", make)

    @property
    def sizes(self) -> FamilyCode:
        """As `value`, and beside it how large the terms are that cancel."""
        families = self.families

        def make() -> FamilyCode:
            graph = families.graph
            known = {}
            for number, slot in enumerate(list(families.variable_slots)):
                if slot.buffer is Buffer.SUMS:
                    known[graph.variable(number)] = families.parameter(Slot(Buffer.SUM_SIZES, slot.places))
            jobs = []
            for each in (*families.sums, *families.equations):
                size = magnitudes(graph, [each.node], known)[0]
                places = each.places if each in families.equations else _IN_ORDER
                jobs.append(
                    Job((each.node, size), (Target(Buffer.OUT, places), Target(Buffer.OUT_SIZES, places)), each.count)
                )
            return FamilyCode(families, jobs)

        return self.once("sizes", make)

    @property
    def jvp(self) -> FamilyCode:
        """As `value`, differentiated along v."""
        families = self.families

        def make() -> FamilyCode:
            graph, slots = families.graph, len(families.variable_slots)
            tangents = [pushforward(graph, [each.node], self._along(slots))[0] for each in families.sums]
            sums = [
                Job((node,), (Target(Buffer.OUT, _IN_ORDER),), each.count)
                for node, each in zip(tangents, families.sums, strict=True)
            ]
            tangents = [pushforward(graph, [each.node], self._along(slots))[0] for each in families.equations]
            equations = [self._equation(each, (node,)) for node, each in zip(tangents, families.equations, strict=True)]
            return FamilyCode(families, [*sums, *equations])

        return self.once("jvp", make)

    @property
    def vjp(self) -> FamilyCode:
        """The equations, then the terms of sums, last first: each adds its part of wᵀ·J, or of the sums' weights."""
        return self.once("vjp", lambda: FamilyCode(self.families, [job for job, _ in self._reverse()]))

    @property
    def hessian_vector(self) -> FamilyCode:
        """As `vjp` for the sums' weights alone, and beside it all of `vjp`, differentiated along v."""

        def make() -> FamilyCode:
            jobs = []
            for job, _ in self._reverse():
                slots = len(self.families.variable_slots)
                changes = pushforward(self.families.graph, job.outputs, self._along(slots))
                outputs, targets = [], []
                for node, change, target in zip(job.outputs, changes, job.targets, strict=True):
                    inner = target.buffer is Buffer.SUM_WEIGHTS
                    if inner:
                        outputs.append(node)
                        targets.append(target)
                    buffer = Buffer.SUM_WEIGHT_DIRECTIONS if inner else Buffer.OUT
                    outputs.append(change)
                    targets.append(Target(buffer, target.places, target.adds, target.spare))
                jobs.append(Job(tuple(outputs), tuple(targets), job.count))
            return FamilyCode(self.families, jobs)

        return self.once("hessian vector", make)

    @property
    def entries(self) -> tuple[FamilyCode, FamilyPattern]:
        """The slopes of every family in its own slots, member by member, and how they make the entries of J."""

        def make() -> tuple[FamilyCode, FamilyPattern]:
            slots = self.families.variable_slots
            gradients = [[(slots[slot], node) for slot, node in self.gradient(each).items()] for each in self._all]
            return self._sloped(gradients, self.families.n)

        return self.once("entries", make)

    @property
    def parameter_entries(self) -> tuple[FamilyCode, FamilyPattern]:
        """As `entries`, of ∂f/∂p: slopes in parameters, and in sums, which contain parameters."""

        def make() -> tuple[FamilyCode, FamilyPattern]:
            return self._sloped([self._parameter_gradient(each) for each in self._all], self._parameter_count)

        return self.once("parameter entries", make)

    def gradient(self, family: Family) -> dict[int, int]:
        """Return the node of a family's slope in each of its slots."""
        return self._slopes(family, self.families.graph.one)

    # --- inside ---------------------------------------------------------------------------------------------

    @property
    def _all(self) -> tuple[Family, ...]:
        return (*self.families.sums, *self.families.equations)

    def _sloped(self, gradients: list[list[tuple[Slot, int]]], n: int) -> tuple[FamilyCode, FamilyPattern]:
        """Return the code of the slopes in some slots, and how they make entries in n columns."""
        families = self.families
        slots = [[slot for slot, _ in gradient] for gradient in gradients]
        pattern = FamilyPattern(families, slots, self._most_entries, n)
        jobs = [
            Job(
                tuple(node for _, node in gradient), tuple(Target(Buffer.OUT, places) for places in targets), each.count
            )
            for each, gradient, targets in zip(self._all, gradients, pattern.targets, strict=True)
        ]
        return FamilyCode(families, jobs), pattern

    def _parameter_gradient(self, family: Family) -> list[tuple[Slot, int]]:
        """Return the slots of sums and of parameters in which a family has slopes, and the nodes of these."""
        families, graph = self.families, self.families.graph
        sums = [
            (families.variable_slots[slot], node)
            for slot, node in self.gradient(family).items()
            if families.variable_slots[slot].buffer is Buffer.SUMS
        ]
        found = sweep(graph, {family.node: graph.one}, graph.dependent(op.PARAMETER), op.PARAMETER)
        own = [
            (families.parameter_slots[slot], node)
            for slot, node in found.items()
            if families.parameter_slots[slot].buffer is Buffer.P and node != graph.zero
        ]
        return [*sums, *sorted(own, key=lambda each: each[0].places.start)]

    def _equation(self, family: Family, outputs: tuple[int, ...]) -> Job:
        return Job(outputs, (Target(Buffer.OUT, family.places),), family.count)

    def _slopes(self, family: Family, bar: int) -> dict[int, int]:
        """Return the slope in each slot, times `bar`, slots in the order of their places."""
        graph = self.families.graph
        gradient = sweep(graph, {family.node: bar}, graph.dependent(), op.VARIABLE)
        return {slot: gradient[slot] for slot in sorted(gradient, key=self._order) if gradient[slot] != graph.zero}

    def _order(self, slot: int) -> tuple[int, int]:
        found = self.families.variable_slots[slot]
        return int(found.buffer), found.places.start

    def _reverse(self) -> list[tuple[Job, Family]]:
        families = self.families

        def make() -> list[tuple[Job, Family]]:
            jobs = []
            weighted = [(each, Buffer.WEIGHTS) for each in families.equations]
            weighted += [(each, Buffer.SUM_WEIGHTS) for each in reversed(families.sums)]
            for each, buffer in weighted:
                gradient = self._slopes(each, families.variable(Slot(buffer, each.places)))
                targets = []
                for slot in gradient:
                    found = families.variable_slots[slot]
                    is_sum = found.buffer is Buffer.SUMS
                    target = Buffer.SUM_WEIGHTS if is_sum else Buffer.OUT
                    spare = families.sum_count if is_sum else families.n
                    targets.append(Target(target, found.places, adds=True, spare=spare))
                jobs.append((Job(tuple(gradient.values()), tuple(targets), each.count), each))
            return jobs

        return self.once("reverse", make)

    def _along(self, slots: int) -> list[int]:
        """Return, for each slot, the node of its change along v."""
        families, seeds = self.families, []
        for number in range(slots):
            slot = families.variable_slots[number]
            if slot.buffer not in _SEEDS:
                seeds.append(families.graph.zero)
                continue
            if number not in self._seeds:
                self._seeds[number] = families.parameter(Slot(_SEEDS[slot.buffer], slot.places))
            seeds.append(self._seeds[number])
        return seeds

    def once(self, key: str, make: Callable[[], Made]) -> Made:
        """Return what was made under a name, making it the first time, whichever thread comes first."""
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]  # type: ignore[return-value]
