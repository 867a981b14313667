"""What the front door refuses: each with its status, its stable code, one JSON shape, and nothing reserved."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from front_door import FrontDoor, items, order
from PIL import Image

from pilothouse.kernel.access import commands as access
from pilothouse.kernel.base.limits import REQUEST_BODY_MAX_BYTES
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.watch.gates import close_gate, reopen_gate

pytestmark = [pytest.mark.http, pytest.mark.house]
JSON = {"Content-Type": "application/json"}


def error_of(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The error of an answer, which must have this status and code and the one shape."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert set(body) == {"ok", "error"}
    assert body["ok"] is False
    assert set(body["error"]) == {"code", "message", "details", "request_id"}
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    assert body["error"]["request_id"] == answer.headers["X-Request-ID"]
    return dict(body["error"])


@pytest.fixture
def unchanged(door: FrontDoor) -> Iterator[None]:
    """Fails a test after which the wallet or the number of batches is another."""

    def world() -> tuple[Any, ...]:
        with door.house.connect() as connection:
            return (
                connection.execute("SELECT count(*) FROM batch").fetchone(),
                connection.execute("SELECT count(*), sum(amount) FROM transfer").fetchone(),
            )

    before = world()
    yield
    assert world() == before


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "sign_in_needed"),
        ("Basic abc", "sign_in_needed"),
        ("Bearer", "invalid_key"),
        ("Bearer ek_pilot_unknown", "invalid_key"),
        ("Bearer " + "x" * 5000, "invalid_key"),
        # The server drops a header that is not ASCII.
        ("Bearer é", "sign_in_needed"),
    ],
)
def test_no_or_unknown_key(door: FrontDoor, unchanged: None, header: str | None, code: str) -> None:
    with door.api("") as api:
        headers = {} if header is None else {"Authorization": header.encode()}
        for method, path in (("GET", "/v1/batches"), ("POST", "/v1/batches"), ("GET", "/v1/ledger")):
            answer = api.request(method, path, headers=headers)
            error_of(answer, 401, code)
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_inactive_key(door: FrontDoor, unchanged: None) -> None:
    with door.api(door.ours.keys["paused"]) as api:
        error_of(api.post("/v1/batches", json=order("no")), 401, "inactive_key")


def test_a_key_without_the_scope(door: FrontDoor, unchanged: None) -> None:
    with door.api(door.ours.keys["ledger:read"]) as api:
        error = error_of(api.post("/v1/batches", json=order("no")), 403, "missing_scope")
        assert error["details"] == {"needed": "batches:write"}


def test_another_customers_batch_does_not_exist(door: FrontDoor) -> None:
    with door.api() as ours, door.api(door.theirs.keys["full"]) as theirs:
        batch = ours.post("/v1/batches", json=order("mine")).json()["batch_id"]
        foreign = theirs.get(f"/v1/batches/{batch}").json()["error"]
        nobody = theirs.get("/v1/batches/bat_00000000000000000000000000").json()["error"]
        assert {**foreign, "request_id": ""} == {**nobody, "request_id": ""}
        error_of(theirs.get(f"/v1/batches/{batch}"), 404, "not_found")
        # The same request_id in another account is another order.
        assert theirs.post("/v1/batches", json=order("mine")).json()["batch_id"] != batch


def test_too_many_requests(door: FrontDoor) -> None:
    with tenant_scope(door.ours.tenant.id, "test"):
        raw = access.issue_key(door.ours.tenant.id, "slow", rate_limit_per_min=2)[1]
    with door.api(raw) as api:
        answers = [api.get("/v1/batches") for _ in range(4)]
    limited = [answer for answer in answers if answer.status_code != 200]
    assert limited
    for answer in limited:
        error_of(answer, 429, "rate_limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60


DEEP = b'{"request_id":"x","items":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
MALFORMED = {
    "empty": b"",
    "text": b"hello",
    "half": b'{"request_id": "x", "items": [',
    "trailing": b'{"request_id": "x"} {}',
    "not utf-8": b'{"request_id": "\xff"}',
    "deep": DEEP,
    "nan": b'{"request_id": "x", "items": NaN}',
    "single quotes": b"{'request_id': 'x'}",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_json(door: FrontDoor, unchanged: None, name: str) -> None:
    with door.api() as api:
        for path in ("/v1/batches", "/v1/webhooks"):
            error_of(api.post(path, content=MALFORMED[name], headers=JSON), 400, "malformed_json")


def _with(**fields: Any) -> dict[str, Any]:
    return {**order("bad"), **fields}


def _item(params: Any = None, **more: Any) -> dict[str, Any]:
    first = {"params": {"prompt": "x"} if params is None else params, **more}
    return _with(items=[first, *items(9)])


INVALID: dict[str, Any] = {
    "list": [],
    "text": "x",
    "number": 1,
    "null": None,
    "no request_id": {"items": items()},
    "empty request_id": _with(request_id=""),
    "number as request_id": _with(request_id=7),
    "long request_id": _with(request_id="x" * 256),
    "NUL in request_id": _with(request_id="a\x00b"),
    "newline in request_id": _with(request_id="a\nb"),
    "half a surrogate in request_id": _with(request_id="\ud800"),
    "unknown field": _with(priority="high"),
    "no items": {"request_id": "bad"},
    "empty items": _with(items=[]),
    "items as object": _with(items={"0": {}}),
    "item as text": _with(items=["x"] * 10),
    "unknown item field": _item(price=1),
    "params as list": _item(params=[]),
    "unknown param": _item(params={"prompt": "x", "model": "best"}),
    "no prompt": _item(params={}),
    "blank prompt": _item(params={"prompt": "  "}),
    "number as prompt": _item(params={"prompt": 5}),
    "long prompt": _item(params={"prompt": "x" * 4001}),
    "NUL in prompt": _item(params={"prompt": "a\x00b"}),
    "seconds as text": _item(params={"prompt": "x", "seconds": "4"}),
    "seconds as true": _item(params={"prompt": "x", "seconds": True}),
    "half a second": _item(params={"prompt": "x", "seconds": 0.5}),
    "no second": _item(params={"prompt": "x", "seconds": 0}),
    "an hour": _item(params={"prompt": "x", "seconds": 3600}),
    "huge seconds": _item(params={"prompt": "x", "seconds": 10**30}),
    "unknown aspect": _item(params={"prompt": "x", "aspect": "3:2"}),
    "aspect as list": _item(params={"prompt": "x", "aspect": ["9:16"]}),
    "unknown platform": _item(params={"prompt": "x", "platform": "cinema"}),
    "platform as object": _item(params={"prompt": "x", "platform": {}}),
    "aspect against platform": _item(params={"prompt": "x", "platform": "youtube", "aspect": "9:16"}),
    "image as path": _item(params={"prompt": "x", "image": "../../etc/passwd"}),
    "metadata as list": _item(metadata=[1]),
    "large metadata": _item(metadata={"x": "y" * 5000}),
    "NUL in metadata": _item(metadata={"x": "\x00"}),
    "NUL in metadata's key": _item(metadata={"\x00": 1}),
    "half a surrogate in metadata": _item(metadata={"x": "\udfff"}),
    "webhook as number": _with(webhook_url=5),
    "NUL in webhook": _with(webhook_url="https://example.com/\x00"),
    "long webhook": _with(webhook_url="https://example.com/" + "x" * 5000),
}


CODES = {
    "aspect against platform": "aspect_conflict",
    "large metadata": "metadata_refused",
    "NUL in metadata": "metadata_refused",
    "NUL in metadata's key": "metadata_refused",
}


@pytest.mark.parametrize("name", INVALID)
def test_wrong_shape(door: FrontDoor, unchanged: None, name: str) -> None:
    with door.api() as api:
        body = json.dumps(INVALID[name]).encode()
        # Half a surrogate is not even text.
        status, code = (400, "malformed_json") if "surrogate" in name else (422, CODES.get(name, "invalid_input"))
        error_of(api.post("/v1/batches", content=body, headers=JSON), status, code)


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "9" * 400, "1" + "0" * 5000, "18446744073709551616", "1e-400", "0.1e1"]
)
def test_strange_numbers_are_kept_or_refused(door: FrontDoor, number: str) -> None:
    """Metadata is returned unchanged or refused with a 4xx; it is never changed and never a 500."""
    body = (
        json.dumps(_item(metadata={"n": "N"}))
        .replace('"N"', number)
        .replace("bad", f"num-{zlib.crc32(number.encode())}")
    )
    with door.api() as api:
        answer = api.post("/v1/batches", content=body, headers=JSON)
        if answer.status_code != 201:
            assert answer.status_code in (400, 422), answer.text[:300]
            return
        (first, *_) = api.get(f"/v1/batches/{answer.json()['batch_id']}/items").json()["items"]
        assert first["metadata"] == json.loads(f'{{"n":{number}}}')


def test_a_key_given_twice_is_refused(door: FrontDoor, unchanged: None) -> None:
    """Which of two values counts differs between parsers; where money is at stake neither does."""
    body = json.dumps(order("bad")).replace('"request_id": "bad"', '"request_id": "good", "request_id": "bad"')
    with door.api() as api:
        error_of(api.post("/v1/batches", content=body, headers=JSON), 400, "malformed_json")


def test_body_too_large(door: FrontDoor, unchanged: None) -> None:
    with door.api() as api:
        for path, kind in (("/v1/batches", "application/json"), ("/v1/uploads", "image/png")):
            big = b" " * (REQUEST_BODY_MAX_BYTES + 1)
            error_of(api.post(path, content=big, headers={"Content-Type": kind}), 413, "body_too_large")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "x" * 300])
def test_wrong_content_type(door: FrontDoor, unchanged: None, kind: str) -> None:
    with door.api() as api:
        body = json.dumps(order("bad")).encode()
        error_of(api.post("/v1/batches", content=body, headers={"Content-Type": kind}), 415, "unsupported_media_type")


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 64), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 80, 40)).save(out, kind, **options)
    return out.getvalue()


def _bomb() -> bytes:
    """A PNG whose header promises 60,000 by 60,000 pixels."""
    head = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + head + zlib.crc32(head).to_bytes(4, "big") + b"\0" * 64


def _animated() -> bytes:
    frames = [Image.new("RGB", (64, 64), (n * 40, 0, 0)) for n in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    return out.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HOSTILE = {
    "empty": (b"", 415),
    "text": (b"hello, I am an image" * 10, 415),
    "svg": (SVG, 415),
    "gif": (picture("GIF"), 415),
    "bmp": (picture("BMP"), 415),
    "pdf": (b"%PDF-1.7 " + b"x" * 100, 415),
    "half a png": (picture(size=(512, 512))[:200], 422),
    "half a jpeg": (picture("JPEG", (512, 512))[:300], 422),
    "only a head": (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, 422),
    "bomb": (_bomb(), 422),
    "animated": (_animated(), 422),
    "tiny": (picture(size=(4, 4)), 422),
    "too long a side": (picture(size=(12_500, 20)), 422),
    "above ten megabytes": (picture() + b"\0" * (10 * 1024 * 1024), 413),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_image(door: FrontDoor, unchanged: None, name: str) -> None:
    data, status = HOSTILE[name]
    code = {413: "file_too_large", 415: "file_type_refused", 422: "image_refused"}[status]
    with door.api() as api:
        error_of(api.post("/v1/uploads", content=data, headers={"Content-Type": "image/png"}), status, code)
        given = json.dumps({**order("bad-image"), "items": items(image="@shot")})
        answer = api.post("/v1/batches", data={"batch": given}, files={"shot": ("shot.png", data, "image/png")})
        if data:
            error_of(answer, status, code)
        else:
            assert 400 <= answer.status_code < 500


def test_an_image_that_is_not_ours(door: FrontDoor, unchanged: None) -> None:
    with door.api(door.theirs.keys["full"]) as theirs, door.api() as ours:
        file = theirs.post("/v1/uploads", content=picture(), headers={"Content-Type": "image/png"}).json()["file_id"]
        for image in (file, "file_" + "0" * 26):
            order_of_one = [*items()[:3], *items(image=image)[3:]]
            answer = ours.post("/v1/batches", json={**order("img"), "items": order_of_one})
            error = error_of(answer, 422, "image_not_found")
            assert (error["details"]["index"], "items[3] names" in error["message"]) == (3, True)


def test_paused(door: FrontDoor, unchanged: None) -> None:
    with worker_scope("user:op"):
        gate = close_gate("video", "A number looked wrong.", mode="no_new", tenant=door.ours.tenant.id)
    try:
        with door.api() as api, door.api(door.theirs.keys["full"]) as theirs:
            error = error_of(api.post("/v1/batches", json=order("paused")), 409, "paused")
            assert error["details"]["gate"] == "no_new"
            assert error["details"]["reason"] == "A number looked wrong."
            assert "A number looked wrong." in error["message"]
            # Only new work is stopped, and only ours.
            assert api.get("/v1/batches").status_code == 200
            assert theirs.post("/v1/batches", json=order("not", 51)).json()["error"]["code"] == "batch_size"
    finally:
        with worker_scope("user:op"):
            reopen_gate(gate["public_id"])


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://10.1.2.3/hook",
        "https://[::1]/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/hook",
        "https://user:pass@example.com/hook",
        "ftp://example.com/x",
        "javascript:alert(1)",
        "not an address",
    ],
)
def test_refused_webhook_address(door: FrontDoor, unchanged: None, url: str) -> None:
    with door.api() as api:
        for path, body in (("/v1/batches", _with(webhook_url=url)), ("/v1/webhooks", {"url": url})):
            error = error_of(api.post(path, json=body), 422, "webhook_url_refused")
            assert len(error["message"]) > 20


@pytest.mark.parametrize(
    "query",
    [
        "batches?limit=0", "batches?limit=201", "batches?limit=x", "batches?cursor=x", "batches?cursor=" + "9" * 30,
        "batches?status=gone", "batches?request_id=%00", "ledger?limit=0", "ledger?cursor=%00", "ledger?since=noon",
        "ledger?type=gift", "ledger?format=pdf", "ledger?batch_id=%00", "webhook-deliveries?status=x",
        "webhook-deliveries?cursor=-1",
    ],
)  # fmt: skip
def test_refused_query(door: FrontDoor, query: str) -> None:
    code = "unknown_cursor" if "cursor=" in query and "%" not in query else "invalid_input"
    with door.api() as api:
        error_of(api.get(f"/v1/{query}"), 422, code)


def test_every_method_and_address_answers_in_the_one_shape(door: FrontDoor) -> None:
    with door.api() as api:
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD", "PROPFIND"):
            answer = api.request(method, "/v1/batches")
            assert answer.status_code == 405, method
            assert {"GET", "POST"} <= {word.strip() for word in answer.headers["Allow"].split(",")}
            if method != "HEAD":
                error_of(answer, 405, "method_not_allowed")
        for path in ("/v1/nothing", "/v1/", "/v1", "/v1/batches/", "/v1/batches/a/b/c"):
            error_of(api.get(path), 404, "not_found")
        error_of(api.get("/v1/batches/%00"), 422, "invalid_input")
        for bad in ("bat_%F0%9F", "bat_" + "x" * 3000):
            error_of(api.get(f"/v1/batches/{bad}"), 404, "not_found")
            error_of(api.get(f"/v1/webhooks/{bad}"), 404, "not_found")


def test_request_ids(door: FrontDoor) -> None:
    with door.api() as api:
        assert (
            api.get("/v1/batches", headers={"X-Request-ID": "trace-12345678"}).headers["X-Request-ID"]
            == "trace-12345678"
        )
        for odd in ("x", "a b c d e f g h", "<script>alert</script>", "x" * 65):
            assert api.get("/v1/batches", headers={"X-Request-ID": odd}).headers["X-Request-ID"].startswith("req_")
        assert api.get("/v1/nothing").headers["X-Request-ID"]
        assert api.get("/batches/").headers["X-Request-ID"]
