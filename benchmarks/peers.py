"""Other splitters, each as a function from a text to its chunks; those that are not installed say so."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ingest.chunker import cl100k_authority

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.chunker import Tokenizer

    Splitter = Callable[[str], list[str]]


VERSIONS = (
    "tiktoken",
    "toktok-rs",
    "chonkie",
    "langchain-text-splitters",
    "llama-index-core",
    "semantic-text-splitter",
    "semchunk",
)


def peers(limit: int, counted_by: Tokenizer | None = None, *, overlapping: bool = False) -> dict[str, Splitter]:
    """The splitters that are installed, at a limit in tokens of that tokenizer, or else of cl100k_base.

    `overlapping`: also one whose chunks say half of the chunk before again.
    """
    found: dict[str, Splitter] = {}
    for name, make in (_MAKERS | (_OVERLAPPING if overlapping else {})).items():
        try:
            found[name] = make(limit, counted_by)
        except ImportError as error:
            say_once(f"{name} is left out: {error.name} is not installed")
    return found


@cache
def say_once(sentence: str) -> None:
    print(sentence)


def _counter(counted_by: Tokenizer | None) -> Callable[[str], int]:
    """What counts a piece of a text: without the tokens that a model adds, as pieces are added up."""
    if counted_by is None:
        return lambda text: len(cl100k_authority().encode_ordinary(text))
    return cache(lambda text: counted_by.count(text) - counted_by.overhead)


def langchain_splitter(limit: int, counted_by: Tokenizer | None = None, overlap: int = 0) -> Any:
    """LangChain's recursive splitter."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    # As its from_tiktoken_encoder counts, which fetches the vocabulary.
    count = _counter(counted_by)
    return RecursiveCharacterTextSplitter(chunk_size=limit, chunk_overlap=overlap, length_function=count)


def llama_index_splitter(limit: int, counted_by: Tokenizer | None = None, overlap: int = 0) -> Any:
    """LlamaIndex's sentence splitter."""
    from llama_index.core.node_parser import SentenceSplitter

    count = _counter(counted_by)
    tokens = (lambda text: range(count(text))) if counted_by else cl100k_authority().encode_ordinary
    return SentenceSplitter(chunk_size=limit, chunk_overlap=overlap, tokenizer=tokens)


def _langchain(limit: int, counted_by: Tokenizer | None) -> Splitter:
    return langchain_splitter(limit, counted_by).split_text  # type: ignore[no-any-return]


def _langchain_overlapping(limit: int, counted_by: Tokenizer | None) -> Splitter:
    return langchain_splitter(limit, counted_by, limit // 2).split_text  # type: ignore[no-any-return]


def _llama_index(limit: int, counted_by: Tokenizer | None) -> Splitter:
    return llama_index_splitter(limit, counted_by).split_text  # type: ignore[no-any-return]


def _semchunk(limit: int, counted_by: Tokenizer | None) -> Splitter:
    import semchunk

    # It remembers counts by the function that makes them: a new one has none yet.
    count = _counter(counted_by)
    return semchunk.chunkerify(lambda text: count(text), limit)  # type: ignore[no-any-return]  # noqa: PLW0108


def _semantic_text_splitter(limit: int, counted_by: Tokenizer | None) -> Splitter:
    from semantic_text_splitter import TextSplitter

    splitter: Any
    if counted_by:
        splitter = TextSplitter.from_callback(_counter(counted_by), limit, trim=False)
    else:
        splitter = TextSplitter.from_tiktoken_model("text-embedding-3-small", limit, trim=False)
    return splitter.chunks  # type: ignore[no-any-return]


def _chonkie(limit: int, counted_by: Tokenizer | None) -> Splitter:
    from chonkie import RecursiveChunker, RecursiveRules

    splitter: Any
    if counted_by:
        rules: Any = RecursiveRules()
        rules.levels = rules.levels[:-1]  # the last one cuts words into tokens: it wants their text back from each
        splitter = RecursiveChunker(tokenizer=_counter(counted_by), chunk_size=limit, rules=rules)
    else:
        splitter = RecursiveChunker(tokenizer=cl100k_authority(), chunk_size=limit)
    return lambda text: [chunk.text for chunk in splitter(text)]


_MAKERS: dict[str, Callable[[int, Tokenizer | None], Splitter]] = {
    "LangChain recursive": _langchain,
    "LlamaIndex sentence": _llama_index,
    "semchunk": _semchunk,
    "semantic-text-splitter": _semantic_text_splitter,
    "chonkie recursive": _chonkie,
}
_OVERLAPPING = {"LangChain, half overlap": _langchain_overlapping}
