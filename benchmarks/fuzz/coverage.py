"""Inputs that Atheris makes of those that reached new code; a process of its own, as `child`.

The functions of the parser, the graph and the workers' request functions are instrumented once they are imported: Numba
must see those of the engine as they are.
"""

from __future__ import annotations

import inspect
import json
import sys
from itertools import chain
from pathlib import Path
from random import Random

import atheris

from benchmarks.fuzz.child import Findings, target, tried
from benchmarks.fuzz.ledger import Ledger

INSTRUMENTED = ("raphson_solver.language", "raphson_solver.expression.graph", "raphson_server.worker")
SEEDS = 200


def instrument() -> None:
    """Let the fuzzer see which branches are taken."""
    for name, module in list(sys.modules.items()):
        if not name.startswith(INSTRUMENTED):
            continue
        classes = [each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == name]
        for function in chain(vars(module).values(), *(vars(each).values() for each in classes)):
            if inspect.isfunction(function) and function.__module__ == name:
                atheris.instrument_func(function)


def main() -> None:
    """Run as standard input says; the fuzzer ends the process, so each finding is printed when it is made."""
    order = json.loads(sys.stdin.readline())
    name, folder, corpus = order["target"], Path(order["folder"]), Path(order["corpus"])
    way = target(name)
    instrument()
    findings, ledger = Findings(folder), Ledger(Path(order["ledger"]))
    corpus.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(SEEDS):
        (corpus / f"seed{number}").write_bytes(way.make(Random(f"{order['seed']} {name} seed {number}")))
    done = 0

    def test_one(data: bytes) -> None:
        nonlocal done
        if name == "text":
            data = data.decode("utf-8", "replace").encode()
        ledger.note(done, data)
        told = len(findings.first)
        tried(f"{name}", way, done, data, findings)
        done += 1
        for finding in findings.first[told:]:
            print(json.dumps([finding.target, finding.kind, finding.number, finding.place, finding.what]), flush=True)

    count, seconds = order["last"] - order["first"], int(order["seconds"])
    options = ["-max_len=4096", f"-runs={count}", f"-max_total_time={max(1, seconds)}", f"-seed={order['seed'] + 1}"]
    options += ["-timeout=60", "-rss_limit_mb=6000", "-verbosity=0", f"-artifact_prefix={folder}/"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], test_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
