"""What the guides show, done: every block of every page, in its order, and what is printed."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
import raphson

from tests.documents.page import DOCS, SERVED_AT, assert_shown, follow, served_flags, write_files
from tests.server.running import running_server

PAGES = [DOCS / "index.md", DOCS / "newton.md", *sorted((DOCS / "guides").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_a_page_does_what_it_shows(
    page: Path, tmp_path: Path, client: raphson.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(page, tmp_path)
    flags = served_flags(page)
    with contextlib.ExitStack() as stack:
        address = client.address if flags is None else stack.enter_context(running_server(*flags)).address
        follow(page, address)


def test_what_a_page_shows_is_compared() -> None:
    assert_shown("1.5 … s\n", "1.5 and 2.5 s\n", "here")
    with pytest.raises(AssertionError, match="here shows"):
        assert_shown("1.5\n", "1.6\n", "here")


def test_a_page_that_serves_says_where() -> None:
    for page in PAGES:
        if served_flags(page) is not None:
            assert re.search(rf'connect\("{SERVED_AT}"', page.read_text())
