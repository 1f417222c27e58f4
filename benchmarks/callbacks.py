"""Callbacks: evaluations of f beside SciPy's hybr, and the time of a question beside an echo on a stream of its kind.

Evaluations are counted in the function itself, those for differences included; roots are judged at 50 digits. The first
comparison is with hybr as it comes, which tests how far x moves; the second with hybr told to go on to 1e-12.
Exit code 1 if callbacks call a point a root that is none.
"""

from __future__ import annotations

import argparse
import math
import queue
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import raphson
from raphson.v1 import solver_pb2_grpc
from raphson.v1.array_pb2 import DoubleArray, NamedArray
from raphson.v1.solver_pb2 import CallbackAnswer, CallbackOpening, SolveCallbackRequest, SolveCallbackResponse
from scipy.optimize import root

from benchmarks.echo import SERVICE, STREAM
from benchmarks.evidence import evidence
from benchmarks.peers.program import normal_form
from benchmarks.processes import open_channel, serve
from benchmarks.rpc_overhead import echo_server
from benchmarks.timing import duration, heading, sample, table
from tests.problems import Problem, standard_problems

PROMISED, CLEARLY_NOT = 1e-12, 1e-10
NAMES = {name: getattr(math, name) for name in ("exp", "sin", "cos", "sqrt", "atan", "log", "tan")}
NAMES["sign"] = lambda x: math.copysign(1.0, x) if x else 0.0


class Counted:
    """A function made from a problem's text, that counts its calls; NaN where it is not defined."""

    def __init__(self, problem: Problem) -> None:
        source = f"lambda {', '.join(problem.variables)}: ({', '.join(map(normal_form, problem.equations))},)"
        self._function = eval(compile(source, "<equations>", "eval"), dict(NAMES))  # the benchmark's own text
        self._m = len(problem.equations)
        self.calls = 0

    def __call__(self, x: np.ndarray) -> Any:
        """Return f at x."""
        self.calls += 1
        try:
            return self._function(*x.tolist())
        except (ArithmeticError, ValueError):
            return [math.nan] * self._m


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one solver did with one problem."""

    evaluations: int
    says_root: bool
    is_root: bool

    def __str__(self) -> str:
        if self.says_root == self.is_root:
            return f"{self.evaluations}{'' if self.is_root else ' –'}"
        return f"{self.evaluations} {'FALSE' if self.says_root else '(root)'}"


def outcome(problem: Problem, calls: int, says_root: bool, x: np.ndarray) -> Outcome:
    """Judge where a solver ended: what it calls a root must hold; what it does not may, to less."""
    judged = evidence(problem.equations, x)
    return Outcome(calls, says_root, judged.holds(CLEARLY_NOT if says_root else PROMISED))


def by_hybr(problem: Problem, **options: float) -> Outcome:
    """Count SciPy's."""
    f = Counted(problem)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = root(f, problem.start, method="hybr", options=options)
    return outcome(problem, f.calls, bool(found.success), found.x)


def by_callbacks(problem: Problem, client: raphson.Client) -> Outcome:
    """Count ours."""
    f = Counted(problem)
    found = client.solve(f, {"x": np.array(problem.start)}, callback=True)
    if found.evaluations != f.calls:
        raise SystemExit(f"{problem.name}: {found.evaluations} evaluations are told, and {f.calls} were made")
    return outcome(problem, f.calls, found.converged, found.x)


def compare(group: str, client: raphson.Client) -> int:
    """Print a line a problem, and the medians; return how many successes of callbacks are false."""
    problems = [problem for problem in standard_problems() if problem.group == group]
    ours = [by_callbacks(problem, client) for problem in problems]
    peers = {
        "hybr": [by_hybr(problem) for problem in problems],
        "hybr, 1e-12": [by_hybr(problem, xtol=1e-12) for problem in problems],
    }
    heading(
        f"Evaluations of f, {group}",
        "–: no root, and said so. (root): a root, and called none. FALSE: called a root, and is none.",
        "Goal: no more than hybr in the median.",
    )
    columns = {"callbacks": ours, **peers}
    rows = [[p.name, p.n, *(found[k] for found in columns.values())] for k, p in enumerate(problems)]
    table(("problem", "n", *columns), rows)
    print()
    for name, found in columns.items():
        roots = sum(each.is_root for each in found)
        false = sum(each.says_root and not each.is_root for each in found)
        median = statistics.median(each.evaluations for each in found)
        print(f"{name}: {roots} of {len(found)} roots, {false} false, median {median:g} evaluations")
    for name, found in peers.items():
        pairs = [(us.evaluations, it.evaluations) for us, it in zip(ours, found, strict=True)]
        both = [
            us.evaluations / it.evaluations for us, it in zip(ours, found, strict=True) if us.is_root and it.is_root
        ]
        ratio = statistics.median(us / it for us, it in pairs)
        print(
            f"callbacks to {name}: {ratio:.2f} in the median of all, {statistics.median(both):.2f} of the {len(both)} "
            f"that both solve"
        )
    return sum(each.says_root and not each.is_root for each in ours)


# --- the time of a question -------------------------------------------------------------------------------------


def answers(points: np.ndarray) -> np.ndarray:
    """Return f of two variables, which costs next to nothing."""
    x, y = points.T
    return np.stack([x * x + y * y - 4.0, np.exp(x) + y - 1.0], axis=1)


def question_seconds(stub: Any, start: tuple[float, float]) -> list[float]:
    """Answer one search; return the time from each answer to the next question."""
    said: queue.SimpleQueue[SolveCallbackRequest | None] = queue.SimpleQueue()
    call: Iterator[SolveCallbackResponse] = stub.SolveCallback(iter(said.get, None), timeout=30)
    array = DoubleArray(shape=[2], data=np.array(start).tobytes())
    said.put(SolveCallbackRequest(opening=CallbackOpening(start=[NamedArray(name="x", array=array)])))
    reply, seconds = next(call), []
    while reply.HasField("question"):
        values = answers(np.frombuffer(reply.question.points.data).reshape(-1, 2))
        array = DoubleArray(shape=values.shape, data=values.tobytes())
        request = SolveCallbackRequest(answer=CallbackAnswer(number=reply.question.number, values=array))
        began = time.perf_counter()
        said.put(request)
        reply = next(call)
        seconds.append(time.perf_counter() - began)
    said.put(None)
    return seconds


def echo_seconds(begin: Callable[..., Iterator[bytes]], sent: bytes, count: int) -> list[float]:
    """Send as many messages of a stream, each after the reply to the one before."""
    said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    call, seconds = begin(iter(said.get, None), timeout=30), []
    for _ in range(count):
        began = time.perf_counter()
        said.put(sent)
        next(call)
        seconds.append(time.perf_counter() - began)
    said.put(None)
    return seconds


def latency(address: str, rounds: int) -> None:
    """Print the times of both, searches and echoes in turn."""
    reply = bytes(40)
    ours: list[float] = []
    echoes: list[float] = []
    with open_channel(address) as channel, echo_server(reply) as echo_address, open_channel(echo_address) as other:
        stub = solver_pb2_grpc.SolverServiceStub(channel)
        begin = other.stream_stream(f"/{SERVICE}/{STREAM}")
        for number in range(rounds + 10):
            seconds = question_seconds(stub, (1.0 + number % 7 / 10, -1.7))
            if number >= 10:
                # The last reply is the result.
                ours += seconds
            echo = echo_seconds(begin, bytes(60), len(seconds))
            if number >= 10:
                echoes += echo
    found, reference = sample(ours), sample(echoes)
    heading(
        "The time of a question, n = 2",
        f"From an answer to the next question: {len(ours)} of them in {rounds} searches, echoes of a stream in turn.",
        "It pays the echo, the hop to a worker and back with the state of the search, and a step of it.",
    )
    rows = [
        [
            name,
            duration(each.median),
            duration(each.quantile(0.99)),
            each.spread,
            f"{each.median / reference.median:.2f}",
        ]
        for name, each in (("echo, a stream of bytes", reference), ("SolveCallback, stub", found))
    ]
    table(("message", "p50", "p99", "p10 … p90", "to echo"), rows)


def main() -> int:
    """Print both; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", choices=["nls23", "mgh"], action="append", help="default: nls23")
    parser.add_argument("--rounds", type=int, default=200, help="searches that are timed (default: 200)")
    options = parser.parse_args()
    with serve() as served:
        with raphson.connect(served.address) as client:
            false = sum(compare(group, client) for group in options.group or ["nls23"])
        latency(served.address, options.rounds)
    return 1 if false else 0


if __name__ == "__main__":
    sys.exit(main())
