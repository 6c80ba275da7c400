"""The objects of jobs, on an S3 that AWS's own variables name: in tests, another server of this machine."""

from __future__ import annotations

from functools import cached_property
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

from ingest.emulator.bedrock.errors import invalid

if TYPE_CHECKING:
    from pathlib import Path


class Storage:
    """Objects by their URIs."""

    @cached_property
    def _client(self) -> Any:
        from botocore.session import Session

        return Session().create_client("s3")

    def read(self, uri: str) -> IO[bytes]:
        """The content of an object.

        Raises:
            ApiError: there is none.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            content: bytes = self._client.get_object(**_place(uri))["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise invalid(f"Access to the S3 location {uri} is denied, or it is not there ({error}).") from None
        return BytesIO(content)

    def write(self, uri: str, content: bytes | Path) -> None:
        """Put an object there."""
        body = content if isinstance(content, bytes) else content.read_bytes()
        self._client.put_object(**_place(uri), Body=body)


def _place(uri: str) -> dict[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}
