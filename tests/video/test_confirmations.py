"""Confirming a received webhook field by field: what is kept, who sees it, and which difference wakes the operators."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from pilothouse.kernel.access.usage import USAGE
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.programs.video.confirmations import FIELDS, report_differences
from pilothouse.programs.video.models import Confirmation
from pilothouse.programs.video.prices import publish_default_price

sys.path.insert(0, str(Path(__file__).parent))
from console import Customer

pytestmark = pytest.mark.house


NUMBERS = iter(range(1000))


@pytest.fixture
def customer(shared_house: Any) -> Iterator[Customer]:
    with worker_scope():
        publish_default_price()
    yield Customer(shared_house, f"North{next(NUMBERS)}", 300)
    # The log of calls is written behind; its house must still be there.
    USAGE.flush()


def compared(browser: Client, body: bytes) -> dict[str, str]:
    """Give a body to the reconcile page; the hidden fields of the confirmation's form."""
    page = browser.post("/ledger/reconcile", {"body": body.decode()}).content.decode()
    return {name: unescape(value) for name, value in re.findall(r'name="(raw|key)" value="([^"]+)"', page)}


def confirmations(customer: Customer) -> list[Confirmation]:
    with tenant_scope(customer.tenant.id):
        return list(Confirmation.objects.order_by("id"))


def incidents(customer: Customer) -> list[Any]:
    with ops_scope("test"):
        return run("SELECT kind, severity, subject FROM incident WHERE tenant = %s", [customer.tenant.id])


def test_eight_ticks_agree_once_however_often_they_are_sent(customer: Customer) -> None:
    batch = customer.create("order-1")
    customer.finish()
    finance = customer.browser("finance")
    form = compared(finance, customer.body_of(batch))
    for _click in range(2):
        answer = finance.post("/ledger/reconcile/confirm", {**form, "field": FIELDS})
        assert answer["Location"] == f"/batches/{batch}/"
    (kept,) = confirmations(customer)
    assert kept.agrees
    assert not kept.money_differs
    assert [field["field"] for field in kept.fields] == list(FIELDS)
    assert kept.actor.endswith(f"finance@{customer.domain}")
    assert kept.delivery == "" or kept.delivery.startswith("dlv_")
    for who, path in (("finance", "/ledger/confirmations"), ("engineer", f"/batches/{batch}/")):
        page = customer.browser(who).get(path).content.decode()
        assert f'data-confirmation="{kept.public_id}" data-agrees="yes"' in page
        assert "8 of 8 fields confirmed" in page
    report_differences()
    assert incidents(customer) == []


def test_other_money_wakes_the_operators_once_and_another_count_is_a_note(customer: Customer) -> None:
    batch = customer.create("order-1")
    customer.finish()
    body = json.loads(customer.body_of(batch))
    engineer = customer.browser("engineer")
    other = {**body, "summary": {**body["summary"], "failed": 7}}
    engineer.post("/ledger/reconcile/confirm", {**compared(engineer, json.dumps(other).encode()), "field": FIELDS})
    report_differences()
    assert incidents(customer) == [], "a count that differs is only a note"
    other = {**body, "ledger": {**body["ledger"], "refunded": 70}}
    engineer.post("/ledger/reconcile/confirm", {**compared(engineer, json.dumps(other).encode()), "field": FIELDS})
    for _look in range(2):
        report_differences()
    (found,) = incidents(customer)
    assert (found["kind"], found["severity"], found["subject"]) == ("ledger_mismatch", "P1", batch)
    count, money = confirmations(customer)
    assert (count.agrees, count.money_differs, money.agrees, money.money_differs) == (False, False, False, True)
    assert money.delivery == "", "other bytes were carried by no delivery of ours"


def test_what_is_not_ticked_is_kept_as_not_confirmed(customer: Customer) -> None:
    batch = customer.create("order-1")
    customer.finish()
    owner = customer.browser("owner")
    owner.post("/ledger/reconcile/confirm", {**compared(owner, customer.body_of(batch)), "field": FIELDS[:6]})
    (kept,) = confirmations(customer)
    assert not kept.agrees
    page = owner.get("/ledger/confirmations?show=differs").content.decode()
    assert "6 of 8 fields confirmed" in page
    assert "ledger.refunded, timestamp" in page


def test_an_open_batch_and_a_damaged_form_keep_nothing(customer: Customer) -> None:
    batch = customer.create("order-1")
    finance = customer.browser("finance")
    body = json.dumps({"event": "batch.completed", "batch_id": batch}).encode()
    assert compared(finance, body) == {}
    for form in ({}, {"raw": "***", "key": "form_1"}, {"raw": "e30=", "key": "form_1"}):
        assert finance.post("/ledger/reconcile/confirm", form)["Location"] == "/ledger/reconcile"
    assert confirmations(customer) == []
