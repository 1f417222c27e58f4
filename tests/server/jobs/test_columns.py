"""Which column is what, and the words for what cannot be."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
import raphson_solver as rs
from raphson_server.jobs.columns import Layout, read_layout
from raphson_server.jobs.description import JobDescription
from raphson_server.jobs.errors import JobError, JobErrorCode

SYSTEM = rs.compile(
    ["x[i]**2 = h[i] + q for i in range(k)", "W[0,0] + W[1,2] = 3", "y = q"],
    {"x": [1.0] * 3, "W": [[0.0] * 3] * 2, "y": 0.0},
    {"h": [0.5] * 3, "q": 0.5, "k": 3},
)
NUMBER = pa.float64()
LIST = pa.list_(NUMBER)
GIVEN = {"h": [0.1, 0.2, 0.3], "q": 2.0}


def layout(columns: dict[str, pa.DataType], **more: Any) -> Layout:
    start = {"x": [1.0] * 3, "W": [[0.0] * 3] * 2, "y": 0.0}
    description = JobDescription(
        definition=b"", input_url="in", output_url="out", start=start, **{"parameters": GIVEN, **more}
    )
    return read_layout(SYSTEM, description, pa.schema(list(columns.items())), "in.parquet")


def test_columns_belong_to_the_names_they_have() -> None:
    found = layout({"id": pa.string(), "q": pa.int32(), "x": pa.list_(NUMBER, 3)}, carry=("id", "q"))
    assert [(each.name, each.columns) for each in found.parameters] == [("h", ()), ("q", ("q",))]
    assert [(each.name, each.columns) for each in found.starts] == [("x", ("x",)), ("W", ()), ("y", ())]
    assert found.parameters[0].constant is not None
    assert found.parameters[0].constant.tolist() == GIVEN["h"]
    assert found.carried == ("id", "q")
    assert found.has_starts


def test_an_array_may_have_a_column_for_each_element() -> None:
    elements = {f"W[{i},{j}]": NUMBER for j in range(3) for i in range(2)}
    found = layout({"q": NUMBER, **elements})
    assert found.starts[1].columns == ("W[0,0]", "W[0,1]", "W[0,2]", "W[1,0]", "W[1,1]", "W[1,2]")
    assert found.columns(pa.schema([("q", NUMBER), *elements.items()])) == ["q", *elements]


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.list_(NUMBER, 3), 2), pa.large_list(pa.list_(pa.int8())), LIST, pa.list_(NUMBER, 6)]
)
def test_a_matrix_is_lists_of_lists_or_flat(kind: pa.DataType) -> None:
    assert layout({"W": kind, "q": NUMBER}).starts[1].columns == ("W",)


def test_a_star_carries_what_belongs_to_nothing_else() -> None:
    found = layout({"name": pa.string(), "q": NUMBER, "y": NUMBER, "when": pa.timestamp("s")}, carry=("*",))
    assert found.carried == ("name", "when")


@pytest.mark.parametrize(
    ("columns", "more", "words"),
    [
        ({"q": pa.string()}, {}, "column 'q' is string; expected numbers, since it is a parameter"),
        ({"q": pa.bool_()}, {}, "column 'q' is bool; expected numbers"),
        ({"q": pa.timestamp("s")}, {}, r"column 'q' is timestamp\[s\]; expected numbers"),
        ({"q": LIST}, {}, "column 'q' is list<item: double>; expected numbers"),
        ({"h": NUMBER}, {}, "column 'h' is double; expected lists of 3 numbers, since it is a parameter"),
        ({"h": pa.list_(pa.string())}, {}, "column 'h' is list<item: string>; expected lists of 3 numbers"),
        ({"h": pa.list_(NUMBER, 4)}, {}, r"column 'h' has lists of 4; expected 3, the parameter's shape \(3,\)"),
        ({"W": pa.list_(pa.list_(NUMBER, 2), 3)}, {}, r"column 'W' has lists of 3; expected 2"),
        ({"W": pa.list_(pa.list_(LIST))}, {}, "column 'W' is .*; expected lists of 6 numbers, since it is a start"),
        ({"h": LIST, "h[1]": NUMBER}, {}, "'h' has a column of its own and 'h\\[1\\]'; expected one or the other"),
        ({"h[0]": NUMBER, "h[2]": NUMBER}, {}, r"'h' has columns 'h\[0\]', 'h\[2\]', but not 'h\[1\]'; expected all"),
        ({"h[0]": NUMBER, "h[1]": pa.string(), "h[2]": NUMBER}, {}, r"column 'h\[1\]' is string; expected numbers"),
        (
            {"H": LIST},
            {"parameters": {"q": 1.0}},
            r"no column for the parameter 'h'.*; expected a column 'h' of lists of 3 .*'h\[0\]'.*'H'?",
        ),
        ({"Q": NUMBER}, {"parameters": {"h": [1.0] * 3}}, "no column for the parameter 'q'.*; is it 'Q'?"),
        ({"q": NUMBER, "id": pa.int64()}, {}, "column 'id' is no parameter, no variable, and not carried"),
        ({"q": NUMBER, "yy": NUMBER}, {}, "column 'yy' is no parameter.*; did you mean 'y'?"),
        ({"q": NUMBER, "k": pa.int64()}, {}, "'k' is a parameter that the equations use in a range or as an index"),
        ({"id": NUMBER}, {"carry": ("id",)}, "no column is a parameter or a start; expected some of 'h', 'q', 'x'"),
        ({"q": NUMBER}, {"carry": ("name",)}, "there is no column 'name' to carry; expected some of 'q'"),
        ({"q": NUMBER, "status": pa.string()}, {"carry": ("*",)}, "'status' cannot be carried: .* rename it"),
        ({"q": NUMBER, "y": NUMBER}, {"carry": ("y",)}, "'y' cannot be carried: the output has a column of that name"),
    ],
)
def test_what_cannot_be_is_told_by_column(columns: dict[str, pa.DataType], more: dict[str, Any], words: str) -> None:
    with pytest.raises(JobError, match=f"^in.parquet: .*{words}") as raised:
        layout(columns, **more)
    assert raised.value.code is JobErrorCode.INVALID_COLUMNS


def test_a_name_that_is_there_twice_is_refused() -> None:
    schema = pa.schema([("q", NUMBER), ("q", NUMBER)])
    description = JobDescription(definition=b"", input_url="in", output_url="out")
    with pytest.raises(JobError, match="column 'q' is there twice; expected each name once"):
        read_layout(SYSTEM, description, schema, "in.parquet")
