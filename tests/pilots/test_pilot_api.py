"""Pilots over HTTP: what an account's program reads, what an operator's program does; and the key of an upgrade."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from pilot_market import browser
from pilot_world import FORM, VideoPilot

from pilothouse.kernel.access.commands import issue_key
from pilothouse.kernel.access.models import ApiKey, RevealLink
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sealing import unseal
from pilothouse.kernel.outbox.models import Notice
from pilothouse.kernel.outbox.notices import PURPOSE
from pilothouse.pilots.verdicts import record_signal, upgrade

pytestmark = pytest.mark.house


@pytest.fixture
def pilot(house: Any) -> VideoPilot:
    return VideoPilot(house)


def program(pilot: VideoPilot) -> Client:
    """The account's own program."""
    with worker_scope("test"):
        _, raw = issue_key(pilot.tenant.id, "Reader", "test")
    return Client(headers={"Authorization": f"Bearer {raw}"})


def step(client: Client, pilot: VideoPilot, name: str, **given: Any) -> Any:
    return client.post(
        f"/v1/admin/pilots/{pilot.id}/{name}", json.dumps(given), content_type="application/json"
    )  # fmt: skip


def test_a_pilot_is_led_and_read_over_http(pilot: VideoPilot) -> None:
    ours = browser("operator@ours.example")
    answers = {f"line_{line}": "yes" for line in ("engineering_team", "use_case", "webhook_willing", "budget_aligned")}
    answers |= {f"line_{line}": "no" for line in ("wants_success_rate", "expects_sla", "no_technical_contact")}
    about = {
        "contact_name": "Ada",
        "contact_email": "ada@northwind.example",
        "budget_usd": 900,
        "batches": 2,
        "items": 10,
    }
    refused = step(ours, pilot, "qualify", **about, **answers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_input")
    assert "line_just_trying" in refused.json()["error"]["message"]
    told = step(ours, pilot, "qualify", **about, **answers, line_just_trying="no").json()
    assert (told["state"], told["pilot"]) == ("qualified", pilot.id)
    assert step(ours, pilot, "tick", line="first_call").status_code == 403
    assert step(ours, pilot, "prepare").status_code == 409
    assert step(ours, pilot, "dance").status_code == 404
    for line in ("understands_orchestration", "understands_item_level", "understands_guarantees"):
        pilot.says(line, "engineer")
    assert step(ours, pilot, "prepare").json()["state"] == "preparing"
    refused = step(ours, pilot, "activate")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "pilot_not_ready")
    assert ours.get("/v1/admin/pilots?state=preparing").json()["pilots"][0]["pilot"] == pilot.id
    assert ours.get(f"/v1/admin/pilots/{pilot.id}").json()["verdict_now"]["state"] == "inconclusive"

    client = program(pilot)
    (row,) = client.get("/v1/pilots").json()["pilots"]
    one = client.get(f"/v1/pilots/{pilot.id}").json()
    assert {name: one[name] for name in row} == row
    assert (row["state"], row["activated_at"]) == ("preparing", None)
    lines = {line["id"]: line for phase in one["phases"] for line in phase["lines"]}
    assert lines["understands_guarantees"]["by"] == "user:engineer@northwind.example"
    assert "wants_success_rate" not in lines
    assert "ours.example" not in json.dumps(one)
    assert [each["id"] for each in one["criteria"]] == ["batch_run", "webhook_received", "finance_verified"]


def test_the_key_of_an_upgrade_is_mailed_and_opened_at_the_keys_page(house: Any) -> None:
    pilot = VideoPilot(house, "Alder").active()
    pilot.open_key()
    with pilot.ours():
        record_signal(pilot.id, "sla_contract", "Do we need a contract?", "Ada")
        _, mailed = upgrade(pilot.id)
    with worker_scope("test"):
        mails = [
            unseal(PURPOSE, each.content).decode() for each in Notice.objects.filter(address=FORM["contact_email"])
        ]
    assert sum(mailed in each for each in mails) == 1
    engineer = browser("engineer@alder.example")
    page = engineer.get("/keys/").content.decode()
    with pilot.theirs():
        link = RevealLink.objects.get(kind="live", consumed_at=None)
    assert f"/keys/links/{link.public_id}/open" in page
    assert browser("finance@alder.example").post(f"/keys/links/{link.public_id}/open").status_code == 403
    here = engineer.post(f"/keys/links/{link.public_id}/open")["Location"]
    assert engineer.get(here).status_code == 200
    old = engineer.post(urlsplit(mailed).path)
    assert b"ek_live_" not in old.content
    shown = engineer.post(here)
    assert b"ek_live_" in shown.content
    with tenant_scope(pilot.tenant.id, "test"):
        assert ApiKey.objects.filter(kind="live").count() == 1
    again = engineer.post(f"/keys/links/{link.public_id}/open", follow=True)
    assert "Nothing was changed" in again.content.decode()
