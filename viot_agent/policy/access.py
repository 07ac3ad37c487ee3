"""Who asks: a key that was shown, or a name that a trusted proxy gave, becomes a Principal.

The one door of page, REST, MCP and command: ``authenticate`` takes the secret of a key, ``identify`` the headers of a
request with the address it came from. Where no key was ever made the machine is in single-user mode (``configured`` is
False) and nobody needs this.

Owns the waiting after wrong secrets, the rate of a key, and the memory of secrets that were good a moment ago (argon2
takes its time on purpose). Keeps no secret: only a digest under a random key of this process. Does not know what a role
may do.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from viot_agent.errors import NameFault, RateRefusal, SignInRefusal, UserFault
from viot_agent.library import names
from viot_agent.library.database import Database
from viot_agent.policy import chain
from viot_agent.policy.keys import Key, Keys, id_of
from viot_agent.policy.logins import Logins
from viot_agent.steps import Principal

KEY = "VIOT_KEY"
"""The environment variable from which commands take the secret."""
PROXIES, PROXY_HEADER = "VIOT_TRUSTED_PROXIES", "VIOT_PROXY_USER_HEADER"
"""Addresses (or networks) of proxies that may name who asks, separated by commas; and the header they name them in."""
SINGLE_USER = "single-user mode: no access is set up, who can reach this machine may do everything (viot access init)"
"""What servers and commands say where no key was ever made."""
FIX = "viot access add NAME --role ROLE makes a key; show it as Authorization: Bearer KEY, or in VIOT_KEY"
PER_MINUTE, BURST = 120.0, 60
"""Requests of one key: so many a minute for long, so many at once."""
_REMEMBERED = 256
_UNKNOWN = "?"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Rate:
    """A token bucket a key (Turner, 1986): ``burst`` at once, ``per_minute`` for long. ``clock`` only grows."""

    def __init__(
        self, per_minute: float = PER_MINUTE, burst: int = BURST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.per_second, self.burst, self._clock = per_minute / 60.0, float(burst), clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        """Count one request. Raises RateRefusal."""
        with self._lock:
            now = self._clock()
            bucket = self._buckets.pop(key, None) or _Bucket(self.burst, now)
            bucket.left = min(self.burst, bucket.left + (now - bucket.at) * self.per_second)
            bucket.at = now
            self._buckets[key] = bucket
            while len(self._buckets) > 10_000:
                self._buckets.popitem(last=False)
            if bucket.left < 1.0:
                raise RateRefusal("too many requests with this key", wait=(1.0 - bucket.left) / self.per_second)
            bucket.left -= 1.0


@dataclass(frozen=True, slots=True)
class Proxies:
    """Which addresses may name who asks, and in which header."""

    networks: tuple[Network, ...] = ()
    header: str = "x-forwarded-user"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Proxies:
        """From ``VIOT_TRUSTED_PROXIES`` and ``VIOT_PROXY_USER_HEADER``. Raises UserFault for what is no address."""
        words = [w.strip() for w in environ.get(PROXIES, "").split(",") if w.strip()]
        try:
            networks = tuple(ipaddress.ip_network(w) for w in words)
        except ValueError as error:
            raise UserFault(f"{PROXIES}: {error}", fix=f"for example {PROXIES}=127.0.0.1,10.0.0.0/28") from error
        return cls(networks, environ.get(PROXY_HEADER, "").strip().casefold() or cls().header)

    def trusted(self, address: str) -> bool:
        """Whether the other end of a connection is one of them."""
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self.networks)


def counted_by(host: str) -> str:
    """By what wrong keys and requests from an address are counted: an IPv4 address, or the network (/64) that an IPv6
    one lies in, of which its owner has all."""
    try:
        known = ipaddress.ip_address(host)
    except ValueError:
        return host[:100]
    if isinstance(known, ipaddress.IPv6Address):
        mapped = known.ipv4_mapped
        return str(mapped) if mapped is not None else str(ipaddress.ip_network((known, 64), strict=False))
    return str(known)


class Access:
    """The keys of one library and everything that guards their use. Shared by all threads of a process."""

    def __init__(
        self,
        db: Database,
        *,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
        rate: Rate | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        self.keys = Keys(db, clock)
        self.proxies = Proxies.from_env() if proxies is None else proxies
        self._rate = rate or Rate(clock=ticks)
        self._wrong = Logins(ticks)
        self._lock = threading.Lock()
        self._pepper = secrets.token_bytes(32)
        self._seen: OrderedDict[bytes, str] = OrderedDict()
        self._configured = False

    @property
    def configured(self) -> bool:
        """Whether a key was ever made; from then on nobody is let in without one."""
        if not self._configured:  # it never goes back
            self._configured = self.keys.any()
        return self._configured

    def init(self, name: str, *, by: Principal, lost: bool = False) -> tuple[Key, str]:
        """The first key, an admin's, and its secret. Also the way back in: whoever may write the database may call
        this. Raises NameFault while an admin has a good key; ``lost``: that is this one's, who has it no more, and it
        is taken back."""
        now = self.keys.clock()
        there = [k for k in self.keys.all() if k.role == "admin" and k.state(now) == "good"]
        mine = [k for k in there if names.folded(k.name) == names.folded(name)]
        if lost and not mine:
            raise names.unknown("admin", name, [k.name for k in there])
        if there and not lost:
            raise NameFault(
                f"{there[0].name} is an admin already",
                name=there[0].name,
                fix="viot access add NAME --role admin, with the admin's key in VIOT_KEY; when that key is lost: "
                f"viot access init {there[0].name!r} --lost",
            )
        for key in mine:
            self.keys.revoke(key.key, by=by)
        return self.keys.add(name, "admin", by=by)

    def authenticate(self, secret: str, *, address: str = "", counted: bool = True) -> Principal:
        """Who shows this secret. Raises SignInRefusal, and RateRefusal after wrong ones or too many requests.

        ``address`` is where the request came from, "" for this machine. ``counted`` False: a page's own files and
        polls, which are no requests of a person, do not count against the key's rate.
        """
        secret, address = secret.strip(), counted_by(address)
        if not secret:
            raise SignInRefusal("a key is needed here", fix=FIX)
        key = self._remembered(secret)
        if key is None:
            key = self._verified(secret, address)
        state = key.state(self.keys.clock())
        if state != "good":
            self._refuse((address, key.key), f"the key of {key.name} is {state}", "this key has expired or was revoked")
        if counted:
            self._rate.take(key.key)
        self.keys.used(key)
        return key.principal

    def identify(
        self, headers: Mapping[str, str] | Sequence[tuple[str, str]], address: str, *, counted: bool = True
    ) -> Principal:
        """Who sends a request with these headers from this address (the other end of the connection, not what a header
        says of it). A ``Bearer`` key comes first; a proxy's word counts from a trusted address only.

        Raises SignInRefusal, RateRefusal.
        """
        told: dict[str, list[str]] = {}
        for name, value in headers.items() if isinstance(headers, Mapping) else headers:
            told.setdefault(name.casefold(), []).append(value)
        given = told.get("authorization", [])
        kind, _, rest = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if kind.casefold() == "bearer":
            return self.authenticate(rest, address=address, counted=counted)
        named = told.get(self.proxies.header, [])
        if named and self.proxies.trusted(address):
            found = self.keys.proxied(named[0]) if len(named) == 1 else None
            if found is None:
                self._refuse(
                    (counted_by(address), "proxy"), "a proxy named somebody without access", "you have no access here"
                )
            if counted:
                self._rate.take(found.key)
            self.keys.used(found)
            return found.principal
        raise SignInRefusal("a key is needed here", fix=FIX)

    def here(self, environ: Mapping[str, str] = os.environ) -> Principal:
        """Who runs a command on this machine: by the key in ``VIOT_KEY``; in single-user mode nobody needs one.

        Raises SignInRefusal, RateRefusal.
        """
        if not self.configured:
            return Principal()
        secret = environ.get(KEY, "")
        if not secret:
            raise SignInRefusal("access is set up here, and no key was shown", fix=f"put your key in {KEY}")
        return self.authenticate(secret)

    # one secret ------------------------------------------------------------------------------------------------------

    def _verified(self, secret: str, address: str) -> Key:
        id_ = id_of(secret)
        # strangers wait together: a flood of made-up ids costs one hash each
        place = (address, id_ if id_ and self.keys.of(id_) is not None else _UNKNOWN)
        self._waited(place)
        key = self.keys.shown(secret)
        if key is None:
            self._refuse(place, "a wrong key was shown", "this key is not known here")
        with self._lock:
            self._wrong.right(place)
            self._seen[self._digest(secret)] = key.key
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return key

    def _remembered(self, secret: str) -> Key | None:
        """The key of a secret that was verified before, as it stands now."""
        with self._lock:
            id_ = self._seen.get(self._digest(secret))
        return None if id_ is None else self.keys.of(id_)

    def _digest(self, secret: str) -> bytes:
        return hmac.new(self._pepper, secret.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()

    def _waited(self, place: tuple[str, str]) -> None:
        """Raises RateRefusal while the place has to wait."""
        with self._lock:
            wait = self._wrong.wait(place)
        if wait:
            raise RateRefusal("too many wrong keys", wait=wait)

    def _refuse(self, place: tuple[str, str], why: str, words: str) -> NoReturn:
        """Count it against the place, note it in the audit log (the waiting bounds how often), and say it."""
        self._waited(place)
        with self._lock:
            self._wrong.wrong(place)
        data = {"address": place[0][:64], "key": place[1], "why": why}
        with self.keys.db.write() as connection:
            chain.append(connection, "sign_in_refused", at=self.keys.clock(), who="", data=data)
        raise SignInRefusal(words, fix=FIX)
