"""The calls: model invocation jobs, by the paths and fields of their API, and InvokeModel."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from secrets import choice
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from ingest.emulator.bedrock.errors import conflict, invalid, over_quota
from ingest.emulator.bedrock.models import answered, asked
from ingest.emulator.bedrock.storage import Storage
from ingest.emulator.errors import ApiError
from ingest.emulator.records import NewFile, new_id
from ingest.emulator.requests import in_thread, with_body
from ingest.emulator.responses import json_response
from ingest.emulator.seen import seen
from ingest.emulator.vendor import Endpoint
from ingest.errors import UNREADABLE_JSON

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ingest.emulator.records import Batch
    from ingest.emulator.service import Service

_JOBS = "/model-invocation-jobs"
_JOB = "/model-invocation-job"
_ARN = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/"
_PAGE, _MOST = 100, 1_000
_HOUR_S = 3_600
_STATUSES = {
    "validating": "Validating",
    "scheduling": "Scheduled",
    "in_progress": "InProgress",
    "finalizing": "InProgress",
    "cancelling": "Stopping",
    "cancelled": "Stopped",
    "completed": "Completed",
    "expired": "PartiallyCompleted",
    "failed": "Failed",
}
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9\+\-\.]){0,63}$", max_length=63)]
_Token = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9]{1,256}(-*[a-zA-Z0-9]){0,256}$", max_length=256)]
_Role = Annotated[str, msgspec.Meta(pattern=r"^arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+$")]
_Uri = Annotated[str, msgspec.Meta(pattern=r"^s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](/[-!_*'().a-zA-Z0-9]+)*/?$")]


class _Place(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    s3_uri: _Uri = msgspec.field(name="s3Uri")
    s3_input_format: Literal["JSONL"] = msgspec.field(name="s3InputFormat", default="JSONL")


class _Input(msgspec.Struct, forbid_unknown_fields=True):
    place: _Place = msgspec.field(name="s3InputDataConfig")


class _OutputPlace(msgspec.Struct, forbid_unknown_fields=True):
    s3_uri: _Uri = msgspec.field(name="s3Uri")


class _Output(msgspec.Struct, forbid_unknown_fields=True):
    place: _OutputPlace = msgspec.field(name="s3OutputDataConfig")


class _NewJob(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    job_name: _Name
    role_arn: _Role
    model_id: str
    input_data_config: _Input
    output_data_config: _Output
    client_request_token: _Token | None = None
    timeout_duration_in_hours: Annotated[int, msgspec.Meta(ge=24, le=168)] = 24


def new_batch_id() -> str:
    """The ARN of a new job."""
    return _ARN + "".join(choice(ascii_lowercase + digits) for _ in range(12))


def new_result_id() -> str:
    """A file of results, before it is put on the storage."""
    return new_id("file-")


def endpoints(service: Service) -> list[Endpoint]:
    """The calls."""
    calls = _Calls(service)
    return [
        Endpoint("POST", _JOB, "create", with_body(calls.create)),
        Endpoint("GET", _JOBS, "list_batches", in_thread(calls.list_jobs)),
        Endpoint("GET", f"{_JOB}/{{job:path}}", "retrieve", in_thread(calls.retrieve)),
        Endpoint("POST", f"{_JOB}/{{job:path}}/stop", "cancel", in_thread(calls.stop)),
        Endpoint("POST", "/model/{model:path}/invoke", "embeddings", with_body(calls.invoke)),
    ]


@dataclass(frozen=True, slots=True)
class _Calls:
    """What each call answers."""

    service: Service
    storage: Storage = field(default_factory=Storage)

    def create(self, body: bytes, _: Request) -> Response:
        try:
            new = msgspec.json.decode(body, type=_NewJob)
        except UNREADABLE_JSON as error:
            raise invalid(f"1 validation error detected: {error}") from None
        if new.model_id not in self.service.limits.models:
            raise invalid("The provided model identifier is invalid.")
        asked_for = {
            "job": new.job_name,
            "role": new.role_arn,
            "input": new.input_data_config.place.s3_uri,
            "output": new.output_data_config.place.s3_uri,
            "hours": str(new.timeout_duration_in_hours),
        }
        token = new.client_request_token
        for batch in self._batches(_MOST):  # whether names are used once is not said: here they may be used again
            known = batch.metadata or {}
            if token and known["token"] == token:
                if known != {**asked_for, "token": token} or batch.model != new.model_id:
                    raise conflict("The client request token was used with other parameters.")
                return json_response({})  # it is "ignored, without an error"; whether its ARN is told is not said
        most, opened = self.service.limits.open_batches, len(self.service.store.open_batches())
        if self.service.faults.fires("token_limit") or (most is not None and opened >= most):
            raise over_quota()
        name = asked_for["input"].rpartition("/")[2]
        file_id = new_id("file-")
        self.service.store.write_content(file_id, self.storage.read(asked_for["input"]))
        lasts_s = new.timeout_duration_in_hours * _HOUR_S
        file = self.service.store.add_file(NewFile(file_id, name, "batch", time.time() + 2 * lasts_s))
        metadata = {**asked_for, "token": token or ""}
        return json_response({"jobArn": self.service.add_batch(file, metadata=metadata, model=new.model_id).id})

    def list_jobs(self, request: Request) -> Response:
        query = request.query_params
        size, after = int(query.get("maxResults", _PAGE)), query.get("nextToken")
        if not 0 < size <= _MOST or query.get("sortBy", "CreationTime") != "CreationTime":
            raise invalid("1 validation error detected.")
        if query.get("sortOrder", "Descending") != "Descending":
            raise ApiError(501, "Jobs are listed here newest first alone.")
        batches = self._batches(size + 1, int(after) if after else None)
        wanted = query.get("nameContains", "")
        shown = [self._job(batch) for batch in batches[:size] if wanted in (batch.metadata or {})["job"]]
        following = {"nextToken": str(batches[size - 1].number)} if len(batches) > size else {}
        return json_response({"invocationJobSummaries": shown, **following})

    def retrieve(self, request: Request) -> Response:
        batch = self.service.asked_after(self._batch(request))
        if batch.has_ended:
            batch = self._published(batch)
        return json_response(self._job(batch))

    def stop(self, request: Request) -> Response:
        batch = self.service.cancel(self._batch(request))
        if batch.status != "cancelling":
            raise conflict("The job is not in a state in which it can be stopped.")
        return json_response({})

    def invoke(self, body: bytes, request: Request) -> Response:
        wanted = asked(body, request.path_params["model"])
        embedded = self.service.embedded(wanted)
        tokens = sum(embedded.token_counts)
        headers = {"x-amzn-bedrock-input-token-count": str(tokens)}
        has_none = not len(embedded.vectors)
        return json_response(answered(wanted, None if has_none else embedded.vectors, tokens), headers=headers)

    def _batches(self, most: int, after: int | None = None) -> list[Batch]:
        return self.service.batches(limit=most, after=after)

    def _batch(self, request: Request) -> Batch:
        told = request.path_params["job"]
        batch = self.service.store.batch(told if told.startswith(_ARN) else _ARN + told)
        if batch is None:
            raise ApiError(404, "Could not find the model invocation job.")
        return batch

    def _published(self, batch: Batch) -> Batch:
        """A job that has ended, its results on the storage: they are put there before that is first told."""
        if not batch.output_file_id:
            return batch
        told = batch.metadata or {}
        folder = f"{told['output'].rstrip('/')}/{batch.id.removeprefix(_ARN)}"
        path = self.service.store.content_path(batch.output_file_id)
        self.storage.write(f"{folder}/{told['input'].rpartition('/')[2]}.out", path)
        counts = {"totalRecordCount": batch.total, "processedRecordCount": batch.completed + batch.failed}
        manifest = {**counts, "successRecordCount": batch.completed, "errorRecordCount": batch.failed}
        self.storage.write(f"{folder}/manifest.json.out", msgspec.json.encode(manifest))
        done = msgspec.structs.replace(batch, output_file_id=None)
        self.service.store.update_batch(batch, done)
        return done

    def _job(self, batch: Batch) -> dict[str, Any]:
        """A job, as it is told."""
        view = seen(batch, self.service.faults)
        told, kept = view.batch, batch.metadata or {}
        job: dict[str, Any] = {
            "jobArn": told.id,
            "jobName": kept["job"],
            "modelId": told.model,
            "clientRequestToken": kept["token"],
            "roleArn": kept["role"],
            "status": _STATUSES[told.status],
            "submitTime": _time(told.created_at),
            "inputDataConfig": {"s3InputDataConfig": {"s3Uri": kept["input"], "s3InputFormat": "JSONL"}},
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": kept["output"]}},
            "timeoutDurationInHours": int(kept["hours"]),
        }
        if told.errors:
            job["message"] = re.sub(r"\s+", " ", "; ".join(error.message for error in told.errors))
        if view.tells_counts:
            job["totalRecordCount"] = told.total
            job["processedRecordCount"] = told.completed + told.failed
            job["successRecordCount"] = told.completed
            job["errorRecordCount"] = told.failed
        return job


def _time(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
