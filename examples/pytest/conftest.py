"""A corpus for the tests of a program of yours, indexed once a session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ingest.pytest_plugin import IndexCorpus

pytest_plugins = ["ingest.pytest_plugin"]


@pytest.fixture(scope="session")
def handbook_url(index_corpus: IndexCorpus) -> str:
    return index_corpus(Path(__file__).parent / "docs")
