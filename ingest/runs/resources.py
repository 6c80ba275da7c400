"""The resources of a pipeline, a corpus's database and the provider: opened when they are first needed."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property, partial
from threading import RLock
from typing import TYPE_CHECKING, Self, TypeVar

from ingest.commands import about_corpus
from ingest.database.connection import check_corpus_name, connect, explained
from ingest.database.outages import RECONNECT_PAUSE_S, as_soon_as_one_is_free, through_outages
from ingest.database.statements import statement
from ingest.errors import IngestError, UnreachableError, UsageError
from ingest.provider import IN_CLEAR, LOCAL, PRESETS, Account, goes_in_clear, open_provider, wire_of
from ingest.telemetry import Logged, Stages, open_tracer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    import numpy as np

    from ingest.batches import Permit
    from ingest.chunker import Chunking
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.database.identity import SentFrom
    from ingest.engines import Engine
    from ingest.provider import Provider, Side, Wire
    from ingest.provider.reranker import Reranker
    from ingest.reporting import Notifier
    from ingest.settings import Settings
    from ingest.telemetry import Progress

Done = TypeVar("Done")

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
        self.progress = progress or Logged()
        self.permit: Permit | None = None
        """Asked before anything is done to batches that were sent from another database; None: it is not done."""
        self._exit = ExitStack()
        self._at_work = RLock()
        self._held: tuple[UUID | None, int] = (None, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._exit.close()

    @cached_property
    def database_url(self) -> str:
        """The database that was named, or the embedded server's, which is started."""
        if self.settings.database_url:
            return self.settings.database_url.get_secret_value()
        from ingest.database.embedded import embedded_server

        return self._exit.enter_context(embedded_server(self.settings.data_dir / "postgresql"))

    def connect(self) -> Connection:
        """Another connection to the corpus's database. Where others have all that there are, theirs are waited for.

        Raises:
            FullError: none of them was free in `database_wait_seconds`.
        """
        return self._as_soon_as_one_is_free(self.corpus)

    def connect_plainly(self) -> Connection:
        """The same, where names mean what they mean to the user.

        Raises:
            FullError: as there.
        """
        return self._as_soon_as_one_is_free(None)

    def _as_soon_as_one_is_free(self, corpus: str | None) -> Connection:
        opening = partial(connect, self.database_url, corpus)
        return as_soon_as_one_is_free(opening, self.settings.database_wait_seconds, self.progress.say)

    def connect_at_once(self) -> Connection:
        """The same, for what nobody waits for.

        Raises:
            FullError: others have all that there are.
        """
        return connect(self.database_url, self.corpus)

    @cached_property
    def connection(self) -> Connection:
        """The connection to the corpus's database."""
        # As a context of its own it would commit, which a statement that an interrupt left under way refuses.
        connection = self._exit.enter_context(closing(self.connect()))
        connection.version, connection.cancels = self._held
        return connection

    def hold(self) -> None:
        """Take the corpus as it is now: what is read from here on is used with this version of it, and no other."""
        self.release()
        row = self.connection.execute(statement("read_held")).fetchone()
        if row:
            self._held = self.connection.version, self.connection.cancels = row

    def release(self) -> None:
        """Hold nothing of the corpus."""
        self._held = (None, 0)
        if "connection" in self.__dict__:
            self.connection.version, self.connection.cancels = self._held

    def permits(self, origins: Sequence[SentFrom], what: str) -> bool:
        """Whether this may be done to batches that were sent from another database; else it is said that it is not."""
        from ingest.batches import described_origins

        if not origins:
            return False
        if self.permit is not None and self.permit(described_origins(origins, f"{what}?")):
            return True
        self.progress.say(
            described_origins(origins, f"they are left alone. To {what} all the same, run it again with --yes.")
        )
        return False

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
    def engine(self, chunking: Chunking) -> Iterator[Engine]:
        """Where the documents of a source are read and chunked."""
        if self.settings.engine == "ray":
            yield self.cluster
        else:
            from ingest.documents import prepare
            from ingest.engines import open_local

            with open_local(partial(prepare, chunking)) as engine:
                yield engine

    @cached_property
    def notifier(self) -> Notifier:
        """What tells at the URLs of the settings how work ended."""
        from ingest.reporting import Notifier

        return Notifier(self.settings.notify, self.progress)

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
            raise UsageError(f"the provider {name} needs the address of your own resource: set {preset.url_variable}.")
        if goes_in_clear(base_url):
            self.progress.say(f"warning: {IN_CLEAR}: {preset.url_variable} begins with http://")
        key = secret.get_secret_value() if secret else _NO_KEY
        settings, others = self.settings, self._others(name, base_url)
        return Account(name, base_url, key, others, settings.batch_folder, settings.batch_role)

    def _others(self, name: str, base_url: str | None) -> dict[str, Account]:
        """The other accounts of the settings, by their names."""
        if self.settings.accounts and PRESETS[name].in_folder:
            raise UsageError(f"accounts of {name} are not known by a key: give each a corpus of its own.")
        others: dict[str, Account] = {}
        for other in self.settings.accounts:
            if not (key := os.environ.get(other.key_variable, "").strip()):
                raise UsageError(f"the account {other.name} needs its key: set {other.key_variable}.")
            if other.name in others:
                raise UsageError(f"there are two accounts {other.name}: give each a name of its own.")
            others[other.name] = Account(name, PRESETS[name].address(other.base_url) or base_url, key)
        return others

    @cached_property
    def provider(self) -> Provider:
        """The provider that was chosen."""
        return self._exit.enter_context(closing(open_provider(self.account)))

    @property
    def wire(self) -> Wire:
        """How files of the provider that was chosen look, known without a key."""
        return wire_of(LOCAL if self.is_local else self.settings.provider or "openai")

    def embed_texts(self, texts: Sequence[str], indexing: Indexing, side: Side = "query") -> np.ndarray:
        """The vectors of a few texts. (len(texts), d) float32.

        A local model is loaded for them here, unless its server is up already, which takes longer to start.
        """
        if not self.is_local or "provider" in self.__dict__:
            parameters = indexing.parameters(self.wire, side, self.settings.deployment, self.settings.encoding_format)
            return self.provider.embed(texts, parameters)
        from ingest.emulator import embed_here

        return embed_here(texts, indexing.model, indexing.sent_dimensions)

    @cached_property
    def reranker(self) -> Reranker | None:
        """What puts passages in order that were found, where one is set."""
        url, key = self.settings.rerank_url, self.settings.rerank_api_key
        if url is None:
            return None
        from ingest.provider.reranker import Reranker

        if goes_in_clear(url):
            self.progress.say(f"warning: {IN_CLEAR}: rerank_url begins with http://")
        secret = key.get_secret_value() if key else None
        return self._exit.enter_context(closing(Reranker(url, self.settings.rerank_model, secret)))

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
        name = self.settings.provider or "openai"
        preset = PRESETS[name]
        if preset.in_folder:
            return self.settings.batch_folder or name
        return (preset.address(self.settings.base_url) or _OPENAI).rstrip("/")

    @property
    def has_batches(self) -> bool:
        """Whether the provider that was chosen has a Batch API."""
        return self.is_local or PRESETS[self.provider_name].has_batches

    @contextmanager
    def beside(self, corpus: str, **settings: object) -> Iterator[Resources]:
        """Those of another corpus, with the same database and provider."""
        given = settings | {"corpus": corpus, "metrics_port": None}  # those of both are served already
        with Resources(self.settings.saying(**given), self.progress) as other:
            other.database_url, other.notifier, other.stages = self.database_url, self.notifier, self.stages
            other.permit = self.permit
            if self.is_local:
                other.account, other.provider = self.account, self.provider  # one server for both
            yield other

    def lasting(self, work: Callable[[], Done]) -> Done:
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
                time.sleep(RECONNECT_PAUSE_S)
            else:
                return

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Errors of the database in words for the user."""
        if not self._at_work.acquire(blocking=False):
            raise UsageError(
                "this Pipeline is at work on another thread, and works for one at a time: give each thread a Pipeline "
                "of its own, or search by ingest.Searcher."
            )
        try:
            with explained(self.database_url, self.corpus):
                self.release()
                yield
        except IngestError as error:
            error.args = (about_corpus(str(error), self.corpus),)
            raise
        finally:
            self._at_work.release()
