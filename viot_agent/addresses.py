"""Addresses of other machines: which may be reached, by who gave the address, and what its name stands for now.

An address that the person at this machine gave (``machine``) may lie in a private network: cameras and servers of the
house do. One that came with a request, or out of what a tool returned (``request``), may not: else whoever can ask
could reach, through this server, what only this server can reach (server-side request forgery, CWE-918). Names are
looked up here, once, and all the addresses that they stand for are judged, whatever they look like; who connects should
connect to those (:attr:`Resolved.addresses`), so that a name cannot stand for something else a moment later (DNS
rebinding).

Owns this rule. Connects to nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from viot_agent.errors import BackendFault, PolicyRefusal, UserFault

Origin = Literal["machine", "request"]
IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[[str, int], Collection[str]]
"""(host, port) -> the addresses that the name stands for."""

PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}
LONGEST = 2000
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A judged address. ``addresses``: what ``host`` stood for when it was judged."""

    url: str
    scheme: str
    host: str
    port: int
    addresses: tuple[str, ...]

    @property
    def shown(self) -> str:
        """For messages: without user, password, path and query."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def system_lookup(host: str, port: int) -> list[str]:
    """By the system's resolver. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve(url: str, *, schemes: Collection[str], origin: Origin, lookup: Lookup = system_lookup) -> Resolved:
    """Judge an address. ``schemes`` are those that the caller can use.

    Raises UserFault for what is no address or has another scheme, PolicyRefusal for one that a request may not reach,
    BackendFault for a name that stands for nothing now.
    """
    if len(url) > LONGEST or re.search(r"[\x00-\x20\x7f\\]", url):
        raise UserFault("this is no address", fix="write it as https://HOST/PATH, without spaces")
    try:
        parts = urlsplit(url)
        host, given = parts.hostname or "", parts.port
    except ValueError as error:
        raise UserFault(f"this is no address: {error}", fix="write it as https://HOST/PATH") from error
    scheme = parts.scheme.lower()
    if scheme not in schemes:
        raise UserFault(f"{scheme or 'no scheme'}: is not used here", fix=f"use {' or '.join(schemes)}")
    if not host:
        raise UserFault("this address names no host", fix=f"write it as {scheme}://HOST/PATH")
    port = given if given is not None else PORTS.get(scheme, 0)
    try:
        found = tuple(lookup(host.partition("%")[0] if ":" in host else host, port))
    except (OSError, UnicodeError) as error:
        raise BackendFault(f"nothing is known of {host[:100]}: {error}", fix="check the name") from error
    if not found:
        raise BackendFault(f"nothing is known of {host[:100]}", fix="check the name")
    if origin == "request":
        # all of them: one public address beside a private one is how a name is pointed at what lies within
        wrong = next((a for a in found if not is_public(a)), None)
        if wrong is not None:
            raise PolicyRefusal(
                f"{host[:100]} lies in a private network, which a request may not reach",
                fix="the person at the server can add it there",
            )
    return Resolved(url, scheme, host, port, found)


def is_public(address: str) -> bool:
    """Whether an address is one of the public Internet; what it carries inside (mapped, NAT64, 6to4, Teredo) counts."""
    try:
        ip: IP = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_global(one) for one in (ip, *_inside(ip)))


def _inside(ip: IP) -> list[IP]:
    if not isinstance(ip, ipaddress.IPv6Address):
        return []
    teredo = ip.teredo
    held: list[Any] = [ip.ipv4_mapped, ip.sixtofour, *(teredo or ())]
    if ip in _NAT64:
        held.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return [one for one in held if one is not None]


def _global(ip: IP) -> bool:
    # a mapped address is judged by what is mapped; Python's is_global has not always done so
    if isinstance(ip, ipaddress.IPv6Address) and (ip.ipv4_mapped is not None or ip in _NAT64):
        return True
    return ip.is_global and not ip.is_multicast
