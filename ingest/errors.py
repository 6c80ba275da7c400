"""What can go wrong, in words for the user: one class for each exit status."""

from __future__ import annotations


class IngestError(Exception):
    """The base of every error this package raises on purpose.

    The message says what happened, where, and what to do next; the command line prints it and exits
    with `exit_status`.
    """

    exit_status = 2


class UsageError(IngestError):
    """Wrong usage or settings: a path, a name, a model, a number that cannot be right. Exit status 2."""


class UnreachableError(IngestError):
    """The database or the provider is out of reach or refuses us; running again resumes. Exit status 3."""

    exit_status = 3


class BudgetError(IngestError):
    """The work would cost more than was allowed; nothing was sent. Exit status 4."""

    exit_status = 4
