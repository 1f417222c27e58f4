"""LLVM text to machine code in this process."""

from __future__ import annotations

import ctypes.util
import functools
import threading

import llvmlite.binding as llvm

_lock = threading.Lock()


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
        with _lock:
            target = _target_machine(optimize=optimize)
            module = llvm.parse_assembly(text)
            module.triple = target.triple
            module.data_layout = str(target.target_data)
            self._engine = llvm.create_mcjit_compiler(module, target)
            self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Return where a function of the module starts."""
        return int(self._engine.get_function_address(name))


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
    # A module's engine owns its target machine, so each module gets one of its own.
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=2 if optimize else 0,
        jit=True,
    )
