"""Run every benchmark, each in a process of its own: `python -m benchmarks [NAME ...]`."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.timing import duration

BENCHMARKS = (
    "cold_start",
    "text_to_first_root",
    "warm_solve",
    "rpc_overhead",
    "throughput",
    "server_workers",
    "callbacks",
    "batched_jacobian",
    "batch_solve",
    "jobs",
    "job_workers",
    "job_faults",
    "batch_over_rpc",
    "jacobian_over_rpc",
    "reverse_mode",
    "sparse_jacobian",
    "text_to_compiled",
    "code_cache",
    "bratu",
    "burgers",
    "power_flow",
    "load_cases",
    "isolation",
    "sensitivities",
    "robustness",
)
VERSIONS = (
    "numpy",
    "numba",
    "llvmlite",
    "grpcio",
    "protobuf",
    "scipy",
    "casadi",
    "jax",
    "optimistix",
    "pandapower",
    "NumbaMinpack",
)


def main() -> int:
    """Run those that were asked for; return 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default: all")
    names = parser.parse_args().names or BENCHMARKS
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"unknown benchmark {', '.join(unknown)}; choose from {', '.join(BENCHMARKS)}")
    print(f"Python {platform.python_version()}, {len(os.sched_getaffinity(0))} cores, {processor()}")
    print(", ".join(f"{name} {installed(name)}" for name in VERSIONS))
    began = time.perf_counter()
    failed = [name for name in names if subprocess.call([sys.executable, "-m", f"benchmarks.{name}"])]
    print(f"\nall in {duration(time.perf_counter() - began)}" + f"; failed: {', '.join(failed)}" * bool(failed))
    return 1 if failed else 0


def installed(name: str) -> str:
    """Return a package's version."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """Return what the processor calls itself."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
