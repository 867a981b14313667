"""Which URLs and addresses are open to webhooks: hostile spellings, closed networks, local ones."""

import ipaddress

import pytest

from pilothouse.kernel.base.addresses import is_open, is_public
from pilothouse.kernel.base.http import WebhookUrlRefused, check_url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "ftp://example.com/",
        "https:example.com",
        "//example.com/",
        "https:///x",
        "https://user:secret@example.com/",
        "https://user@example.com/",
        "https://example.com@127.0.0.1/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://017700000001/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://127。0。0。1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b:1::a00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:7f00:1::]/",
        "https://[fe80::1%25eth0]/",
        "https://[fd00:ec2::254]/",
        "https://[ff02::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.100.100.200/",
        "https://168.63.129.16/",
        "https://10.0.0.1/",
        "https://172.31.255.255/",
        "https://192.168.1.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://localhost/",
        "https://LOCALHOST/",
        "https://ⓛocalhost/",
        "https://localhost./",
        "https://a.localhost/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://intranet/",
        "https://example.com./",
        "https://exa mple.com/",
        "https://exam\tple.com/",
        "https://example.com/\r\nHost: x",
        "https://example.com\\@evil.com/",
        "https://example.com/\x00",
        "https://example..com/",
        "https://%31%32%37.0.0.1/",
        "https://example.com:22/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com/#x",
        "https://" + "a" * 64 + ".com/",
        "https://example.com/" + "a" * 2048,
        "",
    ],
)
def test_hostile_urls_are_refused_with_one_sentence(url: str) -> None:
    with pytest.raises(WebhookUrlRefused) as refusal:
        check_url(url)
    assert str(refusal.value).endswith(".")
    assert refusal.value.code == "webhook_url_refused"
    assert refusal.value.status == 422


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?x=1",
        "https://EXAMPLE.com:8443/",
        "https://bücher.de/ä",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "HTTPS://example.com/",
    ],
)
def test_ordinary_urls_pass(url: str) -> None:
    check_url(url)


def test_allow_local_opens_loopback_and_nothing_else() -> None:
    for url in ("http://127.0.0.1:9/x", "http://localhost:8000/", "http://[::1]:80/", "https://127.0.0.1:8443/"):
        check_url(url, allow_local=True)
    for url in (
        "http://example.com/",
        "http://10.0.0.1/",
        "https://192.168.0.1/",
        "http://169.254.169.254/",
        "http://0.0.0.0/",
    ):
        with pytest.raises(WebhookUrlRefused):
            check_url(url, allow_local=True)


def test_no_address_outside_the_public_network_is_open() -> None:
    """Every range that the standard library knows as special is closed here too."""
    for text in (
        "127.0.0.1",
        "10.1.1.1",
        "100.64.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::",
        "fc00::1",
    ):
        address = ipaddress.ip_address(text)
        assert not is_public(address)
        assert not (is_open(address, allow_local=True) and text != "127.0.0.1")
    for number in range(0, 2**32, 65_521 * 7):
        address = ipaddress.IPv4Address(number)
        assert not is_public(address) or (address.is_global and not address.is_multicast)
