"""Passages for questions, over HTTP: `uvicorn app:app`, with the settings of ingest.toml and the environment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException

from ingest import AsyncSearcher, UnreachableError, UsageError
from ingest.corpus import Passage
from ingest.settings import load_settings

searcher = AsyncSearcher(load_settings())


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Connections are opened with the application, and closed with it."""
    async with searcher:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/search")
async def search(question: str, limit: int = 5) -> list[Passage]:
    """The passages nearest to a question."""
    try:
        return await searcher.search(question, limit)
    except UsageError as error:
        raise HTTPException(422, str(error)) from error
    except UnreachableError as error:
        raise HTTPException(503, str(error)) from error
