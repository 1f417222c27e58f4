"""The engine's machine code on disk: damaged, unwritable or of others, it costs a compilation and no more."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest
from raphson_solver.engine import cache


def twice(x: float) -> float:
    return 2.0 * x


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache, "cache_directory", lambda: tmp_path)
    return tmp_path


def compiled() -> bool:
    """Call the function as a new process would; return whether it had to be compiled."""
    function: Any = numba.njit(twice)
    function._cache = cache.EngineCache(twice)
    assert function(1.5) == 3.0
    return bool(sum(function.stats.cache_misses.values()))


def changed(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda content: b"",
    lambda content: content[: len(content) // 2],
    lambda content: b"garbage" * 1000,
    lambda content: content[:-100] + bytes((content[-100] ^ 1,)) + content[-99:],
]


def test_code_is_found_again(folder: Path) -> None:
    assert compiled()
    assert not compiled()
    assert sorted(path.suffix for path in folder.iterdir()) == [".nbc", ".nbi"]


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_damaged_files_are_written_anew(folder: Path, suffix: str, caplog: pytest.LogCaptureFixture) -> None:
    assert compiled()
    (path,) = folder.glob(f"*{suffix}")
    for damage in DAMAGES:
        changed(path, damage)
        caplog.clear()
        assert compiled()
        assert "damaged" in caplog.text
        assert not compiled()


def test_a_file_that_is_gone(folder: Path) -> None:
    assert compiled()
    next(folder.glob("*.nbc")).unlink()
    assert compiled()
    assert not compiled()


def test_code_under_another_key_is_not_run(folder: Path) -> None:
    """Two processors wrote at the same time: the index is of the one, the code of the other."""
    assert compiled()
    (path,) = folder.glob("*.nbc")
    files = cache.EngineCache(twice)._cache_file
    _, data = cache._read(str(path))
    files._save_data(path.name, (("another", "processor"), data))
    assert compiled()


def test_a_full_disk_is_told_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cache._tell_unwritable.cache_clear()
    monkeypatch.setattr(cache._CodeFiles, "_write", refuse)
    assert compiled()
    assert compiled()
    assert caplog.text.count("No space left on device") == 1
    assert not list(folder.iterdir())


def directory(monkeypatch: pytest.MonkeyPatch, root: Path, temporary: Path) -> Path:
    """Return the directory of a process with this environment."""
    monkeypatch.setenv("RAPHSON_CACHE_DIR", str(root))
    monkeypatch.setattr(cache.tempfile, "tempdir", str(temporary))
    return cache.cache_directory.__wrapped__()


def test_folders_that_others_may_write_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "asked" / "for"
    found = directory(monkeypatch, root, tmp_path)
    assert found.parent == root / "engine"
    for folder in (found, found.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(0o777)
    assert directory(monkeypatch, root, tmp_path) == found
    for folder in (found, found.parent):
        assert folder.stat().st_mode & 0o022 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
@pytest.mark.parametrize("place", ["root", "engine", "version"])
def test_code_is_not_loaded_from_what_another_user_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The user's cache cannot be written, and somebody was first with the folder beside everybody's files."""
    unwritable = tmp_path / "file"
    unwritable.write_text("no folder")
    fallback = directory(monkeypatch, unwritable / "cache", tmp_path)
    stranger = {"root": fallback.parent.parent, "engine": fallback.parent, "version": fallback}[place]
    assert stranger.name.startswith("raphson-") or place != "root"
    os.chown(stranger, 12345, -1)
    with pytest.raises(OSError, match="no directory"):
        directory(monkeypatch, unwritable / "cache", tmp_path)
