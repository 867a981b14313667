"""Ask or report, the operators' inbox, and what becomes of a report."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from pilothouse.kernel.access.commands import add_member, add_operator
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.pilots import limits, question_reads
from pilothouse.pilots.models import Report
from pilothouse.pilots.pages_questions import place_of

pytestmark = pytest.mark.house
PASSWORD = "a long pass phrase 7"
DEAL = "deal_01hzx4t7q8aaaaaaaaaaaaaaaa"


@pytest.fixture(scope="module")
def people(module_house: Any) -> Any:
    """Two accounts with a buyer each, and operators; the tenants by name."""
    tenants = {name: module_house.tenant(name) for name in ("Nomad", "Other")}
    for name, tenant in tenants.items():
        with tenant_scope(tenant.id, "test"):
            add_member(tenant.id, f"buyer@{name.lower()}.mn", "buyer", name, PASSWORD)
    with worker_scope("test"):
        for role in ("operator", "support"):
            add_operator(f"{role}@ours.example", role, role, PASSWORD)
    return tenants


def browser(email: str) -> Client:
    client = Client()
    person = get_user_model().objects.get(email=email)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def sent(client: Client, **fields: str) -> str:
    """Send one report; its public id."""
    given = {"kind": "question", "words": "When do I get my money?", "page": f"/deals/{DEAL}/", **fields}
    assert client.post("/ask", given).status_code == 302
    with ops_scope("test"):
        return str(Report.objects.order_by("-id").values_list("public_id", flat=True)[0])


@pytest.mark.unit
def test_a_page_says_what_it_is_about() -> None:
    assert place_of(f"/deals/{DEAL}/claim") == ("deals", DEAL)
    assert place_of("/deals/") == ("deals", "")
    assert place_of("https://elsewhere.example/deals/deal_1") == ("", "")


def test_a_question_is_answered_and_kept_for_everybody(shared_house: Any, people: Any) -> None:
    buyer, other, operator = (browser(email) for email in ("buyer@nomad.mn", "buyer@other.mn", "operator@ours.example"))
    assert "/ask?page=/ask" in buyer.get("/ask").content.decode()
    report = sent(buyer)
    page = operator.get("/desk/inbox/").content.decode()
    assert f"/desk/deals/{DEAL}/" in page
    assert "When do I get my money?" in page
    with ops_scope("test"):
        assert question_reads.counts("deals")["waiting"] >= 1
        assert question_reads.counts("video")["waiting"] == 0
    assert operator.post(f"/desk/inbox/{report}/reply", {"reply": " "}).status_code == 422
    operator.post(f"/desk/inbox/{report}/reply", {"reply": "Two days after you approve."})
    again = operator.post(f"/desk/inbox/{report}/reply", {"reply": "Something else."}, follow=True)
    assert "answered already" in again.content.decode()
    assert "Two days after you approve." in buyer.get("/ask").content.decode()
    assert "Two days after you approve." not in other.get("/ask").content.decode()
    kept = {"question": "When is the money paid?", "answer": "After the claim window."}
    operator.post(f"/desk/inbox/{report}/faq", kept)
    assert "After the claim window." in other.get("/ask").content.decode()
    with ops_scope("test"):
        (entry,) = question_reads.faq()
        assert [row["subject"] for row in question_reads.faq_sources()[entry["id"]]] == [DEAL]


@pytest.mark.parametrize(("kind", "incident"), [("safety", "user_safety"), ("security", "security")])
def test_what_endangers_somebody_stands_on_top_and_becomes_an_incident(
    shared_house: Any, people: Any, kind: str, incident: str
) -> None:
    buyer, operator = browser("buyer@other.mn"), browser("operator@ours.example")
    sent(buyer, words="An ordinary question first.")
    report = sent(buyer, kind=kind, words="The seller threatens me.")
    page = operator.get("/desk/inbox/").content.decode()
    assert page.index("The seller threatens me.") < page.index("An ordinary question first.")
    operator.post(f"/desk/inbox/{report}/incident")
    with worker_scope("test"):
        rows = run("SELECT kind, severity, tenant FROM incident WHERE kind = %s", [incident])
        gates = run("SELECT mode FROM gate WHERE program = 'deals' AND tenant = %s", [people["Other"].id])
    assert rows == [{"kind": incident, "severity": "P0", "tenant": people["Other"].id}]
    assert gates == [{"mode": "no_dispatch"}]


def test_a_question_becomes_no_incident_and_support_only_reads(shared_house: Any, people: Any) -> None:
    report = sent(browser("buyer@nomad.mn"), words="What is holdback?")
    operator, support = browser("operator@ours.example"), browser("support@ours.example")
    refused = operator.post(f"/desk/inbox/{report}/incident", follow=True)
    assert "does not become an incident" in refused.content.decode()
    assert support.get("/desk/inbox/").status_code == 200
    assert support.post(f"/desk/inbox/{report}/reply", {"reply": "x"}).status_code == 403
    assert browser("buyer@nomad.mn").get("/desk/inbox/").status_code == 404


def test_bad_input_and_a_flood_are_refused(shared_house: Any, people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    buyer = browser("buyer@nomad.mn")
    for change in ({"words": ""}, {"kind": "rant"}, {"words": "a\x00b"}, {"words": "x" * 5_000}):
        given = {"kind": "question", "words": "Hello", "page": "/deals/", **change}
        assert buyer.post("/ask", given).status_code == 422, change
    monkeypatch.setattr("pilothouse.pilots.questions.REPORTS_PER_HOUR_MAX_COUNT", 1)
    answer = buyer.post("/ask", {"kind": "question", "words": "Once more", "page": ""})
    assert answer.status_code == 429
    assert "Once more</textarea>" in answer.content.decode()
    assert limits.REPORTS_PER_HOUR_MAX_COUNT > 1
