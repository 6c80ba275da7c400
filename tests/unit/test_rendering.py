from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pyte
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from ingest.batches.ledger import Costs, DocumentCost, Entry
from ingest.corpus.search import Passage
from ingest.corpus.sync_report import SyncReport
from ingest.formatting import clean, dollars
from ingest.reporting.run_report import RunReport
from ingest.sources.source import Skipped
from ingest.terminal.passages import listed_passages
from ingest.terminal.progress_bars import shown
from ingest.terminal.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.telemetry.progress import Bar


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


def printed(show: object, width: int = 100, *, verbose: bool = False, terminal: bool = False) -> str:
    """What a screen prints on standard output."""
    screen = Screen(verbose=verbose)
    screen._out = Console(file=io.StringIO(), width=width, highlight=False, force_terminal=terminal, color_system=None)
    show(screen)  # type: ignore[operator]
    text: str = screen._out.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_markup_in_a_document_is_only_text() -> None:
    passage = Passage(0.5, "file:///a.md", "t", ("[red]x[/red]",), 0, "a [bold]word[/bold] and [/nothing]")

    text = printed(lambda screen: screen.passages([passage], "word"))

    assert "a [bold]word[/bold] and [/nothing]" in text
    assert "[red]x[/red]" in text


def test_empty_documents_are_counted_and_named_only_when_more_is_asked_for() -> None:
    report = SyncReport(documents_new=200_000, documents_empty=200_000)
    report.empty = [Skipped(f"/docs/{number}.md", "no text in it") for number in range(1_000)]

    short = printed(lambda screen: screen.sync_report(report))
    long = printed(lambda screen: screen.sync_report(report), verbose=True)

    assert "200,000 documents without text" in short
    assert "/docs/" not in short
    assert long.count("/docs/") == 1_000
    assert "and 199,000 more" in long


def test_a_summary_says_what_how_much_at_what_price_and_what_next() -> None:
    report = RunReport("docs", "openai", "text-embedding-3-small", 1536, "vector", documents=3, chunks=10, embedded=10)
    report.tokens, report.dollars, report.seconds = 5_000_000, 0.05, {"sync": 1.0, "embed and load": 3723.0}
    report.load.loaded, report.load.batches, report.sync.documents_new = 10, 1, 3

    text = printed(lambda screen: screen.run_report(report), width=200)

    assert "10 texts in 1 batch by text-embedding-3-small (openai)" in text
    assert "about $0.0500 at batch prices for 5,000,000 tokens" in text
    assert "embed and load 1 h 2 min" in text
    assert 'ingest search --corpus docs "your question"' in text


NUMBERS = ("10,778,912", "1,234,567", "98,765,432", "$1,077.89", "$12,345.67")


def costs(*models: str, wasted: int = 10_778_912) -> Costs:
    runs = [
        Entry("2026-11-21T21:06:13+00:00", model, 1_234_567, 10_778_912, 98_765_432, wasted, 1077.891, 12_345.67)
        for model in models
    ]
    return Costs("docs", runs[0], runs, [DocumentCost("file:///" + "long/" * 30, 10_778_912, 98_765_432, 12_345.67)])


@pytest.mark.parametrize("models", [("text-embedding-3-small",), ("text-embedding-3-small", "text-embedding-3-large")])
@pytest.mark.parametrize(("width", "terminal"), [(80, True), (40, True), (80, False)])
def test_a_number_is_never_cut_however_narrow_the_terminal(models: tuple[str, ...], width: int, terminal: bool) -> None:
    text = printed(lambda screen: screen.costs(costs(*models)), width, terminal=terminal)

    assert "…" not in text
    for number in NUMBERS:
        assert text.count(number) >= 2


def test_the_costs_of_one_model_have_room_on_a_terminal_of_80_columns() -> None:
    text = printed(lambda screen: screen.costs(costs("text-embedding-3-small", wasted=0)), 80, terminal=True)

    assert max(map(len, text.splitlines())) <= 80


def test_a_table_in_a_pipe_has_a_line_for_each_row_and_no_blanks_at_their_ends() -> None:
    text = printed(lambda screen: screen.costs(costs("text-embedding-3-small")), 80)

    assert "long/" * 30 in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


CODE = """\
Make an index:

```python
def index(table):
\treturn f"CREATE INDEX ON {table}"


index("items")
```

And a long line of prose, which goes on until it is over the eighty columns that a terminal has."""


def test_a_passage_keeps_its_lines_and_is_wrapped_on_a_terminal_alone() -> None:
    passage = Passage(0.5, "file:///a.md", "t", (), 0, CODE)

    piped = printed(lambda screen: screen.passages([passage], "index"), 80)
    shown = printed(lambda screen: screen.passages([passage], "index"), 80, terminal=True)

    code = CODE.replace("\t", "    ").replace("\n\n\n", "\n\n").splitlines()
    assert piped.splitlines()[1:] == [*(f"   {line}".rstrip() for line in code), ""]
    assert "   def index(table):\n       return f" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("uri", "known", "shown"),
    [
        ("file:///a.md", {"first_line": 1200, "last_line": 1200}, "/a.md:1200"),
        ("file:///a.md", {"first_line": 120, "last_line": 134}, "/a.md:120-134"),
        ("https://a.example/a.md", {"first_line": 120, "last_line": 134}, "https://a.example/a.md  lines 120-134"),
        ("https://a.example/a.md", {"first_line": 1, "last_line": 1}, "https://a.example/a.md  line 1"),
        ("file:///a.pdf", {"first_page": 1200, "last_page": 1201}, "/a.pdf  pp. 1,200–1,201"),
        ("file:///a.html", {}, "/a.html"),
    ],
)
def test_where_a_passage_stands_is_shown_as_programs_know_it(uri: str, known: dict[str, int], shown: str) -> None:
    passage = Passage(0.5, uri, "t", (), 0, "text", **known)  # type: ignore[arg-type]

    assert printed(lambda screen: screen.passages([passage], "x")).splitlines()[0] == f"1. 0.500  {shown}"


def test_the_end_of_a_long_passage_is_left_out_after_a_word() -> None:
    passage = Passage(0.5, "file:///a.md", "t", (), 0, "word " * 200)

    text = printed(lambda screen: screen.passages([passage], "x"))

    assert text.endswith("word …\n\n")
    assert 350 < len(text) < 450


def marked(text: str, query: str, **options: Any) -> list[str]:
    """What stands marked in the lines of a passage."""
    passage = Passage(0.5, "file:///a.md", "t", (), 0, text, id=7, ids=(7, 8), also_in=("file:///b.md",), words=2.0)
    lines = list(listed_passages([passage], query, Console(file=io.StringIO()), **options))
    return [
        line.plain[span.start : span.end] for line in lines for span in line.spans if str(span.style) == "bold yellow"
    ]


def test_what_was_found_is_marked_in_all_its_forms_and_stop_words_are_not() -> None:
    assert marked("The backups are\nbeing restored.", "how is the backup restoring?") == ["backups", "restored"]
    assert marked("Set HNSW_ef_search.", "ef_search") == ["HNSW_ef_search"]
    assert marked("毎日バックアップを取る", "バックアップ") == ["バッ", "ック", "クア", "アッ", "ップ"]
    assert marked("Nothing here.", "& | ! <-> (") == []


def test_of_a_long_passage_the_lines_with_the_words_are_shown_and_all_where_that_is_asked_for() -> None:
    text = "\n\n".join(f"Paragraph {number} of some words." for number in range(60)) + "\n\nHere are aardvarks.\n"
    passage = Passage(0.5, "file:///a.md", "t", (), 0, text, id=7, ids=(7, 8), also_in=("file:///b.md",), words=2.0)

    short = printed(lambda screen: screen.passages([passage], "aardvark"))
    whole = printed(lambda screen: screen.passages([passage], "aardvark", whole=True))
    known = printed(lambda screen: screen.passages([passage], "aardvark"), verbose=True)

    assert "   …\n" in short
    assert "Here are aardvarks." in short
    assert "Paragraph 1 " not in short
    assert len(short) < 600
    assert "Paragraph 1 " in whole
    assert "Paragraph 59 " in known
    assert "2 chunks as one · words 2.00 · the same text in /b.md" in known


@pytest.mark.parametrize("by_words", [False, True])
@pytest.mark.parametrize("filtered", [False, True])
def test_where_nothing_is_found_it_says_why(by_words: bool, filtered: bool) -> None:
    text = printed(lambda screen: screen.passages([], "aardvark", by_words=by_words, filtered=filtered))

    assert ("has these words" in text) is by_words
    assert ("the filters" in text) is filtered
    assert ("no chunk has a vector yet" in text) is not (by_words or filtered)


def drawn(work: Callable[[Bar], None], *, total: int | None) -> list[str]:
    """The lines of a bar, or of bars and what stands below, as a terminal shows them at the end."""
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    with shown(console, "reading", "files", total) as bar:
        work(bar)
    screen = pyte.Screen(120, 10)
    stream = pyte.Stream(screen)
    stream.feed(console.file.getvalue().replace("\n", "\r\n"))  # type: ignore[attr-defined]
    return [line.rstrip() for line in screen.display if line.strip()]


@pytest.mark.parametrize("total", [None, 711, 1_130])
def test_a_finished_bar_says_how_much_in_what_time_and_moves_no_more(total: int | None) -> None:
    [line] = drawn(lambda bar: bar.advance(711), total=total)

    assert re.fullmatch(r" {2}reading +━+ 711/711 [\d,.]+ files/s took [\d.]+ s", line)


def test_what_is_waited_for_stands_below_the_bar_and_goes_with_the_wait() -> None:
    seen: list[str] = []

    def work(bar: Bar) -> None:
        bar.update(1, note="2 in progress", waits_for="waiting for 2 batches")
        seen.extend(text.plain for text in bar._drawn.get_renderables() if isinstance(text, Text))  # type: ignore[attr-defined]
        bar.update(3)

    lines = drawn(work, total=3)

    assert seen == ["waiting for 2 batches"]
    assert len(lines) == 1
    assert "3/3" in lines[0]


def test_a_bar_of_what_failed_stands_as_it_was() -> None:
    def work(bar: Bar) -> None:
        bar.update(1, note="1 in progress")
        raise RuntimeError

    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    with pytest.raises(RuntimeError), shown(console, "embedding", "texts", 3) as bar:
        work(bar)

    last = console.file.getvalue().split("\n")[-2]  # type: ignore[attr-defined]
    assert "1/3" in last
    assert not re.search("[\u2800-\u28ff]", last.split("\x1b[2K")[-1])


def test_without_a_terminal_what_is_waited_for_is_said_once() -> None:
    console = Console(file=io.StringIO(), width=80)

    with shown(console, "embedding", "texts", 3) as bar:
        for _ in range(3):
            bar.update(1, waits_for="waiting for 1 batch")

    assert console.file.getvalue().count("waiting for 1 batch\n") == 1  # type: ignore[attr-defined]
