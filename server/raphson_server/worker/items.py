"""The items of a stream on their way out: each goes when the one before it was taken."""

import socket

import raphson_solver as rs
from google.protobuf.message import Message
from google.rpc import code_pb2

from raphson_server.failures import CallError, Reason
from raphson_server.frames import Outcome, Reply, receive_acknowledgement, send_reply


class Items:
    """Sends the items of one stream after another; at most one is under way.

    Parameters
    ----------
    channel : socket
        To the front end.
    cancel : CancelFlag
        Set when the call has ended.
    maximum : int
        Bytes of the largest message.

    Attributes
    ----------
    is_in_use : bool
        Whether there was an item since it was settled last.
    """

    def __init__(self, channel: socket.socket, cancel: rs.CancelFlag, maximum: int) -> None:
        self._channel = channel
        self._cancel = cancel
        self._maximum = maximum
        self._is_under_way = False
        self._left: Message | None = None
        self.is_in_use = False

    def send(self, message: Message) -> None:
        """Send an item; waits, without working, while the caller has not taken the one before it.

        Raises
        ------
        CallError
            If the call has ended, or the item is larger than a message may be.
        ChannelClosedError
            If the front end is gone.
        """
        self.settle()
        if self._cancel.is_set():
            raise call_ended()
        send_reply(self._channel, Reply(Outcome.MORE, serialized(message, self._maximum)))
        self._is_under_way = self.is_in_use = True

    def offer(self, message: Message) -> None:
        """Send an item if the one before it was taken; else leave it until the next offer, which replaces it.

        Raises
        ------
        ChannelClosedError
            If the front end is gone.
        """
        self._left, self.is_in_use = message, True
        if not self._is_under_way or receive_acknowledgement(self._channel, wait=False):
            self._is_under_way = False
            self.flush()

    def flush(self) -> None:
        """Send what was offered last, if it was left.

        Raises
        ------
        ChannelClosedError
            If the front end is gone.
        """
        if self._left is not None and not self._cancel.is_set():
            self.send(self._left)

    def settle(self) -> None:
        """Wait until the caller has taken the last item: nothing may be sent before.

        Raises
        ------
        ChannelClosedError
            If the front end is gone.
        """
        if self._is_under_way:
            receive_acknowledgement(self._channel)
            self._is_under_way = False
        self._left, self.is_in_use = None, False


def call_ended() -> CallError:
    """Say that nobody waits for the answer any more."""
    return CallError(code_pb2.CANCELLED, Reason.CANCELLED, "the call was cancelled or passed its deadline")


def serialized(message: Message | bytes, maximum: int) -> bytes:
    """Write a message, unless it is; refuse one that gRPC would refuse to send.

    Raises
    ------
    CallError
        RESOURCE_EXHAUSTED, with reason REPLY_TOO_LARGE.
    """
    body = message if isinstance(message, bytes) else message.SerializeToString()
    if len(body) > maximum:
        raise CallError(
            code_pb2.RESOURCE_EXHAUSTED,
            Reason.REPLY_TOO_LARGE,
            f"the reply takes {len(body):,} bytes, more than the {maximum:,} that this server sends; "
            "ask for fewer views, or for J·v instead of J",
            metadata={"limit": "max_message_bytes", "value": str(len(body)), "maximum": str(maximum)},
        )
    return body
