"""Who makes the calls of a provider, and how its files look: the modules of this package, by the provider's name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from ingest.provider.accounts import FIRST, Accounts, looking_at_all
from ingest.provider.presets import preset

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from ingest.provider.protocol import Account, Provider
    from ingest.provider.wire import HasEnded, Wire


def wire_of(provider: str) -> Wire:
    """How the files of a provider look, by its name."""
    return cast("Wire", _module(preset(provider).files).WIRE)


def open_provider(account: Account) -> Provider:
    """The provider of an account, and of those that share its work. Nothing is asked yet.

    Raises:
        UsageError: its settings cannot be used.
    """
    return Accounts({name: _connected(each) for name, each in _all(account).items()})


def looking(account: Account) -> AbstractAsyncContextManager[HasEnded]:
    """What asks the provider of an account after its batches, in an event loop: by threads, if it has no other way."""
    return looking_at_all(_all(account), _looking)


def _looking(account: Account) -> AbstractAsyncContextManager[HasEnded]:
    from ingest.provider.http import in_threads

    own = getattr(_module(preset(account.name).calls), "looking", None)
    return cast("AbstractAsyncContextManager[HasEnded]", own(account) if own else in_threads(_connected(account)))


def _connected(account: Account) -> Provider:
    return cast("Provider", _module(preset(account.name).calls).connect(account))


def _all(account: Account) -> dict[str, Account]:
    """An account, and those that share its work, by their names."""
    return {FIRST: account, **account.others}


def _module(name: str) -> Any:
    return import_module(f"ingest.provider.{name}")
