"""Whoever sends slowly, sends too much or is refused: no connection is held, nothing is computed, nothing is left."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from front_door import FrontDoor, front_door, items
from PIL import Image

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.programs.video import intake
from pilothouse.programs.video.commands import set_batch_limits

pytestmark = [pytest.mark.http, pytest.mark.house]
POOL = 2
SLOW = (
    ("POST", "/v1/batches", "application/json"),
    ("POST", "/v1/batches", "multipart/form-data; boundary=x"),
    ("POST", "/v1/uploads", "image/png"),
    ("PUT", "/v1/uploads/upl_00000000000000000000000000", "image/png"),
    ("POST", "/v1/webhooks", "application/json"),
    ("PATCH", "/v1/webhooks/we_00000000000000000000000000", "application/json"),
)


def picture(color: tuple[int, int, int] = (200, 80, 40)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), color).save(out, "PNG")
    return out.getvalue()


def test_slow_bodies_hold_no_database_connection(house: Any) -> None:
    """Three times as many slow senders as connections, and everybody else is served at once."""
    pooled = {"DATABASE_POOL": "1", "DATABASE_POOL_SIZE": str(POOL)}
    with front_door(house, **pooled) as door, contextlib.ExitStack() as senders:
        place = urlsplit(door.url)
        for method, path, kind in SLOW:
            sender = senders.enter_context(socket.create_connection((place.hostname, place.port), timeout=30))
            head = (
                f"{method} {path} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {door.ours.keys['full']}"
                f"\r\nContent-Type: {kind}\r\nContent-Length: 1000\r\n\r\n"
            )
            sender.sendall(head.encode() + b'{"request_id":')
        time.sleep(0.7)
        with door.api() as api:
            for _ in range(2 * POOL):
                assert api.get("/v1/credits/balance").status_code == 200
        with house.connect() as connection:
            stuck = connection.execute(
                "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in trans%'"
            ).fetchall()
        assert stuck == []


@pytest.fixture
def objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The storage of this process, empty."""
    monkeypatch.setattr(settings, "DATA", tmp_path)
    return tmp_path / "files"


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def kept_rows() -> int:
    with worker_scope():
        (row,) = run("SELECT count(*) AS n FROM file")
    return int(row["n"])


def send(client: Client, body: dict[str, Any], **files: bytes) -> Any:
    parts = {name: io.BytesIO(data) for name, data in files.items()}
    return client.post("/v1/batches", {"batch": json.dumps(body), **parts})


def test_a_refused_multipart_leaves_no_object_and_no_row(door: FrontDoor, objects: Path) -> None:
    client = Client(headers={"Authorization": f"Bearer {door.ours.keys['full']}"})
    before = kept_rows()
    refusals: list[tuple[dict[str, Any], dict[str, bytes]]] = [
        ({"request_id": "few", "items": items(3, image="@a")}, {"a": picture()}),
        (
            {"request_id": "no image", "items": items(9, image="@a") + items(1, image="@b")},
            {"a": picture(), "b": b"x"},
        ),
        ({"request_id": "no part", "items": items(9, image="@a") + items(1, image="@c")}, {"a": picture()}),
        ({"request_id": "bad item", "items": [*items(9, image="@a"), {"params": {"prompt": 1}}]}, {"a": picture()}),
        ({"request_id": "http", "items": items(10, image="@a"), "webhook_url": "http://x.example"}, {"a": picture()}),
    ]
    for body, files in refusals:
        assert 400 <= send(client, body, **files).status_code < 500, body["request_id"]
        assert (stored(objects), kept_rows()) == ([], before), body["request_id"]
    body = {"request_id": "good", "items": items(10, image="@a")}
    assert send(client, body, a=picture()).status_code == 201
    assert (len(stored(objects)), kept_rows()) == (1, before + 1)
    assert send(client, body, a=picture()).headers["Idempotent-Replayed"] == "true"
    assert (len(stored(objects)), kept_rows()) == (1, before + 1)
    assert send(client, body, a=picture((1, 2, 3))).json()["error"]["code"] == "request_id_conflict"
    assert (len(stored(objects)), kept_rows()) == (1, before + 1)


def test_a_batch_far_too_large_is_refused_before_its_items_are_looked_at(
    door: FrontDoor, objects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(headers={"Authorization": f"Bearer {door.ours.keys['full']}"})

    def looked(*_: object) -> None:
        raise AssertionError("an item was looked at")

    with monkeypatch.context() as patch:
        patch.setattr(intake, "_item", looked)
        refused = send(client, {"request_id": "far", "items": items(5_000, image="@a")}, a=picture())
        assert refused.json()["error"]["code"] == "batch_size"
        assert refused.json()["error"]["details"]["given"] == 5_000
    assert stored(objects) == []
    # What was accepted once is answered again, also when the account's limit has been lowered since.
    tenant = door.theirs.tenant.id
    client = Client(headers={"Authorization": f"Bearer {door.theirs.keys['full']}"})
    body = json.dumps({"request_id": "large", "items": items(60)})
    with worker_scope():
        set_batch_limits(tenant, 10, 60)
    assert client.post("/v1/batches", body, content_type="application/json").status_code == 201
    with worker_scope():
        set_batch_limits(tenant, 10, 50)
    again = client.post("/v1/batches", body, content_type="application/json")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
