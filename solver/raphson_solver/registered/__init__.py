"""Functions that an operator registers: Numba code behind the C ABI of the kernels, solved by the engine.

`register` marks a function; `load` imports the files that the operator names, and nothing else; `RegisteredSystem` is
what callers solve and differentiate. Of what a `System` has, certificates and explanations need equations, and are
refused.
"""

from raphson_solver.registered.load import RegistrationError, load
from raphson_solver.registered.registration import Registration, register
from raphson_solver.registered.system import RegisteredSystem

__all__ = ["RegisteredSystem", "Registration", "RegistrationError", "load", "register"]
