"""Minified files are told by what stands in them; what people wrote, in however long lines, is none."""

from __future__ import annotations

import json

import pytest

from ingest.sources.minified import is_minified

SCRIPT = "!function(e){var t=e.x;return t.map(n=>n.id)}(window);"
STYLES = ".a{color:red;margin:0 auto}.b>li{display:flex}@media(max-width:9px){.c{top:0}}"
WORDS = "The harbour opens at nine, and the pilots are paid by the tide. "
BY_HAND = (
    "export function opened(tide) {\n  const hours = tide.hours;\n  return hours.map((hour) => hour.begin);\n}\n\n"
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("app.js", SCRIPT * 6000),
        (
            "app.3f9a.mjs",
            f"/*! A licence\n * of lines\n */\n{SCRIPT * 400}\n{SCRIPT * 300}\n//# sourceMappingURL=a.map",
        ),
        ("site.css", STYLES * 200),
        ("wasm.js", f"module.exports='{'AGFzbQEAAAABJwdgAX8Bf2ADf39/AX9gBH9/f38' * 2000}'"),
    ],
)
def test_what_no_person_reads_is_minified(name: str, text: str) -> None:
    assert is_minified(name, text.encode())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", WORDS * 5000),
        ("a.md", SCRIPT * 6000),
        ("a.json", json.dumps([{"id": number, "text": WORDS} for number in range(2000)], separators=(",", ":"))),
        ("a.csv", "1,2,3,4;" * 40_000),
        ("a.js", BY_HAND * 400),
        ("a.js", f"{BY_HAND * 60}{SCRIPT * 100}\n"),
        ("a.js", f"export const story = `{WORDS * 2000}`;"),
        ("a.js", f"export default {json.dumps({'text': WORDS * 1000})};"),
        ("a.css", ".a {\n  color: red;\n}\n" * 2000),
        ("a.js", SCRIPT * 20),
    ],
)
def test_what_people_write_or_ask_for_is_not(name: str, text: str) -> None:
    assert not is_minified(name, text.encode())
