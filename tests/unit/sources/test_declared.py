"""What ingest.toml says is read: understood, or refused with the line and what may have been meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import UsageError
from ingest.model import OverLimit, Syntax
from ingest.settings import load_settings
from ingest.sources.declared import DeclaredSource, declared_sources
from ingest.sources.files import Files
from ingest.sources.records import Fields
from ingest.sources.tables import Table

WHOLE = """
corpus = "all"
chunk_tokens = 400

[[sources]]
name = "handbook"
path = "docs"
ignore = ["drafts/", "!vendor/"]
include = [".github/*.md"]
chunk_tokens = 256

[[sources]]
glob = "notes/**/*.md"

[[sources]]
url = "https://example.com/page"

[[sources]]
name = "tickets"
records = "tickets.jsonl"
id = "slug"
text = "body"
title = "subject"
syntax = "markdown"

[corpora.articles]
model = "text-embedding-3-large"

[[corpora.articles.sources]]
table = "public.articles"
id = "key"
where = "language = 'en'"
updated_at = "changed"
into = "embedding"
over_limit = "cut"

[corpora.settings_only]
overlap = 10
"""


def test_sources_of_all_kinds_with_all_that_flags_can_say(tmp_path: Path) -> None:
    file = tmp_path / "ingest.toml"
    file.write_text(WHOLE)

    declared = declared_sources(file, "all")

    assert declared == {
        "all": [
            Files(
                [str(tmp_path / "docs")],
                source="handbook",
                exclude=("drafts/", "!vendor/"),
                include=(".github/*.md",),
                chunk_tokens=256,
            ),
            Files([str(tmp_path / "notes/**/*.md")]),
            Files(["https://example.com/page"]),
            Files(
                [str(tmp_path / "tickets.jsonl")], Fields("slug", "body", "subject", Syntax.MARKDOWN), source="tickets"
            ),
        ],
        "articles": [
            Table(
                "public.articles",
                key="key",
                where="language = 'en'",
                updated_at="changed",
                into="embedding",
                over_limit=OverLimit.CUT,
            )
        ],
        "settings_only": [],
    }


def test_a_corpus_has_settings_of_its_own_before_those_of_all(tmp_path: Path) -> None:
    file = tmp_path / "ingest.toml"
    file.write_text(WHOLE)

    settings = {name: load_settings({"corpus": name}, file) for name in (None, "articles", "settings_only", "other")}

    told = {name: (each.corpus, each.model, each.chunk_tokens, each.overlap) for name, each in settings.items()}
    assert told == {
        None: ("all", None, 400, None),
        "articles": ("articles", "text-embedding-3-large", 400, None),
        "settings_only": ("settings_only", None, 400, 10),
        "other": ("other", None, 400, None),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[sources]]\npath = "a"\n\n[[sources]]\npth = "b"\n', "line 5: a source has no key pth: did you mean path?"),
        ('[[sources]]\nnothing_like_it = "b"\n', "line 2: a source has no key nothing_like_it."),
        ('[[sources]]\ntitle = "b"\n', "line 1: this source is wrong: it has none: it has one of path, glob"),
        ('[[sources]]\npath = "a"\ntable = "b"\n', "line 1: this source is wrong: it has path and table"),
        ('[[sources]]\npath = "a"\nwhere = "b"\n', "line 1: this source is wrong: where says nothing of a path"),
        ('[[sources]]\ntable = "a"\nignore = []\n', "line 1: this source is wrong: ignore says nothing of a table"),
        ('[[sources]]\nurl = "a"\n', "line 1: this source is wrong: url is no URL"),
        ('[[sources]]\npath = "a"\nchunk_tokens = 3\n', "line 3: chunk_tokens is wrong: Input should be greater"),
        ('[[sources]]\npath = "a"\nname = "file:///b"\n', "line 3: name is wrong"),
        ("[[sources]]\npath = 1\n", "line 2: path is wrong: Input should be a valid string"),
        ('[sources]\npath = "a"\n', "line 1: sources is a list of tables: [[sources]]."),
        ('sources = "docs"\n', "line 1: sources is a list of tables: [[sources]]."),
        ('corpora = "docs"\n', "line 1: corpora holds tables: [corpora.NAME]."),
        ("[corpora]\ndocs = 1\n", "line 2: [corpora.docs] is a table."),
        (
            '[[sources]]\nname = "a"\npath = "a"\n[[sources]]\nname = "a"\npath = "b"\n',
            "line 5: there is a source of the name a already",
        ),
        (
            '[corpora.a]\n[[corpora.a.sources]]\npath = "a"\n[[corpora.a.sources]]\ntable = "t"\ninto = "e"\n',
            "line 6: a corpus that fills a column",
        ),
        (
            "chunk_tokens = 99\n[corpora.a]\n# all its own\nchunk_token = 9\n",
            "line 4: there is no setting chunk_token of a corpus: did you mean chunk_tokens?",
        ),
        ('[corpora.a]\ncorpus = "b"\n', "line 2: there is no setting corpus of a corpus"),
        (
            '[corpora.a]\n[[corpora.a.sources]]\npath = "x"\n[corpora.b]\n[[corpora.b.sources]]\nglb = "y"\n',
            "line 6: a source has no key glb: did you mean glob?",
        ),
        ('sources = [{ path = "a" }, { pat = "b" }]\n', "line 1: a source has no key pat: did you mean path?"),
        ("[[sources]\n", "cannot be read"),
    ],
)
def test_what_cannot_be_right_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "ingest.toml"
    file.write_text(text)

    with pytest.raises(UsageError) as raised:
        declared_sources(file, "corpus")

    assert str(raised.value).startswith(f"{file}")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[source]]\npath = "a"\n', "line 1: there is no setting source: did you mean sources?"),
        ('[corpus.docs]\nmodel = "a"\n', "line 1: the setting corpus is wrong"),
        ("chunk_tokens = 99\n[corpora.docs]\nchunk_tokens = 1\n", "line 3: the setting chunk_tokens is wrong"),
    ],
)
def test_a_wrong_setting_is_told_where_it_stands(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "ingest.toml"
    file.write_text(text)

    with pytest.raises(UsageError) as raised:
        load_settings({"corpus": "docs"} if "corpora" in text else {}, file)

    assert said in str(raised.value)


def test_every_key_of_a_source_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "sources.md").read_text(encoding="utf-8")

    assert [key for key in DeclaredSource.model_fields if f"`{key}`" not in page] == []


def test_where_nothing_is_declared_there_is_nothing(tmp_path: Path) -> None:
    assert declared_sources(tmp_path / "ingest.toml", "corpus") == {}
