"""Answers requests that callers repeat with other numbers: by their form where it is known, else by reading them."""

from collections.abc import Callable, Sequence

import raphson_solver as rs
from google.protobuf.message import Message

from raphson_server.worker.call import Answer, Call, check_allowed
from raphson_server.worker.kept_system import KeptSystem
from raphson_server.worker.request_form import Q, RequestForms


def answer_repeated(
    body: bytes,
    call: Call,
    forms: RequestForms[Q],
    read: Callable[[bytes, Call], tuple[Q, Sequence[KeptSystem]]],
    reply: Callable[[Q, Call], Message | bytes],
) -> Answer:
    """Answer a request, and remember its form if it names its system by id.

    Parameters
    ----------
    body : bytes
        The request.
    call : Call
    forms : RequestForms
        Those of its method.
    read : callable
        Reads a request field by field: returns what it asks, and its system if that came by text.
    reply : callable
        Answers a question; refuses numbers that are not finite with `InputError`.
    """
    question = forms.recognise(body)
    if question is not None:
        call.account.find()
        if call.largest_variables:
            check_allowed(question.kept.system.n, call)
        try:
            return Answer(reply(question, call))
        except rs.InputError:
            read(body, call)  # the long way says which variable is not finite, not only where in x
            raise
    question, learnt = read(body, call)
    if not learnt:
        forms.learn(body, question)
    return Answer(reply(question, call), learnt)
