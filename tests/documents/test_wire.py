"""The page of the wire has everything that the wire has, and what is said of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor
from raphson.v1 import array_pb2, jacobian_pb2, job_pb2, solver_pb2, system_pb2

from website.wire import wire_page

PROTO = Path(__file__).parents[2] / "proto" / "raphson" / "v1"
MODULES = (array_pb2, jacobian_pb2, job_pb2, solver_pb2, system_pb2)
FILES: list[FileDescriptor] = [module.DESCRIPTOR for module in MODULES]


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    """The page, by anchors."""
    parts = re.split(r"^#{3,4} .* \{ #(\S+) \}$", wire_page(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def messages(messages_: dict[str, Descriptor]) -> Iterator[Descriptor]:
    for message in messages_.values():
        yield message
        yield from messages(message.nested_types_by_name)


def enums() -> Iterator[EnumDescriptor]:
    for file in FILES:
        yield from file.enum_types_by_name.values()
        for message in messages(file.message_types_by_name):
            yield from message.enum_types


def short(name: str) -> str:
    return name.removeprefix("raphson.v1.")


def test_every_message_has_its_fields_there(sections: dict[str, str]) -> None:
    for file in FILES:
        for message in messages(file.message_types_by_name):
            rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", sections[short(message.full_name)], re.MULTILINE)
            assert rows == [(field.name, str(field.number)) for field in message.fields]


def test_every_enumeration_has_its_values_there(sections: dict[str, str]) -> None:
    for enum in enums():
        rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", sections[short(enum.full_name)], re.MULTILINE)
        assert rows == [(value.name, str(value.number)) for value in enum.values]


def test_every_method_says_what_goes_and_comes(sections: dict[str, str]) -> None:
    for file in FILES:
        for service in file.services_by_name.values():
            for method in service.methods:
                section = sections[f"{service.name}.{method.name}"]
                assert f"[{method.input_type.name}](#{method.input_type.name})" in section
                assert short(method.output_type.full_name).rpartition(".")[2] in section
    assert "(stream [SolveBatchRequest]" in sections["SolverService.SolveBatch"]
    assert "returns (stream [SolveCallbackResponse]" in sections["SolverService.SolveCallback"]


@pytest.mark.parametrize("path", sorted(PROTO.glob("*.proto")), ids=lambda path: path.stem)
def test_what_is_said_in_the_files_is_said_there(path: Path) -> None:
    page = re.sub(r"&#(\d+);", lambda sign: chr(int(sign[1])), wire_page()).replace("\\|", "|")
    words = set(page.split())
    for line in re.findall(r"^\s*// ?(.+)$", path.read_text(), re.MULTILINE):
        missing = [word for word in line.split() if word not in words and word not in page]
        assert not missing, line


def test_links_lead_to_what_is_there(sections: dict[str, str]) -> None:
    assert set(re.findall(r"\]\(#([\w.]+)\)", wire_page())) <= set(sections)


def test_signs_of_markdown_in_comments_stand_for_themselves(sections: dict[str, str]) -> None:
    assert "members·(8·n + 13)" in sections["SolveBatchRequest"]
    assert '"u&#91;3&#93;"' in sections["ActiveBound"]
