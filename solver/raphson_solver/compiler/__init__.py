"""Expressions to kernels: functions behind one C ABI, interpreted at once and compiled when it pays.

    void kernel(const int32_t *program, const double *x, const double *p, double *out, double *work)

`program` is read by the interpreter alone. `work` is scratch of the caller's, as long as the kernel says.
Anything else with this ABI is a kernel too.
"""

from raphson_solver.compiler.kernel import Kernel
from raphson_solver.compiler.many import ManyKernel

__all__ = ["Kernel", "ManyKernel"]
