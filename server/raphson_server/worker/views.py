"""The views of f that a reply can hold: how large each is, and where it comes from."""

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from raphson_server.worker.call import Call, too_large
from raphson_server.worker.chunk import Chunk, needs_matrix
from raphson_server.worker.conversion import WIRE, Array, Shape
from raphson_server.worker.evaluate_question import EvaluateQuestion, Output
from raphson_server.worker.memory import check_decomposition_fits

# Of Jacobians formed at a time: what a decomposition of them takes is soon over, and fits a core's cache.
_MATRIX_BYTES = 1 << 20


class Sizes(NamedTuple):
    """Equations, variables, and entries of J that may differ from zero."""

    m: int
    n: int
    entries: int


@dataclass(frozen=True, slots=True)
class View:
    """An array that a reply may hold.

    Attributes
    ----------
    asked : str
        The field of the request that asks for it.
    path : str
        Where it is in the reply.
    what : str
        What there is at a point, for messages.
    shape : callable
        Its extents at a point.
    of : callable
        Takes it from a chunk, shape (…, points, *shape).
    """

    asked: str
    path: str
    what: str
    shape: Callable[[Sizes], Shape]
    of: Callable[[Chunk], Array]


def _view(asked: str, path: str, what: str, shape: Callable[[Sizes], Shape], source: str = "") -> View:
    return View(asked, path, what, shape, operator.attrgetter(source or path))


VIEWS = (
    _view("value", "value", "a value", lambda s: (s.m,)),
    _view("matrix", "matrix", "a Jacobian", lambda s: (s.m, s.n)),
    _view("jvp", "jvp", "J·v", lambda s: (s.m,)),
    _view("vjp", "vjp", "wᵀ·J", lambda s: (s.n,)),
    _view("determinant", "determinant.sign", "a sign", lambda s: ()),
    _view("determinant", "determinant.log_abs", "a logarithm", lambda s: ()),
    _view("sparse", "sparse.values", "a sparse Jacobian", lambda s: (s.entries,), "entries"),
    _view("gradient", "gradient", "a gradient", lambda s: (s.n,)),
    _view("hessian_vector", "hessian_vector", "H·v", lambda s: (s.n,)),
    _view("spectrum", "spectrum.singular_values", "a spectrum", lambda s: (min(s.m, s.n),)),
    _view("spectrum", "spectrum.condition", "a condition number", lambda s: ()),
    _view("spectrum", "spectrum.rank", "a rank", lambda s: (), "rank"),
    _view("log_density", "log_density", "a density", lambda s: ()),
    _view("covariance", "covariance", "a covariance", lambda s: (s.m, s.m), "propagated.covariance"),
    _view("covariance", "standard_deviations", "a deviation", lambda s: (s.m,), "propagated.standard_deviations"),
    _view("error_estimate", "error", "an error estimate", lambda s: (s.m, s.n)),
)
# What exact derivatives give as it is, with no J formed that is not asked for.
_DIRECT = frozenset({"value", "matrix", "jvp", "vjp", "sparse", "gradient", "hessian_vector"})
_ADVICE = {"matrix": "ask for it sparse, or for J·v or wᵀ·J instead", "sparse": "ask for J·v or wᵀ·J instead"}
_DECOMPOSED = frozenset({"determinant", "spectrum"})
ASKED = tuple(dict.fromkeys(view.asked for view in VIEWS))
"""The fields of a request that ask for something."""


def plan(question: EvaluateQuestion, call: Call) -> None:
    """Say what the reply to a question holds, and how it is computed.

    Raises
    ------
    CallError
        INVALID_ARGUMENT, with reason LIMIT_EXCEEDED, if no reply could carry it.
    """
    differential = question.differential
    entries = differential.pattern[0].size if "sparse" in question.views else 0
    sizes = Sizes(differential.m, differential.n, entries)
    wanted = {view: view.shape(sizes) for view in VIEWS if view.asked in question.views}
    _check_fit(question, wanted, entries, call)
    count = math.prod(question.batch)
    outputs = []
    for view, own in wanted.items():
        lead = question.leads.get(view.asked)
        outputs.append(
            Output(
                of=view.of,
                place=operator.attrgetter(view.path),
                shape=(*(lead or ()), *question.batch, *own),
                whole=(count, *own) if lead is None else (math.prod(lead), count, *own),
                axis=0 if lead is None else 1,
            )
        )
    question.outputs = tuple(outputs)
    for asked in question.views & _DECOMPOSED:
        check_decomposition_fits(question.kept.system, call, asked)
    question.step = _step(question, sizes, count)


def compute(question: EvaluateQuestion, call: Call) -> Iterator[tuple[Output, Array]]:
    """Compute what is asked for.

    Raises
    ------
    InputError
        If a number of the question is not finite, or the mode does not apply there.
    CallError
        If the call has ended.
    """
    count = math.prod(question.batch)
    step = question.step
    if step >= count:
        chunk = Chunk(question, 0, count)
        for output in question.outputs:
            yield output, output.of(chunk)
        return
    arrays = [np.empty(output.whole) for output in question.outputs]
    for first in range(0, count, step):
        call.is_to_stop()
        last = min(first + step, count)
        chunk = Chunk(question, first, last)
        for output, array in zip(question.outputs, arrays, strict=True):
            array[(slice(None),) * output.axis + (slice(first, last),)] = output.of(chunk)
    yield from zip(question.outputs, arrays, strict=True)


def _check_fit(question: EvaluateQuestion, wanted: Mapping[View, Shape], entries: int, call: Call) -> None:
    """Refuse views that no reply could carry together, before they are computed."""
    count = {view: math.prod((*question.leads.get(view.asked, ()), *question.batch)) for view in wanted}
    bytes_of = {view: WIRE.itemsize * count[view] * math.prod(own) for view, own in wanted.items()}
    total = sum(bytes_of.values()) + 2 * WIRE.itemsize * entries
    if total <= call.max_message_bytes:
        return
    largest = max(bytes_of, key=bytes_of.__getitem__)
    times, own = count[largest], wanted[largest]
    each = f"{largest.what} of {'×'.join(map(str, own))} numbers" if own else largest.what
    others = "" if bytes_of[largest] == total else f", with all that is asked for {total:,}"
    advice = _ADVICE.get(largest.asked, "ask for less")
    if times > 1:
        each = f"{times:,} times {each}"
        advice = f"send at most {max(1, times * call.max_message_bytes // total):,} of the {times:,} in a call"
    what = f"{each} takes {bytes_of[largest]:,} bytes{others}"
    raise too_large(total, what, advice, call.max_message_bytes, largest.asked)


def _step(question: EvaluateQuestion, sizes: Sizes, count: int) -> int:
    """Return how many points to work on at a time: all, unless J is formed on the way to something else."""
    if needs_matrix(question) and not (question.is_exact and question.views <= _DIRECT):
        numbers = sizes.m * sizes.n
    elif question.is_exact or question.views.isdisjoint(_DIRECT - {"value"}):
        return count
    else:
        numbers = question.differential.pattern[0].size
    return max(1, _MATRIX_BYTES // (WIRE.itemsize * max(numbers, 1)))
