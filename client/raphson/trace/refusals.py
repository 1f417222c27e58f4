"""What a value that is not known yet cannot become; scalars and arrays say it alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raphson.trace.location import untraceable, untraceable_error

if TYPE_CHECKING:
    from raphson.errors import TraceError

COMPILED = (
    (
        TypeError,
        "which has no callable",
        "NumPy was given a plain array that mixes numbers and traced values",
        "Build it by np.stack or np.concatenate rather than np.array, so that all of it is traced.",
    ),
    (
        TypeError,
        "dtype('O')",
        "compiled code, such as np.linalg's, was given a plain array with traced values in it",
        "Write it with arithmetic; what would be a solution of A @ y = b can be unknowns y with these equations.",
    ),
    (
        ValueError,
        "object arrays are not supported",
        "compiled code of SciPy was given traced values",
        "Write it with arithmetic; what would be a solution of A @ y = b can be unknowns y with these equations.",
    ),
    (
        ValueError,
        "unsupported data types in input",
        "a sparse array of SciPy was multiplied with traced values",
        "Use A.toarray() @ x: what is zero in it takes no part in the equations.",
    ),
)
"""What NumPy and SciPy say of traced values in plain arrays, and what we say of it."""


def of_compiled_code(error: Exception) -> TraceError | None:
    """Return what an exception means if compiled code has raised it for traced values, else None."""
    for kind, words, what, instead in COMPILED:
        if isinstance(error, kind) and words in str(error):
            return untraceable_error(error, what, instead)
    return None


def no_truth_value() -> TraceError:
    """Build the error for a branch."""
    return untraceable(
        "a traced value has no truth value yet, so Python cannot choose a branch by it (if, while, and, "
        "or, not, min, max, a < x < b; also NumPy's comparisons inside a plain object array)",
        "Use np.where(condition, a, b), np.minimum, np.maximum, and & | ~ between conditions; "
        "build arrays of traced values by np.stack or np.concatenate rather than np.array.",
    )


def no_plain_number() -> TraceError:
    """Build the error for float()."""
    return untraceable(
        "a traced value cannot be turned into a plain number, as float(), the functions of `math`, "
        "dtype=float and writing into a float array do",
        "Use NumPy's functions (np.exp for math.exp) and leave dtype out; collect results in a list, in "
        "np.zeros_like(x) of a traced x, or in np.zeros(n, dtype=object).",
    )


def no_whole_number() -> TraceError:
    """Build the error for int() and what asks for it."""
    return untraceable(
        "a range, an index, int() or writing into an integer array needs a whole number that is known before solving",
        "Use a parameter given as a whole number (an int, or an integer array), or a plain number.",
    )


def no_complex_number() -> TraceError:
    """Build the error for complex()."""
    return untraceable("a traced value cannot become a complex number", "Write real and imaginary parts apart.")


def no_logic(name: str) -> TraceError:
    """Build the error for & | ~ of numbers."""
    return untraceable(
        f"{name} (one of & | ~) is asked of numbers",
        "Put it between conditions, each in parentheses: (x > 0) & (y > 0).",
    )
