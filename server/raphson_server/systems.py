"""What a file of registered systems imports: ``from raphson_server.systems import register``."""

from raphson_solver.registered import register

__all__ = ["register"]
