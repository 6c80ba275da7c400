"""Request lines written and result lines parsed, beside the obvious ways: `python -m benchmarks.request_lines`."""

from __future__ import annotations

import base64
import json
import tempfile
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from openai.types import CreateEmbeddingResponse

from benchmarks.tables import Table, compared, in_turn, show
from ingest.model import text_hash
from ingest.provider import Parameters
from ingest.provider.jsonl import WIRE, Malformed, parse_result, read_results
from ingest.provider.request_ids import make_custom_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Decoder = Callable[[Any], np.ndarray]

VERSIONS = ("msgspec", "pybase64", "numpy", "openai")
REQUESTS = 50_000
RESULTS = 2_000
DIMENSIONS = 1536
MODEL = "text-embedding-3-small"
TEXT = "An index scan reads “only” the rows it needs;\n\tthe planner weighs it against a scan of the table. " * 20


def written_by_us(hashes: list[bytes]) -> None:
    """Each with the custom_id that binds it to its text."""
    line = WIRE.writer(Parameters(MODEL, None, None, "base64"))
    with tempfile.TemporaryFile() as file:
        for number, digest in enumerate(hashes):
            file.write(line(make_custom_id(number, digest, MODEL, DIMENSIONS), TEXT))


def written_by_json() -> None:
    with tempfile.TemporaryFile("w") as file:
        for number in range(REQUESTS):
            body = {"model": MODEL, "input": TEXT, "encoding_format": "base64"}
            request = {"custom_id": f"request-{number}", "method": "POST", "url": "/v1/embeddings", "body": body}
            file.write(json.dumps(request) + "\n")


def result_lines(encoded: Callable[[np.ndarray], object]) -> bytes:
    vectors = np.random.default_rng(0).standard_normal((RESULTS, DIMENSIONS), dtype=np.float32) / 40
    lines = []
    for number, vector in enumerate(vectors):
        data = [{"object": "embedding", "index": 0, "embedding": encoded(vector)}]
        body = {"object": "list", "data": data, "model": MODEL, "usage": {"prompt_tokens": 480, "total_tokens": 480}}
        response = {"status_code": 200, "request_id": "r", "body": body}
        lines.append(json.dumps({"id": "b", "custom_id": f"{number}-0", "response": response, "error": None}) + "\n")
    return "".join(lines).encode()


def parsed_by_us(lines: bytes) -> list[np.ndarray]:
    results = (result for result in read_results(BytesIO(lines), parse_result) if not isinstance(result, Malformed))
    return [np.frombuffer(result.embedding or b"", "<f4") for result in results]


def _bodies(lines: bytes) -> Iterator[dict[str, Any]]:
    return (json.loads(line)["response"]["body"] for line in BytesIO(lines))


def parsed_by_json(lines: bytes, decode: Decoder) -> list[np.ndarray]:
    return [decode(body["data"][0]["embedding"]) for body in _bodies(lines)]


def parsed_by_sdk(lines: bytes, decode: Decoder) -> list[np.ndarray]:
    """The way the SDK makes its own answers, from lines it does not read itself."""
    return [decode(CreateEmbeddingResponse.construct(**body).data[0].embedding) for body in _bodies(lines)]


FORMS: dict[str, tuple[Callable[[np.ndarray], object], Decoder]] = {
    "floats": (lambda vector: [round(float(x), 8) for x in vector], lambda floats: np.array(floats, np.float32)),
    "base64": (
        lambda vector: base64.b64encode(vector.tobytes()).decode(),
        lambda text: np.frombuffer(base64.b64decode(text), "<f4"),
    ),
}


def tables() -> Iterator[Table]:
    hashes = [text_hash(str(number)) for number in range(REQUESTS)]
    writers = {"ours": lambda: written_by_us(hashes), "json.dumps": written_by_json}
    title = f"Request lines written, {len(TEXT.encode()):,} bytes of text"
    yield compared(title, "lines/s", in_turn(writers, REQUESTS))
    for form, (encoded, decode) in FORMS.items():
        lines = result_lines(encoded)
        parsers: dict[str, Callable[[], list[np.ndarray]]] = {
            "ours": lambda lines=lines: parsed_by_us(lines),  # type: ignore[misc]
            "json.loads, numpy": lambda lines=lines, decode=decode: parsed_by_json(lines, decode),  # type: ignore[misc]
            "openai SDK, numpy": lambda lines=lines, decode=decode: parsed_by_sdk(lines, decode),  # type: ignore[misc]
        }
        first, *others = (parse() for parse in parsers.values())
        if not all(np.array_equal(first, other) for other in others):
            raise SystemExit(f"{form}: the parsers do not agree")
        title = f"Result lines parsed, {form}, {DIMENSIONS:,} dimensions, {len(lines) / RESULTS / 1000:.1f} kB a line"
        yield compared(title, "lines/s", in_turn(parsers, RESULTS))


if __name__ == "__main__":
    show(tables())
