"""The command ``raphson``: serve, health, solve, explain, roots, follow, jacobian.

A command's module is imported only when it runs.
"""

from raphson_server.cli.group import main

__all__ = ["main"]
