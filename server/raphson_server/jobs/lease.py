"""Keeps a job for as long as it is worked on."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from raphson_server.jobs.errors import JobError, LeaseLostError, StoreError

if TYPE_CHECKING:
    from types import TracebackType

    from raphson_server.jobs.store import Store

# How soon a job that runs hears that it is to be cancelled.
_LOOK_SECONDS = 0.5


class Lease:
    """Renews a lease from a thread of its own, within a ``with``.

    Parameters
    ----------
    store : Store
    name, owner : str
    seconds : float
        For how long at a time.
    """

    def __init__(self, store: Store, name: str, owner: str, seconds: float) -> None:
        self._store = store
        self._name = name
        self._owner = owner
        self._seconds = seconds
        self._over = threading.Event()
        self._error: JobError | None = None
        self._cancel_requested = False
        self._thread = threading.Thread(target=self._renew, name="raphson-lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def is_cancelled(self) -> bool:
        """Return whether the job is to be stopped.

        Raises
        ------
        LeaseLostError, StoreError
            If it is another's by now, or the store has not answered for as long as the lease was.
        """
        if self._error is not None:
            raise self._error
        return self._cancel_requested

    def _renew(self) -> None:
        renewed = time.monotonic()
        while not self._over.wait(min(_LOOK_SECONDS, self._seconds / 3)):
            try:
                record = self._store.renew(self._name, self._owner, self._seconds)
            except StoreError as error:
                # A database that restarts is back in a moment.
                if time.monotonic() - renewed < self._seconds:
                    continue
                self._error = error
                return
            except LeaseLostError as error:
                self._error = error
                return
            renewed = time.monotonic()
            self._cancel_requested = record.cancel_requested
