"""LlamaIndex's OpenAIEmbedding as it comes."""

import json
import os
import sys

from llama_index.embeddings.openai import OpenAIEmbedding

embedding = OpenAIEmbedding(
    model="text-embedding-3-small", dimensions=64, api_base=os.environ["OPENAI_BASE_URL"], reuse_client=False
)
json.dump(embedding.get_text_embedding_batch(json.load(sys.stdin)), sys.stdout)
