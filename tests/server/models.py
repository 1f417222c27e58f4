"""Functions that an operator registers, for tests."""

import math

import numpy as np
from raphson_server.systems import register


def slopes(x, p):  # noqa: ANN001, ANN201, ARG001
    return np.array([[2 * x[0], 2 * x[1]], [math.exp(x[0]), 1.0]])


@register(variables={"u": (2,)}, parameters=["r"], jacobian=slopes, example={"u": [1.0, -1.7], "r": 2.0})
def circle(x, p):  # noqa: ANN001, ANN201
    """A circle of radius r, and an exponential."""
    return np.array([x[0] ** 2 + x[1] ** 2 - p[0] ** 2, math.exp(x[0]) + x[1] - 1.0])


@register(variables=["x", "y"], parameters={"r": ()}, name="plain")
def by_differences(x, p):  # noqa: ANN001, ANN201
    if x[0] < -5.0:
        raise ValueError("out of the domain")
    return x[0] ** 2 + x[1] ** 2 - p[0] ** 2, math.exp(x[0]) + x[1] - 1.0
