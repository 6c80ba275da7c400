"""Servers of ours: webhook, mcp, emulator."""

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli.command import command
from ingest.cli.ending import end
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline
    from ingest.terminal.screen import Screen


@command("metrics_port", scope="any")
def webhook(
    pipeline: "Pipeline",
    screen: "Screen",
    host: Annotated[str, typer.Option(help="Its address; another is for containers.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port; 0: any that is free.")] = 8090,
) -> None:
    """Take OpenAI's webhooks: runs hear when batches end. For all corpora of the database."""
    pipeline.serve_webhooks(host, port, screen.ready)


@command("provider", scope="any")
def mcp(
    pipeline: "Pipeline",
    screen: "Screen",
    http: Annotated[bool, typer.Option("--http", help="By streamable HTTP, to whoever has the token.")] = False,
    host: Annotated[str, typer.Option(help="Its address; another is for containers.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port; 0: any that is free.")] = 8091,
    token_file: Annotated[
        Path | None, typer.Option(help="Where the token stands, for its owner alone; default: INGEST_MCP_TOKEN.")
    ] = None,
) -> None:
    """The corpora as tools for agents: search, read, list. Without --http on standard input and output."""
    try:
        from ingest.agents import Tools, serve_http, serve_stdio, token_in
    except ImportError as error:
        raise UsageError(f"ingest mcp needs the package {error.name}: pip install 'pgvector-ingest[mcp]'.") from None
    settings = pipeline.settings
    token = token_in(token_file) if token_file else settings.mcp_token and settings.mcp_token.get_secret_value()
    if http and not token:
        raise UsageError(
            "ingest mcp --http answers only to who has a token: set INGEST_MCP_TOKEN, or name a --token-file; `openssl "
            "rand -hex 32` makes one."
        )
    with Tools(settings, pipeline.database_url, only="corpus" in settings.model_fields_set) as tools:
        if http and token:
            serve_http(tools, host, port, token, screen.ready)
        else:
            serve_stdio(tools)


def emulator(
    folder: Annotated[Path, typer.Option(help="Where its files and its ledger live.")] = Path("emulator"),
    host: Annotated[str, typer.Option(help="Its address; another is for containers.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port; 0: any that is free.")] = 8080,
    latency: Annotated[float, typer.Option(help="Seconds that a batch spends before it is worked on.")] = 0.0,
    fault: Annotated[
        list[str] | None, typer.Option(help="NAME[:RATE[:COUNT[:AFTER[:SECONDS[:TIMES]]]]]; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(help="What decides where faults strike.")] = 0,
    dialect: Annotated[str, typer.Option(help="Whose ways it has: openai, azure, gemini, …")] = "openai",
    webhook_url: Annotated[
        str | None, typer.Option(help="Is told of batches that end, signed with OPENAI_WEBHOOK_SECRET.")
    ] = None,
) -> None:
    """A local Files, Batches and Embeddings server. Its key is OPENAI_API_KEY, or its vendor's, or made and told."""
    from ingest.terminal.screen import Screen

    screen = Screen()

    def serve() -> None:
        from ingest.emulator import Fault, dialect_of, webhook_of
        from ingest.emulator import serve as serve_emulator

        spoken = dialect_of(dialect)
        key = os.environ.get(spoken.key_variable) or None
        serve_emulator(
            folder,
            host=host,
            port=port,
            api_key=key,
            faults=[Fault.parse(text) for text in fault or ()],
            seed=seed,
            latency_s=latency,
            dialect=dialect,
            webhook=webhook_of(webhook_url),
            ready=functools.partial(
                screen.emulator, url_variable=spoken.url_variable, key_variable=None if key else spoken.key_variable
            ),
        )

    end(screen, serve)
