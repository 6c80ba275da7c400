"""Files of text as they are read: their titles, what stands above them, markup of every kind, and where it is cut."""

from __future__ import annotations

import json

import pytest

from ingest.chunker import Chunking
from ingest.model import Chunk, Document, Syntax
from ingest.sources.content import document
from ingest.sources.extraction.workers import DEFAULT_LIMITS
from ingest.sources.titles import title_of

WORDS = "Some words about this part of the system that a reader may look for. " * 12


def read(text: str, name: str) -> Document:
    return document(text.encode(), uri="x", name=name, metadata={}, max_bytes=10**7, limits=DEFAULT_LIMITS)


def chunks_of(one: Document, limit: int = 256) -> list[Chunk]:
    return Chunking("cl100k_base", limit, 0, embed_headings=True, max_document_bytes=10**7).split(one)


MARKUPS = {
    name: "\n".join(lines) + "\n"
    for name, lines in {
        "a.adoc": (
            *("= Operator guide", "Ana Author", ":toc:", "", "== Install", "", WORDS, "", "=== On Linux", ""),
            *("[source,sh]", "----", "# not a heading", "----", "", WORDS, "", "== Remove", "", WORDS),
        ),
        "older.adoc": (
            *("Operator guide", "==============", "", "Install", "-------", "", "----", "code", "----", "", WORDS, ""),
            *("On Linux", "~~~~~~~~", "", WORDS, "", "Remove", "------", "", WORDS),
        ),
        "a.rst": (
            *(".. _guide:", "", "Operator guide", "==============", "", "Install", "-------", "", WORDS, ""),
            *("On Linux", "~~~~~~~~", "", WORDS, "", "Remove", "------", "", WORDS),
        ),
        "a.org": (
            *("#+TITLE: Operator guide", "", "* Operator guide", "** TODO Install :admin:", "", WORDS, ""),
            *("*** On Linux", "#+begin_src sh", "* not a heading", "#+end_src", "", WORDS, "", "** Remove", "", WORDS),
        ),
        "a.mediawiki": (
            *("= Operator guide =", "", "== Install ==", "", WORDS, "", "=== On Linux ===", "", WORDS, ""),
            *("== Remove ==", "", WORDS),
        ),
        "a.typ": (
            *('#set document(title: "Operator guide")', "", "= Operator guide", "", "== Install", "", WORDS, ""),
            *("=== On Linux", "", "```sh", "= not a heading", "```", "", WORDS, "", "== Remove", "", WORDS),
        ),
        "a.tex": (
            *(r"\documentclass{article}", r"\usepackage{NOISE}", r"\title{Operator \emph{guide}}", r"\begin{document}"),
            *(r"\part{Operator guide}", r"\section{Install}\label{i}", "", WORDS, "", r"\subsection*{On Linux}"),
            *(r"\begin{verbatim}", r"\section{not a heading}", r"\end{verbatim}", "", WORDS, "", r"\section{Remove}"),
            *("", WORDS, r"\end{document}", "NOISE"),
        ),
        "a.1": (
            *(
                r".\" A comment, NOISE",
                '.TH "Operator guide" 1 2024-01-02',
                ".SH Install",
                WORDS,
                ".SS On Linux",
                ".nf",
            ),
            *("# not a heading", ".fi", WORDS, ".SH Remove", f".B {WORDS}"),
        ),
        "a.dbk": (
            '<?xml version="1.0"?><book xmlns="http://docbook.org/ns/docbook"><info><title>Operator guide</title>',
            "<author>NOISE</author></info><chapter><title>Install</title><indexterm>NOISE</indexterm>",
            f"<para>{WORDS}</para><section><title>On <literal>Linux</literal></title>",
            f"<programlisting># not a heading</programlisting><para>{WORDS}</para></section></chapter>",
            f"<chapter><title>Remove</title><para>{WORDS}</para></chapter></book>",
        ),
    }.items()
}


@pytest.mark.parametrize("name", MARKUPS)
def test_markup_is_cut_at_its_headings_and_has_its_title(name: str) -> None:
    one = read(MARKUPS[name], name)

    chunks = chunks_of(one)

    assert one.title == ("Operator guide(1)" if name == "a.1" else "Operator guide")
    assert "NOISE" not in one.text
    assert "".join(chunk.content for chunk in chunks) == one.text
    assert len(chunks) == 3
    assert "Install" in chunks[0].content
    assert [heading.strip("`") for heading in chunks[1].headings][-1:] == ["Install"]
    assert "Linux" in chunks[1].content.split("\n\n")[0]
    assert "Remove" in chunks[2].content.split("\n\n")[0]
    assert not any("not a heading" in heading for chunk in chunks for heading in chunk.headings)


def test_text_in_a_markup_that_is_read_in_place_stays_as_it_is() -> None:
    for name in ("a.adoc", "a.rst", "a.org", "a.mediawiki", "a.typ"):
        assert read(MARKUPS[name], name).text == MARKUPS[name]


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("fence.md", "```sh\n# a comment in code\nls\n```\n\nIntro words.\n\n# Real title\n\nText.\n", "Real title"),
        ("setext.md", "Intro.\n\nReal title\n==========\n\nText.\n", "Real title"),
        ("deep.md", "## Install\n\nText.\n", "Install"),
        ("deep first.md", "## Install\n\nText.\n\n# Real title\n", "Real title"),
        ("html.md", '<p><img src="x"></p>\n<h1 align="center">Real <b>title</b></h1>\n\n## Install\n', "Real title"),
        ("link.md", "# [Real](https://example.com) title ![badge](x)\n", "Real title badge"),
        ("windows.md", "# Real title\r\n\r\nText.\r\n", "Real title"),
        ("open fence.md", "```\n# a comment\n", "open fence"),
        ("plain.txt", "Real title\n==========\n\nText.\n", "Real title"),
        ("over.rst", "==========\nReal title\n==========\n\nText.\n", "Real title"),
        ("later.txt", "Words of a text.\nAnd more.\n\nPart\n----\n\nText.\n", "later"),
        ("table.txt", "a  b\n=====  ===\n", "table"),
        ("api.json", '{"openapi": "3.0", "info": {"version": 1, "title": "Real title"}, "paths": {}}', "Real title"),
        ("schema.json", '{"$schema": "x", "title": "Real \\"title\\"", "type": "object"}', 'Real "title"'),
        ("list.json", '[{"title": "One"}, {"title": "Two"}]', "list"),
        ("deep.json", '{"a": {"title": "One"}}', "deep"),
        ("api.yaml", "openapi: 3.0.0\ninfo:\n  version: 1\n  title: 'Real title'\npaths: {}\n", "Real title"),
        ("deep.yaml", "a:\n  title: One\n", "deep"),
        ("a.sql", "-- # no title\nSELECT 1;\n", "a"),
        ("a.py", "# a comment\n", "a"),
    ],
)  # fmt: skip
def test_the_title_is_the_one_that_the_document_has(name: str, text: str, title: str) -> None:
    assert read(text, name).title == title


_REST = "published: 2024-01-02\nnested: {x: 1, y: null}\n"
FRONT_MATTER = {
    "YAML": f"---\ntitle: Operator guide\ntags: [a, b]\n{_REST}---\n\n",
    "YAML that ends in dots": f"---\ntitle: 'Operator guide'\ntags:\n- a\n- b\n{_REST}...\n",
    "YAML of Windows": f"---\ntitle: Operator guide\ntags: [a, b]\n{_REST}---\n".replace("\n", "\r\n"),
    "TOML": '+++\ntitle = "Operator guide"\ntags = ["a", "b"]\npublished = 2024-01-02\n[nested]\nx = 1\n+++\n',
}


@pytest.mark.parametrize("kind", FRONT_MATTER)
def test_front_matter_is_title_and_metadata_and_is_not_embedded(kind: str) -> None:
    one = read(FRONT_MATTER[kind] + f"## Install\n\n{WORDS}\n\n{WORDS}", "a.md")

    assert one.title == "Operator guide"
    assert one.text.startswith("## Install")
    assert {**one.metadata, "bytes": 0} == {
        "title": "Operator guide",
        "tags": ["a", "b"],
        "published": "2024-01-02",
        "nested": {"x": 1} if kind == "TOML" else {"x": 1, "y": None},
        "bytes": 0,
    }
    json.dumps(one.metadata)


def test_a_title_that_stands_in_no_text_is_above_each_passage() -> None:
    one = read(f"---\ntitle: Operator guide\n---\n\n## Install\n\n{WORDS}\n\n## Remove\n\n{WORDS}\n\n{WORDS}", "a.md")

    chunks = chunks_of(one)

    assert [chunk.headings[0] for chunk in chunks] == ["Operator guide"] * len(chunks)
    assert chunks[0].embedded_text.startswith("Operator guide\n\n## Install")
    assert chunks[-1].embedded_text.startswith("Operator guide > Remove\n\nSome words")
    assert "".join(chunk.content for chunk in chunks) == one.text


def test_a_title_that_stands_in_the_text_is_not_given_twice() -> None:
    one = read(f"---\ntitle: Another\n---\n\nInstall\n=======\n\n{WORDS}\n\n{WORDS}", "a.md")

    assert (one.title, one.heading) == ("Another", "")
    assert chunks_of(one)[-1].headings == ("Install",)


def test_another_title_is_another_document() -> None:
    chunking = Chunking("cl100k_base", 256, 0, embed_headings=True, max_document_bytes=10**7)
    one, other = (read(f"---\ntitle: {title}\n---\nText.\n", "a.md") for title in ("One", "Other"))

    assert (one.text, one.syntax) == (other.text, other.syntax)
    assert chunking.content_hash(one) != chunking.content_hash(other)


@pytest.mark.parametrize(
    "text",
    [
        "---\n\nWords between rules.\n\n---\n\nMore.\n",
        "---\n- a list\n---\nText.\n",
        "---\ntitle: [never closed\n---\nText.\n",
        "---\ntitle: never ended\n\nText.\n",
        "---\na: &a [x, x]\nb: &b [*a, *a]\n---\nText.\n",
        "---\nwhen: 2024-13-45\n---\nText.\n",
        "+++\nno toml\n+++\nText.\n",
        "--- a rule\nx: 1\n---\n",
    ],
)
def test_what_only_looks_like_front_matter_stays(text: str) -> None:
    one = read(text, "a.md")

    assert one.text == text
    assert one.metadata == {"bytes": len(text.encode())}


def test_front_matter_that_postgresql_cannot_hold_is_made_what_it_can() -> None:
    one = read(
        '---\na: "x\\0y"\nb: .nan\nc: 1e400\nd: !!binary aGVsbG8=\n"e\\0": {1: 2}\n' + f"f: {'9' * 40}\n---\nText.\n",
        "a.md",
    )

    assert "\0" not in json.dumps(one.metadata, allow_nan=False, ensure_ascii=False)


ENTRY = {"summary": "Some words about this operation that a reader may look for. " * 6}
VERBS = ("get", "post")
API = {
    "openapi": "3.0.0",
    "info": {"title": "Shop"},
    "paths": {
        f"/{noun}": {verb: ENTRY | {"operationId": f"{verb}-{noun}"} for verb in VERBS}
        for noun in ("pets", "toys", "shops")
    },
}


@pytest.mark.parametrize("indent", [None, 2, 4])
def test_json_is_cut_between_its_keys_which_are_headings(indent: int | None) -> None:
    one = read(json.dumps(API, indent=indent), "a.json")

    chunks = chunks_of(one, 200)

    assert one.syntax is Syntax.JSON
    assert "".join(chunk.content for chunk in chunks) == one.text
    assert all(chunk.content.lstrip().startswith(('"/', '"post"')) for chunk in chunks[1:])
    assert ("paths", "/pets") in {chunk.headings for chunk in chunks}
    assert not any(chunk.headings and chunk.headings[0] == "info" for chunk in chunks[1:])


def test_elements_of_json_are_cut_apart() -> None:
    rows = [{"id": n, "text": f"Some words of element number {n}, which is like the others."} for n in range(40)]

    chunks = chunks_of(read(json.dumps(rows), "a.json"), 128)

    assert len(chunks) > 5
    assert all(chunk.content.lstrip().startswith('{"id"') for chunk in chunks[1:])


def test_yaml_is_cut_between_its_keys_which_are_headings() -> None:
    def entry(noun: str) -> str:
        words = ENTRY["summary"]
        return f"  # About {noun}.\n  /{noun}:\n    get:\n      summary: {words}\n    post:\n      summary: {words}\n"

    text = "openapi: 3.0.0\ninfo:\n  title: Shop\npaths:\n" + "".join(map(entry, ("pets", "toys", "shops")))
    chunks = chunks_of(read(text, "a.yml"), 200)

    assert "".join(chunk.content for chunk in chunks) == text
    assert ("paths",) in {chunk.headings for chunk in chunks}
    assert all(chunk.content.lstrip().startswith(("# About", "/", "post")) for chunk in chunks[1:])
    assert any(chunk.content.startswith("  # About toys.") for chunk in chunks)


def test_documents_of_yaml_are_cut_apart() -> None:
    text = "---\n".join(f"kind: Kind{n}\nspec:\n  words: {WORDS[:500]}\n" for n in range(6))

    chunks = chunks_of(read(text, "a.yaml"), 150)

    assert len(chunks) == 6
    assert all(chunk.content.startswith("---\nkind: Kind") for chunk in chunks[1:])
    assert {chunk.headings for chunk in chunks} == {()}


def test_sql_is_cut_between_statements_with_the_comments_above_them() -> None:
    def function(n: int) -> str:
        body = "".join(f"    x := x + {line}; -- step\n" for line in range(20))
        head = f"-- What number {n} does.\nCREATE FUNCTION f{n}() RETURNS int LANGUAGE plpgsql AS $$"
        return f"{head}\nBEGIN\n{body}  RETURN x;\nEND $$;\n"

    text = "".join(map(function, range(8)))
    chunks = chunks_of(read(text, "a.sql"), 256)

    assert "".join(chunk.content for chunk in chunks) == text
    assert len(chunks) == 8
    assert all(chunk.content.startswith("-- What number") for chunk in chunks)


def test_a_dump_is_cut_between_statements_without_blank_lines() -> None:
    text = "".join(f"INSERT INTO t (a, b)\nVALUES ({n}, 'some words of row number {n}');\n" for n in range(60))

    chunks = chunks_of(read(text, "a.sql"), 128)

    assert len(chunks) > 5
    assert all(chunk.content.startswith("INSERT") for chunk in chunks)


@pytest.mark.parametrize(
    "begin",
    [
        "2024-01-02 10:00:{n:02} ERROR [main] x.y.Z - ",
        "[2024-01-02T10:00:{n:02}Z] error: ",
        "Jan  2 10:00:{n:02} host program[12]: ",
        '10.0.0.1 - - [02/Jan/2024:10:00:{n:02} +0000] "GET / HTTP/1.1" ',
        "ERROR: ",
        "I0102 10:00:{n:02}.123456 1 file.go:1] ",
    ],
)
def test_a_log_is_cut_between_records_with_their_traces(begin: str) -> None:
    trace = (
        "java.lang.Error: words\n"
        + "".join(f"    at a.b.C.method{n}(C.java:{n})\n" for n in range(6))
        + "Caused by: x\n"
    )
    text = "".join(f"{begin.format(n=n)}something went wrong\n{trace}" for n in range(30))

    chunks = chunks_of(read(text, "a.log"), 256)

    assert "".join(chunk.content for chunk in chunks) == text
    assert len(chunks) > 5
    assert all("something went wrong" in chunk.content.split("\n")[0] for chunk in chunks)


def test_mdoc_is_read_as_a_page_of_the_manual() -> None:
    source = (
        ".Dd January 2, 2024\n.Dt TOOL 8\n.Os\n.Sh NAME\n.Nm tool\n.Nd does things\n.Sh SYNOPSIS\n.Nm\n.Op Fl v\n"
        ".Op Fl f Ar file\n.Sh DESCRIPTION\nThe\n.Nm\nutility reads\n.Pa /etc/tool.conf .\n"
        ".Bl -tag\n.It Fl v\nSay more.\n.El\n"
    )
    one = read(source, "tool.8")

    assert one.title == "tool(8)"
    assert "## NAME\n\ntool\n— does things" in one.text
    assert "[-v]\n[-f file]" in one.text
    assert "/etc/tool.conf." in one.text
    assert "**-v**\n\nSay more." in one.text


def test_what_a_page_of_the_manual_defines_and_comments_is_not_read() -> None:
    source = (
        '.\\" NOISE\n.de Vb\n.ft CW\nNOISE\n..\n.ie n .ds NOISE x\n.TH TOOL 1\n'
        ".SH NAME\ntool \\- does \\fBthings\\fR \\(em well\n"
        '.TP\n\\fB\\-v\\fR, \\fB\\-\\-verbose\\fR\nSay more. \\" NOISE\n.IP \\(bu 2\nAn item.\n.EX\n$ tool \\-v\n.EE\n'
    )
    one = read(source, "tool.1")

    assert "NOISE" not in one.text
    assert "tool - does things — well" in one.text
    assert "**-v, --verbose**\n\nSay more." in one.text
    assert "\n- \nAn item." in one.text
    assert "```\n$ tool -v\n```" in one.text


def test_a_text_with_a_line_like_a_macro_is_no_page_of_the_manual() -> None:
    text = ".gitignore and others\n.SH\n.TH\nwords\n"

    assert read(text, "a.txt").text == text


def test_tables_and_lists_of_docbook_are_read() -> None:
    source = (
        '<?xml version="1.0"?><!DOCTYPE article PUBLIC "-//OASIS//DTD DocBook XML V4.5//EN" "x" [<!ENTITY v "1">]>'
        "<article><articleinfo><title>Guide</title><date>NOISE</date></articleinfo><!-- NOISE --><para>A &amp; B"
        "<footnote>"
        "<para>note</para></footnote></para><itemizedlist><listitem><para>one</para></listitem></itemizedlist>"
        "<variablelist><varlistentry><term>-v</term><listitem><para>say more</para></listitem>"
        "</varlistentry></variablelist>"
        "<table><title>Ports</title><tgroup cols='2'><thead><row><entry>Port</entry><entry>Use</entry></row></thead>"
        "<tbody><row><entry>80</entry><entry>web</entry></row></tbody></tgroup></table>"
        "<programlisting><![CDATA[if a < b: # x]]></programlisting></article>"
    )
    one = read(source, "a.xml")

    assert one.title == "Guide"
    assert "# Guide" in one.text
    assert "NOISE" not in one.text
    assert "- one" in one.text
    assert "Ports" in one.text
    assert "| Port | Use |" in " ".join(one.text.split())
    assert "| 80 | web |" in " ".join(one.text.split())
    assert "if a < b: # x" in one.text
    assert "A & B" in one.text
    assert "say more" in one.text


@pytest.mark.parametrize("syntax", Syntax)
@pytest.mark.timeout(60)  # what takes a second in linear time takes hours in quadratic time
def test_titles_are_looked_for_in_linear_time(syntax: Syntax) -> None:
    more = ("a\n==", "{", '"a": "b",', "title:\n", "info:\n x\n", "[](", "\\title{", "{a}")
    for unit in ("#", "\n", "# \n", "```\n", "<h1>", "=\n", ".. a\n", *more):
        assert title_of(unit * (200_000 // len(unit)), syntax) is None or unit
