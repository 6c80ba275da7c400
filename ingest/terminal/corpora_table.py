"""The corpora of a database, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from ingest.formatting import clean, display_path
from ingest.terminal.parts import Row, listed, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.runs import KeptCorpus
    from ingest.terminal.parts import Part


def corpora_table(corpora: Sequence[KeptCorpus]) -> Iterator[Part]:
    """Each corpus with its sources: documents, passages, tokens, and when one of them changed last."""
    if not corpora:
        yield Text("there is no corpus in this database: `ingest run PATH` makes one")
    for each in corpora:
        if each.problem:
            yield Row(each.corpus, each.problem)
            continue
        made = f", made {each.created_at:%Y-%m-%d}" if each.created_at else ""
        size = f"{each.size_bytes / 1e6:,.1f} MB"
        yield Row(each.corpus, f"{each.vector_type}({each.dimensions}) of {each.model}, {size}{made}")
        if not each.sources:
            yield listed("no documents")
            continue
        yield table(
            {
                "source": [clean(display_path(source.source)) for source in each.sources],
                ">documents": [f"{source.documents:,}" for source in each.sources],
                ">chunks": [f"{source.chunks:,}" for source in each.sources],
                ">tokens": [f"{source.tokens:,}" for source in each.sources],
                "last changed": [f"{source.changed_at:%Y-%m-%d %H:%M}" for source in each.sources],
            }
        )
