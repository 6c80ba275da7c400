"""A batch as the faults let it be seen: then each vendor writes it in its way."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from ingest.emulator.faults import Faults
    from ingest.emulator.records import Batch

_BEFORE = {"completed": "in_progress", "in_progress": "validating"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A batch, its status, counts, files and metadata as they are told; and what is not told at all."""

    batch: Batch
    tells_counts: bool
    tells_usage: bool


def seen(batch: Batch, faults: Faults) -> Seen:
    """The batch as it is seen now."""
    key = str(batch.number)
    told = batch
    if faults.holds("unknown_status", key) and time.time() - batch.created_at < faults.seconds("unknown_status"):
        told = msgspec.structs.replace(told, status="scheduling")
    if faults.fires("backward_status"):
        told = msgspec.structs.replace(told, status=_BEFORE.get(told.status, told.status))
    if batch.completed > 1 and faults.fires("falling_counts"):
        told = msgspec.structs.replace(told, completed=batch.completed // 2)
    if told.status == "in_progress" or _is_late(batch, faults):
        told = msgspec.structs.replace(told, output_file_id=None, error_file_id=None)
    if faults.holds("null_metadata", key):
        told = msgspec.structs.replace(told, metadata=None)
    return Seen(
        told,
        tells_counts=told.has_ended or not faults.holds("null_request_counts", key),
        tells_usage=not faults.holds("null_usage", key),
    )


def _is_late(batch: Batch, faults: Faults) -> bool:
    age_s = time.time() - (batch.completed_at or 0)
    return age_s < faults.seconds("late_file_ids") and faults.holds("late_file_ids", str(batch.number))
