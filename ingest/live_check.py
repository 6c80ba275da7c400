"""One small batch from upload to vectors, to see that a provider does as we think; what it leaves is deleted."""

from __future__ import annotations

import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pybase64

from ingest.batches import new_key
from ingest.chunker import tokenizer
from ingest.corpus import plan_indexing
from ingest.database.corpus import find_indexing, read_indexing
from ingest.database.statements import statement
from ingest.doctor import Check
from ingest.errors import IngestError, UnreachableError, UsageError
from ingest.model import embedded_text, text_hash
from ingest.provider.jsonl import Malformed, Result, read_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.database.corpus import Indexing
    from ingest.pipeline import Pipeline
    from ingest.provider import Provider, RemoteBatch
    from ingest.settings import Settings

Found = TypeVar("Found")

_TEXTS = (
    "A vacuum reclaims the storage of rows that are dead.",
    "Der Index wird neu gebaut, wenn er zu groß geworden ist.",
    "索引は、検索を速くするために作られる。",
)
_PASSES = 3  # the texts in the batch, at once, and as questions
_LEAST_COSINE = 0.999  # between a text's vector of the batch and the one that is made at once
_UNIT = 1e-3
_LIST_LAG_S = 60.0
_COUNTED = 100


def examine_live(pipeline: Pipeline, max_dollars: float) -> list[Check]:
    """Send the provider one small batch, as a run would, and look at each step of it.

    Raises:
        IngestError: it could not be tried to its end.
    """
    with pipeline.explained():
        indexing = plan_indexing(pipeline.settings, find_indexing(pipeline.connection), is_local=pipeline.is_local)
    if not pipeline.has_batches:
        raise UsageError(f"the provider {pipeline.provider_name} has no Batch API to be tried.")
    return list(live_check(pipeline.provider, indexing, pipeline.settings, max_dollars, pipeline.progress.say))


def examine_counts(pipeline: Pipeline) -> Check:
    """Have the vendor count the tokens of some passages, for nothing, and hold our count against its.

    Raises:
        IngestError: there is no corpus, or the provider is out of reach.
    """
    with pipeline.explained():
        indexing = read_indexing(pipeline.connection, pipeline.corpus)
        rows = pipeline.connection.execute(statement("sample_counted"), {"limit": _COUNTED}).fetchall()
    parameters = indexing.parameters(
        pipeline.provider.wire, "document", pipeline.settings.deployment, pipeline.settings.encoding_format
    )
    texts = [embedded_text(headings, depth, content, header) for content, headings, depth, header, _ in rows]
    counts = [pipeline.provider.count_tokens(text, parameters) for text in texts]
    told = [count for count in counts if count is not None]
    if not told or len(told) < len(counts):
        return Check("tokens", ok=True, finding=f"{pipeline.provider.name} does not count, or there are no passages")
    ours, theirs = sum(count for *_, count in rows), sum(told)
    finding = f"{len(rows)} passages: {ours:,} by our count, {theirs:,} by the model's; at most {max(told):,} in one"
    limit = indexing.embedding_model.input_tokens
    return _checked("tokens", max(told) <= limit, f"{finding}, of {limit:,} that it takes")


def live_check(
    provider: Provider, indexing: Indexing, settings: Settings, max_dollars: float, say: Callable[[str], None]
) -> Iterator[Check]:
    """Have three texts embedded by a batch, at once, and as questions; each step that was looked at.

    An interrupt cancels the batch. `say` is told what is waited for.

    Raises:
        UsageError: it may cost more than `max_dollars`.
        UnreachableError: the provider is out of reach, or does otherwise than it should.
    """
    yield Check("price", ok=True, finding=_price(indexing, max_dollars))
    key = new_key()
    parameters = indexing.parameters(provider.wire, "document", settings.deployment, settings.encoding_format)
    ids = [indexing.custom_id(number, text_hash(text)) for number, text in enumerate(_TEXTS)]
    left: set[str] = set()
    batch: RemoteBatch | None = None
    try:
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"{key}.jsonl"
            write_line = provider.wire.writer(parameters)
            path.write_bytes(b"".join(map(write_line, ids, _TEXTS)))
            file_id = provider.upload(path, path.name)
        left.add(file_id)
        yield Check("upload", ok=True, finding=f"{file_id}, of {len(_TEXTS)} texts")
        yield _same(_patiently(lambda: provider.find_file(path.name)), file_id, "the file, by its name")
        batch = provider.create_batch(file_id, key, parameters)
        yield Check("batch", ok=True, finding=f"{batch.id}, {batch.status}")
        found = _patiently(lambda: provider.find_batch(key, file_id))
        yield _same(found and found.id, batch.id, "the batch, by our key")
        batch = _ended(provider, batch, settings.poll_seconds, say)
        files = [each for each in (batch.output_file_id, batch.error_file_id) if each]
        left.update(files)
        yield _checked("end", batch.status == "completed", _told(batch))
        lines = [line for each in files for line in _results(provider, each)]
        yield from _compared(provider, indexing, settings, list(map(provider.wire.id_of, ids)), lines)
    finally:
        if batch is not None and not batch.is_terminal:
            provider.cancel_batch(batch.id)
            say(f"{batch.id} is cancelled")
        for each in left:
            with suppress(IngestError):
                provider.delete_file(each)
    yield Check("clean", ok=True, finding=f"asked to delete {', '.join(sorted(left))}")


def _price(indexing: Indexing, max_dollars: float) -> str:
    model = indexing.embedding_model
    tokens = sum(map(tokenizer(model.tokenizer).count, _TEXTS)) * (1 if model.is_counted else 2)
    dollars = tokens * (model.usd_per_million_batch + (_PASSES - 1) * model.usd_per_million_sync) / 1e6
    if dollars > max_dollars:
        raise UsageError(f"it may cost ${dollars:.6f}, more than ${max_dollars:g}: raise --max-cost. Nothing was sent.")
    return f"at most {tokens * _PASSES} tokens of {model.name}, ${dollars:.6f}"


def _patiently(look: Callable[[], Found | None]) -> Found | None:
    """What is found in a minute: lists lag behind."""
    deadline_s = time.monotonic() + _LIST_LAG_S
    while (found := look()) is None and time.monotonic() < deadline_s:
        time.sleep(1)
    return found


def _ended(provider: Provider, batch: RemoteBatch, pause_s: float, say: Callable[[str], None]) -> RemoteBatch:
    """The batch when it has ended."""
    status = ""
    while not batch.is_terminal:
        if batch.status != status:
            say(f"{batch.id} is {batch.status}: it may take hours; Ctrl-C cancels it")
        status = batch.status
        time.sleep(pause_s)
        found = provider.retrieve_batch(batch.id)
        if found is None:
            raise UnreachableError(f"the provider knows no batch {batch.id} any more.")
        batch = found
    return batch


def _told(batch: RemoteBatch) -> str:
    why = "".join(f"; {fault.code}: {fault.message}" for fault in batch.faults)
    return f"{batch.status}, {batch.completed} of {batch.total} done{why}"


def _results(provider: Provider, file_id: str) -> Iterator[Result | Malformed]:
    content = BytesIO(b"".join(provider.download(file_id)))
    yield from read_results(content, provider.wire.parse)


def _compared(
    provider: Provider, indexing: Indexing, settings: Settings, ids: list[str], lines: Sequence[Result | Malformed]
) -> Iterator[Check]:
    """Whether each text has its vector, and the same one as it has at once."""
    results = {line.custom_id: line for line in lines if isinstance(line, Result)}
    failed = [f"{each.failure.code}: {each.failure.message}" for each in results.values() if each.failure]
    is_whole = results.keys() == set(ids) and len(lines) == len(ids) and not failed
    billed = sum(each.billed_tokens or 0 for each in results.values())
    finding = f"{len(results)} of {len(ids)}, {billed or 'no'} tokens told as billed"
    yield _checked("results", is_whole, "; ".join([finding, *failed]))
    if not is_whole:
        return
    vectors = [np.frombuffer(results[each].embedding or b"", "<f4") for each in ids]
    lengths = {vector.shape[0] for vector in vectors}
    is_long = lengths == {indexing.dimensions}
    yield _checked("dimensions", is_long, f"{', '.join(map(str, sorted(lengths)))} of {indexing.dimensions}")
    if not is_long:
        return
    norms = [float(np.linalg.norm(vector)) for vector in vectors]
    is_unit = max(abs(norm - 1) for norm in norms) < _UNIT
    yield Check("norm", ok=True, finding="of unit length" if is_unit else f"{min(norms):.3f} to {max(norms):.3f}")
    parameters = indexing.parameters(provider.wire, "document", settings.deployment, settings.encoding_format)
    answer = provider.answer(_TEXTS, parameters).embeddings or []
    at_once = [np.frombuffer(pybase64.b64decode(each), "<f4") for each in answer]
    if len(at_once) != len(vectors):
        yield _checked("at once", False, f"{len(at_once)} vectors for {len(vectors)} texts")
        return
    least = min(map(_cosine, vectors, at_once))
    yield _checked("at once", least >= _LEAST_COSINE, f"the same vectors as in the batch, to a cosine of {least:.6f}")
    asked = provider.embed(
        _TEXTS, indexing.parameters(provider.wire, "query", settings.deployment, settings.encoding_format)
    )
    nearest = [int(np.argmax([_cosine(question, vector) for vector in vectors])) for question in asked]
    yield _checked("questions", nearest == list(range(len(ids))), "each is nearest to its own text")


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def _checked(name: str, ok: bool, finding: str) -> Check:
    return Check(name, ok=ok, finding=finding, exit_status=0 if ok else UnreachableError.exit_status)


def _same(found: object, wanted: str, what: str) -> Check:
    return _checked("found", found == wanted, what if found == wanted else f"{what}: {found}, not {wanted}")
