"""What the components write: numbers as they are, strangers' words escaped, every picture readable without eyes."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.template import engines
from django.template.loader import render_to_string
from django.test import RequestFactory

import pilothouse
from pilothouse.ui import gallery
from pilothouse.ui.context import chrome
from pilothouse.ui.icons import ICONS
from pilothouse.ui.tables import Column, Table

pytestmark = pytest.mark.unit
SOURCE = Path(pilothouse.__file__).parent
TEMPLATES = sorted(path for path in SOURCE.rglob("*.html") if "templates" in path.parts)
AT = datetime(2026, 1, 24, 10, 0, 5, tzinfo=UTC)


def render(text: str, **context: Any) -> str:
    return str(engines["django"].from_string("{% load ui %}" + text).render(context))


def test_money_bar_says_the_same_in_its_table() -> None:
    page = render('{% money_bar 370 "CREDIT" settled=320 refunded=50 in_flight=0 label="reserved" %}')
    rows = re.findall(r'<tr data-part="(\w+)" data-amount="(\d+)"><th scope="row">([^<]+)</th><td>([^<]+)</td>', page)
    assert rows == [
        ("settled", "320", "settled", "320\u00a0credits"),
        ("refunded", "50", "refunded", "50\u00a0credits"),
        ("in_flight", "0", "in flight", "0\u00a0credits"),
    ]
    assert "do not add up" not in page


def test_money_bar_admits_a_sum_that_is_not_the_whole() -> None:
    page = render('{% money_bar 100 "CREDIT" settled=80 refunded=10 in_flight=0 %}')
    assert "The parts do not add up to the whole. The difference is 10\u00a0credits." in page


def test_timeline_keeps_order_and_marks_money() -> None:
    page = render("{% timeline events %}", events=gallery.sample_events())
    assert page.count("<li ") == 7
    assert page.count("data-money>") + page.count("data-money ") == 3
    assert page.index("Webhook batch.completed") < page.index("Batch created through the API")
    assert 'id="timeline-filter"' in page


def test_timeline_of_few_events_needs_no_filter() -> None:
    assert "data-filters" not in render("{% timeline events %}", events=gallery.sample_events()[:2])
    assert "Nothing has happened yet." in render("{% timeline events %}", events=[])


def test_id_chip_shortens_the_middle_and_copies_the_whole() -> None:
    page = render("{% id_chip value 'batch' %}", value="bat_7Kq2mXv9Lr4TWz00")
    assert 'data-copy="bat_7Kq2mXv9Lr4TWz00"' in page
    assert ">bat_7Kq2…Wz00<" in page
    assert ">order-4711<" in render("{% id_chip value %}", value="order-4711")


def test_instant_is_exact_whatever_zone_it_came_in() -> None:
    tokyo = AT.astimezone(timezone(timedelta(hours=9)))
    for value in (AT, tokyo):
        page = render("{% instant value %}", value=value)
        assert 'datetime="2026-01-24T10:00:05.000000Z"' in page
        assert 'title="2026-01-24 10:00:05 UTC"' in page
    assert render("{% instant value %}", value=None) == "—"


def test_strangers_words_are_escaped_everywhere() -> None:
    evil = '"><script>alert(1)</script>'
    table = Table(
        evil, [Column("name", evil, "title"), Column("id", "Id", "id")], [{"name": evil, "id": evil, "url": evil}]
    )
    pages = [
        render("{% id_chip evil evil %}", evil=evil),
        render("{% data_table table %}", table=table),
        render("{% state_badge evil %}", evil=evil),
        render(
            "{% timeline events %}", events=[{"at": AT, "actor": evil, "type": evil, "sentence": evil, "amount": None}]
        ),
        render("{% proof_line evil evil evil 'pass' evil %}", evil=evil),
        render("{% video_player evil evil evil evil %}", evil=evil),
        render("{% empty_state evil evil evil evil %}", evil=evil),
        render("{% forecast_line at 1 'CREDIT' evil evil %}", at=AT, evil=evil),
        render("{% confirm 'x' evil evil evil evil %}", evil=evil),
    ]
    for page in pages:
        assert "alert(1)" in page
        assert "<script" not in page


def test_form_field_ties_its_error_to_itself() -> None:
    class Form(forms.Form):
        name = forms.CharField(label="Name", help_text="As on the contract.")

    page = render("{% form_field form.name %}", form=Form({"name": ""}))
    assert 'aria-describedby="id_name_help id_name_error"' in page
    assert 'aria-invalid="true"' in page
    assert page.index("<input") < page.index('id="id_name_error"') < page.index('id="id_name_help"')
    assert "aria-invalid" not in render("{% form_field form.name %}", form=Form({"name": "Ada"}))


def test_table_stacks_with_labels_and_admits_what_is_missing() -> None:
    columns = [Column("name", "Request", "title"), Column("sum", "Reserved", "amount"), Column("at", "At", "instant")]
    page = render("{% data_table table %}", table=Table("Batches", columns, [{"name": "a", "url": "/a", "sum": 100}]))
    assert re.findall(r'data-label="([^"]+)"', page) == ["Request", "Reserved", "At"]
    assert '<data class="amount" value="100">' in page
    assert '<span class="muted">—</span>' in page


def test_gate_notice_names_the_gate_and_its_reason() -> None:
    gate = {"name": "no_dispatch", "reason": "Parity is being checked.", "since": AT}
    page = render("{% gate_notice gate %}", gate=gate)
    assert "Paused: nothing further is sent out.</b> Parity is being checked." in page
    assert ">no_dispatch<" in page
    assert "nothing new is accepted" in render("{% gate_notice gate %}", gate=gate | {"name": "no_new"})
    assert render("{% gate_notice gate %}", gate=None).strip() == ""


def test_pager_keeps_its_place() -> None:
    page = {"first": 26, "last": 50, "total": 51, "previous_url": "?page=1&q=a", "next_url": "?page=3&q=a"}
    shown = render("{% pager page %}", page=page)
    assert "26–50 of 51" in shown
    assert 'rel="prev" href="?page=1&amp;q=a"' in shown
    assert render("{% pager page %}", page=page | {"total": 0}).strip() == ""


@pytest.mark.parametrize("code", gallery.ERROR_PAGES)
def test_error_page_says_code_and_request(code: str) -> None:
    error = {"code": "paused", "message": "The batch gate is closed: parity is being checked."}
    page = render_to_string(f"ui/errors/{code}.html", gallery.frame(error=error))
    assert "The batch gate is closed: parity is being checked." in page
    assert ">paused<" in page
    assert "req_01HZX4T7Q8" in page
    assert f">{code}<" in render_to_string(f"ui/errors/{code}.html", {})


def test_stripe_theme_and_request_are_in_the_frame() -> None:
    page = render_to_string("ui/base.html", gallery.frame(mode_stripe="Rehearsal", theme="dark"))
    assert '<html lang="en" data-theme="dark">' in page
    assert '<div class="mode-stripe" role="note">Rehearsal</div>' in page
    assert '<a class="skip-link" href="#content">' in page
    plain = render_to_string("ui/base.html", gallery.frame())
    assert "mode-stripe" not in plain
    assert "data-theme=" not in plain


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_holds_nothing_that_the_policy_refuses(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle\s*=", text), "inline style"
    assert not re.search(r"<style\b", text), "style element"
    assert not re.search(r"\son[a-z]+\s*=", text), "inline handler"
    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "inline script"
    assert not re.search(r"(?:src|href)\s*=\s*[\"']https?://", text), "a foreign address"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_uses_known_drawings(path: Path) -> None:
    for name in re.findall(r'{% icon "([\w-]+)"', path.read_text(encoding="utf-8")):
        assert name in ICONS


@pytest.mark.parametrize(
    ("cookie", "theme"), [("dark", "dark"), ("light", "light"), ("", ""), ('dark" onload="x', ""), ("sepia", "")]
)
def test_theme_comes_from_a_cookie_that_is_not_trusted(cookie: str, theme: str) -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = cookie
    assert chrome(request) == {"theme": theme, "request_id": ""}


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("python-httpx/0.28", "python-httpx/0.28"),
        ("", ""),
    ],
)
def test_a_session_says_which_browser_it_is(agent: str, words: str) -> None:
    from pilothouse.ui.templatetags.ui import browser_name

    assert browser_name(agent) == words
