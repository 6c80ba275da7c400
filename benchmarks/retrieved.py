"""Where the passages of any splitter stand in their documents, and how good those are that were retrieved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.evaluation import Passage, Stretch, is_relevant, scores

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.questions import Question
    from ingest.chunker import Tokenizer
    from ingest.model import Document


class Solid:
    """Texts without their white space, and where their characters then stand."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._texts: dict[str, str] = {}
        self._positions: dict[str, np.ndarray] = {}
        for document in documents:
            solid = np.fromiter((not character.isspace() for character in document.text), bool, len(document.text))
            self._texts[document.uri] = "".join(document.text.split())
            self._positions[document.uri] = np.concatenate(([0], np.cumsum(solid)))

    def stretch(self, uri: str, start: int, end: int) -> Stretch:
        """Where a stretch of the text, as code-point offsets, stands without its white space."""
        positions = self._positions[uri]
        return Stretch(uri, int(positions[start]), int(positions[end]))

    def passages(self, uri: str, contents: Sequence[str], token_counts: Sequence[int]) -> list[Passage]:
        """Where the contents stand, which follow one another in the text and may overlap.

        Raises:
            ValueError: one does not stand there, as its splitter changed it.
        """
        found = []
        begin = 0
        for content, token_count in zip(contents, token_counts, strict=True):
            words = "".join(content.split())
            start = self._texts[uri].find(words, begin)
            if start < 0:
                raise ValueError(f"{uri} has no passage {content[:80]!r}")
            found.append(Passage(uri, start, start + len(words), token_count))
            begin = start + 1
        return found

    def counted_passages(self, uri: str, contents: Sequence[str], counted_by: Tokenizer) -> list[Passage]:
        """The same, with the tokens of each content, without those that a model adds."""
        return self.passages(
            uri, contents, [counted_by.count(content.strip()) - counted_by.overhead for content in contents]
        )


def question_scores(
    question: Question, ranked: Sequence[Passage], passages: Sequence[Passage], solid: Solid
) -> dict[str, float]:
    """Each metric of one question: `ranked` are the passages found, the best first, of all `passages`."""
    answer = [[solid.stretch(question.uri, *excerpt)] for excerpt in question.excerpts]
    relevant = sum(is_relevant(passage, answer) for passage in passages if passage.uri == question.uri)
    return scores(answer, ranked, relevant)
