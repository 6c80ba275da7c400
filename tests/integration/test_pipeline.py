from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.corpus.planning import plan_chunking, plan_indexing
from ingest.emulator import hash_vectors
from ingest.errors import BudgetError, UsageError
from ingest.model import Document, embedded_text
from ingest.sources.files import Files

if TYPE_CHECKING:
    from workshop import Workshop

PARAGRAPH = "The quick brown fox number {} jumps over the lazy dog, and then it goes on its way through the wood. "


def long_text(seed: int, paragraphs: int = 20) -> str:
    """Paragraphs of five sentences, no two alike."""
    sentences = [[PARAGRAPH.format(f"{seed}-{number}-{part}") for part in range(5)] for number in range(paragraphs)]
    return "\n\n".join("".join(paragraph) for paragraph in sentences)


def vectors_match_their_texts(workshop: Workshop) -> bool:
    """Whether each chunk has just the vector that the provider gives for its text."""
    rows = workshop.query("SELECT content, headings, context_headings, embedding FROM chunks ORDER BY id")
    texts = [embedded_text(headings, depth, content) for content, headings, depth, _ in rows]
    expected = hash_vectors(texts, "text-embedding-3-small", 64)
    stored = np.array([vector.to_numpy() for *_, vector in rows])
    return bool(np.allclose(stored, expected, atol=1e-6))


def test_a_folder_becomes_a_searchable_column(workshop: Workshop) -> None:
    workshop.write("a.md", "# Foxes\n\n" + long_text(1))
    workshop.write("deep/b.txt", long_text(2))

    with workshop.pipeline() as pipeline:
        report = pipeline.run([str(workshop.folder)])
        passages = pipeline.search(PARAGRAPH.format("1-3-2"), 3)

    assert (report.documents, report.embedded) == (2, report.chunks)
    assert report.chunks > 4
    assert vectors_match_their_texts(workshop)
    assert sum(len(each.ids) for each in passages) == 3  # neighbours come as one
    assert passages[0].score >= passages[-1].score
    assert workshop.emulator.ledger()["tokens"] >= report.sync.tokens_to_pay == report.tokens


def test_an_application_sees_what_is_done_by_its_own_logging(
    workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    workshop.write("a.txt", "One passage.")

    with caplog.at_level("INFO", "ingest"), workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])

    ours = [record for record in caplog.records if record.name == "ingest"]
    events = [(record.__dict__["event"], record.__dict__["fields"].get("stage")) for record in ours]
    assert events.index(("stage_began", "embedding")) < events.index(("stage_ended", "embedding"))
    assert "embedding: 1 of 1 texts" in caplog.messages


def test_nothing_is_printed_where_an_application_asks_for_nothing(
    workshop: Workshop, capfd: pytest.CaptureFixture[str]
) -> None:
    workshop.write("a.txt", "One passage.")

    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", [str, Path])
def test_one_path_is_itself_and_not_its_letters(workshop: Workshop, kind: type[str | Path]) -> None:
    workshop.write("a.txt", long_text(1))

    with workshop.pipeline() as pipeline:
        assert pipeline.estimate(kind(workshop.folder)).sync.documents_new == 1
        assert pipeline.sync(kind(workshop.folder)).documents_new == 1


def test_a_corpus_for_several_processes_has_the_chunks_that_one_makes(workshop: Workshop) -> None:
    texts = {f"{number:03}.txt": long_text(number, paragraphs=12) for number in range(600)}
    for name, text in texts.items():
        workshop.write(name, text)

    with workshop.pipeline() as pipeline:
        report = pipeline.sync([str(workshop.folder)])
        indexing = plan_indexing(pipeline.settings, None, is_local=False)
        chunking = plan_chunking(pipeline.settings, indexing, Files([]))

    assert report.bytes_read == sum(map(len, texts.values())) > 3_000_000
    rows = workshop.query(
        "SELECT uri, ordinal, content, token_count FROM chunks JOIN documents d ON d.id = document_id"
    )
    assert {(uri.rpartition("/")[2], *chunk) for uri, *chunk in rows} == {
        (name, chunk.ordinal, chunk.content, chunk.token_count)
        for name, text in texts.items()
        for chunk in chunking.split(Document(name, name, text))
    }


def test_an_unchanged_folder_sends_nothing(workshop: Workshop) -> None:
    workshop.write("a.md", long_text(1))
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
    before = workshop.emulator.ledger()

    with workshop.pipeline() as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert (report.sync.documents_unchanged, report.sync.documents_changed, report.tokens) == (1, 0, 0)
    assert workshop.emulator.ledger() == before


def test_chunks_concatenate_to_the_document(workshop: Workshop) -> None:
    text = "# One\n\n" + long_text(3) + "\n\n## Two\n\n日本語の文章です。" * 40
    workshop.write("a.md", text)

    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])

    (stored,) = workshop.query("SELECT string_agg(content, '' ORDER BY ordinal) FROM chunks")
    assert stored == (text,)


@pytest.mark.parametrize("vector_type", ["vector", "halfvec"])
@pytest.mark.parametrize("encoding_format", ["base64", "float"])
def test_both_column_types_take_both_encodings(workshop: Workshop, vector_type: str, encoding_format: str) -> None:
    workshop.write("a.txt", long_text(1))

    with workshop.pipeline(vector_type=vector_type, encoding_format=encoding_format) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.embedded == report.chunks > 0
    stored = workshop.query("SELECT DISTINCT pg_typeof(embedding)::text, vector_dims(embedding::vector) FROM chunks")
    assert stored == [(vector_type, 64)]


def test_a_corpus_of_many_shards_is_loaded_whole(workshop: Workshop) -> None:
    workshop.write("a.txt", long_text(1, 60))

    with workshop.pipeline(max_batch_requests=3, chunk_tokens=64) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.load.batches == -(-report.load.loaded // 3)
    assert report.embedded == report.chunks
    assert vectors_match_their_texts(workshop)


def test_shards_wait_for_a_token_budget_of_one_shard(workshop: Workshop) -> None:
    workshop.write("a.txt", long_text(1, 30))

    with workshop.pipeline(chunk_tokens=64, max_enqueued_tokens=300) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.load.batches > 5
    assert report.embedded == report.chunks


def test_a_run_that_is_not_approved_sends_nothing_and_keeps_what_it_read(workshop: Workshop) -> None:
    workshop.write("a.txt", long_text(1))
    asked = []

    def refuse(tokens: int, dollars: float) -> bool:
        asked.append((tokens, dollars))
        return False

    with workshop.pipeline() as pipeline, pytest.raises(BudgetError, match="nothing was sent"):
        pipeline.run([str(workshop.folder)], refuse)

    ((tokens, dollars),) = asked
    assert dollars == pytest.approx(tokens / 1e6 * 0.01)
    assert workshop.emulator.ledger()["texts"] == 0
    assert workshop.query("SELECT sum(token_count) FROM requests") == [(tokens,)]


def test_what_the_provider_refuses_for_good_is_listed_with_its_words(workshop: Workshop) -> None:
    from ingest.emulator import Fault

    workshop.write("a.txt", long_text(1, 40))
    workshop.emulator.set_faults(Fault("error_per_request_400", rate=1.0, count=2))

    with workshop.pipeline(chunk_tokens=64) as pipeline:
        report = pipeline.run([str(workshop.folder)])
        retried = pipeline.retry()
        again = pipeline.run([str(workshop.folder)])

    assert len(report.failures) == 2
    assert report.embedded == report.chunks - 2
    assert report.failures[0].uri.endswith("/a.txt")
    assert report.failures[0].message
    assert retried == 2
    assert (again.embedded, again.failures) == (again.chunks, [])


def test_what_failed_for_a_while_is_sent_again(workshop: Workshop) -> None:
    from ingest.emulator import Fault

    workshop.write("a.txt", long_text(1, 40))
    workshop.emulator.set_faults(Fault("error_per_request_429", rate=1.0, count=3), Fault("lost_lines", count=2))

    with workshop.pipeline(chunk_tokens=64) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.load.waiting_again == 5
    assert (report.embedded, report.failures) == (report.chunks, [])


def test_exported_requests_come_back_by_hand(workshop: Workshop) -> None:
    import openai

    workshop.write("a.txt", long_text(1))
    out = workshop.folder.parent / "export"
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])
        (shard,) = pipeline.export(out)
        assert pipeline.export(out) == []

        client = openai.OpenAI(base_url=workshop.emulator.base_url, api_key=workshop.emulator.api_key)
        uploaded = client.files.create(file=shard.path, purpose="batch")
        batch = client.batches.create(input_file_id=uploaded.id, endpoint="/v1/embeddings", completion_window="24h")
        while batch.status != "completed":
            batch = client.batches.retrieve(batch.id)
        result = out / "result.jsonl"
        result.write_bytes(client.files.content(batch.output_file_id or "").content)
        client.close()
        first = pipeline.load([result])
        second = pipeline.load([result])
        status = pipeline.status()

    assert (first.loaded, second.loaded) == (shard.request_count, 0)
    assert (out / "result.jsonl.done").exists()
    assert vectors_match_their_texts(workshop)
    assert (status.sent_requests, status.waiting_requests, status.batches) == (0, 0, [])


def test_a_file_of_another_corpus_is_refused(workshop: Workshop) -> None:
    workshop.write("a.txt", long_text(1))
    foreign = workshop.folder.parent / "foreign.jsonl"
    foreign.write_text(
        '{"id":"x","custom_id":"1-0123456789abcdef","response":{"status_code":200,"body":{"data":[{"embedding":'
        f'{[0.1] * 64}}}]}}}},"error":null}}\n'
    )

    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])
        with pytest.raises(UsageError, match="nothing that this corpus waits for"):
            pipeline.load([foreign])

    assert workshop.query("SELECT count(embedding) FROM chunks") == [(0,)]
    assert not foreign.with_name("foreign.jsonl.done").exists()


def test_a_run_goes_on_with_the_batches_of_another_process(workshop: Workshop) -> None:
    workshop.write("a.txt", long_text(1))
    with workshop.pipeline() as first:
        first.sync([str(workshop.folder)])
        submitted = first.submit()

    with workshop.pipeline() as second:
        report = second.run([str(workshop.folder)])

    assert [batch.state for batch in submitted] == ["submitted"]
    assert report.embedded == report.chunks
    ledger = workshop.emulator.ledger()
    assert ledger["texts"] == ledger["distinct_texts"] == report.load.loaded


def test_the_index_is_built_once_there_are_enough_rows(workshop: Workshop) -> None:
    workshop.write("a.txt", "".join(f"Sentence number {number} stands here on its own.\n\n" for number in range(6000)))

    with workshop.pipeline(chunk_tokens=48) as pipeline:
        report = pipeline.run([str(workshop.folder)])
        rebuilt = pipeline.index()
        passages = pipeline.search("Sentence number 777 stands here on its own.", 5)

    assert report.embedded == report.chunks > 1000
    assert report.indexed
    assert rebuilt
    assert len(passages) == 5
    assert workshop.query("SELECT indexname FROM pg_indexes WHERE indexdef LIKE '%%hnsw%%'") == [("chunks_embedding",)]


def test_a_corpus_keeps_its_model_and_refuses_another(workshop: Workshop) -> None:
    workshop.write("a.txt", long_text(1))
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])

    with workshop.pipeline(dimensions=32) as pipeline, pytest.raises(UsageError, match=r"vector\(64\).*vector\(32\)"):
        pipeline.run([str(workshop.folder)])
    with workshop.pipeline(dimensions=None) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.dimensions == 64
