"""A client beyond its process: forked, it refuses and lets one connect again; pickled, it refuses."""

from __future__ import annotations

import asyncio
import copy
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

import grpc
import pytest
import raphson
from raphson import aio

if TYPE_CHECKING:
    from tests.client.conftest import ScriptedServer

EQUATION = "x**2 = 4"
START = {"x": 2.0}

# In a process of its own: pytest's has threads that a fork would leave behind.
FORKING = """
import os, sys
import raphson

client = raphson.connect(sys.argv[1], timeout_seconds=20)
tagged = client.with_metadata({"a": "1"})
assert client.solve("x**2 = 4", {"x": 2.0}).converged
child = os.fork()
if child == 0:
    for copied in (client, tagged):
        try:
            copied.solve("x**2 = 4", {"x": 2.0})
        except raphson.ClientStateError as error:
            print(error, flush=True)
    client.close()
    with raphson.connect(client.address, timeout_seconds=20) as again:
        print(again.solve("x**2 = 9", {"x": 3.0})["x"], flush=True)
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), client.solve("x**2 = 4", {"x": 2.0})["x"])
client.close()
"""


def test_a_forked_process_is_told_and_connects_again(client: raphson.Client) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKING, client.address], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, second, root, parent = done.stdout.splitlines()
    for told in (first, second):
        assert told.startswith(f"this client of {client.address} was opened in process ")
        assert told.endswith("connect again in the child process")
    assert root == "3.0"
    assert parent == "7 2.0"


@pytest.mark.parametrize("carry", [pickle.dumps, copy.deepcopy])
def test_a_client_cannot_be_carried_away(talking: raphson.Client, carry: object) -> None:
    assert callable(carry)
    for carried in (talking, talking.with_metadata({"a": "1"}), [talking], talking.solve):
        with pytest.raises(raphson.ClientStateError, match="cannot be pickled: its connection belongs to") as caught:
            carry(carried)
        assert caught.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert talking.solve(EQUATION, START).converged


def test_nor_can_one_that_is_awaited(scripted: ScriptedServer) -> None:
    async def carry() -> None:
        async with aio.connect(scripted.address) as client:
            with pytest.raises(raphson.ClientStateError, match="connect again where it is needed"):
                pickle.dumps(client)
            assert (await client.solve(EQUATION, START)).converged

    asyncio.run(carry())
