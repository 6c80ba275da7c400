"""Passages of a table bear its header, on every way: estimate, bill, another model, a corpus made before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promises import CORPUS_FLAGS, check_corpora, check_promises
from pyarrow import parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

FLAGS = {**CORPUS_FLAGS, "chunk_tokens": 128}
TABLE = "# Cap table\n\nAll holders of shares.\n\n| Holder | Class | Shares |\n| --- | --- | --- |\n" + "".join(
    f"| Holder number {n} | Seed Preferred | {n}000 |\n" for n in range(60)
)
PROSE = "# Guide\n\n" + "".join(f"This is paragraph number {n}, and it says little else.\n\n" for n in range(40))
HEADER = "All holders of shares.\n| Holder | Class | Shares |\n"


def write(workshop: Workshop) -> None:
    workshop.write("table.md", TABLE)
    workshop.write("prose.md", PROSE)


def run(workshop: Workshop, **flags: Any) -> Any:
    with workshop.pipeline(**FLAGS | flags) as pipeline:
        return pipeline.run([str(workshop.folder)])


def test_what_is_estimated_sent_and_billed_has_the_header(workshop: Workshop) -> None:
    write(workshop)

    with workshop.pipeline(**FLAGS) as pipeline:
        estimate = pipeline.estimate([str(workshop.folder)])
        report = pipeline.run([str(workshop.folder)])
    headers = [header for (header,) in workshop.query("SELECT table_header FROM chunks ORDER BY id")]

    assert headers.count(HEADER) > 6
    assert estimate.sync.tokens_to_pay == report.sync.tokens_to_pay == workshop.emulator.ledger()["tokens"]
    check_promises(workshop)
    check_corpora(workshop.database_url)


def test_the_header_is_shown_with_a_passage_and_exported(
    ingest: Callable[..., Outcome], workshop: Workshop, environment: dict[str, str]
) -> None:
    workshop.write("table.md", TABLE)
    assert ingest("run", workshop.folder, "--chunk-tokens", "128", environment=environment).status == 0

    told = ingest("search", "Holder number 47", "--json", environment=environment).json
    shown = ingest("search", "Holder number 47", "-n", "1", environment=environment).out
    hybrid = ingest("search", "Holder number 47", "--hybrid", "--json", environment=environment).json
    ingest("parquet", workshop.folder / "all.parquet", environment=environment)

    assert {each["table_header"] for each in told["passages"]} == {HEADER}
    assert {each["table_header"] for each in hybrid["passages"]} == {HEADER}
    assert [line.strip() for line in shown.splitlines()[1:3]] == HEADER.splitlines()
    exported = pq.read_table(workshop.folder / "all.parquet")["table_header"].to_pylist()
    assert exported.count(HEADER) == len(exported) - 1


def test_another_model_is_given_the_header_too(workshop: Workshop) -> None:
    write(workshop)
    run(workshop)

    with workshop.pipeline(**FLAGS | {"model": "text-embedding-3-large"}) as pipeline:
        pipeline.reembed()

    assert workshop.query("SELECT count(*) > 6 FROM chunks WHERE table_header = %s", HEADER) == [(True,)]
    check_corpora(workshop.database_url)


def test_of_a_corpus_made_before_only_passages_of_tables_are_paid_again(workshop: Workshop) -> None:
    write(workshop)
    run(workshop)
    # As the chunker left it that knew of no headers.
    workshop.query(
        "UPDATE documents SET source_version = replace(source_version, '/2:', '/1:'), "
        "content_hash = sha256(id::text::bytea) RETURNING id"
    )
    ((passages,),) = workshop.query("SELECT count(*) FROM chunks")
    headless = workshop.query(
        "UPDATE chunks SET table_header = '', text_hash = sha256(convert_to(content, 'UTF8')) "
        "WHERE table_header <> '' RETURNING id"
    )

    report = run(workshop)
    again = run(workshop)

    assert report.sync.documents_changed == 2
    assert (report.sync.chunks_kept, report.sync.chunks_new) == (passages - len(headless), len(headless))
    assert (again.sync.documents_unchanged, again.sync.chunks_new) == (2, 0)
    check_corpora(workshop.database_url)
