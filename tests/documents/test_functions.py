"""What docs/functions.md shows, done: its Python, one block after another, on a server with its models."""

import re
from pathlib import Path

from tests.server.running import running_server

DOCUMENT = (Path(__file__).parents[2] / "docs" / "functions.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
(MODELS,) = re.findall(r"```python file=models.py\n(.*?)```", DOCUMENT, re.DOTALL)


def test_its_blocks_run_one_after_another(tmp_path: Path) -> None:
    assert len(BLOCKS) == 5
    file = tmp_path / "models.py"
    file.write_text(MODELS)
    with running_server("--systems", str(file)) as server:
        scope: dict[str, object] = {"__name__": "document"}
        for block in BLOCKS:
            here = re.sub(r"raphson\.connect\([^)]*\)", f"raphson.connect({server.address!r})", block)
            exec(compile(here, "docs/functions.md", "exec"), scope)
