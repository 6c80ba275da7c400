"""Notebooks as their cells: words, code, and what was printed; not their JSON, and no pictures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingest.model import Loss, LossKind
from ingest.sources.extraction.formats import Format, format_of
from ingest.sources.extraction.markdown import to_markdown
from ingest.sources.text import UnreadableError

PYTHON = {"language_info": {"name": "python"}}


def notebook(*cells: dict[str, Any], metadata: dict[str, Any] | None = None) -> bytes:
    return json.dumps({"cells": cells, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source.splitlines(keepends=True), "outputs": outputs}


def words(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source}


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def result(**forms: str) -> dict[str, Any]:
    data = {name.replace("_", "/"): form for name, form in forms.items()}
    return {"output_type": "execute_result", "data": data}


def text(content: bytes) -> str:
    return to_markdown(Format.NOTEBOOK, content).text


def test_a_notebook_is_its_words_and_its_code() -> None:
    content = notebook(
        words("# Sales\n\nWe load."), code("x = 1\nprint(x)\n", stream("1\n")), words("## Found"), metadata=PYTHON
    )

    read = to_markdown(Format.NOTEBOOK, content)

    assert read.text == "# Sales\n\nWe load.\n\n```python\nx = 1\nprint(x)\n```\n\n```\n1\n```\n\n## Found\n"
    assert (read.title, read.losses) == ("Sales", ())


def test_it_is_known_by_its_name() -> None:
    assert format_of(".ipynb", notebook()[:100]) is Format.NOTEBOOK


def test_a_comment_in_code_is_no_title() -> None:
    assert to_markdown(Format.NOTEBOOK, notebook(code("# a comment"), words("```\n# another\n```"))).title is None


def test_a_result_is_read_in_its_best_form_and_pictures_are_counted() -> None:
    picture = {
        "output_type": "display_data",
        "data": {"image/png": "iVBOR" * 1000, "text/plain": "<Figure size 640x480>"},
    }
    table = "<table><tr><th>a<th>b<tr><td>1<td>2</table>"

    read = to_markdown(
        Format.NOTEBOOK,
        notebook(
            code("f()", picture, result(text_plain="a b\n1 2", text_html=table)), code("", result(text_markdown="*so*"))
        ),
    )

    assert read.text == "```\nf()\n```\n\n```\na b\n1 2\n```\n\n*so*\n"
    assert read.losses == (Loss(LossKind.PARTS_LEFT_OUT, 1, "pictures in outputs"),)
    assert text(notebook(code("", result(text_html=table)))) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


def test_what_was_printed_is_as_a_terminal_shows_it() -> None:
    printed = stream("\x1b[31mred\x1b[0m 10%\r 50%\rdone\r\nab\b\bcd\n")

    assert text(notebook(code("", printed, stream("more")))) == "```\ndone\ncd\nmore\n```\n"


def test_an_error_is_its_name_and_its_words() -> None:
    error = {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": ["\x1b[0;31m---"]}

    assert text(notebook(code("d['x']", error))).endswith("```\nKeyError: 'x'\n```\n")


def test_a_fence_is_longer_than_those_in_it() -> None:
    assert text(notebook(code('x = "````"'))) == '`````\nx = "````"\n`````\n'


def test_notebooks_of_earlier_versions_are_read() -> None:
    sheet = {
        "cells": [
            {"cell_type": "heading", "level": 2, "source": ["Sales"]},
            {
                "cell_type": "code",
                "input": ["1+1"],
                "language": "python",
                "outputs": [{"output_type": "pyout", "text": ["2"]}],
            },
        ]
    }

    assert text(json.dumps({"worksheets": [sheet], "nbformat": 3}).encode()) == (
        "## Sales\n\n```python\n1+1\n```\n\n```\n2\n```\n"
    )


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cells": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_notebook_is_damaged(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="damaged"):
        to_markdown(Format.NOTEBOOK, content)


@pytest.mark.parametrize(
    "cell",
    [{}, {"cell_type": "code", "source": [1], "outputs": [1, {"data": 5}, {"output_type": "x"}]}, {"source": None}],
)
def test_cells_of_any_shape_do_not_stop_the_reading(cell: dict[str, Any]) -> None:
    assert text(notebook(cell, words("after"))).strip().endswith("after")
