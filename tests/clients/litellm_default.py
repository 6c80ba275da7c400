"""LiteLLM, as a library."""

import json
import os
import sys

import litellm

answer = litellm.embedding(
    model="openai/text-embedding-3-small",
    input=json.load(sys.stdin),
    dimensions=64,
    api_base=os.environ["OPENAI_BASE_URL"],
)
json.dump([each["embedding"] for each in answer.data], sys.stdout)
