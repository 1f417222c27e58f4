"""What the site has beyond the pages of docs/, and what it must not have: anything that is fetched from elsewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).parents[1]))
from website.files import WIRE, linked_files, with_links
from website.wire import wire_page

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

# A block that the tests write to a file says so after its language; here that is its title.
FILE_BLOCK = re.compile(r"^```(\w+) file=(\S+)$", re.MULTILINE)
# What a browser loads by itself when it shows a page.
LOADED = re.compile(r"<(?:script|img|iframe|source|audio|video|embed)\b[^>]*\ssrc=[\"']?((?:https?:)?//[^\"'\s>]+)")
STYLED = re.compile(r"<link\b(?![^>]*rel=[\"']?canonical)[^>]*\shref=[\"']?((?:https?:)?//[^\"'\s>]+)")
IMPORTED = re.compile(r"(?:@import\s*|url\(\s*)[\"']?((?:https?:)?//[^\"')\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are generated: the wire, and the files outside docs/ that pages link to."""
    files.append(File.generated(config, WIRE, content=wire_page()))
    texts = {file.src_uri: file.content_string for file in files.documentation_pages() if file.src_uri != WIRE}
    for place, content in linked_files(texts).items():
        files.append(File.generated(config, place, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links out of docs/ stay in the site, and blocks have their files' names."""
    del config, files
    if page.file.src_uri.startswith("files/"):
        return markdown
    return FILE_BLOCK.sub(r'```\1 title="\2"', with_links(page.file.src_uri, markdown))


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse a site whose pages load anything from elsewhere."""
    for path in sorted(Path(config.site_dir).rglob("*")):
        patterns = {".html": (LOADED, STYLED), ".css": (IMPORTED,)}.get(path.suffix, ())
        text = path.read_text() if patterns else ""
        for address in [found for pattern in patterns for found in pattern.findall(text)]:
            page = path.relative_to(config.site_dir)
            raise PluginError(f"{page} loads {address}: others would be told of each reader's visit")
