"""A gRPC server that does nothing, of the same kind as raphson's: what a call costs before any work.

A server in an event loop, with the same options as the service, taking bytes and returning bytes, call by call or in a
stream of them. One of its methods has another process say what it returns, in as few steps as Python can: what a call
costs that is isolated, before any work. Runs in its own process until its standard input closes; started by
rpc_overhead.py.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator

import grpc

SERVICE, METHOD, STREAM = "benchmark.EchoService", "Echo", "EchoStream"
ISOLATED = "EchoFromAnotherProcess"
_MOST_BYTES = 65536
OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
)


def answer(channel: socket.socket, reply: bytes) -> None:
    """Be the other process: return the reply to whatever comes."""
    while channel.recv(_MOST_BYTES):
        channel.sendall(reply)


def other_processes(count: int, reply: bytes) -> list[socket.socket]:
    """Start processes that answer; return the sockets to them, which end them when they close."""
    idle = []
    for _ in range(count):
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "benchmarks.echo", "--reply", reply.hex(), "--answer", str(theirs.fileno())]
        subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        theirs.close()
        idle.append(ours)
    return idle


def main() -> None:
    """Serve, print the port, and wait for the end of standard input."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reply", default="", help="the reply's bytes, in hexadecimal")
    parser.add_argument("--zeros", type=int, default=0, help="how many bytes of zeros follow them (default: 0)")
    parser.add_argument("--processes", type=int, default=0, help=f"how many others answer for {ISOLATED} (default: 0)")
    parser.add_argument("--answer", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    reply = bytes.fromhex(arguments.reply) + bytes(arguments.zeros)
    if arguments.answer is not None:
        answer(socket.socket(fileno=arguments.answer), reply)
        return
    asyncio.run(serve(reply, arguments.processes))


class Others:
    """The other processes, each asked by one call at a time."""

    def __init__(self, count: int, reply: bytes) -> None:
        # The one that was used last is taken first: its caches are warm.
        self._idle = other_processes(count, reply)
        self._asked: dict[socket.socket, asyncio.Future[bytes]] = {}
        self._waiting: deque[tuple[bytes, asyncio.Future[bytes]]] = deque()
        for channel in self._idle:
            asyncio.get_running_loop().add_reader(channel.fileno(), self._hear, channel)

    async def ask(self, request: bytes) -> bytes:
        """Return what one of them answers."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if self._idle:
            self._send(self._idle.pop(), request, answer)
        else:
            self._waiting.append((request, answer))
        return await answer

    def _send(self, channel: socket.socket, request: bytes, answer: asyncio.Future[bytes]) -> None:
        self._asked[channel] = answer
        channel.sendall(request)

    def _hear(self, channel: socket.socket) -> None:
        said, answer = channel.recv(_MOST_BYTES), self._asked.pop(channel)
        if self._waiting:
            self._send(channel, *self._waiting.popleft())
        else:
            self._idle.append(channel)
        if not answer.done():
            answer.set_result(said)


async def serve(reply: bytes, processes: int) -> None:
    """Serve until standard input ends."""
    others = Others(processes, reply)

    async def echo(_request: bytes, _context: object) -> bytes:
        return reply

    async def echo_from_another(request: bytes, _context: object) -> bytes:
        return await others.ask(request)

    async def echo_stream(requests: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
        async for _ in requests:
            yield reply

    methods = {
        METHOD: grpc.unary_unary_rpc_method_handler(echo),
        ISOLATED: grpc.unary_unary_rpc_method_handler(echo_from_another),
        STREAM: grpc.stream_stream_rpc_method_handler(echo_stream),
    }
    handlers = grpc.method_handlers_generic_handler(SERVICE, methods)
    server = grpc.aio.server(handlers=[handlers], options=OPTIONS)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


if __name__ == "__main__":
    main()
