"""The ledger's pages: rows, the statement and its files, and the reconcile page that judges a received webhook."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from pilothouse.kernel.access.usage import USAGE
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.outbox.secrets_at_rest import reveal_default_secret
from pilothouse.kernel.outbox.signing import secret_key, signed_headers
from pilothouse.programs.video import intake
from pilothouse.programs.video.commands import create_batch
from pilothouse.programs.video.prices import publish_default_price

sys.path.insert(0, str(Path(__file__).parent))
from console import Customer

pytestmark = pytest.mark.house
RECONCILE = "/ledger/reconcile"


class World:
    """Two customers, each with one finished batch."""

    def __init__(self, house: Any) -> None:
        with worker_scope():
            publish_default_price()
        self.ours, self.theirs = Customer(house, "Northwind", 300), Customer(house, "Southgate", 100)
        self.batch = self.ours.create("order-1")
        self.ours.finish(bad=2)
        with tenant_scope(self.ours.tenant.id, "key:test"):
            create_batch("order-test", intake.items([{"params": {"prompt": "A mug"}}] * 10), mode="test")
        self.their_batch = self.theirs.create("order-1")
        self.theirs.finish(bad=0)
        self.open = self.ours.create("order-2")


@pytest.fixture(scope="module")
def module_world(module_house: Any) -> World:
    return World(module_house)


@pytest.fixture
def world(module_world: World, shared_house: Any) -> Iterator[World]:
    yield module_world
    # The log of calls is written behind; its house must still be there.
    USAGE.flush()


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, (answer.status_code, answer.content[:3000])
    return str(answer.content.decode())


def same(page: str) -> dict[str, bool]:
    return {name: word == "yes" for name, word in re.findall(r'data-field="([^"]+)" data-same="(\w+)"', page)}


def test_the_statement_and_its_files_are_the_same_rows(world: World) -> None:
    finance = world.ours.browser("finance")
    page = text(finance.get("/ledger/statement"))
    rows = re.findall(r'data-row="(\w+)" data-balance="(-?\d+)"', page)
    with tenant_scope(world.ours.tenant.id):
        wallet = balance(world.ours.tenant.id)
    assert int(rows[-1][1]) == wallet.available
    (csv_url,) = re.findall(r'href="(/ledger/statement\.csv[^"]+)"', page)
    (xlsx_url,) = re.findall(r'href="(/ledger/statement\.xlsx[^"]+)"', page)
    csv_url, xlsx_url = csv_url.replace("&amp;", "&"), xlsx_url.replace("&amp;", "&")
    first, sheet = finance.get(csv_url), finance.get(xlsx_url)
    # What is posted after the page was read is not in its files, whenever they are taken.
    world.ours.create("order-later")
    assert finance.get(csv_url).content == first.content
    assert finance.get(xlsx_url).content == sheet.content
    assert sheet.content.startswith(b"PK")
    lines = list(csv.DictReader(io.StringIO(first.content.decode())))
    assert (lines[0]["id"], lines[-1]["id"]) == ("opening", "closing")
    assert [(line["id"], line["balance"]) for line in lines[1:-1]] == rows
    assert lines[-1]["balance"] == str(wallet.available)
    assert len(re.findall(r'data-row="', text(finance.get("/ledger/statement")))) == len(rows) + 1


def test_a_long_statement_goes_on_where_it_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    finance = world.ours.browser("finance")
    whole = re.findall(r'data-row="(\w+)" data-balance="(-?\d+)"', text(finance.get("/ledger/statement")))
    monkeypatch.setattr("pilothouse.kernel.ledger.limits.STATEMENT_PAGE_ROWS", 2)
    url, found = "/ledger/statement", []
    for _page in range(10):
        page = text(finance.get(url))
        found += re.findall(r'data-row="(\w+)" data-balance="(-?\d+)"', page)
        following = re.findall(r'rel="next" href="([^"]*seen=[^"]+)"', page)
        if not following:
            break
        assert "statement-edge" in page or url != "/ledger/statement"
        url = following[0].replace("&amp;", "&")
    assert found == whole
    assert finance.get("/ledger/statement", {"seen": "forged"}).status_code == 422
    assert finance.get("/ledger/statement", {"cut": "forged"}).status_code == 422
    for month in ("0001-01", "9999-12", "x", "2026-13"):
        assert finance.get("/ledger/statement", {"month": month}).status_code == 404
    old = text(finance.get("/ledger/statement", {"month": "2001-02"}))
    assert "Statement of February 2001" in old
    assert "Nothing was posted in this month" in old


def test_rows_filter_and_their_export_is_of_the_same_rows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    finance = world.ours.browser("finance")
    queries = ({"kind": "settle"}, {"batch": world.batch}, {"kind": "reserve", "from": "2001-01-01"}, {"mode": "test"})
    for query in queries:
        page = text(finance.get("/ledger/", query))
        rows = re.findall(r'data-row="(\w+)"', page)
        (url,) = re.findall(r'href="(/v1/ledger\?[^"]+)"', page)
        export = text(finance.get(url.replace("&amp;", "&")))
        assert rows
        assert [line["id"] for line in csv.DictReader(io.StringIO(export))] == rows
    assert "No row matches" in text(finance.get("/ledger/", {"to": "2001-01-01"}))
    assert "No row matches" in text(finance.get("/ledger/", {"kind": "reverse"}))
    monkeypatch.setattr("pilothouse.kernel.ledger.limits.PAGE_ROWS", 1)
    page = text(finance.get("/ledger/", {"kind": "reserve"}))
    (following,) = re.findall(r'rel="next" href="([^"]+)"', page)
    assert "kind=reserve" in following
    assert re.findall(r'data-row="(\w+)"', text(finance.get(following.replace("&amp;", "&")))) != []
    assert finance.get("/ledger/", {"cursor": "forged"}).status_code == 422


def test_a_received_body_is_proven_field_by_field(world: World) -> None:
    finance, body = world.ours.browser("finance"), world.ours.body_of(world.batch)
    page = text(finance.post(RECONCILE, {"body": body.decode()}))
    assert set(same(page).values()) == {True}
    assert {"event", "batch_id", "request_id", "summary.total", "summary.succeeded", "summary.failed",
            "ledger.reserved", "ledger.settled", "ledger.refunded", "timestamp"} <= set(same(page))  # fmt: skip
    assert "exactly those that we sent" in page
    assert "Signature not checked" in page
    with tenant_scope(world.ours.tenant.id):
        key = secret_key(reveal_default_secret())
    headers = signed_headers([key], "msg_1", 1_800_000_000, body)
    pasted = "\r\n".join(f"{name}: {value}" for name, value in headers.items())
    page = text(finance.post(RECONCILE, {"file": SimpleUploadedFile("body.json", body), "headers": pasted}))
    assert "Signature valid." in page
    wrong = pasted.replace("msg_1", "msg_2")
    page = text(finance.post(RECONCILE, {"body": body.decode(), "headers": wrong}))
    assert "Signature not valid." in page
    assert "Differs" in page


@pytest.mark.parametrize(
    ("where", "value", "wrong"),
    [
        ("ledger.settled", 90, {"ledger.settled", "ledger.settled + ledger.refunded"}),
        ("ledger.reserved", 101, {"ledger.reserved", "ledger.settled + ledger.refunded"}),
        ("summary.total", 11, {"summary.total", "10 × summary.total"}),
        ("summary.failed", True, {"summary.failed"}),
        ("summary.failed", "2", {"summary.failed"}),
        ("timestamp", "2026-01-24T10:00:00Z", {"timestamp"}),
        ("request_id", "order-2", {"request_id"}),
        ("event", "batch.finished", {"event"}),
        ("extra", {"a": [1]}, {"extra"}),
    ],
)
def test_a_changed_value_is_named_with_the_one_that_we_have(
    world: World, where: str, value: Any, wrong: set[str]
) -> None:
    given = json.loads(world.ours.body_of(world.batch))
    inner, key = given, where
    if "." in where:
        inner, key = given[where.partition(".")[0]], where.partition(".")[2]
    inner[key] = value
    page = text(world.ours.browser("finance").post(RECONCILE, {"body": json.dumps(given)}))
    assert {name for name, good in same(page).items() if not good} == wrong
    assert "not those that we sent" in page


def test_missing_fields_and_an_open_batch_are_named(world: World) -> None:
    finance = world.ours.browser("finance")
    page = text(finance.post(RECONCILE, {"body": json.dumps({"batch_id": world.batch})}))
    assert sum(same(page).values()) == 1
    assert page.count("missing") >= 9
    early = {**json.loads(world.ours.body_of(world.batch)), "batch_id": world.open}
    page = text(finance.post(RECONCILE, {"body": json.dumps(early)}))
    assert "This batch has not ended" in page
    assert not same(page)["timestamp"]


def test_another_accounts_batch_and_an_unknown_one_are_the_same(world: World) -> None:
    finance = world.ours.browser("finance")
    body = world.theirs.body_of(world.their_batch).decode()
    unknown = json.dumps({**json.loads(body), "batch_id": "bat_00000000000000000000000000"})
    changing = r"(?s)csrfmiddlewaretoken[^>]+|req_\w+|server-now[^>]+|X-CSRFToken[^}]+|<textarea.*?</textarea>"
    pages = [re.sub(changing, "", text(finance.post(RECONCILE, {"body": each}))) for each in (body, unknown)]
    assert pages[0] == pages[1]
    assert "There is no batch with this id in your account" in pages[0]


@pytest.mark.parametrize(
    "body",
    ["", "not json", "[]", "{}", '{"batch_id": 1}', '{"batch_id": "\\ud800"}', '{"batch_id": "\\u0000"}', "[" * 9_000,
     '{"batch_id": "' + "b" * 70_000 + '"}', '{"batch_id": NaN}'],
)  # fmt: skip
def test_what_is_no_receipt_is_said_beside_the_field(world: World, body: str) -> None:
    page = text(world.ours.browser("finance").post(RECONCILE, {"body": body}))
    assert 'id="id_body_error"' in page


def test_who_may_not_read_the_ledger_is_refused(world: World) -> None:
    for path in ("/ledger/", "/ledger/statement", "/ledger/statement.csv", "/ledger/statement.xlsx", RECONCILE):
        assert Client().get(path).url.startswith("/account/login/?next=/ledger/")
        assert world.ours.browser("finance").get(path).status_code == 200
