"""A gRPC server that does nothing, of the same kind as raphson's: what a call costs before any work.

A sync server with as many threads and the same options as the service, taking bytes and returning bytes, call by call
or in a stream of them. One of its methods has another process say what it returns, in as few steps as Python can: what
a call costs that is isolated, before any work. Runs in its own process until its standard input closes; started by
rpc_overhead.py.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from raphson_server.configuration import ServerConfig

SERVICE, METHOD, STREAM = "benchmark.EchoService", "Echo", "EchoStream"
ISOLATED = "EchoFromAnotherProcess"
SPARE_THREADS = 16
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
    idle, is_one_idle = other_processes(arguments.processes, reply), threading.Semaphore(arguments.processes)

    def echo(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        return reply

    def echo_from_another(request: bytes, _context: grpc.ServicerContext) -> bytes:
        with is_one_idle:
            # The one that was used last: its caches are warm.
            channel = idle.pop()
            channel.sendall(request)
            answered = channel.recv(_MOST_BYTES)
            idle.append(channel)
        return answered

    threads = ThreadPoolExecutor(ServerConfig().max_in_flight + SPARE_THREADS)
    server = grpc.server(threads, options=OPTIONS)

    def echo_stream(requests: Iterator[bytes], _context: grpc.ServicerContext) -> Iterator[bytes]:
        return (reply for _ in requests)

    methods = {
        METHOD: grpc.unary_unary_rpc_method_handler(echo),
        ISOLATED: grpc.unary_unary_rpc_method_handler(echo_from_another),
        STREAM: grpc.stream_stream_rpc_method_handler(echo_stream),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(None).wait()
    threads.shutdown()


if __name__ == "__main__":
    main()
