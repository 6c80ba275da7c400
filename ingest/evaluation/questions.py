"""Questions with what answers them, as JSONL: a line for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ingest.errors import UNREADABLE_JSON, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_MOST_QUESTIONS = 10_000
_SHOWN = 60


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question, and what answers it.

    `uris`: documents, each by its URI or by the end of it, from a slash on; `excerpts`: what stands in them, or,
    without any, anywhere in the corpus: all of these together answer it. `filters`: as a search is given them.
    """

    question: str
    uris: tuple[str, ...] = ()
    excerpts: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()


def read_questions(path: Path) -> dict[int, Question]:
    """The questions of a file, by the number of their line; a blank line is none.

    Raises:
        UsageError: a line is no question, or there is none.
    """
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}. `ingest eval init {path.name}` drafts questions."
        ) from None
    found = {number: _question(f"{path}, line {number}", line) for number, line in enumerate(lines, 1) if line.strip()}
    if not found:
        raise UsageError(f"{path} holds no question: `ingest eval init` drafts some, in another file.")
    if len(found) > _MOST_QUESTIONS:
        raise UsageError(f"{path} holds {len(found):,} questions: {_MOST_QUESTIONS:,} at most are asked.")
    return found


def written(questions: Iterable[Question]) -> Iterator[str]:
    """The lines of a file of questions; what a question has none of is left out."""
    for question in questions:
        fields = {name: value for name, value in msgspec.structs.asdict(question).items() if value}
        yield msgspec.json.encode(fields).decode() + "\n"


def shown(text: str) -> str:
    """A text as a line tells it: its beginning."""
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN].rstrip()} …"


def _question(where: str, line: bytes) -> Question:
    try:
        question = msgspec.json.decode(line, type=Question)
    except UNREADABLE_JSON as error:
        said = (
            str(error).rstrip(".").replace("Object contains", "there is an").replace("Object missing", "it lacks the")
        )
        raise UsageError(
            f'{where}: {said}. A line is {{"question": "…", "excerpts": ["…"]}}, with "uris" in their place or beside '
            'them, and "filters" where some are asked for.'
        ) from None
    if not question.question.strip():
        raise UsageError(f"{where}: the question is empty.")
    if not question.uris and not question.excerpts:
        raise UsageError(f"{where}: nothing answers it: name the excerpts that do, or the uris of documents.")
    for name, texts in (("uris", question.uris), ("excerpts", question.excerpts)):
        if not all(text.strip() for text in texts):
            raise UsageError(f"{where}: one of its {name} is empty.")
        if any("\0" in text for text in texts):
            raise UsageError(f"{where}: one of its {name} has a NUL, which no document has.")
    return question
