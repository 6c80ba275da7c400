"""The application: a vendor's calls, the faults that any call can meet, and the emulator's own calls."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ingest.emulator import ledger
from ingest.emulator.errors import ApiError, rate_limited, server_error
from ingest.emulator.faults import Fault
from ingest.emulator.requests import in_thread, with_body
from ingest.emulator.responses import CutConnection, bad_gateway, json_response
from ingest.errors import UNREADABLE_JSON, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.datastructures import Headers

    from ingest.emulator.faults import Faults
    from ingest.emulator.requests import Call
    from ingest.emulator.service import Service
    from ingest.emulator.vendor import Endpoint


@dataclass(frozen=True, slots=True)
class Api:
    """The calls, as routes."""

    service: Service
    api_key: str

    @property
    def faults(self) -> Faults:
        """What is played."""
        return self.service.faults

    def application(self) -> Starlette:
        """The ASGI application."""
        routes = [
            *map(self._route, self.service.vendor.endpoints(self.service)),
            self._own("GET", "/_emulator/ledger", in_thread(self._ledger)),
            self._own("GET", "/_emulator/faults", in_thread(self._show_faults)),
            self._own("PUT", "/_emulator/faults", with_body(self._set_faults)),
            Route("/healthz", lambda _: PlainTextResponse("ok\n")),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: self._no_route})

    def _route(self, endpoint: Endpoint) -> Route:
        operation = endpoint.operation

        async def answered(request: Request) -> Response:
            return await self._broken_before(operation) or await self._answered(operation, endpoint.call, request)

        authorize = self.service.vendor.authorize if endpoint.needs_key else _nobody
        return Route(endpoint.path, self._guarded(answered, authorize), methods=[endpoint.method])

    def _own(self, method: str, path: str, call: Call) -> Route:
        return Route(path, self._guarded(call, bearer), methods=[method])

    def _guarded(self, call: Call, authorize: Callable[[Headers, str], None]) -> Call:
        async def guarded(request: Request) -> Response:
            try:
                authorize(request.headers, self.api_key)
                return await call(request)
            except ApiError as error:
                return self.service.vendor.refusal(error)
            except ClientDisconnect:
                return Response(status_code=499)  # nobody is there to read it
            except (UsageError, OSError, sqlite3.OperationalError) as error:  # a model that is missing, a full disk
                return self.service.vendor.refusal(server_error(str(error)))

        return guarded

    async def _no_route(self, request: Request, error: Exception) -> Response:
        status_code = error.status_code if isinstance(error, HTTPException) else 500
        if status_code == 400:  # a form that cannot be read
            return self.service.vendor.refusal(ApiError(400, str(error)))
        said = f"Invalid URL ({request.method} {request.url.path})"
        return self.service.vendor.refusal(ApiError(status_code, said))

    # Faults of calls

    def _fires(self, name: str, operation: str) -> str | None:
        """The name of the fault that fires: that for any operation, or that for this one."""
        return next((each for each in (name, f"{name}_{operation}") if self.faults.fires(each)), None)

    async def _broken_before(self, operation: str) -> Response | None:
        if late := self._fires("delay", operation):
            await self._held_up(late)
        if self._fires("drop_before", operation):
            return CutConnection()
        if limited := self._fires("http_429", operation):
            raise rate_limited("Rate limit reached for requests.", self.faults.seconds(limited))
        if self._fires("http_500", operation):
            raise server_error()
        return bad_gateway() if self._fires("http_502", operation) else None

    async def _held_up(self, late: str) -> None:
        until = anyio.current_time() + self.faults.seconds(late)
        while anyio.current_time() < until and self.faults.active([late]):  # noqa: ASYNC110 - set by another thread
            await anyio.sleep(0.02)

    async def _answered(self, operation: str, call: Call, request: Request) -> Response:
        response = await call(request)
        if self._fires("drop_after", operation):
            return CutConnection()
        if self._fires("http_500_after", operation):
            raise server_error()
        return response

    # The emulator's own

    def _ledger(self, request: Request) -> Response:
        if request.query_params.get("full"):
            return StreamingResponse(ledger.rows(self.service.store), media_type="application/x-ndjson")
        return json_response(ledger.summary(self.service.store))

    def _show_faults(self, _: Request) -> Response:
        return json_response(self.faults.report())

    def _set_faults(self, body: bytes, _: Request) -> Response:
        try:
            self.faults.set(msgspec.json.decode(body, type=list[Fault]))
        except (*UNREADABLE_JSON, UsageError) as error:
            raise ApiError(400, str(error)) from error
        self.service.worker.wake()
        return json_response(self.faults.report())


def bearer(headers: Headers, api_key: str) -> None:
    """See that a call bears the key.

    Raises:
        ApiError: it does not.
    """
    given = headers.get("authorization", "").removeprefix("Bearer ")
    if not given:
        raise ApiError(401, "You didn't provide an API key: it stands in the header `Authorization: Bearer KEY`.")
    if not secrets.compare_digest(given.encode(), api_key.encode()):
        raise ApiError(401, "Incorrect API key provided.", code="invalid_api_key")


def _nobody(_: Headers, __: str) -> None:
    """No key is asked for."""
