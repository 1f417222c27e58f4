"""Where fields are in a serialized message: what protobuf's library does not tell."""

from collections.abc import Iterator

Path = tuple[int, ...]
"""Numbers of fields, from the outside in."""
Span = tuple[int, int]
"""Where the first byte is, and the one after the last."""


def payloads(body: bytes, place: int, end: int, path: Path) -> Iterator[Span]:
    """Find where payloads begin and end in a valid message: those of the fields at the end of a path.

    Parameters
    ----------
    body : bytes
        A message.
    place, end : int
        Where it begins and ends there.
    path : Path
        To fields of bytes, or of eight bytes each.
    """
    while place < end:
        tag, place = _varint(body, place)
        match tag & 7:
            case 0:
                _, place = _varint(body, place)
            case 1:
                if path == (tag >> 3,):
                    yield place, place + 8
                place += 8
            case 2:
                size, place = _varint(body, place)
                if tag >> 3 == path[0]:
                    if len(path) == 1:
                        yield place, place + size
                    else:
                        yield from payloads(body, place, place + size, path[1:])
                place += size
            case 5:
                place += 4
            case _:  # groups, which proto3 does not write
                return


def _varint(body: bytes, place: int) -> tuple[int, int]:
    """Read a base-128 number; return it and the place after it."""
    value = shift = 0
    while True:
        byte = body[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
