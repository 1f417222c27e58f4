"""What a page of the site makes a browser load by itself: nothing from elsewhere, or others learn of each visit."""

from __future__ import annotations

import re

ELSEWHERE = r"((?:https?:)?//[^\"'\s>)]+)"
PATTERNS = {
    ".html": (
        re.compile(rf"<(?:script|img|iframe|source|audio|video|embed)\b[^>]*\ssrc=[\"']?{ELSEWHERE}"),
        re.compile(rf"<link\b(?![^>]*rel=[\"']?canonical)[^>]*\shref=[\"']?{ELSEWHERE}"),
    ),
    ".css": (re.compile(rf"(?:@import\s*|url\(\s*)[\"']?{ELSEWHERE}"),),
}


def loaded_from_elsewhere(text: str, suffix: str) -> list[str]:
    """Return the addresses that a file loads from other hosts; links, which a reader follows, do not count.

    Parameters
    ----------
    text : str
        What is in the file.
    suffix : str
        Such as ``".html"``.
    """
    return [address for pattern in PATTERNS.get(suffix, ()) for address in pattern.findall(text)]
