from __future__ import annotations

import pytest

from ingest.sources.destinations import Destination, Journey, destination, is_public

PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
SPECIAL = [
    "127.0.0.1",
    "127.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "0.1.2.3",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2001:0:7f00:1::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", SPECIAL)
def test_an_address_that_is_special_or_stands_for_such_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("http://Example.com/a", Destination("example.com", 80)),
        ("https://example.com.", Destination("example.com", 443)),
        ("https://例え.jp:8443/", Destination("xn--r8jz45g.jp", 8443)),
        ("http://127.0.0.1:8000/", Destination("127.0.0.1", 8000)),
        ("http://[::1]:8000/", Destination("::1", 8000)),
    ],
)
def test_a_url_leads_to_a_host_and_a_port(url: str, there: Destination) -> None:
    assert destination(url) == there


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http://",
        "http://me:secret@example.com/",
        "http://me@example.com/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1.1/",
        "http://１２７.1/",
        "http://017700000001/",
        "http://1.2.3.0x4/",
    ],
)
def test_a_url_of_another_scheme_with_credentials_or_in_disguise_leads_nowhere(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        destination(url)

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:8000/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/",
        "http://a.localhost/",
        "https://example.org:6379/",
        "http://example.com:22/",
        "http://2130706433/",
        "ftp://example.org/",
    ],
)
def test_a_public_page_leads_to_no_special_address_and_no_other_port(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Journey(destination("https://example.com:8443/")).check(url)


def test_a_page_leads_to_others_of_its_host_and_of_the_internet() -> None:
    journey = Journey(destination("http://127.0.0.1:8000/"))

    journey.check("http://127.0.0.1:8000/b")
    journey.check("https://example.org/")
    with pytest.raises(ValueError, match=r"leads to 127\.0\.0\.1, which is not public"):
        journey.check("http://127.0.0.1/")


def test_addresses_are_taken_as_they_were_looked_up() -> None:
    named, other = Destination("wiki.example", 80), Destination("other.example", 80)

    assert Journey(named).allowed(named, ["10.0.0.1"]) == ["10.0.0.1"]
    assert Journey(named).allowed(Destination("wiki.example", 443), ["10.0.0.1"]) == ["10.0.0.1"]
    assert Journey(named).allowed(named, ["10.0.0.1", "8.8.8.8"]) == ["8.8.8.8"]
    for journey, there in (
        (Journey(named), other),
        (Journey(named), Destination("wiki.example", 8080)),
        (Journey(named, is_public=True), named),
    ):
        with pytest.raises(OSError, match=r"at 10\.0\.0\.1, which is not public"):
            journey.allowed(there, ["10.0.0.1"])
    rebound = Journey(named)
    rebound.allowed(named, ["8.8.8.8"])
    with pytest.raises(OSError, match="which is not public"):
        rebound.allowed(named, ["10.0.0.1"])
