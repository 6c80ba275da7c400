"""HTML as a person reads it: text and nothing beside it, in time that grows as the page does."""

from __future__ import annotations

import cProfile
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingest.chunker import chunk, tokenizer
from ingest.model import Syntax
from ingest.sources.extraction.extracted import Wanted
from ingest.sources.extraction.html import html_to_markdown, page
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

NAVIGATION = re.compile(
    r"Previous topic|Next topic|This Page|Quick search|Navigation|Contents|Copyright|Created using|\xb6|"
    r"Previous$|Next$|Search$|Built with|Documentation built|Edit on GitHub|User Guide\n|Skip to",
    re.MULTILINE,
)
FILES = Path(__file__).parents[2] / "files"
ALL_TEXT = Wanted(html_main_text=False)
LINKS = Wanted(html_links=True)


def text(source: str, wanted: Wanted | None = None) -> str:
    """The page as Markdown, the blanks at the ends of lines left out."""
    found = html_to_markdown(source, wanted) if wanted else html_to_markdown(source)
    return "\n".join(line.rstrip() for line in found.strip().splitlines())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("10<sup>6</sup> rows, 2<sup>32</sup> bytes, H<sub>2</sub>O", "10^6 rows, 2^32 bytes, H2O"),
        ("10<sup>-3</sup> m<sup>2</sup> CO<sub>2</sub>, (a+b)<sup>2</sup>", "10^-3 m^2 CO2, (a+b)^2"),
        ("2<sup>n+1</sup> x<sub>i</sub> a<sub>n+1</sub> e<sup>x<sup>2</sup></sup>", "2^(n+1) x_i a_(n+1) e^(x^2)"),
        ("<b>10</b><sup><i>6</i></sup> and <code>2<sup>32</sup></code>", "**10**^6 and `2^32`"),
        (
            "1<sup>st</sup>, 19<sup>e</sup>, M<sup>me</sup>, Word<sup>TM</sup>, <sup>14</sup>C",
            "1st, 19e, Mme, WordTM, 14C",
        ),
        ("Known.<sup>1</sup> Told<sup><a href='#n'>2</a></sup> so<sup>[3]</sup>", "Known.[1] Told[2] so[3]"),
        ("101<sub>2</sub>", "101_2"),
        ("<math><msup><mn>10</mn><mn>6</mn></msup></math>", "10^6"),
        ("<math alttext='{\\displaystyle x^{2}}'><mi>x</mi></math>", "x^{2}"),
    ],
)
def test_what_is_raised_or_lowered_is_written_as_people_type_it(source: str, expected: str) -> None:
    assert text(f"<p>{source}</p>") == expected


@pytest.mark.parametrize(
    "mark",
    [
        '<a class="headerlink" href="#x" title="Link to this heading">¶</a>',
        '<a class="headerlink" href="#x">#</a>',
        '<a href="#x">§</a>',
        '<a href="other.html#x">🔗</a>',
        '<a class="hash-link" href="#x">\u200b</a>',
        '<a href="#x">link</a>',
        '<a class="anchor" href="#x" aria-hidden="true"><span>#</span></a>',
        '<span class="mw-editsection">[<a href="/edit">edit</a>]</span>',
        '<span class="sr-only">Permalink</span>',
    ],
)
def test_the_mark_that_leads_to_a_heading_is_not_of_it(mark: str) -> None:
    assert text(f"<h1>Install{mark}</h1><p>Words.</p>") == "# Install\n\nWords."


def test_a_link_within_the_page_is_text_all_the_same() -> None:
    source = "<p>See the <a href='#anchor'>anchor</a>, the <a href='a.html#link'>link</a> and <a href='#c'>C#</a>.</p>"

    assert text(source) == "See the anchor, the link and C#."


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>NO</p>",
        '<p hidden="">NO</p>',
        '<p style="color: red; display:none">NO</p>',
        '<p style="DISPLAY : none !important">NO</p>',
        '<p style="visibility: hidden">NO</p>',
        '<p aria-hidden="true">NO</p>',
        "<template><p>NO</p></template>",
        "<noscript>NO</noscript>",
        "<dialog>NO</dialog>",
        "<script>NO</script>",
        "<style>NO</style>",
        "<video>NO</video>",
        "<datalist><option>NO</datalist>",
        "<div hidden><div><p>NO</p></div></div>",
    ],
)
def test_what_is_hidden_is_not_read_and_what_follows_is(hidden: str) -> None:
    assert text(f"<p>Before</p>{hidden}after", ALL_TEXT) == "Before\n\nafter"


def test_what_a_click_uncovers_is_read() -> None:
    source = (
        "<div role=tabpanel hidden>Windows: setup.exe</div><details><summary>More</summary>Deeper</details>"
        "<h3><button>May I?</button></h3><div>You may.</div><p hidden=until-found>Found</p>"
    )

    assert text(source) == "Windows: setup.exe\n\n**More**\n\nDeeper\n\n### May I?\n\nYou may.\n\nFound"


@pytest.mark.parametrize(
    "noise",
    [
        "<nav>NO</nav>",
        "<div role='navigation'><ul><li>NO</ul></div>",
        '<div class="cookie-banner" role="dialog">NO we use cookies</div>',
        '<div id="CookieConsent"><p>NO we use cookies</p></div>',
        '<div id="onetrust-consent-sdk">NO</div>',
        '<div id="menu"><ul><li><a href="/a">NO products</a></li></ul></div>',
        '<ul class="main-nav"><li><a href="/a">NO</a></ul>',
        '<div class="breadcrumbs">NO &gt; NO</div>',
        '<div class="toc"><p>NO</p><ul><li><a href="/a">NO NO</a></ul></div>',
        "<aside>NO related</aside>",
        "<footer>NO copyright</footer>",
        "<div role=contentinfo>NO</div>",
        '<div class="footer">NO</div>',
        "<button>NO</button>",
        '<a class="skip-link" href="#content">NO</a>',
        "<ul><li><a href='#a'>NO a</a><li><a href='#b'>NO b</a><li><a href='#c'>NO c</a></ul>",
        "<form role=search>NO</form>",
        '<table class="navigation"><tr><td><a href="p.html">NO</a></table>',
    ],
)
def test_what_stands_beside_the_text_is_left_out_unless_it_is_wanted(noise: str) -> None:
    source = f"<header><h1>Ants</h1></header>{noise}<p>They dig deep.</p>{noise}"

    assert text(source) == "# Ants\n\nThey dig deep."
    assert ("NO" in text(source, ALL_TEXT)) is ("<button" not in noise)


def test_what_is_named_as_navigation_but_says_something_is_text() -> None:
    source = (
        '<div id="menu"><p>Soup of the day</p></div><article><footer>By Ann</footer><aside>Note well</aside></article>'
        '<blockquote>Words<footer>Her</footer></blockquote><div class="cookie-recipe">Butter</div>'
    )

    assert " ".join(text(source).replace(">", "").split()) == "Soup of the day By Ann Note well Words Her Butter"


def test_of_a_page_of_links_alone_the_links_are_the_text() -> None:
    source = '<nav>NO</nav><div class="toc"><ul><li><a href="a.html">Ants</a><li><a href="b.html">Bees</a></ul></div>'

    assert text(source) == "- Ants\n- Bees"


def test_the_main_element_is_the_text_and_a_title_above_it_stays() -> None:
    words = "<p>They dig deep, and they carry it all away.</p>"

    assert text(f"<div><h1>Ants</h1></div><main>{words}</main><p>NO</p>").startswith("# Ants\n\nThey dig")
    assert "NO" not in text(f"<main><h1>Ants</h1>{words}</main><p>NO</p>")
    assert "NO" not in text(f"<h1><a href='/'>NO</a></h1><main><h2>Ants</h2>{words}</main>")
    assert text("<main>Short</main><p>but this is the most of it</p>").split()[0] == "Short"
    assert "but this" in text("<main>Short</main><p>but this is the most of it</p>")


@pytest.mark.parametrize(
    "source",
    [
        '<div class="highlight-python notranslate"><div class="highlight"><pre>CODE</pre></div></div>',
        '<pre><code class="language-python">CODE</code></pre>',
        '<pre class="lang-python prettyprint"><code>CODE</code></pre>',
        '<pre><code class="hljs python">CODE</code></pre>',
        '<div class="sourceCode"><pre class="sourceCode python">CODE</pre></div>',
        '<div class="language-python highlighter-rouge"><div class="highlight"><pre>CODE</pre></div></div>',
        '<pre class="brush: python"><code data-lang="python">CODE</code></pre>',
        '<div class="highlight-python"><table><tr><td class="linenos"><pre>1\n2</pre><td><pre>CODE</pre></table></div>',
    ],
)
def test_code_is_in_a_fence_with_its_language(source: str) -> None:
    code = "<span>if</span> x:\n    <b>y</b>()"

    assert text(source.replace("CODE", code)) == "```python\nif x:\n    y()\n```"


def test_the_lines_of_code_stay_lines_and_two_codes_are_two() -> None:
    lines = "<pre><code><div class=line>a</div><div class=line>  b</div></code></pre><pre>c<br>d 2<sup>8</sup></pre>"

    assert text(lines) == "```\na\n  b\n```\n\n```\nc\nd 2^8\n```"
    assert text("<pre><code class='language-js mjs'>a</code><code class='language-js cjs'>b</code></pre>") == (
        "```js\na\n```\n\n```js\nb\n```"
    )
    assert text("<body class='lang-en'><pre>a</pre>") == "```\na\n```"


def test_tables_of_data_are_tables_and_those_that_lay_out_a_page_are_not() -> None:
    data = "<table><caption>Ants</caption><tr><th>Kind<th>Legs<tr><td>Red<td>6</table>"
    layout = f"<table><tr><td><h1>Ants</h1><p>Words</p>{data}<td><pre>a\nb</pre></table>"

    table = "*Ants*\n\n| Kind | Legs |\n| ---- | ---- |\n| Red  | 6    |"
    assert text(data) == table
    assert text(layout) == f"# Ants\n\nWords\n\n{table}\n\n```\na\nb\n```"


def test_a_short_definition_stands_with_its_term() -> None:
    source = (
        "<dl><dt>Ant<dd>an insect<dt>Bee</dt><dd><p>another</p></dd><dt>Cow</dt><dd><p>none</p><p>at all</p></dd></dl>"
    )

    assert text(source) == "Ant\n: an insect\n\nBee\n: another\n\nCow\n\nnone\n\nat all"


def test_the_targets_of_links_are_kept_where_they_are_wanted() -> None:
    source = (
        "<p><a href='https://e.example/a?b=1&c=2'>Far</a>, <a href='near.html'>near</a>, <a href='#x'>here</a>, "
        "<a href='javascript:x()'>run</a>, <a href='data:text/html,x'>data</a> "
        "<img src='http://t.example/p.gif' alt='seen'></p>"
    )

    assert text(source, LINKS) == "[Far](https://e.example/a?b=1&c=2), [near](near.html), here, run, data seen"
    assert text(source) == "Far, near, here, run, data seen"


def test_what_is_whole_in_xhtml_does_not_swallow_the_rest() -> None:
    source = (
        "<?xml version='1.0' encoding='utf-8'?><html xmlns='http://www.w3.org/1999/xhtml'><head><title/>"
        "<script src='x'/></head><body><a id='q'/><iframe title='a>b'/><p>Kept&#160;text<br/>here</p></body></html>"
    )

    assert text(source) == "Kept text\nhere"


def test_marks_that_nobody_sees_are_not_in_words() -> None:
    assert text("<p>soft&shy;hyphen and wbr<wbr>word and non&nbsp;breaking, zero&#8203;width</p>") == (
        "softhyphen and wbrword and non breaking, zerowidth"
    )


def test_emphasis_within_a_word_parts_none_of_its_letters() -> None:
    assert text("<p>In<b>side</b>, <i>Un</i>do, <b>a word</b> and <em>f</em>(x).</p>") == (
        "Inside, Undo, **a word** and *f*(x)."
    )


def test_the_title_of_a_page_is_that_of_its_head() -> None:
    source = b"<title>Ants &amp; bees</title><svg><title>NO</title></svg><p>Words"

    assert page(source).title == "Ants & bees"
    assert page(b"<svg><title>a drawing</title></svg><p>Words").title is None


@pytest.mark.parametrize("name", ["flask-debugging", "flask-shell", "mkdocs-localizing"])
def test_no_passage_of_a_real_site_holds_navigation(name: str) -> None:
    read = page((FILES / "site" / f"{name}.html").read_bytes())
    passages = chunk(
        read.text,
        tokenizer=tokenizer("cl100k_base"),
        max_tokens=128,
        overlap=0,
        syntax=Syntax.MARKDOWN,
        embed_headings=True,
    )

    assert len(passages) > 3
    for passage in passages:
        assert not NAVIGATION.search(passage.embedded_text)


def test_the_whole_text_of_a_real_page_is_read() -> None:
    read = page((FILES / "site" / "flask-debugging.html").read_bytes()).text

    assert read.startswith("# Debugging Application Errors\n\n## In Production\n\n**Do not run the development server")
    assert "```\n$ flask --app hello --debug run\n```" in read
    assert read.rstrip().endswith("unexpected reload if code changes during debugging.")


def test_a_page_that_is_nested_too_deep_is_refused() -> None:
    with pytest.raises(UnreadableError, match="nested too deep"):
        html_to_markdown("<div>" * 3000 + "deep words")


# Each in its own way once led, or would lead, over the same elements or characters again and again.
PATHOLOGICAL: dict[str, Callable[[int], str]] = {
    "hidden in a row": lambda n: "<span hidden>x</span>y" * n,
    "marks in a row": lambda n: "<a href='#x'>¶</a>x" * n,
    "raised in a row": lambda n: "x<sup>2</sup>" * n,
    "raised in raised": lambda n: ("<sup>" * 300 + "x" + "</sup>" * 300) * (n // 300),
    "articles in articles": lambda n: ("<article>x" * 900 + "</article>" * 900) * (n // 900),
    "navigation in navigation": lambda n: ("<div class=menu><a href=x>x</a>" * 400 + "</div>" * 400) * (n // 400),
    "tables in tables": lambda n: ("<table><tr><td>x" * 250 + "</table>" * 250) * (n // 250),
    "kinds of elements": lambda n: "".join(f"<x-{number}>a</x-{number}>" for number in range(n)),
    "elements without text in code": lambda n: "<pre>a" + "<div><b></b></div>" * n,
    "names of a class": lambda n: "<div class='" + "nav " * n + "'>x</div>",
    "one long name": lambda n: (
        "<div class='" + "a-cookie-" * n + "'>x</div><div class='nav" + "-bar" * n + "!'>x</div>"
    ),
    "quotes that never end": lambda n: "<?xml?>" + '<a "' * n,
    "terms": lambda n: "<dl>" + "<dt>a</dt><dd>b</dd>" * n,
    "cells": lambda n: "<table>" + "<tr><th>x<td>y" * n,
}


@pytest.mark.parametrize("kind", PATHOLOGICAL)
def test_the_work_for_a_page_grows_as_the_page_does(kind: str) -> None:
    make = PATHOLOGICAL[kind]

    few, many = calls(make(1800)), calls(make(7200))

    assert many < 5 * few


def calls(source: str) -> int:
    """How many calls of functions a page takes; what one call does in C is ended by the system where it has no end."""
    profile = cProfile.Profile()
    signal.setitimer(signal.ITIMER_PROF, 60)
    try:
        profile.runcall(html_to_markdown, source)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return sum(entry.callcount for entry in profile.getstats())
