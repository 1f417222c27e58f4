"""Requests for every method: good ones, and what random changes make of them."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from raphson.v1 import job_pb2 as jobs
from raphson.v1 import solver_pb2 as wire
from raphson.v1.jacobian_pb2 import CheckJacobianRequest, EvaluateChainRequest, EvaluateRequest
from raphson.v1.jacobian_pb2 import TestDifferentiabilityRequest as DifferentiabilityRequest
from raphson.v1.solver_pb2 import ExplainRequest, FindAllRequest, FollowRequest, SolveBatchRequest, SolveRequest
from raphson.v1.system_pb2 import CompileRequest, Parameter, System, SystemRef, Variable

from benchmarks.fuzz.grammar import any_text, broken
from tests.server import calling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from google.protobuf.message import Message

WHOLE = (0, 1, -1, 2, 3, 7, 64, 100, 255, 1000, 65536, 10**6, 2**31 - 1, -(2**31), 2**32, 2**53, 2**63 - 1, -(2**63))
REAL = (
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-12, 1e-300, 5e-324, 1e300, 1.7976931348623157e308, math.inf, -math.inf, math.nan,
    1e9, -3.5,
)  # fmt: skip
NAMES = (
    "x",
    "y",
    "r",
    "p",
    "u",
    "",
    "sin",
    "for",
    "e",
    "pi",
    "x[0]",
    "u[3]",
    "W[1,2]",
    "é",
    "a" * 300,
    "_",
    "0",
    "x\0",
)
PLACES = (
    "",
    "a.parquet",
    "b.csv",
    "..",
    "nothing.arrow",
    "-",
    "s3://bucket/a.parquet",
    "/etc/passwd",
    "file:///a",
    "\0",
)
# Most of what happens to these ends a request at once.
DECIDING = frozenset({"name", "shape", "system_id", "variables", "members", "parameter", "batch_dimensions"})
DEEPEST = 4
MOST_BYTES = 200_000

CIRCLE = ("x**2 + y**2 = r**2", "exp(x) + y = 1")
XY, R = {"x": 1.0, "y": -1.7}, {"r": 2.0}
FAMILY = ("u[i]**2 - r*u[i] = w[i] for i in range(4)",)
U, RW = {"u": np.ones(4)}, {"r": 0.5, "w": [1.0, 2.0, 3.0, 4.0]}
_BOTH = [Variable(name="x"), Variable(name="y")]
_ALL_VIEWS = {"value": True, "matrix": True, "determinant": True, "sparse": True, "spectrum": True}


def by_text() -> list[Message]:
    """Return good requests of every method, with their systems as text."""
    definition = System(equations=CIRCLE, variables=_BOTH, parameters=[Parameter(name="r")])
    family = System(
        equations=FAMILY,
        variables=[Variable(name="u", shape=[4])],
        parameters=[Parameter(name="r"), Parameter(name="w", shape=[4])],
    )
    jacobian = [["2*x", "2*y"], ["exp(x)", "1"]]
    chunk = SolveBatchRequest(
        system=SystemRef(definition=definition),
        members=3,
        start=calling.named(XY),
        parameters=calling.named({"r": [1.0, 2.0, 3.0]}),
    )
    return [
        calling.by_text(*CIRCLE, start=XY, parameters=R),
        calling.by_text(*FAMILY, start=U, parameters=RW, options=_options(wire.METHOD_TRUST_REGION)),
        calling.with_evidence(
            calling.by_text(*CIRCLE, start=XY, parameters=R),
            trace=True, explanation=True, certificate=True, sensitivity=True, adjoint=calling.array([1.0, 2.0]),
            parameter_covariance=calling.array([0.1]),
        ),
        calling.by_text(*CIRCLE, start=XY, parameters=R, options=_options(0, return_jacobian=True, whole=True)),
        calling.by_text(*CIRCLE, start=XY, parameters=R, options=_options(0, jacobian=wire.JACOBIAN_MODE_CENTRAL)),
        SolveRequest(
            system=SystemRef(definition=definition), start=calling.named(XY), parameters=calling.named(R),
            bounds=calling.between(x=(0, 3), y=(None, 0)), nominal=calling.named({"x": 2.0}),
            nominal_residual=calling.array([1.0, 0.5]),
        ),
        CompileRequest(definition=definition),
        CompileRequest(definition=family),
        calling.to_evaluate(*CIRCLE, at=XY, parameters=R, jvp=calling.array([1.0, 0.5]), **_ALL_VIEWS),
        calling.to_evaluate(
            *CIRCLE, at={"x": [1.0, 2.0], "y": [0.5]}, parameters=R, batch_dimensions=1, matrix=True,
            vjp=calling.array([1.0, 0.5]), covariance=calling.array([0.1, 0.2]), log_density=calling.array([0.0, 1.0]),
        ),
        calling.to_evaluate("x*y*sin(x)", at=XY, gradient=True, hessian_vector=calling.array([1.0, 0.0])),
        calling.to_evaluate(*FAMILY, at=U, parameters=RW, sparse=True, mode=wire.JACOBIAN_MODE_FORWARD),
        calling.to_evaluate(
            *CIRCLE, at=XY, parameters=R, matrix=True, error_estimate=True, mode=wire.JACOBIAN_MODE_CENTRAL,
            bounds=calling.between(x=(0, 3)),
        ),
        calling.to_chain(
            calling.link("x*y", "x + y"), calling.link("a**2 - b", "a*b", a=(), b=()), at=XY, matrix=True,
            jvp=calling.array([1.0, 2.0]), vjp=calling.array([1.0, 2.0]),
        ),
        calling.to_check(*CIRCLE, at=XY, parameters=R, rows=jacobian),
        calling.to_test("x*abs(x) + y", at=XY, directions=8),
        calling.to_explain("x + y = 3", "2*x + 2*y = 5", at=XY),
        calling.to_explain(*CIRCLE, variables={"x": (), "y": (), "r": ()}),
        calling.to_find_all(*CIRCLE, bounds=calling.between(x=(-3, 3), y=(-3, 3)), parameters=R, max_starts=10),
        calling.to_find_all(
            "x**2 = 2", bounds=calling.between(x=(-3, 3)), prove=True, max_boxes=100, max_starts=10, max_roots=5
        ),
        calling.to_follow("x**2 = r", start={"x": 1.0}, parameters={"r": 1.0}, parameter="r", upper=2.0, max_points=20),
        calling.to_follow(
            *CIRCLE, start=XY, parameters=R, parameter="r", lower=1.0, upper=3.0, downwards=True, max_points=20
        ),
        chunk,
    ]  # fmt: skip


def by_id(system_id: str) -> list[Message]:
    """Return good requests that name a system, which is `CIRCLE`."""
    ref = SystemRef(system_id=system_id)
    at, p = calling.named(XY), calling.named(R)
    return [
        SolveRequest(system=ref, start=at, parameters=p),
        SolveRequest(system=ref, start=at, parameters=p),
        EvaluateRequest(system=ref, at=at, parameters=p, matrix=True),
        ExplainRequest(system=ref, at=at, parameters=p),
        calling.chunk(system_id, 4, XY, {"r": [1.0, 2.0, 3.0, 4.0]}),
    ]


def of_callbacks() -> list[Message]:
    """Return openings of conversations about functions that only the caller can evaluate."""
    start = calling.named({"x": 1.5, "y": -1.0})
    openings = [
        wire.CallbackOpening(start=start),
        wire.CallbackOpening(start=start, has_jacobian=True, max_points=3),
        wire.CallbackOpening(
            start=start, bounds=calling.between(x=(0, 3)), nominal=calling.named({"x": 2.0}),
            nominal_residual=calling.array([1.0, 0.5]), options=_options(0, return_jacobian=True, max_evaluations=40),
        ),
    ]  # fmt: skip
    return [wire.SolveCallbackRequest(opening=opening) for opening in openings]


def answer_to(question: wire.CallbackQuestion) -> wire.SolveCallbackRequest:
    """Return a good answer of whoever has opened one of these: x² − 2 and x·y + 3."""
    x, y = np.frombuffer(question.points.data).reshape(-1, 2).T
    if question.quantity == wire.CallbackQuestion.QUANTITY_JACOBIAN:
        values = np.array([[2.0 * x[0], 0.0], [y[0], x[0]]])
    else:
        values = np.stack((x**2 - 2.0, x * y + 3.0), axis=1)
    return wire.SolveCallbackRequest(answer=wire.CallbackAnswer(number=question.number, values=calling.array(values)))


def of_jobs() -> list[Message]:
    """Return requests of the job service."""
    description = jobs.JobDescription(
        definition=System(equations=CIRCLE, variables=_BOTH, parameters=[Parameter(name="r")]),
        start=calling.named(XY),
        input=jobs.Table(url="a.parquet"),
        output=jobs.Table(url="b.parquet"),
        carry=["*"],
        chunk_rows=10,
        overwrite=True,
    )
    return [
        jobs.CreateJobRequest(description=description),
        jobs.CreateJobRequest(description=description, request_id="once"),
        jobs.GetJobRequest(name="jobs/1"),
        jobs.ListJobsRequest(page_size=2, page_token="x"),
        jobs.CancelJobRequest(name="jobs/1"),
        jobs.ResumeJobRequest(name="jobs/1"),
        jobs.DeleteJobRequest(name="jobs/1"),
        jobs.ReadResultsRequest(name="jobs/1", columns=["x"]),
    ]


def _options(method: int, **more: Any) -> wire.SolveOptions:
    return wire.SolveOptions(method=method, max_iterations=50, **more)


def mutated(random: Random, message: Message, others: Sequence[Message]) -> bytes:
    """Return what random changes make of a message: in its fields, in its bytes, or all anew."""
    match random.randrange(8):
        case 0:
            return _with_other_bytes(random, message.SerializeToString(), others)
        case 1:
            made = type(message)()
            _fill(random, made, 0)
        case _:
            made = type(message)()
            made.CopyFrom(message)
            gently = random.random() < 0.5
            for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
                _change(random, made, gently=gently)
    return made.SerializeToString()[:MOST_BYTES]


def _with_other_bytes(random: Random, body: bytes, others: Sequence[Message]) -> bytes:
    """Change bytes without a thought of what they mean."""
    changed = bytearray(body)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        place = random.randrange(len(changed) + 1)
        match random.randrange(6):
            case 0:
                changed[place : place + 1] = bytes((random.randrange(256),))
            case 1:
                del changed[place : place + random.choice((1, 2, 8, 64))]
            case 2:
                changed[place:place] = random.randbytes(random.choice((1, 2, 9)))
            case 3:
                other = random.choice(others).SerializeToString()
                begin = random.randrange(len(other) + 1)
                changed[place:place] = other[begin : begin + random.randrange(60)]
            case 4:
                changed[place : place + 1] = random.choice(
                    (b"\xff" * 9 + b"\x01", b"\x80\x00", b"\x0a\xff\xff\xff\x7f")
                )
            case 5:
                changed[place:place] = changed[place : place + 40]
    return bytes(changed)


def _change(random: Random, message: Message, *, gently: bool) -> None:
    """Change one field, somewhere within a message; gently, so that much of it may still be answered."""
    fields = message.DESCRIPTOR.fields
    there = [field for field, _ in message.ListFields() if not gently or field.name not in DECIDING]
    if not there and gently:
        return
    field = random.choice(there) if there and random.random() < 0.85 else random.choice(fields)
    value = getattr(message, field.name)
    if field.is_repeated:
        _change_list(random, field, value, gently=gently)
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        if random.random() < 0.12:
            message.ClearField(field.name)
        elif random.random() < 0.9 and message.HasField(field.name):
            _change(random, value, gently=gently)
        else:
            _fill(random, value, DEEPEST - 1)
            value.SetInParent()
    elif random.random() < 0.1:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, _scalar(random, field, value))


def _change_list(random: Random, field: FieldDescriptor, values: Any, *, gently: bool) -> None:
    count = len(values)
    is_message = field.type == FieldDescriptor.TYPE_MESSAGE
    match random.randrange(3 if gently else 0, 6):
        case 0 if count:
            del values[random.randrange(count)]
        case 1 if count:
            values.extend([values[random.randrange(count)]] * random.choice((1, 1, 1, 30)))
        case 2:
            if is_message:
                _fill(random, values.add(), DEEPEST - 1)
            else:
                values.append(_scalar(random, field, None))
        case _ if count:
            place = random.randrange(count)
            if is_message:
                _change(random, values[place], gently=gently)
            else:
                values[place] = _scalar(random, field, values[place])


def _fill(random: Random, message: Message, depth: int) -> None:
    """Set some fields of a message to anything."""
    for field in message.DESCRIPTOR.fields:
        if random.random() < 0.5:
            continue
        is_message = field.type == FieldDescriptor.TYPE_MESSAGE
        if is_message and depth >= DEEPEST:
            continue
        if field.is_repeated:
            values = getattr(message, field.name)
            for _ in range(random.choice((0, 1, 1, 2, 3))):
                if is_message:
                    _fill(random, values.add(), depth + 1)
                else:
                    values.append(_scalar(random, field, None))
        elif is_message:
            inner = getattr(message, field.name)
            inner.SetInParent()
            _fill(random, inner, depth + 1)
        else:
            setattr(message, field.name, _scalar(random, field, None))


def _scalar(random: Random, field: FieldDescriptor, value: Any) -> Any:
    """Return a number, a text or bytes that a field may hold; often near the value that it has."""
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_BOOL:
            return random.random() < 0.5
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return random.choice(REAL) if random.random() < 0.7 else random.gauss(0, 10)
        case FieldDescriptor.CPPTYPE_ENUM:
            return random.choice((*range(12), -1, 2**31 - 1))
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return _numbers(random, value or b"")
        case FieldDescriptor.CPPTYPE_STRING:
            return _text(random, field.name, value or "").encode("utf-8", "ignore").decode()
        case _:
            bits = 31 if field.cpp_type == FieldDescriptor.CPPTYPE_INT32 else 63
            if random.random() < 0.4:
                return random.randrange(6)
            return max(-(2**bits), min(2**bits - 1, random.choice(WHOLE)))


def _numbers(random: Random, value: bytes) -> bytes:
    """Return the bytes of an array."""
    match random.randrange(5):
        case 0:
            return random.randbytes(random.choice((0, 1, 7, 8, 16, 24)))
        case 1:
            return value + value
        case 2:
            return struct.pack("<d", random.choice(REAL)) * random.randrange(5)
        case _:
            count = len(value) // 8
            numbers = [*struct.unpack(f"<{count}d", value[: 8 * count])]
            if numbers:
                numbers[random.randrange(count)] = random.choice((*REAL, random.gauss(0, 3)))
            return struct.pack(f"<{len(numbers)}d", *numbers)


def _text(random: Random, name: str, value: str) -> str:
    match name:
        case "equations" | "entries":
            return broken(random, value) if value and random.random() < 0.6 else any_text(random)
        case "url":
            return random.choice(PLACES)
        case "name" if value and random.random() < 0.5:
            return broken(random, value)[:300]
        case _:
            return random.choice(NAMES) if random.random() < 0.7 else broken(random, value)[:2000]


def parses(message: type[Message], body: bytes) -> bool:
    """Return whether bytes are a message."""
    try:
        message.FromString(body)
    except DecodeError:
        return False
    return True


def response_of(service: Any, method: str) -> type[Message]:
    """Return the class of a method's replies."""
    found: type[Message] = GetMessageClass(service.methods_by_name[method].output_type)
    return found


METHODS: dict[type[Message], str] = {
    SolveRequest: "SOLVE",
    EvaluateRequest: "EVALUATE",
    CompileRequest: "COMPILE",
    ExplainRequest: "EXPLAIN",
    FindAllRequest: "FIND_ALL",
    FollowRequest: "FOLLOW",
    EvaluateChainRequest: "EVALUATE_CHAIN",
    CheckJacobianRequest: "CHECK_JACOBIAN",
    DifferentiabilityRequest: "TEST_DIFFERENTIABILITY",
    SolveBatchRequest: "SOLVE_BATCH",
}
"""Which request is of which of a worker's methods."""
