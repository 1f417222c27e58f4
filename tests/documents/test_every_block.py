"""Every block of the README and of docs/ is done by some test, or is listed here with the reason why it is not."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.documents import (
    test_functions,
    test_guides,
    test_jacobian,
    test_jobs,
    test_operations,
    test_other_languages,
    test_readme,
    test_security,
    test_site,
)
from tests.documents.page import DOCS, ROOT, followed, one_command, parts

PAGES = {page.relative_to(ROOT).as_posix(): page for page in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]}
DONE = {
    "README.md": test_readme.DONE,
    "docs/functions.md": test_functions.DONE,
    "docs/jacobian.md": test_jacobian.DONE,
    "docs/jobs.md": test_jobs.DONE,
    "docs/operations.md": test_operations.DONE,
    "docs/other-languages.md": test_other_languages.DONE,
    "docs/reference/results.md": [test_site.TREE],
    "docs/security.md": test_security.DONE,
    **{page.relative_to(ROOT).as_posix(): followed(page) for page in test_guides.PAGES},
}
INSTALLS = "installs from outside; that its extras are there is tested below"
PICTURE = "a picture"
NOT_DONE = {
    ("README.md", "make run"): "installs first; what it runs then is tests/examples/test_run.py",
    ("README.md", "make test"): "installs first, and then runs this",
    ("README.md", "newton, 0 iterations"): "how many lines of progress there are depends on how fast the machine is",
    ("docs/architecture.md", "            client/raphson"): PICTURE,
    ("docs/index.md", "pip install"): INSTALLS,
    ("docs/jobs.md", "pip install"): INSTALLS,
    ("docs/jobs.md", " caller ── gRPC"): PICTURE,
    ("docs/operations.md", "request "): PICTURE,
    ("docs/other-languages.md", "cd examples/node"): "tests/client/test_node.py does it, where Node is",
    (
        "docs/other-languages.md",
        "package main",
    ): "needs Go, and modules from outside; the names that it uses are tested",
    (
        "docs/other-languages.md",
        "import com.google",
    ): "needs gRPC's jars from outside; the names that it uses are tested",
}
"""What no test does, by page and beginning, and why."""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_nothing_that_is_neither_done_nor_listed(name: str) -> None:
    shown = parts(PAGES[name])
    done = {_plain(text) for text in DONE.get(name, [])}
    assert done <= {part.text for part in shown}, "expected that what tests do is on the page as it is"
    left = [part for part in shown if part.text not in done]
    listed = [start for page, start in NOT_DONE if page == name]
    unlisted = [part for part in left if not part.text.startswith(tuple(listed))]
    assert unlisted == [], "expected a test that does it, or the reason why there is none in NOT_DONE"
    gone = [start for start in listed if not any(part.text.startswith(start) for part in left)]
    assert gone == [], "expected only what is on the page, and not done, in NOT_DONE"


def test_every_listed_block_has_a_reason_and_a_page() -> None:
    assert {name for name, _ in NOT_DONE} <= set(PAGES)
    assert all(NOT_DONE.values())


def test_what_is_installed_is_there_to_install() -> None:
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    named = {
        extra
        for page in PAGES.values()
        for some in re.findall(r"pip install '(?:\.|raphson)\[([\w,]+)\]'", page.read_text())
        for extra in some.split(",")
    }
    assert {"server", "jobs", "dask", "plot", "progress", "tracing"} <= named <= extras


def _plain(text: str) -> str:
    """Write what a test does as `parts` writes it: blocks end with their line, commands do not."""
    return text if text.endswith("\n") else one_command(text)
