"""Other splitters, each as a function from a text to its chunks; those that are not installed say so."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ingest.chunker import cl100k_authority

if TYPE_CHECKING:
    from collections.abc import Callable

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


def peers(limit: int) -> dict[str, Splitter]:
    """The splitters that are installed, at a limit in cl100k_base tokens."""
    found: dict[str, Splitter] = {}
    for name, make in _MAKERS.items():
        try:
            found[name] = make(limit)
        except ImportError as error:
            _say_once(f"{name} is left out: {error.name} is not installed")
    return found


@cache
def _say_once(sentence: str) -> None:
    print(sentence)


def _count(text: str) -> int:
    return len(cl100k_authority().encode_ordinary(text))


def langchain_splitter(limit: int) -> Any:
    """LangChain's recursive splitter."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    # As its from_tiktoken_encoder counts, which fetches the vocabulary.
    return RecursiveCharacterTextSplitter(chunk_size=limit, chunk_overlap=0, length_function=_count)


def llama_index_splitter(limit: int) -> Any:
    """LlamaIndex's sentence splitter."""
    from llama_index.core.node_parser import SentenceSplitter

    return SentenceSplitter(chunk_size=limit, chunk_overlap=0, tokenizer=cl100k_authority().encode_ordinary)


def _langchain(limit: int) -> Splitter:
    return langchain_splitter(limit).split_text  # type: ignore[no-any-return]


def _llama_index(limit: int) -> Splitter:
    return llama_index_splitter(limit).split_text  # type: ignore[no-any-return]


def _semchunk(limit: int) -> Splitter:
    import semchunk

    # It remembers counts by the function that makes them: a new one has none yet.
    return semchunk.chunkerify(lambda text: _count(text), limit)  # type: ignore[no-any-return]  # noqa: PLW0108


def _semantic_text_splitter(limit: int) -> Splitter:
    from semantic_text_splitter import TextSplitter

    splitter: Any = TextSplitter.from_tiktoken_model("text-embedding-3-small", limit, trim=False)
    return splitter.chunks  # type: ignore[no-any-return]


def _chonkie(limit: int) -> Splitter:
    from chonkie import RecursiveChunker

    splitter: Any = RecursiveChunker(tokenizer=cl100k_authority(), chunk_size=limit)
    return lambda text: [chunk.text for chunk in splitter(text)]


_MAKERS: dict[str, Callable[[int], Splitter]] = {
    "LangChain recursive": _langchain,
    "LlamaIndex sentence": _llama_index,
    "semchunk": _semchunk,
    "semantic-text-splitter": _semantic_text_splitter,
    "chonkie recursive": _chonkie,
}
