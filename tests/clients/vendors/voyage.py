"""Voyage's SDK, which has no batches: all at once."""

import json
import os
import sys

import voyageai

texts = json.load(sys.stdin)
client = voyageai.Client(api_key=os.environ["VOYAGE_API_KEY"], base_url=os.environ["VOYAGE_BASE_URL"])
asked = {"model": "voyage-4-lite", "output_dimension": 256, "truncation": False}
sides = {"documents": "document", "queries": "query"}
answers = {name: client.embed(texts, input_type=side, **asked) for name, side in sides.items()}
assert all(answer.total_tokens > 0 for answer in answers.values())
json.dump({name: answer.embeddings for name, answer in answers.items()}, sys.stdout)
