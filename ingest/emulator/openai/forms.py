"""Files that are uploaded as a form: OpenAI's way, which other vendors have, too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request

from ingest.emulator.errors import ApiError
from ingest.emulator.openai import parameters
from ingest.emulator.openai.errors import invalid_value, missing
from ingest.emulator.records import NewFile
from ingest.emulator.requests import bounded

if TYPE_CHECKING:
    from ingest.emulator.records import StoredFile
    from ingest.emulator.service import Service

_MULTIPART_BYTES = 16_384  # what a form may take besides the file


async def uploaded(service: Service, request: Request, file_id: str) -> StoredFile:
    """Keep the file of a form, under a new id.

    Raises:
        ApiError: the form lacks something, or the file is not taken.
    """
    most = service.limits.file_bytes
    if int(request.headers.get("content-length", 0)) > most + _MULTIPART_BYTES:
        raise ApiError(400, "File is too large.", param="file")
    limited = Request(request.scope, bounded(request.receive, most + _MULTIPART_BYTES))
    async with limited.form(max_files=1, max_fields=8) as form:
        upload, purpose = form.get("file"), form.get("purpose")
        if not isinstance(upload, UploadFile):
            raise missing("file")
        if purpose is None:
            raise missing("purpose")
        if purpose != "batch":
            raise invalid_value("purpose", purpose, "'batch'")
        if (upload.size or 0) > most:
            raise ApiError(400, "File is too large.", param="file")
        filename = upload.filename or ""
        if not filename.endswith(".jsonl"):
            raise ApiError(400, "Invalid file format for Batch API. Must be .jsonl", param="file")
        lifetime_s = parameters.file_lifetime(form) or service.limits.file_lifetime_s
        await run_in_threadpool(service.store.write_content, file_id, upload.file)
    return service.store.add_file(NewFile(file_id, filename, "batch", time.time() + lifetime_s))
