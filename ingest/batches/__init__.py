"""Requests on their way to vectors: shards, batches at the provider, results, and the books of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.rooms import on_demand

if TYPE_CHECKING:
    from ingest.batches.account_refusal import Refusal, forget_refusal, noting_refusal, read_refusal
    from ingest.batches.backoff import refuse_failing
    from ingest.batches.budget import Budget, InFlight, obstacle
    from ingest.batches.duplicates import has_duplicates
    from ingest.batches.forecast import Forecast, Work, expected, forecast_end
    from ingest.batches.late_files import late_batches
    from ingest.batches.learned_limits import known_budget, read_learned
    from ingest.batches.ledger import (
        Costs,
        DocumentCost,
        Entry,
        Run,
        begin_run,
        carry_ledger,
        end_run,
        note_edited,
        note_reading,
        read_costs,
        read_run,
    )
    from ingest.batches.loader import load_file
    from ingest.batches.loop import Flow, outstanding
    from ingest.batches.origin import Permit, described_origins, foreign_among, is_foreign
    from ingest.batches.reconcile import LoadReport, Retries
    from ingest.batches.records import (
        ENQUEUED,
        LEAVING,
        Batch,
        cancel_sending,
        is_failing,
        is_stuck,
        moving_batches,
        new_key,
        open_batches,
        past_durations,
    )
    from ingest.batches.remote_files import uncleaned_elsewhere
    from ingest.batches.shards import Shard, ShardPlan, remove_orphans, shard_plan, write_shards
    from ingest.batches.submitter import UNSUBMITTED, take_over
    from ingest.batches.unanswered import ROW_LOCKED, ROW_REFUSED, remedy
    from ingest.batches.waiting import due_again_s, refuse_refused
else:
    __getattr__ = on_demand(__name__)

__all__ = [
    "ENQUEUED",
    "LEAVING",
    "ROW_LOCKED",
    "ROW_REFUSED",
    "UNSUBMITTED",
    "Batch",
    "Budget",
    "Costs",
    "DocumentCost",
    "Entry",
    "Flow",
    "Forecast",
    "InFlight",
    "LoadReport",
    "Permit",
    "Refusal",
    "Retries",
    "Run",
    "Shard",
    "ShardPlan",
    "Work",
    "begin_run",
    "cancel_sending",
    "carry_ledger",
    "described_origins",
    "due_again_s",
    "end_run",
    "expected",
    "forecast_end",
    "foreign_among",
    "forget_refusal",
    "has_duplicates",
    "is_failing",
    "is_foreign",
    "is_stuck",
    "known_budget",
    "late_batches",
    "load_file",
    "moving_batches",
    "new_key",
    "note_edited",
    "note_reading",
    "noting_refusal",
    "obstacle",
    "open_batches",
    "outstanding",
    "past_durations",
    "read_costs",
    "read_learned",
    "read_refusal",
    "read_run",
    "refuse_failing",
    "refuse_refused",
    "remedy",
    "remove_orphans",
    "shard_plan",
    "take_over",
    "uncleaned_elsewhere",
    "write_shards",
]
