"""The SDK's errors in our words: what went wrong, whether it was done all the same, and what to do next."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import openai

from ingest.errors import UnreachableError, UsageError
from ingest.provider.answers import httpx
from ingest.provider.jsonl import NO_CREDIT
from ingest.provider.protocol import (
    InputMissingError,
    NoCreditError,
    NoRoomError,
    RefusedError,
    RefusedKeyError,
    TryLaterError,
    UnclearOutcomeError,
)
from ingest.provider.rate_headers import retry_after, room
from ingest.redaction import foreign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.provider.presets import Preset

_LATER = "Nothing is lost: run the same command again later."
_REFUSED_TEXTS = frozenset({400, 413, 422})
_TRANSIENT_STATUSES = frozenset({408, 409, 429})
_PAYMENT_REQUIRED = 402


@contextmanager
def explained(address: str, preset: Preset, *, changes: bool = False, who: str = "the provider") -> Iterator[None]:
    """The SDK's errors in our words. `changes`: a lost answer leaves it open whether it was done."""
    where = f"{who} at {address}"
    try:
        yield
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        raise RefusedKeyError(
            f"{where} refuses the key ({error.status_code}): {message(error)}.",
            f"Check {preset.key_variable} and {preset.url_variable}.",
        ) from None
    except openai.APIStatusError as error:
        said = message(error)
        if has_no_credit(error):
            raise NoCreditError(
                f"{where} says that the account has no credit left: {said}.",
                "Nothing is lost: when it has, run the same command again.",
            ) from None
        if changes and error.status_code == 429:
            raise TryLaterError(said, retry_after(error.response.headers)) from error
        if changes and (error.status_code == 404 or error.param in ("file_id", "input_file_id")):
            raise InputMissingError(said) from error
        if changes and (passes(error) or error.status_code < 400):
            raise UnclearOutcomeError(said) from error
        if passes(error):
            raise UnreachableError(f"{where} answers {error.status_code}: {said}.", _LATER) from None
        raise UsageError(f"{where} refuses the request ({error.status_code}): {said}.") from None
    except (openai.APIConnectionError, httpx.RequestError) as error:
        if changes and not never_connected(error):
            raise UnclearOutcomeError(str(error.__cause__ or error)) from error
        cause = error.__cause__ or error
        raise UnreachableError(
            f"{where} is out of reach: {cause}.",
            f"Nothing is lost: check {preset.url_variable} and the network, then run the same command again.",
        ) from None
    except (openai.OpenAIError, ValueError) as error:  # an answer that is none
        if changes:
            raise UnclearOutcomeError(f"an answer that cannot be read: {error}") from error
        raise UnreachableError(f"{where} sent an answer that cannot be read: {error}.", _LATER) from None


@contextmanager
def asked_at_once(address: str) -> Iterator[None]:
    """What an array of texts that are to be embedded at once meets: the texts are not taken, or not now."""
    try:
        yield
    except openai.APIConnectionError as error:
        if never_connected(error):
            raise TryLaterError(f"out of reach: {error.__cause__ or error}") from error
        raise
    except openai.NotFoundError as error:
        raise UsageError(f"the provider at {address} refuses the request (404): {message(error)}.") from None
    except openai.APIStatusError as error:
        if has_no_credit(error) or isinstance(error, openai.AuthenticationError):  # whatever its status
            raise
        if error.status_code in _REFUSED_TEXTS and is_of_input(error):
            code = foreign(error.code or error.type or error.status_code)
            raise RefusedError(error.status_code, code, message(error)) from None
        if passes(error):  # and is not billed
            raise TryLaterError(
                message(error), retry_after(error.response.headers), room(error.response.headers)
            ) from error
        raise


@contextmanager
def creating() -> Iterator[None]:
    """What a creation meets where a batch is refused, and not failed later, while too much is enqueued."""
    try:
        yield
    except openai.RateLimitError as error:
        if has_no_credit(error):
            raise
        raise NoRoomError(message(error), retry_after(error.response.headers)) from error


def unusable(error: Exception) -> UsageError:
    """What a provider cannot be opened for."""
    return UsageError(
        f"the provider's settings cannot be used: {foreign(error).rstrip('.')}. They are ours, and those of "
        "the environment for proxies (HTTPS_PROXY, ALL_PROXY) and certificates (SSL_CERT_FILE)."
    )


def never_connected(error: Exception) -> bool:
    """Whether nobody was there to hear a call, so that it did nothing."""
    return isinstance(error.__cause__ or error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol))


def passes(error: openai.APIStatusError) -> bool:
    """Whether the same call may be answered otherwise in a while."""
    return error.status_code in _TRANSIENT_STATUSES or error.status_code >= 500


def has_no_credit(error: openai.APIStatusError) -> bool:
    """Whether the account has to be paid first."""
    codes = {str(error.code), str(error.type)}  # whatever it is that stands there
    return error.status_code == _PAYMENT_REQUIRED or not NO_CREDIT.isdisjoint(codes)


def is_of_input(error: openai.APIStatusError) -> bool:
    """Whether it is for its texts that a call is refused, so that others may be taken."""
    return error.param is None or str(error.param).startswith("input")


def message(error: openai.APIStatusError) -> str:
    """The provider's words."""
    body = error.body if isinstance(error.body, dict) else {}
    return foreign(body.get("message") or body.get("detail") or error.message).rstrip(".")
