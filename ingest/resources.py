"""The resources of a pipeline, a corpus's database and the provider: opened when they are first needed."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Self, TypeVar

from ingest.database.connection import check_corpus_name, connect, explained
from ingest.database.outages import through_outages
from ingest.engines import open_local
from ingest.errors import UnreachableError, UsageError
from ingest.notices import Notifier
from ingest.presets import LOCAL, PRESETS
from ingest.progress import Silent
from ingest.provider import Account
from ingest.reading import prepare
from ingest.stages import Stages
from ingest.tracing import open_tracer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.chunking import Chunking
    from ingest.database.connection import Connection
    from ingest.engines import Engine
    from ingest.progress import Progress
    from ingest.provider import Provider
    from ingest.settings import Settings
    from ingest.sources.source import Source

Done = TypeVar("Done")

_RECONNECT_PAUSE_S = 0.5
_NO_KEY = "none"  # the SDK wants something, where the server does not
_OPENAI = "https://api.openai.com/v1"


class Resources:
    """A corpus's database and the provider that embeds it. Servers that it starts stop with it."""

    def __init__(self, settings: Settings, progress: Progress | None = None) -> None:
        """Nothing is opened before it is needed.

        Raises:
            UsageError: the corpus's name is no identifier.
        """
        self.settings = settings
        self.corpus = check_corpus_name(settings.corpus)
        self.progress = progress or Silent()
        self.notifier = Notifier(settings.notify, self.progress)
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._exit.close()

    @cached_property
    def database_url(self) -> str:
        """The database that was named, or the embedded server's, which is started."""
        if self.settings.database_url:
            return self.settings.database_url
        from ingest.database.embedded import embedded_server

        return self._exit.enter_context(embedded_server(self.settings.data_dir / "postgresql"))

    def connect(self) -> Connection:
        """Another connection to the corpus's database."""
        return connect(self.database_url, self.corpus)

    @cached_property
    def connection(self) -> Connection:
        """The connection to the corpus's database."""
        # As a context of its own it would commit, which a statement that an interrupt left under way refuses.
        return self._exit.enter_context(closing(self.connect()))

    @cached_property
    def cluster(self) -> Engine:
        """The workers of a cluster.

        Raises:
            UsageError: it is not installed.
            UnreachableError: it does not answer.
        """
        from ingest.engines.cluster import ray_cluster

        return self._exit.enter_context(ray_cluster())

    @contextmanager
    def _engine(self, source: Source, chunking: Chunking) -> Iterator[Engine]:
        """Where the documents of a source are read and chunked."""
        if self.settings.engine == "ray":
            yield self.cluster
        else:
            with open_local(partial(prepare, chunking), is_far=source.is_far) as engine:
                yield engine

    @cached_property
    def stages(self) -> Stages:
        """How long the stages take, as spans too where the environment asks for them."""
        return Stages(self._exit.enter_context(open_tracer(self.progress.say)))

    @cached_property
    def account(self) -> Account:
        """What opens the provider that was chosen; the local one is started."""
        name = self.provider_name
        if name == LOCAL:
            from ingest.provider.local import local_endpoint

            return Account(name, *self._exit.enter_context(local_endpoint(self.settings.data_dir / "local-provider")))
        preset, secret = PRESETS[name], self.settings.api_key
        base_url = preset.address(self.settings.base_url)
        if preset.needs_address and base_url is None:
            raise UsageError(f"the provider {name} has an address of your own: set {preset.url_variable}.")
        return Account(name, base_url, secret.get_secret_value() if secret else _NO_KEY, self.settings.deployment)

    @cached_property
    def provider(self) -> Provider:
        """The provider that was chosen."""
        from ingest.provider.openai import OpenAIProvider

        return self._exit.enter_context(closing(OpenAIProvider(self.account)))

    @property
    def provider_name(self) -> str:
        """The provider that was chosen, known before it is opened.

        Raises:
            UsageError: it needs a key, and there is none.
        """
        if self.is_local:
            return LOCAL
        name = self.settings.provider or "openai"
        if self.settings.api_key is None and PRESETS[name].needs_key:
            variable = PRESETS[name].key_variable
            raise UsageError(f"the provider {name} needs a key: set {variable}, or take --provider local.")
        return name

    @property
    def is_local(self) -> bool:
        """Whether texts are embedded on this machine, because that was chosen or no key is there."""
        return (self.settings.provider or ("openai" if self.settings.api_key else LOCAL)) == LOCAL

    @property
    def endpoint(self) -> str:
        """Where batches go by these settings, told without opening the provider."""
        if self.is_local:
            return LOCAL
        preset = PRESETS[self.settings.provider or "openai"]
        return (preset.address(self.settings.base_url) or _OPENAI).rstrip("/")

    @property
    def has_batches(self) -> bool:
        """Whether the provider that was chosen has a Batch API."""
        return self.is_local or PRESETS[self.provider_name].has_batches

    def _lasting(self, work: Callable[[], Done]) -> Done:
        """Work that outlasts a restart of the database."""
        return through_outages(work, self._reconnect)

    def _reconnect(self) -> None:
        """A new connection in the place of one that failed, as soon as the server takes it."""
        lost = self.__dict__.pop("connection", None)
        if lost is not None:
            lost.close()
        deadline_s = time.monotonic() + self.settings.database_wait_seconds
        while True:
            try:
                self.connection  # noqa: B018 - opened on first use
            except UnreachableError:
                if time.monotonic() >= deadline_s:
                    raise
                time.sleep(_RECONNECT_PAUSE_S)
            else:
                return

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with explained(self.database_url):
            yield
