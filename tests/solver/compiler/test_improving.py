"""Code of families that is there soon, and becomes tight once it has been run for long enough: the same bits."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.compiler import family_code, family_kernel, improving, machine
from raphson_solver.compiler.background import compile_later
from raphson_solver.compiler.family_code import FamilyCode
from raphson_solver.compiler.family_kernel import FamilyKernel
from raphson_solver.compiler.improving import Improving
from raphson_solver.compiler.kernel import SIGNATURE
from raphson_solver.compiler.object_files import ObjectFiles
from raphson_solver.compiler.width import Width, widest
from raphson_solver.differential import Differential
from raphson_solver.differential.family_source import FamilySource

from tests.solver.building import build
from tests.solver.differential.test_families import AS_FAMILIES, SYSTEMS

TEXT = """
define void @kernel(ptr %program, ptr %x, ptr %p, ptr %out, ptr %work) nounwind {
  %v = load double, ptr %x
  %y = fmul double %v, 3.0
  store double %y, ptr %out
  ret void
}
"""
LONG = 1e9
SOON = 10.0


@pytest.fixture(autouse=True)
def levels(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Keep no code on disk; tell of each module that is compiled whether it is to be tight."""
    heard: list[bool] = []
    real = machine._compiled

    def compiled(text: str, *, optimize: bool) -> bytes:
        heard.append(optimize)
        return real(text, optimize=optimize)

    monkeypatch.setattr(machine, "object_files", lambda: None)
    monkeypatch.setattr(machine, "_compiled", compiled)
    return heard


def triple(code: machine.MachineCode) -> float:
    out = np.empty(1)
    SIGNATURE(code.address("kernel"))(None, np.full(1, 2.0).ctypes.data, None, out.ctypes.data, None)
    return float(out[0])


def wait_until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.002)


def codes(system: rs.System) -> list[Improving]:
    """Return what was compiled of a system so far."""
    assert system.family_codes is not None
    found: list[Improving] = []
    for made in system.family_codes._made.values():
        each = made[0] if isinstance(made, tuple) else made
        if isinstance(each, FamilyCode | FamilyKernel) and each._improving is not None:
            found.append(each._improving)
    return found


@pytest.mark.parametrize("width", [Width(lanes) for lanes in (2, 4, 8) if lanes <= widest().lanes], ids=str)
@pytest.mark.parametrize("name", SYSTEMS)
def test_both_have_the_same_bits(name: str, width: Width, levels: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (family_code, family_kernel):
        monkeypatch.setattr(place, "widest", lambda: width)
    texts, start, parameters = SYSTEMS[name]
    # Blanks at its end make a text new: other tests' code may have become tight.
    marked = [each + " " * (10 + width.lanes) for each in ([texts] if isinstance(texts, str) else texts)]
    system = build(marked, start, parameters, limits=AS_FAMILIES)
    rng = np.random.default_rng(3)
    x = rng.uniform(0.2, 1.0, system.n)
    free = {key: value for key, value in (parameters or {}).items() if key not in system.structural}
    p = system.pack_parameters(free)
    v, w = rng.normal(size=system.n), rng.normal(size=system.m)
    exact = Differential(system)
    source = exact._source
    assert isinstance(source, FamilySource)

    def views() -> list[Any]:
        kernels = system._solved
        found = [exact.value(x, p), exact.entries(x, p), exact.jvp(x, v, p), exact.vjp(x, w, p)]
        found += [*source.value_and_sizes(x, p), kernels.residual(x, p), kernels.evaluate(rs.JacobianMode.EXACT)(x, p)]
        if system.m == 1:
            found.append(exact.hessian_vector_product(x, v, p))
        return [each.tobytes() for each in found]

    quick = views()
    assert not any(levels)
    assert len(codes(system)) == len(levels) >= 7
    for each in codes(system):
        each.improve()
    assert levels.count(True) == levels.count(False)
    assert views() == quick


def test_it_becomes_tight_once_it_has_run_long_enough(levels: list[bool]) -> None:
    code = Improving(TEXT)
    code.spend(0.9 * code.owed)
    time.sleep(0.05)
    assert (levels, code.is_tight) == ([False], False)
    code.spend(code.owed)
    wait_until(lambda: code.is_tight)
    assert (levels, triple(code.code)) == ([False, True], 6.0)
    # Nothing is left to be paid.
    code.spend(LONG)
    time.sleep(0.05)
    assert levels == [False, True]


def test_what_was_read_stays_valid_as_long_as_the_object() -> None:
    code = Improving(TEXT)
    first = code.code
    assert triple(first) == 6.0
    alive = weakref.ref(first)
    code.improve()
    del first
    gc.collect()
    quick = alive()
    assert quick is not None
    assert quick is not code.code
    assert triple(quick) == triple(code.code) == 6.0
    del code, quick
    gc.collect()
    assert alive() is None


def test_tight_code_on_disk_is_taken_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, levels: list[bool]
) -> None:
    files = ObjectFiles(tmp_path / "code", 1 << 30)
    monkeypatch.setattr(machine, "object_files", lambda: files)
    assert not Improving(TEXT).is_tight
    # Another process that has not run it for long either takes what there is.
    again = Improving(TEXT)
    assert (levels, again.is_tight) == ([False], False)
    again.improve()
    last = Improving(TEXT)
    assert (levels, last.is_tight, triple(last.code)) == ([False, True], True, 6.0)


BROYDEN = (
    "(3 - 2*x[i])*x[i] - (x[i-1] if i > 0 else 0) - 2*(x[i+1] if i < n-1 else 0) + exp(x[i]) = 0 for i in range(n)"
)


def broyden(mark: int, n: int = 400) -> rs.System:
    return build([BROYDEN + " " * (3 + mark)], {"x": -np.ones(n)}, {"n": n}, limits=AS_FAMILIES)


@pytest.fixture
def paid_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(improving, "_SHARE", LONG)
    return


def test_who_solves_once_waits_for_no_tight_code(levels: list[bool]) -> None:
    assert broyden(0).solve(-np.ones(400)).converged
    time.sleep(0.05)
    assert levels
    assert not any(levels)


@pytest.mark.usefixtures("paid_at_once")
@pytest.mark.parametrize("way", [rs.LinearSolver.AUTO, rs.LinearSolver.DENSE])
def test_the_next_solve_runs_what_has_become_tight(way: rs.LinearSolver, levels: list[bool]) -> None:
    system, x, options = broyden(1 + way), -np.ones(400), rs.SolveOptions(linear_solver=way)
    first = system.solve(x, options=options)
    kernel = system._solved.evaluate(rs.JacobianMode.EXACT)
    wait_until(lambda: all(each.is_tight for each in codes(system) if each is kernel._improving))
    second = system.solve(x, options=options)
    prepared = system._last[1]
    assert prepared is not None
    assert prepared._plan[rs.engine.layout.EVALUATE_ADDRESS] == kernel.address
    assert kernel.address == kernel._improving.code.address("kernel")
    assert True in levels
    np.testing.assert_array_equal(first.x, second.x)


def test_it_is_improved_once_whoever_asks(levels: list[bool]) -> None:
    """The second code would free the first, whose address a solve may have."""
    improving = Improving(TEXT)
    assert triple(improving.code) == 6.0
    threads = [threading.Thread(target=improving.improve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert levels == [False, True]
    assert triple(improving.code) == 6.0


def test_what_cannot_be_made_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    class Some:
        pass

    def fail(_: Some) -> None:
        raise MemoryError

    first, second, done = Some(), Some(), threading.Event()
    compile_later(first, fail)
    compile_later(second, lambda _: done.set())
    assert done.wait(SOON)
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [MemoryError]


def test_compile_makes_it_tight_now(levels: list[bool]) -> None:
    system, x = broyden(13), -np.ones(400)
    before = system.solve(x)
    assert True not in levels
    levels.clear()
    system.compile()
    assert levels.count(True) == 2
    assert not system.prepare(rs.SolveOptions()).is_improving
    levels.clear()
    assert system.solve(x).x.tobytes() == before.x.tobytes()
    assert levels == []


def test_a_kernel_counts_what_it_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    system = broyden(8)
    kernel = system._solved.evaluate(rs.JacobianMode.EXACT)
    assert isinstance(kernel, FamilyKernel)
    x, p = -np.ones(400), np.empty(0)
    kernel.called(1, x, p)
    # By what a call takes at most it is not enough yet, and none is made to measure it.
    assert kernel._seconds is None
    kernel.called(10**7, x, p)
    assert kernel._seconds is not None
    wait_until(lambda: bool(kernel._improving and kernel._improving.is_tight))
    monkeypatch.setattr(family_kernel, "_NODE_SECONDS", LONG)
    address = kernel.address
    kernel.called(10**7, x, p)
    assert kernel.address == address


def test_members_of_batches_count(monkeypatch: pytest.MonkeyPatch) -> None:
    system, x = broyden(11), -np.ones(400)
    kernel = system._solved.evaluate(rs.JacobianMode.EXACT)
    # It chooses the order of pivots that lanes need.
    assert system.solve(x).converged
    told: list[int] = []
    monkeypatch.setattr(FamilyKernel, "called", lambda self, times, *_: told.append(times) if self is kernel else None)
    batch = system.solve_batch(x * np.linspace(0.9, 1.1, 64)[:, None], threads=1)
    assert sum(told) == int((batch.iterations + 1).sum())


@pytest.mark.usefixtures("paid_at_once")
def test_threads_solve_while_it_becomes_tight() -> None:
    system, x = broyden(9), -np.ones(400)
    expected = broyden(10).solve(x).x.tobytes()
    answers: list[bytes] = []

    def solve() -> None:
        answers.extend(system.solve(x).x.tobytes() for _ in range(60))

    threads = [threading.Thread(target=solve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {expected}
    assert len(answers) == 240
