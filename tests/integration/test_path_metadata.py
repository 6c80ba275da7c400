"""Fields of the metadata that stand in the paths of files, and their times."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from web_sites import serving

from ingest.errors import UsageError
from ingest.sources.files import Files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workshop import Outcome, Workshop

    Ingest = Callable[..., Outcome]

PATTERN = "{tenant}/{year}/*.md"


def write(workshop: Workshop, *names: str) -> None:
    for name in names:
        path = workshop.write(name, f"These are the words of {name.rpartition('/')[2]}.")
        os.utime(path, (1_700_000_000, 1_700_000_000))


def fields(workshop: Workshop, *names: str) -> dict[str, list[object]]:
    rows = workshop.query("SELECT uri, metadata FROM documents")
    return {uri.rpartition("/")[2]: [metadata.get(name) for name in names] for uri, metadata in rows}


def test_parts_of_a_path_are_metadata_and_filters(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], tmp_path: Path
) -> None:
    write(workshop, "acme/2023/a.md", "bolt/2024/b.md", "loose.md")
    workshop.write("bolt/2024/b.md", "---\ntenant: acme\n---\n\nThese say that they are of somebody else.")
    workshop.write("other.md", "---\ntenant: acme\n---\n\nThese, too.")
    (tmp_path / "ingest.toml").write_text('dimensions = 64\nfilters = { tenant = "text", year = "integer" }\n')
    flags = (workshop.folder, "--path-metadata", PATTERN)

    first = ingest("run", *flags, "-v", environment=environment)
    found = ingest("search", "words", "--filter", "tenant=acme", "--json", environment=environment).json["passages"]
    again = ingest("run", *flags, "--json", environment=environment).json
    before = workshop.emulator.ledger()["texts"]
    other = ingest("run", workshop.folder, "--path-metadata", "{client}/**", "--json", environment=environment).json

    assert first.status == 0, first.err
    assert first.out.count(f"its path is none of {PATTERN}") == 2
    assert [each["uri"].rpartition("/")[2] for each in found] == ["a.md"]
    assert again["sync"]["documents_unchanged"] == 4
    assert (other["tokens"], workshop.emulator.ledger()["texts"]) == (0, before)
    assert fields(workshop, "client")["a.md"] == ["acme"]


def test_a_named_source_records_and_odd_names_have_them(workshop: Workshop) -> None:
    write(workshop, "näher #1/2024/a.md")
    workshop.write("acme/2024/rows.jsonl", '{"id": 1, "text": "One row."}\n')
    source = Files([str(workshop.folder)], source="hand", path_metadata="{tenant}/{year}/{name}.{kind}", modified=True)

    with workshop.pipeline() as pipeline:
        pipeline.sync(source)

    found = fields(workshop, "tenant", "year", "name", "kind")
    assert found == {"a.md": ["näher #1", "2024", "a", "md"], "rows.jsonl#1": ["acme", "2024", "rows", "jsonl"]}
    assert fields(workshop, "modified")["a.md"] == ["2023-11-14T22:13:20+00:00"]


def test_a_touch_changes_the_time_that_is_kept_and_costs_nothing(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    write(workshop, "a.md")
    flags = (workshop.folder, "--dimensions", "64", "--modified", "--json")

    ingest("run", *flags, environment=environment)
    before = workshop.query("SELECT id, embedding FROM chunks"), workshop.query("SELECT content_hash FROM documents")
    os.utime(workshop.folder / "a.md", (1_710_000_000, 1_710_000_000))
    touched = ingest("run", *flags, environment=environment).json

    assert (touched["tokens"], touched["sync"]["documents_unchanged"]) == (0, 1)
    assert fields(workshop, "modified") == {"a.md": ["2024-03-09T16:00:00+00:00"]}
    after = workshop.query("SELECT id, embedding FROM chunks"), workshop.query("SELECT content_hash FROM documents")
    assert after == before


@pytest.mark.parametrize("pattern", ["*.md", "{a}{b}/x", "{path}/*", "{a}/{a}", "**/{a}/**", "{a b}", "{a", "{}/x"])
def test_what_is_no_pattern_is_told(ingest: Ingest, workshop: Workshop, pattern: str, tmp_path: Path) -> None:
    write(workshop, "a.md")

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match="is no pattern of paths"):
        pipeline.estimate(Files([str(workshop.folder)], path_metadata=pattern))

    (tmp_path / "ingest.toml").write_text(f'[[sources]]\npath = "files"\npath_metadata = "{pattern}"\n')
    told = ingest("sync", "--database-url", workshop.database_url)
    assert told.status == 2
    assert "line 1: this source is wrong: " in told.err


def test_pages_of_a_site_have_them_from_its_path_on(workshop: Workshop) -> None:
    with serving() as site, workshop.pipeline() as pipeline:
        site.put(
            "/docs/", b'<h1>All</h1><p>The words of all.</p><a href="v1/a.html?x=1">a</a>', Content_Type="text/html"
        )
        site.put("/docs/v1/a.html?x=1", b"<h1>One</h1><p>The words of one.</p>", Content_Type="text/html")
        given = f"crawl+{site.address}/docs/"
        first = pipeline.sync(Files([given], path_metadata="{version}/*.html"))
        again = pipeline.sync(Files([given], path_metadata="{version}/*.html"))

    assert fields(workshop, "version") == {"": [None], "a.html?x=1": ["v1"]}
    assert [each.reason for each in first.lossy] == [
        "its path is none of {version}/*.html, and it has no field of that"
    ]
    assert (again.documents_unchanged, again.tokens_read) == (2, 0)


@pytest.mark.parametrize(
    ("given", "told", "said"),
    [
        ("https://example.org/a.html", {"path_metadata": "{a}/*"}, "path_metadata says nothing of"),
        ("feed+https://example.org/news.xml", {"path_metadata": "{a}/*"}, "path_metadata says nothing of"),
        ("crawl+https://example.org/", {"modified": True}, "modified says nothing of"),
    ],
)
def test_what_they_say_nothing_of_is_refused(given: str, told: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Files([given], **told).check()
