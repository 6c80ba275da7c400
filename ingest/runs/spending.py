"""What is about to be spent, at which price, and whether that is approved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ingest.batches import ShardPlan, read_learned, read_run, shard_plan
from ingest.corpus import priced_model
from ingest.database.statements import statement
from ingest.errors import BudgetError, UsageError
from ingest.formatting import about
from ingest.formatting import dollars as dollars_of
from ingest.provider import preset

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.batches import Budget
    from ingest.database.corpus import Indexing
    from ingest.provider import EmbeddingModel
    from ingest.runs.resources import Resources
    from ingest.settings import Mode


# Whether so many tokens, for so many dollars, may be sent.
Approval: TypeAlias = "Callable[[int, float], bool]"


@dataclass(frozen=True, slots=True)
class Spending:
    """Who approves of what is spent, and which price is paid; whether for batches of another database, too."""

    approve: Approval | None = None
    mode: Mode = "batch"
    foreign: bool = False
    max_dollars: float | None = None
    """The most that the run may cost, of all its rounds."""


def planned_shards(resources: Resources, indexing: Indexing, budget: Budget) -> ShardPlan:
    """The batches that would be made."""
    return shard_plan(
        indexing,
        resources.settings,
        resources.wire,
        resources.endpoint,
        budget.max_batch_tokens,
        is_local=resources.is_local,
    )


def require_batches(resources: Resources) -> None:
    """See that the provider has a Batch API, and what that needs.

    Raises:
        UsageError: it has not.
    """
    if not resources.has_batches:
        raise UsageError(
            f"the provider {resources.provider_name} has no Batch API: run with --mode sync; or `ingest sync` and "
            "`ingest export DIR`, run the files there, and `ingest load FILE…` takes the results."
        )
    if preset(resources.provider_name).in_folder:
        resources.account.require_folder()


def unsent_tokens(resources: Resources) -> int:
    """The tokens of what waits, or is in shards that were not sent."""
    row = resources.connection.execute(statement("count_unsent_requests")).fetchone()
    return row[1] if row else 0


def ask(
    resources: Resources,
    indexing: Indexing,
    spending: Spending,
    tokens: int,
    ratio: float,
    refused: str,
    *,
    begins: bool = False,
) -> float:
    """The dollars that so many tokens cost, approved; `ratio`: of the provider's to these.

    `begins`: for a run that is still to begin, and has cost nothing; one that is refused does not.

    Raises:
        BudgetError: they are not approved.
    """
    price = price_of(resources, indexing, spending.mode) / 1e6
    dollars = tokens * ratio * price
    if tokens and spending.max_dollars is not None:
        spent = 0.0 if begins else read_run(resources.connection).dollars
        unsent = unsent_tokens(resources) * token_ratio(resources, indexing) * price
        if spent + unsent > spending.max_dollars:
            raise BudgetError(
                f"the run has cost {about(spent)}, and {about(unsent)} more would be over max_dollars "
                f"({dollars_of(spending.max_dollars)}): {refused}. What was read, and what is in flight, is kept.",
                "Set a higher max_dollars to go on.",
            )
    if tokens and spending.approve and not spending.approve(tokens, dollars):
        raise BudgetError(
            f"{tokens:,} tokens for {about(dollars)} were not approved: {refused}. What was read, and what is "
            "in flight, is kept; run again with --yes, or a higher --max-cost, to go on."
        )
    return dollars


def price_of(resources: Resources, indexing: Indexing, mode: Mode) -> float:
    """US dollars for a million tokens."""
    model = priced(resources, indexing)
    return model.usd_per_million_sync if mode == "sync" else model.usd_per_million_batch


def token_ratio(resources: Resources, indexing: Indexing) -> float:
    """How many tokens the provider bills for each of ours."""
    return read_learned(resources.connection, resources.endpoint, indexing.model).believed_ratio


def priced(resources: Resources, indexing: Indexing) -> EmbeddingModel:
    """The model, at the user's own prices where the settings have some."""
    return priced_model(resources.settings, indexing)
