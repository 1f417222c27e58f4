"""What callers may name, and what not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raphson_server.jobs.places import PlaceError, Places, is_same_file

ROOTS = ("/data/tables/", "s3://bucket/folder", "gs://all")


@pytest.mark.parametrize(
    "url",
    [
        "/data/tables/a.parquet",
        "/data/tables/deep/er/a.parquet",
        "/data//tables/./a.parquet",
        "/data/tables/a..b.parquet",
        "file:///data/tables/a.parquet",
        "local:///data/tables/a.parquet",
        "s3://bucket/folder/a.parquet",
        "gs://all/of/it",
    ],
)
def test_what_is_beneath_a_root(url: str) -> None:
    Places(ROOTS).check(url)


@pytest.mark.parametrize(
    "url",
    [
        "/data/tables",
        "/data/tables/",
        "/data/tables-2/a.parquet",
        "/data",
        "/etc/passwd",
        "data/tables/a.parquet",
        "~/a.parquet",
        "",
        "/data/tables/../secret",
        "/data/tables/%2e%2e/secret",
        "/data/tables/..\\secret",
        "file://data/tables/a.parquet",
        "FILE:///data/tables/a.parquet",
        "s3://bucket/folder",
        "s3://bucket/folder-2/a",
        "s3://bucket/a",
        "s3://bucket-2/folder/a",
        "s3://key:secret@bucket/folder/a",
        "s3://bucket/folder/../a",
        "s3a://bucket/folder/a",
        "gs://all-others/a",
        "simplecache::s3://bucket/folder/a",
        "zip://a::/data/tables/a.zip",
        "http://all/of/it",
        "/data/tables/a\0.parquet",
    ],
)
def test_what_is_not(url: str) -> None:
    with pytest.raises(PlaceError) as caught:
        Places(ROOTS).check(url)
    assert repr(url) in caught.value.message


def test_nothing_is_allowed_without_roots() -> None:
    with pytest.raises(PlaceError, match="--job-files"):
        Places(()).check("/data/tables/a.parquet")


@given(st.lists(st.sampled_from(["..", ".", "a", "tables", "data", "", "%2e%2e", "~"]), max_size=8))
def test_no_path_leads_out(parts: list[str]) -> None:
    """Whatever is allowed is beneath the root when the path is worked out by itself."""
    url = "/" + "/".join(parts)
    try:
        Places(("/data/tables",)).check(url)
    except PlaceError:
        return
    found: list[str] = []
    for part in parts:
        if part == "..":
            del found[-1:]
        elif part not in {"", "."}:
            found.append(part)
    assert found[:2] == ["data", "tables"]
    assert len(found) > 2


def test_links_are_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "a").write_text("")
    (inside / "out").symlink_to(outside)
    (inside / "link").symlink_to(outside / "a")
    (inside / "not-there-yet").symlink_to(outside / "b")
    (inside / "own").symlink_to(inside / "a")
    (tmp_path / "in").symlink_to(inside)
    places = Places((str(inside),))
    for allowed in (inside / "a", inside / "own", tmp_path / "in" / "a", inside / "new"):
        places.check(str(allowed))
    for refused in (inside / "out" / "a", inside / "link", inside / "not-there-yet", inside / "out" / "new"):
        with pytest.raises(PlaceError):
            places.check(str(refused))
    # A root may be a link itself.
    Places((str(tmp_path / "in"),)).check(str(inside / "a"))


def test_one_file_by_two_names(tmp_path: Path) -> None:
    a, b, hard, soft = (tmp_path / name for name in ("a", "b", "hard", "soft"))
    a.write_text("")
    b.write_text("")
    hard.hardlink_to(a)
    soft.symlink_to(a)
    for other in (a, hard, soft, f"file://{a}", tmp_path / "." / "a"):
        assert is_same_file(str(a), str(other))
    assert not is_same_file(str(a), str(b))
    assert not is_same_file(str(a), str(tmp_path / "c"))
    assert is_same_file(str(tmp_path / "c"), str(tmp_path / "c"))
    assert is_same_file("s3://bucket/a", "s3://bucket//a")
    assert not is_same_file("s3://bucket/a", "s3://bucket/b")
    assert not is_same_file("s3://bucket/a", str(a))
