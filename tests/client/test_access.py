"""How a client shows who it is: what goes together, and what is never sent in the clear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
import raphson
from raphson.access import is_loopback, to_access

TOKEN = "raphson.someone.0123456789"


@pytest.mark.parametrize(
    ("address", "choices", "expected"),
    [
        (
            "far:1",
            {"token": TOKEN},
            "token: would be sent to far:1 in the clear; expected tls=True or a ca, or insecure",
        ),
        ("far:1", {"token": TOKEN, "tls": False}, "token: would be sent to far:1 in the clear"),
        ("127.0.0.1:1", {"token": "two words"}, "token: is none; expected what `raphson token create` printed"),
        ("127.0.0.1:1", {"token": "a\nb"}, "token: is none"),
        ("far:1", {"certificate": b""}, "key: missing; expected it beside the certificate"),
        ("far:1", {"ca": Path("/nowhere/ca.pem")}, "ca: '/nowhere/ca.pem' cannot be read: No such file"),
        ("far:1", {"ca": b"", "tls": False}, "tls: False, but ca is given"),
        ("far:1", {"ca": b"", "credentials": grpc.ssl_channel_credentials()}, "ca: given beside credentials"),
        (None, {"token": TOKEN}, "token: is for a server elsewhere; expected its address too"),
        ("far", {}, "'far' is not an address"),
    ],
)
def test_what_does_not_go_together(address: str | None, choices: dict[str, Any], expected: str) -> None:
    with pytest.raises(raphson.InvalidRequestError) as caught:
        raphson.connect(address, **choices)
    assert expected in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "choices"),
    [
        ("127.0.0.1:1", {}),
        ("far:1", {"insecure": True}),
        ("far:1", {"tls": True}),
        ("far:1", {"credentials": grpc.ssl_channel_credentials()}),
    ],
)
def test_a_token_goes_with_every_call(address: str, choices: dict[str, Any]) -> None:
    access = to_access(address, token=TOKEN, **choices)
    assert access.metadata == (("authorization", f"Bearer {TOKEN}"),)
    assert (access.credentials is None) == (not choices or "insecure" in choices)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("localhost:1", True),
        ("127.1.2.3:1", True),
        ("[::1]:1", True),
        ("dns:///localhost:1", True),
        ("ipv4:127.0.0.1:1", True),
        ("unix:///run/raphson", True),
        ("localhost.example.org:1", False),
        ("dns:///example.org:1", False),
        ("10.0.0.1:1", False),
        ("[::]:1", False),
    ],
)
def test_which_addresses_are_of_this_machine(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected
