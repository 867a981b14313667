"""The rollback of a pilot: new work stops everywhere, the rest goes on, all is exported, everybody is told once."""

import csv
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import said
from django.test import override_settings
from pilot_market import PASSWORD, PRICE, browser, followed, pilot_market

from pilothouse.kernel.access.commands import add_member
from pilothouse.kernel.access.language import speak
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.watch.exports import write_rows
from pilothouse.kernel.watch.pilot_facts import facts_of
from pilothouse.pilots import rollback, triggers
from pilothouse.programs.deals import metrics
from pilothouse.programs.deals.errors import PilotDisabled

pytestmark = pytest.mark.house
REASON = "Two sellers were paid late; we look at the bank's side."


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    with override_settings(DATA=tmp_path):
        yield tmp_path


def mails(about: str = "rollback:%") -> list[dict[str, Any]]:
    with worker_scope("test"):
        return run(
            "SELECT address, subject, tenant FROM notice WHERE dedupe_key LIKE %(about)s ORDER BY id", {"about": about}
        )


def test_the_whole_way_at_the_desk(timed_house: Any, here: Path) -> None:
    market = pilot_market(timed_house)
    deal = market.handed_over(PRICE)
    market.claim(market.handed_over(PRICE), "UNDISCLOSED_DEFECT", 100_000_000, ("PHOTO",))
    followed(market)
    operator, buyer = browser("ops@ours.example"), browser("buyer@example.mn")
    ask = f"/desk/rollbacks/new?program=deals&tenant={market.tenant.public_id}"
    before = operator.get(ask).content.decode()
    assert "2 open deals and the 2 timers that run for them go on" in before
    assert "A notice to 2 people is drafted" in before
    assert operator.post(ask, {"reason": " "}).status_code == 422
    assert buyer.get("/deals/new").status_code == 200
    started = operator.post(ask, {"reason": REASON})
    assert started.status_code == 302
    page_url = started["Location"]
    # The same again in another tab finds the same rollback.
    assert operator.post(ask, {"reason": "Another reason."})["Location"] == page_url

    # New deals are refused by command, by API and on the page, with the sentence.
    with market.scope("seller"), pytest.raises(PilotDisabled):
        market.draft(PRICE)
    form = {"template": "MN_USED_CAR_PRIVATE", "side": "buyer", "price": "30000000", "title": "Car"}
    body = {"side": "buyer", "template": "MN_USED_CAR_PRIVATE", "price": PRICE, "title": "Car", "item": {}}
    answer = buyer.post("/v1/deals", json.dumps(body), content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "pilot_disabled"), answer.content
    assert "New deals are paused" in buyer.post("/deals/new", form).content.decode()

    # Nobody was told; the notice is edited, kept, sent once, with a receipt for each.
    page = operator.get(page_url).content.decode()
    assert "Send to 2 people" in page
    assert mails() == []
    words = {"subject": "New deals are paused", "words": "Bank trouble. Your open deals go on."}
    operator.post(f"{page_url}notice", words)
    assert mails() == []
    for _ in range(2):
        operator.post(f"{page_url}tell")
    assert [(mail["address"], mail["subject"]) for mail in mails()] == [
        ("buyer@example.mn", "New deals are paused"), ("seller@example.mn", "New deals are paused"),
    ]  # fmt: skip
    assert "stands as it was sent" in operator.post(f"{page_url}notice", words, follow=True).content.decode()
    told = operator.get(page_url).content.decode()
    assert "Bank trouble." in told
    assert "0 of 2 mails sent" in told

    # What is open goes on: its timers fire, its money moves.
    market.pass_time(hours=73)
    market.pass_time(hours=49)
    assert market.deal(deal).state == "SETTLED"

    # The end tells who was told of the stop, though their deals have ended.
    operator.post(f"{page_url}resume", {"subject": "Deals again", "words": "New deals are possible again."})
    assert [mail["address"] for mail in mails("rollback:%:resume:%")] == ["buyer@example.mn", "seller@example.mn"]
    assert "has ended" in operator.post(f"{page_url}resume", words, follow=True).content.decode()
    market.draft(PRICE)
    with worker_scope("test"):
        assert run("SELECT count(*) AS n FROM timer WHERE subject_kind = 'rollback' AND state = 'armed'") == [{"n": 0}]
        events = run("SELECT type, visibility FROM event WHERE subject_kind = 'rollback' ORDER BY seq")
    assert [row["type"] for row in events] == ["stop", "export", "tell", "resume"]
    assert {row["visibility"] for row in events} == {"internal"}
    assert browser("support@ours.example").post(f"{page_url}tell").status_code == 403


def test_the_export_holds_every_event_and_transfer_and_its_hashes_agree(house: Any, here: Path) -> None:
    market = pilot_market(house)
    other = type(market).__new__(type(market))
    other.__dict__.update(market.__dict__)
    other.tenant = house.tenant("Other Market")
    market.handed_over(PRICE)
    other.funded(PRICE)
    with market.scope("ops"):
        found = rollback.stop("deals", market.tenant, REASON)
        found = rollback.export(found.public_id)
        again = rollback.export(found.public_id)
    assert again.export == found.export
    folder = rollback.export_folder(found)
    manifest = (folder / "manifest.json").read_bytes()
    assert hashlib.sha256(manifest).hexdigest() == found.export["sha256"]
    listed = {one["file"]: one for one in json.loads(manifest)["files"]}
    assert set(listed) == {"ledger.csv", "ledger.json", "timelines.csv", "timelines.json"}
    for name, one in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == one["sha256"], name
    with worker_scope("test"):
        (want,) = run(
            "SELECT (SELECT count(*) FROM event"
            " WHERE tenant = %(t)s AND subject_kind IN ('deal', 'dispute')) AS events,"
            " (SELECT count(*) FROM transfer WHERE tenant = %(t)s) AS transfers,"
            " (SELECT sum(amount) FROM transfer WHERE tenant = %(t)s) AS amount",
            {"t": market.tenant.id},
        )
    events = json.loads((folder / "timelines.json").read_text())
    transfers = json.loads((folder / "ledger.json").read_text())
    assert (len(events), len(transfers)) == (want["events"], want["transfers"])
    assert sum(row["amount"] for row in transfers) == want["amount"]
    with (folder / "ledger.csv").open() as rows:
        assert sum(int(row["amount"]) for row in csv.DictReader(rows)) == want["amount"]
    assert not list(folder.glob(".*"))


def test_no_rows_are_a_whole_file_too(tmp_path: Path) -> None:
    files = write_rows(tmp_path, "none", [])
    assert json.loads((tmp_path / "none.json").read_text()) == []
    assert [one["rows"] for one in files] == [0, 0]


KILLED = """
import os, signal, sys
import django
django.setup()
from django.conf import settings
from pilothouse.site.programs import load_programs
load_programs()
from django.db.backends.utils import CursorWrapper
from pilothouse.pilots import rollback
point, program, key, data = sys.argv[1:]
settings.DATA = data
run = CursorWrapper.execute
def killed(self, sql, params=None):
    found = run(self, sql, params)
    if point in str(sql):
        os.kill(os.getpid(), signal.SIGKILL)
    return found
CursorWrapper.execute = killed
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope
key = int(key)
with tenant_scope(key, "ops"):
    found = rollback.stop(program, Tenant.objects.get(id=key), "why")
with tenant_scope(key, "ops"):
    rollback.export(found.public_id)
with tenant_scope(key, "ops"):
    rollback.tell(found.public_id)
"""


def test_kill_9_in_the_middle_and_again_tells_everybody_once(house: Any, here: Path) -> None:
    market = pilot_market(house)
    for name in ("stranger", "admin"):
        with tenant_scope(market.tenant.id, "test"):
            add_member(market.tenant.id, market.mails[name], "buyer", name, PASSWORD)
    market.handed_over(PRICE)
    points = ("INSERT INTO flag", "INSERT INTO timer", "export_", "FROM transfer t", "INSERT INTO notice",
              'INSERT INTO "rollback_receipt"', "SET state")  # fmt: skip
    for point in points:
        done = subprocess.run(
            [sys.executable, "-c", KILLED, point, "deals", str(market.tenant.id), str(here)],
            env=house.env(),
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode in (-signal.SIGKILL, 0), (point, done.stderr[-2000:])
    with market.scope("ops"):
        found = rollback.stop("deals", market.tenant, REASON)
        found = rollback.export(found.public_id)
        found = rollback.tell(found.public_id)
        told = rollback.receipts(found)
    assert found.state == "told"
    assert sorted(one["email"] for one in told) == ["buyer@example.mn", "seller@example.mn"]
    assert [mail["address"] for mail in mails()] == ["buyer@example.mn", "seller@example.mn"]
    with worker_scope("test"):
        assert run("SELECT count(*) AS n FROM rollback") == [{"n": 1}]
    folder = rollback.export_folder(found)
    assert hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest() == found.export["sha256"]


def test_the_notice_is_drafted_in_the_language_of_the_market_and_in_ours(house: Any) -> None:
    market = pilot_market(house)
    facts = facts_of("deals")
    assert rollback.draft(facts, market.tenant)[0] == f"{market.tenant.name}: new deals are paused"
    with worker_scope("test"):
        speak(market.tenant.id, "mn")
        tenant = Tenant.objects.get(id=market.tenant.id)
    for subject, words in (rollback.draft(facts, tenant), rollback.resumed_draft(facts, tenant)):
        assert "шинэ хэлцэл" in subject
        assert words.index("шинэ хэлцэл") < words.index("ew deals")
        assert words.count("/ask") == 2


def test_the_command_line_does_the_same(house: Any, here: Path) -> None:
    market = pilot_market(house)
    market.funded(PRICE)

    def called(*words: str, code: int = 0) -> Any:
        done = said(*words, "--json")
        assert done.code == code, done.out + done.err
        return done.json if code == 0 else done.json["error"]["message"]

    (dry,) = called("rollback", "deals", "--dry-run")
    assert (dry["open"], dry["people"], dry["is_stopped"]) == (1, 2, False)
    with market.scope():
        assert rollback.open_rollback("deals", market.tenant.id) is None
    assert "reason" in called("rollback", "deals", code=1)
    assert "There is no program 'nothing'" in called("rollback", "nothing", code=1)
    notice = here / "notice.txt"
    notice.write_text("Edited by hand.")
    (done,) = called("rollback", market.tenant.public_id, "--reason", REASON)
    assert (done["state"], done["receipts"]) == ("exported", [])
    (done,) = called("rollback", "deals", "--notice", str(notice), "--send")
    assert done["state"] == "told"
    assert done["notice"]["words"] == "Edited by hand."
    assert len(done["receipts"]) == 2
    (again,) = called("rollback", "deals", "--send")
    assert again["receipts"] == done["receipts"]
    (ended,) = called("resume", "deals")
    assert ended["state"] == "resumed"
    assert "There is no open rollback" in called("resume", "deals", code=1)
    assert len(mails()) == 4


def test_a_crossed_threshold_proposes_and_stops_nothing(timed_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    market = pilot_market(timed_house)
    deal = market.accepted(PRICE)
    followed(market)
    assert triggers.watch_triggers() == []
    low = {"created": 12, "matured": 10, "settled": 4, "disputed_matured": 0, "disputed": 0, "complete": 0,
           "decided": 0, "disputes_ended": 0, "part": "", "seconds": 0.0, "spread": 0.0}  # fmt: skip
    monkeypatch.setattr(metrics, "measure", lambda **_options: [low])
    for _ in range(2):
        (found,) = triggers.watch_triggers()
    assert "4 of 10 matured deals settled" in found["why"]
    with worker_scope("test"):
        rows = run("SELECT kind, severity, seen_count, tenant FROM incident")
        assert run("SELECT count(*) AS n FROM gate") == [{"n": 0}]
        assert [one["kind"] for one in triggers.proposals()] == ["rollback_proposed"]
    assert rows == [{"kind": "rollback_proposed", "severity": "P1", "seen_count": 2, "tenant": market.tenant.id}]
    assert market.deal(deal).state == "AWAITING_FUNDS"
    page = browser("ops@ours.example").get("/desk/rollbacks/").content.decode()
    assert "Roll back deals of Nomad Market?" in page
    # Nine matured deals judge nothing.
    monkeypatch.setattr(metrics, "measure", lambda **_options: [{**low, "matured": 9}])
    assert triggers.watch_triggers() == []


def test_the_operators_are_reminded_while_it_lasts(timed_house: Any, here: Path) -> None:
    market = pilot_market(timed_house)
    market.accepted(PRICE)
    with market.scope("ops"):
        found = rollback.stop("deals", market.tenant, REASON)
    market.pass_time(hours=25)
    market.pass_time(hours=25)
    with worker_scope("test"):
        (row,) = run("SELECT count(*) AS n FROM notice WHERE subject LIKE 'Still stopped: deals of Nomad Market'")
    assert row["n"] == 2
    with market.scope("ops"):
        rollback.resume(found.public_id)
    assert mails() == []
    market.pass_time(hours=25)
    with worker_scope("test"):
        assert run("SELECT count(*) AS n FROM notice WHERE subject LIKE 'Still%%'") == [{"n": 2}]
