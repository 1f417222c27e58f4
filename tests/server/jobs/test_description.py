"""What a job is: written and read back, and what it cannot be."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raphson.v1.system_pb2 import Parameter, System, Variable
from raphson_server.jobs.description import JobDescription, TableFormat, fitting_chunk_rows
from raphson_server.jobs.errors import JobError

NUMBERS = st.floats(allow_nan=False) | st.lists(st.floats(allow_nan=False), max_size=3)
NAMES = st.text(min_size=1, max_size=5)
OPTIONAL = st.none() | st.floats(1e-15, 0.5)


@given(
    st.builds(
        JobDescription,
        definition=st.binary(max_size=40),
        input_url=NAMES,
        output_url=NAMES,
        start=st.dictionaries(NAMES, NUMBERS, max_size=3),
        parameters=st.dictionaries(NAMES, NUMBERS, max_size=3),
        method=NAMES,
        tolerance=OPTIONAL,
        absolute_tolerance=OPTIONAL,
        max_iterations=st.none() | st.integers(1, 10**6),
        warm_start=st.booleans(),
        input_format=st.none() | st.sampled_from(TableFormat),
        output_format=st.none() | st.sampled_from(TableFormat),
        chunk_rows=st.integers(1, 2**24),
        carry=st.lists(NAMES, max_size=3).map(tuple),
        overwrite=st.booleans(),
    )
)
def test_what_is_written_is_read_back(description: JobDescription) -> None:
    text = description.to_json()
    read = JobDescription.from_json(text)
    assert read == description
    assert read.to_json() == text


@pytest.mark.parametrize("rows", [0, -1, 2**24 + 1])
def test_a_number_of_rows_that_cannot_be_is_refused(rows: int) -> None:
    with pytest.raises(JobError, match=f"chunk_rows is {rows}; expected a whole number from 1 to 16,777,216"):
        JobDescription(definition=b"", input_url="a", output_url="b", chunk_rows=rows)


@pytest.mark.parametrize("name", ["input_url", "output_url"])
def test_an_empty_name_is_refused(name: str) -> None:
    with pytest.raises(JobError, match=f"{name} is empty; expected a path or a URL"):
        JobDescription(**{"definition": b"", "input_url": "a", "output_url": "b", name: ""})


def test_what_another_version_wrote_is_refused() -> None:
    content = json.loads(JobDescription(definition=b"", input_url="a", output_url="b").to_json())
    for change in ({"version": 2}, {"news": 1}):
        with pytest.raises(JobError, match="expected version 1"):
            JobDescription.from_json(json.dumps(content | change))


@pytest.mark.parametrize(("n", "rows"), [(1, 65_536), (8, 32_768), (50, 8_192), (10**4, 64), (10**6, 64)])
def test_wide_rows_go_in_smaller_chunks(n: int, rows: int) -> None:
    system = System(variables=[Variable(name="u", shape=[n])], parameters=[Parameter(name="p")])
    assert fitting_chunk_rows(system) == rows
