"""A worker dies by SIGKILL after the processor took its order for a refund and before it heard so."""

import subprocess
import sys
import time
from typing import Any

import pytest
from test_payments import balances

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.ledger.invariants import run_invariants
from pilothouse.kernel.payments import incoming
from pilothouse.kernel.payments.models import PaymentReturn, Refund
from pilothouse.kernel.payments.refunds import order_refund, run_refunds
from pilothouse.kernel.watch.checks import INVARIANT_FOLDERS

pytestmark = pytest.mark.house
PATIENCE_S = 60
CODE = """
import django
django.setup()
from pilothouse.site.programs import load_programs
load_programs()
from pilothouse.kernel.payments.refunds import run_refunds
run_refunds()
"""


def test_a_killed_worker_sends_no_money_back_twice(market: Any, stripe_house: Any) -> None:
    with worker_scope("operator:ann"):
        paid = incoming.record_payment(market.tenant.id, source="stripe", reference="pi_1", amount=7_000, unit="JPY")
        (locked,) = incoming.lock_payments([paid.public_id])
        order_refund(locked, "wrong", sent_by="operator:ann")
    stripe_house.stall.set()
    env = market.house.env(
        STRIPE_SECRET_KEY="sk_test_of_the_tests", STRIPE_WEBHOOK_SECRET="whsec_x", STRIPE_API_BASE=stripe_house.address
    )
    worker = subprocess.Popen([sys.executable, "-c", CODE], env=env)
    end = time.monotonic() + PATIENCE_S
    while not stripe_house.refunds and time.monotonic() < end:
        assert worker.poll() is None, "it waits for the answer"
        time.sleep(0.1)
    worker.kill()
    worker.wait(10)
    stripe_house.stall.clear()
    assert balances(market, "JPY") == {"world_psp": -7_000, "suspense": 7_000}
    assert run_refunds() == 0, "its lease is not over"
    market.pass_time_without_firing(minutes=2)
    assert run_refunds() == 1
    assert len(stripe_house.refunds) == 1
    assert balances(market, "JPY") == {"world_psp": 0, "suspense": 0}
    with worker_scope("check"):
        assert Refund.objects.get().state == "succeeded"
        assert PaymentReturn.objects.get().amount == 7_000
        assert [row for row in run_invariants(INVARIANT_FOLDERS) if row["rows"]] == []
