"""Embed a corpus through the OpenAI Batch API and bulk-load the vectors into pgvector."""
