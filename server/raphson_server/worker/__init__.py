"""The process that computes: one request at a time, bounded in memory, ended without harm to any other.

It reads a request frame, turns the message into the solver's terms, calls `raphson_solver` and writes the
answer. Run as ``python -m raphson_server.worker`` by the front end alone.
"""
