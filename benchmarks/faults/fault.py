"""One fault, and what became of everybody."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Self

import numpy as np
import raphson

EQUATIONS = ("x**2 + y**2 = r**2", "exp(x) + y = 1")
START = {"x": 1.0, "y": -1.7}
WORST_RESIDUAL = 1e-10


@dataclass(frozen=True, slots=True)
class Fault:
    """What a fault did.

    Attributes
    ----------
    name : str
        What was done.
    happened : str
        What became of it.
    lost : str
        What others have lost: calls without an answer, and answers that are wrong.
    sound : bool
        Whether that is nothing.
    """

    name: str
    happened: str
    lost: str
    sound: bool


class Others:
    """A client of its own that solves and checks, one after another, for as long as a fault lasts.

    Parameters
    ----------
    address : str
    patient : bool
        Whether it asks again when the server is not there, as a program would that needs the answer.
    """

    def __init__(self, address: str, *, patient: bool = False) -> None:
        self._address, self._patient = address, patient
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.asked = self.answered = self.wrong = self.asked_again = 0
        self.longest = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        while not self.answered and self._thread.is_alive():
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Have it ask no more, and wait for its last answer."""
        self._over.set()
        self._thread.join()

    @property
    def sound(self) -> bool:
        """Whether all were answered, and right."""
        return self.asked == self.answered > 0 and not self.wrong

    def __str__(self) -> str:
        return f"{self.asked - self.answered} of {self.asked} calls, {self.wrong} wrong"

    def wait_for_an_answer(self, longest_seconds: float) -> float | None:
        """Return in how many seconds the next answer comes; None if it does not."""
        began, before = time.monotonic(), self.answered
        while time.monotonic() - began < longest_seconds:
            if self.answered > before:
                return time.monotonic() - began
            time.sleep(0.01)
        return None

    def _run(self) -> None:
        rng = np.random.default_rng(7)
        with raphson.connect(self._address, timeout_seconds=60.0) as client:
            system = client.compile(EQUATIONS, start=START, parameters={"r": 1.0})
            while not self._over.is_set():
                r = float(rng.uniform(1.5, 3))
                self.asked += 1
                began = time.monotonic()
                root = self._solve(client, system, r)
                self.longest = max(self.longest, time.monotonic() - began)
                if root is not None:
                    self.answered += 1
                    x, y = float(root["x"]), float(root["y"])
                    self.wrong += not max(abs(x**2 + y**2 - r**2), abs(np.exp(x) + y - 1)) < WORST_RESIDUAL
                time.sleep(0.002)

    def _solve(self, client: raphson.Client, system: raphson.CompiledSystem, r: float) -> raphson.Solution | None:
        give_up = time.monotonic() + 60
        while True:
            try:
                return client.solve(system, START, {"r": r})
            except raphson.RaphsonError:
                if not self._patient or time.monotonic() > give_up:
                    return None
                self.asked_again += 1
                time.sleep(0.1)
