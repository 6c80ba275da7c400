"""What makes a vendor's API: calls, refusals, and the lines of its files. A package beside this one is a vendor."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from starlette.datastructures import Headers
    from starlette.responses import Response

    from ingest.emulator.embeddings import EmbeddingsRequest
    from ingest.emulator.errors import ApiError
    from ingest.emulator.faults import Faults
    from ingest.emulator.limits import Limits
    from ingest.emulator.lines import BatchError, Judged
    from ingest.emulator.requests import Call
    from ingest.emulator.service import Service
    from ingest.provider import EmbeddingModel


class Endpoint(NamedTuple):
    """A call: `operation` is its name among the faults; without `needs_key`, what is secret stands in the address."""

    method: str
    path: str
    operation: str
    call: Call
    needs_key: bool = True


class Vendor(Protocol):
    """One vendor's API, as functions and facts that a package exports: there is nothing to be made of it.

    `errors_apart`: requests that fail are in a file of their own. `refuses_when_full`: a batch there is no room for is
    refused when it is created, and not failed when it is validated. `tells_ends`: it has OpenAI's webhooks.
    """

    @property
    def errors_apart(self) -> bool: ...  # noqa: D102 said above
    @property
    def refuses_when_full(self) -> bool: ...  # noqa: D102
    @property
    def tells_ends(self) -> bool: ...  # noqa: D102

    def endpoints(self, service: Service) -> Sequence[Endpoint]:
        """The calls."""

    def authorize(self, headers: Headers, api_key: str) -> None:
        """See that a call has the key.

        Raises:
            ApiError: it has not.
        """

    def refusal(self, error: ApiError) -> Response:
        """A refusal, as the vendor writes it."""

    def new_batch_id(self) -> str:
        """An id nobody has guessed or used."""

    def new_result_id(self) -> str:
        """The same, of a file of results."""

    def checked_model(self, request: EmbeddingsRequest, limits: Limits) -> EmbeddingModel:
        """The model a request asks for, its inputs, dimensions and side being such as the model takes.

        Raises:
            ApiError: it takes no such request, whatever the texts say.
        """

    def check_tokens(self, model: EmbeddingModel, token_counts: Sequence[int], limits: Limits) -> None:
        """See that a request is short enough.

        Raises:
            ApiError: one input, or all together, have too many tokens.
        """

    def vectors(self, model: EmbeddingModel, texts: Sequence[str], dimensions: int | None, side: str) -> np.ndarray:
        """The texts' vectors, as the model of this vendor gives them. (len(texts), d) float32."""

    def judged_line(self, line: bytes, number: int) -> Judged | BatchError:
        """An input line, or why it spoils its batch."""

    def custom_id(self, line: bytes) -> str:
        """The custom_id of a line whose batch has validated."""

    def request_of(self, line: bytes, model: str) -> tuple[str, EmbeddingsRequest | ApiError]:
        """The custom_id and the request of such a line, or why it is refused; `model`: the batch's, or what it asks."""

    def done_line(
        self, request: EmbeddingsRequest, custom_id: str, vectors: np.ndarray, token_count: int, fault: str | None
    ) -> bytes:
        """The line of a request that was carried out; the fault is one of lines."""

    def refused_line(self, custom_id: str, error: ApiError | None, faults: Faults) -> bytes:
        """The line of a request that ran and was refused; None: without a word."""

    def never_ran_line(self, custom_id: str, code: str) -> bytes:
        """The line of a request the batch did not come to, if there is one."""
