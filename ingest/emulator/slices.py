"""A slice of a batch: some input lines run, their result lines and bills made."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ingest.emulator.embeddings import EmbeddingsRequest, count_tokens
from ingest.emulator.errors import ApiError
from ingest.emulator.faults import LINE_FAULTS, Faults, is_billed
from ingest.emulator.lines import delivered, foreign_custom_id
from ingest.emulator.records import Bill

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    import numpy as np

    from ingest.emulator.limits import Limits
    from ingest.emulator.records import Batch
    from ingest.emulator.vendor import Vendor


@dataclass(slots=True)
class Slice:
    """What some lines of a batch made: parts of the result files, bills, and counts."""

    output: list[bytes] = field(default_factory=list)
    errors: list[bytes] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    completed: int = 0
    failed: int = 0
    tokens: int = 0


class _Job(NamedTuple):
    custom_id: str
    request: EmbeddingsRequest
    texts: list[str]
    token_counts: list[int]


def run_slice(
    batch: Batch,
    lines: Sequence[bytes],
    faults: Faults,
    limits: Limits,
    vendor: Vendor,
    custom_ids: Callable[[], Container[str]],
) -> Slice:
    """Run lines of a validated batch; `custom_ids` tells those of all its lines, should a fault need them."""
    made = Slice()
    played = faults.active(LINE_FAULTS)
    for job, vectors in _embedded(_admitted(batch, lines, faults, limits, vendor, made), limits, vendor):
        fault = faults.first(played, f"{batch.number}/{job.custom_id}") if played else None
        foreign = foreign_custom_id(custom_ids(), job.custom_id) if fault == "foreign_lines" else ""
        output, error = delivered(
            vendor,
            job.request,
            job.custom_id,
            vectors,
            sum(job.token_counts),
            faults,
            fault=fault,
            foreign_custom_id=foreign,
        )
        made.output.append(output)
        made.errors.append(error)
        made.completed += bool(output)
        made.failed += bool(error)
        if is_billed(fault):
            made.bills += bills(
                job.request.model,
                job.texts,
                job.token_counts,
                vectors.shape[1],
                batch_id=batch.id,
                custom_id=job.custom_id,
            )
            made.tokens += sum(job.token_counts)
    return made


def bills(
    model: str,
    texts: Sequence[str],
    token_counts: Sequence[int],
    dimensions: int,
    *,
    batch_id: str | None = None,
    custom_id: str | None = None,
) -> list[Bill]:
    """One bill for each text of a request."""
    now = time.time()
    return [
        Bill(hashlib.sha256(text.encode()).digest(), model, dimensions, count, batch_id, custom_id, now)
        for text, count in zip(texts, token_counts, strict=True)
    ]


def _admitted(
    batch: Batch, lines: Sequence[bytes], faults: Faults, limits: Limits, vendor: Vendor, made: Slice
) -> list[_Job]:
    """The requests that may run; the others are refused, each for itself."""
    admitted: list[_Job] = []
    for line in lines:
        custom_id, request = vendor.request_of(line, batch.asked or batch.model or "")
        try:
            if isinstance(request, ApiError):
                raise request
            model = vendor.checked_model(request, limits)
            job = _Job(custom_id, request, request.texts, count_tokens(model, request, faults))
            vendor.check_tokens(model, job.token_counts, limits)
            admitted.append(job)
        except ApiError as refusal:
            made.errors.append(vendor.refused_line(custom_id, refusal, faults))
            made.failed += 1
    return admitted


def _embedded(jobs: Sequence[_Job], limits: Limits, vendor: Vendor) -> Iterator[tuple[_Job, np.ndarray]]:
    """The jobs with their vectors, (len(job.texts), d) each; those of one length and side are embedded together."""
    for wanted in dict.fromkeys((job.request.dimensions, job.request.side) for job in jobs):
        together = [job for job in jobs if (job.request.dimensions, job.request.side) == wanted]
        texts = [text for job in together for text in job.texts]
        vectors = vendor.vectors(limits.models[together[0].request.model], texts, *wanted)
        start = 0
        for job in together:
            yield job, vectors[start : start + len(job.texts)]
            start += len(job.texts)
