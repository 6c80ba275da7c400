"""openbatch writes the request file; the SDK sends it."""

import json
import sys
import tempfile
import time
from pathlib import Path

from openai import OpenAI
from openbatch import BatchCollector

texts = json.load(sys.stdin)
with tempfile.TemporaryDirectory() as folder, OpenAI() as client:
    path = Path(folder) / "requests.jsonl"
    collector = BatchCollector(path)
    for number, text in enumerate(texts):
        collector.embeddings.create(str(number), "text-embedding-3-small", text, dimensions=64)
    file = client.files.create(file=path, purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")
    while batch.status not in ("completed", "failed"):
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
    results = [json.loads(line) for line in client.files.content(batch.output_file_id or "").iter_lines()]
results.sort(key=lambda result: int(result["custom_id"]))
json.dump([result["response"]["body"]["data"][0]["embedding"] for result in results], sys.stdout)
