"""What a stage tells while it works: progress, timings, spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.rooms import on_demand

if TYPE_CHECKING:
    from ingest.telemetry.progress import Bar, LineStage, Logged, Progress, Stage, log
    from ingest.telemetry.timings import Stages
    from ingest.telemetry.tracing import open_tracer
else:
    __getattr__ = on_demand(__name__)

__all__ = ["Bar", "LineStage", "Logged", "Progress", "Stage", "Stages", "log", "open_tracer"]
