"""What the site has beyond the pages of docs/, and what it must not have: anything that is fetched from elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).parents[1]))
from website.blocks import with_blocks
from website.files import WIRE, linked_files, with_links
from website.loaded import PATTERNS, loaded_from_elsewhere
from website.wire import wire_page

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are generated: the wire, and the files outside docs/ that pages link to."""
    files.append(File.generated(config, WIRE, content=wire_page()))
    texts = {file.src_uri: file.content_string for file in files.documentation_pages() if file.src_uri != WIRE}
    for place, content in linked_files(texts).items():
        files.append(File.generated(config, place, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links out of docs/ stay in the site, blocks have their files' names, and wide drawings fit."""
    del config, files
    if page.file.src_uri.startswith("files/"):
        return markdown
    return with_blocks(with_links(page.file.src_uri, markdown))


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse a site whose pages load anything from elsewhere."""
    folder = Path(config.site_dir)
    for path in sorted(file for file in folder.rglob("*") if file.suffix in PATTERNS):
        for address in loaded_from_elsewhere(path.read_text(), path.suffix):
            raise PluginError(
                f"{path.relative_to(folder)} loads {address}: others would be told of each reader's visit"
            )
