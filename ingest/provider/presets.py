"""The providers we know by name: where they are, whose key they take, and what else differs from OpenAI.

The flow is the same for all: a file of purpose `batch`, a batch for `/v1/embeddings` with a window of 24 hours, results
by `custom_id`. What is known of each is from its makers (2026), and was tried on the emulator alone, in that dialect:

- azure: learn.microsoft.com, "Create a batch" of the v1 reference, and "Getting started with Azure OpenAI batch"
- alibaba: alibabacloud.com, Model Studio, "OpenAI compatible - Batch (file input)"
- deepinfra: docs.deepinfra.com, "Batch"
- orq: docs.orq.ai, "Batches"
- ogx: the source of llamastack/llama-stack, providers/inline/batches
- vllm: the source of vllm-project/vllm, entrypoints/openai/run_batch.py: from file to file, there is no Batch API
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar, Literal
from urllib.parse import urlsplit

LOCAL = "local"
_TELLS_MORE = re.compile(r"^(?:[A-Za-z]{1,20}:)?/{0,9}[^/?#@]*+@|[?#]")  # than where a server is
_FOLDER = re.compile(r"s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](?:/[-!_*'().a-zA-Z0-9]+)*/?")
IN_CLEAR = "texts and the key can be read by others on their way to the provider"


def goes_in_clear(base_url: str | None) -> bool:
    """Whether what is sent there, texts and the key, can be read on its way: plain HTTP, to another machine."""
    parts = urlsplit(base_url or "")
    if parts.scheme.lower() != "http":
        return False
    host = parts.hostname or ""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")


def require_bare(address: str) -> None:
    """See that an address says where a server is, and no more.

    Raises:
        ValueError: it says more, or is none.
    """
    if _TELLS_MORE.search(address):
        raise ValueError("it is shown and stored, and so holds no user, password, query or fragment")
    parts = urlsplit(address)
    is_of_ink = address.isprintable() and " " not in address
    if parts.scheme not in ("http", "https") or not (host := parts.hostname) or not is_of_ink:
        raise ValueError("it begins with http:// or https:// and a host, and holds no blanks")
    host.encode("idna"), parts.port  # they raise what is wrong with it


@dataclass(frozen=True)
class OtherAccount:
    """Another account, or project, of the same provider that shares its work, by a name of its own."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: str
    key_variable: str
    """The environment variable in which its key stands."""
    base_url: str | None = None
    """Its address. None: the same."""

    def __post_init__(self) -> None:
        """See that its name can be a part of an id."""
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", self.name):
            raise ValueError(f"the name of an account has 1 to 32 of a to z, 0 to 9, _ and -, not {self.name[:40]!r}")


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider: the well-known variables of its key and its address, and what it takes.

    `base_url` None: the SDK's own, or `needs_address`. `path` follows an address that names a host alone.
    `encoding_format`: base64 where its makers say so.
    """

    key_variable: str
    url_variable: str
    base_url: str | None = None
    path: str = ""
    encoding_format: Literal["base64", "float"] = "float"
    needs_address: bool = False
    needs_key: bool = True
    has_batches: bool = True
    window_hours: int = 24
    """Within which a batch is done, or ends as it is."""
    files: str = "jsonl"
    """The module of this package that has its `WIRE`."""
    calls: str = "openai"
    """And the one that makes its calls, by `connect`."""
    model: str = "text-embedding-3-small"
    """By default."""
    in_folder: bool = False
    """Whether its batches read and write a folder of the user's, which then tells it from others."""
    vendors: tuple[str, ...] = ("openai",)
    """Whose models it has."""

    def address(self, base_url: str | None) -> str | None:
        """The base URL for the SDK, from what was given."""
        given = base_url or self.base_url
        is_bare = given is not None and urlsplit(given).path in ("", "/")
        return f"{given.rstrip('/')}{self.path}" if given and is_bare else given

    def given(self) -> dict[str, str]:
        """What stands in the provider's own variables: nobody else's key is sent to it."""
        variables = {"api_key": self.key_variable, "base_url": self.url_variable}
        return {name: os.environ[variable] for name, variable in variables.items() if os.environ.get(variable)}


PRESETS = {
    "openai": Preset("OPENAI_API_KEY", "OPENAI_BASE_URL", encoding_format="base64"),
    "azure": Preset(
        "AZURE_OPENAI_API_KEY",
        "AZURE_OPENAI_ENDPOINT",
        path="/openai/v1",
        encoding_format="base64",
        needs_address=True,
    ),
    "alibaba": Preset("DASHSCOPE_API_KEY", "DASHSCOPE_BASE_URL", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
    "deepinfra": Preset("DEEPINFRA_API_KEY", "DEEPINFRA_BASE_URL", "https://api.deepinfra.com/v1/openai"),
    "orq": Preset("ORQ_API_KEY", "ORQ_BASE_URL", "https://api.orq.ai/v3/router"),
    "ogx": Preset("OGX_API_KEY", "OGX_BASE_URL", "http://localhost:8321/v1", needs_key=False),
    "gemini": Preset(
        "GEMINI_API_KEY",
        "GEMINI_BASE_URL",
        "https://generativelanguage.googleapis.com/v1beta",
        path="/v1beta",
        files="gemini_lines",
        calls="gemini",
        model="gemini-embedding-001",
        vendors=("gemini",),
    ),
    "mistral": Preset(
        "MISTRAL_API_KEY",
        "MISTRAL_BASE_URL",
        "https://api.mistral.ai/v1",
        path="/v1",
        files="mistral",
        calls="mistral",
        model="mistral-embed",
        vendors=("mistral",),
    ),
    "voyage": Preset(
        "VOYAGE_API_KEY",
        "VOYAGE_BASE_URL",
        "https://api.voyageai.com/v1",
        path="/v1",
        files="voyage",
        calls="voyage",
        model="voyage-4",
        window_hours=12,
        vendors=("voyage",),
    ),
    "openrouter": Preset(
        "OPENROUTER_API_KEY",
        "OPENROUTER_BASE_URL",
        "https://openrouter.ai/api/v1",
        path="/api/v1",
        files="openrouter",
        calls="openrouter",
        vendors=("openrouter", "openai"),
    ),
    # Its credentials are found as by all of AWS's tools.
    "bedrock": Preset(
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_ENDPOINT_URL_BEDROCK",
        needs_key=False,
        files="bedrock_lines",
        calls="bedrock",
        model="amazon.titan-embed-text-v2:0",
        in_folder=True,
        vendors=("bedrock",),
    ),
    "vllm": Preset("VLLM_API_KEY", "VLLM_BASE_URL", "http://localhost:8000/v1", needs_key=False, has_batches=False),
}


def storage_folder(given: str) -> str:
    """A folder of a storage, without a slash at its end.

    Raises:
        ValueError: it is none.
    """
    if not _FOLDER.fullmatch(given):
        raise ValueError("it is s3://bucket/folder, of letters, digits and -_.")
    return given.rstrip("/")


def preset(provider: str) -> Preset:
    """What is known of a provider by its name; the local one is as OpenAI."""
    return PRESETS.get(provider, PRESETS["openai"])
