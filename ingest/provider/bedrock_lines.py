"""Amazon Bedrock's files and bodies of embedding models: Titan's, of one text, and Cohere's, of a list. Pure.

By the vendor's documents (docs.aws.amazon.com/bedrock: "Format and upload your batch inference data", "View the results
of a batch inference job", "Amazon Titan Text Embeddings", "Cohere Embed v3", "… v4"; 2026).
"""

from __future__ import annotations

from string import ascii_letters, digits
from typing import TYPE_CHECKING

import msgspec

from ingest.errors import UNREADABLE_JSON
from ingest.provider.jsonl import Malformed, Result, failure, in_one_line
from ingest.provider.unit_length import of_unit_length
from ingest.provider.wire import Wire
from ingest.redaction import foreign

if TYPE_CHECKING:
    import numpy as np

    from ingest.provider.wire import Parameters, Side, WriteLine

_INPUT_TYPES: dict[Side, str] = {"document": "search_document", "query": "search_query"}
_ALPHABET = digits + ascii_letters
_LENGTH = 11  # of a recordId, as the vendor's documents have it
_BOUND_BITS = 32  # of the binding hash: 62**11 holds so many, and 12,000,000,000 records
_MOST_TOKENS = 2**31 - 1


class _Fault(msgspec.Struct, rename="camel"):
    error_code: int | str | None = None
    error_message: str | None = None


class _ByType(msgspec.Struct):
    floats: list[list[float | None]] = msgspec.field(name="float", default_factory=list)


class _Output(msgspec.Struct, rename="camel"):
    """The body of a model's answer: `embedding` of Titan, `embeddings` of Cohere."""

    embedding: list[float | None] | None = None
    embeddings: list[list[float | None]] | _ByType | None = None
    input_text_token_count: int | None = None


class _Line(msgspec.Struct, rename="camel"):
    record_id: str
    model_output: _Output | None = None
    error: _Fault | None = None


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_output = msgspec.json.Decoder(_Output).decode
_encode = msgspec.json.Encoder().encode


def body_of(text: str, parameters: Parameters) -> dict[str, object]:
    """A text as the model takes it. The models that know sides are Cohere's."""
    length = parameters.dimensions
    if parameters.side:
        told = {"truncate": "NONE", "embedding_types": ["float"]}
        more = {} if length is None else {"output_dimension": length}
        return {"texts": [text], "input_type": _INPUT_TYPES[parameters.side], **told, **more}
    return {"inputText": text, **({} if length is None else {"dimensions": length})}


def _writer(parameters: Parameters) -> WriteLine:
    return lambda custom_id, text: in_one_line(
        _encode({"recordId": record_id(custom_id), "modelInput": body_of(text, parameters)})
    )


def record_id(custom_id: str) -> str:
    """A custom_id of ours in 11 letters and digits: the record, and as much of what binds it as fits."""
    record, _, bound = custom_id.partition("-")
    number = int(record) << _BOUND_BITS | int(bound[: _BOUND_BITS // 4], 16)
    characters = []
    while number:
        number, place = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[place])
    return "".join(reversed(characters)).rjust(_LENGTH, _ALPHABET[0])


def chunk_id_of(told: str) -> int | None:
    """The record in a recordId; None where it cannot be one of ours."""
    if not (_LENGTH <= len(told) <= 2 * _LENGTH and told.isascii() and told.isalnum()):
        return None
    number = 0
    for character in told:
        number = number * len(_ALPHABET) + _ALPHABET.index(character)
    return chunk_id if (chunk_id := number >> _BOUND_BITS) < 10**18 else None


def parse(line: bytes) -> Result | Malformed:
    """One line of a result file."""
    try:
        result = _decode_line(line)
    except UNREADABLE_JSON as error:
        return Malformed(f"not a result line: {error}")
    output, fault = result.model_output, result.error
    if output is None and fault is None:
        return Malformed("a line of an input file")
    vector, billed = _told(output or _Output())
    if vector is not None and fault is None:
        return Result(result.record_id, vector.tobytes(), None, billed)
    fault = fault or _Fault("no_vector", "the answer holds no vector")
    code = foreign(fault.error_code)
    status = int(code) if code.isascii() and code.isdigit() and len(code) == 3 else None
    failed = failure(status, code, foreign(fault.error_message, 1000))
    return Result(result.record_id, None, failed, billed)


def read_answer(body: bytes) -> tuple[np.ndarray | None, int | None]:
    """The vector of a model's answer to one text, and the billed tokens, where it tells them.

    Raises:
        ValueError: it is no such answer.
    """
    try:
        return _told(_decode_output(body))
    except UNREADABLE_JSON as error:
        raise ValueError(str(error)) from error


def _told(output: _Output) -> tuple[np.ndarray | None, int | None]:
    lists = output.embeddings.floats if isinstance(output.embeddings, _ByType) else output.embeddings
    numbers = output.embedding or (lists[0] if lists else None)
    tokens = output.input_text_token_count
    billed = tokens if tokens is not None and 0 < tokens <= _MOST_TOKENS else None
    return of_unit_length(numbers) if numbers else None, billed


# A call takes one text: after some of several the answer to one may be lost, and all would be paid again.
WIRE = Wire(
    _writer,
    parse,
    id_of=record_id,
    chunk_id_of=chunk_id_of,
    call_texts=1,
    has_sides=True,
    is_upload_idempotent=True,
    is_create_idempotent=True,
)
