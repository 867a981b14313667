"""Finance over HTTP: the statement and the reconciliation say what the command line and the files say."""

import csv
import io
from datetime import UTC, datetime

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse
from ledger_world import World, wait_for_horizon

from pilothouse.kernel.access.commands import add_member, issue_key
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger import commands, sealing
from pilothouse.kernel.ledger.periods import period
from pilothouse.kernel.ledger.sealing import seal_for_export
from pilothouse.programs.video import intake
from pilothouse.programs.video.commands import create_batch
from pilothouse.programs.video.prices import publish_default_price

pytestmark = [pytest.mark.house, pytest.mark.http]
ALL = {"from": "2020-01-01", "to": "2100-01-01"}
PASSWORD = "correct horse battery"


@pytest.fixture
def books(shared_house):
    """A tenant in Copenhagen with live rows and one test batch, its keys, and its finance person."""
    tenant = shared_house.tenant()
    world = World.open(tenant.id, 300)
    first = tenant.id * 1000
    world.batch(f"bat_{first}", first, 10, 9)
    with worker_scope():
        publish_default_price()
        run("UPDATE tenant SET timezone = 'Europe/Copenhagen' WHERE id = %s", [tenant.id])
    with tenant_scope(tenant.id, "user:owner@northwind.example"):
        keys = {kind: issue_key(tenant.id, kind, kind, rate_limit_per_min=1000)[1] for kind in ("pilot", "test")}
        add_member(tenant.id, f"finance{tenant.id}@northwind.example", "finance", "Fin Ance", PASSWORD)
        made = create_batch("try", intake.items([{"params": {"prompt": f"mug {n}"}} for n in range(10)]), mode="test")
    person = Client()
    assert person.login(username=f"finance{tenant.id}@northwind.example", password=PASSWORD)
    return {
        "live": Client(headers={"Authorization": f"Bearer {keys['pilot']}"}),
        "test": Client(headers={"Authorization": f"Bearer {keys['test']}"}),
        "person": person, "tenant": tenant, "batch": f"bat_{first}", "test_batch": made.batch_id,
    }  # fmt: skip


def ask(client, path, status=200, **query):
    answer = client.get(f"/v1/ledger/{path}", query)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_the_statement_by_json_csv_and_xlsx_is_one(books):
    told = ask(books["live"], "statement", **ALL)
    assert (told["opening"], told["closing"]) == ({"available": 0, "held": 0}, {"available": 210, "held": 0})
    assert [(row["type"], row["credits_delta"], row["balance"]) for row in told["rows"]] == [
        ("add", 300, 300), ("freeze", -100, 200), ("settle", 0, 200), ("refund", 10, 210),
    ]  # fmt: skip
    same = {**ALL, "cut": told["cut"]}
    files = [books["live"].get("/v1/ledger/statement", {**same, "format": format}) for format in ("csv", "csv", "xlsx")]
    assert files[0].content == files[1].content
    rows = list(csv.DictReader(io.StringIO(files[0].content.decode(), newline="")))
    assert [int(row["balance"]) for row in rows] == [0, 300, 200, 200, 210, 210]
    sheet = openpyxl.load_workbook(io.BytesIO(files[2].content)).active
    assert [row[10] for row in sheet.iter_rows(min_row=2, values_only=True)] == [0, 300, 200, 200, 210, 210]
    with worker_scope():
        commands.grant(books["tenant"].id, 5, "adjustment", "later")
    assert ask(books["live"], "statement", **same)["rows"] == told["rows"]
    assert ask(books["live"], "statement", **ALL)["closing"]["available"] == 215


def test_pages_of_a_statement_meet(books):
    whole = ask(books["live"], "statement", **ALL)
    seen, query = [], {**ALL, "cut": whole["cut"], "limit": 1}
    while True:
        page = ask(books["live"], "statement", **query)
        seen += page["rows"]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == whole["rows"]


def test_each_key_reads_its_own_unit_and_a_person_both(books):
    assert {row["credits_delta"] for row in ask(books["test"], "statement", **ALL)["rows"]} == {100, -100}
    assert ask(books["person"], "statement", unit="TEST", **ALL)["closing"] == {"available": 0, "held": 100}
    assert ask(books["person"], "statement", **ALL)["unit"] == "CREDIT"
    for key, unit in (("live", "TEST"), ("test", "CREDIT")):
        for path in ("statement", "reconciliation"):
            refused = ask(books[key], path, 403, unit=unit, **ALL)
            assert refused["error"]["code"] == "forbidden"
        assert books[key].get("/v1/ledger", {"unit": unit}).status_code == 403
    # The export that a test batch's page links to, and the one without its unit.
    link = {"format": "csv", "batch_id": books["test_batch"]}
    assert books["person"].get("/v1/ledger", {**link, "unit": "TEST"}).content.count(b"\r\n") == 2
    assert books["person"].get("/v1/ledger", link).content.count(b"\r\n") == 1


def test_the_page_of_a_test_batch_exports_its_rows(books):
    page = books["person"].get(reverse("video:batch", args=[books["test_batch"]])).content.decode()
    assert f"batch_id={books['test_batch']}&amp;unit=TEST" in page


def test_reconciliation_says_what_is_held_and_for_what(books):
    done = ask(books["live"], "reconciliation", batch_id=books["batch"])
    assert [line["amount"] for line in done["entries"]] == [100, 90, 10]
    assert done["held"] == []
    running = ask(books["test"], "reconciliation", batch_id=books["test_batch"])
    assert (running["balanced"], [row["held"] for row in running["held"]]) == (False, [100])
    account = ask(books["live"], "reconciliation")
    # The ledger's own rows of this test have no batch of the video program; that is what completeness is for.
    assert {row["what"] for row in account["without_partner"]} == {"journal without its batch"}
    assert (account["held"], account["timeliness"]["late"]) == ([], 0)
    unknown = ask(books["live"], "reconciliation", 404, batch_id=books["test_batch"])
    assert unknown["error"]["details"] == {"what": "batch"}, "the same as GET /v1/batches/{batch_id} says of it"
    ask(books["test"], "reconciliation", 404, batch_id=books["batch"])
    ask(books["test"], "reconciliation", 422)


@pytest.mark.parametrize(
    "query",
    [
        {}, {"from": "2026-13"}, {"from": "noon"}, {"from": "2026-03-01T00:00:00"}, {"from": "9999-12"},
        {"from": "2026-03", "to": "2026-02"}, {"from": "0001-01-01"}, {"from": "2026-03", "cut": "x"},
        {"from": "2026-03", "cursor": "aGk"},
        {"from": "2026-03", "format": "pdf"}, {"from": "2026-03", "unit": "USD"}, {"begin": "2026-03"},
    ],
)  # fmt: skip
def test_what_is_no_period_is_refused(books, query):
    assert ask(books["live"], "statement", 422, **query)["ok"] is False


def test_months_and_days_begin_in_the_accounts_time_zone():
    start, end = period("2026-03", "", "Europe/Copenhagen")
    assert (start, end) == (datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC))
    start, end = period("2026-03-29", "", "Europe/Copenhagen")
    assert (end - start).total_seconds() == 23 * 3600
    assert period("2026-03", "", "UTC")[0] == datetime(2026, 3, 1, tzinfo=UTC)
    assert period("2026-03-01T00:00:00Z", "2026-03-02", "Asia/Ulaanbaatar")[1] == datetime(2026, 3, 1, 16, tzinfo=UTC)
    with pytest.raises(InvalidInput):
        period("2026-03-01T00:00:00Z", "", "UTC")


def test_an_export_seals_first(books):
    tenant = books["tenant"].id
    wait_for_horizon()
    books["live"].get("/v1/ledger", {"format": "csv"})
    with worker_scope():
        (sealed,) = run(
            "SELECT count(*) AS rows, count(*) FILTER (WHERE j.tx < (SELECT max(to_tx) FROM seal s WHERE s.stream ="
            " 'ledger')) AS sealed FROM journal j WHERE j.tenant = %s",
            [tenant],
        )
    assert sealed["rows"] == sealed["sealed"] > 0
    assert sealing.verify(tenant) == []


def test_the_web_seals_without_learning_or_forging_anything(shared_house, books):
    with tenant_scope(books["tenant"].id):
        seal_for_export()
    for role in ("ph_app", "ph_worker"):
        with shared_house.connect("ph_worker" if role == "ph_worker" else "ph_web") as raw:
            if role == "ph_app":
                raw.execute("SET ROLE ph_app")
                with pytest.raises(Exception, match="permission denied"):
                    raw.execute("SELECT * FROM seal_stream('ledger', 1, 1::smallint)")
            with pytest.raises(Exception, match="permission denied"):
                raw.execute("INSERT INTO seal (tenant) VALUES (1)")
