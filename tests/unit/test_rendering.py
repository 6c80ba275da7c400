from __future__ import annotations

import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from ingest.rendering import Screen
from ingest.report import RunReport
from ingest.search import Passage
from ingest.words import clean, dollars


@given(st.text())
@example("a name of bytes \udcff that are no UTF-8,\nand of two lines")
def test_what_others_wrote_holds_nothing_that_steers_a_terminal(text: str) -> None:
    cleaned = clean(text)

    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", cleaned)
    assert len(cleaned) == len(text)


@pytest.mark.parametrize(
    ("amount", "words"),
    [(0, "$0"), (0.00001, "less than $0.0001"), (0.0123, "$0.0123"), (12.3456, "$12.35"), (1234.5, "$1,234.50")],
)
def test_money_has_cents_where_they_matter(amount: float, words: str) -> None:
    assert dollars(amount) == words


def printed(show: object, width: int = 100) -> str:
    """What a screen prints on standard output."""
    screen = Screen()
    screen._out = Console(file=io.StringIO(), width=width, highlight=False)
    show(screen)  # type: ignore[operator]
    text: str = screen._out.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_markup_in_a_document_is_only_text() -> None:
    passage = Passage(0.5, "file:///a.md", "t", ("[red]x[/red]",), 0, "a [bold]word[/bold] and [/nothing]")

    text = printed(lambda screen: screen.passages([passage], "word"))

    assert "a [bold]word[/bold] and [/nothing]" in text
    assert "[red]x[/red]" in text


def test_a_summary_says_what_how_much_at_what_price_and_what_next() -> None:
    report = RunReport("docs", "openai", "text-embedding-3-small", 1536, "vector", documents=3, chunks=10, embedded=10)
    report.tokens, report.dollars, report.seconds = 5_000_000, 0.05, {"sync": 1.0, "embed and load": 3723.0}
    report.load.loaded, report.load.batches, report.sync.documents_new = 10, 1, 3

    text = printed(lambda screen: screen.run_report(report), width=200)

    assert "10 texts in 1 batch by text-embedding-3-small (openai)" in text
    assert "about $0.0500 at batch prices for 5,000,000 tokens" in text
    assert "embed and load 1 h 2 min" in text
    assert 'ingest search --corpus docs "your question"' in text
