"""What docs/functions.md shows, done: its Python, one block after another, on a server with its models."""

import re
from pathlib import Path

from google.protobuf import json_format
from raphson.v1.solver_pb2 import SolveCallbackRequest

from tests.server.calling import numbers
from tests.server.conversing import Conversation
from tests.server.running import running_server

DOCUMENT = (Path(__file__).parents[2] / "docs" / "functions.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
(MODELS,) = re.findall(r"```python file=models.py\n(.*?)```", DOCUMENT, re.DOTALL)


LINES = re.findall(r"^\{\"(?:opening|answer)\".*\}$", DOCUMENT, re.MULTILINE)


def test_its_blocks_run_one_after_another(tmp_path: Path) -> None:
    assert len(BLOCKS) == 5
    file = tmp_path / "models.py"
    file.write_text(MODELS)
    with running_server("--systems", str(file)) as server:
        scope: dict[str, object] = {"__name__": "document"}
        for block in BLOCKS:
            here = re.sub(r"raphson\.connect\([^)]*\)", f"raphson.connect({server.address!r})", block)
            exec(compile(here, "docs/functions.md", "exec"), scope)


def test_its_lines_by_hand_are_answered() -> None:
    """An opening is asked about x = 1, and the answer is understood: there comes another question."""
    opening, answer = (json_format.Parse(line, SolveCallbackRequest()) for line in LINES)
    with running_server() as server:
        said = Conversation(server)
        question = said.open(opening.opening).question
        assert (question.number, numbers(question.points).tolist()) == (answer.answer.number, [[1.0]])
        assert said.answer(1, answer.answer.values.list.values).question.number == 2
        said.close()
