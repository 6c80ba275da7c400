"""The report is one page that tells what the corpus's tables hold, and nothing in it runs."""

from __future__ import annotations

import os
import shutil
import stat
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Literal

import psycopg
import pytest
from promises import CORPUS_FLAGS, write_corpus

from ingest.emulator import Fault
from ingest.errors import UsageError
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page
    from workshop import Workshop

HOSTILE = '"><img src=x onerror=alert(1)></td><script>alert(2)</script>'


class Structure(HTMLParser):
    """The tags and the attributes' names of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def reported(workshop: Workshop, file: Path) -> None:
    """A report with something in each of its sections, told in the hostile words of others."""
    write_corpus(workshop)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])
        workshop.write("<img src=x onerror=alert(0)>.txt", "A document of a hostile name.")
        workshop.write("copy.txt", "A document of a hostile name.")
        workshop.write("more.txt", "This is one more, and in flight.")
        pipeline.sync([str(workshop.folder)])
        failing = "UPDATE requests SET failed = true, error_code = %s, error_message = %s WHERE chunk_id = 12"
        pipeline.connection.execute(failing, (HOSTILE, HOSTILE))
        workshop.emulator.set_faults(Fault("stuck_in_progress"))
        pipeline.submit()
        pipeline.report(file)


def test_a_report_tells_all_and_the_words_of_others_stay_words(workshop: Workshop, tmp_path: Path) -> None:
    file = tmp_path / "report.html"

    reported(workshop, file)

    text = file.read_text(encoding="utf-8")
    page = Structure(text)
    assert HOSTILE in page.text
    assert "<img src=x onerror=alert(0)>.txt" in page.text or "copy.txt" in page.text
    assert page.tags & {"script", "img", "link", "iframe", "object", "a"} == {"a"}
    assert not {name for name in page.names if name.startswith("on") or name in {"src", "style"}}
    assert "14 documents in 14 chunks: 11 with a vector, 1 in flight, 2 failed." in page.text
    assert "default-src 'none'" in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


def test_a_report_is_replaced_and_nothing_else_is(workshop: Workshop, tmp_path: Path) -> None:
    file, other = tmp_path / "report.html", tmp_path / "other.html"
    other.write_text("<!doctype html><title>mine</title>")
    with workshop.pipeline() as pipeline:
        pipeline.create()
        pipeline.report(file)
        first = file.read_text(encoding="utf-8")
        pipeline.report(file)

        with pytest.raises(UsageError, match="is not a report"):
            pipeline.report(other)
        with pytest.raises(UsageError, match="is not a report"):
            pipeline.report(tmp_path)
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(UsageError, match="is not a report"):
            pipeline.report(tmp_path / "pipe")
        with pytest.raises(UsageError, match="there is no folder"):
            pipeline.report(tmp_path / "nowhere" / "report.html")

    assert file.read_text(encoding="utf-8").count("<html") == first.count("<html") == 1
    assert other.read_text() == "<!doctype html><title>mine</title>"
    assert "There are none yet." in first


def test_a_report_on_a_column_counts_its_rows(workshop: Workshop, tmp_path: Path) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(
            "CREATE TABLE articles AS SELECT n AS id, 'About ' || n AS text FROM generate_series(1, 9) n"
        )
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run(Table("articles", into="embedding"))
        pipeline.report(tmp_path / "report.html")

    page = Structure((tmp_path / "report.html").read_text(encoding="utf-8"))

    assert "9 documents in 9 chunks: 9 with a vector." in page.text
    assert "rows filled" in page.text


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real one, headless."""
    reason = "no playwright: pip install 'pgvector-ingest[browser]'"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no browser: install chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(251, 251, 249)"), ("dark", "rgb(19, 22, 25)")])
def test_a_browser_shows_it_light_and_dark_and_runs_nothing(
    workshop: Workshop, tmp_path: Path, browser: Browser, scheme: Literal["light", "dark"], paper: str
) -> None:
    file = tmp_path / "report.html"
    reported(workshop, file)
    page = browser.new_page(color_scheme=scheme)
    happened: list[str] = []
    page.on("console", lambda message: happened.append(message.text))
    page.on("dialog", lambda dialog: happened.append(dialog.message))
    page.on("request", lambda request: happened.append(request.url))

    page.goto(file.as_uri())

    assert happened == [file.as_uri()]
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
    assert faint_texts(page) == []
    assert page.evaluate("document.querySelectorAll('section svg[role=img]').length") == 4


def test_a_narrow_page_scrolls_its_plots_and_not_itself(workshop: Workshop, tmp_path: Path, browser: Browser) -> None:
    file = tmp_path / "report.html"
    reported(workshop, file)
    page = browser.new_page(viewport={"width": 360, "height": 700})

    page.goto(file.as_uri())

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("document.querySelector('.plot').scrollWidth") > 360


def test_the_keyboard_reaches_everything_and_opens_the_tables(
    workshop: Workshop, tmp_path: Path, browser: Browser
) -> None:
    file = tmp_path / "report.html"
    reported(workshop, file)
    page = browser.new_page()
    page.goto(file.as_uri())

    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None or stop in stops:
            break
        stops.append(stop)
        if stop[0] == "SUMMARY":
            page.keyboard.press("Enter")

    names = [name for name, *_ in stops]
    assert stops[0][1] == "Skip to the plots"
    assert names.count("A") == 6
    assert names.count("SUMMARY") == 4
    assert names.count("DIV") == 4 + 5  # the plots, and the tables of which four were behind a summary
    assert all(outline != "none" for *_, outline in stops)
    assert page.evaluate("[...document.querySelectorAll('details')].every(each => each.open)")
    assert page.evaluate(
        "[...document.querySelectorAll('[aria-labelledby]')]"
        ".every(each => document.getElementById(each.getAttribute('aria-labelledby')))"
    )


FOCUSED = """() => {
  const at = document.activeElement;
  if (at === document.body) return null;
  const place = [...document.querySelectorAll('*')].indexOf(at);
  return [at.tagName, at.getAttribute('aria-label') || at.textContent, place, getComputedStyle(at).outlineStyle];
}"""
# The contrast of each text with what it stands on, by the rules of WCAG; less than 4.5 to 1 is faint.
FAINT = """() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const linear = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const under = each => {
    for (let at = each; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!colour.endsWith(', 0)')) return numbers(colour);
    }
    return numbers(getComputedStyle(document.body).backgroundColor);
  };
  const faint = [];
  const texts = 'h1, h2, p, dt, dd, a, summary, th, td, caption, footer, li, code, svg text';
  for (const each of document.querySelectorAll(texts)) {
    const style = getComputedStyle(each);
    const [ink, paper] = [each.closest('svg') ? style.fill : style.color, under(each)].map(
      colour => light(typeof colour === 'string' ? numbers(colour) : colour));
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) faint.push([each.tagName, each.textContent.slice(0, 30), contrast]);
  }
  return faint;
}"""


def faint_texts(page: Page) -> list[Any]:
    found: list[Any] = page.evaluate(FAINT)
    return found
