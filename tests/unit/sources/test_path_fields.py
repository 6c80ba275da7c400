from __future__ import annotations

import pytest

from ingest.sources.path_fields import path_pattern


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("{tenant}/{year}/*.md", "acme/2024/a.md", {"tenant": "acme", "year": "2024"}),
        ("{tenant}/{year}/*.md", "acme/2024/a.txt", None),
        ("{tenant}/{year}/*.md", "acme/a.md", None),
        ("{tenant}/**", "acme/2024/deep/a.md", {"tenant": "acme"}),
        ("{tenant}/**", "acme", {"tenant": "acme"}),
        ("{tenant}/**/{name}.md", "acme/a.md", {"tenant": "acme", "name": "a"}),
        ("{tenant}/**/{name}.md", "a.md", None),
        ("**/{name}.md", "x/y/a.b.md", {"name": "a.b"}),
        ("{date}-{slug}.md", "2024-one-two.md", {"date": "2024", "slug": "one-two"}),
        ("v{version}/*", "v1.2/a", {"version": "1.2"}),
        ("v{version}/*", "v/a", None),
        ("{a}.md", ".md", None),
        ("/{a}/x/", "q/x", {"a": "q"}),
        ("{a}--*", "x--", None),
        ("{a}", "a" * 100_000 + "/", None),
    ],
)
def test_a_path_is_taken_apart_as_its_pattern_says(pattern: str, path: str, found: dict[str, str] | None) -> None:
    assert path_pattern(pattern).fields_of(path) == found
