"""Images in, videos out: uploads, multipart, outputs by signed link, and what a finished batch says everywhere."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import av
import pytest
from forging import forged
from front_door import FrontDoor, items
from PIL import Image

from pilothouse.programs.video.limits import OUTPUT_LINK_S

pytestmark = [pytest.mark.http, pytest.mark.house]
PATIENCE_S = 120
PNG = {"Content-Type": "image/png"}


def picture(color: tuple[int, int, int] = (200, 80, 40)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), color).save(out, "PNG")
    return out.getvalue()


def finished(api: Any, batch: str) -> dict[str, Any]:
    ends_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_at:
        shown = api.get(f"/v1/batches/{batch}").json()
        if shown["status"] == "completed":
            return dict(shown)
        time.sleep(0.3)
    raise AssertionError(shown)


def test_an_uploaded_image_is_an_items_image(door: FrontDoor) -> None:
    with door.api() as api:
        stored = api.post("/v1/uploads", content=picture(), headers=PNG)
        assert stored.status_code == 201
        assert set(stored.json()) == {"ok", "file_id", "content_type", "bytes", "sha256"}
        file = stored.json()["file_id"]
        made = api.post("/v1/batches", json={"request_id": "image", "items": items(image=file)})
        assert made.status_code == 201
        (first, *_) = api.get(f"/v1/batches/{made.json()['batch_id']}/items").json()["items"]
        assert first["params"]["image"] == file
        # The same picture uploaded again is the same request.
        again = api.post("/v1/uploads", content=picture(), headers=PNG).json()["file_id"]
        replay = api.post("/v1/batches", json={"request_id": "image", "items": items(image=again)})
        assert (replay.status_code, replay.json()) == (201, made.json())
        other = api.post("/v1/uploads", content=picture((1, 2, 3)), headers=PNG).json()["file_id"]
        refused = api.post("/v1/batches", json={"request_id": "image", "items": items(image=other)})
        assert refused.json()["error"]["code"] == "request_id_conflict"


def test_an_announced_upload(door: FrontDoor) -> None:
    with door.api() as api, door.api(door.theirs.keys["full"]) as theirs:
        data = picture()
        announced = api.post("/v1/uploads", json={"content_type": "image/png", "size_bytes": len(data)})
        assert announced.status_code == 202
        upload = announced.json()["upload_id"]
        assert theirs.put(f"/v1/uploads/{upload}", content=data, headers=PNG).status_code == 404
        assert api.put(f"/v1/uploads/{upload}", content=data, headers=PNG).status_code == 201
        for body in (
            {"content_type": "image/gif", "size_bytes": 5},
            {"content_type": "image/png", "size_bytes": 10**12},
            {"content_type": "image/png", "size_bytes": -1},
            {"content_type": "image/png", "size_bytes": True},
            {"content_type": "image/png"},
        ):
            assert 400 <= api.post("/v1/uploads", json=body).status_code < 500, body


def test_multipart_with_images_and_its_replay(door: FrontDoor) -> None:
    body = json.dumps({"request_id": "multipart", "items": items(5, image="@a") + items(5, "cup", image="@b")})
    files = {"a": ("a.png", picture(), "image/png"), "b": ("b.png", picture((9, 9, 9)), "image/png")}
    with door.api() as api:
        first = api.post("/v1/batches", data={"batch": body}, files=files)
        assert first.status_code == 201, first.text
        again = api.post("/v1/batches", data={"batch": body}, files=files)
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["Idempotent-Replayed"] == "true"
        found = api.get(f"/v1/batches/{first.json()['batch_id']}/items").json()["items"]
        assert len({item["params"]["image"] for item in found}) == 2
        changed = {**files, "b": ("b.png", picture((1, 1, 1)), "image/png")}
        refused = api.post("/v1/batches", data={"batch": body}, files=changed)
        assert refused.json()["error"]["code"] == "request_id_conflict"
        for data, given in (({}, files), ({"batch": body.replace("@b", "@c")}, files), ({"batch": "[]"}, files)):
            refused = api.post("/v1/batches", data=data, files=given)
            assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_input")
        broken = api.post("/v1/batches", content=b"--x\r\n", headers={"Content-Type": "multipart/form-data"})
        assert (broken.status_code, broken.json()["error"]["code"]) == (400, "malformed_json")


def test_a_batch_to_its_end(door: FrontDoor) -> None:
    """Videos by signed link with ranges; the same numbers by API, ledger, CSV and page."""
    wanted = items(9, aspect="16:9") + items(1, "An explicit scene that no brand would publish, take")
    with door.worker(), door.api() as api, door.api("") as nobody:
        before = api.get("/v1/credits/balance").json()["available"]
        batch = api.post("/v1/batches", json={"request_id": "to-the-end", "items": wanted}).json()["batch_id"]
        shown = finished(api, batch)
        assert shown["summary"] == {"total": 10, "pending": 0, "running": 0, "succeeded": 9, "failed": 1}
        assert shown["ledger"] == {"reserved": 100, "settled": 90, "refunded": 10, "in_flight": 0}
        assert shown["completed_at"]
        asked = datetime.now(UTC)
        found = api.get(f"/v1/batches/{batch}/items").json()["items"]
        (failed,) = [item for item in found if item["status"] == "refunded"]
        assert (failed["failure_reason"], failed["hint"]) == ("param_error", "adjust_prompt_or_image")
        assert [step["status"] for step in failed["history"]] == ["pending", "running", "failed", "refunded"]
        good = found[0]
        assert [step["status"] for step in good["history"]] == ["pending", "running", "succeeded"]
        link = good["output"]["url"].removeprefix(door.url)
        link_made = datetime.fromisoformat(good["output"]["url_expires_at"]) - timedelta(seconds=OUTPUT_LINK_S)
        assert asked - timedelta(seconds=1) <= link_made <= datetime.now(UTC)
        whole = nobody.get(link)
        assert (whole.status_code, whole.headers["Content-Type"]) == (200, "video/mp4")
        assert len(whole.content) == good["output"]["bytes"]
        assert hashlib.sha256(whole.content).hexdigest() == good["output"]["media_sha256"]
        with av.open(io.BytesIO(whole.content)) as video:
            stream = video.streams.video[0]
            assert stream.width * 9 == stream.height * 16
        part = nobody.get(link, headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, whole.content[10:20])
        assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole.content)}"
        assert nobody.get(link, headers={"Range": "bytes=999999999-"}).status_code == 416
        assert nobody.head(link).headers["Content-Length"] == str(len(whole.content))
        assert nobody.get(forged(link)).status_code == 404
        rows = api.get("/v1/ledger", params={"batch_id": batch}).json()["rows"]
        assert {(row["entry"], sum(r["amount"] for r in rows if r["entry"] == row["entry"])) for row in rows} == {
            ("Reserved (initial)", 100),
            ("Settled (success)", 90),
            ("Refunded (failures)", 10),
        }
        assert sum(row["credits_delta"] for row in rows) == -90
        answer = api.get("/v1/ledger", params={"batch_id": batch, "format": "csv"})
        assert answer.headers["Content-Type"].startswith("text/csv")
        lines = list(csv.DictReader(io.StringIO(answer.text)))
        assert [(line["id"], line["entry"], int(line["amount"])) for line in lines] == [
            (row["id"], row["entry"], row["amount"]) for row in rows
        ]
        assert api.get("/v1/credits/balance").json()["available"] == before - 90
        with door.signed_in(door.ours.people["finance"]) as finance:
            assert finance.get(f"/v1/ledger?format=csv&batch_id={batch}").text == answer.text
            page = finance.get(f"/batches/{batch}/").text
            assert "90" in page
            assert "param_error" in page or "refus" in page
