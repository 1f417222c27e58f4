"""Every metric that a server may offer, without a server."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from raphson_server.account import Account
from raphson_server.observability.metrics import Metrics
from raphson_server.observability.pool_state import PoolState
from raphson_server.observability.state import StateCollector, register_state


@dataclass(frozen=True)
class Family:
    """One metric: as Prometheus calls it, and the names and labels of its samples."""

    name: str
    kind: str
    text: str
    samples: frozenset[str]
    labels: tuple[str, ...]


def families() -> list[Family]:
    """Return all of them, each with a sample."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.of_method("raphson.v1.SolverService/Solve").count("INTERNAL", "INTERNAL", 0.1)
    metrics.count_work(Account(compiled=1, status=1), 1.0)
    pool = PoolState(
        busy=0, idle=0, spare=0, starting=0, waiting=0, streams=0, lost={"ended": 0, "killed": 0},
        busy_seconds=0.0, pids=(),
    )  # fmt: skip
    state = StateCollector(
        lambda: pool, workers=1, max_in_flight=1, is_serving=lambda: True, definitions=lambda: 0, jobs=dict
    )
    register_state(registry, state)
    found = []
    for family in registry.collect():
        samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
        labels = dict.fromkeys(label for sample in samples for label in sample.labels if label != "le")
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        found.append(
            Family(
                family.name + suffix,
                family.type,
                family.documentation,
                frozenset(sample.name for sample in samples),
                tuple(labels),
            )
        )
    return found
