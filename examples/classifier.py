"""Teach a small network to read digits, with every derivative from raphson.

A network of two layers (8×8 pixels → tanh → softmax over ten digits) and its cross-entropy loss are a Python function
of NumPy code. It is traced for its weights, whose gradient a reverse sweep gives, and descends along them; and for the
pixels, whose gradient says where a touch of ink would change its mind. Exit code 0 only if both gradients agree with
differences of the function itself, and the network reads most digits that it has not seen.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import raphson
from numpy.typing import NDArray

# The digits 0 to 9 in 5×7 dots, row by row.
FONT = """
01110 00100 01110 01110 00010 11111 01110 11111 01110 01110
10001 01100 10001 10001 00110 10000 10001 00001 10001 10001
10011 00100 00001 00001 01010 11110 10000 00010 10001 10001
10101 00100 00010 00110 10010 00001 11110 00100 01110 01111
11001 00100 00100 00001 11111 00001 10001 01000 10001 00001
10001 00100 01000 10001 00010 10001 10001 01000 10001 10001
01110 01110 11111 01110 00010 01110 01110 01000 01110 01110
"""
GLYPHS = np.array([[[float(dot) for dot in row] for row in line.split()] for line in FONT.split("\n")[1:-1]])
GLYPHS = GLYPHS.transpose(1, 0, 2)

HIDDEN = 24
NOISE = 0.1
BATCH, STEPS, RATE = 100, 100, 1.0
SEEN, UNSEEN = 2000, 500

Array = NDArray[np.float64]


# --- the network
def scores(W1: Any, b1: Any, W2: Any, b2: Any, pixels: Any) -> Any:
    """Return one number for each digit: the larger, the likelier."""
    return W2 @ np.tanh(W1 @ pixels + b1) + b2


def loss(W1: Any, b1: Any, W2: Any, b2: Any, pixels: Any, target: Any) -> Any:
    """Return the cross-entropy −log p of the right digit, whose place in `target` is 1."""
    z = scores(W1, b1, W2, b2, pixels)
    largest = np.max(z)
    return largest + np.log(np.sum(np.exp(z - largest))) - target @ z


def initial_weights(rng: np.random.Generator) -> dict[str, Array]:
    """Draw weights that keep the size of what they are multiplied with."""
    return {
        "W1": rng.normal(scale=1 / 8, size=(HIDDEN, 64)),
        "b1": np.zeros(HIDDEN),
        "W2": rng.normal(scale=HIDDEN**-0.5, size=(10, HIDDEN)),
        "b2": np.zeros(10),
    }


# --- the digits
def draw_digits(rng: np.random.Generator, count: int) -> tuple[Array, NDArray[np.int64]]:
    """Draw digits somewhere on 8×8 noisy pixels; return pixels (count, 64), each normalized, and what they are."""
    digits = rng.integers(10, size=count)
    images = rng.normal(scale=NOISE, size=(count, 8, 8))
    for image, digit in zip(images, digits, strict=True):
        down, right = rng.integers(2), rng.integers(4)
        image[down : down + 7, right : right + 5] += rng.uniform(0.6, 1.0) * GLYPHS[digit]
    pixels = images.reshape(count, 64)
    pixels -= pixels.mean(axis=1, keepdims=True)
    return pixels / pixels.std(axis=1, keepdims=True), digits


def accuracy(weights: dict[str, Array], pixels: Array, digits: NDArray[np.int64]) -> float:
    """Return the share of digits read rightly."""
    hidden = np.tanh(pixels @ weights["W1"].T + weights["b1"])
    return float(np.mean(np.argmax(hidden @ weights["W2"].T + weights["b2"], axis=1) == digits))


# --- derivatives
def gradient_error(gradient: Array, values: dict[str, Array], name: str) -> float:
    """Return how far a gradient in one argument of the loss is from its central differences, relative to its size."""
    step, flat = 1e-5, values[name].ravel()
    slopes = np.empty(flat.size)
    for place in range(flat.size):
        change = step * np.eye(1, flat.size, place)[0]
        above, below = (values | {name: (flat + h).reshape(values[name].shape)} for h in (change, -change))
        slopes[place] = (loss(**above) - loss(**below)) / (2 * step)
    return float(np.max(np.abs(gradient.ravel() - slopes)) / np.max(np.abs(slopes)))


def split(flat: Array, like: dict[str, Array]) -> dict[str, Array]:
    """Cut a gradient in all weights into the weights."""
    parts = np.split(flat, np.cumsum([value.size for value in like.values()])[:-1])
    return {name: part.reshape(like[name].shape) for name, part in zip(like, parts, strict=True)}


def main() -> int:
    """Teach the network; return the exit code."""
    rng = np.random.default_rng(8)
    pixels, digits = draw_digits(rng, SEEN)
    unseen, unseen_digits = draw_digits(rng, UNSEEN)
    targets = np.eye(10)[digits]
    weights = initial_weights(rng)
    image = {"pixels": pixels[0], "target": targets[0]}
    with raphson.connect() as client:
        system = client.compile(loss, weights, image)
        texts = system.definition.equations
        print(f"the loss as text: {len(texts)} lines, {sum(map(len, texts))} characters, {system.n} weights")
        print(*(f"  {text}" for text in (texts[0], "…", texts[-1])), sep="\n")

        gradient = split(client.vjp(system, weights, image, v=[1.0]), weights)
        errors = {name: gradient_error(gradient[name], weights | image, name) for name in weights}
        print(
            "gradient in the weights, against differences:", *(f"{name} {error:.0e}" for name, error in errors.items())
        )

        for step in range(STEPS + 1):
            if step % 20 == 0:
                print(f"step {step:3}: {accuracy(weights, unseen, unseen_digits):6.1%} of unseen digits read rightly")
            some = rng.choice(SEEN, BATCH, replace=False)
            # One call: a reverse sweep for each image, and the mean of what they say.
            each = client.vjp(system, weights, {"pixels": pixels[some], "target": targets[some]}, v=[1.0])
            for name, part in split(each.mean(axis=0), weights).items():
                weights[name] = weights[name] - RATE * part

        seen = {"pixels": unseen[0], "target": np.eye(10)[unseen_digits[0]]}
        ink = client.vjp(loss, {"pixels": seen["pixels"]}, weights | {"target": seen["target"]}, v=[1.0])
        errors["pixels"] = gradient_error(ink, weights | seen, "pixels")
        down, right = divmod(int(np.argmax(ink)), 8)
    print(f"gradient in the pixels, against differences: {errors['pixels']:.0e}")
    print(f"ink at row {down}, column {right} would most make it doubt that this is a {unseen_digits[0]}")
    final = accuracy(weights, unseen, unseen_digits)
    print(f"in the end: {final:.1%}")
    return 0 if max(errors.values()) < 1e-6 and final > 0.9 else 1


if __name__ == "__main__":
    sys.exit(main())
