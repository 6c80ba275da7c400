"""Webhooks: that a batch has ended is told to an address, signed as OpenAI signs (Standard Webhooks)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import logging
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ingest.emulator.records import new_id
from ingest.errors import UsageError

if TYPE_CHECKING:
    from ingest.emulator.records import Batch

_TRIES = 8
_FIRST_WAIT_S = 0.5  # doubled with each: a minute in all
_TIMEOUT_S = 10.0
_AT_ONCE = 4

_log = logging.getLogger(__name__)


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """An event that is sent on elsewhere, which would be without its body, was not taken."""

    def redirect_request(self, *_: object) -> None:
        """Nowhere: its status is an error."""


_opener = urllib.request.build_opener(_NoRedirection)


class Webhooks:
    """Sends events to one address until it is closed; what was not delivered by then is forgotten."""

    def __init__(self, url: str, secret: str) -> None:
        """`secret`: as OpenAI gives it, `whsec_` and base64.

        Raises:
            UsageError: the address or the secret cannot be used.
        """
        if not url.startswith(("http://", "https://")):
            raise UsageError("the address of a webhook begins with http:// or https://.")
        if "@" in urlsplit(url).netloc:
            raise UsageError("the address of a webhook holds no credentials: events are known by their signature.")
        try:
            self._key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            self._key = b""
        if not self._key:
            raise UsageError("webhooks are signed with OPENAI_WEBHOOK_SECRET: whsec_ and some bytes in base64.")
        self._url = url
        self._closing = threading.Event()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="emulator-webhooks")

    def ended(self, batch: Batch) -> None:
        """Tell that a batch has ended."""
        event = {
            "object": "event",
            "id": new_id("evt_"),
            "type": f"batch.{batch.status}",
            "created_at": int(time.time()),
            "data": {"id": batch.id},
        }
        self._threads.submit(self._deliver, new_id("wh_"), json.dumps(event).encode())

    def close(self) -> None:
        """Send no more."""
        self._closing.set()
        self._threads.shutdown(cancel_futures=True)

    def _deliver(self, webhook_id: str, body: bytes) -> None:
        for attempt in range(_TRIES):
            if attempt and self._closing.wait(_FIRST_WAIT_S * 2 ** (attempt - 1)):
                return
            headers = signed(self._key, webhook_id, int(time.time()), body)
            request = urllib.request.Request(self._url, body, headers)  # noqa: S310 checked above
            try:
                with _opener.open(request, timeout=_TIMEOUT_S):
                    return
            except OSError as error:
                _log.info("webhook %s was not taken: %s", webhook_id, error)


def signed(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of an event."""
    digest = hmac.new(key, b"%s.%d.%s" % (webhook_id.encode(), timestamp, body), hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
