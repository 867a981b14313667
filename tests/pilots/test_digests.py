"""Digests at local times, each once; the daily checklist filled from data; the weekly review."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pypdfium2
import pytest
from pilot_market import PRICE, browser, followed, pilot_market

from pilothouse.kernel.base import simulated_clock
from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.lifecycle.timers import fire_due
from pilothouse.kernel.watch.pilot_facts import facts_of
from pilothouse.pilots import checklist, digests, review, tasks
from pilothouse.pilots.questions import report
from pilothouse.pilots.times import due_at, next_due, week_of

UB = "Asia/Ulaanbaatar"


@pytest.mark.unit
def test_local_times_and_weeks() -> None:
    monday = datetime(2026, 3, 2, 0, 59, 59, tzinfo=UTC)  # 08:59:59 in Ulaanbaatar
    assert next_due("morning", monday, UB) == datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    assert next_due("morning", monday + timedelta(seconds=1), UB) == datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
    assert next_due("evening", monday, UB) == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert next_due("week", monday, UB) == datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    assert next_due("week", monday + timedelta(hours=1), UB) == datetime(2026, 3, 9, 1, 0, tzinfo=UTC)
    # Summer time begins in Copenhagen on 29 March 2026: the morning comes an hour earlier in UTC.
    assert due_at("morning", date(2026, 3, 28), "Europe/Copenhagen").hour == 8
    assert due_at("morning", date(2026, 3, 29), "Europe/Copenhagen").hour == 7
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert [week_of(start, start + timedelta(days=days), UB) for days in (0, 6, 7, 27, 28)] == [1, 1, 2, 4, 5]
    assert [review.phase(week)[:4] for week in (1, 2, 3, 4, 5, 6)] == ["Base", "Obse", "Obse", "Anal", "Adju", "Adju"]


@pytest.mark.house
def test_a_day_of_digests_each_once_and_filled_from_data(timed_house: Any) -> None:
    market = pilot_market(timed_house)  # It is Monday 17:00 in Ulaanbaatar.
    market.handed_over(PRICE)
    market.claim(market.handed_over(PRICE), "UNDISCLOSED_DEFECT", 100_000_000, ("PHOTO",))
    with worker_scope("test"):
        assert [plan.tenant_id for plan in digests.follow_all()] == [market.tenant.id]
        assert digests.follow_all() == []
    with tenant_scope(market.tenant.id, "test"):
        report(person=market.buyer, kind="hidden_timer", words="Where is it?", program="deals")
    due = [datetime(2026, 3, 3, hour, 0, tzinfo=UTC) for hour in (1, 6, 9)]
    for at in due:
        with worker_scope("test"):
            simulated_clock.move_to(at)
        assert fire_due() >= 1
        # A crash after the timer: the same digest made by hand is neither kept nor sent again.
        with worker_scope("test"):
            plan = digests.access_plan("deals", market.tenant.public_id)
            part = {1: "morning", 6: "afternoon", 9: "evening"}[at.hour]
            assert digests.keep([digests.make(plan, part, date(2026, 3, 3), ["ops@ours.example"])]) == 0
    with worker_scope("test"):
        rows = run("SELECT part, day, body FROM digest ORDER BY id")
        mails = run("SELECT subject, address FROM notice WHERE dedupe_key LIKE 'digest:%%' ORDER BY id")
        armed = run(
            "SELECT name, due_at FROM timer WHERE subject_kind = 'digest_plan' AND state = 'armed' ORDER BY due_at"
        )
    assert [(row["part"], row["day"]) for row in rows] == [
        (part, date(2026, 3, 3)) for part in ("morning", "afternoon", "evening")
    ]
    assert [mail["address"] for mail in mails] == ["ops@ours.example"] * 3
    assert "Nomad Market" in mails[0]["subject"]
    assert [row["name"] for row in armed] == [
        "digest_morning", "digest_afternoon", "digest_evening", "digest_week",
    ]  # fmt: skip
    assert armed[0]["due_at"] == datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
    assert armed[3]["due_at"] == datetime(2026, 3, 9, 1, 0, tzinfo=UTC)
    morning, afternoon, evening = rows[2]["body"]["blocks"]
    assert [len(block["lines"]) for block in (morning, afternoon, evening)] == [3, 3, 3]
    assert morning["lines"][0]["value"].startswith("1 open, 0 end within 12 hours, 1 without all evidence")
    assert morning["lines"][2]["ok"] is True
    assert afternoon["lines"][0]["value"].startswith(
        "2 open, 1 in inspection of which 1 have an approval timer, 0 stuck"
    )
    assert afternoon["lines"][2] == {
        "title": "User support provided", "value": "0 answered today, 1 wait, 0 of them for over a day", "ok": True,
    }  # fmt: skip
    text = checklist.as_text(rows[2]["body"])
    assert text.startswith("Date: 2026-03-03\n\nMorning Check (9:00 AM):\n[ ] Dispute list reviewed")
    assert "\nDeals created: 0\nDeals settled: 0\nDisputes opened: 0\nIssues identified: 0" in text


@pytest.mark.house
def test_looking_ticks_a_line_and_the_counters_are_those_of_the_local_day(house: Any) -> None:
    market = pilot_market(house)
    market.handed_over(PRICE)
    plan = followed(market)
    operator = browser("ops@ours.example")
    here = f"/desk/daily/{market.tenant.public_id}/deals/"
    page = operator.get(here).content.decode()
    assert "Dispute list reviewed" in page
    with worker_scope("test"):
        now = business_now()
        before = checklist.checklist(plan, facts_of("deals"), now.date(), now, "UTC")
        assert before["blocks"][0]["lines"][0]["ok"] is False
    assert operator.get("/admin/disputes").status_code == 200
    assert operator.get("/desk/errors/").status_code == 200
    with worker_scope("test"):
        now = business_now()
        after = checklist.checklist(plan, facts_of("deals"), now.date(), now, "UTC")
    lines = after["blocks"][0]["lines"]
    assert [line["ok"] for line in lines] == [True, True, True]
    assert "opened by" in lines[0]["value"]
    assert after["counters"]["Deals created"] == 1
    assert "1 of 9" not in operator.get("/desk/daily/").content.decode()
    assert browser("support@ours.example").get(here).status_code == 200
    assert browser("buyer@example.mn").get(here).status_code == 404
    assert operator.get(f"/desk/daily/{market.tenant.public_id}/video/").status_code == 404


@pytest.mark.house
def test_the_review_says_when_there_is_too_little(timed_house: Any) -> None:
    market = pilot_market(timed_house)
    for _ in range(2):
        market.handed_over(PRICE)
    market.pass_time(hours=73)
    market.pass_time(hours=49)
    followed(market)
    with tenant_scope(market.tenant.id, "test"):
        report(person=market.buyer, kind="hidden_timer", words="Where is it?", program="deals")
    with worker_scope("test"):
        plan = digests.access_plan("deals", market.tenant.public_id)
        found = review.review(plan, facts_of("deals"), business_now())
    told = {each["name"]: each for each in found["primary"]}
    assert {each["verdict"] for each in told.values()} == {"insufficient"}
    assert (told["completion"]["count"], told["completion"]["of"], told["completion"]["plain"]) == (2, 2, 1.0)
    assert told["days"]["value"] == pytest.approx(122 / 24)
    beside = {each["name"]: each for each in found["secondary"]}
    assert (beside["hidden_timer"]["count"], beside["hidden_timer"]["verdict"]) == (1, "inconclusive")
    assert beside["api_failed"]["of"] == 0
    assert "not enough data" in review.as_text(found)
    page = browser("ops@ours.example").get(f"/desk/daily/{market.tenant.public_id}/deals/review").content.decode()
    assert "Reports of hidden timers" in page
    assert "not enough data" in page
    here = f"/desk/daily/{market.tenant.public_id}/deals/review/"
    assert f'href="{here}pdf"' in page
    words = browser("ops@ours.example").get(f"{here}md").content.decode()
    assert words.startswith("# Weekly review: Nomad Market, week 1\n")
    assert (
        "| Deals that reach SETTLED | 100.0 % | 2 / 2 | 34.2 % – 100.0 % | more than 90 % | not enough data |" in words
    )
    assert "| Reports of hidden timers | 1 | 1 / 1 |" in words
    printed = browser("ops@ours.example").get(f"{here}pdf")
    (sheet,) = pypdfium2.PdfDocument(printed.content)
    text = sheet.get_textpage()
    assert "Week by week" in text.get_text_range()
    edges = [text.get_charbox(n) for n in range(text.count_chars())]
    assert max(box[2] for box in edges) < sheet.get_size()[0] - 50
    assert browser("ops@ours.example").get(f"{here}exe").status_code == 404


@pytest.mark.house
def test_the_worker_follows_what_is_new(house: Any) -> None:
    market = pilot_market(house)
    names = [one.name for one in tasks.periodic()]
    assert {"pilots_follow", "pilots_triggers"} <= set(names)
    tasks.follow_new()
    with worker_scope("test"):
        assert run("SELECT count(*) AS count FROM digest_plan") == [{"count": 0}]
    market.accepted(PRICE)
    tasks.follow_new()
    tasks.follow_new()
    with worker_scope("test"):
        assert run("SELECT count(*) AS count FROM digest_plan") == [{"count": 1}]
