"""Each movement of money of the world, attacked by SQL with the worker's role: nothing stands without its other half.

The table says what is written; the database refuses each at the latest at its commit.
"""

from typing import Any

import psycopg
import pytest
from test_payments import PRICE, bank, pay

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.invariants import run_invariants
from pilothouse.kernel.payments import incoming, outgoing
from pilothouse.kernel.payments.chargebacks import open_chargeback
from pilothouse.kernel.payments.models import Payout, Refund
from pilothouse.kernel.watch.checks import INVARIANT_FOLDERS
from pilothouse.programs.deals import commands
from pilothouse.site.programs import load_programs

pytestmark = pytest.mark.house
AMOUNT = 5_000_000

JOURNAL = (
    "INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, effective_at, recorded_at,"
    " actor, tx) VALUES ({tenant}, '{kind}:attack', 'h', '{kind}', 'attack', '{ref}', (SELECT base.clock_now()),"
    " clock_timestamp(), 'x', (SELECT base.tx()))"
)
TRANSFER = (
    "INSERT INTO transfer (tenant, journal, debit, credit, amount, kind) SELECT {tenant}, max(j.id), {debit}, {credit},"
    " {amount}, '{kind}' FROM journal j"
)
RETURN = (
    "INSERT INTO payment_return (tenant, payment_id, amount, way, reference, sent_by, approved_by, at) SELECT tenant,"
    " id, {amount}, 'bank', 'B-1', 'operator:ann', '{second}', base.clock_now() FROM payment WHERE public_id = '{ref}'"
)
PAYOUT = (
    "INSERT INTO payout (tenant, public_id, state, subject_kind, subject_ref, side, person_id, account, amount, unit,"
    " created_at) VALUES ({tenant}, 'out_x', 'due', 'deal', '{deal}', '{side}', {person}, {account}, 1, 'MNT',"
    " base.clock_now())"
)
SETTLEMENT = (
    "INSERT INTO processor_settlement (tenant, public_id, reference, amount, fees, unit, recorded_by, recorded_at)"
    " VALUES ({tenant}, 'stl_x', 'po_1', 100, 0, 'JPY', 'x', base.clock_now())"
)

AUTOMATIC = (
    "INSERT INTO refund (tenant, public_id, state, payment_id, payment_intent, amount, unit, reason, sent_by,"
    " automatic, next_run_at, created_at) SELECT tenant, 'rfd_x', 'due', id, 'pi', amount, unit, '', 'processor', true,"
    " base.clock_now(), base.clock_now() FROM payment WHERE public_id = '{large}'"
)
REQUEST = (
    "INSERT INTO send_request (tenant, public_id, state, kind, subject, amount, unit, reference, asked_by, asked_at)"
    " SELECT tenant, 'srq_x', 'requested', 'send_back', public_id, amount, unit, 'X', 'operator:olga', base.clock_now()"
    " FROM payment WHERE public_id = '{large}'"
)


def moved(kind: str, ref: str, debit: str, credit: str, amount: object = 100) -> list[str]:
    """A journal with one transfer between two named accounts; words in braces are filled in later."""
    given = {"kind": kind, "ref": ref, "debit": debit, "credit": credit, "amount": str(amount)}
    return [text.format(tenant="{tenant}", **given) for text in (JOURNAL, TRANSFER)]


WAITING_RETURN = RETURN.format(amount=100, second="", ref="{waiting}")
# What is written -> what the refusal says.
ATTACKS: dict[str, tuple[list[str], str]] = {
    "a payment that never came": (
        [
            "INSERT INTO payment (tenant, public_id, state, source, external_ref, amount, unit, payer, note,"
            " received_at, recorded_by) VALUES ({tenant}, 'pay_x', 'waiting', 'bank', 'forged', 100, 'MNT', '', '',"
            " base.clock_now(), 'x')"
        ],
        "than its suspense holds",
    ),
    "a payment received twice": (moved("receive", "{waiting}", "{bank}", "{suspense}", AMOUNT), "than its suspense"),
    "money in suspense of nobody": (moved("receive", "", "{bank}", "{nobody}"), "belongs to a payment"),
    "a payment matched to nothing": (
        ["UPDATE payment SET matched = 100 WHERE public_id = '{waiting}'"], "than its suspense holds"
    ),
    "a return without its row": (
        [
            *moved("send_back", "{waiting}", "{suspense}", "{bank}"),
            "UPDATE payment SET returned = 100 WHERE public_id = '{waiting}'",
        ],
        "than its suspense holds",
    ),
    "a return without its money": (
        [WAITING_RETURN, "UPDATE payment SET returned = 100 WHERE public_id = '{waiting}'"], "than its suspense holds"
    ),
    "a return under another payment's name": (
        moved("send_back", "{large}", "{suspense}", "{bank}"), "names another subject"
    ),
    "a large return by one person": ([RETURN.format(amount=PRICE, second="", ref="{large}")], "large_takes_two"),
    "a large return by one person twice": (
        [RETURN.format(amount=PRICE, second="operator:ann", ref="{large}")], "is_signed"
    ),
    "a large return by a second person who signed nothing": (
        [RETURN.format(amount=PRICE, second="operator:bat", ref="{large}")], "signs by approving"
    ),
    "a large refund by a second person who signed nothing": (
        ["INSERT INTO refund (tenant, public_id, state, payment_id, payment_intent, amount, unit, reason, sent_by,"
         " approved_by, next_run_at, created_at) SELECT tenant, 'rfd_x', 'due', id, 'pi', amount, unit, '', 'ann',"
         " 'bat', base.clock_now(), base.clock_now() FROM payment WHERE public_id = '{large}'"],
        "signs by approving",
    ),
    "a request that was approved before it was asked for": (
        ["INSERT INTO send_request (tenant, public_id, state, kind, subject, amount, unit, reference, asked_by,"
         " asked_at, decided_by) VALUES ({tenant}, 'srq_x', 'approved', 'payout', '{sent}', 1, 'MNT', 'X',"
         " 'operator:ann', base.clock_now(), 'operator:bat')"],
        "cannot begin in state approved",
    ),
    "escrow filled from a payment that says nothing": (
        moved("fund", "{deal}", "{suspense}", "{escrow}"), "another amount"
    ),
    "escrow of no deal": (moved("fund", "deal_none", "{suspense}", "{no_escrow}"), "another amount|belongs to a deal"),
    "released to the seller, told as the buyer's": (
        [
            *moved("release", "{deal}", "{escrow}", "{payable}"),
            "UPDATE deal SET in_escrow = in_escrow - 100, to_buyer = 100 WHERE public_id = '{deal}'",
        ],
        "than its deal says",
    ),
    "paid out without a payout": (moved("payout", "out_x", "{payable}", "{bank}"), "than left it"),
    "a payout confirmed without its money": (
        ["UPDATE payout SET state = 'confirmed', confirmed_at = base.clock_now() WHERE public_id = '{sent}'"],
        "than left it",
    ),
    "a payout paid out twice": (
        [
            "UPDATE payout SET state = 'confirmed', confirmed_at = base.clock_now() WHERE public_id = '{sent}'",
            *moved("payout", "{sent}", "{other_payable}", "{bank}", "{owed}"),
            TRANSFER.format(tenant="{tenant}", kind="payout", debit="{other_payable}", credit="{bank}", amount="1"),
        ],
        "than left it",
    ),
    "a sent payout led elsewhere": (
        ["UPDATE payout SET bank_account_id = NULL WHERE public_id = '{sent}'"], "append-only"
    ),
    "a payout to a stranger": (
        [PAYOUT.format(tenant="{tenant}", deal="{deal}", side="seller", person="{stranger}", account="{payable}")],
        "goes to its party",
    ),
    "a payout from the other side's account": (
        [PAYOUT.format(tenant="{tenant}", deal="{deal}", side="buyer", person="{buyer}", account="{payable}")],
        "than that of its side",
    ),
    "a payment that is being refunded, matched": (
        ["UPDATE payment SET matched = 100 WHERE public_id = '{refunding}'"], "than its suspense|on its way"
    ),
    "a large refund by one person": (
        ["INSERT INTO refund (tenant, public_id, state, payment_id, payment_intent,"
         " amount, unit, reason, sent_by, next_run_at, created_at) SELECT tenant, 'rfd_x', 'due', id, 'pi', amount,"
         " unit, '', 'ann', base.clock_now(), base.clock_now() FROM payment WHERE public_id = '{large}'"],
        "large_takes_two",
    ),
    "a second refund of one payment": (
        ["INSERT INTO refund (tenant, public_id, state, payment_id, payment_intent, amount, unit, reason, sent_by,"
         " next_run_at, created_at) SELECT tenant, 'rfd_x', 'due', id, 'pi', amount, unit, '', 'ann',"
         " base.clock_now(), base.clock_now() FROM payment WHERE public_id = '{refunding}'"],
        "refund_open_once",
    ),
    "a chargeback lost and never booked": (
        ["UPDATE chargeback SET state = 'lost', ended_at = base.clock_now()"], "than its suspense holds"
    ),
    "a chargeback won and written off": (
        [
            "UPDATE chargeback SET state = 'won', ended_at = base.clock_now()",
            *moved("charge_off", "{chargeback}", "{loss}", "{chargeback_suspense}", AMOUNT),
        ],
        "than its suspense holds",
    ),
    "a settlement that never came": ([SETTLEMENT], "than was collected"),
    "collected without a settlement": (moved("collect", "stl_y", "{yen_bank}", "{yen_psp}"), "than was collected"),
    "collected more than it says": (
        [SETTLEMENT, *moved("collect", "stl_x", "{yen_bank}", "{yen_psp}", 101)], "than was collected"
    ),
    "money from a side back into escrow": (moved("release", "{deal}", "{payable}", "{escrow}"), "does not move"),
    "the platform's loss taken from an escrow": (
        moved("charge_off", "{chargeback}", "{escrow}", "{chargeback_suspense}"), "does not move"
    ),
}  # fmt: skip


def account(market: Any, kind: str, ref: str = "", unit: str = "MNT") -> int:
    """The key of an account, opened when it is missing."""
    from pilothouse.kernel.ledger.commands import open_accounts

    return open_accounts(market.tenant.id, [(kind, ref, unit)])[0]


def prepare(market: Any) -> dict[str, Any]:
    """A deal in escrow, a deal whose seller waits for a sent payout, payments that wait, a refund, a chargeback."""
    deal, other = market.deal(market.funded(PRICE)), market.deal(market.handed_over(AMOUNT))
    waiting, large = pay(market, "W", AMOUNT), pay(market, "L", PRICE)
    with market.scope("buyer"):
        commands.approve(other.public_id, market.buyer)
    bank(market, "seller")
    with worker_scope("operator:ann"):
        outgoing.open_payouts()
        sent = Payout.objects.get()
        outgoing.send(sent.public_id, reference="X", sent_by="operator:ann")
        card = {
            name: incoming.record_payment(market.tenant.id, source="stripe", reference=name, amount=AMOUNT, unit="MNT")
            for name in ("pi_1", "pi_2")
        }
        from pilothouse.kernel.payments.refunds import order_refund

        (locked,) = incoming.lock_payments([card["pi_2"].public_id])
        order_refund(locked, "wrong", sent_by="operator:ann")
        assert Refund.objects.count() == 1
        taken = open_chargeback({"id": "dp_1", "payment_intent": "pi_1", "amount": AMOUNT, "currency": "mnt"})
        assert taken is not None
        return {
            "tenant": market.tenant.id, "deal": deal.public_id, "escrow": deal.escrow_account,
            "payable": deal.seller_account, "other_payable": other.seller_account, "owed": sent.amount,
            "sent": sent.public_id, "waiting": waiting, "large": large, "refunding": card["pi_2"].public_id,
            "suspense": account(market, "suspense", waiting), "nobody": account(market, "suspense"),
            "no_escrow": account(market, "escrow", "deal_none"), "bank": account(market, "world_bank"),
            "loss": account(market, "chargeback_loss"), "chargeback": taken.public_id,
            "chargeback_suspense": account(market, "suspense", taken.public_id), "stranger": market.people["stranger"],
            "buyer": market.buyer, "yen_bank": account(market, "world_bank", unit="JPY"),
            "yen_psp": account(market, "world_psp", unit="JPY"),
        }  # fmt: skip


def test_no_movement_stands_without_its_other_half(market: Any) -> None:
    load_programs()
    names = prepare(market)
    transfers = "SELECT count(*) AS n, sum(amount) AS total FROM transfer"
    with worker_scope("test"):
        before = run(transfers)
    stood = []
    with market.house.connect("ph_worker") as worker:
        worker.autocommit = False
        for name, (statements, refusal) in ATTACKS.items():
            try:
                for statement in statements:
                    worker.execute(statement.format(**names))
                worker.commit()
                stood.append(name)
            except psycopg.Error as refused:
                worker.rollback()
                if not any(each in str(refused) for each in refusal.split("|")):
                    stood.append(f"{name}: refused by another wall: {refused}")
    assert stood == []
    with worker_scope("check"):
        assert run(transfers) == before
        assert [row for row in run_invariants(INVARIANT_FOLDERS) if row["rows"]] == []


def test_a_web_process_makes_no_payout_no_chargeback_and_signs_for_nobody(market: Any) -> None:
    deal, large = market.deal(market.funded(PRICE)), pay(market, "L", PRICE)
    names = {"tenant": market.tenant.id, "deal": deal.public_id, "person": market.seller}
    with market.house.connect("ph_web") as web:
        web.execute("SET ROLE ph_app")
        web.execute("SELECT set_config('app.tenant', %s, false)", [str(market.tenant.id)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute(PAYOUT.format(side="seller", account=deal.seller_account, **names))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute("UPDATE chargeback SET state = 'won'")
        with pytest.raises(psycopg.Error, match="only the worker sends money back"):
            web.execute(AUTOMATIC.format(large=large))
        with pytest.raises(psycopg.Error, match="signed by the operator who acts"):
            web.execute(REQUEST.format(large=large))
        with pytest.raises(psycopg.Error, match="creates no credits"):
            web.execute(JOURNAL.format(kind="charge_off", ref="cbk_x", tenant=market.tenant.id))
