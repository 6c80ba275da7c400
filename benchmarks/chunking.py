"""How fast documents are chunked, side by side: `python -m benchmarks.chunking`."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING

from benchmarks import peers, texts
from benchmarks.tables import ROUNDS, Table, compared, show
from ingest.chunker import chunk, cl100k_authority, tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.texts import Text

VERSIONS = peers.VERSIONS
LIMIT = 512
LARGEST = 4_000_000  # bytes of each corpus: enough to measure, and the slowest peer ends

_TIKTOKEN = "tiktoken alone"
_CORPORA = {
    "English": texts.english,
    "Japanese": texts.japanese,
    "Markdown": texts.markdown,
    "code": texts.code,
}


def ours(one: Text) -> object:
    return chunk(one.text, tokenizer=tokenizer("cl100k_base"), max_tokens=LIMIT, syntax=one.syntax)


def seconds(work: Callable[[Text], object], documents: list[Text]) -> float:
    """Processor time of this process, which another's load does not lengthen."""
    start = process_time()
    for one in documents:
        work(one)
    return process_time() - start


def one_round(documents: list[Text]) -> dict[str, float]:
    """The seconds of each splitter, made anew, so that none remembers counts of the round before."""
    splitters: dict[str, Callable[[Text], object]] = {
        "ours": ours,
        _TIKTOKEN: lambda one: cl100k_authority().encode_ordinary(one.text),
    }
    for name, peer in peers.peers(LIMIT).items():
        splitters[name] = lambda one, peer=peer: peer(one.text)  # type: ignore[misc]
    taken = {}
    for name, work in splitters.items():
        work(documents[0])  # vocabularies are loaded before the clock starts
        taken[name] = seconds(work, documents)
    return taken


def sample(corpus: list[Text]) -> list[Text]:
    """Texts spread evenly over the corpus, LARGEST bytes of them at most."""
    step = max(1, round(texts.megabytes(corpus) * 1e6 / LARGEST + 0.5))
    return corpus[::step]


def tables() -> Iterator[Table]:
    for corpus, read in _CORPORA.items():
        documents = sample(read())
        if not documents:
            print(f"{corpus}: no text was found; install {texts.PACKAGES}.")
            continue
        size = texts.megabytes(documents)
        rounds = [one_round(documents) for _ in range(ROUNDS)]
        rates = {name: [size / taken[name] for taken in rounds] for name in rounds[0]}
        yield compared(f"{corpus}: {len(documents)} documents, {size:.1f} MB, {LIMIT} tokens, one core", "MB/s", rates)


if __name__ == "__main__":
    show(tables())
