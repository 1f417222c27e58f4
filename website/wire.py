"""The reference of the wire: every service, method, message and field of proto/, with what is said of it there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)
from google.rpc import status_pb2

ROOT = Path(__file__).parents[1]
PACKAGE = ".raphson.v1."
# The numbers by which descriptors say where a comment belongs: fields of FileDescriptorProto and its parts.
FILE_MESSAGES, FILE_ENUMS, FILE_SERVICES = 4, 5, 6
MESSAGE_FIELDS, MESSAGE_NESTED, MESSAGE_ENUMS = 2, 3, 4
ENUM_VALUES = SERVICE_METHODS = 2
# In which order a reader wants them.
FILES = ("solver", "jacobian", "system", "array", "job")
INTRODUCTION = """# The wire

Generated from `proto/raphson/v1`, the contract between callers and servers. Fields are added, never changed. A field
that is not given has the default that its comment says; a list may be empty. All numbers are IEEE-754 binary64 unless
they are whole. [Other languages](../other-languages.md) shows it in use.
"""


def read_protos() -> list[FileDescriptorProto]:
    """Return what protoc knows of the files, comments included."""
    files = [f"raphson/v1/{name}.proto" for name in FILES]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        # google/rpc/*.proto is where an installed dependency brings it.
        includes = [f"-I{ROOT / 'proto'}", f"-I{Path(status_pb2.__file__).parents[2]}"]
        command = [sys.executable, "-m", "grpc_tools.protoc", *includes, "--include_source_info"]
        subprocess.run([*command, f"--descriptor_set_out={out}", *files], check=True, cwd=ROOT)
        found = FileDescriptorSet.FromString(out.read_bytes())
    by_name = {file.name: file for file in found.file}
    return [by_name[name] for name in files]


def wire_page() -> str:
    """Return the page, as Markdown."""
    return "\n".join([INTRODUCTION, *(line for file in read_protos() for line in _File(file).lines())]) + "\n"


class _File:
    """One file's part of the page."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._file = file
        self._comments = {tuple(at.path): at.leading_comments for at in file.source_code_info.location}

    def lines(self) -> Iterator[str]:
        file = self._file
        title = Path(file.name).stem.capitalize()
        yield from (f"## {title}", "", f"`{file.name}`", "")
        for place, service in enumerate(file.service):
            yield from self._service(service, (FILE_SERVICES, place))
        for place, message in enumerate(file.message_type):
            yield from self._message(message, (FILE_MESSAGES, place), "")
        for place, enum in enumerate(file.enum_type):
            yield from self._enum(enum, (FILE_ENUMS, place), "")

    def _said(self, *path: int) -> str:
        """Return a comment as paragraphs."""
        lines = [line.strip() for line in self._comments.get(path, "").strip().splitlines()]
        paragraphs = "\n".join(lines).split("\n\n")
        return "\n\n".join(_escaped(" ".join(paragraph.splitlines())) for paragraph in paragraphs)

    def _cell(self, *path: int) -> str:
        return self._said(*path).replace("\n\n", "<br>").replace("|", "\\|")

    def _service(self, service: ServiceDescriptorProto, path: tuple[int, ...]) -> Iterator[str]:
        yield from (f"### service {service.name} {{ #{service.name} }}", "", self._said(*path), "")
        for place, method in enumerate(service.method):
            request = ("stream " if method.client_streaming else "") + _linked(method.input_type)
            reply = ("stream " if method.server_streaming else "") + _linked(method.output_type)
            anchor = f"{service.name}.{method.name}"
            yield from (f"#### rpc {method.name} {{ #{anchor} }}", "", f"({request}) returns ({reply})", "")
            yield from (self._said(*path, SERVICE_METHODS, place), "")

    def _message(self, message: DescriptorProto, path: tuple[int, ...], outer: str) -> Iterator[str]:
        name = outer + message.name
        yield from (f"### message {name} {{ #{name} }}", "", self._said(*path), "")
        if message.field:
            yield from ("| field | | type | |", "| --- | --- | --- | --- |")
            for place, field in enumerate(message.field):
                said = self._cell(*path, MESSAGE_FIELDS, place)
                yield f"| `{field.name}` | {field.number} | {_type(message, field)} | {said} |"
            yield ""
        for place, enum in enumerate(message.enum_type):
            yield from self._enum(enum, (*path, MESSAGE_ENUMS, place), f"{name}.")
        for place, nested in enumerate(message.nested_type):
            yield from self._message(nested, (*path, MESSAGE_NESTED, place), f"{name}.")

    def _enum(self, enum: EnumDescriptorProto, path: tuple[int, ...], outer: str) -> Iterator[str]:
        name = outer + enum.name
        yield from (f"### enum {name} {{ #{name} }}", "", self._said(*path), "")
        yield from ("| value | | |", "| --- | --- | --- |")
        for place, value in enumerate(enum.value):
            yield f"| `{value.name}` | {value.number} | {self._cell(*path, ENUM_VALUES, place)} |"
        yield ""


def _escaped(text: str) -> str:
    """Let a comment's own signs stand for themselves, but for its code spans."""
    parts = text.split("`")
    for place in range(0, len(parts), 2):
        for sign in ("\\", "*", "_", "[", "]", "<"):
            parts[place] = parts[place].replace(sign, f"&#{ord(sign)};")
    return "`".join(parts)


def _type(message: DescriptorProto, field: FieldDescriptorProto) -> str:
    number = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    name = _linked(field.type_name) if field.type_name else number
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"repeated {name}"
    if field.proto3_optional:
        return f"optional {name}"
    if field.HasField("oneof_index"):
        return f"{name}, one of `{message.oneof_decl[field.oneof_index].name}`"
    return name


def _linked(name: str) -> str:
    if not name.startswith(PACKAGE):
        return f"`{name.removeprefix('.')}`"
    short = name.removeprefix(PACKAGE)
    return f"[{short}](#{short})"
