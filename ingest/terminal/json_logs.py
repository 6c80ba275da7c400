"""Progress and messages for programs: one JSON object a line on standard error, and nothing else there."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import msgspec

from ingest.redaction import LogFilter


def withhold_secrets() -> None:
    """Have the warnings of libraries written without secrets from now on."""
    if logging.lastResort:
        logging.lastResort.addFilter(LogFilter())


def take_all() -> None:
    """Have our own records and the warnings of libraries written from now on."""
    logging.getLogger().addHandler(_HANDLER)
    logging.getLogger("ingest").setLevel(logging.INFO)
    logging.captureWarnings(True)


class JsonFormatter(logging.Formatter):
    """A record as an object: time, level and event, then the fields of ours, or a library's logger and its message."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {"time": moment, "level": record.levelname.lower()}
        line["event"] = event = getattr(record, "event", "log")
        if event == "log":
            line["logger"] = record.name
        if not event.startswith("stage_"):  # its message is its figures, in words
            line["message"] = record.getMessage().encode(errors="replace").decode()
        return msgspec.json.encode(line | getattr(record, "fields", {})).decode()


class _Handler(logging.Handler):
    """What is ours, and the warnings of others, on what is standard error when they come; each at once, and whole."""

    def filter(self, record: logging.LogRecord) -> bool:
        return (record.levelno >= logging.WARNING or record.name == "ingest") and bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")
        sys.stderr.flush()


_HANDLER = _Handler()
_HANDLER.setFormatter(JsonFormatter())
_HANDLER.addFilter(LogFilter())
