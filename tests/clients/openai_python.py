"""The official SDK of Python, at once and by a batch: both forms of encoding."""

import json
import sys
import time

from openai import OpenAI

texts = json.load(sys.stdin)
model = "text-embedding-3-small"
with OpenAI() as client:
    assert model in [each.id for each in client.models.list()]
    vectors = [each.embedding for each in client.embeddings.create(model=model, input=texts, dimensions=64).data]
    body = {"model": model, "dimensions": 64}
    lines = [
        {"custom_id": str(number), "method": "POST", "url": "/v1/embeddings", "body": {**body, "input": text}}
        for number, text in enumerate(texts)
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    file = client.files.create(file=("requests.jsonl", content), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")
    while batch.status not in ("completed", "failed"):
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
    results = [json.loads(line) for line in client.files.content(batch.output_file_id or "").iter_lines()]
    by_batch = {result["custom_id"]: result["response"]["body"]["data"][0]["embedding"] for result in results}
for number, vector in enumerate(vectors):
    assert all(abs(a - b) < 1e-6 for a, b in zip(vector, by_batch[str(number)], strict=True))
json.dump(vectors, sys.stdout)
