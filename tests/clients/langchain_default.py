"""LangChain's OpenAIEmbeddings as it comes: it sends arrays of token numbers."""

import json
import sys

from langchain_openai import OpenAIEmbeddings

embeddings = OpenAIEmbeddings(model="text-embedding-3-small", dimensions=64)
json.dump(embeddings.embed_documents(json.load(sys.stdin)), sys.stdout)
