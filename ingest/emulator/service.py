"""What the calls of every vendor do: on files, batches and models, under the faults that are played."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from starlette.responses import Response

from ingest.emulator.batches import over_the_queue
from ingest.emulator.embeddings import count_tokens
from ingest.emulator.errors import ApiError, no_credit, rate_limited, server_error
from ingest.emulator.records import Batch
from ingest.emulator.responses import BrokenDownload, download
from ingest.emulator.slices import bills
from ingest.emulator.validation import Verdict

if TYPE_CHECKING:
    from ingest.emulator.embeddings import EmbeddingsRequest
    from ingest.emulator.faults import Faults
    from ingest.emulator.limits import Limits
    from ingest.emulator.rates import Rates
    from ingest.emulator.records import StoredFile
    from ingest.emulator.store import Store
    from ingest.emulator.vendor import Vendor
    from ingest.emulator.worker import Worker

_CANCELLABLE = ("validating", "in_progress", "finalizing")
_HOUR_S = 3_600


class Embedded(NamedTuple):
    """What a call to embed at once brings: `vectors` (n, d), and what is told of its rate limits."""

    vectors: np.ndarray
    token_counts: list[int]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Service:
    """One folder that is served in one vendor's way. Its methods block on the disk or the model."""

    store: Store
    faults: Faults
    limits: Limits
    vendor: Vendor
    worker: Worker
    rates: Rates

    # Files

    def file(self, file_id: str) -> StoredFile | None:
        """The file of that id, where it can be seen by now."""
        file = self.store.file(file_id)
        return None if file is None or self._is_not_there_yet(file) else file

    def files(
        self, *, limit: int, purpose: str | None = None, after: int | None = None, descending: bool = True
    ) -> list[StoredFile]:
        """A page of the files, those after a number only."""
        return self.store.files(
            purpose=purpose, after=after, descending=descending, limit=limit, created_before=self._list_horizon()
        )

    def content(self, file: StoredFile) -> Response:
        """A file's content.

        Raises:
            ApiError: a fault.
        """
        if file.purpose == "batch_output" and self.faults.holds("broken_content", file.id):
            raise server_error(retried=True)
        if self.is_empty_yet(file):
            return Response()
        path = self.store.content_path(file.id)
        if self.faults.fires("truncated_download"):
            return BrokenDownload(path, cut=False)
        if self.faults.fires("cut_download"):
            return BrokenDownload(path, cut=True)
        return download(path, file.filename)

    def is_empty_yet(self, file: StoredFile) -> bool:
        """Whether a file of results is told as empty, as its fault has it."""
        return file.purpose == "batch_output" and self._is_young("empty_output_file", file)

    def _is_not_there_yet(self, file: StoredFile) -> bool:
        return self._is_young("read_after_write_404", file) or (
            file.purpose == "batch_output" and self._is_young("late_output_file", file)
        )

    def _is_young(self, fault: str, file: StoredFile) -> bool:
        is_young = time.time() - file.created_at < self.faults.seconds(fault)
        return is_young and self.faults.holds(fault, str(file.number))

    def _list_horizon(self) -> float:
        """The moment up to which what was made is in the lists."""
        lags = self.faults.fires("lagging_lists")
        return time.time() - (self.faults.seconds("lagging_lists") if lags else 0)

    # Batches

    def add_batch(
        self,
        file: StoredFile,
        *,
        metadata: dict[str, str] | None,
        output_lifetime_s: float | None = None,
        model: str | None = None,
        tokens: int = 0,
        window_s: float | None = None,
        asked: str = "",
    ) -> Batch:
        """A new batch of an uploaded file; `model` and `tokens` where they are known before it is validated.

        `window_s`: how long it may take, where that is chosen; `asked`: what it asks for all of its lines.

        Raises:
            ApiError: there are too many, or a fault.
        """
        if self.faults.holds("refused_file", file.id):
            raise ApiError(400, "The request was blocked (a fault, played on purpose).")
        now = time.time()
        if self.store.batches_since(now - _HOUR_S) >= self.limits.batches_per_hour:
            raise rate_limited("Rate limit reached for batches created in an hour.", _HOUR_S)
        batch: Batch | None = None
        while batch is None or self.faults.fires("duplicated_create"):
            batch = self.store.add_batch(
                Batch(
                    id=self.vendor.new_batch_id(),
                    input_file_id=file.id,
                    metadata=metadata,
                    created_at=now,
                    expires_at=now + (window_s or self.limits.completion_window_s),
                    output_lifetime_s=output_lifetime_s or self.limits.file_lifetime_s,
                    output_name=self.vendor.new_result_id(),
                    error_name=self.vendor.new_result_id(),
                    model=model,
                    tokens=tokens,
                    asked=asked,
                )
            )
        self.worker.wake()
        return batch

    def has_room(self, file: StoredFile, model: str) -> bool:
        """Whether a batch of that file, for that model, has room beside those that are open."""
        if self.faults.fires("token_limit"):
            return False
        with self.store.content_path(file.id).open("rb") as lines:
            verdict = Verdict([], model, sum(1 for _ in lines))
        return over_the_queue(self.store, self.limits, verdict, played=False) is None

    def batches(self, *, limit: int, after: int | None = None) -> list[Batch]:
        """A page of the batches, the newest first, those older than a number only."""
        return self.store.batches(after=after, limit=limit, created_before=self._list_horizon())

    def asked_after(self, batch: Batch) -> Batch:
        """The batch, for a call that asks after it.

        Raises:
            ApiError: a fault.
        """
        if self.faults.holds("broken_batch", str(batch.number)):
            raise server_error(retried=True)
        return batch

    def cancel(self, batch: Batch) -> Batch:
        """Begin to cancel a batch; one that has ended is left as it is."""
        while batch.status in _CANCELLABLE:
            cancelling = msgspec.structs.replace(batch, status="cancelling", cancelling_at=time.time())
            # The worker may have taken a step meanwhile: then look again.
            if self.store.update_batch(batch, cancelling):
                self.worker.wake()
                return cancelling
            batch = self.store.batch(batch.id) or batch
        return batch

    # Embeddings

    def embedded(self, request: EmbeddingsRequest) -> Embedded:
        """The vectors of a request, embedded at once and billed.

        Raises:
            ApiError: the request is refused, or a fault.
        """
        model = self.vendor.checked_model(request, self.limits)
        texts = request.texts
        token_counts = count_tokens(model, request, self.faults)
        self.vendor.check_tokens(model, token_counts, self.limits)
        headers = self.rates.take(request.model, sum(token_counts))
        if self.faults.fires("no_credit"):
            raise no_credit()
        if any(self.faults.holds("refused_text", text) for text in texts):
            raise ApiError(400, "'$.input' is invalid (a fault, played on purpose).", param="input")
        vectors = self.vendor.vectors(model, texts, request.dimensions, request.side)
        made = bills(request.model, texts, token_counts, vectors.shape[1])
        if self.faults.fires("nan_answer"):
            vectors, made = vectors.copy(), made[1:]
            vectors[0, 0] = np.nan
        if self.faults.fires("short_answer"):
            vectors, made = vectors[1:], []
        self.store.bill(made)
        return Embedded(vectors, token_counts, headers)
