"""google-genai, from an upload under a name of one's own to vectors; the version of the API is the one argument."""

import io
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

from google import genai
from google.genai import errors, types

MODEL = "gemini-embedding-001"
texts = json.load(sys.stdin)
warnings.simplefilter("ignore")  # batches of embeddings are experimental, it says
options = types.HttpOptions(base_url=os.environ["GEMINI_BASE_URL"], api_version=sys.argv[1])
client = genai.Client(api_key=os.environ["GEMINI_API_KEY"], http_options=options)


def refused(call: Callable[..., Any], **parameters: Any) -> int:
    """The status by which a call is refused."""
    try:
        call(**parameters)
    except errors.ClientError as error:
        return int(error.code)
    raise AssertionError("it was not refused")


def finished(name: str) -> types.BatchJob:
    """The batch at its end."""
    while not (job := client.batches.get(name=name)).done:
        time.sleep(0.05)
    return job


request = {"task_type": "RETRIEVAL_DOCUMENT", "output_dimensionality": 768}
lines = [
    {"key": str(number), "request": {"content": {"parts": [{"text": text}]}, **request}}
    for number, text in enumerate(texts)
]
# More than one piece, of 8 MiB.
content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
content = content[:-1] + b" " * (9 << 20) + b"\n"
named = types.UploadFileConfig(name="files/my-requests", display_name="my-requests.jsonl", mime_type="jsonl")
file = client.files.upload(file=io.BytesIO(content), config=named)
assert (file.name, file.size_bytes, file.state) == ("files/my-requests", len(content), types.FileState.ACTIVE)
assert refused(client.files.upload, file=io.BytesIO(content), config=named) == 409
assert [each.name for each in client.files.list()] == [file.name]

source = types.EmbeddingsBatchJobSource(file_name=file.name)
jobs = [
    client.batches.create_embeddings(model=MODEL, src=source, config={"display_name": f"batch {number}"})
    for number in range(3)
]
client.batches.cancel(name=jobs[2].name)
job = finished(jobs[0].name)
assert job.state == types.JobState.JOB_STATE_SUCCEEDED, job
assert job.display_name == "batch 0"
ends = {each.name: finished(each.name).state for each in jobs[1:]}
assert ends[jobs[2].name] in (types.JobState.JOB_STATE_CANCELLED, types.JobState.JOB_STATE_SUCCEEDED)
listed = [each.name for each in client.batches.list(config={"page_size": 2})]
assert listed == [each.name for each in reversed(jobs)], listed
for each in jobs[1:]:
    client.batches.delete(name=each.name)
assert [each.name for each in client.batches.list()] == [job.name]

results = [json.loads(line) for line in client.files.download(file=job.dest.file_name).splitlines()]
by_key = {result["key"]: result["response"]["embedding"]["values"] for result in results}
client.files.delete(name=file.name)
assert refused(client.files.get, name=file.name) == 403

answer = client.models.embed_content(
    model=MODEL, contents=texts, config={"task_type": "RETRIEVAL_QUERY", "output_dimensionality": 768}
)
one = client.models.embed_content(model="gemini-embedding-2", contents=texts)
counted = client.models.count_tokens(model=MODEL, contents=texts)
assert len(one.embeddings) == 1  # what is given to this model is parts of one content
assert counted.total_tokens > len(texts)
assert MODEL in [each.name.removeprefix("models/") for each in client.models.list()]
documents = [by_key[str(number)] for number in range(len(texts))]
json.dump({"documents": documents, "queries": [each.values for each in answer.embeddings]}, sys.stdout)
