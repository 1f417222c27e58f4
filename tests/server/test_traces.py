"""One trace from a client's own span to the solve in a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import numpy as np
import pytest
import raphson
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from raphson import aio

from tests.server.calling import by_text
from tests.server.own_service import Mortal, own_service
from tests.server.running import wait_until

SOLVE = "raphson.v1.SolverService/Solve"
Tree = list[tuple[str, str, str]]


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(scope="module")
def traced(exporter: InMemorySpanExporter) -> Iterator[Mortal]:
    """A service whose spans, and those of clients here, are kept."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    with own_service(provider) as started:
        yield started


class Spans:
    """The spans of one trace, by name, once its server has ended its part."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter
        self.all: list[ReadableSpan] = []

    @contextmanager
    def collected(self, servers: int = 1) -> Iterator[None]:
        self._exporter.clear()
        with trace.get_tracer("test").start_as_current_span("request") as root:
            yield

        def finished() -> bool:
            self.all = [s for s in self._exporter.get_finished_spans() if s.context.trace_id == root.context.trace_id]
            return sum(span.kind is trace.SpanKind.SERVER for span in self.all) == servers

        wait_until(finished, 5)

    def tree(self) -> Tree:
        """Return each span's name, kind and parent's name, in the order of beginnings."""
        names = {span.context.span_id: span.name for span in self.all}
        ordered = sorted(self.all, key=lambda span: span.start_time or 0)
        return [(s.name, s.kind.name, names[s.parent.span_id] if s.parent else "") for s in ordered]

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all if span.name == name]


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Spans:
    return Spans(exporter)


def test_a_trace_leads_from_the_client_to_the_worker(traced: Mortal, spans: Spans) -> None:
    with raphson.connect(traced.address) as client, spans.collected():
        root = client.solve("x**2 = p + 40", {"x": 1.0}, {"p": 2.0})
    assert spans.tree() == [
        ("request", "INTERNAL", ""),
        (SOLVE, "CLIENT", "request"),
        (SOLVE, "SERVER", SOLVE),
        ("queue", "INTERNAL", SOLVE),
        ("worker", "INTERNAL", SOLVE),
        ("compile", "INTERNAL", "worker"),
        ("solve", "INTERNAL", "worker"),
    ]
    (solve,), (worker,) = spans.named("solve"), spans.named("worker")
    assert dict(solve.attributes or {}) == {
        "raphson.n": 1, "raphson.iterations": root.iterations, "raphson.status": "converged"
    }  # fmt: skip
    assert (worker.attributes or {})["process.pid"] == traced.worker()
    moments = [span.start_time or 0 for span in (worker, *spans.named("compile"), solve)]
    assert moments == sorted(moments)
    assert (solve.end_time or 0) <= (worker.end_time or 0)
    assert all((span.attributes or {})["rpc.grpc.status_code"] == 0 for span in spans.named(SOLVE))


def test_streams_and_batches_are_traced(traced: Mortal, spans: Spans) -> None:
    with raphson.connect(traced.address) as client:
        with spans.collected():
            client.find_all("x**2 = 2", {"x": (-3, 3)}).all()
        (client_span, server_span) = sorted(spans.named("raphson.v1.SolverService/FindAll"), key=lambda s: s.kind.value)
        assert {client_span.kind, server_span.kind} == {trace.SpanKind.CLIENT, trace.SpanKind.SERVER}
        system = client.compile("x**2 = p", {"x": 1.0}, {"p": 1.0})
        with spans.collected():
            client.solve_batch(system, {"x": 1.0}, {"p": np.linspace(1, 2, 10)})
    (solve,) = spans.named("solve")
    assert dict(solve.attributes or {})["raphson.members.converged"] == 10


def test_the_awaited_client_and_errors(traced: Mortal, spans: Spans) -> None:
    async def solve() -> None:
        async with aio.connect(traced.address) as client:
            await client.solve("x**2 = 2", {"x": 1.0})
            with pytest.raises(raphson.InvalidRequestError):
                await client.solve("x**2 = sine(x)", {"x": 1.0})
            assert len(await client.find_all("x**2 = 2", {"x": (-3, 3)}).all()) == 2

    with spans.collected(servers=3):
        asyncio.run(solve())
    failed = [span for span in spans.named(SOLVE) if "error.type" in (span.attributes or {})]
    assert {(span.kind.name, (span.attributes or {})["error.type"]) for span in failed} == {
        ("CLIENT", "INVALID_ARGUMENT"),
        ("SERVER", "INVALID_DEFINITION"),
    }


@pytest.mark.parametrize("sent", ["nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_what_is_no_traceparent_begins_a_trace_of_its_own(
    traced: Mortal, exporter: InMemorySpanExporter, sent: str
) -> None:
    exporter.clear()
    with grpc.insecure_channel(traced.address):
        traced.stub().Solve(by_text("x**2 = 2", start={"x": 1.0}), timeout=20, metadata=(("traceparent", sent),))
    wait_until(lambda: any(span.name == SOLVE for span in exporter.get_finished_spans()), 5)
    (server,) = [span for span in exporter.get_finished_spans() if span.name == SOLVE]
    assert server.parent is None
