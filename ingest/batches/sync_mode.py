"""Shards answered while we wait: their texts in arrays through `/v1/embeddings`, several calls at once, at full price.

    ready -> answering -> finished

What a call brings is appended to the shard's output file, as the lines that a batch would have brought, and is on the
disk before the next call: from there it is loaded, and billed, like any batch. A shard that a stop left in `answering`
is finished with the lines that there are; the rest of it waits again. So only the calls that were in flight are
paid twice: of those no list tells.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ingest.batches.origin import is_foreign
from ingest.batches.rate_limit import Pace
from ingest.batches.records import (
    ANSWERED,
    INTERRUPTED,
    Batch,
    dissolve,
    open_batches,
    output_file,
    read_batch,
    sending,
)
from ingest.database.locks import try_batch_lock
from ingest.database.statements import statement
from ingest.errors import UnreachableError
from ingest.failpoints import reach
from ingest.model import embedded_text
from ingest.provider import RefusedError, TryLaterError, UnclearOutcomeError
from ingest.provider.jsonl import failure_line, result_line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from pathlib import Path

    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.provider import Answer, Parameters, Provider

_LONGEST_TEXT = 8_191  # no call is smaller for the sake of having several at once
_MAX_TRIES = 12  # of one call that is refused for now, in a row: about ten minutes
_LOST_TRIES = 3  # of one whose answer is lost: each of them may have been billed
_FIRST_WAIT_S = 0.5  # doubled with each
_LONGEST_WAIT_S = 60.0
_LONGEST_PAUSE_S = 600.0  # for the rate limits
# An answer is in memory several times over while it is read, and there are as many as calls at once.
_MAX_ANSWER_BYTES = 10_000_000
_NUMBER_BYTES = {"base64": 6, "float": 22}
_LINE_BYTES = 200  # of a result line, beside its vector


class Text(NamedTuple):
    """A text in flight, and its tokens by our count."""

    custom_id: str
    content: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Calls:
    """How texts are asked for: so many calls at once, at one pace."""

    provider: Provider
    indexing: Indexing
    parameters: Parameters
    at_once: int
    pace: Pace = field(default_factory=Pace)


def answer(
    connection: Connection,
    corpus: str,
    calls: Calls,
    folder: Path,
    most_requests: int,
    tell: Callable[[int], None] = lambda _count: None,
) -> int:
    """Answer every shard that is ready and that no other process has; how many moved.

    `most_requests`: of a shard; a larger one, written for a batch, is cut anew. `tell` is told how many texts of a
    shard are answered.

    Raises:
        UnreachableError, UsageError: the provider is out of reach, or refuses. What was answered is kept.
    """
    moved = 0
    for batch in open_batches(connection):
        if batch.state != "ready" or is_foreign(connection, batch):
            continue
        with try_batch_lock(connection, corpus, batch.id) as held:
            if not held or read_batch(connection, batch.id).state != "ready":
                continue
            moved += 1
            if batch.request_count > most_requests:
                dissolve(connection, batch, "answered while we wait: cut anew")
            else:
                _answer(connection, calls, batch, folder, tell)
    return moved


def take_back(connection: Connection, corpus: str) -> None:
    """Dissolve the shards that were to be batches, and are not created: they are answered at once."""
    for batch in open_batches(connection):
        if batch.state in ("uploading", "uploaded") and not is_foreign(connection, batch):
            with try_batch_lock(connection, corpus, batch.id) as held:
                if held and read_batch(connection, batch.id).state == batch.state:
                    dissolve(connection, batch, "answered while we wait, not by a batch")


def close_interrupted(connection: Connection, corpus: str) -> int:
    """Finish the shards that a stop left behind, with what was answered of them; how many."""
    closed = 0
    for batch in open_batches(connection):
        if batch.state == "answering":
            with try_batch_lock(connection, corpus, batch.id) as held:
                if held:
                    closed += _end(connection, batch, INTERRUPTED)
    return closed


def give_up_elsewhere(connection: Connection, corpus: str, folder: Path, ours: set[int]) -> int:
    """Let what a run on another machine was answered of these, and left there, wait again; how many."""
    given_up = 0
    for batch in open_batches(connection):
        if batch.id in ours and is_elsewhere(batch, folder):
            with try_batch_lock(connection, corpus, batch.id) as held:
                if held and read_batch(connection, batch.id).state == batch.state:
                    dissolve(
                        connection, batch, f"its answers were left on another machine, at {batch.shard_path}.output"
                    )
                    given_up += 1
    return given_up


def is_elsewhere(batch: Batch, folder: Path) -> bool:
    """Whether what was answered of a shard lies on another machine."""
    return batch.mode == "sync" and not output_file(folder, batch).exists()


def _answer(connection: Connection, calls: Calls, batch: Batch, folder: Path, tell: Callable[[int], None]) -> None:
    """Answer one shard, whose lock is held."""
    _require_room(folder, batch)
    with _output(output_file(folder, batch)) as file:  # there before the state says so: see `is_elsewhere`
        with sending(connection):
            connection.execute(statement("begin_answering"), {"id": batch.id, "endpoint": calls.provider.endpoint})
        reach("answer-began")
        completed = 0
        arrays = _arrays(_texts(connection, batch, calls.indexing), batch, calls)
        with closing(_Asking(calls, file).run(arrays)) as counts:
            for count in counts:
                completed += count
                connection.execute(statement("note_answered"), {"id": batch.id, "completed": completed})
                tell(completed)
    reach("answer-before-end")
    _end(connection, batch, ANSWERED)
    reach("answer-ended")


def _end(connection: Connection, batch: Batch, status: str) -> int:
    return connection.execute(statement("end_answering"), {"id": batch.id, "status": status}).rowcount


def _texts(connection: Connection, batch: Batch, indexing: Indexing) -> list[Text]:
    rows = connection.execute(statement("select_shard_requests"), {"batch_id": batch.id})
    return [
        Text(
            indexing.custom_id(chunk_id, text_hash),
            embedded_text(headings, context_headings, content, table_header),
            tokens,
        )
        for chunk_id, text_hash, tokens, content, headings, context_headings, table_header in rows
    ]


def _arrays(texts: Sequence[Text], batch: Batch, calls: Calls) -> Iterator[list[Text]]:
    """The texts in arrays that a call takes, shared out among the calls at once where they are large enough."""
    wire = calls.provider.wire
    most_tokens = min(wire.call_tokens, max(_LONGEST_TEXT, -(-batch.token_count // calls.at_once)))
    vector_bytes = batch.dimensions * _NUMBER_BYTES[calls.parameters.encoding_format]
    most_texts = min(wire.call_texts, max(1, _MAX_ANSWER_BYTES // vector_bytes))
    array: list[Text] = []
    size = 0
    for text in texts:
        if array and (len(array) == most_texts or size + text.tokens > most_tokens):
            yield array
            array, size = [], 0
        array.append(text)
        size += text.tokens
    if array:
        yield array


def _require_room(folder: Path, batch: Batch) -> None:
    """See that a shard's answers fit on the disk: what cannot be written is paid, and wasted."""
    needed = batch.request_count * (batch.dimensions * _NUMBER_BYTES["base64"] + _LINE_BYTES)
    if shutil.disk_usage(folder).free < needed:
        raise UnreachableError(
            f"{folder} has no room for {needed / 1e6:,.0f} MB of answers: No space left on device. Nothing was asked: "
            "fix it, then run the same command again."
        )


@contextmanager
def _output(path: Path) -> Iterator[BinaryIO]:
    """A shard's output file, empty, for us alone."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            yield file
    except OSError as error:
        raise UnreachableError(
            f"{path} cannot be written: {error.strerror}. Nothing is lost: fix it, then run the same command again."
        ) from error


class _Asking:
    """The calls for one shard. Lines are written by the thread that has its answer, so that no other delays them."""

    def __init__(self, calls: Calls, file: BinaryIO) -> None:
        self._calls = calls
        self._file = file
        self._writing = threading.Lock()
        self._pacing = threading.Lock()
        self._begun = threading.Event()
        self._stopped = threading.Event()

    def run(self, arrays: Iterator[list[Text]]) -> Generator[int, None, None]:
        """Ask for all of them; how many texts are reconciled, call by call.

        An error or an interrupt ends it when the calls in flight are answered, and written: they are paid.
        """
        with ThreadPoolExecutor(self._calls.at_once, thread_name_prefix="asking") as threads:
            try:
                futures = [threads.submit(self._ask, array) for array in arrays]
                self._begun.set()  # not before: a thread whose start is interrupted is not waited for
                for future in as_completed(futures):
                    yield future.result()
            finally:
                self._stopped.set()
                self._begun.set()
                threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, texts: list[Text]) -> int:
        """Ask for an array until it is reconciled; how many texts."""
        tokens = sum(text.tokens for text in texts)
        lost = 0
        for tries in range(1, _MAX_TRIES + 1):
            most_tokens = self._calls.pace.most_tokens
            if most_tokens is not None and tokens > most_tokens and len(texts) > 1:
                return self._ask_by_halves(texts)
            if not self._may_go(tokens):
                return 0
            try:
                answer = self._call(texts)
            except RefusedError as error:
                if len(texts) > 1:  # whose fault it is shows when they are asked for apart; refusals are not billed
                    return self._ask_by_halves(texts)
                self._write([failure_line(texts[0].custom_id, error.status_code, error.code, str(error))])
                return 1
            except (TryLaterError, UnclearOutcomeError) as error:
                lost += isinstance(error, UnclearOutcomeError)
                if tries == _MAX_TRIES or lost == _LOST_TRIES:
                    raise UnreachableError(
                        f"{len(texts):,} texts were not answered in {tries} tries: {error}. Nothing is lost: run the "
                        "same command again later."
                    ) from error
                self._wait_after(error, tries)
            else:
                reach("answer-came")
                self._write(_lines(texts, answer))
                reach("answer-written")
                return len(texts)
        raise AssertionError("the last try returns or raises")

    def _ask_by_halves(self, texts: list[Text]) -> int:
        middle = len(texts) // 2
        return self._ask(texts[:middle]) + self._ask(texts[middle:])

    def _call(self, texts: list[Text]) -> Answer:
        contents = [text.content for text in texts]
        try:
            answer = self._calls.provider.answer(contents, self._calls.parameters)
        except TryLaterError as error:
            with self._pacing:
                self._calls.pace.heard(error.room, time.monotonic())
            raise
        with self._pacing:
            self._calls.pace.heard(answer.room, time.monotonic())
        return answer

    def _may_go(self, tokens: int) -> bool:
        """Wait for a call's place; whether it is still wanted."""
        self._begun.wait()
        with self._pacing:
            wait_s = self._calls.pace.take(tokens, time.monotonic())
        if wait_s > _LONGEST_PAUSE_S:
            raise UnreachableError(
                f"the account's rate limits have no room for {tokens:,} tokens in the next {wait_s / 60:,.0f} minutes. "
                "Nothing is lost: run the same command again later, or without --mode sync."
            )
        return not self._stopped.wait(wait_s)

    def _wait_after(self, error: Exception, tries: int) -> None:
        wait_s = min(_FIRST_WAIT_S * 2.0 ** (tries - 1), _LONGEST_WAIT_S)
        if isinstance(error, TryLaterError):  # the others had better wait, too
            with self._pacing:
                self._calls.pace.hold(max(wait_s, error.wait_s), time.monotonic())
        else:
            self._stopped.wait(wait_s)

    def _write(self, lines: Iterable[bytes]) -> None:
        with self._writing:
            self._file.writelines(lines)
            self._file.flush()
            os.fsync(self._file.fileno())


def _lines(texts: Sequence[Text], answer: Answer) -> Iterator[bytes]:
    """The result lines of an array."""
    shares = _shares(answer.billed_tokens, [text.tokens for text in texts])
    why = f"the answer does not hold one vector for each of {len(texts):,} texts"
    for place, (text, share) in enumerate(zip(texts, shares, strict=True)):
        if answer.embeddings is None:
            yield failure_line(text.custom_id, 200, "wrong_answer", why, share)
        else:
            yield result_line(text.custom_id, answer.embeddings[place], share)


def _shares(billed: int | None, counts: Sequence[int]) -> list[int | None]:
    """What was billed for all, shared out as our counts are: by them, where the sums are equal."""
    if billed is None:
        return [None] * len(counts)
    ends = [billed * end // max(sum(counts), 1) for end in accumulate(counts, initial=0)]
    return [end - start for start, end in pairwise(ends)]
