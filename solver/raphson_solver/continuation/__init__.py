"""Follows a root as a parameter changes, around folds, until a limit, its start, or where it cannot go on."""

from raphson_solver.continuation.branch import Branch, follow
from raphson_solver.continuation.options import BranchOptions
from raphson_solver.continuation.points import BranchPoint, End, PointKind

__all__ = ["Branch", "BranchOptions", "BranchPoint", "End", "PointKind", "follow"]
