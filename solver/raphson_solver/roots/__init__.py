"""Many roots of one system in a box: from many starts, away from known roots, and on request with a proof of all."""

from raphson_solver.roots.find_all import RootLimits, find_all
from raphson_solver.roots.roots import FoundRoot, Roots

__all__ = ["FoundRoot", "RootLimits", "Roots", "find_all"]
