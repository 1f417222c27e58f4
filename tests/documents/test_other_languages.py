"""What docs/other-languages.md shows: the calls of a shell made by reflection alone, and the names in Go and Java."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import raphson
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from raphson.channel import SERVICE_CONFIG
from raphson.v1 import array_pb2, jacobian_pb2, solver_pb2, system_pb2

from tests.documents.page import blocks

PAGE = Path(__file__).parents[2] / "docs" / "other-languages.md"
TEXT = PAGE.read_text()
(CONFIG,) = [block.text for block in blocks(PAGE) if block.language == "json"]
PROTOC = [block.text for block in blocks(PAGE) if block.language == "bash" and block.text.count("protoc -I")]
CALLS = re.findall(r"^\$ grpcurl ((?:[^'\n]|'[^']*')+)\n((?:\{.*\}\n)*)", TEXT, re.MULTILINE)
DONE = [*(f"grpcurl {call}" for call, _ in CALLS), CONFIG, *PROTOC]
# Those that the generated code of the two languages is made of.
FILES = [module.DESCRIPTOR for module in (array_pb2, system_pb2, solver_pb2, jacobian_pb2)]
THEIRS = [module.DESCRIPTOR for module in (error_details_pb2, status_pb2)]


def of_file(name: str) -> str:
    (code,) = [block.text for block in blocks(PAGE) if block.file == name]
    return code


GO, JAVA = of_file("main.go"), of_file("Main.java")


# --- from a shell
def holds(found: Any, shown: Any) -> bool:
    """Return whether everything that is shown was found; there may be more."""
    if isinstance(shown, dict):
        return all(name in found and holds(found[name], value) for name, value in shown.items())
    return bool(found == shown)


def test_there_are_calls() -> None:
    assert len(CALLS) == 6


@pytest.mark.parametrize(("call", "shown"), CALLS, ids=lambda text: text.split()[-1] if text.split() else "nothing")
def test_a_call_from_a_shell_says_what_is_shown(call: str, shown: str, client: raphson.Client) -> None:
    words = shlex.split(call)
    options = {word: words[place + 1] for place, word in enumerate(words) if word in ("-d", "-H", "-max-time")}
    address, *rest = words[words.index("127.0.0.1:50551") :]
    assert address == "127.0.0.1:50551"
    with grpc.insecure_channel(client.address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        pool = DescriptorPool(database)
        if "-d" not in options:
            if rest == ["list"]:
                assert "raphson.v1.SolverService" in database.get_services()
            else:
                assert rest[0] == "describe"
                assert pool.FindMessageTypeByName(rest[1]).fields_by_name["system"]
            return
        service, _, name = rest[0].partition("/")
        method = pool.FindServiceByName(service).methods_by_name[name]
        request_class, reply_class = map(message_factory.GetMessageClass, (method.input_type, method.output_type))
        begin: Any = channel.unary_stream if method.server_streaming else channel.unary_unary
        stub = begin(
            f"/{service}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=reply_class.FromString,
        )
        header = tuple(options["-H"].split(": ")) if "-H" in options else ()
        reply = stub(
            json_format.Parse(options["-d"], request_class(), descriptor_pool=pool),
            timeout=float(options.get("-max-time", 30)),
            metadata=(header,) if header else None,
        )
        replies = list(reply) if method.server_streaming else [reply]
    lines = [json.loads(line) for line in shown.splitlines()]
    assert lines
    assert len(replies) == len(lines)
    for message, line in zip(replies, lines, strict=True):
        found = json_format.MessageToDict(message, descriptor_pool=pool)
        assert holds(found, line), found


def test_what_is_shown_is_looked_for() -> None:
    assert holds({"a": {"b": "1", "c": 2}}, {"a": {"b": "1"}})
    assert not holds({"a": {"b": "1"}}, {"a": {"b": "2"}})
    assert not holds({}, {"a": 1})


# --- the service config
def test_the_service_config_is_pythons() -> None:
    assert json.loads(CONFIG) == SERVICE_CONFIG


def test_that_of_go_retries_alike() -> None:
    (text,) = re.findall(r"serviceConfig = `(.*?)`", GO, re.DOTALL)
    (ours,), (method,) = SERVICE_CONFIG["methodConfig"], json.loads(text)["methodConfig"]  # type: ignore[misc]
    assert method["retryPolicy"] == ours["retryPolicy"]  # type: ignore[index]
    assert all(name in ours["name"] for name in method["name"])  # type: ignore[index]


# --- generated code
STAND_IN = f"""#!{sys.executable}
import subprocess, sys
theirs = ("--go_", "--go-grpc_", "--java_", "--grpc-java_", "--plugin=")
arguments = [each for each in sys.argv[1:] if not each.startswith(theirs)]
command = [sys.executable, "-m", "grpc_tools.protoc", *arguments, "--include_imports", "--descriptor_set_out=found"]
sys.exit(subprocess.run(command).returncode)
"""


@pytest.mark.parametrize("block", PROTOC, ids=["go", "java"])
def test_protoc_finds_what_it_is_given(block: str, tmp_path: Path) -> None:
    """By Python's protoc, which has no generators for other languages: it reads the files all the same."""
    (tmp_path / "proto").symlink_to(PAGE.parents[1] / "proto")
    (tmp_path / "protoc").write_text(STAND_IN)
    (tmp_path / "protoc").chmod(0o755)
    subprocess.run(
        ["bash", "-euc", block],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        timeout=60,
        check=True,
    )
    found = FileDescriptorSet.FromString((tmp_path / "found").read_bytes())
    assert {file.name for file in FILES} == {file.name for file in found.file if file.name.startswith("raphson/")}


# --- names in Go and Java
def messages(files: list[Any]) -> Iterator[Descriptor]:
    def inner(found: Any) -> Iterator[Descriptor]:
        for message in found:
            yield message
            yield from inner(message.nested_types)

    for file in files:
        yield from inner(file.message_types_by_name.values())


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


MESSAGES = {message.name: message for message in messages(FILES)}
FIELDS = {camel(field.name) for message in messages([*FILES, *THEIRS]) for field in message.fields}
VALUES = {value for file in FILES for enum in file.enum_types_by_name.values() for value in enum.values_by_name}
SERVICES = {service for file in FILES for service in file.services_by_name}


def literals(code: str) -> Iterator[tuple[str, str]]:
    """Return Go's composite literals of messages: which, and what stands between its own braces alone."""
    for begin in re.finditer(r"&pb\.(\w+)\{", code):
        depth, own = 1, ""
        for sign in code[begin.end() :]:
            depth += {"{": 1, "}": -1}.get(sign, 0)
            if not depth:
                break
            own += sign if depth == 1 else ""
        yield begin[1], own


def test_go_names_messages_methods_and_values_that_there_are() -> None:
    names = set(re.findall(r"\bpb\.(\w+)", GO))
    oneofs = {
        f"{message.name}_{camel(field.name)}"
        for message in MESSAGES.values()
        for one in message.oneofs
        for field in one.fields
    }
    clients = {f"{prefix}{service}Client" for service in SERVICES for prefix in ("", "New")}
    enums = {f"{enum}_{value}" for file in FILES for enum, kind in file.enum_types_by_name.items()
             for value in kind.values_by_name}  # fmt: skip
    assert len(names) > 15
    assert names <= set(MESSAGES) | oneofs | clients | enums


def test_go_sets_fields_that_their_messages_have() -> None:
    found = list(literals(GO))
    assert len(found) > 10
    for name, own in found:
        message = MESSAGES.get(name.partition("_")[0])
        assert message is not None, name
        keys = set(re.findall(r"(\w+): ", own))
        fields = {camel(field.name) for field in message.fields if field.containing_oneof is None}
        kept = {name.partition("_")[2]} if "_" in name else fields | {camel(one.name) for one in message.oneofs}
        assert keys <= kept, name


def test_go_and_java_read_fields_that_there_are() -> None:
    in_go = set(re.findall(r"\.Get(\w+)\(\)", GO))
    assert len(in_go) > 15
    assert in_go <= FIELDS
    in_java = set(re.findall(r"\.(?:get|set|has|addAll|add)([A-Z]\w*)\(", JAVA))
    # A field that repeats is read as a list; one that is a message can be built in place. A status is gRPC's too.
    plain = {name.removesuffix("Builder") if name not in FIELDS else name for name in in_java}
    plain = {name.removesuffix("List") if name not in FIELDS else name for name in plain}
    assert len(plain) > 15
    assert plain <= FIELDS


def test_java_imports_what_the_generator_makes() -> None:
    outer = {}
    for file in FILES:
        name = camel(Path(file.name).stem)
        outer[name + "OuterClass" * (name in file.message_types_by_name)] = file
    imports = re.findall(r"^import raphson\.v1\.(\w+)(?:\.(\w+))?;$", JAVA, re.MULTILINE)
    assert len(imports) > 10
    for first, second in imports:
        if second:
            file = outer[first]
            assert second in file.message_types_by_name or second in file.enum_types_by_name
        else:
            assert first.removesuffix("Grpc") in SERVICES


def test_java_calls_methods_and_values_that_there_are() -> None:
    methods = {
        method.name for file in FILES for service in file.services_by_name.values() for method in service.methods
    }
    calls = set(re.findall(r"\.(solve|evaluate|solveCallback)\(", JAVA))
    assert {name[0].upper() + name[1:] for name in calls} <= methods
    assert set(re.findall(r"\b(METHOD_\w+)", JAVA)) <= VALUES


def test_the_files_that_are_generated_are_there() -> None:
    proto = PAGE.parents[1] / "proto"
    named = set(re.findall(r"raphson/v1/\w+\.proto", TEXT))
    assert {"raphson/v1/solver.proto", "raphson/v1/jacobian.proto"} <= named
    assert all((proto / name).exists() for name in named)
