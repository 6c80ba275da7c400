"""Settings: flags, then environment, then `ingest.toml`, then defaults."""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AliasChoices, Field, PrivateAttr, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from ingest.commands import DEFAULT_CORPUS
from ingest.errors import UsageError
from ingest.folders import absolute_folder, default_data_dir
from ingest.keywords import Language  # noqa: TC001 - pydantic looks at it
from ingest.model import FilterType, Quantization  # noqa: TC001 - likewise
from ingest.provider import LOCAL, MODELS, PRESETS, OtherAccount, require_bare, storage_folder
from ingest.redaction import learn
from ingest.settings_file import FileSource, reading, what_is_wrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONFIG_FILE = Path("ingest.toml")
DEFAULT_CHUNK_TOKENS = 512
_NO_TEXT = re.compile(r"[\0\ud800-\udfff]")
_URL_MARKS = re.compile(r"[/:@?&=]")
_SECRETS = ("database_url", "api_key", "webhook_secret", "mcp_token", "rerank_api_key")
_OR_EMPTY = "database_url provider base_url model deployment rerank_url rerank_model batch_folder batch_role".split()
_DRIVER = re.compile(r"^postgres(?:ql)?\+\w+://")
_EXTRA = re.compile(r"(?<=[?&])__extra__=[^&]*(?:&|$)")
NO_SECRETS: dict[str, object] = {**dict.fromkeys(_SECRETS), "notify": ()}
"""The settings that are secrets, each as it is without one."""
Positive = Annotated[int, Field(gt=0, le=10**15)]  # bytes, tokens and the like: what a machine's numbers hold
Seconds = Annotated[float, Field(ge=0, le=10_000_000)]  # what a clock of any kind can wait: some four months
PositiveSeconds = Annotated[float, Field(gt=0, le=10_000_000)]
Mode: TypeAlias = Literal["batch", "sync"]
Prices: TypeAlias = dict[str, dict[Literal["batch", "sync"], Annotated[float, Field(ge=0, allow_inf_nan=False)]]]


class Settings(BaseSettings):
    """Everything a run can be told. Every field is also the environment variable INGEST_<FIELD>."""

    model_config = SettingsConfigDict(
        env_prefix="INGEST_", extra="forbid", populate_by_name=True, hide_input_in_errors=True
    )

    _outright: frozenset[str] = PrivateAttr(default=frozenset())

    def __init__(self, **values: Any) -> None:
        """What is given here is given outright, as by a flag; the rest is found in the environment and the file."""
        super().__init__(**values)
        self._outright = frozenset(values)
        learn(*(secret.get_secret_value() for name in _SECRETS[1:] if (secret := getattr(self, name))))
        for url in self.notify:  # of which hosts are no secret
            learn(*(part for part in _URL_MARKS.split(url.get_secret_value()) if "." not in part))

    def __getstate__(self) -> dict[Any, Any]:
        """What is pickled, which may lie about and go to others: no secret, or it raises a TypeError."""
        if self != self.without_secrets():
            raise TypeError(
                "settings with secrets are not pickled: make them where they are used, or hand on `without_secrets()`"
            )
        return super().__getstate__()

    # The corpus and its database
    corpus: str = DEFAULT_CORPUS
    """The corpus, which is a schema of the database."""
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("INGEST_DATABASE_URL", "DATABASE_URL_DIRECT", "DATABASE_URL", "database_url"),
    )
    """PostgreSQL, as a URL or key=value pairs. None: an embedded server in `data_dir`."""
    data_dir: Path = Field(default_factory=default_data_dir)
    """Where the embedded server, the local provider and the shard files live."""

    # The provider and the model
    provider: str | None = None
    """`local`, or a name of `ingest/provider/presets.py`. None: `openai` with an API key, else `local`."""
    api_key: SecretStr | None = None
    """None: that of the provider's own variable, such as OPENAI_API_KEY."""
    base_url: str | None = None
    """The provider's address. None: that of its own variable, such as OPENAI_BASE_URL, else its preset's."""
    accounts: tuple[OtherAccount, ...] = ()
    """Other accounts, or projects, of the same provider that share the work ([scale](../scale.md#several-accounts))."""
    webhook_secret: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("INGEST_WEBHOOK_SECRET", "OPENAI_WEBHOOK_SECRET", "webhook_secret")
    )
    """What the provider signs its webhooks with, for `ingest webhook`."""
    mcp_token: SecretStr | None = None
    """Whoever sends it may ask `ingest mcp --http`."""
    model: str | None = None
    """The embedding model of a new corpus; one that is there keeps its own until `ingest reembed`. None: the
    provider's usual one. One that `ingest models` does not list needs its `dimensions`, and the most `chunk_tokens`."""
    deployment: str | None = None
    """What the provider calls the model, where that is another name: an Azure deployment. None: as we do."""
    dimensions: Positive | None = None
    """The length of the vectors of a new corpus. None: the model's."""
    vector_type: Literal["vector", "halfvec"] | None = None
    """The column's type in a new corpus: `vector` (4 bytes a dimension) or `halfvec` (2 bytes)."""
    encoding_format: Literal["base64", "float"] = "base64"
    """How vectors travel in result files: base64 is a quarter of the bytes. The default is the provider's."""

    # Chunks
    chunk_tokens: Annotated[int, Field(ge=32)] | None = None
    """The most tokens in a chunk of a new corpus, its headings included; one that is there is chunked anew where a flag
    says so, as by the two settings below. None: 512, or the model's limit where that is lower."""
    overlap: Annotated[int, Field(ge=0)] | None = None
    """Tokens of the previous chunk repeated at the head of the next."""
    embed_headings: bool | None = None
    """Whether the headings above a passage are embedded with it, and the header of the table that it goes on with."""

    # Reading
    full: bool = False
    """Whether files are read again that are unchanged by size and time, and rows that are by their version."""
    engine: Literal["local", "ray"] = "local"
    """Where documents are read and chunked and results loaded: in this process, or on a Ray cluster (docs/scale.md)."""
    max_document_bytes: Positive = 16_777_216
    """Files larger than this are listed, not read: chunking holds a document in memory, about 17 bytes for each."""
    allow_unreadable: bool = False
    """Whether a run ends with status 0 although a file, record or row could not be read; it is listed all the same."""
    extract_seconds: PositiveSeconds = 60.0
    """How long the text of one file may take to extract; of a PDF each of its pages, and about 1 s a page in all."""
    extract_memory_mb: Annotated[int, Field(ge=512)] = 2048
    """The most memory that a process which extracts text may take."""
    ocr: str = ""
    """Languages of PDF pages without text, which tesseract then reads: `deu+eng`. Read before: with `--full`."""
    html_main_text: bool = True
    """Whether HTML is read without navigation, banners and tables of contents; what was read before, with `--full`."""
    attachments: bool = False
    """Whether what is attached to e-mail is read as documents of their own."""
    html_links: bool = False
    """Whether the targets of links in HTML are kept, as `[words](target)`."""
    crawl_pages: Positive = 1000
    """The most pages of one site that are asked for, by links (`crawl+https://…`) or by its sitemap."""
    crawl_depth: Annotated[int, Field(ge=0)] = 20
    """The most links from the first page of a site to one that is read."""

    # At once, or in batches
    mode: Literal["batch", "sync", "auto"] = "batch"
    """`batch`: half the price, within 24 hours. `sync`: at once, at full price. `auto`: as the next two say."""
    sync_below_tokens: Annotated[int, Field(ge=0)] = 300_000
    """`auto` takes `sync` for no more tokens than this: by default what one call takes."""
    deadline_hours: Annotated[float, Field(gt=0)] | None = None
    """When the vectors must be there. `auto` takes `sync` where that is less than the 24 hours a batch may take."""
    sync_concurrency: Annotated[int, Field(gt=0, le=64)] = 4
    """Calls of `sync` at once. A process that is killed pays for those in flight again."""

    # Batches, and how many at once
    max_batch_requests: Annotated[int, Field(gt=0, le=50_000)] = 50_000
    """Requests in one batch. OpenAI's limit is 50,000."""
    max_batch_bytes: Positive = 200_000_000
    """Bytes in one batch input file. OpenAI's limit is 200 MB; some compatible servers take 100 MB."""
    max_batch_tokens: Positive = 20_000_000
    """Tokens in one batch, by the provider's count: no more than the account may have enqueued at once."""
    max_enqueued_tokens: Positive | None = None
    """Tokens in flight at once, by the provider's count. None: what the provider names when it refuses more."""
    max_enqueued_requests: Positive = 1_000_000
    """Requests in flight at once. OpenAI's limit for embeddings is 1,000,000."""
    max_batches_per_hour: Positive = 2_000
    """Batches created in an hour. OpenAI's limit is 2,000."""
    batch_folder: str | None = None
    """A folder of yours for the files of batches, which `bedrock` needs: `s3://bucket/folder`."""
    batch_role: str | None = None
    """The ARN of the role that reads and writes them there."""

    # Waiting and trying again
    poll_seconds: PositiveSeconds = 30.0
    """The longest pause between two looks at the batches in flight; looks begin close together."""
    list_lag_seconds: Seconds = 60.0
    """How long the provider's lists may lag before a batch that is not in them counts as not created. For eight times
    as long a result file that is late, or a batch that is in trouble by itself, is looked at again."""
    refused_wait_seconds: Seconds = 60.0
    """How long a batch waits after the provider had no room for its tokens."""
    max_attempts: Positive = 5
    """How often a request is sent before it is listed as failed."""
    when_refused: Literal["keep", "drop"] = "keep"
    """What becomes of a document's old passages, or a row's old vector, where the provider does not take the new text:
    they are kept, and the text is listed; or they go. After any other failure they are kept."""
    retry_wait_seconds: Seconds = 30.0
    """How long a request that failed for a while waits before it is sent again; doubled with each attempt."""
    stuck_hours: Annotated[float, Field(ge=0)] = 26.0
    """A batch of which nothing new was heard for so long is reported as stuck. Batches expire after 24 hours."""
    clean: bool = False
    """Whether a batch's files are deleted at the provider as soon as they are loaded: they hold the corpus's text."""
    database_wait_seconds: Seconds = 60.0
    """How long a run waits for a database server that went away, before it stops, resumable."""

    # Search and its index
    filters: dict[str, FilterType] | None = None
    """Fields of the metadata as columns of `chunks`, to filter by: `{tenant = "text", published = "date"}`."""
    distance: Literal["cosine", "l2", "inner_product"] = "cosine"
    """What nearness is, for the index and for `ingest search`."""
    keywords: bool = True
    """Whether passages are found by their words, too: the terms of each are kept beside it."""
    language: Language | None = None
    """Whose stems and stop words those are, `german` for example. None: found in each document."""
    words_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """What words weigh in a search by both; vectors have the rest."""
    rerank_url: str | None = None
    """A reranker puts what is found in order: the whole address, as `https://api.cohere.com/v2/rerank`. None: none."""
    rerank_model: str | None = None
    """Its model. None: the server has one."""
    rerank_api_key: SecretStr | None = None
    """Its key."""
    index_method: Literal["hnsw", "ivfflat"] = "hnsw"
    """pgvector's index: `hnsw` (better recall) or `ivfflat` (built faster, smaller)."""
    index_quantize: Quantization | None = None
    """What the index holds of a vector: `none` for all of it, `halfvec` for halves, `bit` for signs alone; searches put
    what they find by it in order by the vectors themselves. None: what fits, the most exact first."""
    index_by: str | None = None
    """A filter, such as the tenant, whose values get an index each, if more than 10,000 passages have them."""
    hnsw_m: Annotated[int, Field(ge=2, le=100)] = 16
    """Connections of a vector in the graph."""
    hnsw_ef_construction: Annotated[int, Field(ge=4, le=1000)] = 64
    """Candidates looked at for each connection while the graph is built; at least twice hnsw_m."""
    ivfflat_lists: Positive | None = None
    """Lists of an ivfflat index. None: as pgvector advises, a thousandth of the rows, their root over a million."""
    hnsw_ef_search: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Neighbours that a search by hnsw looks at. None: as many as find 95 %, measured when a large index is built."""
    ivfflat_probes: Positive | None = None
    """Lists that a search by ivfflat looks at. None: as pgvector advises, the root of their number."""
    index_defer_above: Annotated[float, Field(ge=0)] = 1.0
    """A load of more than this share of the vectors there are drops the index, and builds it anew after."""
    index_memory_mb: Positive = 512
    """PostgreSQL's maintenance_work_mem while the vector index is built; one that holds the graph builds fast."""
    index_workers: Annotated[int, Field(ge=0)] = 2
    """Parallel workers for the index build, beside the main one."""

    # Money
    ask_above_dollars: Annotated[float, Field(ge=0)] = 1.0
    """A run that would cost more asks first, unless --yes."""
    max_dollars: Annotated[float, Field(ge=0)] | None = None
    """The most that a run may cost, of all its rounds, by estimate: what would be over it is not sent."""
    prices: Prices = {}
    """By model: US dollars for a million tokens, `batch` and `sync`. The rest is as `ingest models` has it."""

    # What is told, and to whom
    log_format: Literal["text", "json"] = "text"
    """How progress and messages stand on standard error: for people, or as one JSON object a line."""
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] | None = None
    """The port on loopback where Prometheus finds the metrics of a run. None: nowhere; 0: any that is free."""
    notify: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Where to tell how a run ended, and of stuck batches: URLs of apprise; blanks between them in the environment."""

    @property
    def outright(self) -> frozenset[str]:
        """The names of what was given outright: by a flag, or from Python."""
        return self._outright

    def saying(self, **values: object) -> Settings:
        """These settings, with others given outright."""
        other = self.model_copy(update=values)
        other._outright = self._outright | values.keys()  # noqa: SLF001 - one of us
        return other

    def without_secrets(self) -> Settings:
        """These settings, without the database's URL and all that is secret."""
        return self.model_copy(update=NO_SECRETS)

    def portable(self) -> dict[str, Any]:
        """What was given, as plain JSON without secrets: `Settings(**portable)` elsewhere takes those of that place."""
        return self.model_dump(mode="json", exclude_unset=True, exclude=set(NO_SECRETS))

    def without_mere(self, names: Iterable[str]) -> Settings:
        """These settings, without those of `names` that merely stand in the environment or the file."""
        return self.model_copy(update=dict.fromkeys(set(names) - self._outright))

    @field_validator("*", mode="before")
    @classmethod
    def _text_is_text(cls, value: object) -> object:
        """Nothing else can be kept, sent or be the name of a file; the environment may hold any bytes."""
        if isinstance(value, str) and _NO_TEXT.search(value):
            raise ValueError("it holds bytes that are no text")
        return value

    @field_validator("prices")
    @classmethod
    def _of_known_models(cls, prices: Prices, info: ValidationInfo) -> Prices:
        if unknown := sorted(prices.keys() - MODELS.keys() - {info.data.get("model")}):
            raise ValueError(f"there is no model {unknown[0]!r}; there are {', '.join(MODELS)}")
        return prices

    @field_validator("notify", mode="before")
    @classmethod
    def _between_blanks(cls, urls: object) -> object:
        return urls.split() if isinstance(urls, str) else urls

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return absolute_folder(path)

    @field_validator("provider")
    @classmethod
    def _of_known_providers(cls, provider: str | None) -> str | None:
        if provider not in (None, LOCAL, *PRESETS):
            raise ValueError(f"there is no provider {provider!r}; there are {', '.join((*PRESETS, LOCAL))}")
        return provider

    @field_validator(*_OR_EMPTY, mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("base_url", "rerank_url", "batch_folder")
    @classmethod
    def _bare_address(cls, address: str | None, info: ValidationInfo) -> str | None:
        if address and info.field_name == "batch_folder":
            return storage_folder(address)
        if address:
            require_bare(address)
            if info.field_name == "rerank_url" and not address.endswith("/rerank"):
                raise ValueError("it is the whole address, and ends in /rerank")
        return address

    @field_validator("database_url")
    @classmethod
    def _as_libpq_reads_it(cls, url: SecretStr | None) -> SecretStr | None:
        """Of SQLAlchemy's form, which names a driver, and of Airflow's, which adds a field of its own."""
        return url and SecretStr(_EXTRA.sub("", _DRIVER.sub("postgresql://", url.get_secret_value())).rstrip("?&"))

    @field_validator(*_SECRETS)
    @classmethod
    def _not_starred(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret and "*****" in secret.get_secret_value():
            raise ValueError("it is a secret as it is shown, with stars: give it as it is")
        return secret

    @field_validator("notify")
    @classmethod
    def _none_starred(cls, urls: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        return tuple(filter(cls._not_starred, urls))

    @field_validator(*_SECRETS[1:], mode="before")
    @classmethod
    def _blank_key_is_unset(cls, value: object) -> object:
        """A newline at the end came with the file that a key was read from."""
        return value.strip() or None if isinstance(value, str) else value

    @field_validator("api_key", "rerank_api_key")
    @classmethod
    def _fit_for_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        if key and not (key.get_secret_value().isascii() and key.get_secret_value().isprintable()):
            raise ValueError("it holds what no header may: a line's end, or a letter beyond ASCII")
        return key

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, the provider's own variables, the file that `load_settings` names, its own defaults."""
        toml = FileSource(settings_cls, init_settings().get("corpus") or env_settings().get("corpus"))
        chosen = (source().get("provider") for source in (init_settings, env_settings, toml))
        preset = PRESETS.get(next(filter(None, chosen), "openai"))
        if preset is None:
            return init_settings, env_settings, toml
        return (
            init_settings,
            env_settings,
            InitSettingsSource(settings_cls, preset.given()),
            toml,
            InitSettingsSource(settings_cls, {"encoding_format": preset.encoding_format}),
        )


def load_settings(flags: Mapping[str, Any] = MappingProxyType({}), config: Path | None = None) -> Settings:
    """Settings from the flags that were given (None: not given), the environment and the configuration file.

    Raises:
        UsageError: a value cannot be right, a name is unknown, or the file cannot be read.
    """
    if config is not None and not config.is_file():
        raise UsageError(f"no such configuration file: {config}.")
    given = {name: value for name, value in flags.items() if value is not None}
    file = config or CONFIG_FILE
    kind: type[Settings] = reading(Settings, file)
    try:
        return kind(**given)
    except ValidationError as error:
        raise UsageError(what_is_wrong(error, given, file, Settings.model_fields)) from None
    except SettingsError as error:  # of the environment
        raise UsageError(f"the settings cannot be read: {error}.") from None
    except ValueError as error:  # tomllib's TOMLDecodeError among them
        raise UsageError(f"{file} cannot be read: {error}.") from None
    except RecursionError:
        raise UsageError(f"the settings, {file} or the environment, are nested too deep.") from None
