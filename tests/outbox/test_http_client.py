"""The client for customers' URLs, attacked: hostile spellings, lying names, redirects, huge and slow answers."""

import asyncio
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pilothouse.kernel.base import http as http_module
from pilothouse.kernel.base.http import Failure, SafeClient

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD_OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def server(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A raw loopback server; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """(head, body) of one request with a Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    return head, await reader.readexactly(length)


def client(
    lookup: object = None, *, allow_local: bool = True, tls: ssl.SSLContext | None = None, timeout_s: float = 2.0
) -> SafeClient:
    return SafeClient(
        allow_local=allow_local,
        timeout_s=timeout_s,
        body_timeout_s=0.3,
        capture_bytes=512,
        user_agent="test",
        lookup=lookup,  # type: ignore[arg-type]
        tls=tls,
    )


def answers(*rounds: list[str]) -> Any:
    """A resolver that gives one list of addresses per question, the last one for ever, and counts the questions."""
    asked: list[str] = []

    async def lookup(host: str, port: int, family: int) -> list[tuple[socket.AddressFamily, str]]:
        asked.append(host)
        return [
            (socket.AF_INET6 if ":" in text else socket.AF_INET, text)
            for text in rounds[min(len(asked), len(rounds)) - 1]
        ]

    lookup.asked = asked  # type: ignore[attr-defined]
    return lookup


async def answer_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(HEAD_OK + b"Content-Length: 2\r\n\r\nok")
    await writer.drain()


def test_exact_bytes_host_and_no_cookies() -> None:
    heads: list[bytes] = []
    bodies: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            head, body = await read_request(reader)
            heads.append(head.lower())
            bodies.append(body)
            writer.write(HEAD_OK + b"Set-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok")

    async def run() -> None:
        async with server(handler) as port, client() as http:
            for _ in range(2):
                reply = await http.post(f"http://localhost:{port}/a?b=c", b'{"x": "\xc3\xa4"}', {"webhook-id": "evt_1"})
                assert (reply.status, reply.failure, reply.body) == (200, None, b"ok")
            assert heads[0].startswith(b"post /a?b=c http/1.1")
            assert f"host: localhost:{port}".encode() in heads[0]

    asyncio.run(run())
    assert bodies == [b'{"x": "\xc3\xa4"}'] * 2, "two requests over one connection, the bytes as given"
    assert b"cookie" not in heads[1]


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["8.8.8.8", "127.0.0.1"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::a00:1"],
        ["2002:a00:1::"],
        ["fe80::1"],
        ["0.0.0.0"],
    ],
)
def test_names_that_resolve_to_closed_addresses(addresses: list[str]) -> None:
    async def run() -> None:
        async with client(answers(addresses), allow_local=False) as http:
            reply = await http.post("https://innocent.example.com/", b"x", {})
            assert (reply.status, reply.failure) == (None, Failure.ADDRESS_REFUSED)

    asyncio.run(run())


def test_rebinding_between_requests_and_between_check_and_connect() -> None:
    """The first answer is public, the next one loopback: nothing on loopback is ever reached."""
    hits: list[int] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hits.append(1)

    async def run() -> None:
        async with server(handler) as port:
            lookup = answers(["192.0.2.1"], ["127.0.0.1"])
            async with client(lookup, allow_local=False, timeout_s=1) as http:
                for _ in range(3):
                    reply = await http.post(f"https://rebind.example.com:{port}/", b"x", {})
                    assert reply.failure is Failure.ADDRESS_REFUSED
            # Even a resolver whose own answer was accepted cannot make the socket connect: the factory looks again.
            from pilothouse.kernel.base.http import AddressRefused, _checked_socket

            make = _checked_socket(False)
            with pytest.raises(AddressRefused):
                make((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)))

    asyncio.run(run())
    assert hits == []


def test_redirects_to_metadata_are_reported_not_followed() -> None:
    hits: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _ = await read_request(reader)
        hits.append(head)
        writer.write(b"HTTP/1.1 307 Go\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")

    async def run() -> None:
        async with server(handler) as port, client() as http:
            reply = await http.post(f"http://127.0.0.1:{port}/", b"x", {})
            assert (reply.status, reply.failure) == (307, None)

    asyncio.run(run())
    assert len(hits) == 1


def test_huge_endless_and_slow_bodies_are_bounded() -> None:
    written = 0

    async def huge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await read_request(reader)
        writer.write(HEAD_OK + b"Content-Length: 1000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            written += 65536

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD_OK + b"Content-Length: 100\r\n\r\nab")
        await writer.drain()
        await asyncio.sleep(30)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    async def run() -> None:
        async with server(huge) as port, client() as http:
            reply = await http.post(f"http://127.0.0.1:{port}/", b"x", {})
            assert reply.status == 200
            assert reply.body == b"x" * 512
        async with server(slow) as port, client() as http:
            began = time.monotonic()
            reply = await http.post(f"http://127.0.0.1:{port}/", b"x", {})
            assert reply.status == 200
            assert reply.body == b"ab"
            assert time.monotonic() - began < 1.5
        async with server(silent) as port, client(timeout_s=0.5) as http:
            reply = await http.post(f"http://127.0.0.1:{port}/", b"x", {})
            assert (reply.status, reply.failure) == (None, Failure.TIMEOUT)

    asyncio.run(run())
    assert written < 64 * 1024 * 1024


def test_connection_refused_reset_garbage_and_dns() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    async def no_such_name(host: str, port: int, family: int) -> list[tuple[socket.AddressFamily, str]]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async def run() -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            async with client() as http:
                reply = await http.post(f"http://127.0.0.1:{closed.getsockname()[1]}/", b"x", {})
                assert reply.failure is Failure.CONNECT
        for handler in (reset, garbage):
            async with server(handler) as port, client() as http:
                assert (await http.post(f"http://127.0.0.1:{port}/", b"x", {})).failure is Failure.BROKEN
        async with client(no_such_name) as http:
            assert (await http.post("https://gone.example.com/", b"x", {})).failure is Failure.DNS
            assert (await http.post("http://10.0.0.1/", b"x", {})).failure is Failure.URL_REFUSED

    asyncio.run(run())


def test_names_that_do_not_resolve_delay_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred names of one customer hang in getaddrinfo; another's is answered, and the hundred fail in time."""
    hang, asked = threading.Event(), Counter[str]()

    def getaddrinfo(host: str, port: int, *_: object) -> list[Any]:
        asked[host] += 1
        if host.startswith("slow"):
            hang.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(http_module, "DNS_TIMEOUT_S", 1.0)

    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed_soon:
            port = closed_soon.getsockname()[1]
        async with client(timeout_s=30) as http:
            names = [f"slow{n}.example.com" for n in range(100)]
            slow = [asyncio.create_task(http.post(f"https://{name}:{port}/", b"x", {})) for name in names * 2]
            await asyncio.sleep(0)
            assert (await http.post(f"https://quick.example.com:{port}/", b"x", {})).failure is Failure.CONNECT
            assert not any(task.done() for task in slow), "they hang still"
            assert {(await task).failure for task in slow} == {Failure.DNS}
            assert set(asked.values()) == {1}, "each name is asked for once at a time"

    try:
        asyncio.run(run())
    finally:
        hang.set()


def test_environment_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    async def run() -> None:
        async with server(answer_ok) as port, client() as http:
            assert (await http.post(f"http://127.0.0.1:{port}/", b"x", {})).status == 200

    asyncio.run(run())


def certificate(name: str, folder: str) -> tuple[str, str]:
    """A self-signed certificate for `name`; (certificate file, key file)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = (f"{folder}/cert.pem", f"{folder}/key.pem")
    with open(paths[0], "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
    with open(paths[1], "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return paths


def test_tls_keeps_the_name_while_the_address_is_pinned(tmp_path: Path) -> None:
    """SNI and certificate check use the name, the socket the resolved address; a foreign name is refused."""
    cert, key = certificate("hooks.example.com", str(tmp_path))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(cert, key)
    seen: list[str | None] = []
    serving.sni_callback = lambda _socket, name, _context: seen.append(name)
    trusting = ssl.create_default_context(cafile=cert)

    async def run() -> None:
        async with server(answer_ok, serving) as port, client(answers(["127.0.0.1"]), tls=trusting) as http:
            assert (await http.post(f"https://hooks.example.com:{port}/", b"x", {})).status == 200
            assert (await http.post(f"https://other.example.com:{port}/", b"x", {})).failure is Failure.TLS
        async with server(answer_ok, serving) as port, client(answers(["127.0.0.1"])) as http:
            assert (await http.post(f"https://hooks.example.com:{port}/", b"x", {})).failure is Failure.TLS

    asyncio.run(run())
    assert seen[:2] == ["hooks.example.com", "other.example.com"]
