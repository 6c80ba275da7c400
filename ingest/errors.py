"""What can go wrong, in words for the user: one class for each exit status."""

from __future__ import annotations

from ingest.redaction import redacted

UNREADABLE_JSON = (ValueError, RecursionError)
"""What is raised at JSON of others that is none: msgspec's errors, those of encodings, and that of 200,000 brackets."""


class QuotingError(Exception):
    """An error whose words may be those of others: without secrets from the beginning."""

    def __init__(self, message: str = "") -> None:
        super().__init__(redacted(message))


class IngestError(QuotingError):
    """The base of every error this package raises on purpose.

    The message says what happened, where, and what to do next; the command line prints it and exits
    with `exit_status`. What is kept of it, to be told again beside another advice, is `what` alone.
    """

    exit_status = 2
    is_retryable = False
    """Whether the same call, a while later, may go through with nothing changed: what a scheduler retries."""

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(f"{what} {advice}".rstrip())
        self.what, self.advice = redacted(what), redacted(advice)


class UsageError(IngestError):
    """Wrong usage or settings: a path, a name, a model, a number that cannot be right. Exit status 2."""


class UnreachableError(IngestError):
    """The database or the provider is out of reach, or refuses us for now; running again resumes. Exit status 3."""

    exit_status = 3
    is_retryable = True


class StoppedError(IngestError):
    """Another command had the last word, a cancel or a swap; running again goes on. Exit status 130."""

    exit_status = 130


class BudgetError(IngestError):
    """The work would cost more than was allowed; nothing was sent. Exit status 4."""

    exit_status = 4


class InternalError(IngestError):
    """A fault of this program, which ends with a report to send; what was done is kept. Exit status 70."""

    exit_status = 70  # EX_SOFTWARE of sysexits.h
