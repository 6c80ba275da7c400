"""What is known of a run: status, report, page, metrics, notifications."""

from __future__ import annotations

from ingest.reporting.notifications import Notifier
from ingest.reporting.rounds import Poll, Round, RunTotals, totals
from ingest.reporting.run_report import RunReport
from ingest.reporting.status import (
    BatchStatus,
    Failure,
    FailureGroup,
    Status,
    Terms,
    list_failures,
    next_step,
    read_status,
)

__all__ = [
    "BatchStatus",
    "Failure",
    "FailureGroup",
    "Notifier",
    "Poll",
    "Round",
    "RunReport",
    "RunTotals",
    "Status",
    "Terms",
    "list_failures",
    "next_step",
    "read_status",
    "totals",
]
