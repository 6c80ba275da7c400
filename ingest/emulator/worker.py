"""The thread that works on batches: a step of each in turn, so that a long one holds up no short one."""

from __future__ import annotations

import logging
import sqlite3
import threading
from typing import TYPE_CHECKING

from ingest.emulator.lines import BatchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.emulator.batches import Stepper
    from ingest.emulator.records import Batch

_IDLE_S = 0.02
_TROUBLE_S = 1.0

_log = logging.getLogger(__name__)


class Worker:
    """Steps every open batch until it is stopped; `wake` it when there may be something new to do."""

    def __init__(self, stepper: Stepper, ended: Callable[[Batch], None]) -> None:
        """`ended` is told of each batch that came to its end."""
        self._stepper = stepper
        self._ended = ended
        self._stopping = threading.Event()
        self._news = threading.Event()
        self._thread = threading.Thread(target=self._work, name="emulator-batches", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier process left open first."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the step at hand; what is open goes on with the next start."""
        self._stopping.set()
        self._news.set()
        self._thread.join()

    def wake(self) -> None:
        """There is a new batch, or a change to one."""
        self._news.set()

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._news.clear()
            open_batches = self._stepper.store.open_batches()
            open_batches.sort(key=_left)
            moved = any(self._moved(batch) for batch in open_batches if not self._stopping.is_set())
            if not moved and not self._stopping.is_set():
                self._news.wait(_IDLE_S if open_batches else None)

    def _moved(self, batch: Batch) -> bool:
        moved = self._step(batch)
        if moved and (now := self._stepper.store.batch(batch.id)) and now.has_ended:
            self._ended(now)
        return moved

    def _step(self, batch: Batch) -> bool:
        try:
            return self._stepper.step(batch)
        except FileNotFoundError:
            return self._fail(batch, "A file of this batch is gone: its input was deleted.")
        except (sqlite3.OperationalError, OSError) as error:
            # A full disk, say: the batch goes on when that is over.
            _log.warning("batch %s waits: %s", batch.id, error)
            self._stopping.wait(_TROUBLE_S)
            return False
        except Exception as error:  # noqa: BLE001 logged, and told as the reason
            # One batch must not end the service of the others.
            _log.exception("batch %s cannot go on", batch.id)
            return self._fail(batch, str(error))

    def _fail(self, batch: Batch, reason: str) -> bool:
        return self._stepper.fail(batch, [BatchError("server_error", reason)])


def _left(batch: Batch) -> int:
    return batch.total - batch.lines_read
