"""A file of questions: what it may hold, and what is said of each line that is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.errors import UsageError
from ingest.evaluation import Question, read_questions, written

if TYPE_CHECKING:
    from pathlib import Path

GOOD = '{"question": "which?", "excerpts": ["this one"]}'


def test_questions_are_read_as_they_are_written(tmp_path: Path) -> None:
    questions = [
        Question("which?", excerpts=("this one",)),
        Question("wo?", ("a.md",), ("dort ü",), ("tenant=acme",)),
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("\ufeff" + "\n".join(written(questions)) + "\n", encoding="utf-8")

    found = read_questions(file)

    assert found == {1: questions[0], 3: questions[1]}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: Input data was truncated"),
        ("[]", "line 2: Expected `object`, got `array`"),
        ('{"question": "which?"}', "line 2: nothing answers it"),
        ('{"excerpts": ["this"]}', "line 2: it lacks the required field `question`"),
        ('{"question": " ", "uris": ["a"]}', "line 2: the question is empty"),
        ('{"question": "which?", "uris": [""]}', "line 2: one of its uris is empty"),
        ('{"question": "which?", "excerpts": [" \\n"]}', "line 2: one of its excerpts is empty"),
        ('{"question": "which?", "uris": ["a\\u0000.md"]}', "line 2: one of its uris has a NUL"),
        ('{"question": "which?", "excerpt": "this"}', "line 2: there is an unknown field `excerpt`"),
        ('{"question": 1, "uris": ["a"]}', "line 2: Expected `str`, got `int`"),
        ('{"question": "which?", "excerpts": "this"}', "line 2: Expected `array`, got `str`"),
        ("[" * 5000, "line 2: "),
        ('{"question": "\udcff", "uris": ["a"]}', "line 2: "),
    ],
)
def test_a_line_that_is_no_question_is_told_with_its_place(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(f"{GOOD}\n{line}\n".encode(errors="surrogateescape"))

    with pytest.raises(UsageError) as raised:
        read_questions(file)

    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_without_a_question_and_one_that_is_not_there_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n\n")

    with pytest.raises(UsageError, match="holds no question"):
        read_questions(tmp_path / "empty.jsonl")
    with pytest.raises(UsageError, match=r"cannot be read: No such file or directory\. `ingest eval init"):
        read_questions(tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match="Is a directory"):
        read_questions(tmp_path)
