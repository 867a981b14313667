"""Which addresses the platform may send to: judged by the text of a URL, and by the numbers behind its name.

Decisions: no credentials in URLs (they end in logs; the signature is the credential); port 443 or 1024-65535, so that
nobody can use us to knock at mail, SSH or database ports. With `allow_local` (demo, rehearsal and tests only) loopback
is reachable, over http as well; other private ranges stay closed.
"""

from __future__ import annotations

import ipaddress

from yarl import URL

from pilothouse.kernel.base.errors import PilothouseError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

URL_LENGTH_MAX_CHARACTERS = 2048
PORT_UNPRIVILEGED_MIN = 1024

_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network; Linux connects 0.0.0.0 to loopback
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and one cloud's metadata service
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's metadata and host agent on a public number
        "169.254.0.0/16",  # link-local, the usual metadata service
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Only 2000::/3 is routed on the public network, so everything else (mapped, compatible, NAT64, unique local,
# link-local, multicast) is closed by not being in it; these parts of it are closed as well.
_OPEN_V6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 carries an IPv4 address inside
        "3fff::/20",  # documentation
    )
)
_LOOPBACK_V4 = ipaddress.IPv4Network("127.0.0.0/8")
_INTERNAL_SUFFIXES = (".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".onion", ".invalid")


class WebhookUrlRefused(PilothouseError):
    """An address that the platform will not send to. `reason` is one plain sentence for the person who typed it."""

    code = "webhook_url_refused"
    status = 422
    message = "{reason}"


def is_public(address: IPAddress) -> bool:
    """Whether `address` is an ordinary address of the public network."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    if address.scope_id is not None or address not in _OPEN_V6:
        return False
    return not any(address in network for network in _CLOSED_V6)


def _is_loopback(address: IPAddress) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address in _LOOPBACK_V4
    return address == ipaddress.IPv6Address("::1")


def is_open(address: IPAddress, *, allow_local: bool) -> bool:
    """Whether a socket may connect to `address`: a public one, or with `allow_local` a loopback one."""
    return (allow_local and _is_loopback(address)) or is_public(address)


def check_url(url: str, allow_local: bool = False) -> None:
    """Judge the text of a customer's URL; the addresses behind its name are judged when it is connected to.

    Raises WebhookUrlRefused with one plain sentence.
    """
    parse_url(url, allow_local)


def _refuse(reason: str) -> WebhookUrlRefused:
    return WebhookUrlRefused(reason=reason)


def parse_url(url: str, allow_local: bool) -> URL:
    """The URL as the client will send it. Parsed by the client's own parser, so that no two parsers can differ."""
    if len(url) > URL_LENGTH_MAX_CHARACTERS:
        raise _refuse(f"The address is longer than {URL_LENGTH_MAX_CHARACTERS} characters.")
    if any(char <= " " or char in "\x7f\\" for char in url):
        raise _refuse("The address holds a space, a backslash or a control character.")
    try:
        parsed = URL(url)
        host, port = parsed.raw_host, parsed.port
    except ValueError:
        raise _refuse("The address is not a valid URL.") from None
    if parsed.scheme not in ("https", "http"):
        raise _refuse("The address must begin with https://.")
    if not host or not url.lower().startswith(f"{parsed.scheme}://"):
        raise _refuse("The address has no host name.")
    if parsed.raw_user is not None or parsed.raw_password is not None:
        raise _refuse("The address must not hold a user name or password; deliveries are signed instead.")
    if "#" in url:
        raise _refuse("The address must not hold a # part; it would never be sent.")
    literal = _check_host(host, allow_local)
    local = allow_local and (host == "localhost" or (literal is not None and not is_public(literal)))
    if parsed.scheme == "http" and not local:
        raise _refuse("The address must begin with https://; plain http is not accepted.")
    if port is None or not (port == 443 or PORT_UNPRIVILEGED_MIN <= port <= 65535 or (local and port > 0)):
        raise _refuse(f"The port must be 443 or between {PORT_UNPRIVILEGED_MIN} and 65535.")
    return parsed


def _check_host(host: str, allow_local: bool) -> IPAddress | None:
    """The address if `host` is a literal one, else None. Raises WebhookUrlRefused for hosts that are never sent to."""
    literal = _literal(host)
    if literal is not None:
        if not is_open(literal, allow_local=allow_local):
            raise _refuse("The address is a private, local or reserved one; it must be reachable from the internet.")
        return literal
    if host.endswith("."):
        raise _refuse("The host name must not end with a dot.")
    labels = host.lower().split(".")
    if any(not label or len(label) > 63 for label in labels) or len(host) > 253 or "%" in host or ":" in host:
        raise _refuse("The host name is not valid.")
    # Resolvers read 2130706433, 0x7f.1 and 0177.0.0.1 as IPv4 addresses; a public name never ends in a number.
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        raise _refuse("The host is a number that is not written as an ordinary IPv4 address.")
    if host.lower() == "localhost":
        if not allow_local:
            raise _refuse("The address is this machine itself; it must be reachable from the internet.")
        return None
    if len(labels) == 1 or host.lower().endswith(_INTERNAL_SUFFIXES):
        raise _refuse("The host name is one of a private network; it must be reachable from the internet.")
    return None


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
