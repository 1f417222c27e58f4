"""What the README shows, done: its Python, its commands, and its call by reflection alone."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
import raphson
from click.testing import CliRunner
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from raphson_server.cli import main

from tests.documents.page import assert_shown
from tests.server.running import running_server

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PYTHON_BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = re.findall(r"^\$ (raphson (?:solve|explain|roots|follow|jacobian|differentiable) .*)$", README, re.MULTILINE)
GRPCURL = re.search(r"grpcurl -plaintext -d '(\{.*?\})' (\S+) (\S+)/(\w+)", README, re.DOTALL)
(SHOWN,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
(SERVE,) = re.findall(r"^\$ (raphson serve .*)$", README, re.MULTILINE)
(HEALTH,) = re.findall(r"^\$ (raphson health .*)$", README, re.MULTILINE)
DONE = [*PYTHON_BLOCKS, SHOWN, *COMMANDS, SERVE, HEALTH, GRPCURL[0] if GRPCURL else ""]


def test_the_first_block_prints_what_is_shown_to_a_newcomer(capsys: pytest.CaptureFixture[str]) -> None:
    """With a server of its own, as it says."""
    exec(compile(PYTHON_BLOCKS[0], "README.md", "exec"), {"__name__": "readme"})
    assert_shown(SHOWN, capsys.readouterr().out, "README.md")


@pytest.mark.usefixtures("shared_server")
@pytest.mark.parametrize("code", PYTHON_BLOCKS[1:], ids=lambda code: code.splitlines()[-1].strip()[:40])
def test_python_blocks_run(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # for the pictures
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})


def test_there_are_blocks_and_commands() -> None:
    assert len(PYTHON_BLOCKS) == 11
    assert len(COMMANDS) == 9
    assert GRPCURL is not None


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_exit_with_success(command: str, client: raphson.Client) -> None:
    program, verb, *arguments = shlex.split(command)
    assert program == "raphson"
    finished = subprocess.run(
        [sys.executable, "-m", "raphson_server", verb, *arguments, "--address", client.address],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    assert finished.stdout != ""
    if "--json" in arguments:
        assert json.loads(finished.stdout)["converged"] is True


def test_a_server_that_is_started_is_healthy() -> None:
    flag, address = shlex.split(SERVE)[2:]
    assert flag == "--address"
    with running_server() as server:
        _, *arguments = shlex.split(HEALTH.replace(address, server.address))
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output


def test_the_commands_of_make_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^\$ )make ([a-z-]+)", README, re.MULTILINE))
    assert {"run", "test"} <= named <= targets


def test_the_grpcurl_call_solves_with_what_reflection_says(client: raphson.Client) -> None:
    assert GRPCURL is not None
    payload, _, service_name, method_name = GRPCURL.groups()
    with grpc.insecure_channel(client.address) as channel:
        pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        method = pool.FindServiceByName(service_name).methods_by_name[method_name]
        request_class, reply_class = map(message_factory.GetMessageClass, (method.input_type, method.output_type))
        call: Any = channel.unary_unary(
            f"/{service_name}/{method_name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=reply_class.FromString,
        )
        request = json_format.Parse(payload, request_class(), descriptor_pool=pool)
        reply = json_format.MessageToDict(call(request, timeout=30), descriptor_pool=pool)
    assert reply["status"] == "STATUS_CONVERGED"
    assert reply["systemId"]
    assert [part["name"] for part in reply["solution"]] == ["x", "y"]
