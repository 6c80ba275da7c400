"""What the worlds share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hostile import servers

pytest.register_assert_rewrite("hostile.story")

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostile.servers import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that the worlds share: each has a database on it."""
    with servers.server() as running:
        yield running
