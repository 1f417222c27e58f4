"""Registered functions in this process: what is refused, and what is solved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from raphson_solver import InputError, JacobianMode, Method, SolveOptions, Status
from raphson_solver.differential import Differential
from raphson_solver.registered import RegisteredSystem, RegistrationError, load, register

HEAD = "import numpy as np\nfrom raphson_solver.registered import register\n\n"
# f has a pole at 0, a jump of its length, and an error below −5.
GOOD = """
@register(variables={"u": (2,), "v": ()}, parameters={"k": (2,)}, example={"u": [1.0, 2.0]})
def coupled(x, p):
    '''Three unknowns.'''
    if x[2] < -5.0:
        raise ValueError("out of the domain")
    if x[2] > 1e3:
        return np.zeros(1)
    x[0] += 0.0
    return np.array([x[0] ** 2 - p[0], x[0] * x[1] - p[1], 1.0 / x[2] - x[1]])
"""


def loaded(path: Path, *texts: str) -> dict[str, RegisteredSystem]:
    file = path / "models.py"
    file.write_text(HEAD + "\n\n".join(texts))
    return load([str(file)])


@pytest.fixture(scope="module")
def coupled(tmp_path_factory: pytest.TempPathFactory) -> RegisteredSystem:
    return loaded(tmp_path_factory.mktemp("models"), GOOD)["coupled"]


def test_the_engine_solves_it(coupled: RegisteredSystem) -> None:
    found = coupled.solve({"u": [1.0, 1.0], "v": 1.0}, {"k": [2.0, 3.0]})
    root = [2**0.5, 3 / 2**0.5, 2**0.5 / 3]
    assert found.status is Status.CONVERGED
    assert found.x == pytest.approx(root, rel=1e-13)
    assert found["u"] == pytest.approx(root[:2], rel=1e-13)
    scale = np.abs(coupled.jacobian(found.x, found.p)) @ np.abs(found.x)
    assert found.scaled_residual == pytest.approx(np.abs(found.residual) / scale, rel=1e-6)
    # f at every step, and three columns by differences.
    assert found.evaluations >= 4 * found.jacobian_evaluations


def test_what_is_not_defined_is_left(coupled: RegisteredSystem) -> None:
    given = np.array([2.0, 3.0])
    assert np.isnan(coupled.residual([1.0, 1.0, -6.0], given)).all()
    assert np.isnan(coupled.residual([1.0, 1.0, 2e3], given)).all()
    assert coupled.solve([1.0, 1.0, -6.0], given).converged
    alone = coupled.solve([1.0, 1.0, -6.0], given, SolveOptions(method=Method.NEWTON))
    assert alone.status is Status.DOMAIN_ERROR


def test_derivatives_are_differences(coupled: RegisteredSystem) -> None:
    x, p = np.array([[1.0, 2.0, 0.5], [2.0, 1.0, 4.0]]), np.array([2.0, 3.0])
    expected = [[[2 * a, 0, 0], [b, a, 0], [0, -1, -1 / c**2]] for a, b, c in x]
    differential = Differential(coupled)
    assert differential.mode is JacobianMode.CENTRAL
    assert differential.matrix(x, p) == pytest.approx(np.array(expected), rel=1e-8, abs=1e-8)
    with pytest.raises(InputError, match="has no Jacobian of the caller's"):
        Differential(coupled, JacobianMode.ANALYTIC)


def test_what_needs_equations_is_refused(coupled: RegisteredSystem) -> None:
    for ask in (coupled.explain, coupled.certify, coupled.sensitivity, coupled.find_all, coupled.follow):
        with pytest.raises(InputError, match=r"needs equations, and 'coupled' is a registered function"):
            ask()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "registers nothing; expected functions decorated"),
        ("import nothing_of_this_name", "cannot be imported: ModuleNotFoundError"),
        ("@register(variables=[])\ndef f(x, p): return x", "variables is empty"),
        ("@register(variables=['x'], parameters=['x'])\ndef f(x, p): return x", "'x' is declared twice"),
        ("@register(variables=['exp'])\ndef f(x, p): return x", "expected an identifier that is no function"),
        ("@register(variables=['x'])\ndef f(x, p): return {}.a", "models.py:4: 'f' does not compile: "),
        ("@register(variables=['x'])\ndef f(x, p): return x.reshape(1, 1)", "'f' returns shape (1, 1); expected (m,)"),
        (
            "@register(variables=['x'])\ndef f(x, p):\n    if x[0] > 0:\n        raise ValueError('no')\n    return x",
            "'f' raises ValueError: no at x = [1.]",
        ),
        (
            "def J(x, p): return 3 * x.reshape(1, 1)\n@register(variables=['x'], jacobian=J)\ndef f(x, p): return x**2",
            "its Jacobian has 3 at [0, 0], where differences give 2",
        ),
        (
            "def J(x, p): return x\n@register(variables=['x'], jacobian=J)\ndef f(x, p): return x",
            "its Jacobian returns shape (1,); expected (1, 1)",
        ),
        ("@register(variables=['x'], example={'x': [1, 2]})\ndef f(x, p): return x", "example.x: 'x' has shape (2,)"),
    ],
)
def test_what_cannot_be_served_says_where_and_why(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(RegistrationError) as caught:
        loaded(tmp_path, text)
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_name_is_registered_once(tmp_path: Path) -> None:
    one = "@register(variables=['x'], name='same')\ndef f(x, p): return x"
    with pytest.raises(RegistrationError, match="'same' is registered twice"):
        loaded(tmp_path, one, one)


def test_a_decorated_function_is_as_it_was() -> None:
    @register(variables=["x"])
    def f(x: float, p: float) -> float:
        return x - p

    assert f(3.0, 1.0) == 2.0
