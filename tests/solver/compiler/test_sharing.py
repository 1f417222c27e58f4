"""One system a definition: made once however many ask, compiled once, remembered up to a bound, compiled when used."""

from __future__ import annotations

import importlib
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import raphson_solver as rs
import raphson_solver.compiler.kernel
from raphson_solver.compiler.machine import MachineCode

from tests.solver.building import build

if TYPE_CHECKING:
    from collections.abc import Callable

# The function of the same name hides the module from attribute access.
MODULE = importlib.import_module("raphson_solver.solution.compile")


def in_threads(count: int, work: Callable[[], Any]) -> list[Any]:
    """Return what each thread's work returned or raised."""
    barrier = threading.Barrier(count)
    results: list[Any] = []

    def run() -> None:
        barrier.wait()
        try:
            results.append(work())
        except rs.RaphsonError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Count systems and machine code, each made slowly, so that threads that race meet."""
    counts = {"systems": 0, "codes": 0}

    def system(*arguments: Any, **named: Any) -> rs.System:
        counts["systems"] += 1
        time.sleep(0.02)
        return rs.System(*arguments, **named)

    def code(text: str, *, optimize: bool) -> MachineCode:
        counts["codes"] += 1
        time.sleep(0.02)
        return MachineCode(text, optimize=optimize)

    monkeypatch.setattr(MODULE, "System", system)
    monkeypatch.setattr(raphson_solver.compiler.kernel, "MachineCode", code)
    return counts


def test_many_threads_compile_one_system_once(made: dict[str, int]) -> None:
    systems = in_threads(8, lambda: rs.compile("x**2 - 2.25 = 1.0625e-3*x"))
    assert all(system is systems[0] for system in systems)
    solutions = in_threads(8, lambda: systems[0].solve([1.0]))
    assert all(solution.converged for solution in solutions)
    # One for f and one for f, the sizes of its terms and J.
    assert made == {"systems": 1, "codes": 2}


def test_many_threads_learn_of_one_mistake(made: dict[str, int]) -> None:
    errors = in_threads(8, lambda: rs.compile("x**2 - 2.25 = 1.0625e-3*", ["x"]))
    assert made["systems"] >= 1
    assert {(type(error), error.field, error.message) for error in errors} == {
        (rs.DefinitionError, "equations[0]", "the text ends where a value is expected")
    }
    with pytest.raises(rs.DefinitionError):
        rs.compile("x**2 - 2.25 = 1.0625e-3*", ["x"])


def test_the_same_definition_is_the_same_system() -> None:
    first = build("x**2 - 3.5 = 0", ["x"])
    assert build("x**2 - 3.5 = 0", ["x"]) is first
    assert build("x**2 - 3.5 = 0", ["x"], limits=rs.Limits(depth=7)) is not first


def test_only_so_many_systems_are_remembered() -> None:
    first = build("x - 1234.5", ["x"])
    for number in range(MODULE.CACHED_SYSTEMS - 1):
        build(f"x - {number}", ["x"])
    assert build("x - 1234.5", ["x"]) is first
    for number in range(MODULE.CACHED_SYSTEMS):
        build(f"x + {number}", ["x"])
    assert len(MODULE._systems) == MODULE.CACHED_SYSTEMS
    assert build("x - 1234.5", ["x"]) is not first
    assert first.solve([0.0]).x[0] == 1234.5


def test_a_system_that_is_used_again_becomes_machine_code_with_the_same_answers() -> None:
    system = build("exp(x) - 3.25*cos(x) = 0.125", ["x"])
    first = system.solve([1.0])
    kernels = system.kernels._kernels
    assert not any(kernel.compiled for kernel in kernels)
    system.solve([1.0])
    deadline = time.monotonic() + 10.0
    while not all(kernel.compiled for kernel in kernels) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert all(kernel.compiled for kernel in kernels)
    again = system.solve([1.0])
    assert again.x.tobytes() == first.x.tobytes()
    assert again.residual.tobytes() == first.residual.tobytes()
    assert (again.status, again.iterations, again.evaluations) == (first.status, first.iterations, first.evaluations)


def test_interpreted_and_compiled_systems_answer_alike_to_the_bit() -> None:
    texts = ["x**2 + y**2 = r**2", "exp(x) + sin(y)*y = 1.03125"]
    start, r = np.array([1.0, -1.7]), np.array([2.0])
    interpreted = rs.compile_definition(
        rs.Definition(tuple(texts), (("x", ()), ("y", ())), (("r", ()),)), rs.Limits(depth=40)
    )
    compiled = rs.compile(texts, ["x", "y"], ["r"])
    assert interpreted is not compiled
    for mode in (rs.JacobianMode.EXACT, rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL):
        options = rs.SolveOptions(jacobian=mode)
        one, other = (system.solve(start, r, options) for system in (interpreted, compiled))
        assert one.x.tobytes() == other.x.tobytes()
        assert (one.status, one.iterations) == (other.status, other.iterations) == (rs.Status.CONVERGED, one.iterations)
        assert interpreted.jacobian(start, r, mode).tobytes() == compiled.jacobian(start, r, mode).tobytes()


@pytest.mark.parametrize("mode", [rs.JacobianMode.FORWARD, rs.JacobianMode.CENTRAL])
def test_differences_at_one_point_are_the_same_bits_whatever_code_there_is(mode: rs.JacobianMode) -> None:
    system = build(["x*exp(y) = 2", "exp(x) + sin(y)*y = 1.015625"], ["x", "y"])
    points = np.random.default_rng(3).uniform(-2.0, 2.0, (100, 2))
    before = [system.jacobian(x, None, mode).tobytes() for x in points]
    system.compile()
    # The lanes' functions differ in the last bits, and their code comes with use, at any moment.
    system.kernels.many("value", lambda: system.kernels.equations).compile()
    assert [system.jacobian(x, None, mode).tobytes() for x in points] == before
