"""AWS's errors in our words: what went wrong, whether it was done all the same, and what to do next."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ingest.errors import UnreachableError, UsageError
from ingest.provider.protocol import (
    NoRoomError,
    RefusedError,
    RefusedKeyError,
    TryLaterError,
    UnclearOutcomeError,
)
from ingest.redaction import foreign

try:
    from botocore.config import Config
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectionError,  # noqa: A004 - as botocore calls it
        CredentialRetrievalError,
        HTTPClientError,
        IncompleteReadError,
        NoCredentialsError,
    )
    from botocore.parsers import ResponseParserError
    from botocore.session import Session
except ImportError as error:
    raise UsageError(
        f"the provider bedrock needs AWS's library ({error}): pip install 'pgvector-ingest[bedrock]'."
    ) from None

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NOT_THERE", "ClientError", "Config", "Session", "code_of", "explained"]

logging.getLogger("botocore").setLevel(logging.INFO)  # below that it logs texts, and what signs its requests

NOT_THERE = frozenset({"ResourceNotFoundException", "NoSuchKey", "404"})
_THROTTLED = frozenset({"ThrottlingException", "SlowDown", "TooManyRequestsException", "ModelNotReadyException"})
_LATER = "Nothing is lost: run the same command again later."
_WHOSE = (
    "Check the AWS credentials and what their policy allows, and that the model is open to the account "
    "(docs/providers.md, Bedrock)."
)


@contextmanager
def explained(*, changes: bool = False, at_once: bool = False) -> Iterator[None]:
    """The errors of calls in our words.

    `changes`: a lost answer leaves it open whether it was done; `at_once`: of texts that are to be embedded at once.
    """
    try:
        yield
    except ClientError as error:
        raise _in_our_words(error, changes=changes, at_once=at_once) from error
    except (NoCredentialsError, CredentialRetrievalError) as error:
        raise RefusedKeyError(f"there are no AWS credentials: {_words(error)}.", _WHOSE) from None
    except ConnectionError as error:  # nobody was there to hear it
        if at_once:
            raise TryLaterError(f"out of reach: {_words(error)}") from error
        raise UnreachableError(f"AWS is out of reach: {_words(error)}.", _LATER) from None
    except (HTTPClientError, IncompleteReadError) as error:
        raise _lost(error, changes=changes) from error
    except BotoCoreError as error:  # some of these are ValueErrors, too
        raise UsageError(f"AWS cannot be asked with these settings: {_words(error)}.") from None
    except (ResponseParserError, ValueError, LookupError) as error:
        raise _lost(error, changes=changes) from error


def _lost(error: Exception, *, changes: bool) -> Exception:
    if changes:
        return UnclearOutcomeError(_words(error))
    return UnreachableError(f"the answer of AWS is lost, or none: {_words(error)}.", _LATER)


def _words(error: Exception) -> str:
    return foreign(error).rstrip(".")


def code_of(error: Any) -> str:
    """AWS's name of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _in_our_words(error: Any, *, changes: bool, at_once: bool) -> Exception:  # noqa: PLR0911 - one for each kind
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = f"{foreign(code)}: {foreign(error.response.get('Error', {}).get('Message'))}".rstrip(".")
    if status in (401, 403):
        return RefusedKeyError(f"AWS refuses us ({status}): {said}.", _WHOSE)
    if code == "ServiceQuotaExceededException" and changes and not at_once:
        return NoRoomError(said)
    if code in _THROTTLED or status in (429, 503):
        return TryLaterError(said) if changes else UnreachableError(f"AWS answers {status}: {said}.", _LATER)
    if code == "ConflictException" and changes:  # a job of that name is there: it is looked up
        return TryLaterError(said)
    if status >= 500 or status == 408:
        return UnclearOutcomeError(said) if changes else UnreachableError(f"AWS answers {status}: {said}.", _LATER)
    if at_once and code == "ValidationException":
        return RefusedError(status, foreign(code), said)
    return UsageError(f"AWS refuses the request ({status}): {said}.")
