"""A text is cut in the next release as in this one: what is cut otherwise is embedded, and paid for, anew.

Where a change of the cuts is meant, raise `_CHUNKER_VERSION` and write the file anew with
`pytest tests/unit/chunker/test_released_cuts.py --write-golden`: look at the difference before you keep it.
"""

from __future__ import annotations

import json
import random
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.chunker import chunk
from ingest.chunker.chunking import _CHUNKER_VERSION
from ingest.chunker.tokens import tokenizer
from ingest.model import Syntax

if TYPE_CHECKING:
    import pytest

GOLDEN = Path(__file__).parents[2] / "golden" / "cuts.json"
TOKENIZER = "cl100k_base"

_WORDS = """river table engine letter garden window market signal forest harbour follows moves answers keeps
carries, opens; finds: leaves holds shows the of and to Mr. J. R. cf. 3.14 U.S. naïve “quoted” (aside)
end. End! Why? and… 日本語 한국어
""".split()
_BLOCKS = {
    Syntax.MARKDOWN: [
        "# {}\n\n", "## {} ##\n", "### C#\n\n", "####### {}\n\n", "{}\n=====\n\n", "{}\n---\n",
        "- {}\n", "  * {}\n\n", "12. {}\n", "| {} | {} |\n", "---\n\n", "{}\n\n", "{} {} {}\n\n",
        "```python\n# {}\n\nvalue = call(1). More(2)\n```\n\n", "~~~\n{}\n",
        "| a | b |\n|---|---|\n" + "| {} | {} |\n" * 9 + "\n",
    ],
    Syntax.TEXT: [
        "=====\n{}\n=====\n\n", "{}\n-----\n\n", "{}\n~~~~~\n", "   {}\n-----\n", "• {}\n", "{}\n\n", "{} {} {}\n\n",
        "{}\r\n\r\n", " \t\n\n\n", "日本語の文章です。次の文です！", "。」\u3000", "क्षि" * 60, "x" * 300 + "\n",
        "e\u0301👩🏽‍🚀🇯🇵🇫🇷" * 9, "\u0301" * 90 + "\n",
    ],
    Syntax.CODE: [
        "def name(value):\n    first = value\n\n    return first  # {}\n\n\n", "import name\n",
        "class Name:\n    text = '{}'\n\n", "    {}\n", ")\n", "}}\n\n", "# {}\n", "\n\n", "\tmore()\n",
        "x = [\n" + "    'a. b',\n" * 30 + "]\n\n",
    ],
    Syntax.ASCIIDOC: [
        "= {}\n\n", "=== {}\n", "Name\n----\n\n", "----\n= no\n----\n", "* {}\n", "|{} |{}\n", "{}\n\n",
        "{} {}\n\n",
    ],
    Syntax.ORG: [
        "* TODO {} :tag:\n", "*** {}\n", "#+begin_src sh\n* no\n#+end_src\n", "- {}\n", "| {} | {} |\n",
        "{} {}\n\n",
    ],
    Syntax.LATEX: [
        "\\section{{A {{b}}}}\n", "\\subsection*{{B}}\n{}\n\n", "\\item {}\n",
        "\\begin{{verbatim}}\n\n\\end{{verbatim}}\n", "{} {}\n\n",
    ],
    Syntax.MEDIAWIKI: ["== {} ==\n", "=== Name ===\n", "* {}\n", "|-\n| {}\n", "{}\n\n", "{} {}\n\n"],
    Syntax.TYPST: ["= {}\n", "== Name\n\n", "```\n= no\n```\n", "+ {}\n", "/ {}: {}\n", "{}\n\n", "{} {}\n\n"],
    Syntax.JSON: ['{{"name": {{"a": "{}",\n "b": [', '1, "{}", ', '{{"c": "{}"}},\n', "]}},\n", '"d": "{} {}", '],
    Syntax.YAML: [
        "name:\n  - a: {}\n", "  - b\n", "# {}\nother: {}\n", "    deep:\n      deeper: {}\n", "---\n",
        "text: |\n  {} {}\n\n",
    ],
    Syntax.SQL: ["-- {}\nSELECT 1,\n  2;\n", "INSERT INTO t VALUES ('{}');\n", "\n\n", "END;\n", "  {};\n", "GO\n{}\n"],
    Syntax.LOG: ["2024-01-02 10:00:00 {}\n", "  at {}\n", "[ERROR] {} {}\n", "Jan  2 {}\n", "\n", "Caused by: {}\n"],
}  # fmt: skip
_WITHOUT_HEADINGS = [
    "{}\n\n",
    "{} {} {}\n\n",
    "{} {} {} {} {}\n\n",
    "<a> {}\n",
    "日本語の文章です。次の文です！",
    "• {}\n",
]
_FRONT_MATTER = "---\ntitle: x\n\n# no heading\n---\n"


def document(syntax: Syntax, seed: int, *, has_headings: bool = True) -> str:
    """A text with all that the chunker looks at, always the same: only `random()` is promised to stay as it is."""
    chance = random.Random(seed).random

    def words() -> str:
        return " ".join(_WORDS[int(chance() * len(_WORDS))] for _ in range(int(1 + 60 * chance() ** 3)))

    choice = _BLOCKS[syntax] if has_headings else _WITHOUT_HEADINGS
    blocks = [choice[int(chance() * len(choice))] for _ in range(60)]
    text = "".join(block.format(*(words() for _ in range(block.count("{}")))) for block in blocks)
    return (_FRONT_MATTER + text) if syntax is Syntax.MARKDOWN and seed % 2 else ("  \n\n" * (seed % 2) + text + "\n ")


CASES = [
    (syntax, seed, limit, overlap, embed_headings)
    for syntax in Syntax
    for seed in range(3)
    for limit, overlap, embed_headings in [
        (32, 0, True),
        (60, 9, True),
        (128, 0, False),
        (200, 40, True),
        (512, 0, True),
    ]
]


def cuts(
    syntax: Syntax, seed: int, limit: int, overlap: int, *, embed_headings: bool, has_headings: bool = True
) -> list[str]:
    """Each chunk's tokens, characters, how many of its headings are embedded, and a sum of all its words."""
    chunks = chunk(
        document(syntax, seed, has_headings=has_headings),
        tokenizer=tokenizer(TOKENIZER),
        max_tokens=limit,
        overlap=overlap,
        syntax=syntax,
        embed_headings=embed_headings,
    )
    return [
        f"{one.token_count} {len(one.content)} {one.context_headings}/{len(one.headings)} "
        + sha256("\n".join((one.content, *one.headings, one.embedded_text)).encode()).hexdigest()[:6]
        for one in chunks
    ]


def test_texts_are_cut_as_they_were_in_the_release_before(request: pytest.FixtureRequest) -> None:
    now = {
        f"{syntax} {seed}, {limit} tokens, overlap {overlap}, headings {embed_headings:d}": cuts(
            syntax, seed, limit, overlap, embed_headings=embed_headings
        )
        for syntax, seed, limit, overlap, embed_headings in CASES
    }
    for seed in range(3):
        now[f"prose {seed}"] = cuts(Syntax.TEXT, seed, 128, 0, embed_headings=True, has_headings=False)
    if request.config.getoption("--write-golden"):
        GOLDEN.write_text(json.dumps({"version": _CHUNKER_VERSION, "cuts": now}, indent=0) + "\n", encoding="utf-8")
    released = json.loads(GOLDEN.read_text(encoding="utf-8"))

    assert released["version"] == _CHUNKER_VERSION
    assert now == released["cuts"]
