"""Machine code on disk: the same bits from there; damaged, foreign or not to be written it costs a compilation."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import raphson_solver as rs
from raphson_solver.compiler import machine, object_files
from raphson_solver.compiler.machine import MachineCode
from raphson_solver.compiler.object_files import ObjectFiles

PLENTY = 1 << 30
NOBODY = 65534
LM = rs.SolveOptions(method=rs.Method.LEVENBERG_MARQUARDT)
TEXT = """
declare double @exp(double)
define void @kernel(ptr %program, ptr %x, ptr %p, ptr %out, ptr %work) nounwind {
  %v = load double, ptr %x
  %y = call double @exp(double %v)
  store double %y, ptr %out
  ret void
}
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of this process's machine code."""
    use(tmp_path / "code", monkeypatch)
    return tmp_path / "code"


def use(folder: Path, monkeypatch: pytest.MonkeyPatch, most_bytes: int = PLENTY) -> None:
    files = ObjectFiles(folder, most_bytes)
    monkeypatch.setattr(machine, "object_files", lambda: files)


def compiled() -> bool:
    """Have the text as machine code, and run it; return whether it had to be compiled."""
    machine.COUNTS.take()
    code = MachineCode(TEXT, optimize=True)
    out = np.empty(1)
    from raphson_solver.compiler.kernel import SIGNATURE  # noqa: PLC0415

    SIGNATURE(code.address("kernel"))(None, np.ones(1).ctypes.data, None, out.ctypes.data, None)
    assert out[0] == np.exp(1.0)
    found, made = machine.COUNTS.take()
    assert found + made == 1
    return bool(made)


def files_of(folder: Path) -> list[Path]:
    """Return all but what turns are taken by."""
    return [path for path in folder.iterdir() if not path.name.startswith("turn.")]


def kept(folder: Path) -> Path:
    (path,) = files_of(folder)
    return path


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda content: b"",
    lambda content: content[: len(content) // 2],
    lambda content: content[:-1],
    lambda content: content + b"\0",
    lambda content: b"garbage" * 1000,
    lambda content: bytes((content[0] ^ 1,)) + content[1:],
    lambda content: content[:-100] + bytes((content[-100] ^ 1,)) + content[-99:],
]


def test_code_is_found_again_by_this_user_alone(folder: Path) -> None:
    assert compiled()
    assert not compiled()
    assert (folder.stat().st_mode & 0o777, kept(folder).stat().st_mode & 0o777) == (0o700, 0o600)


def test_whatever_it_depends_on_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [machine._key(text, optimize=optimize) for text, optimize in ((TEXT, True), (TEXT, False), (TEXT[1:], True))]
    for place, name, value in (
        (machine, "_FORMAT", 0),
        (machine.llvmlite, "__version__", "0.1"),
        (machine.llvm, "llvm_version_info", (1, 2, 3)),
        (machine, "_processor", lambda: ("other", "+avx")),
        (machine, "_processor", lambda: ("other", "-avx")),
        (machine.numba.config, "USING_SVML", "other"),
    ):
        monkeypatch.setattr(place, name, value)
        machine._maker.cache_clear()
        keys.append(machine._key(TEXT, optimize=True))
    monkeypatch.undo()
    machine._maker.cache_clear()
    assert len({*keys}) == 9


def test_no_text_has_an_address_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No number is made a pointer, whatever is compiled."""
    texts: list[str] = []
    real = machine._compiled

    def heard(text: str, *, optimize: bool) -> bytes:
        texts.append(text)
        return real(text, optimize=optimize)

    monkeypatch.setattr(machine, "object_files", lambda: None)
    monkeypatch.setattr(machine, "_compiled", heard)
    for solve in SOLVES:
        solve(1)
    assert len(texts) >= 7
    assert not any(re.search(r"inttoptr *\(?i64 *-?\d", text) for text in texts)


def written_out(mark: int) -> np.ndarray:
    start = {"x": np.linspace(0.5, 1.5, 8)}
    equations = [f"exp(x[{i}]) + x[{(i + 3) % 8}]**2 * sin(x[{i}]) = {3 + i}" + " " * mark for i in range(8)]
    system = rs.compile(equations, start=start)
    first = system.solve(start)
    system.compile(whole_steps=True)
    return np.concatenate([first.x, system.solve(start).x, system.solve(start, options=LM).x])


def family(mark: int) -> np.ndarray:
    n, start = 300, {"x": -np.ones(300)}
    equations = (
        "(3 - 2*x[0])*x[0] - 2*x[1] + exp(x[0]) = 0",
        "(3 - 2*x[i])*x[i] - x[i-1] - 2*x[i+1] + exp(x[i]) = 0 for i in range(1, n-1)",
        "(3 - 2*x[n-1])*x[n-1] - sum(x[j]/n for j in range(n)) + 1 = 0" + " " * mark,
    )
    return rs.compile(equations, start=start, parameters={"n": n}).solve(start).x


def lanes(mark: int) -> np.ndarray:
    system = rs.compile("x**2 + exp(x) = p" + " " * mark, start={"x": 1.0}, parameters=["p"])
    return system.solve_batch({"x": np.ones(20_000)}, {"p": np.linspace(2, 9, 20_000)}).x


SOLVES = (written_out, family, lanes)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("solve", SOLVES, ids=lambda solve: solve.__name__)
def test_code_from_disk_gives_the_same_bits(solve: Callable[[int], np.ndarray]) -> None:
    # Blanks at its end make a text new, and its code is the same.
    machine.COUNTS.take()
    fresh = solve(2)
    found, made = machine.COUNTS.take()
    assert (found, made > 0) == (0, True)
    loaded = solve(3)
    assert machine.COUNTS.take() == (made, 0)
    assert np.array_equal(fresh.view(np.int64), loaded.view(np.int64))
    assert np.all(np.isfinite(fresh))


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_written_anew(
    folder: Path, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    assert compiled()
    path = kept(folder)
    path.write_bytes(damage(path.read_bytes()))
    assert compiled()
    assert "is damaged; it is compiled again" in caplog.text
    assert not compiled()


def test_a_file_of_another_key_or_version_is_not_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled()
    older = kept(folder)
    monkeypatch.setattr(machine, "_FORMAT", 0)
    machine._maker.cache_clear()
    try:
        assert compiled()
        (newer,) = {*files_of(folder)} - {older}
        # As if it were what is looked for now.
        newer.write_bytes(older.read_bytes())
        assert compiled()
        assert not compiled()
    finally:
        machine._maker.cache_clear()


@as_root
def test_files_of_others_are_not_run(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert compiled()
    os.chown(kept(folder), NOBODY, -1)
    assert compiled()
    assert "belongs to another user" in caplog.text
    assert (kept(folder).stat().st_uid, compiled()) == (os.geteuid(), False)


def test_files_that_others_may_write_are_not_run(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert compiled()
    kept(folder).chmod(0o620)
    assert compiled()
    assert "may be written by other users" in caplog.text
    assert not compiled()


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    assert compiled()
    moved = kept(folder).rename(tmp_path / "elsewhere")
    (folder / machine._key(TEXT, optimize=True)).symlink_to(moved)
    assert compiled()
    assert not compiled()
    assert not kept(folder).is_symlink()


@pytest.mark.usefixtures("folder")
def test_a_folder_of_others_is_not_used(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    assert compiled()
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    assert compiled()
    assert compiled()
    assert caplog.text.count("belongs to another user") == 1


def test_a_folder_that_is_open_to_others_is_closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    assert compiled()
    assert folder.stat().st_mode & 0o777 == 0o700
    # As where a disk knows no modes.
    monkeypatch.setattr(os, "fchmod", lambda *_: None)
    folder.chmod(0o777)
    assert compiled()


@pytest.mark.parametrize("place", ["file", "link"])
def test_where_there_can_be_no_folder(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "there")
    use(tmp_path / "file" / "code" if place == "file" else tmp_path / "link", monkeypatch)
    assert compiled()
    assert compiled()
    assert caplog.text.count("is not kept") == 1
    assert not list((tmp_path / "there").iterdir())


@pytest.mark.parametrize("fails", ["write", "replace"])
def test_a_full_disk_is_told_once(
    folder: Path, fails: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if fails == "write":
        monkeypatch.setattr(object_files, "_digest", refuse)
    else:
        monkeypatch.setattr(os, "replace", refuse)
    assert compiled()
    assert compiled()
    assert caplog.text.count("No space left on device") == 1
    assert not files_of(folder)


def test_what_was_not_used_for_longest_goes(tmp_path: Path) -> None:
    most, content = 64 * 1024, bytes(4000)
    files = ObjectFiles(tmp_path / "code", most)
    stranger = tmp_path / "code" / "notes.txt"
    names = [f"{number:064x}" for number in range(100)]
    for age, name in enumerate(names[:16]):
        files.keep(name, content)
        os.utime(tmp_path / "code" / name, (age, age))
    stranger.write_text("not ours")
    os.utime(stranger, (0, 0))
    assert files.find(names[0]) == content
    # Each is a sixteenth, so that it is looked through at every one.
    left_behind = tmp_path / "code" / f"{names[99]}.0123456789abcdef"
    left_behind.write_bytes(content)
    os.utime(left_behind, (0, 0))
    files.keep(names[16], content)
    left = {path.name for path in (tmp_path / "code").iterdir()}
    assert left == {names[0], *names[6:17], stranger.name}
    for name in names[17:]:
        files.keep(name, content)
        assert sum(path.stat().st_size for path in (tmp_path / "code").iterdir()) <= most
    files.keep("f" * 64, bytes(most // 4))
    assert files.find("f" * 64) is None


_CHILD = """
import sys
from pathlib import Path
import raphson_solver as rs
from raphson_solver.compiler import machine
from raphson_solver.compiler.object_files import ObjectFiles
files = ObjectFiles(Path(sys.argv[1]), int(sys.argv[2]))
machine.object_files = lambda: files
print("ready", flush=True)
sys.stdin.readline()
for k in range(3):
    for c in range(2, 12):
        system = rs.compile(f"x**3 + exp(x) = {c}" + " " * k, start={"x": 1.0})
        print(system.solve({"x": 1.0})["x"].hex())
print(*machine.COUNTS.take())
"""


@pytest.mark.parametrize("most_bytes", [PLENTY, 32 * 1024])
def test_two_processes_at_once(tmp_path: Path, most_bytes: int) -> None:
    """On one folder, and with room for everything, or for next to nothing."""
    both = [
        subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(tmp_path / "code"), str(most_bytes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    said = [process.communicate("\n", timeout=120) for process in both]
    assert [errors for _, errors in said] == ["", ""]
    (*first, counts), (*second, others) = (output.split("\n")[:-1] for output, _ in said)
    assert first == second
    assert len(set(first)) == 10
    left = files_of(tmp_path / "code")
    assert all(len(path.name) == 64 for path in left)
    if most_bytes == PLENTY:
        # Whoever came second to a text, or again, found it; with patience, which a loaded machine may try, at once.
        assert all(int(each.split()[0]) >= 20 for each in (counts, others))
    else:
        assert sum(path.stat().st_size for path in left) <= most_bytes


_AGAIN = """
import sys
from pathlib import Path
from raphson_solver.compiler import machine
from raphson_solver.compiler.object_files import ObjectFiles
from tests.solver.compiler.test_object_files import SOLVES
files = ObjectFiles(Path(sys.argv[1]), 1 << 30)
machine.object_files = lambda: files
for solve in SOLVES:
    solve(0)
print(*machine.COUNTS.take())
"""


def test_another_process_finds_all_of_it(tmp_path: Path) -> None:
    """Whatever its addresses are, and in whichever order its sets are."""

    def run(seed: str) -> list[str]:
        return subprocess.run(
            [sys.executable, "-c", _AGAIN, str(tmp_path / "code")],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[3],
            stdout=subprocess.PIPE,
            text=True,
            timeout=120,
            check=True,
        ).stdout.split()

    _, made = run("1")
    assert int(made) >= 7
    assert run("2") == [made, "0"]


def test_one_compiles_and_the_others_wait(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = machine._compiled

    def slow(text: str, *, optimize: bool) -> bytes:
        began.set()
        time.sleep(0.3)
        return real(text, optimize=optimize)

    began = threading.Event()
    monkeypatch.setattr(machine, "_compiled", slow)
    monkeypatch.setattr(machine, "_CHARACTER_SECONDS", 1.0)
    machine.COUNTS.take()
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(MachineCode, TEXT, optimize=True)
        assert began.wait(10)
        for other in [threads.submit(MachineCode, TEXT, optimize=True) for _ in range(2)]:
            other.result()
        first.result()
    assert machine.COUNTS.take() == (2, 1)
    assert len(files_of(folder)) == 1


def test_nobody_waits_long_for_a_process_that_stands_still(folder: Path) -> None:
    key = machine._key(TEXT, optimize=True)
    with ObjectFiles(folder, PLENTY).turn(key, 0.0):
        began = time.monotonic()
        assert compiled()
        assert time.monotonic() - began < 5
    assert not compiled()


def test_where_a_disk_has_no_locks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(object_files.fcntl, "flock", refuse)
    assert compiled()
    assert not compiled()
    assert len(files_of(folder)) == 1


@pytest.mark.parametrize(("said", "bound"), [(None, 256 << 20), ("", 256 << 20), ("0", None), ("1000", 1000)])
def test_the_environment_bounds_it_or_switches_it_off(
    said: str | None, bound: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(object_files.VARIABLE, raising=False)
    if said is not None:
        monkeypatch.setenv(object_files.VARIABLE, said)
    files = object_files.object_files.__wrapped__()
    assert (None if files is None else files._most_bytes) == bound


@pytest.mark.parametrize("said", ["-1", "1e9", "off", "²"])
def test_a_bound_that_is_none_is_refused(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(object_files.VARIABLE, said)
    with pytest.raises(rs.InputError, match=rf"RAPHSON_CODE_CACHE_BYTES: is '{said}'; expected a whole number"):
        object_files.object_files.__wrapped__()


def test_switched_off_nothing_is_read_or_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "object_files", lambda: None)
    monkeypatch.chdir(tmp_path)
    assert compiled()
    assert compiled()
    assert not list(tmp_path.iterdir())
