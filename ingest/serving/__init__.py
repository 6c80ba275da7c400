"""The servers of ours: their socket, and how many may be connected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.rooms import on_demand

if TYPE_CHECKING:
    from ingest.serving.gate import GatedProtocol, gated
    from ingest.serving.sockets import LOOPBACK, http_url, listener
else:
    __getattr__ = on_demand(__name__)

__all__ = ["LOOPBACK", "GatedProtocol", "gated", "http_url", "listener"]
