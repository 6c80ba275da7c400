"""What Google's API, or what stands before it, may answer: nothing lost, nothing billed twice, no key to a stranger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from gateway import Answer, Asked, Gateway, gateway
from workshop import Workshop

from ingest.emulator import running
from ingest.errors import IngestError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ingest.emulator import RunningEmulator
    from ingest.reporting.run_report import RunReport

    Spoilt = Callable[[Asked], Answer | None]

KEY = "AIzaSy-a-key-of-this-test-alone-000000"
NO_KEY = (400, "API key not valid. Please pass a valid API key.", {"details": [{"reason": "API_KEY_INVALID"}]})
DISABLED = (403, "Generative Language API has not been used in project 1 before or it is disabled.")
CREATE, UPLOAD, LIST = ":asyncBatchEmbedContent", "upload, finalize", "GET /v1beta/batches?"


@dataclass
class Scene:
    """One text to embed by an emulator, and the gateway before it."""

    emulator: RunningEmulator
    between: Gateway
    workshop: Workshop

    def run(self, **flags: object) -> RunReport:
        """A run of its own."""
        ours = {"provider": "gemini", "dimensions": 128, "base_url": self.between.base_url, "list_lag_seconds": 0.2}
        with self.workshop.pipeline(**(ours | flags)) as pipeline:
            return pipeline.run([str(self.workshop.folder)])

    def forget(self, file_id: str) -> None:
        """Delete a file at the emulator, as time does."""
        self.between.forward(Asked(f"DELETE /v1beta/{file_id}", {"x-goog-api-key": KEY}, b""))

    def check(self) -> None:
        """See that the text has its vector, and was billed once."""
        ((embedded,),) = self.workshop.query("SELECT count(embedding) FROM chunks")
        assert (embedded, len(list(self.emulator.bills()))) == (1, 1)


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    folder = tmp_path / "files"
    folder.mkdir()
    with (
        running(tmp_path / "emulator", dialect="gemini", api_key=KEY) as emulator,
        gateway(emulator.base_url) as server,
    ):
        workshop = Workshop(database_url, emulator, folder, tmp_path / "data")
        workshop.write("a.txt", "Cats sleep most of the day.")
        yield Scene(emulator, server, workshop)


def said(answer: object, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"content-type": "application/json", **named}, json.dumps(answer).encode())


def refusal(status: int, words: str, more: dict[str, Any] | None = None) -> Answer:
    return said({"error": {"code": status, "message": words, **(more or {})}}, status)


def first(asks: Callable[[Asked], bool], answer: Spoilt) -> Spoilt:
    """The first call of a kind is answered otherwise."""
    left = iter([True])
    return lambda asked: answer(asked) if asks(asked) and next(left, False) else None


def creates(asked: Asked) -> bool:
    return asked.call.endswith(CREATE)


def begins(asked: Asked) -> bool:
    return asked.headers.get("x-goog-upload-command") == "start"


def uploads(asked: Asked) -> bool:
    return asked.headers.get("x-goog-upload-command") == UPLOAD


@pytest.mark.parametrize("answer", [{}, {"name": ""}, {"name": "batches/\0"}, {"name": "batches/a b"}, []])
def test_an_operation_without_its_name_is_looked_up(scene: Scene, answer: object) -> None:
    def spoilt(asked: Asked) -> Answer:
        scene.between.forward(asked)
        return said(answer)

    scene.between.answers = first(creates, spoilt)

    report = scene.run()

    assert report.failures == []
    assert (scene.between.count("POST", CREATE), scene.between.count("GET", "/v1beta/")) == (1, 0)
    scene.check()


@pytest.mark.parametrize(
    ("status", "words"), [(403, "You do not have permission to access the File {} or it may not exist."), (400, "{}?")]
)
def test_a_file_that_is_gone_before_its_batch_is_created_is_sent_again(scene: Scene, status: int, words: str) -> None:
    gone: set[str] = set()

    def spoilt(asked: Asked) -> Answer | None:
        if not creates(asked):
            return None
        file_id = json.loads(asked.body)["batch"]["inputConfig"]["fileName"]
        if not gone:
            gone.add(file_id)
            scene.forget(file_id)
        answer = scene.between.forward(asked)
        return answer if answer.status == 200 else refusal(status, words.format(file_id.removeprefix("files/")))

    scene.between.answers = spoilt

    report = scene.run()

    assert report.failures == []
    assert sum(map(uploads, scene.between.asked)) == 2
    scene.check()


def test_a_file_whose_id_is_taken_is_the_same_file_however_that_is_said(scene: Scene) -> None:
    def spoilt(asked: Asked) -> Answer | None:
        if uploads(asked):
            scene.between.forward(asked)
            return refusal(503, "try again later")
        return (
            refusal(400, "A file has that name.")
            if begins(asked) and scene.between.count("POST", "/files") > 1
            else None
        )

    scene.between.answers = spoilt

    assert scene.run().failures == []
    scene.check()


@pytest.mark.parametrize("answer", [Answer(200, {"content-type": "text/html"}, b"<html>"), said({}), Answer(308)])
def test_an_upload_without_its_file_is_made_again(scene: Scene, answer: Answer) -> None:
    scene.between.answers = first(uploads, lambda _: answer)

    assert scene.run().failures == []
    scene.check()


def test_a_file_has_the_id_that_the_vendor_tells(scene: Scene) -> None:
    def spoilt(asked: Asked) -> Answer:
        described = json.loads(asked.body)["file"] | {"name": "files/of-the-vendor"}
        return scene.between.forward(asked._replace(body=json.dumps({"file": described}).encode()))

    scene.between.answers = first(begins, spoilt)

    assert scene.run().failures == []
    scene.check()


def test_an_upload_goes_to_the_address_with_the_key_that_it_names(scene: Scene) -> None:
    def spoilt(asked: Asked) -> Answer | None:
        if begins(asked):
            answer = scene.between.forward(asked)
            url = answer.headers["x-goog-upload-url"]
            return answer._replace(headers=answer.headers | {"x-goog-upload-url": f"{url}?key={KEY}"})
        return None if not uploads(asked) or asked.call.endswith(f"?key={KEY}") else refusal(404, "no such upload")

    scene.between.answers = spoilt

    assert scene.run().failures == []
    scene.check()


def test_neither_texts_nor_the_key_go_to_a_stranger(scene: Scene) -> None:
    with gateway(None, lambda _: said({"file": {"name": "files/x"}})) as stranger:
        scene.between.answers = first(begins, lambda _: said({}, x_goog_upload_url=f"{stranger.base_url}/upload"))

        report = scene.run()

    assert report.failures == []
    assert stranger.asked == []
    scene.check()


def test_results_that_a_refused_key_cannot_fetch_are_not_gone(scene: Scene) -> None:
    scene.between.answers = lambda asked: refusal(*DISABLED) if ":download" in asked.call else None

    with pytest.raises(UnreachableError, match="has not been used"):
        scene.run()
    scene.between.answers = lambda _: None

    assert scene.run().failures == []
    scene.check()


@pytest.mark.parametrize("mode", ["batch", "sync"])
def test_a_key_that_is_none_is_no_fault_of_a_text(scene: Scene, mode: str) -> None:
    scene.between.answers = lambda asked: refusal(*NO_KEY) if asked.call.startswith("POST") else None

    with pytest.raises(IngestError, match="API key not valid"):
        scene.run(mode=mode)
    scene.between.answers = lambda _: None

    assert scene.run(mode=mode).failures == []


@pytest.mark.parametrize("tokens", [["1"], ["1", "2"]])
def test_a_list_that_leads_back_has_an_end(scene: Scene, tokens: list[str]) -> None:
    def spoilt(asked: Asked) -> Answer | None:
        if not asked.call.startswith(LIST):
            return lost(asked)
        place = next((tokens.index(each) for each in tokens if f"pageToken={each}" in asked.call), -1)
        page = json.loads(scene.between.forward(asked._replace(call=f"{LIST}pageSize=100")).body)
        return said(page | {"nextPageToken": tokens[(place + 1) % len(tokens)]})

    lost = first(creates, lambda _: refusal(500, "lost"))
    scene.between.answers = spoilt

    assert scene.run().failures == []
    scene.check()


def test_a_batch_of_somebody_else_may_tell_nothing_of_itself(scene: Scene) -> None:
    other: dict[str, Any] = {"name": "batches/other", "done": None, "error": None, "response": None}
    other |= {"metadata": {"displayName": None, "state": None, "inputConfig": {"fileName": None}, "output": None}}

    def spoilt(asked: Asked) -> Answer | None:
        if not asked.call.startswith(LIST):
            return lost(asked)
        page = json.loads(scene.between.forward(asked).body)
        return said(page | {"operations": [other, *page.get("operations", [])], "nextPageToken": None})

    def unclear(asked: Asked) -> Answer:
        scene.between.forward(asked)
        return refusal(500, "lost")

    lost = first(creates, unclear)
    scene.between.answers = spoilt

    assert scene.run().failures == []
    assert scene.between.count("POST", CREATE) == 1
    scene.check()
