"""Where the URL of a page may lead: anywhere that the user names, and from there to the public internet alone.

A server may send us on, and a name may stand for any address, another one each time. So what counts is the address that
is connected to, when it is. One that is not public (private, loopback, link-local, multicast, unspecified, reserved, or
one that stands for such) is taken only for the host and the port that the user named himself.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

_PORTS = {"http": 80, "https": 443}
_NUMBER = re.compile(r"[0-9]++|0x[0-9a-f]*+", re.IGNORECASE | re.ASCII)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address follows
_Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"


@dataclass(frozen=True, slots=True)
class Destination:
    """A host, as it is looked up, and a port of it."""

    host: str
    port: int


def is_page(given: str) -> bool:
    """Whether what a user names is the URL of a page."""
    return given.lower().startswith(("http://", "https://"))


def destination(url: str) -> Destination:
    """Where the URL of a page leads.

    Raises:
        ValueError: nowhere: it is none, holds credentials, or spells an address in a way that hides it.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("it is not a page's")
    if "@" in parts.netloc:
        raise ValueError("it holds credentials")
    host = (parts.hostname or "").encode("idna").decode().removesuffix(".")
    if not host:
        raise ValueError("it names no host")
    if _NUMBER.fullmatch(
        host.rpartition(".")[2]
    ):  # what a system takes for an address: 127.1, 0x7f000001, 017700000001
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise ValueError(f"{host} is an address in disguise: write it as four numbers") from None
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    if not port:
        raise ValueError("it names no port")
    return Destination(host, port)


def is_public(address: str) -> bool:
    """Whether an IP address, and each that it stands for, is one of the public internet (IANA's registries)."""
    found = ipaddress.ip_address(address)
    if inner := _inside(found):
        return all(is_public(str(each)) for each in inner)
    special = found.is_multicast or found.is_reserved or found.is_unspecified
    return found.is_global and not special and not getattr(found, "is_site_local", False)


def _inside(address: _Address) -> list[_Address]:
    """The IPv4 addresses that an IPv6 address stands for: mapped, translated, or tunnelled."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)]
    return [each for each in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())) if each]


@dataclass(slots=True)
class Journey:
    """One exchange with the page that a user named, and with those that it leads to."""

    named: Destination
    is_public: bool = field(default=False, kw_only=True)
    """Whether the named host was found in the public internet: from then on it is nowhere else."""

    def check(self, url: str) -> None:
        """See that it may lead to this URL, by what is written there.

        Raises:
            ValueError: it may not.
        """
        there = destination(url)
        if there.port not in {*_PORTS.values(), self.named.port}:
            raise ValueError(f"leads to port {there.port}")
        if not self._is_named(there) and _is_inside_by_name(there.host):
            raise ValueError(f"leads to {there.host}, which is not public")

    def allowed(self, there: Destination, addresses: Sequence[str]) -> list[str]:
        """The addresses of a host that may be connected to; at once, as another look-up may bring others.

        Raises:
            OSError: none of them.
        """
        public = [address for address in addresses if is_public(address)]
        is_named = self._is_named(there)
        if public:  # and what is among them that is not is no place that the user knows of
            self.is_public |= is_named
            return public
        if is_named and not self.is_public:
            return list(addresses)
        raise OSError(f"leads to {there.host} at {', '.join(addresses[:3])}, which is not public")

    def _is_named(self, there: Destination) -> bool:
        is_secured = (self.named.port, there.port) == (_PORTS["http"], _PORTS["https"])
        return there.host == self.named.host and (there.port == self.named.port or is_secured)


def _is_inside_by_name(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761
