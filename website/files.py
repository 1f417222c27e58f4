"""Files outside docs/ that pages link to, as pages of their own: a site has no repository behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import join, normpath, relpath

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\((\.\./[^)#\s]*)(#[^)\s]*)?\)")
LANGUAGES = {
    ".py": "python", ".sh": "bash", ".toml": "toml", ".json": "json", ".yml": "yaml", ".yaml": "yaml",
    ".mjs": "javascript", ".proto": "proto",
}  # fmt: skip
# The page of the wire says all that these do.
PROTOS = "proto/raphson/v1"
WIRE = "reference/wire.md"


def linked_files(texts: dict[str, str]) -> dict[str, str]:
    """Return the pages, by their places in the site, of what these texts link to outside docs/.

    Parameters
    ----------
    texts : dict
        Pages of docs/ by their paths there.
    """
    pages: dict[str, str] = {}
    for page, text in texts.items():
        for link in LINK.finditer(text):
            target = _outside(page, link[1])
            if target is not None and not target.startswith(PROTOS):
                for path in _below(ROOT / target):
                    pages[_place(path)] = _page(path)
    return pages


def with_links(page: str, text: str) -> str:
    """Return a page whose links to files outside docs/ lead to their pages here."""

    def inside(link: re.Match[str]) -> str:
        target = _outside(page, link[1])
        if target is None:
            return link[0]
        place = WIRE if target.startswith(PROTOS) else _place(ROOT / target)
        return f"]({relpath(place, str(Path(page).parent))}{link[2] or ''})"

    return LINK.sub(inside, text)


def _outside(page: str, link: str) -> str | None:
    """Return where a link leads, seen from the root; None if it stays in docs/, or leads nowhere, as is then told."""
    target = normpath(join("docs", str(Path(page).parent), link))
    is_there = (ROOT / target).exists() and not target.startswith(("docs/", ".."))
    return target if is_there else None


def _below(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir():
        for child in sorted(path.iterdir()):
            if child.name not in ("__pycache__", "node_modules"):
                yield from _below(child)


def _place(path: Path) -> str:
    name = path.relative_to(ROOT).as_posix()
    return f"files/{name}/index.md" if path.is_dir() else f"files/{name}.md"


def _page(path: Path) -> str:
    name = path.relative_to(ROOT).as_posix()
    # Such pages are found by links, not by words.
    head = f"---\nsearch:\n  exclude: true\n---\n\n# {name}\n\n"
    if path.is_dir():
        children = [child for child in _below(path) if child.parent == path]
        here = f"files/{name}"
        return head + "".join(
            f"- [{child.name}{'/' * child.is_dir()}]({relpath(_place(child), here)})\n" for child in children
        )
    return f"{head}````{LANGUAGES.get(path.suffix, 'text')}\n{path.read_text()}````\n"
