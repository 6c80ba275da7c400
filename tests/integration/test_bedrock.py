"""Amazon Bedrock, by AWS's own client: its S3 is another's server, its jobs and models are the emulator's."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.emulator import DIALECTS, Fault, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workshop import Outcome, Workshop

    from ingest.emulator import RunningEmulator

pytest.importorskip("botocore", reason="botocore is not installed: pip install 'pgvector-ingest[bedrock]'")
moto_server = pytest.importorskip("moto.server", reason="moto[server] is not installed")

TEXTS = {f"{number}.txt": f"Text number {number} tells of cats, and of how they sleep." for number in range(12)}
QUESTION = TEXTS["7.txt"]
TITAN, COHERE, COHERE_4 = "amazon.titan-embed-text-v2:0", "cohere.embed-english-v3", "cohere.embed-v4:0"
ROLE = "arn:aws:iam::123456789012:role/batches"


@dataclass
class Aws:
    """An account: its bucket, its jobs, and the program that works with them."""

    emulator: RunningEmulator
    environment: dict[str, str]
    run: Callable[..., Outcome]
    folder: Path
    s3: Any
    jobs: Any

    def ingest(self, *arguments: object, **variables: str) -> Outcome:
        """The program, with the account's settings."""
        return self.run(*arguments, environment=self.environment | variables)

    def keys(self) -> list[str]:
        """What lies in the bucket."""
        return [found["Key"] for found in self.s3.list_objects_v2(Bucket="bucket").get("Contents", ())]

    def all_jobs(self) -> list[dict[str, Any]]:
        """The jobs that were created."""
        found: list[dict[str, Any]] = self.jobs.list_model_invocation_jobs()["invocationJobSummaries"]
        return found

    def texts_billed(self) -> int:
        """How many texts of batches were billed."""
        return sum(bill["batch_id"] is not None for bill in self.emulator.bills())


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """An S3 server."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def begin(
    storage: str,
    workshop: Workshop,
    ingest: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Aws]]:
    """An account with a dozen files, of which a job may have as few records as are said."""
    from botocore.session import Session

    for name, text in TEXTS.items():
        workshop.write(name, text)
    variables = {
        "AWS_ACCESS_KEY_ID": "an-access-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret-of-forty-characters-or-something",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": storage,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    s3 = Session().create_client("s3")
    s3.create_bucket(Bucket="bucket")

    with ExitStack() as stack:

        def start(*faults: Fault, least: int = 0) -> Aws:
            limits = replace(DIALECTS["bedrock"].limits, least_requests=least)
            emulator = stack.enter_context(
                running(tmp_path / "aws", api_key="an-access-key", dialect="bedrock", limits=limits, faults=faults)
            )
            environment = {
                **variables,
                "DATABASE_URL": workshop.database_url,
                "AWS_ENDPOINT_URL_BEDROCK": emulator.base_url,
                "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.base_url,
                "INGEST_PROVIDER": "bedrock",
                "INGEST_BATCH_FOLDER": "s3://bucket/corpora/",
                "INGEST_BATCH_ROLE": ROLE,
                "INGEST_POLL_SECONDS": "0.2",
                "INGEST_RETRY_WAIT_SECONDS": "0",
                "INGEST_LIST_LAG_SECONDS": "0",
            }
            jobs = Session().create_client("bedrock", endpoint_url=emulator.base_url)
            return Aws(emulator, environment, ingest, workshop.folder, s3, jobs)

        yield start
    for found in s3.list_objects_v2(Bucket="bucket").get("Contents", ()):
        s3.delete_object(Bucket="bucket", Key=found["Key"])
    s3.delete_bucket(Bucket="bucket")


def vectors(workshop: Workshop) -> np.ndarray:
    """All vectors that are there. (n, d)."""
    rows = workshop.query("SELECT embedding FROM chunks WHERE embedding IS NOT NULL")
    return np.array([found.to_numpy() for (found,) in rows])


@pytest.mark.parametrize(
    ("model", "dimensions"), [(TITAN, 1024), (TITAN, 256), (COHERE, 1024), (COHERE_4, 512)], ids=str
)
def test_a_corpus_goes_through_the_folder_and_is_searched(
    begin: Callable[..., Aws], workshop: Workshop, model: str, dimensions: int
) -> None:
    aws = begin()

    run = aws.ingest("run", aws.folder, "--model", model, "--dimensions", dimensions, "--json")
    search = aws.ingest("search", QUESTION, "--json")

    assert run.status == 0, run.err
    assert (run.json["embedded"], run.json["failures"]) == (len(TEXTS), [])
    assert aws.texts_billed() == len(TEXTS)
    found = vectors(workshop)
    assert found.shape == (len(TEXTS), dimensions)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)
    passages = search.json["passages"]
    assert passages[0]["content"] == QUESTION
    is_sided = model != TITAN  # a question's vector is another than its text's as a document
    assert (passages[0]["similarity"] < 0.99) == is_sided
    (job,) = aws.all_jobs()
    assert (job["modelId"], job["roleArn"]) == (model, ROLE)


def test_what_is_cleaned_is_gone_from_the_folder(begin: Callable[..., Aws]) -> None:
    aws = begin()
    aws.ingest("run", aws.folder)
    left = aws.keys()

    clean = aws.ingest("clean")

    assert len(left) == 3  # requests, results, and the job's own summary
    assert clean.status == 0, clean.err
    assert aws.keys() == []


@pytest.mark.parametrize("point", ["after-uploading", "after-upload", "after-creating", "after-create", "load-began"])
def test_a_run_that_is_killed_goes_on_and_pays_once(begin: Callable[..., Aws], workshop: Workshop, point: str) -> None:
    aws = begin()

    killed = aws.ingest("run", aws.folder, INGEST_FAILPOINT=point)
    run = aws.ingest("run", aws.folder, "--json")

    assert killed.status == -9
    assert run.status == 0, run.err
    assert len(vectors(workshop)) == len(TEXTS)
    assert len(aws.all_jobs()) == 1
    assert aws.texts_billed() == len(TEXTS)


@pytest.mark.parametrize(
    "fault", ["drop_after_create", "http_500_after_create", "drop_before_create", "http_429_create"]
)
def test_a_creation_whose_answer_is_lost_is_the_same_job(
    begin: Callable[..., Aws], workshop: Workshop, fault: str
) -> None:
    aws = begin(Fault(fault, count=7))  # more often than AWS's client tries by itself

    run = aws.ingest("run", aws.folder, "--json")

    assert run.status == 0, run.err
    assert aws.emulator.fired()[fault] == 7
    assert len(vectors(workshop)) == len(TEXTS)
    assert len(aws.all_jobs()) == 1
    assert aws.texts_billed() == len(TEXTS)


def test_errors_stand_in_the_lines_and_those_texts_alone_are_sent_again(
    begin: Callable[..., Aws], workshop: Workshop
) -> None:
    aws = begin(
        Fault("error_per_request_500", count=2), Fault("error_per_request_429", count=2), Fault("lost_lines", count=1)
    )

    run = aws.ingest("run", aws.folder, "--json")

    assert run.status == 0, run.err
    assert len(vectors(workshop)) == len(TEXTS)
    assert aws.texts_billed() == len(TEXTS)
    assert len(aws.all_jobs()) == 2


def test_a_text_that_is_refused_is_listed_in_awss_words(begin: Callable[..., Aws], workshop: Workshop) -> None:
    aws = begin()
    workshop.write("ruled.txt", f"A line under a title: {'-' * 3_000}")  # few tokens, and many characters

    run = aws.ingest("run", aws.folder, "--model", COHERE, "--json")

    assert run.status == 1
    (failure,) = run.json["failures"]
    assert "expected maxLength: 2048" in str(failure)
    assert len(vectors(workshop)) == len(TEXTS)


def test_too_few_records_are_told_and_not_sent_again_and_again(begin: Callable[..., Aws], workshop: Workshop) -> None:
    aws = begin(least=100)

    run = aws.ingest("run", aws.folder, "--json")
    status = aws.ingest("status")
    again = aws.ingest("run", aws.folder)
    aws.ingest("retry")
    at_once = aws.ingest("run", aws.folder, "--mode", "sync", "--json")

    assert run.status == 1
    assert {failure["code"] for failure in run.json["failures"]} == {"too_few_requests"}
    assert "required minimum of: 100. Texts that are so few are sent at once" in str(run.json["failures"])
    assert "--mode sync" in status.out
    assert again.status == 1
    assert len(aws.all_jobs()) == 1
    assert at_once.status == 0, at_once.err
    assert len(vectors(workshop)) == len(TEXTS)


@pytest.mark.parametrize("model", [TITAN, COHERE])
def test_texts_are_embedded_at_once_each_once(begin: Callable[..., Aws], workshop: Workshop, model: str) -> None:
    aws = begin(Fault("http_429_embeddings", count=2))

    run = aws.ingest("run", aws.folder, "--mode", "sync", "--model", model, "--json", INGEST_BATCH_FOLDER="")

    assert run.status == 0, run.err
    assert len(vectors(workshop)) == len(TEXTS)
    assert len(list(aws.emulator.bills())) == len(TEXTS)
    assert aws.all_jobs() == []


def test_a_job_that_has_no_room_waits(begin: Callable[..., Aws], workshop: Workshop) -> None:
    aws = begin(Fault("token_limit", count=1))

    run = aws.ingest("run", aws.folder, "--json", INGEST_REFUSED_WAIT_SECONDS="0")

    assert run.status == 0, run.err
    assert len(vectors(workshop)) == len(TEXTS)
    assert aws.texts_billed() == len(TEXTS)


def test_what_was_done_before_a_job_ended_early_is_loaded(begin: Callable[..., Aws], workshop: Workshop) -> None:
    aws = begin(Fault("expired_partial", count=1))

    run = aws.ingest("run", aws.folder, "--json")

    assert run.status == 0, run.err
    assert len(vectors(workshop)) == len(TEXTS)
    assert aws.texts_billed() == len(TEXTS)


def test_a_run_is_cancelled_by_stopping_its_job(begin: Callable[..., Aws]) -> None:
    aws = begin(Fault("stuck_in_progress"))
    aws.ingest("run", aws.folder, INGEST_FAILPOINT="after-submitted")

    cancel = aws.ingest("cancel", "--yes")

    assert cancel.status == 0, cancel.err
    assert [job["status"] for job in aws.all_jobs()] == ["Stopped"]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"INGEST_BATCH_ROLE": ""}, "set batch_folder (s3://bucket/folder) and batch_role"),
        ({"INGEST_BATCH_FOLDER": "bucket"}, "it is s3://bucket/folder"),
        ({"INGEST_BATCH_FOLDER": "s3://absent/x"}, "NoSuchBucket"),
        ({"AWS_ACCESS_KEY_ID": "another"}, "UnrecognizedClientException"),
        ({"AWS_DEFAULT_REGION": "nowhere at all"}, "region"),
        ({"INGEST_DIMENSIONS": "300"}, "256, 512, 1024 dimensions, not 300"),
        ({"INGEST_ACCOUNTS": '[{"name":"b","key_variable":"B_KEY"}]'}, "give each a corpus of its own"),
    ],
)
def test_what_is_wrong_is_one_clear_error(begin: Callable[..., Aws], variables: dict[str, str], words: str) -> None:
    aws = begin()

    run = aws.ingest("run", aws.folder, **variables)

    assert run.status == 2, run.err
    assert words in run.err
    assert "Traceback" not in run.err
    assert "a-secret-of-forty" not in run.out + run.err


def test_its_doctor_looks_at_the_folder_too(begin: Callable[..., Aws]) -> None:
    aws = begin()

    doctor = aws.ingest("doctor")
    astray = aws.ingest("doctor", INGEST_BATCH_FOLDER="s3://absent/x")

    assert "bedrock at s3://bucket/corpora: answers" in doctor.out, doctor.out + doctor.err
    assert astray.status != 0
