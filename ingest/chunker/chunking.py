"""How documents become chunks: in passages under the limit, or, for a column of the user's own, whole."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from ingest.chunker.blanks import is_blank
from ingest.chunker.tokens import tokenizer
from ingest.model import CUT_HEADER, Chunk, Loss, LossKind, OverLimit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.model import Document, Syntax

# Raised when the chunker cuts otherwise: every document is then held against its chunks anew, and passages that are
# still the same keep their vectors. Of rows that have a vector each, only the long ones are cut: these stay.
_CHUNKER_VERSION = 3
_VERSION_OF_WHOLE_ROWS = 1


@dataclass(frozen=True, slots=True)
class Chunking:
    """How documents are chunked; a change of it makes every document a changed one.

    `tokenizer_name`: one that `ingest.chunker.tokens` knows. `max_document_seconds`: for one to be chunked by a worker
    process; the largest ones need a tenth of it. `over_limit`: None splits documents into passages; otherwise a
    document is one chunk where the limit allows it. `mark`: then stands in the fingerprint in its place, as a change of
    it is none for a document that the limit allows. `keywords`: the terms of each passage are made, too; `language`: by
    its words, None: by those of the language that a document seems to be in.
    """

    tokenizer_name: str
    max_tokens: int
    overlap: int
    embed_headings: bool
    max_document_bytes: int
    max_document_seconds: float = 180.0
    over_limit: OverLimit | None = None
    mark: str = ""
    keywords: bool = False
    language: str | None = None

    @property
    def fingerprint(self) -> str:
        """What decides the chunks of a text, in a few characters."""
        version = _VERSION_OF_WHOLE_ROWS if self.mark else _CHUNKER_VERSION
        whole = f":{self.mark}" if self.mark else ""
        chunked = f"{self.tokenizer_name}:{self.max_tokens}:{self.overlap}:{self.embed_headings:d}"
        return f"{version}:{chunked}{whole}"

    def hash_prefix(self, syntax: Syntax) -> str:
        """What is hashed before the text itself."""
        return f"{self.fingerprint}:{syntax}\n"

    def content_hash(self, document: Document) -> bytes:
        """The identity of what is to be chunked, and of how. 32 bytes.

        It is also made in SQL, by `fill_column`, to see whether a row is still what was sent.
        """
        heading = f"{document.heading}\n" if document.heading else ""
        pages = f"{document.pages}\n" if document.pages else ""
        return sha256((self.hash_prefix(document.syntax) + pages + heading + document.text).encode()).digest()

    def split(self, document: Document) -> list[Chunk]:
        """The document's chunks, none over the limit but the one of a row that is to be refused, and none blank."""
        from ingest.chunker import chunk

        tokens = tokenizer(self.tokenizer_name)  # 0.14 s the first time: not where nothing is split
        text = document.text
        if is_blank(text):
            return []
        if self.over_limit is not None:
            token_count = tokens.count(text.strip())
            if token_count <= self.max_tokens or self.over_limit is OverLimit.REFUSE:
                return [Chunk(0, text, (), 0, token_count)]
        chunks = chunk(
            text,
            tokenizer=tokens,
            max_tokens=self.max_tokens,
            overlap=self.overlap,
            syntax=document.syntax,
            embed_headings=self.embed_headings,
            heading=document.heading,
            pages=document.pages,
            line_marks=document.line_marks,
        )
        said = [chunk for chunk in chunks if not is_blank(chunk.content)]
        if len(said) < len(chunks):
            chunks = [chunk._replace(ordinal=ordinal) for ordinal, chunk in enumerate(said)]
        return chunks[:1] if self.over_limit is OverLimit.CUT else chunks

    def losses(self, chunks: Sequence[Chunk]) -> list[Loss]:
        """What is not embedded with a document's chunks as it was meant to be."""
        cut = {chunk.table_header for chunk in chunks if chunk.table_header.endswith(CUT_HEADER)}
        if not cut:
            return []
        tables = "1 table's header is" if len(cut) == 1 else f"{len(cut):,} tables' headers are"
        words = f"{tables} too long to be embedded whole with each of its passages"
        return [Loss(LossKind.PARTS_LEFT_OUT, len(cut), words)]

    def is_cut(self, document: Document, chunks: Sequence[Chunk]) -> bool:
        """Whether something of the document is not in its chunks."""
        return self.over_limit is OverLimit.CUT and bool(chunks) and len(chunks[0].content) < len(document.text)

    def is_long(self, document: Document, chunks: Sequence[Chunk]) -> bool:
        """Whether the limit would not allow the document as one chunk."""
        if self.over_limit is None or not chunks:
            return False
        return len(chunks) > 1 or chunks[0].token_count > self.max_tokens or self.is_cut(document, chunks)
