"""Kernels of whole graphs: interpreted and compiled alike, long ones cut in several functions, freed when dropped."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import numpy as np
import pytest
import raphson_solver.compiler.kernel
from hypothesis import given, settings
from raphson_solver.compiler import Kernel
from raphson_solver.compiler.emit import LARGEST_FUNCTION, emit
from raphson_solver.compiler.machine import MachineCode
from raphson_solver.compiler.one_point import OnePoint
from raphson_solver.expression import Graph, evaluate
from raphson_solver.expression import operations as op

from tests.solver.building import build
from tests.solver.programs import VARIABLES, Step, points, programs, run

NOTHING = np.empty(0)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.all((a.view(np.int64) == b.view(np.int64)) | (np.isnan(a) & np.isnan(b))))


@given(programs(longest=40), points, points)
@settings(max_examples=30)
def test_interpreter_and_machine_code_agree_to_the_bit(
    steps: list[Step], first: list[float], second: list[float]
) -> None:
    graph = Graph()
    kernel = Kernel(graph, run(graph, steps))
    pairs = [np.split(np.array(point), [VARIABLES]) for point in (first, second)]
    interpreted = [kernel(x, p) for x, p in pairs]
    kernel.compile()
    assert all(same_bits(kernel(x, p), got) for (x, p), got in zip(pairs, interpreted, strict=True))


@given(programs(), points)
@settings(max_examples=60)
def test_the_interpreter_agrees_with_numpy(steps: list[Step], point: list[float]) -> None:
    graph = Graph()
    nodes = run(graph, steps)
    x, p = np.split(np.array(point), [VARIABLES])
    got, expected = Kernel(graph, nodes)(x, p), evaluate(graph, nodes, x, p)
    precise = evaluate(graph, nodes, x.astype(np.longdouble), p.astype(np.longdouble))
    finite = np.isfinite(expected) & np.isfinite(precise)
    got, expected, precise = got[finite], expected[finite], precise[finite]
    amplified = np.abs(expected - precise).astype(float)
    assert np.all(np.abs(got - expected) <= 1e-12 * np.abs(expected) + 1e4 * amplified + 1e-300)


def long_chain(graph: Graph, length: int) -> list[int]:
    """Values that use neighbours, far ancestors, a condition made at the start, variables and constants."""
    x, y = graph.variable(0), graph.variable(1)
    early = graph.apply(op.GREATER, x, y)
    unless = graph.apply(op.NOT, graph.apply(op.AND, early, graph.apply(op.LESS, y, graph.constant(0.25))))
    nodes = [x, y]
    for number in range(length):
        node = graph.add(graph.apply(op.SIN, nodes[-1]), graph.multiply(graph.constant(0.5), nodes[number // 2]))
        if number % 100 == 0:
            node = graph.select(early if number % 200 else unless, node, graph.subtract(y, node))
        nodes.append(node)
    return [*nodes[:: length // 40], nodes[-1], nodes[-1], x, graph.constant(3.0), graph.parameter(0)]


def test_a_long_kernel_is_cut_in_functions_that_hand_values_and_conditions_on() -> None:
    graph = Graph()
    outputs = long_chain(graph, 1900)
    text, slots = emit("kernel", graph, outputs, OnePoint())
    assert len(graph.reachable(outputs)) > 3 * LARGEST_FUNCTION
    assert text.count("define internal void @kernel.") == 1 + len(graph.reachable(outputs)) // LARGEST_FUNCTION
    assert 0 < slots <= Kernel(graph, outputs).work_size
    assert "uitofp i1" in text
    kernel = Kernel(graph, outputs)
    ends = [np.array(point) for point in ([0.3, 0.1], [0.1, 0.3], [0.3, 0.28], [np.nan, 0.1])]
    p = np.array([7.0])
    interpreted = [kernel(x, p) for x in ends]
    kernel.compile()
    for x, got in zip(ends, interpreted, strict=True):
        assert same_bits(kernel(x, p), got)
        np.testing.assert_allclose(got, evaluate(graph, outputs, x, p), rtol=1e-9)


def test_every_function_of_a_kernel_is_of_bounded_size() -> None:
    graph = Graph()
    text, _ = emit("kernel", graph, long_chain(graph, 1000), OnePoint())
    assert max(body.count("\n") for body in text.split("define ")) < 10 * LARGEST_FUNCTION


def test_a_value_that_goes_to_many_places_does_not_make_one_function_long() -> None:
    """As in the Jacobian of ``sum(x)``, dense and full of ones: LLVM takes more than linear time a function."""
    graph = Graph()
    text, _ = emit("kernel", graph, [graph.one, graph.variable(0)] * 10_000, OnePoint())
    assert max(body.count("\n") for body in text.split("define ")) < 10 * LARGEST_FUNCTION


def test_a_dense_jacobian_of_ones_compiles_in_a_moment() -> None:
    n = 100
    system = build(f"1e5*x[i] + sum(x) for i in range({n})", {"x": np.zeros(n)})
    system.compile()
    began = time.perf_counter()
    assert system.jacobian(np.ones(n)).sum() == n * (1e5 + n)
    assert time.perf_counter() - began < 2.0


def test_machine_code_is_freed_with_its_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[MachineCode]] = []

    def remembered(text: str, *, optimize: bool) -> MachineCode:
        code = MachineCode(text, optimize=optimize)
        made.append(weakref.ref(code))
        return code

    monkeypatch.setattr(raphson_solver.compiler.kernel, "MachineCode", remembered)
    graph = Graph()
    kernel = Kernel(graph, [graph.apply(op.EXP, graph.variable(0))])
    kernel.compile()
    kernel.compile()
    assert len(made) == 1
    assert kernel(np.zeros(1), NOTHING)[0] == 1.0
    del kernel
    gc.collect()
    assert made[0]() is None


def test_threads_that_compile_one_kernel_compile_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def slow(text: str, *, optimize: bool) -> MachineCode:
        # Other tests' systems may be compiled in the background meanwhile.
        if threading.current_thread() in threads:
            made.append(threading.get_ident())
        time.sleep(0.02)
        return MachineCode(text, optimize=optimize)

    threads: list[threading.Thread] = []
    monkeypatch.setattr(raphson_solver.compiler.kernel, "MachineCode", slow)
    graph = Graph()
    kernel = Kernel(graph, [graph.apply(op.EXP, graph.variable(0))])
    threads += [threading.Thread(target=kernel.compile) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_a_kernel_may_be_called_by_many_threads_while_it_is_compiled() -> None:
    graph = Graph()
    kernel = Kernel(graph, long_chain(graph, 800))
    x, p = np.array([0.3, 0.1]), np.array([7.0])
    expected = kernel(x, p)
    wrong: list[np.ndarray] = []
    done = threading.Event()

    def call() -> None:
        while not done.is_set():
            got = kernel(x, p)
            if not same_bits(got, expected):
                wrong.append(got)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    kernel.compile()
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert same_bits(kernel(x, p), expected)
