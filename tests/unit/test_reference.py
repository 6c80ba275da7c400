from __future__ import annotations

import pytest

from docs import generate


@pytest.mark.parametrize("name", sorted(generate.pages()))
def test_a_page_of_the_reference_is_what_the_code_says(name: str) -> None:
    committed = (generate.FOLDER / name).read_text(encoding="utf-8")

    assert committed == generate.pages()[name], "the code has changed: python -m docs.generate"


def test_there_is_no_page_of_the_reference_that_is_not_made_from_the_code() -> None:
    assert {file.name for file in generate.FOLDER.iterdir()} == set(generate.pages())
