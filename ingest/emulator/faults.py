"""Faults on purpose: everything a provider has been seen to do, by name, rate and seed.

A fault that spoils a result keeps it out of the ledger of bills: the ledger then shows what the client made
the provider do twice, and nothing else.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OPERATIONS = (
    "upload",
    "list_files",
    "retrieve_file",
    "delete_file",
    "content",
    "create",
    "list_batches",
    "retrieve",
    "cancel",
    "embeddings",
    "rerank",
    "models",
    # not of OpenAI's API
    "start_upload",
    "delete_batch",
    "count_tokens",
)

# Each for any operation, or for one: `drop_after_create`. "after": the request is carried out first.
_REQUEST_FAULTS = {
    "delay": "the answer comes late, by `seconds`, or once other faults are set",
    "drop_before": "the connection is cut, nothing is carried out",
    "drop_after": "the request is carried out, then the connection is cut without an answer",
    "http_429": "refused with 429 and a retry-after of `seconds`",
    "http_500": "refused with 500, nothing is carried out",
    "http_500_after": "the request is carried out, then answered with 500",
    "http_502": "a proxy's HTML page with status 502, nothing is carried out",
}

# A line of a batch meets the first of these that fires. UNBILLED: its result is lost or spoilt.
_UNBILLED_LINE_FAULTS = {
    "lost_lines": "a request is in neither file",
    "wrong_dimensions": "a vector is one number short",
    "nan": "a vector holds a NaN",
    "inf": "a vector holds an infinity",
    "zeros": "a vector holds zeros alone",
    "null_vector": "there is null in the place of a vector",
    "status_0": "a request failed with status_code 0 and no body",
    "truncated_output_line": "a line of the output file ends in the middle",
    "non_json_line": "a line of the output file is a proxy's complaint",
    "error_per_request_400": "a request failed for good",
    "error_per_request_429": "a request failed by a rate limit",
    "error_per_request_500": "a request failed inside the server",
    "error_per_request_no_credit": "a request failed because the account has no credit left",
    "error_per_request_dimensions": "a request is refused because of its dimensions, as all others are",
}
_BILLED_LINE_FAULTS = {
    "duplicated_lines": "a result is in the output file twice",
    "foreign_lines": "after a result comes one with a custom_id that is not in the batch",
    "stringified_body": "a body is a JSON string",
}
LINE_FAULTS = (*_UNBILLED_LINE_FAULTS, *_BILLED_LINE_FAULTS)

_BATCH_FAULTS = {
    "shuffled": "the output file is in another order",
    "no_trailing_newline": "the last line of the output file has no newline",
    "zero_byte_error_file": "there is an error file, and it is empty",
    "null_file_ids": "the batch completes with no results, and null for file ids",
    "empty_file_ids": "the batch completes with no results, and empty strings for file ids",
    "expired_partial": "the batch expires with half of its requests done",
    "cancelled_partial": "the batch is cancelled by the provider with half of its requests done",
    "token_limit": "the batch fails with token_limit_exceeded",
    "no_credit_batch": "the batch fails with billing_hard_limit_reached",
    "bad_line_fails_validation": "the batch fails because of one line; the same line is bad again",
    "stuck_validating": "the batch stays in that status, until the fault is taken away",
    "stuck_in_progress": "the same",
    "stuck_finalizing": "the same",
    "stuck_cancelling": "the same",
    "unknown_status": "the status is `scheduling` for the batch's first `seconds`",
    "null_request_counts": "request_counts are null until the batch has ended",
    "null_usage": "the batch does not tell its usage",
    "null_metadata": "the batch does not tell its metadata",
    "late_file_ids": "the batch is completed, and names no file for its first `seconds` as that",
    "backward_status": "the status is told as the one before",
    "falling_counts": "half of the requests that are completed are told as completed",
    "broken_batch": "the batch is answered with 500 when it is asked after, until the fault is taken away",
    "duplicated_create": "a batch is created once more of the same file, with the same metadata; the last is answered",
    "refused_file": "no batch is created of an input file: it is refused with 400, until the fault is taken away",
}
_READ_FAULTS = {
    "lagging_lists": "a file or batch is in no list for its first `seconds`",
    "read_after_write_404": "a file is not found for its first `seconds`",
    "late_output_file": "a result file is not found for its first `seconds`",
    "empty_output_file": "a result file is empty for its first `seconds`",
    "broken_content": "a result file is answered with 500, until the fault is taken away",
    "truncated_download": "a download ends early, as if whole",
    "cut_download": "the connection is cut in the middle of a download",
}

GEMINI_FAULTS = {
    "output_in_metadata": "the file of results is named in the operation's metadata alone",
    "output_in_response": "the file of results is named in the operation's response alone",
    "output_at_top_level": "state, counts and file stand at the top of the operation, and its metadata lags behind",
    "error_in_response": "the error of a failed line stands in its response",
    "http_codes_in_lines": "the error of a failed line has an HTTP status and a name, and no number of google.rpc.Code",
}
"""Where things stand in the answers of the Gemini API, of which clients tell differently."""

_COUNT_FAULTS = {"counts_otherwise": "the tokens of a text are `times` those that its tokenizer counts, rounded up"}

ANSWER_FAULTS = {
    "no_credit": "a call to embed is refused with 429 and insufficient_quota",
    "refused_text": "a text is refused with 400, and with it every call that holds it",
    "short_answer": "an answer lacks its first vector, and the others move up",
    "shuffled_answer": "the vectors of an answer are in another order, each with its index",
    "nan_answer": "the first vector of an answer holds a NaN",
}
"""Those of calls to embed texts at once."""

FAULTS = {
    **_REQUEST_FAULTS,
    **{
        f"{name}_{operation}": f"{what} ({operation})"
        for name, what in _REQUEST_FAULTS.items()
        for operation in OPERATIONS
    },
    **_UNBILLED_LINE_FAULTS,
    **_BILLED_LINE_FAULTS,
    **_BATCH_FAULTS,
    **_READ_FAULTS,
    **GEMINI_FAULTS,
    **_COUNT_FAULTS,
    **ANSWER_FAULTS,
}
"""Every fault's name, and what is seen of it."""


def is_billed(line_fault: str | None) -> bool:
    """Whether a request that met that fault was embedded and delivered whole."""
    return line_fault not in _UNBILLED_LINE_FAULTS


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to play: with a probability of `rate`, after `after` chances, at most `count` times."""

    name: str
    rate: float = 1.0
    count: int | None = None
    after: int = 0
    seconds: float = 0.5
    times: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise UsageError(f"unknown fault {self.name!r}: the names are {', '.join(FAULTS)}.")
        if not 0 <= self.rate <= 1:
            raise UsageError(f"fault {self.name}: the rate is from 0 to 1, not {self.rate}.")

    @classmethod
    def parse(cls, text: str) -> Fault:
        """A fault from NAME[:RATE[:COUNT[:AFTER[:SECONDS[:TIMES]]]]]; an empty part takes the default.

        Raises:
            UsageError: the text is not of that form.
        """
        readers = (("rate", float), ("count", int), ("after", int), ("seconds", float), ("times", float))
        name, *parts = text.split(":", len(readers))
        try:
            return cls(name, **{key: read(part) for (key, read), part in zip(readers, parts, strict=False) if part})
        except ValueError:
            raise UsageError(
                f"cannot read the fault {text!r}: write NAME[:RATE[:COUNT[:AFTER[:SECONDS[:TIMES]]]]]."
            ) from None


class Faults:
    """Decides when a fault fires: the same answers for the same seed and the same order of questions."""

    def __init__(self, faults: Iterable[Fault] = (), seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._seed = seed
        self.set(faults)

    def set(self, faults: Iterable[Fault]) -> None:
        """Play these from now on, in place of those before; what was stuck goes on."""
        by_name = {fault.name: fault for fault in faults}
        with self._lock:
            self._faults = by_name
            self._chances: Counter[str] = Counter()
            self._fired: Counter[str] = Counter()
            self._held: dict[tuple[str, str], bool] = {}

    def fires(self, name: str, key: str | None = None) -> bool:
        """Whether the fault fires now; `key` says for what, where the order of questions must not matter."""
        if name not in self._faults:
            return False
        with self._lock:
            return self._decide(name, key)

    def holds(self, name: str, key: str) -> bool:
        """`fires`, decided once for each key."""
        if name not in self._faults:
            return False
        with self._lock:
            if (name, key) not in self._held:
                self._held[name, key] = self._decide(name, key)
            return self._held[name, key]

    def first(self, names: Sequence[str], key: str) -> str | None:
        """The first of these that fires for the key."""
        return next((name for name in names if self.fires(name, key)), None)

    def active(self, names: Iterable[str]) -> list[str]:
        """Those of these names that are played at all."""
        return [name for name in names if name in self._faults]

    def seconds(self, name: str) -> float:
        """How long that fault lasts, in seconds; 0 where it is not played."""
        fault = self._faults.get(name)
        return fault.seconds if fault else 0.0

    def times(self, name: str) -> float:
        """How many times as much by that fault; once where it is not played."""
        fault = self._faults.get(name)
        return fault.times if fault else 1.0

    def report(self) -> list[dict[str, object]]:
        """The faults that are played, each with how often it fired."""
        with self._lock:
            return [{**asdict(fault), "fired": self._fired[name]} for name, fault in self._faults.items()]

    def _decide(self, name: str, key: str | None) -> bool:
        fault = self._faults.get(name)
        if fault is None:
            return False
        self._chances[name] += 1
        chance = self._chances[name]
        if chance <= fault.after or (fault.count is not None and self._fired[name] >= fault.count):
            return False
        drawn = hashlib.blake2b(
            f"{self._seed}\0{name}\0{chance if key is None else key}".encode(), digest_size=8
        ).digest()
        if int.from_bytes(drawn, "big") >= fault.rate * 2**64:
            return False
        self._fired[name] += 1
        return True
