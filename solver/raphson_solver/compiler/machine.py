"""LLVM text to machine code in this process, compiled unless a process before has kept it on disk.

The text determines the code, together with what `_key` adds to it. It has no addresses: functions of the C library
are symbols, which the loader looks up in each process, and tables come through a kernel's arguments.
"""

from __future__ import annotations

import ctypes.util
import functools
import hashlib
import threading

import llvmlite
import llvmlite.binding as llvm
import numba

from raphson_solver.compiler.object_files import object_files

# Of what files hold, and of how the code here is made of a text: to be raised when that changes.
_FORMAT = 1
# Measured: what compiling takes, for each character of a text. Whoever has waited that long for another process to
# compile the same has at worst lost as much again.
_CHARACTER_SECONDS = 1e-6

_lock = threading.Lock()


class CodeCounts:
    """How many modules were found on disk, and how many compiled.

    Attributes
    ----------
    has_any : bool
        Whether there is something to take.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found = self._compiled = 0
        self.has_any = False

    def add(self, *, found: bool) -> None:
        """Count one."""
        with self._lock:
            self._found += found
            self._compiled += not found
            self.has_any = True

    def take(self) -> tuple[int, int]:
        """Return what was found, and compiled, since this was asked last."""
        with self._lock:
            taken = self._found, self._compiled
            self._found = self._compiled = 0
            self.has_any = False
        return taken


COUNTS = CodeCounts()
"""Of this process."""


class MachineCode:
    """A compiled module; its functions live as long as this object.

    Parameters
    ----------
    text : str
        An LLVM module.
    optimize : bool
        Whether to spend about four times as long for tighter code.
    """

    def __init__(self, text: str, *, optimize: bool) -> None:
        _initialize()
        # Compiled or found, it goes the same way: what is kept is what runs.
        self._engine = _loaded(_object(text, optimize=optimize))
        self._addresses: dict[str, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The functions that were asked for."""
        return tuple(self._addresses)

    def address(self, name: str) -> int:
        """Return where a function of the module starts."""
        if name not in self._addresses:
            # LLVM is asked once: it lets one thread in at a time, and another may compile for long.
            self._addresses[name] = int(self._engine.get_function_address(name))
        return self._addresses[name]


def is_kept(text: str) -> bool:
    """Return whether the tighter code of a module is on disk."""
    files = object_files()
    return files is not None and files.find(_key(text, optimize=True)) is not None


def _object(text: str, *, optimize: bool) -> bytes:
    """Return a module's object code, from disk if it is there."""
    files = object_files()
    if files is None:
        return _compiled(text, optimize=optimize)
    key = _key(text, optimize=optimize)
    content = files.find(key)
    if content is None:
        with files.turn(key, _CHARACTER_SECONDS * len(text)) as made_meanwhile:
            if made_meanwhile is None:
                content = _compiled(text, optimize=optimize)
                files.keep(key, content)
                return content
            content = made_meanwhile
    COUNTS.add(found=True)
    return content


def _compiled(text: str, *, optimize: bool) -> bytes:
    with _lock:
        target = _target_machine(optimize=optimize)
        module = llvm.parse_assembly(text)
        module.triple = target.triple
        module.data_layout = str(target.target_data)
        content: bytes = target.emit_object(module)
    COUNTS.add(found=False)
    return content


def _loaded(content: bytes) -> llvm.ExecutionEngine:
    with _lock:
        # A module's engine owns its target machine, so each module gets one of its own.
        target = _target_machine(optimize=False)
        empty = llvm.parse_assembly("")
        empty.triple = target.triple
        empty.data_layout = str(target.target_data)
        engine = llvm.create_mcjit_compiler(empty, target)
        engine.add_object_file(llvm.ObjectFileRef.from_data(content))
    return engine


def _key(text: str, *, optimize: bool) -> str:
    """Return a digest of all that determines a module's code."""
    digest = hashlib.sha256(f"{_maker()} {optimize}\n".encode())
    digest.update(text.encode())
    return digest.hexdigest()


@functools.cache
def _maker() -> str:
    # Where Numba has Intel's vector functions, it has told LLVM to call them.
    parts = (_FORMAT, llvmlite.__version__, llvm.llvm_version_info, llvm.get_default_triple(), *_processor())
    return " ".join(map(str, (*parts, numba.config.USING_SVML)))  # type: ignore[attr-defined]


@functools.cache
def _processor() -> tuple[str, str]:
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


@functools.cache
def _initialize() -> None:
    with _lock:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        # The C math library's symbols must be found by name whether or not Python has loaded it.
        library = ctypes.util.find_library("m")
        if library is not None:
            llvm.load_library_permanently(library)


def _target_machine(*, optimize: bool) -> llvm.TargetMachine:
    cpu, features = _processor()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=2 if optimize else 0, jit=True
    )
