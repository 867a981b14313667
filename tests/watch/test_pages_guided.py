"""The guided way of an incident, and grants by two people, through the desk's pages."""

import pypdfium2
import pytest
from django.test import Client
from django.urls import reverse
from world import completed_batch

from pilothouse.kernel.access.commands import add_operator
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.watch.postmortem import postmortem

pytestmark = pytest.mark.house
PEOPLE = ("ada@ours.example", "olga@ours.example")


@pytest.fixture(scope="module")
def made(module_house):
    """A completed batch and two operators."""
    batch = completed_batch(module_house)
    with worker_scope("test"):
        for email in PEOPLE:
            add_operator(email, "operator")
    return batch


def desk(email: str) -> Client:
    """A browser in which an operator is signed in."""
    from django.contrib.auth import get_user_model

    client = Client()
    client.force_login(get_user_model().objects.get(email=email), backend="django.contrib.auth.backends.ModelBackend")
    return client


def said(answer) -> str:
    """The page as text."""
    return str(answer.content.decode())


@pytest.mark.tamper
def test_a_planted_breach_is_guided_to_its_end_by_two_people(shared_house, made):
    ada, olga = desk(PEOPLE[0]), desk(PEOPLE[1])
    with shared_house.admin() as admin:
        admin.execute("UPDATE item SET fingerprint = repeat('0', 64) WHERE id = %s", [made.items[0]])
    page = said(ada.post(reverse("desk:check_run", args=["video:parity"]), follow=True))
    assert "The incident is open and the gate is closed." in page
    with worker_scope():
        (incident,) = run("SELECT public_id FROM incident WHERE kind = 'demo_api_divergence'")
        (gate,) = run("SELECT public_id FROM gate WHERE opened_at IS NULL AND mode = 'no_dispatch'")
    one = incident["public_id"]
    page = said(ada.get(reverse("desk:incident", args=[one])))
    assert "sql-keyword" in page
    assert made.public_id in page, "the offending batch is named"
    assert "Resume is refused:" in page

    def step(who: Client, name: str, **given: str):
        return who.post(reverse("desk:incident_step", args=[one, name]), given)

    refused = said(ada.post(reverse("desk:gate_reopen", args=[gate["public_id"]]), follow=True))
    assert "The gate stays closed: the root cause of" in refused
    empty = step(ada, "root-cause", text="It broke", evidence="")
    assert empty.status_code == 409, "nobody has taken it yet"
    assert "It broke" in said(empty), "what was typed is kept"
    assert step(ada, "acknowledge", owner="").status_code == 302
    assert 'data-name="mitigate"' in said(ada.get(reverse("desk:incident", args=[one])))
    assert step(ada, "root-cause", text="   ").status_code == 422
    assert (
        step(ada, "root-cause", text="A superuser wrote over a fingerprint.", evidence="the audit").status_code == 302
    )
    assert 'data-name="mitigate"' not in said(ada.get(reverse("desk:incident", args=[one]))), "it was left out"
    still = said(ada.post(reverse("desk:incident_recheck", args=[one]), follow=True))
    assert "video:parity still finds" in still
    assert step(ada, "accept", reason="I say so").status_code == 403, "a second person accepts"
    accepted = step(olga, "accept", reason="Nothing was charged by it; the batch was compared by hand.")
    assert accepted.status_code == 302, said(accepted)
    assert "it is green" in said(ada.post(reverse("desk:incident_recheck", args=[one]), follow=True))
    assert step(ada, "resolve", resolution="Done").status_code == 403, "a P0 is resolved by a second person"
    assert "you wrote the root cause" in said(ada.get(reverse("desk:incident", args=[one]))).lower()
    assert step(olga, "resolve", resolution="Superusers are two now.").status_code == 302
    assert step(olga, "resolve", resolution="Superusers are two now.").status_code == 409, "a stale page is told"
    opened = said(
        olga.post(
            reverse("desk:gate_reopen", args=[gate["public_id"]]), {"back": f"/desk/incidents/{one}/"}, follow=True
        )
    )
    assert "The gate is open: work goes on." in opened
    with worker_scope():
        assert run("SELECT state FROM incident WHERE public_id = %s", [one]) == [{"state": "resolved"}]
    _the_post_mortem_tells_all_of_it(ada, one, made.public_id)


def _the_post_mortem_tells_all_of_it(reader: Client, one: str, batch: str) -> None:
    here = reverse("desk:postmortem", args=[one])
    assert f'href="{here}"' in said(reader.get(reverse("desk:incident", args=[one])))
    words = said(reader.get(f"{here}md"))
    for told in (
        f"**Incident**: {one}, P0 `demo_api_divergence`, resolved", "A superuser wrote over a fingerprint.",
        "Superusers are two now.", "| no_dispatch | video |", "| Harm stopped | — | left out |",
        "| Root cause: A superuser wrote over a fingerprint. | ada@ours.example |", f", batch {batch}, ",
        "findings accepted: Nothing was charged by it",
    ):  # fmt: skip
        assert told in words
    assert "still closed" not in words
    page = said(reader.get(here))
    with ops_scope("test"):
        paper = postmortem(one)
    assert paper.inputs_sha256 in page
    assert "<td>video</td>" in page
    assert '<td class="num">left out</td>' in page
    printed = reader.get(f"{here}pdf")
    assert printed["Content-Type"] == "application/pdf"
    text = "\n".join(sheet.get_textpage().get_text_range() for sheet in pypdfium2.PdfDocument(printed.content))
    assert "Root cause written" in text
    assert paper.inputs_sha256[:16] in text
    assert reader.get(f"{here}exe").status_code == 404


def test_a_persons_report_opens_one_incident_however_often(shared_house, made):
    ada = desk(PEOPLE[0])
    given = {
        "kind": "wrong_charge",
        "severity": "",
        "title": "Charged 20 for one video",
        "program": "video",
        "tenant": "",
        "check_name": "",
    }
    first = ada.post(reverse("desk:incident_report"), given)
    second = ada.post(reverse("desk:incident_report"), given)
    assert first.status_code == 302
    assert first.headers["Location"] == second.headers["Location"]
    page = said(ada.get(first.headers["Location"]))
    assert "2 times" in page
    dismissed = ada.post(f"{first.headers['Location']}dismiss", {"reason": "expected", "note": "They bought two."})
    assert dismissed.status_code == 302
    assert "False alarm" in said(ada.get(first.headers["Location"]))


def test_a_grant_beyond_the_limit_needs_the_second_person(shared_house, made):
    ada, olga = desk(PEOPLE[0]), desk(PEOPLE[1])
    with worker_scope():
        (row,) = run("SELECT public_id FROM tenant WHERE id = %s", [made.tenant])
    with tenant_scope(made.tenant):
        before = balance(made.tenant).available
    new = reverse("desk:grant_new")
    given = {
        "tenant": row["public_id"],
        "amount": "2500",
        "source": "pilot_grant",
        "description": "Second pilot",
        "unit": "CREDIT",
    }
    assert ada.post(new, {**given, "amount": "0"}).status_code == 422
    asked = said(ada.post(new, given, follow=True))
    assert "wait for a second operator" in asked
    assert "You asked for it" in asked
    said(ada.post(new, given, follow=True))
    with worker_scope():
        (request,) = run("SELECT public_id FROM grant_request WHERE description = 'Second pilot'")
    approve = reverse("desk:grant_approve", args=[request["public_id"]])
    assert "another operator has to approve it" in said(ada.post(approve, follow=True))
    with tenant_scope(made.tenant):
        assert balance(made.tenant).available == before
    assert f'data-opens="approve-{request["public_id"]}"' in said(olga.get(reverse("desk:grants")))
    assert "2,500 credits are in the wallet." in said(olga.post(approve, follow=True))
    said(olga.post(approve, follow=True))
    with tenant_scope(made.tenant):
        assert balance(made.tenant).available == before + 2500
    page = said(ada.get(reverse("desk:tenant", args=[row["public_id"]])))
    assert "Second pilot" in page
    assert "approved by operator olga@ours.example" in page


def test_a_request_is_refused_with_a_reason(shared_house, made):
    ada, olga = desk(PEOPLE[0]), desk(PEOPLE[1])
    with worker_scope():
        (row,) = run("SELECT public_id FROM tenant WHERE id = %s", [made.tenant])
    given = {
        "tenant": row["public_id"],
        "amount": "5000",
        "source": "purchase",
        "description": "Invoice 7",
        "unit": "CREDIT",
    }
    ada.post(reverse("desk:grant_new"), given)
    with worker_scope():
        (request,) = run("SELECT public_id FROM grant_request WHERE description = 'Invoice 7'")
    refuse = reverse("desk:grant_refuse", args=[request["public_id"]])
    assert olga.post(refuse, {"reason": ""}).status_code == 422
    assert "Nothing was moved." in said(olga.post(refuse, {"reason": "Not paid yet"}, follow=True))
    assert "Not paid yet" in said(ada.get(reverse("desk:grants") + "?state=refused"))


def test_what_was_typed_waits_behind_the_sign_in(shared_house, made):
    browser = desk(PEOPLE[0])
    page = reverse("desk:incident_report")
    given = {"kind": "security", "title": "A key was posted in public", "program": "", "tenant": "", "check_name": ""}
    browser.logout()
    away = browser.post(page, given)
    assert away.headers["Location"].startswith("/account/login/")
    from django.contrib.auth import get_user_model

    session = browser.session
    kept = session["kept_form"]
    browser.force_login(
        get_user_model().objects.get(email=PEOPLE[0]), backend="django.contrib.auth.backends.ModelBackend"
    )
    session = browser.session
    session["kept_form"] = kept
    session.save()
    back = said(browser.get(page))
    assert 'value="A key was posted in public"' in back
    assert "Nothing was sent yet." in back
    with worker_scope():
        assert run("SELECT count(*) AS n FROM incident WHERE kind = 'security'")[0]["n"] == 0
