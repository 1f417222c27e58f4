"""What the front end keeps of a conversation between its turns: a state that only workers read, beside a message.

While the other side thinks, no worker is held: its state comes back with its reply, and goes along with the next turn,
to whichever worker is free then. It is opaque to the front end, and never leaves the service.
"""

import struct

_SIZE = struct.Struct("<Q")


def packed(state: bytes, message: bytes) -> bytes:
    """Write a state, empty if there is none, and a message as one body."""
    return b"".join((_SIZE.pack(len(state)), state, message))


def unpacked(body: bytes) -> tuple[bytes, bytes]:
    """Read what `packed` wrote."""
    (size,) = _SIZE.unpack_from(body)
    end = _SIZE.size + size
    return body[_SIZE.size : end], body[end:]
