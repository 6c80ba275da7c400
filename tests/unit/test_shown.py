"""What schedulers are given of us, and shown."""

from __future__ import annotations

import pytest

from ingest.errors import UsageError
from ingest.integrations.given import lacking, shown_settings


@pytest.mark.parametrize("secret", ["api_key", "database_url", "webhook_secret", "notify"])
def test_a_secret_among_settings_that_a_scheduler_shows_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(UsageError, match=f"^{secret} would be shown") as refused:
        shown_settings({"poll_seconds": 1, secret: "hush"}, "handbook")

    assert "hush" not in str(refused.value)


def test_the_corpus_is_one_of_the_settings_that_a_scheduler_keeps() -> None:
    assert shown_settings({"poll_seconds": 1}, "handbook") == {"poll_seconds": 1, "corpus": "handbook"}
    assert shown_settings(None, "handbook") == {"corpus": "handbook"}


def test_a_corpus_lacks_what_failed_and_what_could_not_be_read() -> None:
    done = {"corpus": "handbook", "failed": 0, "not_read": 0}

    assert lacking(done) is None
    assert "2 texts failed" in (lacking(done | {"failed": 2}) or "")
    assert "1,000 documents could not be read" in (lacking(done | {"not_read": 1000}) or "")
