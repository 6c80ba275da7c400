"""A corpus by other settings, beside: what agrees is shared, what it costs is asked, and in the end it is gone."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from workshop import Told

from ingest.errors import BudgetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workshop import Outcome, Workshop

    from ingest.telemetry import Bar

PARAGRAPH = "The wombat number {0} digs in the garden {0}, and nobody minds. It sleeps until evening in burrow {0}. "
FILTERS = {"tenant": "text"}


@pytest.fixture
def filled(workshop: Workshop) -> Workshop:
    for number in range(6):
        sections = "".join(
            f"## Burrow {number}{part}\n\n" + PARAGRAPH.format(f"{number}{part}") * 3 + "\n\n" for part in range(8)
        )
        workshop.write(f"{number}.md", f"---\ntenant: acme\n---\n# Wombats {number}\n\n{sections}")
    workshop.write("short.txt", "A passage of its own, whatever the limit.")
    with workshop.pipeline(chunk_tokens=256, filters=FILTERS) as pipeline:
        pipeline.run([str(workshop.folder)])
    return workshop


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    file = tmp_path / "questions.jsonl"
    lines = [
        {"question": f"burrow {number}", "excerpts": [f"sleeps until evening in burrow {number}"], "filters": filters}
        for number, filters in (("03", []), ("14", ["tenant=acme"]), ("57", []))
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def schemas(workshop: Workshop) -> list[str]:
    found = workshop.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'corpus%%'")
    return sorted(name for (name,) in found)


def test_another_limit_shares_the_texts_that_agree_and_is_gone_in_the_end(filled: Workshop, questions: Path) -> None:
    asked: list[tuple[int, float]] = []

    def approve(tokens: int, dollars: float) -> bool:
        asked.append((tokens, dollars))
        return True

    before = filled.query("SELECT id, embedding FROM chunks ORDER BY id")
    with filled.pipeline(filters=FILTERS) as pipeline:
        found = pipeline.evaluate(questions, compared=["chunk_tokens=64,128"], approve=approve)

    small, middle = found.settings
    assert [small.name, middle.name] == ["chunk_tokens=64", "chunk_tokens=128"]
    assert small.passages > middle.passages > found.passages
    assert [tokens for tokens, _ in asked] == [small.tokens + middle.tokens]  # once, for both
    assert asked[0][1] == pytest.approx(small.dollars + middle.dollars)
    assert small.way.measures["recall@5"].mean > 0
    assert [each.than for each in found.compared] == ["the corpus as it is"] * 2
    assert schemas(filled) == ["corpus"]
    assert filled.query("SELECT id, embedding FROM chunks ORDER BY id") == before


def test_what_has_the_same_passages_and_model_is_not_paid_again(filled: Workshop, questions: Path) -> None:
    with filled.pipeline(filters=FILTERS) as pipeline:
        texts = filled.emulator.ledger()["texts"]
        compared = ["vector_type=halfvec", "dimensions=32", "words_weight=0,1", "chunk_tokens=256"]
        found = pipeline.evaluate(questions, compared=compared, keep=True)

    assert [setting.tokens for setting in found.settings] == [0, 0, 0, 0, 0]
    assert [setting.corpus for setting in found.settings] == [
        "corpus__vector_type_halfvec",
        "corpus__dimensions_32",
        None,
        None,
        None,
    ]
    assert {setting.passages for setting in found.settings} == {found.passages}
    assert filled.emulator.ledger()["texts"] == texts + 3 * 2  # the questions, of each length
    assert found.settings[4].way.measures == found.ways[0].measures
    assert schemas(filled) == ["corpus", "corpus__dimensions_32", "corpus__vector_type_halfvec"]


def test_a_version_that_was_kept_is_asked_again_and_stays(filled: Workshop, questions: Path) -> None:
    with filled.pipeline(filters=FILTERS) as pipeline:
        first = pipeline.evaluate(questions, compared=["chunk_tokens=64"], keep=True)
        again = pipeline.evaluate(questions, compared=["chunk_tokens=64"])

    assert first.settings[0].tokens > 0 == again.settings[0].tokens
    assert first.settings[0].way.measures == again.settings[0].way.measures
    assert again.settings[0].corpus == "corpus__chunk_tokens_64"
    assert schemas(filled) == ["corpus", "corpus__chunk_tokens_64"]


def test_what_was_broken_off_is_told_gone_on_with_and_dropped(filled: Workshop, questions: Path) -> None:
    def stop(_tokens: int, _dollars: float) -> bool:
        raise InterruptedError

    told = Told()
    with filled.telling(told, {"filters": FILTERS}) as pipeline:
        with pytest.raises(InterruptedError):
            pipeline.evaluate(questions, compared=["chunk_tokens=64"], approve=stop)
        begun = schemas(filled)
        pipeline.evaluate(questions, compared=["chunk_tokens=64"])

    assert "beside the corpus stay corpus__chunk_tokens_64: the same command goes on" in "\n".join(told.lines)
    assert begun == ["corpus", "corpus__chunk_tokens_64"]
    assert schemas(filled) == ["corpus"]


def test_two_commands_do_not_compare_the_same_at_once(filled: Workshop, questions: Path) -> None:
    def meanwhile(_tokens: int, _dollars: float) -> bool:
        with (
            filled.pipeline(filters=FILTERS) as other,
            pytest.raises(UsageError, match="another command compares corpus__chunk_tokens_64 now"),
        ):
            other.evaluate(questions, compared=["chunk_tokens=64"])
        return True

    with filled.pipeline(filters=FILTERS) as pipeline:
        found = pipeline.evaluate(questions, compared=["chunk_tokens=64"], approve=meanwhile)

    assert found.settings[0].way.measures["recall@5"].mean > 0
    assert schemas(filled) == ["corpus"]


def test_a_version_that_somebody_reads_stays_and_nothing_found_is_lost(filled: Workshop, questions: Path) -> None:
    def read(_tokens: int, _dollars: float) -> bool:
        with psycopg.connect(filled.database_url) as connection:
            connection.execute("CREATE VIEW public.mine AS SELECT id FROM corpus__chunk_tokens_64.chunks")
        return True

    told = Told()
    with filled.telling(told, {"filters": FILTERS}) as pipeline:
        found = pipeline.evaluate(questions, compared=["chunk_tokens=64,128"], approve=read)

    assert len(found.settings) == 2
    assert "corpus__chunk_tokens_64 stays: corpus__chunk_tokens_64 is still read: " in "\n".join(told.lines)
    assert schemas(filled) == ["corpus", "corpus__chunk_tokens_64"]


def test_a_long_name_makes_a_version_that_can_be_dropped(filled: Workshop, questions: Path) -> None:
    corpus = "corpus_" + "x" * 53
    with filled.pipeline(corpus=corpus, chunk_tokens=256, filters=FILTERS) as pipeline:
        pipeline.run([str(filled.folder)])
        found = pipeline.evaluate(questions, compared=["chunk_tokens=64,128"], keep=True)
        names = [setting.corpus for setting in found.settings]
        for name in names:
            with filled.pipeline(corpus=name) as kept:
                kept.drop()
        beside = schemas(filled)
        pipeline.drop()

    assert len(set(names)) == 2
    assert {len(name or "") for name in names} == {57}
    assert beside == ["corpus", corpus]
    assert schemas(filled) == ["corpus"]


def test_what_halfvec_rounded_is_not_shared_as_a_vector(filled: Workshop, questions: Path) -> None:
    halved = {"corpus": "corpus_halved", "chunk_tokens": 256, "vector_type": "halfvec", "filters": FILTERS}
    with filled.pipeline(**halved) as pipeline:
        run = pipeline.run([str(filled.folder)])
        found = pipeline.evaluate(questions, compared=["vector_type=vector"])

    assert found.settings[0].tokens == run.tokens > 0


def test_a_value_that_is_given_twice_is_compared_once(filled: Workshop, questions: Path) -> None:
    with filled.pipeline(filters=FILTERS) as pipeline:
        found = pipeline.evaluate(questions, compared=["chunk_tokens=64,064", "chunk_tokens=64"])

    assert [setting.name for setting in found.settings] == ["chunk_tokens=64"]


def test_nothing_is_kept_where_nothing_is_compared(filled: Workshop, questions: Path) -> None:
    with filled.pipeline(filters=FILTERS) as pipeline, pytest.raises(UsageError, match="--keep keeps what --compare"):
        pipeline.evaluate(questions, keep=True)


def test_what_is_stopped_while_it_is_chunked_is_told(filled: Workshop, questions: Path) -> None:
    class Stopped(Told):
        @contextmanager
        def stage(self, name: str, *, unit: str, total: int | None = None) -> Iterator[Bar]:
            if name == "reading":
                raise InterruptedError
            with super().stage(name, unit=unit, total=total) as bar:
                yield bar

    told = Stopped()
    with filled.telling(told, {"filters": FILTERS}) as pipeline, pytest.raises(InterruptedError):
        pipeline.evaluate(questions, compared=["chunk_tokens=64"])

    assert told.lines[-1].startswith("beside the corpus stay corpus__chunk_tokens_64: ")


def test_a_deployment_embeds_for_one_model_alone(filled: Workshop, questions: Path) -> None:
    with (
        filled.pipeline(deployment="text-embedding-3-small", filters=FILTERS) as pipeline,
        pytest.raises(UsageError, match="the setting deployment, text-embedding-3-small, is sent in the place of any"),
    ):
        pipeline.evaluate(questions, compared=["model=text-embedding-3-large"])

    assert schemas(filled) == ["corpus"]


def test_what_is_refused_is_not_sent_and_leaves_nothing(filled: Workshop, questions: Path) -> None:
    with (
        filled.pipeline(filters=FILTERS) as pipeline,
        pytest.raises(BudgetError, match=r"tokens for .* were not approved: nothing was sent"),
    ):
        pipeline.evaluate(questions, compared=["chunk_tokens=64"], approve=lambda _tokens, _dollars: False)

    assert schemas(filled) == ["corpus"]


def test_a_schema_of_somebody_else_is_left_alone(filled: Workshop, questions: Path) -> None:
    with filled.pipeline(corpus="corpus__chunk_tokens_64") as pipeline:
        pipeline.run([str(filled.folder / "short.txt")])

    with (
        filled.pipeline(filters=FILTERS) as pipeline,
        pytest.raises(UsageError, match="corpus__chunk_tokens_64 is there, and no version of corpus"),
    ):
        pipeline.evaluate(questions, compared=["chunk_tokens=64"])

    assert filled.query("SELECT count(*) FROM corpus__chunk_tokens_64.chunks") == [(1,)]


@pytest.mark.parametrize(
    ("compared", "said"),
    [
        ("chunk_token=256", "chunk_token cannot be compared: did you mean chunk_tokens"),
        ("chunk_tokens", "give values, as --compare chunk_tokens=256,1024"),
        ("chunk_tokens=many", "--compare chunk_tokens=many: Input should be a valid integer"),
        ("chunk_tokens=1", "--compare chunk_tokens=1: Input should be greater than or equal to 32"),
        ("chunk_tokens=100000", "takes at most 8,19. tokens, not 100,000"),
        ("vector_type=bit", "vector_type=bit: Input should be 'vector' or 'halfvec'"),
        ("chunk_tokens=41,42,43,44,45,46,47,48", "9 settings are too many"),
        ("=3", "nothing cannot be compared"),
    ],
)
def test_what_cannot_be_compared_is_told_before_anything_is_made(
    filled: Workshop, questions: Path, compared: str, said: str
) -> None:
    with filled.pipeline(filters=FILTERS) as pipeline, pytest.raises(UsageError, match=said) as raised:
        pipeline.evaluate(questions, compared=["words_weight=0.4", compared])

    assert "\n" not in str(raised.value)
    assert schemas(filled) == ["corpus"]


@pytest.mark.usefixtures("filled")
def test_the_command_tells_the_price_and_asks_first(
    ingest: Callable[..., Outcome], environment: dict[str, str], questions: Path, tmp_path: Path
) -> None:
    compared = ("eval", questions, "--compare", "chunk_tokens=64", "--report", tmp_path / "eval.html")

    refused = ingest(*compared, environment=environment)
    done = ingest(*compared, "--yes", environment=environment)

    assert (refused.status, "were not approved: nothing was sent" in refused.err) == (4, True)
    assert "chunk_tokens=64: " in done.err
    assert " tokens to embed, about $" in done.err or "less than $0.0001" in done.err
    assert done.status == 0
    assert "the corpus as it is" in done.out
    assert "Other settings" in (tmp_path / "eval.html").read_text(encoding="utf-8")
