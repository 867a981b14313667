"""Messages and reports: each text of the runbook filled from live data, sent once, kept as it was, with its hashes."""

import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

sys.path.insert(0, str(Path(__file__).parent))
from pilot_world import VideoPilot

from pilothouse.kernel.base.canonical import canonical_sha256
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.pilots.advancing import advance_all
from pilothouse.pilots.message_models import PilotMessage
from pilothouse.pilots.messages import draft, send_message, texts_of
from pilothouse.pilots.pilot_errors import NotForChat, NowhereToPost, OnlyByItsStep
from pilothouse.pilots.runbook import pinned
from pilothouse.pilots.runbook_errors import BrokenText, ForbiddenPromise
from pilothouse.pilots.verdicts import record_signal, sign_verdict

pytestmark = pytest.mark.house


def made_pilot(house: Any) -> VideoPilot:
    """A pilot that succeeded, with one question of its customer."""
    made = VideoPilot(house).finished()
    with made.ours():
        record_signal(made.id, "concurrency", "Can concurrency be higher?", "Ada")
    advance_all()
    with made.ours():
        sign_verdict(made.id, "succeeded", "Continue")
    return made


def mails() -> int:
    with worker_scope("test"):
        (row,) = run("SELECT count(*) AS n FROM notice")
    return int(row["n"])


def test_the_internal_update_is_the_sources_template(pilot: VideoPilot) -> None:
    with pilot.ours():
        made = draft(pilot.row, "internal_update", {"notes": "All done."})
    assert made.paper.markdown == (
        "🟢 Pilot Update - Northwind\n\nDay: 0\nStatus: Complete\n\nProgress:\n- [x] API key issued\n"
        "- [x] First batch run\n- [x] Webhook verified\n- [x] Ledger reconciled\n\nNotes: All done."
    )


def test_the_summary_has_its_numbers_from_the_batches(pilot: VideoPilot) -> None:
    with pilot.ours():
        made = draft(pilot.row, "post_pilot_summary")
    day = made.slots["from_date"]
    assert made.paper.markdown == (
        f"## Pilot Summary: Northwind\n\n**Duration**: {day} - {day}\n**Status**: Success\n\n**Metrics**:\n"
        "- Batches run: 1\n- Total items: 10\n- Success rate: 80%\n- Credits used: 80\n\n**Feedback**:\n"
        "- Friction: —\n- Requests: “Can concurrency be higher?” (Ada)\n\n**Upgrade signals**:\n- [x] Concurrency\n"
        "- [ ] Webhook events\n- [ ] SLA/Contract\n\n**Recommendation**: Continue"
    )
    assert [figure["kind"] for figure in made.paper.inputs["figures"]] == ["bars", "money"]
    assert made.paper.inputs["figures"][1]["parts"][0][1] == 80


def test_no_rate_is_told_where_nothing_was_made(shared_house: Any) -> None:
    early = VideoPilot(shared_house, "Early")
    with early.ours():
        body = draft(early.row, "post_pilot_summary").paper.markdown
    assert "- Total items: 0\n- Success rate: —%\n" in body


def test_every_text_can_be_filled_and_carries_the_hash_of_its_inputs(pilot: VideoPilot) -> None:
    with pilot.ours():
        texts = texts_of(pinned(pilot.row.runbook_hash))
        assert {text.id for text in texts} == {
            "activation", "webhook_form", "success", "internal_update", "feedback_note", "post_pilot_summary",
        }  # fmt: skip
        for text in texts:
            paper = draft(pilot.row, text.id).paper
            assert "{" not in paper.markdown
            assert paper.inputs_sha256 == canonical_sha256(paper.inputs)
            assert paper.inputs["slots"].get("company", "Northwind") == "Northwind"


def test_a_mail_is_sent_once_and_kept_with_its_hashes(pilot: VideoPilot) -> None:
    before = mails()
    with pilot.ours():
        row = send_message(pilot.row, "success", {}, key="button-1")
        assert send_message(pilot.row, "success", {}, key="button-1").id == row.id
    assert mails() == before + 1
    assert row.recipients == ["ada@northwind.example"]
    assert row.body.startswith("Hi Ada,\n\nConfirmed:\n- Batch bat_")
    with pilot.ours():
        found = PilotMessage.objects.get(id=row.id)
        (event,) = run(
            "SELECT data FROM event WHERE type = 'message' AND data ->> 'message' = %s", [found.public_id]
        )  # fmt: skip
    assert canonical_sha256(found.inputs) == found.inputs_sha256 == event["data"]["inputs_sha256"]
    assert event["data"]["body_sha256"] == found.body_sha256


def test_what_stands_in_the_mail_alone_is_not_kept(pilot: VideoPilot) -> None:
    with pilot.ours():
        rows = list(PilotMessage.objects.filter(text="activation"))
        assert rows
        with pytest.raises(OnlyByItsStep):
            send_message(pilot.row, "activation", {})
    for row in rows:
        assert "1. API Key: (in the mail alone)" in row.body
        assert "/reveal/" not in f"{row.body}{row.inputs}"


def test_the_chat_is_ours_and_must_be_somewhere(pilot: VideoPilot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ALERT_URLS", [])
    with pilot.ours(), pytest.raises(NowhereToPost):
        send_message(pilot.row, "internal_update", {})
    monkeypatch.setattr(settings, "ALERT_URLS", ["json://localhost"])
    before = mails()
    with pilot.ours():
        assert send_message(pilot.row, "internal_update", {}).channel == "chat"
        with pytest.raises(NotForChat):
            send_message(pilot.row, "success", {}, channel="chat")
    assert mails() == before + 1


def test_what_is_typed_is_judged_before_it_leaves(pilot: VideoPilot) -> None:
    with pilot.ours():
        with pytest.raises(ForbiddenPromise):
            draft(pilot.row, "success", {"sender": "We guarantee 99 % success rate."})
        with pytest.raises(BrokenText):
            draft(pilot.row, "internal_update", {"notes": "broken \u00e2\u20ac\u201d letters"})
        typed = draft(pilot.row, "internal_update", {"notes": "a\n\n# b | c [x](http://evil.example)"})
    assert typed.slots["notes"] == "a # b / c [x](http://evil.example)"
