"""Writes raphson.json, the dashboard: ``python deploy/grafana/make_dashboard.py``. A test compares the two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT = 8, 8
ROW_WIDTH = 24
CHOSEN = 'instance=~"$instance"'
RATE = "[$__rate_interval]"

Query = tuple[str, str]
"""An expression and how its series are called."""


def rate(metric: str, by: str, labels: str = "") -> str:
    """Write the sum of a counter's rates."""
    return f"sum by ({by}) (rate({metric}{{{CHOSEN}{labels}}}{RATE}))"


def quantile(share: float, histogram: str, by: str) -> str:
    """Write a quantile of a histogram."""
    comma = f"{by}, " if by else ""
    return f"histogram_quantile({share}, sum by ({comma}le) (rate({histogram}_bucket{{{CHOSEN}}}{RATE})))"


def gauge(metric: str, labels: str = "") -> str:
    """Write a gauge of the chosen servers."""
    return f"{metric}{{{CHOSEN}{labels}}}"


HITS = rate("raphson_system_cache_hits_total", "instance")
MISSES = rate("raphson_system_cache_misses_total", "instance")
SECONDS = "raphson_request_duration_seconds"
PANELS: tuple[tuple[str, str, str, tuple[Query, ...]], ...] = (
    (
        "Serving",
        "1 while health says SERVING.",
        "none",
        ((gauge("raphson_serving"), "{{instance}}"),),
    ),
    (
        "Requests",
        "Calls that ended, by method.",
        "reqps",
        ((rate("raphson_requests_total", "method"), "{{method}}"),),
    ),
    (
        "Errors",
        "Calls that ended with an error, by its reason.",
        "reqps",
        ((rate("raphson_request_failures_total", "reason"), "{{reason}}"),),
    ),
    (
        "Latency, median",
        "From arrival to end, by method.",
        "s",
        ((quantile(0.5, SECONDS, "method"), "{{method}}"),),
    ),
    (
        "Latency, 99 %",
        "From arrival to end, by method.",
        "s",
        ((quantile(0.99, SECONDS, "method"), "{{method}}"),),
    ),
    (
        "Waiting for a worker, 99 %",
        "Of those that had to wait at all.",
        "s",
        ((quantile(0.99, "raphson_queue_wait_duration_seconds", "instance"), "{{instance}}"),),
    ),
    (
        "Busy workers",
        "The share of their time that workers are at work; above 0.8, add some.",
        "percentunit",
        (
            (
                f"rate(raphson_worker_busy_seconds_total{{{CHOSEN}}}{RATE}) / {gauge('raphson_workers_configured')}",
                "{{instance}}",
            ),
        ),
    ),
    (
        "In flight, and the limit",
        "Requests at work and waiting; at the limit others are refused.",
        "none",
        (
            (gauge("raphson_requests_in_flight"), "{{instance}} in flight"),
            (gauge("raphson_requests_waiting"), "{{instance}} waiting"),
            (gauge("raphson_requests_in_flight_limit"), "{{instance}} limit"),
        ),
    ),
    (
        "Workers lost",
        "Killed, since they did not stop when their calls ended, or ended by themselves.",
        "none",
        ((f"sum by (cause) (increase(raphson_workers_lost_total{{{CHOSEN}}}{RATE}))", "{{cause}}"),),
    ),
    (
        "Solves",
        "By how they ended.",
        "ops",
        ((rate("raphson_solves_total", "status"), "{{status}}"),),
    ),
    (
        "Iterations of a solve",
        "",
        "none",
        (
            (quantile(0.5, "raphson_solve_iterations", ""), "median"),
            (quantile(0.99, "raphson_solve_iterations", ""), "99 %"),
        ),
    ),
    (
        "Members of batches",
        "By how they ended.",
        "ops",
        ((rate("raphson_batch_members_total", "status"), "{{status}}"),),
    ),
    (
        "Systems found",
        "The share of requests whose system the worker had.",
        "percentunit",
        (
            (
                f"{HITS} / ({HITS} + {MISSES})",
                "{{instance}}",
            ),
        ),
    ),
    (
        "Compiling, 99 %",
        "From text to something that can be evaluated.",
        "s",
        ((quantile(0.99, "raphson_compile_duration_seconds", "instance"), "{{instance}}"),),
    ),
    (
        "Machine code",
        "Pieces that were found on disk, and that had to be made, which costs ten to a thousand times as much.",
        "ops",
        (
            (rate("raphson_code_cache_hits_total", "instance"), "{{instance}} found on disk"),
            (rate("raphson_code_cache_misses_total", "instance"), "{{instance}} made by LLVM"),
        ),
    ),
    (
        "Jobs",
        "In the store, by state.",
        "none",
        ((f"max by (state) ({gauge('raphson_jobs')})", "{{state}}"),),
    ),
    (
        "Memory",
        "Resident: of the front end, of all workers, and of the largest.",
        "bytes",
        (
            (gauge("process_resident_memory_bytes"), "{{instance}} front end"),
            (gauge("raphson_workers_resident_memory_bytes"), "{{instance}} workers"),
            (gauge("raphson_worker_resident_memory_max_bytes"), "{{instance}} largest worker"),
        ),
    ),
    (
        "Processor of the front end",
        "It has one core at most: near 1, run more servers.",
        "none",
        ((f"rate(process_cpu_seconds_total{{{CHOSEN}}}{RATE})", "{{instance}}"),),
    ),
    (
        "Open files and streams",
        "",
        "none",
        (
            (gauge("process_open_fds"), "{{instance}} files"),
            (gauge("raphson_streams_open"), "{{instance}} streams"),
        ),
    ),
)

NOT_SHOWN = {
    "raphson_batch_iterations_total": "what a batch costs shows in the time of the workers",
    "raphson_workers": "what they do is shown as the share of their time that they are busy",
    "raphson_definitions": "bounded, and what had to go is sent again",
    "raphson_build_info": "no quantity",
    "process_virtual_memory_bytes": "address space costs nothing",
    "process_start_time_seconds": "a start shows where it serves no more for a moment",
    "process_max_fds": "never changes",
}
"""Metrics that no panel is about, each with the reason; a test wants every other one in some panel."""


def panel(number: int, title: str, description: str, unit: str, queries: tuple[Query, ...]) -> dict[str, Any]:
    """Write one picture, at its place in rows of three."""
    columns = ROW_WIDTH // WIDTH
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "gridPos": {
            "x": number % columns * WIDTH,
            "y": number // columns * HEIGHT,
            "w": WIDTH,
            "h": HEIGHT,
        },
        "fieldConfig": {
            "defaults": {"unit": unit, "min": 0, "custom": {"fillOpacity": 10, "showPoints": "never"}},
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": DATASOURCE, "expr": expression, "legendFormat": legend}
            for place, (expression, legend) in enumerate(queries)
        ],
    }


def variable(name: str, kind: str, query: str, **more: Any) -> dict[str, Any]:
    """Write something to choose at the top."""
    return {"name": name, "type": kind, "query": query, "refresh": 2, **more}


def dashboard() -> dict[str, Any]:
    """Return the whole."""
    return {
        "uid": "raphson",
        "title": "raphson",
        "tags": ["raphson"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                variable("datasource", "datasource", "prometheus"),
                variable(
                    "instance",
                    "query",
                    "label_values(raphson_serving, instance)",
                    datasource=DATASOURCE,
                    includeAll=True,
                    multi=True,
                    current={"text": "All", "value": "$__all"},
                ),
            ]
        },
        "panels": [panel(number, *what) for number, what in enumerate(PANELS)],
    }


def written() -> str:
    """Return the file's content."""
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("raphson.json").write_text(written(), encoding="utf-8")
