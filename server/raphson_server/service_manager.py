"""Tells systemd, or whoever speaks its protocol, that the service is ready or stopping."""

import logging
import os
import socket

_log = logging.getLogger("raphson_server")


def tell_manager(state: str) -> None:
    """Send a state such as ``READY=1`` where ``NOTIFY_SOCKET`` says; do nothing without.

    A manager that does not listen is no reason to stop serving.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    # An abstract address begins with @, for the zero byte that it means.
    address = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
            manager.sendto(state.encode(), address)
    except OSError as error:
        _log.warning("the service manager could not be told", extra={"state": state, "reason": error.strerror})
