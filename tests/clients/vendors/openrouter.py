"""OpenRouter's SDK: by a batch, whose results stand in its answer; then all at once, which must be the same."""

import json
import os
import sys
import time

from openrouter import OpenRouter

texts = json.load(sys.stdin)
model = "openai/text-embedding-3-small"
requests = [{"custom_id": str(place), "body": {"input": text, "dimensions": 64}} for place, text in enumerate(texts)]
with OpenRouter(api_key=os.environ["OPENROUTER_API_KEY"], server_url=os.environ["OPENROUTER_BASE_URL"]) as client:
    batch = client.batch.create_batches(endpoint="/v1/embeddings", model=model, requests=requests)
    while batch.status in ("validating", "in_progress", "finalizing"):
        time.sleep(0.1)
        batch = client.batch.get_batches(id=batch.id)
    assert batch.status == "completed", batch
    assert batch.id in [each.id for each in client.batch.list().result.data]
    results = sorted(batch.results, key=lambda result: int(result.custom_id))
    vectors = [result.response.body.data[0].embedding for result in results]

    at_once = client.embeddings.generate(input=texts, model=model, dimensions=64)
    assert [item.embedding for item in at_once.data] == vectors
    assert client.batch.delete(id=batch.id).id == batch.id
json.dump({"documents": vectors}, sys.stdout)
