"""Safe asynchronous HTTP client for addresses that customers give us.

A customer's URL is a request made from inside our network, so it is judged three times, each time by what is really
used and not by what was used before:

1. the text of the URL (`check_url`, at registration and again before each request),
2. every address that its name resolves to (`_CheckedResolver`),
3. the one address that a socket is about to connect to (`_checked_socket`). Nothing is resolved after that, so a name
   that changes its answer between the look and the connect gains nothing. TLS still checks the certificate against the
   name, and the Host header still carries the name.

No redirects, cookies, proxies or decompression. What counts as open is decided in `addresses.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from pilothouse.kernel.base.addresses import WebhookUrlRefused, check_url, is_open, parse_url
from pilothouse.kernel.base.replies import FAILURE_TEXT, Failure, Reply

__all__ = [
    "FAILURE_TEXT",
    "AddressRefused",
    "Failure",
    "Lookup",
    "Reply",
    "SafeClient",
    "WebhookUrlRefused",
    "check_url",
]

Lookup = Callable[[str, int, socket.AddressFamily], Awaitable[list[tuple[socket.AddressFamily, str]]]]
"""(host, port, family) -> [(family, address text)], as getaddrinfo answers; raises OSError when there is no answer."""
_Answer = asyncio.Future[list[tuple[socket.AddressFamily, str]]]

DNS_LOOKUPS_MAX_COUNT = 256
DNS_TIMEOUT_S = 5.0
DNS_CACHE_S = 30
# Below the 5 s after which common servers close an idle connection, so that a POST rarely meets a closing one.
KEEPALIVE_IDLE_S = 4.0


class AddressRefused(OSError):
    """A name resolved to, or a socket was about to connect to, an address that is not public."""


class _SystemLookup:
    """getaddrinfo with a deadline, which it has none of itself.

    Each name is asked for in a thread of its own, and by one at a time however many wait for it: names whose servers do
    not answer hold up nobody else's. A thread outlives its deadline, so their number is bounded too.
    """

    def __init__(self) -> None:
        self._running: dict[tuple[str, int, socket.AddressFamily], _Answer] = {}

    async def __call__(
        self, host: str, port: int, family: socket.AddressFamily
    ) -> list[tuple[socket.AddressFamily, str]]:
        key = (host, port, family)
        answer = self._running.get(key)
        if answer is None:
            if len(self._running) >= DNS_LOOKUPS_MAX_COUNT:
                raise OSError(None, "too many names are looked up at once")
            answer = self._running[key] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(lambda done: self._forget(key, done))
            threading.Thread(target=_ask, args=(*key, answer), name="dns", daemon=True).start()
        try:
            return await asyncio.wait_for(asyncio.shield(answer), DNS_TIMEOUT_S)
        except TimeoutError as error:
            raise OSError(None, "the name was not resolved in time") from error

    def _forget(self, key: tuple[str, int, socket.AddressFamily], answer: _Answer) -> None:
        del self._running[key]
        if not answer.cancelled():
            answer.exception()  # nobody may be waiting for it any more


def _ask(host: str, port: int, family: socket.AddressFamily, answer: _Answer) -> None:
    try:
        entries = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        tell = functools.partial(answer.set_result, [(entry[0], str(entry[4][0])) for entry in entries])
    except Exception as error:
        tell = functools.partial(answer.set_exception, error)
    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
        answer.get_loop().call_soon_threadsafe(lambda: None if answer.done() else tell())


class _CheckedResolver(AbstractResolver):
    """Answers with addresses only if all of them are open: a name with one private address is refused whole."""

    def __init__(self, lookup: Lookup, allow_local: bool) -> None:
        self._lookup = lookup
        self._allow_local = allow_local

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        answers = await self._lookup(host, port, family)
        if not answers:
            raise OSError(None, "the name has no address")
        for _, text in answers:
            if not is_open(ipaddress.ip_address(text), allow_local=self._allow_local):
                raise AddressRefused(f"{host} resolves to {text}")
        return [
            ResolveResult(hostname=host, host=text, port=port, family=found, proto=0, flags=socket.AI_NUMERICHOST)
            for found, text in answers
        ]

    async def close(self) -> None:
        return None


def _checked_socket(allow_local: bool) -> Callable[[tuple[Any, ...]], socket.socket]:
    """A socket factory for aiohttp that looks at the very address about to be connected to."""

    def make(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = info
        if not is_open(ipaddress.ip_address(str(address[0])), allow_local=allow_local):
            raise AddressRefused(f"refused to connect to {address[0]}")
        made = socket.socket(family=family, type=kind, proto=protocol)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    return make


class SafeClient:
    """One keep-alive connection pool for many customer URLs, bound to the running event loop.

    `timeout_s` is for the whole request; `capture_bytes` of the answer are kept, and an answer longer than that costs
    its connection instead of our memory. `lookup` and `tls` are replaced in tests only.
    """

    def __init__(
        self,
        *,
        allow_local: bool,
        timeout_s: float,
        body_timeout_s: float,
        capture_bytes: int,
        user_agent: str,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_local = allow_local
        self._body_timeout_s = body_timeout_s
        self._capture_bytes = capture_bytes
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=_CheckedResolver(lookup or _SystemLookup(), allow_local),
                socket_factory=_checked_socket(allow_local),
                ssl=tls or ssl.create_default_context(),
                ttl_dns_cache=DNS_CACHE_S,
                keepalive_timeout=KEEPALIVE_IDLE_S,
                limit=0,  # the caller bounds what is in flight, per endpoint and in all
            ),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "identity"},
            auto_decompress=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; requests under way fail."""
        await self._session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """POST exactly `body`. Never raises for anything that the URL or the other side does: it is in the Reply."""
        began = time.monotonic()
        try:
            target = parse_url(url, self._allow_local)
            async with self._session.post(target, data=body, headers=headers, allow_redirects=False) as answer:
                took = _ms_since(began)
                captured = await self._capture(answer)
                retry_after = answer.headers.get("Retry-After")
                return Reply(answer.status, None, took, retry_after[:64] if retry_after else None, captured)
        except WebhookUrlRefused:
            failure = Failure.URL_REFUSED
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            failure = _classify(error)
        return Reply(None, failure, _ms_since(began))

    async def _capture(self, answer: aiohttp.ClientResponse) -> bytes:
        """The first bytes of the answer. The status is the acknowledgement, so a slow or broken body is no failure."""
        kept = b""
        try:
            async with asyncio.timeout(self._body_timeout_s):
                while len(kept) < self._capture_bytes:
                    chunk = await answer.content.read(self._capture_bytes - len(kept))
                    if not chunk:
                        return kept
                    kept += chunk
                if not answer.content.at_eof():
                    answer.close()
        except (TimeoutError, aiohttp.ClientError, OSError):
            answer.close()
        return kept


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _classify(error: BaseException) -> Failure:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return Failure.ADDRESS_REFUSED
        cause = getattr(cause, "os_error", None) or cause.__cause__
    if isinstance(error, TimeoutError):
        return Failure.TIMEOUT
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return Failure.TLS
    if isinstance(error, aiohttp.ClientConnectorDNSError | socket.gaierror):
        return Failure.DNS
    if isinstance(error, aiohttp.ClientConnectorError):
        return Failure.CONNECT
    if isinstance(error, aiohttp.InvalidURL):
        return Failure.URL_REFUSED
    return Failure.BROKEN
