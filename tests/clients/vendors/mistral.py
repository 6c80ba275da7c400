"""mistralai, from an upload to vectors."""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from mistralai.client import Mistral, errors

MODEL = "mistral-embed"
texts = json.load(sys.stdin)
client = Mistral(api_key=os.environ["MISTRAL_API_KEY"], server_url=os.environ["MISTRAL_BASE_URL"].removesuffix("/v1"))


def refused(call: Callable[..., Any], **parameters: Any) -> int:
    """The status by which a call is refused."""
    try:
        call(**parameters)
    except errors.MistralError as error:
        return int(error.status_code)
    raise AssertionError("it was not refused")


def finished(job_id: str) -> Any:
    """The job at its end."""
    while (job := client.batch.jobs.get(job_id=job_id)).status in ("QUEUED", "RUNNING", "CANCELLATION_REQUESTED"):
        time.sleep(0.05)
    return job


lines = [{"custom_id": str(number), "body": {"input": text}} for number, text in enumerate(texts)]
content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
file = client.files.upload(file={"file_name": "my-requests.jsonl", "content": content}, purpose="batch")
assert (file.filename, file.size_bytes, file.sample_type) == ("my-requests.jsonl", len(content), "batch_request")
assert client.files.retrieve(file_id=file.id).id == file.id
found = client.files.list(page=0, page_size=1, purpose="batch", search="my-requests")
assert (found.total, [each.id for each in found.data]) == (1, [file.id])

jobs = [
    client.batch.jobs.create(
        input_files=[file.id],
        endpoint="/v1/embeddings",
        model=MODEL,
        metadata={"number": str(number)},
        timeout_hours=24,
    )
    for number in range(3)
]
client.batch.jobs.cancel(job_id=jobs[2].id)
job = finished(jobs[0].id)
assert (job.status, job.metadata, job.model) == ("SUCCESS", {"number": "0"}, MODEL), job
assert (job.total_requests, job.succeeded_requests, job.failed_requests) == (len(texts), len(texts), 0), job
finished(jobs[1].id)
assert finished(jobs[2].id).status in ("CANCELLED", "SUCCESS")
first, second = (client.batch.jobs.list(page=number, page_size=2, order_by="-created") for number in range(2))
listed = [each.id for page in (first, second) for each in page.data]
assert (listed, first.total) == ([each.id for each in reversed(jobs)], 3), listed
for each in jobs[1:]:
    assert client.batch.jobs.delete(job_id=each.id).deleted
assert client.batch.jobs.list().total == 1

results = [json.loads(line) for line in client.files.download(file_id=job.output_file).read().splitlines()]
by_id = {each["custom_id"]: each["response"]["body"]["data"][0]["embedding"] for each in results}
assert client.files.delete(file_id=file.id).deleted
assert refused(client.files.retrieve, file_id=file.id) == 404

answer = client.embeddings.create(model=MODEL, inputs=texts)
assert answer.usage.total_tokens > len(texts)
assert refused(client.embeddings.create, model=MODEL, inputs=texts, output_dimension=256) == 400
assert MODEL in [each.id for each in client.models.list().data]
documents = [by_id[str(number)] for number in range(len(texts))]
json.dump({"documents": documents, "queries": [each.embedding for each in answer.data]}, sys.stdout)
