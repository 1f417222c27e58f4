"""What docs/functions.md shows, done: its Python, one block after another, on a server with its models."""

import re
import shlex
from pathlib import Path

import pytest
from google.protobuf import json_format
from raphson.v1 import solver_pb2
from raphson.v1.solver_pb2 import SolveCallbackRequest

from tests.server.calling import numbers
from tests.server.conversing import Conversation
from tests.server.running import running_server

DOCUMENT = (Path(__file__).parents[2] / "docs" / "functions.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
(MODELS,) = re.findall(r"```python file=models.py\n(.*?)```", DOCUMENT, re.DOTALL)
(SERVE,) = re.findall(r"^\$ (raphson serve .*)$", DOCUMENT, re.MULTILINE)
(BY_HAND,) = re.findall(r"^\$ (grpcurl .*)$", DOCUMENT, re.MULTILINE)
LINES = re.findall(r"^\{\"(?:opening|answer)\".*\}$", DOCUMENT, re.MULTILINE)
DONE = [*BLOCKS, MODELS, SERVE, BY_HAND]


def test_its_blocks_run_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(BLOCKS) == 5
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.py").write_text(MODELS)
    with running_server(*shlex.split(SERVE)[2:]) as server:
        scope: dict[str, object] = {"__name__": "document"}
        for block in BLOCKS:
            here = re.sub(r"raphson\.connect\([^)]*\)", f"raphson.connect({server.address!r})", block)
            exec(compile(here, "docs/functions.md", "exec"), scope)


def test_its_lines_by_hand_are_answered() -> None:
    """An opening is asked about x = 1, and the answer is understood: there comes another question."""
    service, _, method = BY_HAND.split()[-1].partition("/")
    called = solver_pb2.DESCRIPTOR.services_by_name[service.rpartition(".")[2]].methods_by_name[method]
    assert called.input_type is SolveCallbackRequest.DESCRIPTOR
    opening, answer = (json_format.Parse(line, SolveCallbackRequest()) for line in LINES)
    with running_server() as server:
        said = Conversation(server)
        question = said.open(opening.opening).question
        assert (question.number, numbers(question.points).tolist()) == (answer.answer.number, [[1.0]])
        assert said.answer(1, answer.answer.values.list.values).question.number == 2
        said.close()
