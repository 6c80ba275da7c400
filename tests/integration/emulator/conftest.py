from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from emulator_client import sdk
from gemini_client import GeminiClient

from ingest.emulator import RunningEmulator, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from openai import OpenAI


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RunningEmulator]]:
    """Starts an emulator on the test's folder, with options."""
    with ExitStack() as stack:

        def start(**options: Any) -> RunningEmulator:
            return stack.enter_context(running(tmp_path / "emulator", **options))

        yield start


@pytest.fixture
def connect() -> Iterator[Callable[[RunningEmulator], OpenAI]]:
    """Opens clients, and closes them."""
    with ExitStack() as stack:
        yield lambda emulator: stack.enter_context(sdk(emulator))


@pytest.fixture
def emulator(start: Callable[..., RunningEmulator]) -> RunningEmulator:
    return start()


@pytest.fixture
def client(emulator: RunningEmulator, connect: Callable[[RunningEmulator], OpenAI]) -> OpenAI:
    return connect(emulator)


@pytest.fixture
def connect_gemini() -> Iterator[Callable[[RunningEmulator], GeminiClient]]:
    """Opens clients of the Gemini API, and closes them."""
    with ExitStack() as stack:

        def connect(emulator: RunningEmulator) -> GeminiClient:
            client = GeminiClient(emulator)
            stack.enter_context(client.http)
            stack.enter_context(client.without_key)
            return client

        yield connect
