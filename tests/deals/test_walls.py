"""The walls of the schema against somebody who writes SQL with the web's role, and against two who act at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from deal_world import MN

from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.lifecycle.timers import fire_due
from pilothouse.programs.deals import commands
from pilothouse.programs.deals.errors import (
    AmountNotQuantized,
    AmountTooSmall,
    ClaimRefused,
    EvidenceMissing,
    InspectionOver,
    NotYourSide,
    PilotDisabled,
    SamePerson,
    TermsChanged,
)

pytestmark = pytest.mark.house
PRICE = 3_000_000_000
JOURNAL = (
    "INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, effective_at, recorded_at,"
    " actor, tx) VALUES (%(tenant)s, 'release:stolen', 'h', 'release', 'deal', %(deal)s, (SELECT base.clock_now()),"
    " clock_timestamp(), 'x', (SELECT base.tx())) RETURNING id"
)


def as_web(market: Any) -> Any:
    connection = market.house.connect("ph_web")
    connection.autocommit = False
    connection.execute(
        "SELECT set_config('role', 'ph_app', true), set_config('app.tenant', %s, true)", [str(market.tenant.id)]
    )
    return connection


def test_escrow_cannot_be_released_beside_its_deal(market: Any) -> None:
    """The posting alone is refused at the commit; so is the deal's row alone."""
    deal = market.deal(market.funded(PRICE))
    with as_web(market) as web:
        (journal,) = web.execute(JOURNAL, {"tenant": market.tenant.id, "deal": deal.public_id}).fetchone()
        web.execute(
            "INSERT INTO transfer (tenant, journal, debit, credit, amount, kind)"
            " VALUES (%s, %s, %s, %s, %s, 'release')",
            [market.tenant.id, journal, deal.escrow_account, deal.seller_account, PRICE],
        )
        with pytest.raises(psycopg.Error, match="another amount than its deal says"):
            web.commit()
    with as_web(market) as web:
        web.execute("UPDATE deal SET in_escrow = 0, to_seller = %s WHERE id = %s", [PRICE, deal.id])
        with pytest.raises(psycopg.Error, match="another amount than its deal says"):
            web.commit()
    assert market.accounts(deal.public_id) == {"escrow": PRICE, "payable": 0, "refund_due": 0}


@pytest.mark.parametrize(
    "change",
    [
        "price = price + 100",
        "terms_hash = 'other'",
        "first_price = 1",
        "buyer_id = seller_id",
        "state = 'SETTLED'",
        "to_seller = 1",
        "funded = 0",
        "item = '{}'",
    ],
)
def test_a_deals_promise_cannot_be_changed(market: Any, change: str) -> None:
    deal = market.deal(market.funded(PRICE))
    with as_web(market) as web, pytest.raises(psycopg.Error):  # noqa: PT012 - some are seen at the commit only
        web.execute(f"UPDATE deal SET {change} WHERE id = %s", [deal.id])
        web.commit()


def test_escrow_goes_to_no_other_deal(market: Any) -> None:
    mine, other = market.deal(market.funded(PRICE)), market.deal(market.funded(PRICE))
    with as_web(market) as web:
        (journal,) = web.execute(JOURNAL, {"tenant": market.tenant.id, "deal": mine.public_id}).fetchone()
        with pytest.raises(psycopg.Error, match="between which its kind does not move"):
            web.execute(
                "INSERT INTO transfer (tenant, journal, debit, credit, amount, kind)"
                " VALUES (%s, %s, %s, %s, 100, 'release')",
                [market.tenant.id, journal, mine.escrow_account, other.seller_account],
            )


def test_claim_and_timer_at_the_due_instant(market: Any) -> None:
    """Whoever commits first wins; never both, never neither, and the money is in one place."""
    for turn in range(6):
        deal = market.handed_over(PRICE)
        with market.scope("buyer"):
            commands.approve(deal, market.buyer)
        market.pass_time_without_firing(hours=48)

        def claim(deal: str = deal) -> str:
            try:
                market.claim(deal, "COSMETIC_DAMAGE", 100_000_000)
            except PilothouseError as refused:
                return refused.code
            return "claimed"

        def timer() -> str:
            return f"fired {fire_due()}"

        with ThreadPoolExecutor(2) as threads:
            pair = (claim, timer) if turn % 2 else (timer, claim)
            told = [future.result() for future in [threads.submit(each) for each in pair]]
        found = market.deal(deal)
        if "claimed" in told:
            assert found.state == "ISSUE"
            assert found.in_escrow == 450_000_000
        else:
            assert found.state == "SETTLED", told
            assert found.to_seller == PRICE
        market.pass_time(days=9)


def test_a_claim_after_the_due_instant_is_refused_even_before_the_timer_fires(market: Any) -> None:
    deal = market.handed_over(PRICE)
    market.pass_time_without_firing(hours=72)
    market.pass_time_without_firing(seconds=1)
    with pytest.raises(InspectionOver):
        market.claim(deal, "COSMETIC_DAMAGE", 100_000_000)


def test_two_approve_at_once(market: Any) -> None:
    deal = market.handed_over(PRICE)

    def approve(_: int) -> str:
        try:
            with market.scope("buyer"):
                commands.approve(deal, market.buyer)
        except PilothouseError as refused:
            return refused.code
        return "done"

    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(approve, range(4)))
    assert told.count("done") == 1
    assert market.accounts(deal)["payable"] == 2_550_000_000


def test_bad_input_moves_nothing(market: Any) -> None:
    with market.scope("seller"):
        make = {"person": market.seller, "side": "seller", "template": MN, "title": "Car"}
        for price, refusal in ((12_345, AmountNotQuantized), (0, AmountNotQuantized), (9_900, AmountTooSmall)):
            with pytest.raises(refusal):
                commands.create_deal(price=price, **make)
        empty = commands.create_deal(price=PRICE, item={"make": "Toyota"}, **make).public_id
    with market.scope("seller"), pytest.raises(PilothouseError, match="Say the model"):
        commands.offer(empty, market.seller, own_email=market.mails["seller"])
    deal = market.draft(PRICE)
    with market.scope("seller"):
        offered = commands.offer(deal, market.seller, own_email=market.mails["seller"])
    with market.scope("seller"), pytest.raises(SamePerson):
        commands.join(offered.secret, market.seller, own_email=market.mails["seller"])
    with market.scope("buyer"):
        commands.join(offered.secret, market.buyer, own_email=market.mails["buyer"])
        with pytest.raises(TermsChanged):
            commands.accept(deal, market.buyer, seen_hash="0" * 64)
    with market.scope("seller"), pytest.raises(NotYourSide):
        commands.accept(deal, market.seller, seen_hash=offered.deal.offer_hash)


def test_claims_that_the_terms_do_not_know(market: Any) -> None:
    deal = market.handed_over(PRICE)
    with pytest.raises(ClaimRefused):
        market.claim(deal, "I_CHANGED_MY_MIND", 100)
    with pytest.raises(AmountNotQuantized):
        market.claim(deal, "COSMETIC_DAMAGE", 150)
    with pytest.raises(EvidenceMissing):
        market.claim(deal, "COSMETIC_DAMAGE", 100, kinds=())
    assert market.deal(deal).state == "INSPECTION"


def test_handover_needs_its_evidence(market: Any) -> None:
    deal = market.funded(PRICE)
    with pytest.raises(EvidenceMissing, match="DOCUMENT"):
        market.file_handover(deal, ("PHOTO",))


def test_the_switch_stops_new_deals_only(market: Any) -> None:
    from pilothouse.kernel.access.commands import set_flag

    deal = market.handed_over(PRICE)
    with worker_scope("operator"):
        set_flag("pilot.enabled", False, "A drill.", tenant=market.tenant.id)
    with pytest.raises(PilotDisabled):
        market.draft(PRICE)
    market.pass_time(hours=72)
    assert market.deal(deal).state == "HOLDBACK"


def test_no_deal_is_stuck(market: Any) -> None:
    from pilothouse.programs.deals.lifecycle import DEAL, DISPUTE

    deals = [market.draft(PRICE), market.accepted(PRICE), market.funded(PRICE), market.handed_over(PRICE)]
    market.claim(deals[-1], "COSMETIC_DAMAGE", 100_000_000)
    with worker_scope("test"):
        assert [row for table in (DEAL, DISPUTE) for row in run(table.stuck_sql())] == []
