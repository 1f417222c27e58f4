"""What docs/security.md shows, done, in the order in which it is shown."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import raphson

from tests.server.running import running_server

DOCUMENT = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
BASH = re.findall(r"```bash\n(.*?)```", DOCUMENT, re.DOTALL)
(PYTHON,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
DONE = [*BASH, PYTHON]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the command openssl")
def test_the_steps_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    certificate, token, serve, solve = BASH

    def run(block: str) -> str:
        command = re.sub(r"^raphson ", f"{shlex.quote(sys.executable)} -m raphson_server ", block, flags=re.MULTILINE)
        return subprocess.run(["bash", "-euc", command], capture_output=True, text=True, timeout=60, check=True).stdout

    run(certificate)
    run(token)
    program, verb, *flags = shlex.split(serve)
    assert (program, verb, flags[:2]) == ("raphson", "serve", ["--address", "0.0.0.0:50551"])
    with running_server(*flags[2:], stderr=subprocess.DEVNULL) as server:
        here = f"localhost:{server.address.rpartition(':')[2]}"
        assert "1.414213562" in run(solve.replace("localhost:50551", here))
        exec(compile(PYTHON.replace("localhost:50551", here), "docs/security.md", "exec"), {})
        assert "1.414213562" in capsys.readouterr().out
        with raphson.connect(here, ca="ca.pem") as client, pytest.raises(raphson.AccessDeniedError):
            client.solve("x**2 = 2", start={"x": 1.0})
