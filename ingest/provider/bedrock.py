"""Amazon Bedrock: batches as model invocation jobs, their files in a folder of the user's on S3.

By the API that botocore knows, and the vendor's documents (docs.aws.amazon.com/bedrock: "Process multiple prompts with
batch inference"; 2026). The credentials and the region are found as by all of AWS's tools.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pybase64

from ingest.provider.aws import NOT_THERE, ClientError, Config, Session, code_of, explained
from ingest.provider.bedrock_lines import WIRE, body_of, read_answer
from ingest.provider.protocol import (
    KEY_METADATA,
    TOO_FEW,
    Answer,
    BatchFault,
    RemoteBatch,
    ResultMissingError,
    Room,
    carrying,
    shown_status,
)
from ingest.redaction import foreign

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.provider.protocol import Account
    from ingest.provider.wire import Parameters

_STATUSES = {
    "Submitted": "validating",
    "Validating": "validating",
    "Scheduled": "in_progress",
    "InProgress": "in_progress",
    "Stopping": "cancelling",
    "Stopped": "cancelled",
    "Completed": "completed",
    "PartiallyCompleted": "expired",  # "not all of your records could be processed in time"
    "Expired": "expired",
    "Failed": "failed",
}
_WINDOW_HOURS = 24
_TRIES = 6  # of a call that may be made again
_PIECE_BYTES = 1 << 20
_RESULTS = ".jsonl.out"
# What is said of a job that failed, in words alone.
_SAYS_TOO_FEW = re.compile(r"\b(?:less|fewer) records\b|\bminimum (?:number|of)\b", re.IGNORECASE)
_SAYS_DENIED = re.compile(r"access ?denied|not authorized|permission|assume", re.IGNORECASE)
_SO_FEW = "Texts that are so few are sent at once, by --mode sync, or auto."


class BedrockProvider:
    """The jobs of one account in one region, their folder, and the models by themselves."""

    wire = WIRE

    def __init__(self, account: Account) -> None:
        self.name = account.name
        self.endpoint = account.folder or account.name
        self._account, self._folder = account, account.folder
        session = Session()
        with explained():
            self._jobs = _client(session, "bedrock", _TRIES, account.base_url)
            self._models = _client(session, "bedrock-runtime", 1)
            self._storage = _client(session, "s3", _TRIES)

    def close(self) -> None:
        """Close the connections."""
        for client in (self._jobs, self._models, self._storage):
            client.close()

    def upload(self, path: Path, filename: str) -> str:
        """Put a batch input file into the folder, under its name: once more, it is the same object."""
        self._account.require_folder()
        uri = f"{self._folder}/{filename}"
        with explained(changes=True), path.open("rb") as file:
            self._storage.put_object(**_place(uri), Body=file, ContentType="application/jsonl")
        return uri

    def find_file(self, filename: str) -> str | None:
        """The URI of an input file of that name."""
        uri = f"{self._folder}/{filename}"
        return next((found for found, _ in self._listed(uri) if found == uri), None)

    def input_files(self) -> Iterator[tuple[str, str]]:
        """The input files in the folder: URI and name."""
        before = f"{self._folder}/"
        for uri, _ in self._listed(before, Delimiter="/") if self._folder else ():
            yield uri, uri.removeprefix(before)

    def create_batch(self, input_file_id: str, key: str, parameters: Parameters) -> RemoteBatch:
        """Create a job whose name is our key, and whose token as well: once more, it is the same job."""
        with explained(changes=True):
            job = self._jobs.create_model_invocation_job(
                jobName=key,
                clientRequestToken=key,
                roleArn=self._account.role,
                modelId=parameters.model,
                inputDataConfig={"s3InputDataConfig": {"s3Uri": input_file_id, "s3InputFormat": "JSONL"}},
                outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"{self._folder}/{key}/"}},
                timeoutDurationInHours=_WINDOW_HOURS,
            )
            if "jobArn" not in job and (found := self.find_batch(key, input_file_id)):
                return found  # a request that is repeated is "ignored": its answer may be empty
            return RemoteBatch(job["jobArn"], "validating", input_file_id, metadata={KEY_METADATA: key})

    def find_batch(self, key: str, input_file_id: str | None) -> RemoteBatch | None:
        """The job that has our key as its name."""
        return carrying(self._all_jobs(nameContains=key), key, input_file_id)

    def batches(self) -> Iterator[RemoteBatch]:
        """The jobs of the account in this region, newest first."""
        return self._all_jobs()

    def _all_jobs(self, **chosen: str) -> Iterator[RemoteBatch]:
        with explained():
            pages = self._jobs.get_paginator("list_model_invocation_jobs")
            for page in pages.paginate(sortBy="CreationTime", sortOrder="Descending", **chosen):
                yield from map(_remote, page.get("invocationJobSummaries", ()))

    def retrieve_batch(self, batch_id: str) -> RemoteBatch | None:
        """The job as it is now; None where there is no such job."""
        with explained():
            try:
                job = self._jobs.get_model_invocation_job(jobIdentifier=batch_id)
            except ClientError as error:
                if code_of(error) in NOT_THERE:
                    return None
                raise
            remote = _remote(job)
            folder = job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"]
            is_made = remote.is_terminal and any(self._results(folder))
            return replace(remote, output_file_id=folder if is_made else None)

    def cancel_batch(self, batch_id: str) -> None:
        """Ask to stop; a job that is over, or unknown, stays as it is."""
        with explained():
            try:
                self._jobs.stop_model_invocation_job(jobIdentifier=batch_id)
            except ClientError as error:
                if code_of(error) not in {"ConflictException", "ValidationException", *NOT_THERE}:
                    raise

    def download(self, file_id: str) -> Iterator[bytes]:
        """The result files of a job as one stream, an empty line after each."""
        with explained():
            uris = [uri for uri, _ in self._results(file_id)]
            if not uris:
                raise ResultMissingError(f"there are no results below {file_id}.")
            for uri in uris:
                try:
                    yield from self._storage.get_object(**_place(uri))["Body"].iter_chunks(_PIECE_BYTES)
                except ClientError as error:
                    if code_of(error) in NOT_THERE:
                        raise ResultMissingError(f"there is no object {uri}.") from None
                    raise
                yield b"\n"

    def file_size(self, file_id: str) -> int | None:
        """The size of what `download` brings."""
        sizes = [size + 1 for _, size in self._results(file_id)]
        return sum(sizes) or None

    def delete_file(self, file_id: str) -> None:
        """Delete an object, or all below a folder of results; what is gone already is no error."""
        uris = [uri for uri, _ in self._listed(file_id)] if file_id.endswith("/") else [file_id]
        with explained():
            for uri in uris:
                self._storage.delete_object(**_place(uri))

    def _results(self, folder: str) -> Iterator[tuple[str, int]]:
        """The result files of a job: URI and size."""
        return ((uri, size) for uri, size in self._listed(folder) if uri.endswith(_RESULTS))

    def _listed(self, uri: str, **how: str) -> Iterator[tuple[str, int]]:
        """The objects whose URI begins so: URI and size."""
        place = _place(uri)
        with explained():
            for page in self._storage.get_paginator("list_objects_v2").paginate(
                Bucket=place["Bucket"], Prefix=place["Key"], **how
            ):
                for found in page.get("Contents", ()):
                    yield f"s3://{place['Bucket']}/{found['Key']}", found["Size"]

    def embed(self, texts: Sequence[str], parameters: Parameters) -> np.ndarray:
        """Embed a few texts at once, at the synchronous price. (len(texts), d) float32."""
        with explained():
            vectors = [self._asked(text, parameters)[0] for text in texts]
            return np.array(vectors, dtype=np.float32)

    def answer(self, texts: Sequence[str], parameters: Parameters) -> Answer:
        """Embed an array of texts, one by one, at the synchronous price."""
        with explained(changes=True, at_once=True):
            asked = [self._asked(text, parameters) for text in texts]
        encoded = [pybase64.b64encode_as_string(vector.tobytes()) for vector, _ in asked if vector is not None]
        counts = [billed for _, billed in asked if billed is not None]
        billed = sum(counts) if len(counts) == len(asked) else None
        return Answer(encoded if len(encoded) == len(texts) else None, billed, Room())

    def _asked(self, text: str, parameters: Parameters) -> tuple[np.ndarray | None, int | None]:
        response = self._models.invoke_model(
            modelId=parameters.model,
            body=msgspec.json.encode(body_of(text, parameters)),
            contentType="application/json",
            accept="application/json",
        )
        vector, billed = read_answer(response["body"].read())
        told = response["ResponseMetadata"]["HTTPHeaders"].get("x-amzn-bedrock-input-token-count", "")
        return vector, billed or (int(told) if told.isascii() and told.isdigit() and len(told) < 10 else None)

    def count_tokens(self, text: str, parameters: Parameters) -> int | None:  # noqa: ARG002
        """None: AWS counts for no embedding model."""
        return None

    def check(self) -> None:
        """Ask something that costs nothing, to see that the credentials are right."""
        with explained():
            self._jobs.list_model_invocation_jobs(maxResults=1)
            if self._folder:
                any(self._listed(f"{self._folder}/", Delimiter="/"))


connect = BedrockProvider


def _client(session: Any, service: str, tries: int, address: str | None = None) -> Any:
    retries = {"mode": "standard", "total_max_attempts": tries}
    config = Config(retries=retries, connect_timeout=15, read_timeout=60, user_agent_extra="pgvector-ingest")
    return session.create_client(service, endpoint_url=address, config=config)


def _place(uri: str) -> dict[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}


def _remote(job: dict[str, Any]) -> RemoteBatch:
    """A job by what is told of it, but for its results."""
    status = _STATUSES.get(job["status"], job["status"])
    return RemoteBatch(
        id=job["jobArn"],
        status=shown_status(status),
        input_file_id=job.get("inputDataConfig", {}).get("s3InputDataConfig", {}).get("s3Uri", ""),
        total=job.get("totalRecordCount") or 0,
        completed=job.get("successRecordCount") or 0,
        failed=job.get("errorRecordCount") or 0,
        faults=(_fault(job.get("message")),) if status == "failed" else (),
        metadata={KEY_METADATA: job["jobName"]},
    )


def _fault(message: str | None) -> BatchFault:
    """Why a job failed."""
    said = foreign(message, 1000) or "the job failed without a word"
    if _SAYS_TOO_FEW.search(said):
        return BatchFault(TOO_FEW, f"{said.rstrip('.')}. {_SO_FEW}")
    return BatchFault("AccessDeniedException" if _SAYS_DENIED.search(said) else "job_failed", said)
