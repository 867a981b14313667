"""What Finance reads: rows, statements, files and reconciliation, all from rows that never change."""

import base64
import csv
import hashlib
import io
import re
import struct
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest
from django.conf import settings
from ledger_world import World

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.cursors import seal_cursor
from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger import commands, exports, queries, statements
from pilothouse.kernel.ledger.statements import Cut, statement

pytestmark = pytest.mark.house
PAST = datetime(2020, 1, 1, tzinfo=UTC)


def future():
    return clock.now() + timedelta(days=1)


@pytest.fixture
def world(house):
    """The source's example: +100, one batch of ten, nine good and one refunded."""
    world = World.open(house.tenant().id, 100)
    world.batch("bat_1", 1, 10, 9)
    return world


def statement_of(world, **options):
    return statement(world.tenant, "CREDIT", PAST, future(), **options)


def test_the_sources_example_reads_as_finance_expects(world):
    with tenant_scope(world.tenant):
        rows, following = queries.ledger_page(world.tenant)
        entries = queries.batch_entries(world.tenant, "bat_1")
    shown = [(row["type"], row["ref_type"], row["credits_delta"], row["amount"], row["entry"]) for row in rows]
    assert shown == [
        ("refund", "batch_item", 10, 10, "Refunded (failures)"),
        ("settle", "batch_item", 0, 90, "Settled (success)"),
        ("freeze", "batch", -100, 100, "Reserved (initial)"),
        ("add", "pilot_grant", 100, 100, "Credits added"),
    ]
    assert following is None
    assert entries.lines == [("Reserved (initial)", 100), ("Settled (success)", 90), ("Refunded (failures)", 10)]
    assert (entries.reserves, entries.settles, entries.refunds) == (10, 9, 1)


def test_the_view_and_the_page_say_the_same(world):
    with worker_scope("test"):
        view = run(
            "SELECT type, ref_type, credits_delta, amount, ref_id, created_at FROM credit_ledger"
            " ORDER BY created_at DESC"
        )
        (wallet,) = run("SELECT permanent_credits FROM credit_wallet")
    with tenant_scope(world.tenant):
        rows, _ = queries.ledger_page(world.tenant)
        assert queries.balance(world.tenant).available == 10
    assert view == [{name: row[name] for name in view[0]} for row in rows]
    assert sum(row["credits_delta"] for row in view) == wallet["permanent_credits"] == 10


def test_pages_meet_without_gap_or_repeat_and_filters_hold(world):
    for number in range(2, 6):
        with worker_scope("test"):
            commands.grant(world.tenant, 100, "purchase", f"p{number}")
        world.batch(f"bat_{number}", number * 100, 10, number)
    with tenant_scope(world.tenant):
        everything, _ = queries.ledger_page(world.tenant)
        seen, cursor = [], None
        while True:
            rows, cursor = queries.ledger_page(world.tenant, count=3, cursor=cursor)
            seen += rows
            if cursor is None:
                break
        assert seen == everything
        assert len(everything) == 4 + 4 * 4
        for type_name, kind in (("freeze", "freeze"), ("reserve", "freeze"), ("add", "add"), ("settle", "settle")):
            rows, _ = queries.ledger_page(world.tenant, type=type_name)
            assert {row["type"] for row in rows} == {kind}
            assert len(rows) == 5
        rows, _ = queries.ledger_page(world.tenant, ref_id="bat_3")
        assert [row["type"] for row in rows] == ["refund", "settle", "freeze"]
        middle = everything[10]["created_at"]
        newer, _ = queries.ledger_page(world.tenant, since=middle)
        older, _ = queries.ledger_page(world.tenant, until=middle)
        assert newer + older == everything
        for wrong in (
            {"type": "theft"},
            {"cursor": "!"},
            {"cursor": seal_cursor("ledger", world.tenant + 1, "x", 1)},
            {"count": 0},
            {"count": 10**9},
        ):
            with pytest.raises(InvalidInput):
                queries.ledger_page(world.tenant, **wrong)


def test_another_tenant_and_another_unit_see_nothing(house, world):
    other = house.tenant("Other").id
    with tenant_scope(other):
        # Even asked by key, row-level security shows nothing of a foreign tenant.
        assert queries.ledger_page(world.tenant) == ([], None)
        assert queries.batch_entries(world.tenant, "bat_1").reserved == 0
        assert statement_of(world).closing == queries.Balance(0, 0)
    with tenant_scope(world.tenant):
        assert queries.ledger_page(world.tenant, "TEST") == ([], None)


def test_a_statement_leads_from_opening_to_closing(world):
    with tenant_scope(world.tenant):
        whole = statement_of(world)
        lines = list(whole.rows())
        assert (whole.opening, whole.closing) == (queries.Balance(0, 0), queries.Balance(10, 0))
        assert [after for _, after in lines] == [100, 0, 0, 10]
        middle = lines[2][0].created_at
        first = statement(world.tenant, "CREDIT", PAST, middle)
        second = statement(world.tenant, "CREDIT", middle, future())
        # During the batch everything was held; two neighbouring periods share the balance where they meet.
        assert first.closing == second.opening == queries.Balance(0, 100)
        assert list(first.rows()) + list(second.rows()) == lines
        with pytest.raises(InvalidInput):
            statement(world.tenant, "CREDIT", middle, middle)


def test_an_export_of_the_same_cut_is_the_same_bytes_whatever_was_posted_since(house, world, tmp_path):
    """Also when a slow transaction that had begun before the cut commits after it."""
    end = future()

    def export(cut=None):
        with tenant_scope(world.tenant):
            found = statement(world.tenant, "CREDIT", PAST, end, cut=cut)
            book = io.BytesIO()
            exports.statement_xlsx(found, "ten_x", book)
            return found.cut, "".join(exports.statement_csv(found, "ten_x")).encode(), book.getvalue()

    with house.connect("ph_worker") as slow, slow.transaction():
        slow.execute(
            "WITH j AS (INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, effective_at,"
            " recorded_at, actor, tx) VALUES (%s, 'reserve:slow', 'h', 'reserve', 'batch', (SELECT base.clock_now()),"
            " clock_timestamp(), 't', (SELECT base.tx())) RETURNING id)"
            " INSERT INTO transfer (tenant, journal, debit, credit, amount, kind, item)"
            " SELECT %s, id, %s, %s, 5, 'reserve', 999 FROM j",
            [world.tenant, world.tenant, world.wallet, world.held],
        )
        cut, text, book = export()
    with worker_scope("test"):
        commands.grant(world.tenant, 77, "purchase", "later")
    assert export(Cut.parse(str(cut)))[1:] == (text, book)
    later = export()[1]
    assert later != text
    assert later.count(b"\n") == text.count(b"\n") + 2


def test_as_of_leaves_out_what_was_recorded_later(world):
    as_of = clock.now()
    with worker_scope("test"):
        commands.grant(world.tenant, 77, "purchase", "later")
    with tenant_scope(world.tenant):
        assert statement_of(world, as_of=as_of).closing.available == 10
        assert statement_of(world).closing.available == 87


def test_a_cut_tells_no_numbers_of_the_house_and_outlives_a_newer_key(monkeypatch):
    seen = Cut(clock.now(), 91_224, 91_230, (91_225, 91_227))
    text = str(seen)
    assert Cut.parse(text) == seen
    assert text == str(Cut(seen.as_of, seen.low, seen.high, seen.open)), "the same cut has the same name"
    assert re.fullmatch(r"cut_[\w-]+", text)
    assert not {b"91224", b"91230", struct.pack(">q", 91_224)} & set(_windows(text))
    old = settings.SECRET_KEY
    monkeypatch.setattr(settings, "SECRET_KEY", "another key, long enough to be one")
    with pytest.raises(InvalidInput):
        Cut.parse(text)
    monkeypatch.setattr(settings, "SECRET_KEY_FALLBACKS", [old])
    assert str(Cut.parse(text)) == text, "the file that prints it stays the same"


def _windows(text):
    plain = text.encode() + b" " + base64.urlsafe_b64decode(text.removeprefix("cut_") + "===")
    return [plain[at : at + size] for size in (5, 8) for at in range(len(plain))]


@pytest.mark.parametrize("text", ["", "cut_", "20260101T000000.000000Z/1/2", "cut_é", "cut_" + "A" * 64])
def test_a_cut_that_is_none_is_refused(text):
    with pytest.raises(InvalidInput):
        Cut.parse(text)


def test_files_hold_every_row_and_run_no_formula(world, tmp_path):
    evil = '=HYPERLINK("http://x","y"), "quoted"\nsecond line'
    with worker_scope("test"):
        commands.grant(world.tenant, 7, "purchase", evil)
        commands.grant(world.tenant, 8, "purchase", "  @SUM(A1)")
    path = tmp_path / "statement.xlsx"
    with tenant_scope(world.tenant):
        found = statement_of(world)
        rows = list(csv.DictReader(io.StringIO("".join(exports.statement_csv(found, "ten_x")), newline="")))
        ledger = list(csv.DictReader(io.StringIO("".join(exports.ledger_csv(world.tenant)), newline="")))
        with path.open("wb") as target:
            exports.statement_xlsx(found, "ten_x", target)
    assert [row["balance"] for row in rows] == ["0", "100", "0", "0", "10", "17", "25", "25"]
    assert (rows[0]["id"], rows[-1]["id"]) == ("opening", "closing")
    assert f"cut {found.cut}" in rows[0]["description"]
    assert [rows[5]["description"], rows[6]["description"]] == ["'" + evil, "'  @SUM(A1)"]
    assert [row["id"] for row in reversed(ledger)] == [row["id"] for row in rows[1:-1]]
    assert sum(int(row["credits_delta"]) for row in ledger) == 25
    sheet = openpyxl.load_workbook(path).active
    cells = [[cell.value for cell in line] for line in sheet.iter_rows()]
    assert tuple(cells[0]) == exports.COLUMNS
    assert [line[10] for line in cells[1:]] == [0, 100, 0, 0, 10, 17, 25, 25]
    assert all(cell.data_type != "f" for line in sheet.iter_rows() for cell in line)
    assert cells[6][11] == evil
    wide = {n: each.width for each in sheet.column_dimensions.values() for n in range(each.min, each.max + 1)}
    for number, name in enumerate(exports.COLUMNS[:6], start=1):
        assert wide[number] >= max(len(str(line[number - 1] or "")) for line in cells), f"{name} is cut off"


def test_a_statement_reads_in_chunks(world, monkeypatch):
    for module in (queries, statements, exports):
        monkeypatch.setattr(module, "EXPORT_CHUNK_ROWS", 2)
    with tenant_scope(world.tenant):
        assert [after for _, after in statement_of(world).rows()] == [100, 0, 0, 10]
        assert len("".join(exports.ledger_csv(world.tenant)).splitlines()) == 5


def test_reconciliation_is_balanced_at_rest_and_names_open_holds(world, monkeypatch):
    # The rows of this test belong to no program's batches.
    monkeypatch.setattr(queries, "_completeness", {})
    with worker_scope("test"):
        commands.grant(world.tenant, 40, "purchase", "more")
        world.move("reserve", [50, 51], "reserve:bat_2", "bat_2")
    with tenant_scope(world.tenant):
        done = queries.reconciliation(world.tenant, "bat_1")
        open_ = queries.reconciliation(world.tenant, "bat_2")
        period = queries.reconciliation(world.tenant, start=PAST, end=future())
    assert done.balanced
    assert done.clearing == []
    assert not open_.balanced
    assert [(row["ref"], row["held"], row["unit"]) for row in open_.clearing] == [("bat_2", 20, "CREDIT")]
    assert 0 <= open_.clearing[0]["age_s"] < 120
    assert period.clearing == open_.clearing
    assert period.timeliness["entries"] == 6
    assert period.timeliness["late"] == 0


def test_a_row_has_an_id_for_ever_that_tells_no_number_of_rows(world):
    """It follows from tenant and key alone: the same again after a restore, and nothing to count others' work by."""
    with tenant_scope(world.tenant):
        rows, following = queries.ledger_page(world.tenant, count=2)
        (public_id,) = run("SELECT public_id FROM tenant")
        journals = {row["id"]: row for row in run("SELECT id, idempotency_key FROM journal")}
        listed = [queries.entry_id(world.tenant, number) for number in journals]
        exported = "".join(exports.ledger_csv(world.tenant))
    for entry, journal in zip(listed, journals.values(), strict=True):
        digest = hashlib.sha256(f"{public_id['public_id']} {journal['idempotency_key']}".encode()).hexdigest()
        assert entry == f"jrn_{digest[:26]}"
        assert entry in exported
    assert {row["id"] for row in rows} <= set(listed)
    text = base64.urlsafe_b64decode(following + "=" * (-len(following) % 4))
    assert rows[-1]["created_at"].isoformat().encode() not in text
    with worker_scope("test"):
        start = queries.ledger_page(world.tenant, type="add")[0][0]["id"]
        found = queries.grant_of_entry(start)
        turned = commands.reverse(world.tenant, commands.grant(world.tenant, 5, "purchase", "five").journal, "mistake")
        (row,) = run("SELECT ref_id FROM journal WHERE id = %(id)s", {"id": turned.journal})
        assert row["ref_id"] in {each["id"] for each in queries.ledger_page(world.tenant, type="add")[0]}
        assert found["tenant"] == world.tenant
        other = [each["id"] for each in queries.ledger_page(world.tenant, type="settle")[0]]
        for wrong, tenant in ((start, world.tenant + 1), (other[0], None), (f"jrn_{found['id']}", None)):
            with pytest.raises(NotFound):
                queries.grant_of_entry(wrong, tenant)
