"""Messages and reports by hand: looked at, downloaded, sent once, kept, and read by the customer alone."""

import asyncio
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pypdfium2
import pytest
from django.conf import settings

sys.path.insert(0, str(Path(__file__).parent))
from pilot_world import VideoPilot
from test_pilot_pages import browser

from pilothouse.kernel.access.commands import add_member
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.outbox.notices import NoticePump
from pilothouse.pilots.daily_posts import post_daily
from pilothouse.pilots.message_models import PilotMessage
from pilothouse.pilots.paper_files import write_reports

pytestmark = pytest.mark.house


def made_pilot(house: Any) -> VideoPilot:
    """A pilot that runs."""
    made = VideoPilot(house).active()
    made.endpoint()
    return made


def sent(pilot: VideoPilot, text: str) -> list[PilotMessage]:
    with pilot.ours():
        return list(PilotMessage.objects.filter(text=text).order_by("id"))


def pages(data: bytes) -> list[tuple[str, tuple[float, ...]]]:
    """The text of each page of a PDF, with (left, bottom, right, top, width, height) of what is written on it."""
    document = pypdfium2.PdfDocument(data)
    found = []
    for page in document:
        text = page.get_textpage()
        boxes = [text.get_charbox(n) for n in range(text.count_chars())]
        seen = [box for box in boxes if box[2] > box[0]]
        edges = (
            min(box[0] for box in seen), min(box[1] for box in seen),
            max(box[2] for box in seen), max(box[3] for box in seen), *page.get_size(),
        )  # fmt: skip
        found.append((text.get_text_range(), edges))
    return found


def test_a_text_is_looked_at_and_sent_once_by_two_clicks(pilot: VideoPilot) -> None:
    desk = browser("operator@ours.example")
    here = f"/desk/pilots/{pilot.id}/texts/webhook_form/"
    page = desk.get(here).content.decode()
    assert "https://hooks.northwind.example/video" in page
    assert "Mail it to ada@northwind.example" in page
    form = {"key": "form_1", "channel": "mail", "sender": "Oyuna"}
    first = desk.post(f"{here}send", form)
    assert first.status_code == 302
    assert desk.post(f"{here}send", form)["Location"] == first["Location"]
    (row,) = sent(pilot, "webhook_form")
    assert row.body.endswith("Oyuna")
    assert row.sent_by == "operator:operator@ours.example"
    assert row.inputs_sha256 in desk.get(first["Location"]).content.decode()
    assert row.public_id in desk.get("/desk/messages/?state=customer&q=northwind").content.decode()
    assert "No message matches" in desk.get("/desk/messages/?q=nothing-like-it").content.decode()


def test_what_is_not_so_yet_is_not_sent(pilot: VideoPilot) -> None:
    desk = browser("operator@ours.example")
    here = f"/desk/pilots/{pilot.id}/texts/success/"
    assert "the facts do not say so" in desk.get(here).content.decode()
    answer = desk.post(f"{here}send", {"key": "form_2", "channel": "mail", "sender": ""}, follow=True)
    assert "cannot be sent now" in answer.content.decode()
    assert sent(pilot, "success") == []
    assert browser("support@ours.example").post(f"{here}send", {"key": "x"}).status_code == 403
    assert desk.get(f"/desk/pilots/{pilot.id}/texts/nothing/").status_code == 404
    assert desk.get(f"{here}file/exe").status_code == 404


def test_a_forbidden_word_keeps_what_was_typed(pilot: VideoPilot) -> None:
    desk = browser("operator@ours.example")
    here = f"/desk/pilots/{pilot.id}/texts/webhook_form/send"
    given = {"key": "form_3", "channel": "mail", "sender": "We guarantee 100 % success rate, Bo"}
    answer = desk.post(here, given)
    assert answer.status_code == 422
    assert "We guarantee 100 % success rate, Bo" in answer.content.decode()
    shown = desk.post(f"/desk/pilots/{pilot.id}/texts/internal_update/send",
                      {"key": "form_4", "channel": "look", "notes": "Waiting for <their> firewall"})  # fmt: skip
    assert shown.status_code == 200
    assert "Notes: Waiting for &lt;their&gt; firewall" in shown.content.decode()
    assert sent(pilot, "internal_update") == []


def test_a_customer_reads_their_own_messages_and_no_other(pilot: VideoPilot, shared_house: Any) -> None:
    mine = browser("finance@northwind.example")
    (row, *_) = sent(pilot, "activation")
    assert row.public_id in mine.get("/pilot/").content.decode()
    page = mine.get(f"/pilot/messages/{row.public_id}/").content.decode()
    assert "(in the mail alone)" in page
    assert mine.get(f"/pilot/messages/{row.public_id}/file/pdf")["Content-Type"] == "application/pdf"
    other = shared_house.tenant("Stranger")
    with tenant_scope(other.id, "test"):
        add_member(other.id, "owner@stranger.example", "owner", "owner", "a long pass phrase 7")
    stranger = browser("owner@stranger.example")
    assert stranger.get(f"/pilot/messages/{row.public_id}/").status_code == 404
    desk = browser("operator@ours.example")
    desk.post(f"/desk/pilots/{pilot.id}/texts/internal_update/send", {"key": "form_5", "channel": "mail", "notes": ""})
    (ours,) = sent(pilot, "internal_update")
    assert mine.get(f"/pilot/messages/{ours.public_id}/").status_code == 404
    assert ours.public_id not in mine.get("/pilot/").content.decode()


def test_files_are_the_same_text_and_nothing_runs_off_a_page(pilot: VideoPilot, tmp_path: Path) -> None:
    desk = browser("operator@ours.example")
    here = f"/desk/pilots/{pilot.id}/texts/internal_update/file/"
    markdown = desk.get(f"{here}md").content.decode()
    assert markdown.startswith("🟢 Pilot Update - Northwind\n\nDay: 0\nStatus: On Track\n")
    (page,) = pages(desk.get(f"{here}pdf").content)
    for words in ("Pilot Update - Northwind", "API key issued", "Ledger reconciled", "SHA-256"):
        assert words in page[0]
    with pilot.ours():
        written = write_reports(pilot.id, tmp_path)
    assert [path.name for path in written if path.suffix == ".pdf"] == [
        "internal_update.pdf", "feedback_note.pdf", "post_pilot_summary.pdf",
    ]  # fmt: skip
    for path in written:
        if path.suffix == ".pdf":
            for _words, (left, bottom, right, top, width, height) in pages(path.read_bytes()):
                assert left > 50
                assert bottom > 20
                assert width - right > 50
                assert height - top > 20


def test_the_update_is_posted_once_a_day(pilot: VideoPilot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ALERT_URLS", ["json://localhost"])
    begun = pilot.row.since
    monkeypatch.setattr("pilothouse.pilots.daily_posts.due_at", lambda *_: begun)
    before = len(sent(pilot, "internal_update"))
    assert post_daily() == 1
    assert post_daily() == 0
    rows = sent(pilot, "internal_update")
    assert len(rows) == before + 1
    assert (rows[-1].channel, rows[-1].recipients) == ("chat", ["chat"])


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
def test_one_click_posts_the_update_to_the_chat(pilot: VideoPilot, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []

    class ChatService(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """The test's own output stays clean."""

    desk, here = browser("operator@ours.example"), f"/desk/pilots/{pilot.id}/texts/internal_update/"
    monkeypatch.setattr(settings, "ALERT_URLS", [])
    assert "Post it to our chat" not in desk.get(here).content.decode()
    service = ThreadingHTTPServer(("127.0.0.1", 0), ChatService)
    Thread(target=service.serve_forever, daemon=True).start()
    try:
        monkeypatch.setattr(settings, "ALERT_URLS", [f"json://127.0.0.1:{service.server_port}"])
        assert "Post it to our chat" in desk.get(here).content.decode()
        posted = desk.post(f"{here}send", {"key": "click_1", "channel": "chat"}, follow=True)
        assert "It is on its way to the chat." in posted.content.decode()
        asyncio.run(deliver())
    finally:
        service.shutdown()
        service.server_close()
    row = sent(pilot, "internal_update")[-1]
    mine = [message for message in told if row.subject in message["title"]]
    assert len(mine) == 1
    assert mine[0]["message"] == f"{row.body}\n\n--\nInputs SHA-256: {row.inputs_sha256}"
    assert pilot.row.company in mine[0]["title"] + mine[0]["message"]


async def deliver() -> None:
    """What the worker does with the notices that are due."""
    pump = NoticePump()
    rows = await asyncio.to_thread(pump.claim, 100)
    await asyncio.to_thread(pump.finish, await asyncio.gather(*(pump.act(row) for row in rows)))
