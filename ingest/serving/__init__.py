"""The servers of ours: their socket, and how many may be connected."""

from __future__ import annotations

from ingest.serving.gate import GatedProtocol, gated
from ingest.serving.sockets import LOOPBACK, http_url, listener

__all__ = ["LOOPBACK", "GatedProtocol", "gated", "http_url", "listener"]
