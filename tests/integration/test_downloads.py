"""A result file is used whole, or not at all, whatever the provider tells of its size."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import openai
import pytest
from promises import CORPUS_FLAGS, check_promises, write_corpus

from ingest.batches.downloads import download
from ingest.emulator import Fault
from ingest.errors import UnreachableError
from ingest.provider import Account, ResultMissingError
from ingest.provider.openai import OpenAIProvider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workshop import Workshop

LINE = b'{"custom_id": "1-0", "response": {"status_code": 500, "body": null}}\n'


class Taciturn(OpenAIProvider):
    """A compatible server that tells no sizes."""

    def file_size(self, file_id: str) -> int | None:
        del file_id
        return None


class Mistaken(OpenAIProvider):
    """A compatible server that tells sizes that are none, so many times as large."""

    times = 1.0

    def file_size(self, file_id: str) -> int | None:
        return int((super().file_size(file_id) or 0) * self.times)


@pytest.fixture(params=[OpenAIProvider, Taciturn], ids=["with sizes", "without sizes"])
def provider(request: pytest.FixtureRequest, workshop: Workshop) -> Iterator[OpenAIProvider]:
    provider = request.param(Account("openai", workshop.emulator.base_url, workshop.emulator.api_key))
    yield provider
    provider.close()


def remote_file(workshop: Workshop, content: bytes) -> str:
    with openai.OpenAI(base_url=workshop.emulator.base_url, api_key=workshop.emulator.api_key) as client:
        return client.files.create(file=("result.jsonl", content), purpose="batch").id


@pytest.mark.parametrize("content", [LINE * 100, LINE * 100 + LINE[:-1]], ids=["newline", "no newline"])
@pytest.mark.parametrize(
    "fault", [Fault("truncated_download", count=1), Fault("cut_download", count=2), Fault("http_502_content", count=1)]
)
def test_a_download_that_went_wrong_is_done_again(
    workshop: Workshop, provider: OpenAIProvider, tmp_path: Path, fault: Fault, content: bytes
) -> None:
    file_id = remote_file(workshop, content)
    workshop.emulator.set_faults(fault)

    download(provider, file_id, tmp_path / "result")

    assert (tmp_path / "result").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["result"]


def test_the_size_of_a_file_that_is_too_new_is_asked_for_again(workshop: Workshop, tmp_path: Path) -> None:
    """Found by the pairs of faults: half of a file, twice the same, at the end of a line, was taken for all of it."""
    file_id = remote_file(workshop, LINE * 100)
    workshop.emulator.set_faults(Fault("read_after_write_404", seconds=0.5), Fault("truncated_download", count=2))
    provider = OpenAIProvider(Account("openai", workshop.emulator.base_url, workshop.emulator.api_key))

    while not (tmp_path / "result").exists():
        with suppress(ResultMissingError):
            download(provider, file_id, tmp_path / "result")

    provider.close()
    assert (tmp_path / "result").read_bytes() == LINE * 100


def test_a_file_of_untold_size_is_held_against_the_lines_that_it_should_have(
    workshop: Workshop, tmp_path: Path
) -> None:
    file_id = remote_file(workshop, LINE * 100)
    workshop.emulator.set_faults(Fault("truncated_download", count=3))  # each time at the end of line 50
    provider = Taciturn(Account("openai", workshop.emulator.base_url, workshop.emulator.api_key))

    download(provider, file_id, tmp_path / "whole", lines=100)
    download(provider, file_id, tmp_path / "lines that the provider lost", lines=101)

    provider.close()
    assert [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()] == [LINE * 100] * 2


@pytest.mark.parametrize("told", [2, 0.25], ids=["too large", "too small"])
def test_a_file_whose_size_is_told_wrongly_is_whole_by_its_lines(
    workshop: Workshop, tmp_path: Path, told: float
) -> None:
    file_id = remote_file(workshop, LINE * 100)
    workshop.emulator.set_faults(Fault("truncated_download", count=3))
    provider = Mistaken(Account("openai", workshop.emulator.base_url, workshop.emulator.api_key))
    provider.times = told

    download(provider, file_id, tmp_path / "whole", lines=100)

    provider.close()
    assert (tmp_path / "whole").read_bytes() == LINE * 100


def test_a_download_that_never_is_whole_is_not_used(workshop: Workshop, tmp_path: Path) -> None:
    file_id = remote_file(workshop, LINE * 100)
    workshop.emulator.set_faults(Fault("truncated_download"))
    provider = OpenAIProvider(Account("openai", workshop.emulator.base_url, workshop.emulator.api_key))

    with pytest.raises(UnreachableError, match=r"bytes of 6,900.*Nothing is lost"):
        download(provider, file_id, tmp_path / "result")

    provider.close()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_a_file_that_is_gone_is_told_apart(workshop: Workshop, provider: OpenAIProvider, tmp_path: Path) -> None:
    assert workshop.emulator.fired() == {}

    with pytest.raises(ResultMissingError, match="file-nowhere"):
        download(provider, "file-nowhere", tmp_path / "result")


def test_an_empty_file_that_should_have_lines_is_not_there_yet(
    workshop: Workshop, provider: OpenAIProvider, tmp_path: Path
) -> None:
    file_id = remote_file(workshop, b"")

    with pytest.raises(ResultMissingError, match="is empty, and 3 texts are done"):
        download(provider, file_id, tmp_path / "result", lines=3)


def test_a_last_line_that_is_no_result_does_not_hold_up_the_others(workshop: Workshop) -> None:
    """Found by the soak: the last line of a whole file need not be one."""
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("non_json_line", rate=0.5, count=8), Fault("no_trailing_newline"))

    with workshop.pipeline(**CORPUS_FLAGS, clean=True, max_attempts=30) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.failures == []
    check_promises(workshop)
