"""A gRPC server that does nothing, of the same kind as raphson's: what a call costs before any work.

A sync server with as many threads and the same options as the service, taking bytes and returning bytes, call by call
or in a stream of them. Runs in its own process until its standard input closes; started by rpc_overhead.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from raphson_server.configuration import ServerConfig

SERVICE, METHOD, STREAM = "benchmark.EchoService", "Echo", "EchoStream"
SPARE_THREADS = 16
OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
)


def main() -> None:
    """Serve, print the port, and wait for the end of standard input."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reply", default="", help="the reply's bytes, in hexadecimal")
    parser.add_argument("--zeros", type=int, default=0, help="how many bytes of zeros follow them (default: 0)")
    arguments = parser.parse_args()
    reply = bytes.fromhex(arguments.reply) + bytes(arguments.zeros)

    def echo(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        return reply

    threads = ThreadPoolExecutor(ServerConfig().max_in_flight + SPARE_THREADS)
    server = grpc.server(threads, options=OPTIONS)

    def echo_stream(requests: Iterator[bytes], _context: grpc.ServicerContext) -> Iterator[bytes]:
        return (reply for _ in requests)

    methods = {
        METHOD: grpc.unary_unary_rpc_method_handler(echo),
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
