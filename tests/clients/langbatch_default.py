"""LangBatch: its own file, batch and results."""

import json
import sys
import time
from pathlib import Path

from langbatch.openai import OpenAIEmbeddingBatch

texts = json.load(sys.stdin)
batch = OpenAIEmbeddingBatch.create(texts, request_kwargs={"model": "text-embedding-3-small", "dimensions": 64})
order = [json.loads(line)["custom_id"] for line in Path(batch._file).read_text().splitlines()]
batch.start()
while batch.get_status() not in ("completed", "failed"):
    time.sleep(0.05)
done, failed = batch.get_results()
assert not failed
vectors = {result["custom_id"]: result["embedding"] for result in done}
json.dump([vectors[custom_id] for custom_id in order], sys.stdout)
