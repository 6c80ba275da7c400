"""An input file judged as a whole, before any of its requests runs."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from ingest.emulator.embeddings import count_tokens
from ingest.emulator.lines import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ingest.emulator.embeddings import EmbeddingsRequest
    from ingest.emulator.faults import Faults
    from ingest.emulator.limits import Limits
    from ingest.emulator.vendor import Vendor

_LINES_COUNTED_AT_ONCE = 1_000
_MAX_LINE_BYTES = 32_000_000  # a line without an end must not fill the memory


class Verdict(msgspec.Struct):
    """What validation found; a batch runs if there are no errors.

    `tokens` is what the file enqueues, counted where that is limited: counting takes as long as all the rest.
    """

    errors: list[BatchError]
    model: str | None = None
    requests: int = 0
    tokens: int = 0


class _Validation:
    def __init__(self, limits: Limits, faults: Faults, vendor: Vendor, model: str | None) -> None:
        self._limits = limits
        self._faults = faults
        self._vendor = vendor
        limited = limits.enqueued_tokens is not None or limits.batch_tokens is not None
        self._counts_tokens = limited or bool(faults.active(["token_limit"]))
        self._custom_ids: set[str] = set()
        self._inputs = 0
        self.verdict = Verdict([], model)

    def add(self, lines: Iterable[tuple[int, bytes]]) -> None:
        requests: list[EmbeddingsRequest] = []
        for number, line in lines:
            self.verdict.requests += 1
            problem = self._judge(number, line, requests)
            if problem is not None:
                self.verdict.errors.append(problem)
        self._inputs += sum(len(request.inputs) for request in requests)
        if self._counts_tokens and self.verdict.model is not None:
            model = self._limits.models[self.verdict.model]
            self.verdict.tokens += sum(sum(count_tokens(model, request, self._faults)) for request in requests)

    def finish(self) -> Verdict:
        if not self.verdict.requests:
            self.verdict.errors.append(
                BatchError(
                    "empty_file",
                    "The input file is empty. Please ensure that the batch contains at least one request.",
                )
            )
        if 0 < self.verdict.requests < self._limits.least_requests:
            said = (
                f"The batch contains less records ({self.verdict.requests}) than the required minimum of: "
                f"{self._limits.least_requests}"
            )
            self.verdict.errors.append(BatchError("too_few_tasks", said))
        self.verdict.errors += self._too_many("requests", self.verdict.requests, self._limits.batch_requests)
        self.verdict.errors += self._too_many("embedding inputs", self._inputs, self._limits.batch_inputs)
        most_tokens = self._limits.batch_tokens
        if most_tokens is not None and self.verdict.tokens > most_tokens:
            self.verdict.errors.append(
                BatchError(
                    "token_limit_exceeded",
                    f"The batch has {self.verdict.tokens:,} tokens. The maximum is {most_tokens:,} tokens.",
                )
            )
        del self.verdict.errors[self._limits.listed_errors :]
        return self.verdict

    def is_hopeless(self) -> bool:
        return len(self.verdict.errors) >= self._limits.listed_errors

    def _judge(self, number: int, line: bytes, requests: list[EmbeddingsRequest]) -> BatchError | None:
        judged = self._vendor.judged_line(line, number)
        if isinstance(judged, BatchError):
            return judged
        if judged.custom_id in self._custom_ids:
            return BatchError(
                "duplicate_custom_id",
                f"The custom_id {judged.custom_id} for this request is a duplicate of another request. "
                "The custom_id parameter must be unique for each request in a batch.",
                "custom_id",
                number,
            )
        self._custom_ids.add(judged.custom_id)
        problem = None if judged.model is None else self._judge_model(judged.model, number)
        if problem is None and self._faults.holds("bad_line_fails_validation", judged.custom_id):
            problem = BatchError("invalid_request", "This line is bad on purpose.", "body.input", number)
        if problem is None and judged.request is not None:
            requests.append(judged.request)
        return problem

    def _judge_model(self, model: str, number: int) -> BatchError | None:
        if model not in self._limits.models:
            said = f"The model `{model}` does not exist or you do not have access to it."
            return BatchError("model_not_found", said, "body.model", number)
        if self.verdict.model is None:
            self.verdict.model = model
        if model == self.verdict.model:
            return None
        return BatchError(
            "mismatched_model",
            f"The provided model '{model}' does not match the expected model '{self.verdict.model}'. "
            "Each batch must contain requests for a single model.",
            "body.model",
            number,
        )

    def _too_many(self, what: str, count: int, limit: int) -> list[BatchError]:
        if count <= limit:
            return []
        message = f"The batch input file contains too many {what}: {count}. The maximum is {limit}."
        return [BatchError("too_many_tasks", message)]


def validate(path: Path, limits: Limits, faults: Faults, vendor: Vendor, model: str | None = None) -> Verdict:
    """Judge an input file, line by line: all that must hold before a batch may run. `model`: what the batch names."""
    validation = _Validation(limits, faults, vendor, model)
    with path.open("rb") as file:
        numbered = enumerate(lines_of(file), start=1)
        while not validation.is_hopeless() and (some := list(islice(numbered, _LINES_COUNTED_AT_ONCE))):
            validation.add(some)
    return validation.finish()


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file from where it stands."""
    while line := file.readline(_MAX_LINE_BYTES):
        yield line
