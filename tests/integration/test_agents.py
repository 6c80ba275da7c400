"""`ingest mcp`, asked by the official SDK's own client: in the process, by standard input and output, by HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from process_checks import serving

from ingest.agents import Tools, server_of, token_in
from ingest.errors import UsageError
from ingest.settings import load_settings
from ingest.sources.files import Files
from ingest.sources.records import Fields

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from mcp.types import CallToolResult
    from workshop import Workshop

TOKEN = "0123456789abcdef-a-token-of-the-tests"
PART = (
    "## Part {0}\n\nWhat part {0} says. And twenty words more, which fill a passage of its own, "
    "so that it has neighbours."
)
QUESTION = "All that is to be said about bees."
LINES = "".join(
    json.dumps({"id": subject, "text": f"All that is to be said about {subject}.", "tenant": tenant}) + "\n"
    for subject, tenant in (("ants", "acme"), ("bees", "acme"), ("cats", "bolt"))
)


@pytest.fixture
def filled(workshop: Workshop) -> Workshop:
    path = workshop.write("a.jsonl", LINES)
    with workshop.pipeline(filters={"tenant": "text"}) as pipeline:
        pipeline.run(Files([str(path)], Fields(metadata=("tenant",))))
    workshop.write("book.md", "# Book\n\n" + "\n\n".join(PART.format(n) for n in range(9)))
    with workshop.pipeline(corpus="books", chunk_tokens=32) as pipeline:
        pipeline.run([str(workshop.folder / "book.md")])
    return workshop


def environment(workshop: Workshop) -> dict[str, Any]:
    """That of an MCP server, as a client's configuration gives it."""
    return {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "INGEST_DATA_DIR": str(workshop.data_dir),
    }


def told(result: CallToolResult) -> Any:
    """What a tool answered."""
    assert not result.is_error, result.content
    return result.structured_content


def refused(result: CallToolResult) -> str:
    """Why a tool did not do what was asked: one line."""
    assert result.is_error
    (content,) = result.content
    assert content.type == "text"
    assert "\n" not in content.text
    return content.text


async def converse(client: Client) -> None:
    """What an agent does: it looks what there is, searches, and reads on."""
    tools = (await client.list_tools()).tools
    assert {tool.name for tool in tools} == {"search", "read", "list_corpora"}
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)

    corpora = told(await client.call_tool("list_corpora", {}))["result"]
    assert [(each["corpus"], each["documents"], each["filters"]) for each in corpora] == [
        ("books", 1, {}),
        ("corpus", 3, {"tenant": "text"}),
    ]

    asked: dict[str, Any] = {"question": QUESTION, "corpus": "corpus"}
    found = told(await client.call_tool("search", {**asked, "limit": 1}))["passages"]
    assert [each["text"] for each in found] == [QUESTION]
    assert found[0]["metadata"]["tenant"] == "acme"
    found = told(await client.call_tool("search", {**asked, "filters": ["tenant=bolt"]}))["passages"]
    assert [each["uri"].partition("#")[2] for each in found] == ["cats"]

    asked = {"question": "What part 4 says.", "corpus": "books", "limit": 1}
    (part,) = told(await client.call_tool("search", asked))["passages"]
    (number,) = map(int, re.findall(r"What part (\d) says", part["text"]))  # the emulator's vectors mean little
    assert part["first_line"] <= 5 + 4 * number <= part["last_line"]
    (wide,) = told(await client.call_tool("search", {**asked, "context": 1}))["passages"]
    there = [int(each) for each in re.findall(r"What part (\d) says", wide["text"])]
    assert there == [each for each in (number - 1, number, number + 1) if 0 <= each < 9]
    around = told(await client.call_tool("read", {"passage": part["id"], "corpus": "books", "before": 20, "after": 20}))
    assert all(PART.format(n) in around["text"] for n in range(9))
    assert (around["first"], around["last"], around["is_cut"]) == (0, around["passages"] - 1, False)


def in_process(
    workshop: Workshop, ask: Callable[[Client], Awaitable[Any]], *, only: bool = False, **flags: object
) -> Any:
    """What an agent is answered by a server in this process."""

    async def conversation() -> Any:
        with Tools(load_settings(workshop.flags | flags), workshop.database_url, only=only) as tools:
            async with Client(server_of(tools)) as client:
                return await ask(client)

    return asyncio.run(conversation())


def test_an_agent_searches_and_reads_on_by_standard_input_and_output(filled: Workshop) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "ingest", "mcp"], env=environment(filled), cwd=filled.data_dir
    )

    async def conversation() -> None:
        async with Client(server) as client:
            await converse(client)

    asyncio.run(conversation())


@contextmanager
def served(workshop: Workshop, *flags: str, token: str = TOKEN) -> Iterator[str]:
    """`ingest mcp --http`, as a process of its own: its address."""
    given = environment(workshop) | {"INGEST_MCP_TOKEN": token}
    with serving("mcp", "--http", *flags, folder=workshop.data_dir, environment=given, secret=TOKEN) as url:
        yield url


@asynccontextmanager
async def connected(url: str, token: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


def test_an_agent_does_so_by_http_with_the_token_and_nobody_without(filled: Workshop) -> None:
    with served(filled) as url:

        async def conversation(token: str) -> None:
            async with connected(url, token) as client:
                await converse(client)

        asyncio.run(conversation(TOKEN))
        with pytest.raises((MCPError, ExceptionGroup)):
            asyncio.run(conversation(TOKEN[:-1]))
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        headers = {"Accept": "application/json, text/event-stream"}
        assert httpx2.post(url, json=body, headers=headers).status_code == 401
        authorised = {**headers, "Authorization": f"Bearer {TOKEN}"}
        elsewhere = httpx2.post(url, json=body, headers={**authorised, "Host": "elsewhere.example"})
        assert elsewhere.status_code == 421  # a page that had its own name point here


def test_what_is_asked_wrongly_is_answered_by_one_line(filled: Workshop) -> None:
    async def ask(client: Client) -> list[str]:
        asked: list[tuple[str, dict[str, Any]]] = [
            ("search", {"question": QUESTION}),
            ("search", {"question": QUESTION, "corpus": "other"}),
            ("search", {"question": QUESTION, "corpus": "corpus; DROP SCHEMA books"}),
            ("search", {"question": "  ", "corpus": "corpus"}),
            ("search", {"question": QUESTION, "corpus": "corpus", "filters": ["colour=red"]}),
            ("search", {"question": QUESTION, "corpus": "corpus", "filters": ["tenant = '' OR 1=1 --"]}),
            ("read", {"passage": 10**6, "corpus": "corpus"}),
        ]
        return [
            refused(await client.call_tool(*each)) if place != 5 else str(told(await client.call_tool(*each)))
            for place, each in enumerate(asked)
        ]

    said = in_process(filled, ask)

    assert said[0].endswith("say which corpus: there are books, corpus.")
    assert said[1].endswith("there is no corpus other: there are books, corpus.")
    assert "there is no corpus corpus; DROP SCHEMA books" in said[2]
    assert "give some words" in said[3]
    assert "no field colour" in said[4]
    assert "'passages': []" in said[5]  # a tenant of that name, which there is not
    assert "no passage 1000000" in said[6]
    assert filled.query("SELECT count(*) FROM books.documents") == [(1,)]


def test_with_a_corpus_that_is_named_no_other_is_served(filled: Workshop) -> None:
    async def ask(client: Client) -> None:
        assert [each["corpus"] for each in told(await client.call_tool("list_corpora", {}))["result"]] == ["books"]
        assert told(await client.call_tool("search", {"question": "What part 4 says."}))["corpus"] == "books"
        assert "there is no corpus corpus" in refused(
            await client.call_tool("search", {"question": QUESTION, "corpus": "corpus"})
        )

    in_process(filled, ask, only=True, corpus="books")


def test_an_answer_is_bounded(filled: Workshop) -> None:
    filled.write("long.txt", " ".join(f"word {number}" for number in range(60_000)))
    with filled.pipeline(corpus="long") as pipeline:
        pipeline.run([str(filled.folder / "long.txt")])

    async def ask(client: Client) -> tuple[int, bool]:
        asked = {"question": "word", "corpus": "long", "limit": 50, "context": 5}
        found = told(await client.call_tool("search", asked))["passages"]
        assert (await client.call_tool("search", {**asked, "limit": 10_000})).is_error
        return sum(len(each["text"]) for each in found), found[-1]["is_cut"]

    letters, is_cut = in_process(filled, ask)

    assert 39_000 < letters <= 40_000
    assert is_cut


@pytest.mark.parametrize("token", ["", "short", "a token with blanks in it"])
def test_without_a_token_that_is_one_nothing_is_served(filled: Workshop, token: str) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "ingest", "mcp", "--http", "--port", "0"],
        capture_output=True,
        text=True,
        cwd=filled.data_dir,
        env={**os.environ, **environment(filled), "INGEST_MCP_TOKEN": token},
        timeout=60,
        check=False,
    )

    assert process.returncode == 2
    assert process.stderr.count("\n") == 1
    assert "openssl rand -hex 32" in process.stderr


def test_a_file_with_the_token_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        token_in(file)

    file.chmod(0o600)

    assert token_in(file) == TOKEN
    with pytest.raises(UsageError, match="cannot be read"):
        token_in(tmp_path / "other")
