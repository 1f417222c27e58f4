"""Links out of docs/ stay in the site, and lead to what they named."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import pytest
import raphson
import raphson_solver
import yaml
from raphson import errors

from website.blocks import BLOCK, with_blocks
from website.files import linked_files, with_links
from website.loaded import loaded_from_elsewhere

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
(TREE,) = re.findall(
    r"^```\n(RaphsonError\n.*?)```", (DOCS / "reference" / "results.md").read_text(), re.DOTALL | re.MULTILINE
)


def test_a_linked_file_has_a_page_of_its_own() -> None:
    pages = linked_files({"security.md": "see [a test](../tests/server/test_seams.py)"})
    assert list(pages) == ["files/tests/server/test_seams.py.md"]
    page = pages["files/tests/server/test_seams.py.md"]
    assert (ROOT / "tests/server/test_seams.py").read_text() in page
    assert "exclude: true" in page


def test_a_linked_folder_lists_what_is_in_it() -> None:
    pages = linked_files({"guides/a.md": "[`deploy/`](../../deploy)"})
    assert "- [systemd/](systemd/index.md)" in pages["files/deploy/index.md"]
    assert "files/deploy/systemd/raphson.service.md" in pages


def test_links_lead_there_from_wherever_they_are() -> None:
    assert with_links("operations.md", "[d](../deploy)") == "[d](files/deploy/index.md)"
    assert with_links("guides/a.md", "[d](../../deploy/compose.yaml#x)") == "[d](../files/deploy/compose.yaml.md#x)"
    assert with_links("jobs.md", "[p](../proto/raphson/v1/job.proto)") == "[p](reference/wire.md)"


def test_other_links_stay() -> None:
    for text in ("[j](../jobs.md)", "[n](../nothing/here.md)", "[s](statuses.md#a)"):
        assert with_links("guides/a.md", text) == text
        assert not linked_files({"guides/a.md": text})


def test_every_page_is_in_the_navigation() -> None:
    def places(part: object) -> list[str]:
        if isinstance(part, str):
            return [part]
        inner = part.values() if isinstance(part, dict) else part
        return [place for each in inner for place in places(each)]  # type: ignore[attr-defined]

    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert sorted(places(navigation)) == sorted(pages | {"reference/wire.md"})


def test_blocks_have_titles_and_wide_drawings_fit() -> None:
    drawing = "─" * 120
    text = f"```python file=a.py\nx\n```\n\nwords\n\n```\n{drawing}\n```\n\n```\nnarrow\n```\n"
    assert with_blocks(text) == (
        f'```python title="a.py"\nx\n```\n\nwords\n\n``` {{ .text .wide }}\n{drawing}\n```\n\n```\nnarrow\n```\n'
    )


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.relative_to(DOCS).as_posix())
def test_what_is_in_blocks_and_between_them_stays(page: Path) -> None:
    before, after = page.read_text(), with_blocks(page.read_text())
    assert [block[2] for block in BLOCK.finditer(after)] == [block[2] for block in BLOCK.finditer(before)]
    assert BLOCK.sub("", after) == BLOCK.sub("", before)


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ('<script src="https://elsewhere/a.js"></script>', ".html"),
        ('<img alt="" src=//elsewhere/a.png>', ".html"),
        ('<link rel="stylesheet" href="https://elsewhere/a.css">', ".html"),
        ("@import 'https://elsewhere/a.css';", ".css"),
        ("a { background: url(https://elsewhere/a.png) }", ".css"),
    ],
)
def test_what_is_loaded_from_elsewhere_is_noticed(text: str, suffix: str) -> None:
    (address,) = loaded_from_elsewhere(text, suffix)
    assert "//elsewhere/a." in address


def test_links_and_files_of_the_site_may_be_there() -> None:
    page = '<a href="https://elsewhere/">a</a><script src="assets/a.js"></script><link rel="icon" href="../a.png">'
    assert loaded_from_elsewhere(page, ".html") == []
    assert loaded_from_elsewhere("a { background: url(data:image/png;base64,//8) }", ".css") == []
    assert loaded_from_elsewhere("https://elsewhere", ".js") == []


def test_the_reference_has_every_name_of_the_client() -> None:
    text = "".join((DOCS / "reference" / name).read_text() for name in ("client.md", "results.md"))
    shown = set(re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE))
    assert {f"raphson.{name}" for name in set(raphson.__all__) - {"aio"}} <= shown
    assert {"raphson.aio.connect", "raphson.aio.Client"} <= shown
    for name in shown:
        assert pkgutil.resolve_name(name) is not None


def test_the_reference_shows_the_tree_of_errors() -> None:
    assert errors.__doc__ is not None
    assert errors.__doc__.partition("\n\n")[2].rstrip() + "\n" == TREE


def test_the_reference_has_methods_of_the_solver_that_there_are() -> None:
    text = (DOCS / "reference" / "solver.md").read_text()
    for name in re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE):
        assert pkgutil.resolve_name(name).__doc__
    for method in re.findall(r"^ +- (\w+)$", text, re.MULTILINE):
        assert callable(getattr(raphson_solver.System, method))
