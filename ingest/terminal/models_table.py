"""The models that are known, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from ingest.terminal.parts import Part, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.provider import KnownModel


def models_table(models: Sequence[KnownModel]) -> Iterator[Part]:
    """Each model with whose it is, what bounds it, and what a million tokens cost."""
    yield table(
        {
            "model": [each.model for each in models],
            "provider": [each.provider for each in models],
            ">dimensions": [_lengths(each) for each in models],
            ">tokens": [f"{each.max_tokens:,}{'' if each.tokens_are_exact else ' *'}" for each in models],
            ">$ in batches": [_price(each.usd_per_million_batch) for each in models],
            ">$ at once": [_price(each.usd_per_million_sync) for each in models],
            ">window": ["" if each.window_hours is None else f"{each.window_hours} h" for each in models],
            "tried": ["yes" if each.tried else "on the emulator" for each in models],
        }
    )
    yield Text("$ for a million tokens; * a bound by our count, as the model's own tokenizer is not known", style="dim")


def _lengths(model: KnownModel) -> str:
    smallest = model.smallest_dimensions
    return f"{model.dimensions:,}" if smallest is None else f"{smallest:,} to {model.largest_dimensions:,}"


def _price(dollars: float) -> str:
    return f"{dollars:g}" if dollars else ""
