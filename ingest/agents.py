"""The corpora of a database as tools for agents, by the Model Context Protocol: search, read, list. It only reads.

Needs the extra `mcp`.
"""

from __future__ import annotations

import hmac
import os
import stat
import sys
from contextlib import ExitStack, closing
from functools import wraps
from threading import RLock
from typing import TYPE_CHECKING, Annotated, Any, Literal, ParamSpec, Self, TypeVar

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from psycopg import errors, sql
from pydantic import BaseModel, Field, SecretStr
from starlette.responses import PlainTextResponse

from ingest.database.connection import connect
from ingest.database.ownership import NEXT, OLD
from ingest.database.statements import statement
from ingest.errors import IngestError, UsageError
from ingest.formatting import some
from ingest.redaction import learn
from ingest.searcher import Searcher
from ingest.serving import gated, http_url, listener

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

    from ingest.settings import Settings

Asked = ParamSpec("Asked")
Told = TypeVar("Told")

PATH = "/mcp"
_MOST_PASSAGES = 50
_MOST_AROUND = 20
_MOST_FILTERS = 20
_MOST_CHARACTERS = 40_000  # of one answer: some ten thousand tokens of an agent's context
_MOST_QUESTION = 10_000
_MIN_TOKEN, _LONGEST_TOKEN = 16, 1000
_READ_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
_INSTRUCTIONS = (
    "Passages of documents, found by their meaning and their words. `search` finds passages; `read` reads a document "
    "around one, by its id; `list_corpora` tells what there is, and by which fields a search can be filtered."
)
Filters = Annotated[
    list[str],
    Field(
        max_length=_MOST_FILTERS, description="All must hold: tenant=acme, published>=2024-01-31; =, !=, <, <=, >, >=."
    ),
]
CorpusName = Annotated[str | None, Field(description="Its name; it can be left out where there is one corpus.")]


class FoundPassage(BaseModel):
    """A passage, the best first; neighbours come as one, the same text comes once.

    `also_in`: other documents in which it was found; `is_cut`: its text is longer than there was room for.
    """

    id: int
    score: float
    uri: str
    title: str
    headings: list[str]
    first_page: int | None
    last_page: int | None
    first_line: int | None
    last_line: int | None
    text: str
    also_in: list[str]
    metadata: dict[str, Any]
    is_cut: bool = False


class Found(BaseModel):
    """What a search found."""

    corpus: str
    passages: list[FoundPassage]


class PartOfDocument(BaseModel):
    """Passages `first` to `last` of the `passages` of a document, counted from 0, as one text."""

    corpus: str
    uri: str
    title: str
    headings: list[str]
    first: int
    last: int
    passages: int
    text: str
    metadata: dict[str, Any]
    is_cut: bool = False


class ListedCorpus(BaseModel):
    """A corpus, and the fields that its passages can be filtered by, with their types."""

    corpus: str
    model: str | None = None
    documents: int | None = None
    filters: dict[str, str] = {}
    problem: str | None = None


class Tools:
    """What agents may do. Use as a context manager. `only`: with the corpus of the settings, and no other."""

    def __init__(self, settings: Settings, database_url: str, *, only: bool) -> None:
        """Nothing is opened before it is asked for."""
        self._settings, self._database_url, self._only = settings, database_url, only
        self._exit = ExitStack()
        self._searchers: dict[str, Searcher] = {}
        self._opening = RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._exit.close()

    def search(
        self,
        question: Annotated[str, Field(max_length=_MOST_QUESTION, description="What is to be found, in plain words.")],
        corpus: CorpusName = None,
        limit: Annotated[int, Field(ge=1, le=_MOST_PASSAGES, description="How many passages.")] = 5,
        filters: Filters = [],  # noqa: B006 - read, and shown to agents
        context: Annotated[
            Annotated[int, Field(ge=0, le=_MOST_AROUND)] | Literal["section"],
            Field(description="How many passages before and after each are shown with it; or its section."),
        ] = 0,
        per_document: Annotated[
            int | None, Field(ge=1, description="How many passages of one document at most; null: any number.")
        ] = None,
    ) -> Found:
        """Find the passages that answer a question, or that are about something."""
        name, searcher = self._searcher(corpus)
        room, passages = _Room(), []
        for each in searcher.search(question, limit, filters=filters, context=context, per_document=per_document):
            shown, is_cut = room.take(each.content)
            passages.append(
                FoundPassage(
                    id=each.id,
                    score=each.score,
                    uri=each.uri,
                    title=each.title,
                    headings=list(each.headings),
                    first_page=each.first_page,
                    last_page=each.last_page,
                    first_line=each.first_line,
                    last_line=each.last_line,
                    text=shown,
                    also_in=list(each.also_in[:_MOST_AROUND]),
                    metadata=room.fit(each.metadata),
                    is_cut=is_cut,
                )
            )
        return Found(corpus=name, passages=passages)

    def read(
        self,
        passage: Annotated[int, Field(description="The id of a passage that was found.")],
        corpus: CorpusName = None,
        before: Annotated[int, Field(ge=0, le=_MOST_AROUND, description="How many passages before it.")] = 2,
        after: Annotated[int, Field(ge=0, le=_MOST_AROUND, description="How many passages after it.")] = 2,
    ) -> PartOfDocument:
        """Read a document around a passage."""
        name, searcher = self._searcher(corpus)
        found = searcher.read(passage, before, after)
        room = _Room()
        text, is_cut = room.take(found.content)
        return PartOfDocument(
            corpus=name,
            uri=found.uri,
            title=found.title,
            headings=list(found.headings),
            first=found.first,
            last=found.last,
            passages=found.passages,
            text=text,
            metadata=room.fit(found.metadata),
            is_cut=is_cut,
        )

    def list_corpora(self) -> list[ListedCorpus]:
        """The corpora, and the fields that their passages can be filtered by."""
        with closing(connect(self._database_url, self._settings.corpus)) as connection:
            connection.execute(
                "SELECT set_config('default_transaction_read_only', 'on', false), "
                "set_config('row_security', 'on', false)"
            )
            names = [name for (name,) in connection.execute(statement("list_corpora")).fetchall()]
            found = []
            for name in self._served(names):
                try:
                    described = statement("describe_for_agents").format(corpus=sql.Identifier(name))
                    row = connection.execute(described).fetchone()
                except (errors.InsufficientPrivilege, errors.UndefinedTable, errors.UndefinedColumn):
                    problem = "it cannot be read: `ingest doctor` on it says why"
                    found.append(ListedCorpus(corpus=name, problem=problem))
                else:
                    model, documents, fields = row or (None, None, {})
                    found.append(ListedCorpus(corpus=name, model=model, documents=documents, filters=fields))
            return found

    def _served(self, names: list[str]) -> list[str]:
        """Those that are served; not the versions beside a corpus."""
        if self._only:
            return [name for name in names if name == self._settings.corpus]
        beside = {name + suffix for name in names for suffix in (NEXT, OLD)}
        return [name for name in names if name not in beside]

    def _searcher(self, corpus: str | None) -> tuple[str, Searcher]:
        with self._opening:
            name = corpus or (self._settings.corpus if self._only else None)
            if name not in self._searchers:
                there = [each.corpus for each in self.list_corpora()]
                if name is None and len(there) == 1:
                    (name,) = there
                if name is None or name not in there:
                    what = "say which corpus" if name is None else f"there is no corpus {name}"
                    raise UsageError(f"{what}: there are {some(there)}." if there else "there is no corpus yet.")
                if name not in self._searchers:
                    searcher = Searcher(self._settings.saying(corpus=name, database_url=SecretStr(self._database_url)))
                    self._searchers[name] = self._exit.enter_context(searcher)
            return name, self._searchers[name]


class _Room:
    """What is left of the letters that one answer may have."""

    def __init__(self) -> None:
        self._left = _MOST_CHARACTERS

    def take(self, text: str) -> tuple[str, bool]:
        """The text, or its beginning; and whether it was cut."""
        shown = text[: self._left]
        self._left -= len(shown)
        return shown, len(shown) < len(text)

    def fit(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """The metadata of a document, where there is room for it."""
        size = len(str(metadata))
        if size > self._left:
            return {}
        self._left -= size
        return metadata


def server_of(tools: Tools) -> MCPServer[Any]:
    """The server of these tools."""
    from importlib.metadata import version

    server: MCPServer[Any] = MCPServer(
        "pgvector-ingest",
        title="Corpora of pgvector-ingest",
        instructions=_INSTRUCTIONS,
        version=version("pgvector-ingest"),
        log_level="ERROR",  # that an agent asks what cannot be is told to the agent
    )
    for tool in (tools.search, tools.read, tools.list_corpora):
        server.add_tool(_in_one_line(tool), annotations=_READ_ONLY)
    return server


def _in_one_line(tool: Callable[Asked, Told]) -> Callable[Asked, Told]:
    """The tool, whose errors are for the agent to read."""

    @wraps(tool)
    def called(*args: Asked.args, **kwargs: Asked.kwargs) -> Told:
        try:
            return tool(*args, **kwargs)
        except IngestError as error:
            raise ToolError(" ".join(str(error).split())) from error

    return called


def serve_stdio(tools: Tools) -> None:
    """Serve one client, on standard input and output, until it is gone."""
    if sys.stdin.isatty():
        raise UsageError("an MCP client starts this by itself, and speaks to it by standard input: see docs/agents.md.")
    _run(server_of(tools).run_stdio_async)


def serve_http(tools: Tools, host: str, port: int, token: str, ready: Callable[[str], None]) -> None:
    """Serve by streamable HTTP until SIGINT or SIGTERM, whoever has the token. `ready` is told the address.

    Raises:
        UsageError: the address or the token cannot be used.
    """
    if len(token) < _MIN_TOKEN or not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError(
            f"the token has {_MIN_TOKEN} letters or more, of ASCII, without blanks: `openssl rand -hex 32` makes one."
        )
    learn(token)
    server = server_of(tools)
    # Without sessions nothing is kept of a client between its calls, nor by whom they were made.
    application = server.streamable_http_app(
        streamable_http_path=PATH, json_response=True, stateless_http=True, host=host
    )

    async def run() -> None:
        with listener(host, port) as listening:
            async with server.session_manager.run():
                ready(http_url(host, listening) + PATH)
                await gated(_with_token(application, token)).serve(sockets=[listening])

    _run(run)


def _run(serving: Callable[[], Awaitable[None]]) -> None:
    """Serve until an interrupt, which comes out of what ran beside each other as a group."""
    try:
        anyio.run(serving)
    except BaseExceptionGroup as ended:
        if ended.subgroup(KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise


def token_in(file: Path) -> str:
    """The token that stands in a file.

    Raises:
        UsageError: it cannot be read, or others can read it.
    """
    try:
        with file.open(encoding="utf-8") as opened:
            if stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
                raise UsageError(f"others than its owner may read {file}: chmod 600 it, or make another token.")
            return opened.read(_LONGEST_TOKEN).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the token cannot be read: {error}.") from error


def _with_token(application: ASGIApp, token: str) -> ASGIApp:
    """The application, for those who have the token."""
    wanted = f"Bearer {token}".encode()

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope.get("headers", [])).get(b"authorization", b"")
        if hmac.compare_digest(given, wanted):
            await application(scope, receive, send)
        else:
            headers = {"WWW-Authenticate": "Bearer"}
            await PlainTextResponse("the token is missing or wrong\n", 401, headers)(scope, receive, send)

    return guarded
