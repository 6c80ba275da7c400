"""The bodies of requests, as protocol buffers are read from JSON: in camelCase or in snake_case, and strictly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ingest.emulator.embeddings import EmbeddingsRequest
from ingest.emulator.errors import ApiError
from ingest.errors import UNREADABLE_JSON

if TYPE_CHECKING:
    from collections.abc import Callable

Fields = TypeVar("Fields")

_SNAKE = re.compile(r"_([a-z])")


class Message(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An object of the API; `null` stands for what is left out."""


class Part(Message):
    """A part of a content; there are others than texts, which cannot be embedded here."""

    text: str


class Content(Message):
    """A content: its parts together make one text."""

    parts: list[Part]
    role: str | None = None

    @property
    def text(self) -> str:
        """Its text."""
        return "".join(part.text for part in self.parts)


class EmbedContent(Message):
    """One text to embed."""

    content: Content
    model: str | None = None
    task_type: str | None = None
    title: str | None = None
    output_dimensionality: int | None = None


class BatchEmbedContents(Message):
    """Several of them."""

    requests: list[EmbedContent]


class InputConfig(Message):
    """The requests of a batch; those that stand in the call itself are not served."""

    file_name: str | None = None
    requests: msgspec.Raw | None = None


class NewBatch(Message):
    """A batch to be made."""

    input_config: InputConfig
    display_name: str
    model: str | None = None
    priority: int | str | None = None


class CreateBatch(Message):
    """The call that makes it."""

    batch: NewBatch


class NewFile(Message):
    """A file to be uploaded."""

    name: str | None = None
    display_name: str = ""
    mime_type: str | None = None
    size_bytes: int | str | None = None


class CreateFile(Message):
    """The call that begins to upload it."""

    file: NewFile = msgspec.field(default_factory=NewFile)


class CountTokens(Message):
    """Contents whose tokens are to be counted."""

    contents: list[Content]


class Line(Message):
    """A line of an input file; its request is judged when it runs."""

    key: str
    request: msgspec.Raw


def reader(kind: type[Fields]) -> Callable[[bytes | msgspec.Raw], Fields]:
    """What reads a body of that kind, and raises an ApiError where it is none."""
    decode = msgspec.json.Decoder(kind).decode

    def read(body: bytes | msgspec.Raw) -> Fields:
        try:
            return decode(body)
        except UNREADABLE_JSON:
            pass
        try:
            return msgspec.convert(_in_camel_case(msgspec.json.decode(body)), kind)
        except UNREADABLE_JSON as error:
            raise ApiError(400, f"Invalid JSON payload received. {error}") from None

    return read


def asked(request: EmbedContent, model: str) -> EmbeddingsRequest:
    """What a request for one text asks for; `model`: that of the call, which its own may repeat.

    Raises:
        ApiError: it contradicts itself.
    """
    if request.model is not None and request.model != f"models/{model}":
        raise ApiError(400, f"The model {request.model} does not match models/{model}, which is called.")
    task = request.task_type or "TASK_TYPE_UNSPECIFIED"
    if request.title and task != "RETRIEVAL_DOCUMENT":
        raise ApiError(400, "A title may only be set when the task type is RETRIEVAL_DOCUMENT.")
    side = "" if task == "TASK_TYPE_UNSPECIFIED" else task
    return EmbeddingsRequest(model, [request.content.text], request.output_dimensionality, side=side)


def _in_camel_case(value: Any) -> Any:
    """The same with the names of fields as the structs have them, and without what is null."""
    if isinstance(value, dict):
        return {
            _SNAKE.sub(lambda match: match[1].upper(), name): _in_camel_case(each)
            for name, each in value.items()
            if each is not None
        }
    return [*map(_in_camel_case, value)] if isinstance(value, list) else value
