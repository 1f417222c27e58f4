"""A worker's work on hostile requests, with every event recorded that Python's audit hooks see.

Run as a process of its own, since a hook stays for good: ``python -m tests.server.audited`` prints what happened.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections import Counter
from typing import Any

import numpy as np
import raphson_solver as rs
from google.rpc import code_pb2
from google.rpc.status_pb2 import Status
from raphson.v1.array_pb2 import DoubleArray, NamedArray
from raphson.v1.jacobian_pb2 import (
    ChainLink,
    CheckJacobianRequest,
    EvaluateChainRequest,
    EvaluateRequest,
    TestDifferentiabilityRequest,
)
from raphson.v1.job_pb2 import CreateJobRequest, JobDescription
from raphson.v1.solver_pb2 import (
    Bounds,
    CallbackAnswer,
    CallbackOpening,
    EvidenceRequest,
    ExplainRequest,
    FindAllRequest,
    FollowRequest,
    SolveBatchRequest,
    SolveCallbackRequest,
    SolveRequest,
)
from raphson.v1.system_pb2 import (
    CompileRequest,
    JacobianRow,
    ListRegisteredRequest,
    System,
    SystemRef,
    Variable,
)
from raphson_server import turns
from raphson_server.frames import Method, Outcome, Request
from raphson_server.worker import evaluate_question, solve_question
from raphson_server.worker.call import Call
from raphson_server.worker.loop import answer
from raphson_server.worker.request_form import RequestForms
from raphson_server.worker.systems import Systems
from raphson_solver.compiler.object_files import FOLDER
from raphson_solver.engine.cache import cache_directory

FILE = "/tmp/raphson-was-here"
HOSTILE = (
    "__import__('os').system('touch {file}') = x",
    "open('{file}', 'w') = x",
    "eval('1') = x",
    "exec(x) = 1",
    "compile(x, x, x) = 1",
    "x.__class__.__bases__[0].__subclasses__() = 1",
    "().__class__ = x",
    "getattr(x, 'real') = 1",
    "(lambda: x)() = 1",
    "[y for y in range(3)] = x",
    "x := open",
    "import os\nx = 1",
    "x = 1; import socket",
    "f'{{open(1)}}' = x",
    "`touch {file}` = x",
    "$(touch {file}) = x",
    "../../etc/passwd = x",
    "file:///etc/passwd = x",
    "http://127.0.0.1:1/ = x",
    "x = 1e999999999",
    "x = 0x41 + 1_0",
    "x = '\\x00'",
    "x\x00 = 1",
    'x" }}\ndefine void @kernel() {{ unreachable }} ; = 1',
    "x%s%n%n = 1",
    "{{x.__init__.__globals__}} = 1",
    "\u202ex = 1",
    "sin.__globals__ = x",
    "range(10) = x",
    "print(x) = 1",
    "__builtins__ = x",
    "self = x",
    "os.environ = x",
    "x if __debug__ else y = 1",
    "x = yield 1",
    "x = *x",
    "@x = 1",
)
# How many paths each has first.
FILE_EVENTS = {
    "fcntl.flock": 1,
    "open": 1,
    "os.mkdir": 1,
    "os.remove": 1,
    "os.rename": 2,
    "os.scandir": 1,
    "os.utime": 1,
}
CODE_FOLDER = cache_directory().parents[1] / FOLDER
CODE_NAME = re.compile(r"[0-9a-f]{64}(\.[0-9a-f]{16})?|turn\.[0-9a-f]{2}")
NAMES = ("__import__", "../x", "x\ny", 'x"', "%s", "os", "x\x00", "{x}", "é", "eval", "define")


def named(name: str, *values: float) -> NamedArray:
    return NamedArray(
        name=name, array=DoubleArray(shape=() if len(values) == 1 else (len(values),), data=np.array(values).tobytes())
    )


def requests(text: str, name: str = "x", more: str = "x**2 = 2") -> list[tuple[Method, Any]]:
    """Write a request of every method that has some text, and some name, in it."""
    unknown = [Variable(name=name)]
    definition = System(equations=[text], variables=unknown)
    own = System(equations=[more], variables=unknown, jacobian=[JacobianRow(entries=[text])])
    ref, at = SystemRef(definition=definition), [named(name, 1.0)]
    bounds = [
        Bounds(
            name=name, lower=DoubleArray(data=np.float64(-3).tobytes()), upper=DoubleArray(data=np.float64(3).tobytes())
        )
    ]
    asked = EvidenceRequest(trace=True, certificate=True, explanation=True)
    return [
        (Method.COMPILE, CompileRequest(definition=definition)),
        (Method.COMPILE, CompileRequest(definition=own)),
        (Method.COMPILE_JOB, CreateJobRequest(description=JobDescription(definition=definition))),
        (Method.SOLVE, SolveRequest(system=ref, start=at, evidence=asked)),
        (Method.SOLVE, SolveRequest(system=SystemRef(definition=System(equations=[text])), start=at)),
        (Method.SOLVE, SolveRequest(system=ref, start=at, parameters=[named(text[:40], 1.0)])),
        (Method.SOLVE, SolveRequest(system=SystemRef(system_id=text[:64]), start=at)),
        (Method.SOLVE, SolveRequest(system=SystemRef(registered=text), start=at)),
        (Method.SOLVE_BATCH, SolveBatchRequest(system=ref, start=at, members=3)),
        (Method.SOLVE_BATCH, SolveBatchRequest(system=SystemRef(registered=text), start=at, members=3)),
        (Method.SOLVE_CALLBACK, opening(text[:40])),
        (Method.SOLVE_CALLBACK, opening(name)),
        (Method.LIST_REGISTERED, ListRegisteredRequest()),
        (Method.EVALUATE, EvaluateRequest(system=ref, at=at, value=True, matrix=True, spectrum=True)),
        (Method.EVALUATE_CHAIN, EvaluateChainRequest(links=[ChainLink(system=ref)], at=at, matrix=True)),
        (Method.CHECK_JACOBIAN, CheckJacobianRequest(system=SystemRef(definition=own), at=at)),
        (Method.TEST_DIFFERENTIABILITY, TestDifferentiabilityRequest(system=ref, at=at)),
        (Method.EXPLAIN, ExplainRequest(system=ref, at=at)),
        (Method.FIND_ALL, FindAllRequest(system=ref, bounds=bounds, max_starts=3, prove=True)),
        (Method.FOLLOW, FollowRequest(system=ref, start=at, parameter=text[:40], lower=0, upper=1)),
    ]


def opening(name: str) -> SolveCallbackRequest:
    return SolveCallbackRequest(opening=CallbackOpening(start=[named(name, 1.0)]))


def is_of_code(event: str, arguments: tuple[Any, ...]) -> bool:
    """Tell whether an event is about the folder of machine code, a digest in it, or a file that is open already."""
    paths = arguments[: FILE_EVENTS.get(event, 0)]
    return bool(paths) and all(
        isinstance(path, int) or os.fspath(path) == str(CODE_FOLDER) or CODE_NAME.fullmatch(os.fspath(path)) is not None
        for path in paths
    )


class Nowhere:
    """Takes the items of streams."""

    def send(self, item: object) -> None:
        pass

    def settle(self) -> None:
        pass


def main() -> None:
    call = Call(
        systems=Systems(64, rs.Limits()),
        solves=RequestForms(64, solve_question.NUMBERS),
        evaluations=RequestForms(64, evaluate_question.NUMBERS),
        cancel=rs.CancelFlag(),
        max_message_bytes=1 << 20,
        memory_bytes=0,
        max_callback_bytes=1 << 20,
        items=Nowhere(),  # type: ignore[arg-type]
    )

    outcomes: Counter[str] = Counter()

    def ask(method: Method, message: Any, state: bytes = b"") -> None:
        body = message.SerializeToString()
        is_turn = method is Method.SOLVE_CALLBACK
        reply = answer(Request(method, body=turns.packed(state, body) if is_turn else body), call)
        if is_turn and reply.outcome is Outcome.OK and not state:
            # The next turn: what a caller says to a search that was begun, which is unpickled for it.
            told = CallbackAnswer(number=1, values=DoubleArray(shape=(1,), data=b"cos\nsystem"[:8]))
            ask(method, SolveCallbackRequest(answer=told), turns.unpacked(reply.body)[0])
        code = Status.FromString(reply.body).code if reply.outcome is Outcome.FAILED else 0
        outcomes[reply.outcome.name if not code else code_pb2.Code.Name(code)] += 1

    rs.warm_up()
    # Whatever is loaded at first use, and made in the background, is there before anything is recorded.
    for text in ("x**2 = 2", "x**2 + sin(x) = 3", "x*cos(x) = q"):
        for _ in range(3):
            for method, message in requests(text):
                ask(method, message)
    time.sleep(0.5)

    events: dict[str, str] = {}
    is_armed = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "pickle.find_class":
            event = f"{event} {arguments[0].partition('.')[0]}"
        elif is_of_code(event, arguments):
            event = f"{event} of machine code"
        if is_armed:
            events.setdefault(event, repr(arguments)[:200])

    sys.addaudithook(hook)
    outcomes.clear()
    is_armed = True
    for text in (hostile.format(file=FILE) for hostile in HOSTILE):
        for method, message in requests(text):
            ask(method, message)
    for name in NAMES:
        for method, message in requests("x**2 = 2", name):
            ask(method, message)
    # What is right is compiled by LLVM, solved and differentiated, too.
    for method, message in 3 * requests("x**3 + exp(x) = 5"):
        ask(method, message)
    time.sleep(0.5)
    heard = dict(events)
    # The control: what the hook would have heard.
    eval("1")
    is_armed = False
    print(json.dumps({"events": heard, "control": sorted(events.keys() - heard.keys()), "outcomes": outcomes}))


if __name__ == "__main__":
    main()
