"""The life of a batch: validated, run a slice at a time, its files published.

Each step ends in one transaction that records how far the batch has come, together with the bills of what
was embedded; result files are cut back to what is recorded before they are written on. A server killed at any
instant goes on where it was, and bills nothing twice.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ingest.emulator.lines import BatchError
from ingest.emulator.models import embedder
from ingest.emulator.records import NewFile
from ingest.emulator.slices import run_slice
from ingest.emulator.store import private_file
from ingest.emulator.validation import Verdict, lines_of, validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ingest.emulator.faults import Faults
    from ingest.emulator.limits import Limits
    from ingest.emulator.records import Batch
    from ingest.emulator.store import Store
    from ingest.emulator.vendor import Vendor

ORGANIZATION = "org-emulator"


@dataclass(frozen=True, slots=True)
class Stepper:
    """Takes batches a step on in their lives. `latency_s`: how long each is validated, and runs, at least."""

    store: Store
    faults: Faults
    limits: Limits
    vendor: Vendor
    latency_s: float = 0.0

    def step(self, batch: Batch) -> bool:
        """Take a batch one step on; False if there is nothing to do for it now."""
        now = time.time()
        if now >= batch.expires_at and batch.status in ("validating", "in_progress"):
            return self._end(batch, "expired", "batch_expired")
        if self.faults.holds(f"stuck_{batch.status}", str(batch.number)):
            return False
        match batch.status:
            case "validating":
                return now >= batch.created_at + self.latency_s and self._validate(batch)
            case "in_progress":
                return self._run(batch, now)
            case "finalizing":
                return self._complete(batch)
            case _:
                return self._end(batch, "cancelled", "batch_cancelled")

    def fail(self, batch: Batch, errors: Iterable[BatchError]) -> bool:
        """End a batch that cannot run, with its reasons and without results."""
        failed = replace(batch, status="failed", failed_at=time.time(), errors=tuple(errors))
        if not self.store.update_batch(batch, failed, unbill=True):
            return False
        for name in (batch.output_name, batch.error_name):
            self.store.content_path(name).unlink(missing_ok=True)
        return True

    # Steps

    def _validate(self, batch: Batch) -> bool:
        verdict = validate(
            self.store.content_path(batch.input_file_id), self.limits, self.faults, self.vendor, batch.model
        )
        errors = verdict.errors or self._without_credit(batch) or self._over_the_queue(batch, verdict)
        if errors:
            return self.fail(batch, errors)
        started = replace(
            batch,
            status="in_progress",
            in_progress_at=time.time(),
            model=verdict.model,
            total=verdict.requests,
            tokens=verdict.tokens,
        )
        return self.store.update_batch(batch, started)

    def _without_credit(self, batch: Batch) -> list[BatchError]:
        held = self.faults.holds("no_credit_batch", str(batch.number))
        return [BatchError("billing_hard_limit_reached", "Billing hard limit has been reached")] if held else []

    def _over_the_queue(self, batch: Batch, verdict: Verdict) -> list[BatchError]:
        if self.vendor.refuses_when_full:
            return []
        played = self.faults.holds("token_limit", str(batch.number))
        full = over_the_queue(self.store, self.limits, verdict, played=played)
        return [full] if full else []

    def _run(self, batch: Batch, now: float) -> bool:
        if self._yields_nothing(batch):
            return self._finalize(batch)
        early = self._early_end(batch)
        last_line = batch.total // 2 if early else batch.total
        if early and batch.lines_read >= last_line:
            return self._end(batch, *early)
        elapsed_s = now - (batch.in_progress_at or now)
        share = min(1.0, elapsed_s / self.latency_s) if self.latency_s else 1.0
        if batch.lines_read == batch.total:
            return share == 1.0 and self._finalize(batch)
        allowed = min(int(batch.total * share), last_line) - batch.lines_read
        return allowed > 0 and self._run_slice(batch, allowed)

    def _early_end(self, batch: Batch) -> tuple[str, str] | None:
        """The status, and the code for the rest of the requests, with which a fault ends the batch half-way."""
        for status in ("expired", "cancelled"):
            if self.faults.holds(f"{status}_partial", str(batch.number)):
                return status, f"batch_{status}"
        return None

    def _run_slice(self, batch: Batch, max_lines: int) -> bool:
        if self._lost_to_a_power_cut(batch):
            return self.store.update_batch(batch, _rewound(batch), unbill=True)
        path = self.store.content_path(batch.input_file_id)
        max_lines = min(max_lines, embedder(self.limits.models[batch.model or ""]).texts_at_once)
        with path.open("rb") as file:
            file.seek(batch.input_offset)
            lines = list(islice(lines_of(file), max_lines))
        made = run_slice(
            batch, lines, self.faults, self.limits, self.vendor, partial(_custom_ids, path, self.vendor.custom_id)
        )
        output, errors = self._written(batch, made.output, made.errors)
        advanced = replace(
            batch,
            input_offset=batch.input_offset + sum(map(len, lines)),
            lines_read=batch.lines_read + len(lines),
            output_bytes=output,
            error_bytes=errors,
            completed=batch.completed + made.completed,
            failed=batch.failed + made.failed,
            billed_tokens=batch.billed_tokens + made.tokens,
        )
        return self.store.update_batch(batch, advanced, bills=made.bills)

    def _finalize(self, batch: Batch) -> bool:
        finalizing = replace(batch, status="finalizing", finalizing_at=time.time())
        return self.store.update_batch(batch, finalizing)

    def _complete(self, batch: Batch) -> bool:
        completed = replace(batch, status="completed", completed_at=time.time())
        return self._publish(batch, completed)

    def _end(self, batch: Batch, status: str, code: str) -> bool:
        """Expire or cancel: what is done is published, what is not is listed under `code`."""
        ended = replace(batch, status=status, **{f"{status}_at": time.time()})
        if batch.total:
            with self.store.content_path(batch.input_file_id).open("rb") as file:
                file.seek(batch.input_offset)
                told = (self.vendor.never_ran_line(self.vendor.custom_id(line), code) for line in lines_of(file))
                rest = [line for line in told if line]
            output, errors = self._written(batch, [], rest)
            ended = replace(ended, failed=batch.failed + len(rest), output_bytes=output, error_bytes=errors)
        return self._publish(batch, ended)

    # Result files

    def _written(self, batch: Batch, output: list[bytes], errors: list[bytes]) -> tuple[int, int]:
        """Write on in the result files of a batch; their sizes then."""
        if not self.vendor.errors_apart:
            output, errors = output + errors, []
        return (
            self._write(batch.output_name, batch.output_bytes, output),
            self._write(batch.error_name, batch.error_bytes, errors),
        )

    def _write(self, name: str, size: int, parts: Iterable[bytes]) -> int:
        """Cut a result file back to the size that is recorded, and write on; its size then."""
        with private_file(self.store.content_path(name)) as file:
            if file.seek(0, os.SEEK_END) > size:
                file.truncate(size)
            file.seek(size)
            file.writelines(parts)
            return file.tell()

    def _lost_to_a_power_cut(self, batch: Batch) -> bool:
        return any(
            size and (not path.exists() or path.stat().st_size < size)
            for path, size in (
                (self.store.content_path(batch.output_name), batch.output_bytes),
                (self.store.content_path(batch.error_name), batch.error_bytes),
            )
        )

    def _yields_nothing(self, batch: Batch) -> bool:
        key = str(batch.number)
        return self.faults.holds("null_file_ids", key) or self.faults.holds("empty_file_ids", key)

    def _publish(self, before: Batch, after: Batch) -> bool:
        """Bring a batch to its end, its result files with it."""
        key = str(before.number)
        if self.faults.holds("empty_file_ids", key):
            return self.store.update_batch(before, replace(after, output_file_id="", error_file_id=""))
        output = self.store.content_path(after.output_name)
        if after.output_bytes and self.faults.holds("shuffled", key):
            _shuffle_lines(output, after.number)
        if after.output_bytes and self.faults.holds("no_trailing_newline", key):
            _drop_last_newline(output)
        expires_at = time.time() + after.output_lifetime_s
        files = []
        if self._is_kept(after.output_name, after.output_bytes):
            files.append(NewFile(after.output_name, f"{after.id}_output.jsonl", "batch_output", expires_at))
            after = replace(after, output_file_id=after.output_name)
        if self._is_kept(after.error_name, after.error_bytes, or_empty=self.faults.holds("zero_byte_error_file", key)):
            files.append(NewFile(after.error_name, f"{after.id}_error.jsonl", "batch_output", expires_at))
            after = replace(after, error_file_id=after.error_name)
        return self.store.update_batch(before, after, files=files)

    def _is_kept(self, name: str, size: int, *, or_empty: bool = False) -> bool:
        """Whether there is something to publish: then it is put on the disk itself, else deleted."""
        path = self.store.content_path(name)
        if not size and not or_empty:
            path.unlink(missing_ok=True)
            return False
        with private_file(path) as file:
            os.fsync(file.fileno())
        return True


def over_the_queue(store: Store, limits: Limits, verdict: Verdict, *, played: bool) -> BatchError | None:
    """Why there is no room for a batch beside those that are open, if there is none; `played`: by a fault."""
    enqueued_requests, _ = store.enqueued()
    _, enqueued_tokens = store.enqueued(verdict.model)
    token_limit = limits.enqueued_tokens
    if played or (token_limit is not None and enqueued_tokens + verdict.tokens > token_limit):
        return _limit_reached("token", verdict.model, token_limit or enqueued_tokens + verdict.tokens)
    if enqueued_requests + verdict.requests > limits.enqueued_requests:
        return _limit_reached("request", verdict.model, limits.enqueued_requests)
    return None


def _limit_reached(what: str, model: str | None, limit: int) -> BatchError:
    return BatchError(
        f"{what}_limit_exceeded",
        f"Enqueued {what} limit reached for {model} in organization {ORGANIZATION}. "
        f"Limit: {limit:,} enqueued {what}s. "
        "Please try again once some in_progress batches have been completed.",
    )


def _rewound(batch: Batch) -> Batch:
    return replace(
        batch,
        input_offset=0,
        lines_read=0,
        output_bytes=0,
        error_bytes=0,
        completed=0,
        failed=0,
        billed_tokens=0,
    )


@lru_cache(maxsize=1)
def _custom_ids(path: Path, custom_id: Callable[[bytes], str]) -> frozenset[str]:
    with path.open("rb") as file:
        return frozenset(map(custom_id, lines_of(file)))


def _shuffle_lines(path: Path, seed: int) -> None:
    """Put a file's lines in another order, holding one line in memory at a time."""
    shuffled = path.with_suffix(".shuffled")
    with path.open("rb") as file, private_file(shuffled) as target:
        spans = []
        start = 0
        for line in file:
            spans.append((start, len(line)))
            start += len(line)
        random.Random(seed).shuffle(spans)  # noqa: S311 nothing secret
        for offset, size in spans:
            file.seek(offset)
            target.write(file.read(size))
    shuffled.replace(path)


def _drop_last_newline(path: Path) -> None:
    with path.open("rb+") as file:
        file.seek(-1, os.SEEK_END)
        if file.read(1) == b"\n":
            file.truncate(file.tell() - 1)
