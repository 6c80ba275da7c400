"""autobatcher gathers single calls into a batch, and reads its results as they come."""

import asyncio
import json
import os
import sys

from autobatcher import BatchOpenAI


async def main() -> None:
    texts = json.load(sys.stdin)
    async with BatchOpenAI(
        api_key=os.environ["OPENAI_API_KEY"],
        base_url=os.environ["OPENAI_BASE_URL"],  # it reads results itself, and that not at the environment's address
        batch_window_seconds=0.2,
        poll_interval_seconds=0.2,
    ) as client:
        answers = await asyncio.gather(
            *(client.embeddings.create(model="text-embedding-3-small", input=text, dimensions=64) for text in texts)
        )
    json.dump([answer.data[0].embedding for answer in answers], sys.stdout)


asyncio.run(main())
