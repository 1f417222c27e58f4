"""Links out of docs/ stay in the site, and lead to what they named."""

from __future__ import annotations

from pathlib import Path

import yaml

from website.files import linked_files, with_links

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


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
