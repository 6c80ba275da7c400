"""What is known of a run: status, report, page, metrics, notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.rooms import on_demand

if TYPE_CHECKING:
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
else:
    __getattr__ = on_demand(__name__)

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
