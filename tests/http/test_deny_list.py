"""No upstream's name reaches a customer through any channel, and a customer's own words never raise an alarm."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
from django.db import connections
from django.http import HttpRequest, StreamingHttpResponse
from django.test import Client, RequestFactory
from front_door import PASSWORD, Customer, customer, items
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pilothouse.kernel.base.errors import Forbidden
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sealing import unseal
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger import exports
from pilothouse.kernel.ledger.errors import ExportBlocked
from pilothouse.kernel.ledger.queries import LABELS
from pilothouse.kernel.ledger.statements import statement
from pilothouse.kernel.outbox import notices
from pilothouse.kernel.outbox.alerts import tell_about_ended
from pilothouse.kernel.outbox.commands import NewMessage, enqueue
from pilothouse.kernel.outbox.notices import Mail, notify
from pilothouse.kernel.watch.deny_list import WORDS, leaks_in_csv, leaks_in_json, leaks_in_text, words_in
from pilothouse.programs.video import views
from pilothouse.programs.video.endings import Ending, end_items
from pilothouse.programs.video.execution import ItemPump
from pilothouse.programs.video.providers import reasons
from pilothouse.site.outgoing import DenyListMiddleware
from pilothouse.site.seed import seed

pytestmark = [pytest.mark.house, pytest.mark.http]


class Place:
    """A customer's key and browser, in this process, so that a test can plant a leak in our own code."""

    def __init__(self, who: Customer) -> None:
        self.who = who
        self.tenant = who.tenant.id
        self.api = Client(headers={"Authorization": f"Bearer {who.keys['full']}"}, raise_request_exception=False)
        self.browser = Client(raise_request_exception=False)
        assert self.browser.login(username=who.people["owner"], password=PASSWORD)

    def create(self, request_id: str, **more: Any) -> str:
        body = {"request_id": request_id, "items": items(10), **more}
        answer = self.api.post("/v1/batches", data=json.dumps(body), content_type="application/json")
        assert answer.status_code == 201, answer.content
        return str(answer.json()["batch_id"])

    def incidents(self) -> list[dict[str, Any]]:
        with worker_scope():
            return run("SELECT * FROM incident WHERE kind = 'deny_list_leak'")


@pytest.fixture
def place(house: Any) -> Place:
    seed()
    return Place(customer(house, "Veo & Gemini Studios", "runway.example", 10_000))


def test_whole_words_of_any_case_and_never_the_product() -> None:
    for word in WORDS:
        for text in (word, word.upper(), f"by {word}.", f'"{word}"', f"<b>{word}</b>", f"x-{word}-y"):
            assert words_in(text), text
        assert word not in words_in(f"x{word}x")
    for text in (
        "Sora2",
        "sora2",
        "Sora 2",
        "videos",
        "vidusion",
        "googled",
        "pikachu",
        "runways",
        "Sora2 by Northwind",
    ):
        assert not words_in(text), text


def test_customers_fields_are_exempt_by_field() -> None:
    assert leaks_in_json(b'{"items":[{"metadata":{"a":{"b":["veo"]}},"params":{"prompt":"a kling"}}]}') == set()
    assert leaks_in_json(b'{"items":[{"failure_reason":"openai 500","metadata":{"x":"openai"}}]}') == {"openai"}
    assert leaks_in_json(b'{"metadata":{},"details":{"x":"veo"}}') == {"veo"}
    assert leaks_in_json(b'{"error":{"code":"x","details":{"x":"veo"}}}', refusal=True) == set()
    assert leaks_in_json(b"veo said no") == {"veo"}
    assert leaks_in_csv(b"request_id,entry\r\nveo,Reserved\r\n") == set()
    assert leaks_in_csv(b"request_id,entry\r\nx,Settled by veo\r\n") == {"veo"}
    assert leaks_in_text("<p>my veo</p>", ["my veo"]) == set()
    assert leaks_in_text("<p>my veo, kling</p>", ["my veo"]) == {"kling"}
    assert leaks_in_text('<a href="/files/AbC-veo-x">', []) == set()


COMPANY = "Veo & Gemini Studios"


@pytest.mark.parametrize(
    ("page", "leaked"),
    [
        ("<b>Veo &amp; Gemini Studios</b> made by Veo", {"veo"}),
        ("<b>Veo &amp; Gemini Studios</b>", set()),
        ("<i>Veo &amp; Gem…dios</i>", set()),
        ("<i>Veo &amp;\n  Gemini Studios</i>", set()),
        ("<i>VEO &amp; Gemini Studios</i>", {"veo", "gemini"}),
        ("Rendered by Veo", {"veo"}),
        ("Veo & Gemini", {"veo", "gemini"}),
        ("https://hooks.google.com/x", set()),
        ("to hooks.google.com", set()),
        ("to google.com", {"google"}),
        ('{"engine": "kling 1"}', set()),
        ("engine: kling 1", set()),
        ("engine kling", {"kling"}),
    ],
)
def test_a_customers_word_does_not_blind_the_wall_to_ours(page: str, leaked: set[str]) -> None:
    assert leaks_in_text(page, [COMPANY, "https://hooks.google.com/x", '{"engine": "kling 1"}']) == leaked


def test_a_stream_ends_before_a_leak(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def stream(_: HttpRequest) -> StreamingHttpResponse:
        parts = [b"event: changed\n\n", b"data: asked Veo\n\n", b"data: more\n\n"]
        return StreamingHttpResponse(iter(parts), content_type="text/event-stream")

    request = RequestFactory().get("/live/x")
    request.resolver_match = None
    said = b"".join(DenyListMiddleware(stream)(request))  # type: ignore[call-overload]
    assert said == b"event: changed\n\n"
    assert len(place.incidents()) == 1


def test_every_file_of_the_ledger_is_judged(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the command line, the API and the pages: they are all made of the same lines."""
    place.create("leak-file")
    monkeypatch.setitem(LABELS, "reserve", "Reserved at Kling")
    start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    with worker_scope("cli"):
        found = statement(place.tenant, "CREDIT", start, end)
        with pytest.raises(ExportBlocked):
            list(exports.statement_csv(found, "ten_x"))
        with pytest.raises(ExportBlocked):
            exports.statement_xlsx(found, "ten_x", io.BytesIO())
        with pytest.raises(ExportBlocked):
            list(exports.ledger_csv(place.tenant))
    for path in ("/ledger/statement.csv", "/ledger/statement.xlsx", "/v1/ledger?format=csv"):
        client = place.api if "/v1/" in path else place.browser
        assert client.get(path).status_code >= 400, path


def test_every_word_of_the_list_round_trips_as_the_customers_own(place: Place) -> None:
    """In metadata, prompt, request_id, address, file name, company, search and errors: unchanged, and no incident."""
    own = " ".join(WORDS)
    wanted = [
        {"params": {"prompt": f"{own} {n}"}, "metadata": {**{word: [word] for word in WORDS}, "deep": {"er": own}}}
        for n in range(10)
    ]
    batch = place.create("order for openai by veo", items=wanted, webhook_url="https://hooks.google.com/kling")
    found = place.api.get(f"/v1/batches/{batch}/items").json()["items"]
    assert [item["metadata"] for item in found] == [item["metadata"] for item in wanted]
    assert found[0]["params"]["prompt"] == f"{own} 0"
    place.api.post(
        "/v1/webhooks",
        data=json.dumps({"url": "https://veo.example.com/openai", "description": own[:150]}),
        content_type="application/json",
    )
    for path in ("batches", f"batches/{batch}", "ledger", "ledger?format=csv", "webhooks", "batches?request_id=veo"):
        assert place.api.get(f"/v1/{path}").status_code == 200, path
    for path in ("batches/veo", "webhooks/openai", "batches?sora-2=1", "batches?status=veo"):
        assert place.api.get(f"/v1/{path}").status_code in (404, 422), path
    refused = place.api.post("/v1/batches", data=b'{"veo":1}', content_type="application/json")
    assert (refused.status_code, "veo" in refused.json()["error"]["message"]) == (422, True)
    for path in (
        "/batches/",
        "/batches/?q=openai",
        f"/batches/{batch}/",
        f"/batches/{batch}/live",
        "/account/sessions/",
    ):
        page = place.browser.get(path)
        assert page.status_code == 200, path
    assert "kling" in place.browser.get(f"/batches/{batch}/").content.decode()
    assert place.browser.get("/nothing/veo").status_code == 404
    place.api.post(f"/v1/batches/{batch}/cancel")
    with worker_scope():
        (message,) = run("SELECT body FROM message WHERE type = 'batch.completed'")
        assert json.loads(bytes(message["body"]))["request_id"] == "order for openai by veo"
    assert place.incidents() == []


def test_a_leak_in_the_api_is_blocked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = place.create("leak-api")
    place.api.post(f"/v1/batches/{batch}/cancel")
    monkeypatch.setattr("pilothouse.programs.video.queries.PARAM_HINT", "ask Sora-2-Pro")
    monkeypatch.setattr(
        "pilothouse.programs.video.queries.history", lambda row: [{"status": "Veo", "at": row["created_at"]}]
    )
    answer = place.api.get(f"/v1/batches/{batch}/items")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert not words_in(answer.content)
    assert answer.headers["X-Request-ID"] == answer.json()["error"]["request_id"]
    again = place.api.get(f"/v1/batches/{batch}/items")
    assert again.status_code == 500
    (incident,) = place.incidents()
    assert (incident["severity"], incident["tenant"]) == ("P0", place.tenant)
    # Nothing got out, so nobody's work is stopped.
    with worker_scope():
        assert run("SELECT 1 FROM gate") == []
    assert place.api.get(f"/v1/batches/{batch}").status_code == 200


def test_a_leak_in_a_page_is_blocked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = place.create("leak-page")
    shown = views._sentence
    monkeypatch.setattr(views, "_sentence", lambda row: {**shown(row), "sentence": "Rendered by Kling"})
    for path in (f"/batches/{batch}/", f"/batches/{batch}/live"):
        page = place.browser.get(path)
        assert page.status_code == 500
        assert not words_in(page.content)
        assert page.headers["Content-Security-Policy"]
    (incident,) = place.incidents()
    assert incident["subject"] == "page"


def test_a_refusal_of_a_page_that_would_tell_a_word_is_blocked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise Forbidden(needed="a call to openai")

    monkeypatch.setattr("pilothouse.programs.video.pages.access_batch", refuse)
    page = place.browser.get("/batches/bat_x/")
    assert page.status_code == 500
    assert not words_in(page.content)
    assert len(place.incidents()) == 1


def test_a_leak_in_an_export_is_blocked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.create("leak-csv")
    line = exports._line
    monkeypatch.setattr(exports, "_line", lambda entry, balance: (*line(entry, balance)[:4], "Settled (Runway)", "x"))
    answer = place.api.get("/v1/ledger?format=csv")
    assert answer.status_code == 500
    assert not words_in(answer.content)
    assert len(place.incidents()) == 1


def test_a_leaking_webhook_is_not_written_and_its_cause_commits(place: Place) -> None:
    good = NewMessage(place.tenant, "a.b", "batch", 1, b'{"event":"a.b","request_id":"veo"}', url="https://example.com")
    bad = NewMessage(place.tenant, "c.d", "batch", 2, b'{"event":"c.d","error":"Veo quota"}', url="https://example.com")
    with tenant_scope(place.tenant):
        assert len(enqueue([good, bad])) == 1
    with worker_scope():
        assert [row["type"] for row in run("SELECT type FROM message")] == ["a.b"]
        assert len(enqueue([bad])) == 0
    (incident,) = place.incidents()
    assert incident["subject"] == "webhook"


def test_a_leaking_mail_is_not_written(place: Place) -> None:
    def mail(text: str, **more: Any) -> Mail:
        return Mail(["ada@northwind.example"], "Your videos", text, tenant=place.tenant, **more)

    with worker_scope():
        assert len(notify([mail("All done."), mail("Gemini was slow.")])) == 1
        assert len(notify([mail("Not delivered: https://veo.example/x", echoed=("https://veo.example/x",))])) == 1
        assert len(notify([Mail(["op@house.example"], "Upstream", "veo answers 503")])) == 1
    (incident,) = place.incidents()
    assert incident["subject"] == "mail"


SECRETS = st.one_of(
    st.sampled_from(WORDS).map(lambda word: f"{word}: quota of project 1234 exceeded"),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), min_size=1, max_size=200),
    st.sampled_from(["<script>alert(1)</script>", "{{ 7*7 }}", "sk-live-123", "timeout", "' OR 1=1", "\r\nX-Evil: 1"]),
).map(lambda text: f"upstream-says {text} end-of-upstream")


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(said=SECRETS, code=st.text(st.characters(min_codepoint=32, max_codepoint=500), max_size=60))
def test_nothing_of_an_upstreams_answer_is_ever_shown(place: Place, said: str, code: str) -> None:
    """Whatever an upstream says, each channel of the customer knows only one of our four reasons."""
    batch = place.create(f"fuzz-{hash((said, code))}", webhook_url="https://example.com/hook")
    rows = ItemPump(_Idle(), 100).claim(100)
    with worker_scope():
        run(
            "UPDATE item SET provider = 'videos_api', provider_ref = %s, provider_error = %s"
            " WHERE state = 'running' RETURNING id",
            [said[:200], said],
        )
        reason = reasons.customer_reason("videos_api", code)
        end_items(
            [Ending(row["id"], "refunded", token=row["token"], reason=reason) for row in rows],
            from_state="running",
            claim=f"c{rows[0]['token']}-{rows[0]['id']}",
        )
        bodies = [bytes(row["body"]).decode() for row in run("SELECT body FROM message")]
        events = [
            json.dumps(row["data"], default=str) for row in run("SELECT data FROM event WHERE visibility = 'customer'")
        ]
        batches = [row["id"] for row in run("SELECT id FROM batch")]
    with connections["default"].cursor() as cursor:
        # What the live stream knows of a batch; it is read outside any tenant's scope.
        cursor.execute("SELECT version FROM video_versions(%s)", [batches])
        versions = [version for (version,) in cursor.fetchall()]
    answers = [place.api.get(f"/v1/{path}") for path in (
        f"batches/{batch}", f"batches/{batch}/items", "batches", "ledger", "ledger?format=csv", "webhook-deliveries",
    )]  # fmt: skip
    answers += [place.browser.get(path) for path in ("/batches/", f"/batches/{batch}/", f"/batches/{batch}/live")]
    for answer in answers:
        assert answer.status_code == 200
    for text in (
        *bodies,
        *events,
        *versions,
        *files_of(place),
        *mails_about(place),
        *(answer.content.decode() for answer in answers),
    ):
        assert "upstream-says" not in text
        assert "end-of-upstream" not in text
        assert not words_in(re.sub(r"/(files|account)/[^\"' ]*", "", text)) - words_in("veo gemini runway")
    found = answers[1].json()["items"]
    assert {item["failure_reason"] for item in found} <= {"timeout", "param_error", "model_error", "cancelled"}
    assert place.incidents() == []


def files_of(place: Place) -> list[str]:
    """Every cell of the statement's two files and of the ledger's, by the functions that all channels call."""
    with worker_scope("cli"):
        found = statement(place.tenant, "CREDIT", datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
        book = io.BytesIO()
        exports.statement_xlsx(found, place.who.tenant.public_id, book)
        texts = [*exports.statement_csv(found, place.who.tenant.public_id), *exports.ledger_csv(place.tenant)]
    cells = [str(cell) for row in openpyxl.load_workbook(book).active.values for cell in row if cell is not None]
    assert "Refunded (failures)" in cells
    return [*texts, *cells]


def mails_about(place: Place) -> list[str]:
    """What the customer's people are mailed when the batch's message could not be delivered."""
    with worker_scope():
        (endpoint,) = run("SELECT id FROM endpoint WHERE tenant = %s", [place.tenant])
        tell_about_ended([{"endpoint_id": endpoint["id"]}])
        rows = run("SELECT subject, content FROM notice WHERE channel = 'mail' AND tenant = %s", [place.tenant])
    assert rows
    return [text for row in rows for text in (row["subject"], unseal(notices.PURPOSE, row["content"]).decode())]


class _Idle:
    """A dispatcher that lets everything be claimed and is never asked to make anything."""

    def room(self) -> int:
        return 1_000

    def claimed(self, change: int) -> None:
        """Nothing is submitted here."""
