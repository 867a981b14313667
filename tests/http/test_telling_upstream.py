"""Whatever an upstream says of itself on the wire, a customer reads none of it: everything over real HTTP."""

from __future__ import annotations

import io
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import av
import httpx2 as httpx
import pytest
from fault_upstream import small_video
from front_door import FrontDoor, free_port, front_door, items, process
from patience import until
from telling_upstream import SAID, TOLD, TellingUpstream, signed

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sealing import unseal
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.outbox import notices
from pilothouse.kernel.watch.deny_list import words_in
from pilothouse.site.house import granian

pytestmark = [pytest.mark.http, pytest.mark.house, pytest.mark.slow]
PATIENCE_S = 240
PAGES_MAX_COUNT = 150
LINK = re.compile(r'(?:href|src)="([^"#]+)')


class Receiver:
    """A customer's endpoint that keeps every request whole, and answers 410, so that its people are told by mail."""

    def __init__(self) -> None:
        self.received: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(f"{self.requestline}\n{self.headers}\n{body.decode()}")
                self.send_response(410)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


@pytest.fixture
def door(house: Any) -> Iterator[FrontDoor]:
    """A front door of its own: this one sends webhooks to this machine."""
    with front_door(house, WEBHOOK_ALLOW_LOCAL="1") as found:
        yield found


def test_nothing_that_an_upstream_says_of_itself_reaches_a_customer(door: FrontDoor, tmp_path: Path) -> None:
    video = signed(small_video(tmp_path / "small.mp4"), tmp_path)
    assert {word for word in TOLD if word.encode() in video} >= {SAID, "google", "openai", "kling", "C2PA-manifest"}
    receiver = Receiver()
    wanted = items(7) + items(1, "policy") + items(1, "quota") + items(1, "late")
    body = {"request_id": "telling", "webhook_url": receiver.url, "items": wanted}
    with TellingUpstream(video) as upstream, door.api() as api:
        batch = api.post("/v1/batches", json=body).json()["batch_id"]
        port = free_port()
        live = granian("asginl", "pilothouse.site.live:application", "127.0.0.1", port)
        live_env = door.house.env(PROCESS_NAME="live", SITE_URL=door.url)
        with process(live, live_env, f"http://127.0.0.1:{port}/healthz"), door.signed_in(_owner(door)) as owner:
            heard: list[str] = []
            listening = threading.Thread(
                target=listen, args=(f"http://127.0.0.1:{port}/live/batches/{batch}", dict(owner.cookies), heard)
            )
            listening.start()
            until(lambda: len(heard) > 1, PATIENCE_S, 0.3)
            with door.worker(**upstream.env(), WEBHOOK_ALLOW_LOCAL="1", CLAIM_LEASE_S="5"):
                until(lambda: api.get(f"/v1/batches/{batch}").json()["status"] == "completed", PATIENCE_S, 0.3)
                until(lambda: receiver.received and mails(), PATIENCE_S, 0.3)
            until(lambda: "event: changed" in "".join(heard), PATIENCE_S, 0.3)
        listening.join(PATIENCE_S)
        assert upstream.requests["content"] >= 14
        told_to_operators = operators_read()
        assert told_to_operators.count(SAID) >= 3
        texts = [*receiver.received, *mails(), "".join(heard)]
        with door.signed_in(_owner(door)) as owner:
            texts += [*everything(api, api_paths(batch)), *everything(owner, ["/overview/", "/ledger/"])]
    assert len(texts) > 40
    for text in texts:
        assert [word for word in (SAID, "C2PA-manifest") if word in text] == [], text[:2000]
        assert words_in(text) == set(), text[:2000]
    with worker_scope():
        assert run("SELECT * FROM incident WHERE kind = 'deny_list_leak'") == []


def _owner(door: FrontDoor) -> str:
    return door.ours.people["owner"]


def api_paths(batch: str) -> list[str]:
    """What a key may read of a batch."""
    month = time.strftime("%Y-%m", time.gmtime())
    return [
        f"/v1/{path}"
        for path in (
            f"batches/{batch}", f"batches/{batch}/items", "batches", "ledger", "ledger?format=csv",
            f"ledger/statement?from={month}", "credits/balance", "webhooks", "webhook-deliveries",
        )
    ]  # fmt: skip


def operators_read() -> str:
    """What the house itself wrote down: the words did arrive."""
    with worker_scope():
        return str(run("SELECT provider_error FROM item")) + str(run("SELECT error FROM item_attempt"))


def mails() -> list[str]:
    """The mails about the endpoint that is gone."""
    with worker_scope():
        rows = run("SELECT subject, content FROM notice WHERE channel = 'mail'")
    return [f"{row['subject']}\n{unseal(notices.PURPOSE, row['content']).decode()}" for row in rows]


def listen(url: str, cookies: dict[str, str], heard: list[str]) -> None:
    """Keep what a stream says until it ends."""
    try:
        with httpx.stream("GET", url, cookies=cookies, timeout=PATIENCE_S) as stream:
            heard.append(str(stream.headers))
            heard.extend(stream.iter_text())
    except httpx.TransportError:
        return


def everything(client: Any, starts: list[str]) -> Iterator[str]:
    """Every page, file and answer that these lead to, as text with its headers; none is an error."""
    seen: set[str] = set()
    waiting = list(starts)
    while waiting and len(seen) < PAGES_MAX_COUNT:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        answer = client.get(path)
        assert answer.status_code < 400, (path, answer.status_code, answer.text[:1000])
        kind = answer.headers["Content-Type"] if answer.status_code == 200 else ""
        yield f"{path if '/files/' not in path else ''}\n{plain(str(answer.headers))}\n{readable(kind, answer)}"
        if kind.startswith(("text/html", "application/json")):
            found = LINK.findall(answer.text) + re.findall(r'"url": ?"([^"]+)"', answer.text)
            waiting += [link for href in found if (link := inside(str(client.base_url), path, href))]
    assert [path for path in seen if "/files/" in path], "no video was looked into"


def inside(site: str, at: str, href: str) -> str:
    """A link as a path of this site that only reads, or an empty text."""
    parts = urlsplit(urljoin(urljoin(site, at), href.replace("&amp;", "&")))
    wanted = ("/overview", "/batches", "/ledger", "/webhooks", "/files", "/pilot", "/questions", "/incidents")
    if parts.netloc != urlsplit(site).netloc or not parts.path.startswith(wanted) or parts.path.endswith("/cancel"):
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")


def plain(text: str) -> str:
    """Without the random tokens, which may spell anything."""
    return re.sub(r"/files/[A-Za-z0-9_\-=]+|sessionid=\w+|csrftoken=\w+|gAAAA[\w\-=]+", "", text)


def readable(kind: str, answer: Any) -> str:
    """What a person or a program finds in it: text, the parts of a workbook, or all words of a video's boxes."""
    if kind.startswith("video/"):
        assert [word for word in TOLD if word.encode() in answer.content] == []
        with av.open(io.BytesIO(answer.content)) as found:
            tags = [dict(found.metadata), *(dict(stream.metadata) for stream in found.streams), found.chapters()]
        return str(tags)
    if "spreadsheet" in kind:
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            return "\n".join(f"{name}\n{book.read(name).decode()}" for name in book.namelist())
    return plain(answer.text)
