"""An iteration that would never end, ended: by its deadline, by another thread, by Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import raphson_solver as rs

from tests.solver.building import METHODS, build

ENDLESS = rs.SolveOptions(method=rs.Method.NEWTON, max_iterations=10**15)
SLOWEST_CANCEL_SECONDS = 0.05


@pytest.mark.parametrize("seconds", [0.01, 0.2])
def test_the_deadline(seconds: float) -> None:
    options = rs.SolveOptions(method=rs.Method.NEWTON, max_iterations=10**15, timeout_seconds=seconds)
    began = time.perf_counter()
    solution = build("x**2 + 1", ["x"]).solve([3.3], options=options)
    passed = time.perf_counter() - began
    assert solution.status is rs.Status.TIME_LIMIT
    assert seconds <= solution.elapsed_seconds <= passed < seconds + 0.25
    assert solution.iterations > 100
    assert solution.remedy


def test_the_deadline_of_a_cascade_ends_all_of_it() -> None:
    options = rs.SolveOptions(max_iterations=10**15, timeout_seconds=0.1)
    began = time.perf_counter()
    assert build("x**2 + 1", ["x"]).solve([3.3], options=options).status is rs.Status.TIME_LIMIT
    assert time.perf_counter() - began < 0.35


def test_a_deadline_does_not_stay_for_the_next_solve() -> None:
    system = build("x**2 + 1", ["x"])
    limited = rs.SolveOptions(method=rs.Method.NEWTON, max_iterations=300_000, timeout_seconds=1e-5)
    assert system.solve([3.3], options=limited).status is rs.Status.TIME_LIMIT
    unlimited = rs.SolveOptions(method=rs.Method.NEWTON, max_iterations=300_000)
    assert system.solve([3.3], options=unlimited).status is rs.Status.ITERATION_LIMIT


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name.lower())
def test_a_flag_that_is_set_ends_a_solve_before_its_first_step(method: rs.Method) -> None:
    flag = rs.CancelFlag()
    flag.set()
    solution = build("x**2 = 2", ["x"]).solve([1.0], options=rs.SolveOptions(method=method), cancel=flag)
    assert (solution.status, solution.iterations) == (rs.Status.CANCELLED, 0)
    assert (solution.x.tolist(), solution.residual.tolist()) == ([1.0], [-1.0])


@pytest.mark.parametrize("mode", [rs.JacobianMode.EXACT, rs.JacobianMode.CENTRAL])
def test_another_thread_cancels_within_fifty_milliseconds(mode: rs.JacobianMode) -> None:
    system = build("x**2 + 1", ["x"])
    options = rs.SolveOptions(method=rs.Method.NEWTON, max_iterations=10**15, jacobian=mode)
    delays = []
    for _ in range(3):  # other work on the machine may delay one of them
        flag, asked = rs.CancelFlag(), []

        def cancel(flag: rs.CancelFlag = flag, asked: list[float] = asked) -> None:
            asked.append(time.perf_counter())
            flag.set()

        timer = threading.Timer(0.05, cancel)
        timer.start()
        solution = system.solve([3.3], options=options, cancel=flag)
        delays.append(time.perf_counter() - asked[0])
        timer.join()
        assert solution.status is rs.Status.CANCELLED
        assert solution.iterations > 100
    assert min(delays) < SLOWEST_CANCEL_SECONDS


@pytest.mark.parametrize("mode", [rs.JacobianMode.EXACT, rs.JacobianMode.FORWARD], ids=["exact", "forward"])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name.lower())
def test_what_is_told_of_a_cancelled_solve_is_of_its_point(method: rs.Method, mode: rs.JacobianMode) -> None:
    """Wherever it was stopped: f and its scale are those that a solve finds which begins there, and ends at once."""
    system = build(["x**2 + y**2 + 1 + 0.1*sin(50*x)", "exp(x)*y - x + cos(40*y)"], ["x", "y"])
    options = rs.SolveOptions(method=method, jacobian=mode, max_iterations=10**9)
    random, cancelled, stop = np.random.default_rng(1), 0, rs.CancelFlag()
    stop.set()
    for delay in random.uniform(0.0, 1e-3, 60):
        flag = rs.CancelFlag()
        timer = threading.Timer(delay, flag.set)
        timer.start()
        solution = system.solve(random.normal(size=2), options=options, cancel=flag)
        timer.join()
        there = system.solve(solution.x, options=options, cancel=stop)
        np.testing.assert_array_equal(solution.residual, there.residual)
        if solution.status is rs.Status.CANCELLED:
            cancelled += solution.iterations > 0
            np.testing.assert_array_equal(solution.scaled_residual, there.scaled_residual)
    # Some methods end by themselves sooner than a thread can begin.
    assert cancelled or method not in {rs.Method.NEWTON, rs.Method.AUTO}


def test_a_flag_ends_only_its_own_solve_and_does_not_stay() -> None:
    system = build("x**2 = 2", ["x"])
    flag = rs.CancelFlag()
    flag.set()
    assert system.solve([1.0], cancel=flag).status is rs.Status.CANCELLED
    assert system.solve([1.0]).converged
    flag.clear()
    assert not flag.is_set()
    assert system.solve([1.0], cancel=flag).converged
    assert system.solve([1.0], cancel=rs.CancelFlag()).converged


def test_a_flag_in_somebody_elses_memory() -> None:
    memory = bytearray(64)
    flag = rs.CancelFlag(memoryview(memory)[8:24])
    assert not flag.is_set()
    memory[8] = 1
    assert flag.is_set()
    assert build("x**2 = 2", ["x"]).solve([1.0], cancel=flag).status is rs.Status.CANCELLED
    flag.clear()
    assert not any(memory)
    flag.set()
    assert memory[8:16] == (1).to_bytes(8, sys.byteorder)
    assert not flag.is_unheard()
    memory[16] = 1
    assert flag.is_unheard()


@pytest.mark.parametrize("buffer", [bytes(16), memoryview(bytearray(64))[3:19]], ids=["read-only", "misaligned"])
def test_memory_that_cannot_hold_a_flag(buffer: bytes) -> None:
    with pytest.raises(ValueError, match=r"a cancel flag needs 16 writable bytes at an address divisible by 8"):
        rs.CancelFlag(buffer)


def test_the_interpreter_lock_is_free_during_a_solve() -> None:
    system = build("x**2 + 1", ["x"])
    options = rs.SolveOptions(method=rs.Method.NEWTON, max_iterations=10**15, timeout_seconds=0.3)
    longest = 0.0
    thread = threading.Thread(target=system.solve, args=([3.3],), kwargs={"options": options})
    thread.start()
    while thread.is_alive():
        before = time.perf_counter()
        sum(range(100))
        longest = max(longest, time.perf_counter() - before)
    assert longest < 0.1


CHILD = """
import signal
import sys
import time
import raphson_solver as rs

signal.signal(signal.SIGINT, signal.default_int_handler)
rs.warm_up()
system = rs.compile("x**2 + s", ["x"], ["s"])
options = rs.SolveOptions(method=rs.Method.NEWTON, max_iterations=10**15)
system.solve([3.3], [-2.0], options)
print("ready", flush=True)
try:
    system.solve([3.3], [1.0], options)
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(system.solve([1.0], [-2.0], options).x[0], flush=True)
"""


def test_ctrl_c_ends_a_solve_and_the_next_one_is_sound() -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.2)
        assert child.poll() is None
        sent = time.perf_counter()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted\n"
        assert time.perf_counter() - sent < 1.0
        assert float(child.stdout.readline()) == pytest.approx(np.sqrt(2.0), rel=1e-9)
        assert child.wait(timeout=10) == 0
    finally:
        child.kill()
        child.communicate()
