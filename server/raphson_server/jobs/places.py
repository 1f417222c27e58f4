"""Where callers' jobs may read and write: beneath the places that the operator names, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

_LOCAL_SCHEMES = ("file", "local")
_CHAIN = "::"
_UP = ".."


class PlaceError(Exception):
    """A path or URL that a caller may not name.

    Attributes
    ----------
    message : str
        The path, and what may be named.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Places:
    """The places beneath which callers may read and write.

    Parameters
    ----------
    roots : tuple of str
        Absolute paths of this machine, and URLs with their schemes.

    Notes
    -----
    A path is refused if it is not absolute, has ``..`` in it, or leads out by a symbolic link. Whoever may make links
    beneath a root, by other means than a job, can still exchange a folder for a link between this look and the opening
    of the file; a root is to belong to the server.
    """

    def __init__(self, roots: tuple[str, ...]) -> None:
        self._roots = roots
        self._folders = [Path(os.path.realpath(_local(root) or root)) for root in roots if _local(root) is not None]
        self._urls = [_parts(root) for root in roots if _local(root) is None]

    def check(self, url: str) -> None:
        """Refuse what is not beneath one of the roots.

        Raises
        ------
        PlaceError
        """
        if _CHAIN in url:
            raise PlaceError(f"{url!r} chains file systems by '::'; expected a plain path or URL")
        if "\0" in url:
            raise PlaceError(f"{url!r} has a zero byte; expected a plain path or URL")
        if _UP in unquote(url).replace("\\", "/").split("/"):
            raise PlaceError(f"{url!r} has '..' in it; expected a path without")
        path = _local(url)
        if path is None:
            allowed = any(_is_beneath(_parts(url), root) for root in self._urls)
        elif not path.startswith("/"):
            raise PlaceError(f"{url!r} is relative; expected an absolute path of the server's machine, or a URL")
        else:
            real = Path(os.path.realpath(path))
            allowed = any(real != folder and real.is_relative_to(folder) for folder in self._folders)
        if not allowed:
            places = ", ".join(map(repr, self._roots)) if self._roots else "nothing: it was started without --job-files"
            raise PlaceError(f"{url!r} is not beneath what this server lets jobs read and write: {places}")


def is_same_file(url: str, other: str) -> bool:
    """Tell whether two names are of one file, by whatever links."""
    path, other_path = _local(url), _local(other)
    if path is None or other_path is None:
        return path is other_path and _parts(url) == _parts(other)
    try:
        return Path(path).samefile(other_path)
    except OSError:
        # One of them is not there.
        return os.path.realpath(path) == os.path.realpath(other_path)


def _local(url: str) -> str | None:
    """Return the path of what is on this machine; None for other URLs."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    return rest if scheme in _LOCAL_SCHEMES else None


def _parts(url: str) -> tuple[str, ...]:
    scheme, _, rest = url.partition("://")
    return (scheme, *(part for part in rest.split("/") if part))


def _is_beneath(parts: tuple[str, ...], root: tuple[str, ...]) -> bool:
    return len(parts) > len(root) and parts[: len(root)] == root
