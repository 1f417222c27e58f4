"""`examples/classifier.py` learns to read, and its check of gradients notices a wrong one."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from raphson.trace import trace_function

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).parent.parent.parent / "examples" / "classifier.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("examples_classifier", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_it_learns_to_read() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    shares = [float(share) for share in re.findall(r"step +\d+: +([\d.]+)%", done.stdout)]
    assert len(shares) == 6
    assert shares[0] < 30
    assert shares[-1] > 90
    errors = [float(error) for error in re.findall(r"(\d\.?\d*e-\d+)", done.stdout)]
    assert len(errors) == 5
    assert max(errors) < 1e-8


def test_a_wrong_gradient_is_noticed(script: ModuleType) -> None:
    rng = np.random.default_rng(1)
    pixels, digits = script.draw_digits(rng, 1)
    weights = script.initial_weights(rng)
    values = weights | {"pixels": pixels[0], "target": np.eye(10)[digits[0]]}
    hidden = np.tanh(weights["W1"] @ values["pixels"] + weights["b1"])
    z = weights["W2"] @ hidden + weights["b2"]
    right = np.exp(z) / np.sum(np.exp(z)) - values["target"]
    assert script.gradient_error(right, values, "b2") < 1e-8
    right[3] += 1e-3
    assert script.gradient_error(right, values, "b2") > 1e-4


def test_its_text_has_one_line_a_hidden_unit(script: ModuleType) -> None:
    rng = np.random.default_rng(1)
    shapes = {name: value.shape for name, value in script.initial_weights(rng).items()}
    traced = trace_function(script.loss, shapes, {"pixels": (64,), "target": (10,)})
    assert len(traced.equations) == script.HIDDEN + 2
    assert traced.equations[0] == "t1 := tanh(sum(W1[0,i]*pixels[i] for i in range(64)) + b1[0])"
    assert traced.m == 1
    assert not traced.tables


def test_the_same_digits_are_drawn_again(script: ModuleType) -> None:
    first, again = (script.draw_digits(np.random.default_rng(5), 20) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    np.testing.assert_allclose(first[0].std(axis=1), 1)
