"""What somebody typed into one of several forms of a page is there again after their session ended, and nothing is
sent: the forms of the desk, of a pilot, and the members' own."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client, override_settings
from pilot_market import PRICE, browser, followed, pilot_market
from pilot_world import VideoPilot

from pilothouse.kernel.access.commands import add_member
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run

pytestmark = pytest.mark.house
TYPED = "typed before the session ended"
WRITTEN = "SELECT (SELECT count(*) FROM event) AS events, (SELECT count(*) FROM flag) AS flags"


def back_again(email: str, page: str, to: str, body: dict[str, str]) -> str:
    """The page after: a form of it sent without a session, a sign-in, and the way back."""
    client = Client()
    away = client.post(to, body, headers={"Referer": f"http://testserver{page}"})
    assert away.status_code == 302, (to, away.status_code)
    assert away["Location"].startswith("/account/login/"), to
    assert "what you typed waits behind the sign-in" in client.get(away["Location"]).content.decode(), to
    person = get_user_model().objects.get(email=email)
    client.force_login(person, "django.contrib.auth.backends.ModelBackend")
    found = client.get(page)
    assert found.status_code == 200, (page, found.status_code)
    return found.content.decode()


def written() -> list[dict[str, Any]]:
    with worker_scope("test"):
        return run(WRITTEN)


def check(email: str, forms: list[tuple[str, str, dict[str, str]]]) -> None:
    before = written()
    for page, to, body in forms:
        shown = back_again(email, page, to, body)
        assert "What you typed before the sign-in is here again. Nothing was sent yet." in shown, to
        assert TYPED in shown, to
    assert written() == before


def test_the_forms_of_the_desk_and_of_a_market(timed_house: Any, tmp_path: Path) -> None:
    market = pilot_market(timed_house)
    claim = market.claim(market.handed_over(PRICE), "UNDISCLOSED_DEFECT", 100_000_000, ("PHOTO",))
    followed(market)
    with override_settings(DATA=tmp_path):
        ask = f"/desk/rollbacks/new?program=deals&tenant={market.tenant.public_id}"
        stopped = browser("ops@ours.example").post(ask, {"reason": "A reason."})["Location"]
        account = f"/desk/accounts/{market.tenant.public_id}/"
        dispute = f"/admin/disputes/{claim.public_id}"
        note = {"audit_reason": "evidence_clear", "note": TYPED, "outcome_1": "OFFSET_50_OF_CAP"}
        notice = {"subject": "A stop", "words": TYPED}
        check("ops@ours.example", [
            (account, f"{account}flag", {"name": "deals.trial", "value": "1", "reason": TYPED}),
            (account, f"{account}invite", {"email": f"{TYPED}@x"}),
            (dispute, f"{dispute}/review", note),
            (stopped, f"{stopped}notice", notice),
            ("/desk/parity/", "/desk/parity/run", {"batch": "", "prompts": TYPED, "mode": "test", "account": ""}),
            ("/desk/flags/", "/desk/flags/", {"name": "deals.trial", "value": "1", "reason": TYPED}),
            ("/desk/payments/settlement", "/desk/payments/settlement", {"tenant": "x", "reference": TYPED}),
        ])  # fmt: skip


def test_the_forms_of_a_pilot_and_of_its_people(house: Any) -> None:
    pilot = VideoPilot(house)
    with tenant_scope(pilot.tenant.id, "test"):
        add_member(pilot.tenant.id, "books@northwind.example", "finance")
    engineer = browser("engineer@northwind.example")
    asked = {"kind": "question", "words": "When is it paid?", "page": "/batches/"}
    assert engineer.post("/ask", asked).status_code == 302
    with worker_scope("test"):
        (report,) = run("SELECT public_id FROM report")
    here, inbox = f"/desk/pilots/{pilot.id}/", f"/desk/inbox/{report['public_id']}"
    check("operator@ours.example", [
        (here, f"{here}step/signal", {"kind": "other", "quote": TYPED, "person": "Ada"}),
        (here, f"{here}step/abandon", {"reason": "other", "note": TYPED}),
        ("/desk/inbox/", f"{inbox}/reply", {"reply": TYPED}),
        ("/desk/inbox/", f"{inbox}/faq", {"question": "When?", "answer": TYPED}),
    ])  # fmt: skip
    check("books@northwind.example", [("/ledger/reconcile", "/ledger/reconcile", {"body": TYPED, "headers": ""})])
