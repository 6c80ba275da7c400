"""What becomes of each request of a file: its vector on its chunk, or the provider's words; each of them reconciled."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from psycopg.waiting import Ready, Wait

from ingest.batches.learned_limits import learn_ratio
from ingest.batches.unanswered import NO_ANSWER, refused_alike
from ingest.database.statements import in_vector, statement
from ingest.database.vectors import hash_array, id_array, vector_array, vector_types
from ingest.failpoints import reach
from ingest.provider.jsonl import Malformed, RequestFailure, Result, read_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from psycopg import Cursor
    from psycopg.abc import PQGen
    from psycopg.pq.abc import PGconn

    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.provider import Wire
    from ingest.provider.wire import ParseLine

# Measured at 1,536 dimensions: 40 to 200 vectors a statement are equally fast. 1,000 are 6 MB, which the server gets
# from the system, and gives back, for each statement: up to a third more work.
SLICE_ROWS = 100
_HALF_OF_NOTHING = 2.0**-25  # what is no larger becomes zero in halfvec


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a request is sent before it is listed as failed, and how long it waits, doubled each time."""

    max_attempts: int
    wait_s: float


@dataclass(slots=True)
class LoadReport:
    """What loading files did, in lines. `waiting_again` will be sent again; `failed` will not."""

    loaded: int = 0
    failed: int = 0
    waiting_again: int = 0
    repeated: int = 0
    unknown: int = 0
    malformed: int = 0
    files: int = 0
    batches: int = 0
    wasted_tokens: int = 0
    """Billed for what brought no vector of use: those texts are billed again when they are sent again."""
    rows_filled: int = 0
    rows_edited: int = 0
    """Rows of the user's own that were edited while their texts were in flight: they wait again."""
    rows_cleared: int = 0
    """Rows that lost the vector of a text that stands there no more, and have none to come."""
    rows_unfilled: int = 0
    """Rows whose vector is there and that do not take it by now: `ingest status` says why."""
    refusals: list[tuple[int | None, str]] = field(default_factory=list)
    """Where the provider refused the account, and no text of it: the batch, and its words."""
    limited: list[tuple[int, str]] = field(default_factory=list)
    """Batches of which a rate limit let no text through, and the provider's words."""
    notes: list[str] = field(default_factory=list)

    def add(self, other: LoadReport) -> None:
        """Sum up."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


class Reconciling:
    """One transaction's worth of result lines, to be written into the tables; made inside that transaction."""

    def __init__(
        self, connection: Connection, indexing: Indexing, advance: Callable[[int], None] = lambda _lines: None
    ) -> None:
        self._connection = connection
        self._indexing = indexing
        self._advance = advance
        self._report = LoadReport()
        self._expected: dict[int, bytes] = {}
        self._answered: set[int] = set()
        self._loaded: list[int] = []
        self._billed: dict[int, int | None] = {}
        self._failures: dict[int, RequestFailure] = {}
        self._documents: set[int] = set()
        self._updating: Cursor[tuple[int]] | None = None
        vector_type = in_vector(indexing.vector_type)
        self._type_oid = vector_types(connection)[indexing.vector_type].oid
        self._update_embeddings = statement("update_embeddings").format(type=vector_type)

    def expect(self, requests: list[tuple[int, bytes]]) -> None:
        """These requests, chunk_id and text_hash, may be answered."""
        self._expected.update(requests)

    def read(self, file: BinaryIO, wire: Wire, *, lookup: bool = False) -> None:
        """Take the lines of a file, in slices. `lookup`: ask the database which records wait.

        While the server works on a slice the next one is read.
        """
        with self._connection.pipeline():
            for lines in _slices(file, wire.parse, SLICE_ROWS):
                if lookup:
                    ids = (wire.chunk_id_of(line.custom_id) for line in lines if not isinstance(line, Malformed))
                    wanted = id_array([chunk_id for chunk_id in ids if chunk_id is not None])
                    rows = self._connection.execute(statement("select_requests"), {"chunk_ids": wanted}, binary=True)
                    self.expect(rows.fetchall())
                self._take(lines, wire)
                self._advance(len(lines))
            self._await_update()

    def refuse(self, failures: dict[int, RequestFailure]) -> None:
        """These requests failed, by the provider's word on the whole batch."""
        self._failures.update(failures)

    def forgive(self, code: str) -> None:
        """What failed with this code was no attempt."""
        for chunk_id, failure in self._failures.items():
            if failure.code == code:
                self._failures[chunk_id] = replace(failure, counted=False)

    def hold(self) -> None:
        """What failed is sent again by the database that sent it; by this one, a copy, only where a person says so."""
        for chunk_id, failure in self._failures.items():
            self._failures[chunk_id] = replace(failure, retryable=False, late=True)

    @property
    def unreadable_lines(self) -> int:
        """How many lines were not the result of a request that may be answered."""
        return self._report.malformed + self._report.unknown

    @property
    def is_unreadable(self) -> bool:
        """Whether there were lines, and not one of them was the result of a request that may be answered."""
        return self.unreadable_lines > 0 and not self._answered and not self._failures

    @property
    def unanswered(self) -> set[int]:
        """The requests that may be answered, and that no line was of."""
        return self._expected.keys() - self._answered - self._failures.keys()

    def presume_billed(self, chunk_ids: Iterable[int]) -> None:
        """Of these, as many as there are lines that cannot be read were billed: what for, such a line cannot tell."""
        self._billed.update(dict.fromkeys(islice(chunk_ids, self._report.malformed)))

    def give_up_missing(self, failure: RequestFailure) -> None:
        """What no line answered ends like this; all that was expected is judged together."""
        self._failures.update(dict.fromkeys(self.unanswered, failure))
        self._failures = refused_alike(self._failures, len(self._expected))

    def reconcile(self, retries: Retries, batch_id: int | None = None) -> LoadReport:
        """Note what became of each request, and what was billed; retire the chunks whose replacements are all there.

        `batch_id`: the batch whose files these are; None where that is told by the requests alone.
        """
        connection, report = self._connection, self._report
        report.wasted_tokens = self._bill(batch_id)
        if self._failures:
            failed_ids = list(self._failures)
            failures = self._failures.values()
            if refusal := next((failure for failure in failures if failure.refused == "account"), None):
                report.refusals.append((batch_id, _words(refusal)))
            limit = next((failure for failure in failures if _is_held_up(failure)), None)
            if limit and batch_id is not None:
                report.limited.append((batch_id, _words(limit)))
            rows = connection.execute(
                statement("fail_requests"),
                {
                    "chunk_ids": failed_ids,
                    "codes": [failure.code for failure in failures],
                    "messages": [failure.message for failure in failures],
                    "final": [not failure.retryable for failure in failures],
                    "counted": [failure.counted for failure in failures],
                    "refused": [failure.refused == "text" for failure in failures],
                    "held_up": [_is_held_up(failure) for failure in failures],
                    "late": [failure.late for failure in failures],
                    "max_attempts": retries.max_attempts,
                    "wait_seconds": retries.wait_s,
                },
            )
            report.failed = sum(row[0] for row in rows)
            report.waiting_again = len(failed_ids) - report.failed
            # A request that nobody waits for any more would wait for ever.
            connection.execute(statement("delete_orphans_among"), {"chunk_ids": failed_ids})
        connection.execute(statement("delete_requests"), {"chunk_ids": id_array(self._loaded)})
        documents = {"document_ids": list(self._documents)}
        connection.execute(statement("lock_documents"), documents)
        connection.execute(statement("retire_chunks"), documents)
        return report

    def _bill(self, batch_id: int | None) -> int:
        """Write what was billed into the ledger; how many tokens of it were wasted."""
        loaded = set(self._loaded)
        arrays: dict[str, list[int]] = {
            "chunk_ids": list(self._billed),
            "tokens": [tokens or 0 for tokens in self._billed.values()],
            "loaded": [chunk_id in loaded for chunk_id in self._billed],
        }
        parameters = {name: id_array(values) for name, values in arrays.items()}
        rows = self._connection.execute(statement("insert_ledger"), {**parameters, "batch_id": batch_id})
        wasted = 0
        for wasted_tokens, endpoint, model, counted, told in rows.fetchall():
            wasted += wasted_tokens
            if endpoint and told:
                learn_ratio(self._connection, endpoint, model, counted, told)
        return wasted

    def _take(self, lines: list[Result | Malformed], wire: Wire) -> None:
        import numpy as np

        dimensions = self._indexing.dimensions
        taken: list[tuple[int, bytes]] = []
        for line in lines:
            if isinstance(line, Malformed):
                self._report.malformed += 1
                continue
            chunk_id = self._request_of(line.custom_id, wire)
            if chunk_id is None:
                self._report.unknown += 1
            elif chunk_id in self._answered:
                self._report.repeated += 1
            elif line.embedding is None:
                self._failures[chunk_id] = line.failure or NO_ANSWER
                if line.billed_tokens is not None:
                    self._billed[chunk_id] = line.billed_tokens
            elif len(line.embedding) != 4 * dimensions:
                self._failures[chunk_id] = _wrong_length(len(line.embedding), dimensions)
                self._billed[chunk_id] = line.billed_tokens
            else:
                self._billed[chunk_id] = line.billed_tokens
                self._answered.add(chunk_id)
                self._failures.pop(chunk_id, None)
                taken.append((chunk_id, line.embedding))
        if taken:
            taken.sort()  # in the order in which they lie in the table
            ids, embeddings = zip(*taken, strict=True)
            self._update(np.array(ids), np.frombuffer(b"".join(embeddings), dtype="<f4").reshape(-1, dimensions))

    def _request_of(self, custom_id: str, wire: Wire) -> int | None:
        """The record a line answers; None where it is not ours, or of another text or model."""
        chunk_id = wire.chunk_id_of(custom_id)
        text_hash = self._expected.get(chunk_id) if chunk_id is not None else None
        if chunk_id is None or text_hash is None:
            return None
        ours = wire.id_of(self._indexing.custom_id(chunk_id, text_hash))
        return chunk_id if ours == custom_id else None

    def _update(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """One slice into the column. ids: (n,); vectors: (n, d) float32."""
        import numpy as np

        finite = np.isfinite(vectors).all(axis=1)
        if self._indexing.vector_type == "halfvec":
            finite &= (np.abs(vectors) <= np.finfo(np.float16).max).all(axis=1)
        zero = (np.abs(vectors) <= (_HALF_OF_NOTHING if self._indexing.vector_type == "halfvec" else 0)).all(axis=1)
        for chunk_id in ids[~finite].tolist():
            self._failures[chunk_id] = RequestFailure("not_finite", "the vector holds NaN or infinity", retryable=True)
        for chunk_id in ids[zero].tolist():
            self._failures[chunk_id] = RequestFailure("zero_vector", "the vector holds zeros alone", retryable=True)
        if not (good := finite & ~zero).all():
            ids, vectors = ids[good], vectors[good]
        if not len(ids):
            return
        loaded = ids.tolist()
        parameters = {
            "text_hashes": hash_array([self._expected[chunk_id] for chunk_id in loaded]),
            "embeddings": vector_array(vectors, self._indexing.vector_type, self._type_oid),
        }
        self._await_update()
        self._updating = self._connection.cursor(binary=True)
        self._updating.execute(self._update_embeddings, parameters, prepare=True)
        self._connection.wait(_sent(self._connection.pgconn))
        reach("load-after-slice")
        self._loaded.extend(loaded)
        self._report.loaded += len(loaded)

    def _await_update(self) -> None:
        """Wait until the server has done the slice that it works on."""
        if self._updating:
            self._documents.update(row[0] for row in self._updating.fetchall())
            self._updating = None


def _sent(connection: PGconn) -> PQGen[None]:
    """Send a statement to its last byte; by itself a pipeline leaves off where the server is slow to take it."""
    while connection.flush():
        if (yield Wait.RW) & Ready.R:
            connection.consume_input()


def _slices(file: BinaryIO, parse: ParseLine, size: int) -> Iterator[list[Result | Malformed]]:
    lines: list[Result | Malformed] = []
    for line in read_results(file, parse):
        lines.append(line)
        if len(lines) == size:
            yield lines
            lines = []
    if lines:
        yield lines


def _is_held_up(failure: RequestFailure) -> bool:
    """Whether a text was no more than one of a batch of which a rate limit let nothing through."""
    return failure.refused == "rate" and not failure.counted


def _wrong_length(byte_count: int, dimensions: int) -> RequestFailure:
    return RequestFailure(
        "wrong_dimensions", f"the vector has {byte_count // 4} dimensions, not {dimensions}", retryable=True
    )


def _words(failure: RequestFailure) -> str:
    return f"{failure.code}: {failure.message}".rstrip(".")
