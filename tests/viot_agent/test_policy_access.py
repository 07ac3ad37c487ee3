"""Keys: shown once, kept as hashes, expiring, revocable; wrong ones wait; only a trusted proxy may name somebody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from viot_agent.errors import NameFault, RateRefusal, SignInRefusal, UserFault
from viot_agent.library.store import Library
from viot_agent.policy.access import Access, Proxies, Rate
from viot_agent.policy.audit import Audit
from viot_agent.policy.keys import span_seconds
from viot_agent.policy.logins import FREE
from viot_agent.policy.roles import classes_named, may, may_use, role_named, scope_of
from viot_agent.steps import Principal

OWNER = Principal()


class Clock:
    """Seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def access(library: Library, clock: Clock) -> Access:
    return Access(
        library.db, clock=clock, ticks=clock, proxies=Proxies.from_env({"VIOT_TRUSTED_PROXIES": "10.0.0.0/28"})
    )


def test_the_first_key(access: Access, library: Library) -> None:
    assert not access.configured
    assert access.here({}) == Principal()  # single-user mode asks nobody
    key, secret = access.init("Ada", by=OWNER)
    assert access.configured
    assert key.role == "admin"
    assert access.authenticate(secret) == Principal("Ada", "admin", None, None, key.key)
    assert access.here({"VIOT_KEY": secret}).name == "Ada"
    with pytest.raises(SignInRefusal, match="no key was shown") as caught:
        access.here({})
    assert caught.value.exit_code == 4
    with pytest.raises(NameFault, match="Ada is an admin already"):
        access.init("Eve", by=OWNER)
    with library.db.read() as connection:
        stored = "".join(str(r) for r in connection.exec_driver_sql("SELECT * FROM access_keys").all())
        audited = "".join(str(r) for r in connection.exec_driver_sql("SELECT * FROM audit_log").all())
    assert "$argon2id$" in stored
    random = secret.rpartition("_")[2] if secret.count("_") == 2 else secret[18:]
    assert random not in stored + audited


def test_a_lost_admin_key_is_no_lockout(access: Access, clock: Clock) -> None:
    access.init("Ada", by=OWNER)
    access.keys.revoke("Ada", by=OWNER)
    assert access.configured  # still: nobody gets in without a key
    with pytest.raises(SignInRefusal):
        access.here({})
    _, secret = access.init("Ben", by=OWNER)
    assert access.authenticate(secret).role == "admin"


@pytest.mark.parametrize(
    "shown",
    [
        "",
        " ",
        "viot_",
        "viot_000000000000_" + "a" * 43,
        "Bearer x",
        "'; DROP TABLE access_keys",
        "x" * 10_000,
        "\ud800é",
    ],
)
def test_what_is_no_key(access: Access, shown: str) -> None:
    access.init("Ada", by=OWNER)
    with pytest.raises(SignInRefusal):
        access.authenticate(shown)


def test_a_changed_secret_is_nobodys(access: Access) -> None:
    _, secret = access.init("Ada", by=OWNER)
    last = "B" if secret[-2] != "B" else "C"
    with pytest.raises(SignInRefusal, match="not known"):
        access.authenticate(secret[:-2] + last + secret[-1])
    assert access.authenticate(f"  {secret}\n").name == "Ada"


def test_expiry_and_revocation_hold_at_once_also_for_a_key_that_was_good_a_moment_ago(
    access: Access, clock: Clock
) -> None:
    access.init("Ada", by=OWNER)
    key, secret = access.keys.add("Ben", "viewer", expires=clock.now + span_seconds("1h"), by=OWNER)
    _, other = access.keys.add("Cy", "viewer", by=OWNER)
    assert access.authenticate(secret).name == "Ben"
    assert access.authenticate(other).name == "Cy"
    assert access.keys.of(key.key).last_used == clock.now  # type: ignore[union-attr]
    clock.now += 3600
    access.keys.revoke("cy", by=OWNER)
    for one in (secret, other):
        with pytest.raises(SignInRefusal, match="expired or was revoked"):
            access.authenticate(one)
    with pytest.raises(NameFault):
        access.keys.revoke("Cy", by=OWNER)
    with pytest.raises(UserFault, match="expired already"):
        access.keys.add("Di", "viewer", expires=clock.now, by=OWNER)


def test_one_good_key_a_person(access: Access) -> None:
    access.init("Ada", by=OWNER)
    access.keys.add("Ben", "viewer", by=OWNER)
    with pytest.raises(NameFault, match="has a key already"):
        access.keys.add("BEN", "admin", by=OWNER)
    access.keys.revoke("Ben", by=OWNER)
    assert access.keys.add("BEN", "operator", by=OWNER)[0].role == "operator"


def test_wrong_keys_wait_and_are_on_record(access: Access, library: Library, clock: Clock) -> None:
    _, secret = access.init("Ada", by=OWNER)
    wrong = secret[:18] + "A" * 43
    for _ in range(FREE):
        with pytest.raises(SignInRefusal):
            access.authenticate(wrong, address="192.0.2.7")
    with pytest.raises(RateRefusal) as caught:
        access.authenticate(wrong, address="192.0.2.7")
    assert caught.value.wait > 0
    assert access.authenticate(secret, address="192.0.2.8").name == "Ada"  # somebody else is not held up
    rows = Audit(library).search(kind="sign_in_refused")
    assert len(rows) == FREE  # what has to wait is not written: a flood fills no log
    assert {r.fields["address"] for r in rows} == {"192.0.2.7"}
    clock.now += caught.value.wait + 0.1
    assert access.authenticate(secret, address="192.0.2.7").name == "Ada"


def test_made_up_ids_wait_together(access: Access) -> None:
    access.init("Ada", by=OWNER)
    for n in range(FREE):
        with pytest.raises(SignInRefusal):
            access.authenticate(f"viot_{n:012x}_{'A' * 43}", address="192.0.2.7")
    with pytest.raises(RateRefusal):
        access.authenticate(f"viot_{99:012x}_{'A' * 43}", address="192.0.2.7")


def test_addresses_of_one_network_wait_together(access: Access, library: Library) -> None:
    """Who has one IPv6 address has 2**64: each would be good for five hashes and five rows more."""
    access.init("Ada", by=OWNER)
    waited = 0
    for n in range(20):
        try:
            access.authenticate("viot_000000000000_" + "a" * 43, address=f"2001:db8::{n + 1:x}")
        except RateRefusal:
            waited += 1
        except SignInRefusal:
            pass
    assert waited == 15
    assert len(Audit(library).search(kind="sign_in_refused")) == 5


def test_the_rate_of_a_key(library: Library, clock: Clock) -> None:
    access = Access(library.db, clock=clock, ticks=clock, rate=Rate(60.0, 3, clock), proxies=Proxies())
    _, secret = access.init("Ada", by=OWNER)
    _, other = access.keys.add("Ben", "viewer", by=OWNER)
    for _ in range(3):
        access.authenticate(secret)
    with pytest.raises(RateRefusal, match="too many requests") as caught:
        access.authenticate(secret)
    assert caught.value.wait == pytest.approx(1.0)
    access.authenticate(other)
    clock.now += 1.0
    access.authenticate(secret)


def test_headers(access: Access) -> None:
    _, secret = access.init("Ada", by=OWNER)
    access.keys.add("ben@example.org", "operator", groups=["yard"], proxied=True, by=OWNER)
    good = [
        ({"Authorization": f"Bearer {secret}"}, "192.0.2.7", "Ada"),
        ({"authorization": f"bearer {secret}"}, "", "Ada"),
        ({"X-Forwarded-User": "Ben@example.org"}, "10.0.0.3", "ben@example.org"),
        # the key that is shown counts, not the name beside it
        ({"Authorization": f"Bearer {secret}", "X-Forwarded-User": "ben@example.org"}, "10.0.0.3", "Ada"),
    ]
    for headers, address, name in good:
        assert access.identify(headers, address).name == name
    assert access.identify([("X-Forwarded-User", "ben@example.org")], "10.0.0.3").groups == frozenset({"yard"})
    bad: list[tuple[list[tuple[str, str]], str]] = [
        ([], "10.0.0.3"),
        ([("X-Forwarded-User", "ben@example.org")], "192.0.2.7"),  # nobody's proxy
        ([("X-Forwarded-User", "ben@example.org")], "not an address"),
        ([("X-Forwarded-User", "ben@example.org"), ("x-forwarded-for", "10.0.0.3")], "192.0.2.7"),
        ([("X-Forwarded-User", "Ada")], "10.0.0.3"),  # has a key, and is nobody whom a proxy names
        ([("X-Forwarded-User", "eve")], "10.0.0.3"),
        ([("X-Forwarded-User", "ben@example.org"), ("X-Forwarded-User", "eve")], "10.0.0.3"),
        ([("Authorization", f"Basic {secret}")], ""),
        ([("Authorization", f"Bearer {secret}"), ("Authorization", "Bearer x")], ""),
        ([("Authorization", "Bearer")], ""),
    ]
    for pairs, address in bad:
        with pytest.raises(SignInRefusal):
            access.identify(pairs, address)


def test_proxies_are_addresses() -> None:
    with pytest.raises(UserFault, match="VIOT_TRUSTED_PROXIES"):
        Proxies.from_env({"VIOT_TRUSTED_PROXIES": "proxy.example.org"})
    assert not Proxies.from_env({}).trusted("127.0.0.1")


@pytest.mark.parametrize(
    ("word", "seconds"),
    [("12h", 43200), ("90d", 7_776_000), ("2W", 1_209_600), ("6m", 15_552_000), (" 1y ", 31_536_000)],
)
def test_lengths_of_time(word: str, seconds: float) -> None:
    assert span_seconds(word) == seconds


@pytest.mark.parametrize("word", ["", "0d", "-1d", "90", "d", "1.5d", "999999d", "101y", "90 days"])
def test_what_is_no_length_of_time(word: str) -> None:
    with pytest.raises(UserFault):
        span_seconds(word)


def test_names_of_roles_and_classes() -> None:
    assert role_named("Privacy Officer") == "privacy-officer"
    assert classes_named(["export", "Plain"]) == ("plain", "export")
    for wrong in (lambda: role_named("root"), lambda: role_named("owner"), lambda: classes_named(["plain", "all"])):
        with pytest.raises(UserFault):
            wrong()


def test_rights() -> None:
    roles = ("viewer", "operator", "privacy-officer", "admin")
    rights = ("access", "fleet", "index", "people", "audit", "purge")
    table = {role: {right for right in rights if may(Principal("x", role), right)} for role in roles}  # type: ignore[arg-type]
    assert table == {
        "viewer": set(),
        "operator": {"index"},
        "privacy-officer": {"people", "audit", "purge"},
        "admin": set(rights),
    }
    cut = Principal("x", "admin", frozenset({"yard"}))
    assert [r for r in rights if may(cut, r)] == ["index"]  # type: ignore[arg-type]
    assert not may(Principal("x", "root"), "audit")
    assert not may_use(Principal("x", "root"), "plain")


def test_a_key_narrows_its_role_and_widens_nothing() -> None:
    narrow = Principal("x", "operator", classes=frozenset({"plain", "export"}))
    assert [may_use(narrow, c) for c in ("plain", "export", "alert", "biometric")] == [True, True, False, False]
    wide = Principal("x", "viewer", classes=frozenset({"plain", "biometric"}))
    assert not may_use(wide, "biometric")


def test_scope(library: Library, tmp_path: Path) -> None:
    library.add_camera("gate", "a", groups=["Yard", "out"])
    library.add_camera("hall", "b", groups=["in"])
    library.add_camera("attic", "c")
    known = library.cameras()
    assert scope_of(Principal(), known) is None
    assert scope_of(Principal("x", "viewer", frozenset({"yard"})), known) == {"gate"}
    assert scope_of(Principal("x", "viewer", frozenset({"in", "OUT"})), known) == {"gate", "hall"}
    assert scope_of(Principal("x", "viewer", frozenset({"attic"})), known) == frozenset()
