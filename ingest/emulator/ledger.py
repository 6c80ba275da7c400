"""What the server has billed, text by text: the witness that nothing is paid twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.emulator.store import Store

_PAGE_ROWS = 5_000
_WORST_LISTED = 20


def summary(store: Store) -> dict[str, object]:
    """Totals, and the texts that were billed more than once for the same model and dimensions.

    Queries embedded one by one are billed as often as they are asked: a text is listed where a batch had
    part in it.
    """
    texts, tokens, requests = store.query(
        "select count(*), coalesce(sum(tokens), 0), count(distinct batch_id || ' ' || custom_id)"
        " + count(*) filter (where batch_id is null) from ledger"
    )[0]
    distinct_texts = store.query("select count(*) from (select distinct text_sha256, model, dimensions from ledger)")[
        0
    ][0]
    repeated = store.query(
        "select lower(hex(text_sha256)), model, dimensions, count(*),"
        " group_concat(coalesce(batch_id || '/' || custom_id, 'sync')) from ledger"
        " group by text_sha256, model, dimensions having count(*) > 1 and count(batch_id) > 0"
        " order by count(*) desc, min(number)"
    )
    return {
        "texts": texts,
        "distinct_texts": distinct_texts,
        "texts_billed_more_than_once": len(repeated),
        "billed_more_than_once": [
            {
                "text_sha256": text_sha256,
                "model": model,
                "dimensions": dimensions,
                "times": times,
                "sources": sources.split(","),
            }
            for text_sha256, model, dimensions, times, sources in repeated[:_WORST_LISTED]
        ],
        "tokens": tokens,
        "requests": requests,
    }


def rows(store: Store) -> Iterator[bytes]:
    """Every bill, oldest first, as JSON lines; a page of rows at a time."""
    last = 0
    while page := store.query(
        "select number, lower(hex(text_sha256)), model, dimensions, tokens, batch_id, custom_id, billed_at"
        " from ledger where number > ? order by number limit ?",
        (last, _PAGE_ROWS),
    ):
        last = page[-1][0]
        names = (
            "number",
            "text_sha256",
            "model",
            "dimensions",
            "tokens",
            "batch_id",
            "custom_id",
            "billed_at",
        )
        yield b"".join(msgspec.json.encode(dict(zip(names, row, strict=True))) + b"\n" for row in page)
