"""Which addresses a request may reach: every form of a private one is told, whatever it looks like."""

from __future__ import annotations

import pytest

from viot_agent.addresses import is_public, resolve, system_lookup
from viot_agent.errors import BackendFault, PolicyRefusal, UserFault

pytestmark = pytest.mark.trust
WEB = ("http", "https")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::",
        "2001:db8::1",
        "no address",
    ],
)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(PolicyRefusal, match="private network"):
        resolve("http://cams.example/x", schemes=WEB, origin="request", lookup=lambda host, port: [address])


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_what_is_public(address: str) -> None:
    assert is_public(address)
    made = resolve("https://cams.example/x", schemes=WEB, origin="request", lookup=lambda host, port: [address])
    assert (made.host, made.port, made.addresses) == ("cams.example", 443, (address,))


def test_one_private_address_among_public_ones_is_enough() -> None:
    with pytest.raises(PolicyRefusal):
        resolve("http://a.example", schemes=WEB, origin="request", lookup=lambda h, p: ["8.8.8.8", "127.0.0.1"])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f000001", "127.1", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]"]
)
def test_numbers_in_every_spelling_are_looked_up(host: str) -> None:
    """By the system's resolver, as the one who would connect reads them."""
    with pytest.raises(PolicyRefusal, match="private network"):
        resolve(f"http://{host}:8080/", schemes=WEB, origin="request")
    assert resolve(f"http://{host}:8080/", schemes=WEB, origin="machine").port == 8080


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://h/x",
        "ftp://h/x",
        "javascript:alert(1)",
        "//h/x",
        "/etc/passwd",
        "http://",
        "http:///x",
        "http://h:99999/",
        "http://[::1",
        "http://h/a b",
        "http://h/\n",
        "http://h\\@evil/",
        "http://h/" + "x" * 3000,
    ],
)
def test_what_is_no_address_of_ours(url: str) -> None:
    with pytest.raises(UserFault):
        resolve(url, schemes=WEB, origin="machine", lookup=lambda host, port: ["8.8.8.8"])


def test_the_host_behind_a_user_is_the_one_that_is_judged() -> None:
    seen = []
    with pytest.raises(PolicyRefusal):
        resolve(
            "http://good.example@127.0.0.1/",
            schemes=WEB,
            origin="request",
            lookup=lambda h, p: seen.append(h) or system_lookup(h, p),
        )
    assert seen == ["127.0.0.1"]


def test_a_name_that_stands_for_nothing() -> None:
    def nothing(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(BackendFault, match="nothing is known"):
        resolve("http://a.example", schemes=WEB, origin="machine", lookup=nothing)


def test_messages_show_no_password() -> None:
    made = resolve("rtsp://me:secret@h/x?k=v", schemes=("rtsp",), origin="machine", lookup=lambda h, p: ["10.0.0.9"])
    assert made.shown == "rtsp://h:554"
