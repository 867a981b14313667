"""Many connections at once: money for one is spent once, and every snapshot sums to the same total."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from ledger_world import World, balances

from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger import commands, invariants
from pilothouse.kernel.ledger.commands import Leg
from pilothouse.kernel.ledger.errors import AlreadyEnded, InsufficientCredits
from pilothouse.kernel.ledger.queries import balance

pytestmark = pytest.mark.house


def at_once(count, act):
    """Run `act(n)` on `count` threads with a connection each, released together; the results or refusals."""
    gate = threading.Barrier(count)

    def work(number):
        from django.db import connections

        try:
            with worker_scope("race"):
                run("SELECT 1")
            gate.wait(60)
            try:
                return act(number)
            except PilothouseError as error:
                return type(error)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def holds_everywhere(tenant):
    with worker_scope("check"):
        assert [row for row in invariants.run_invariants() if row["rows"]] == []
    assert sum(balances(tenant).values()) == 0


def test_fifty_holds_with_money_for_one(house):
    world = World.open(house.tenant().id, 60)

    def hold(number):
        with tenant_scope(world.tenant):
            return world.move("reserve", list(range(number * 10, number * 10 + 5)), f"hold {number}")

    outcomes = at_once(50, hold)
    assert outcomes.count(InsufficientCredits) == 49
    with tenant_scope(world.tenant):
        assert (balance(world.tenant).available, balance(world.tenant).held) == (10, 50)
    holds_everywhere(world.tenant)


def test_one_key_sent_by_twenty_is_posted_once(house):
    world = World.open(house.tenant().id)

    def grant(number):
        with worker_scope():
            # Every fifth sends another amount under the same key.
            return commands.grant(world.tenant, 70 if number % 5 else 71, "purchase", "one key")

    outcomes = at_once(20, grant)
    posted = [outcome for outcome in outcomes if isinstance(outcome, commands.Posted)]
    assert len({outcome.journal for outcome in posted}) == 1
    assert [outcome.replayed for outcome in posted].count(False) == 1
    assert len(posted) in (4, 16)
    assert balances(world.tenant)["wallet"] in (70, 71)
    holds_everywhere(world.tenant)


def test_an_item_ended_by_many_ends_once(house):
    world = World.open(house.tenant().id, 1000)
    with tenant_scope(world.tenant):
        world.move("reserve", [1, 2, 3], "hold")

    def end(number):
        with tenant_scope(world.tenant):
            return world.move("settle" if number % 2 else "refund", [1, 2], f"end {number}")

    outcomes = at_once(16, end)
    assert outcomes.count(AlreadyEnded) == 15
    assert balances(world.tenant)["held"] == 10
    holds_everywhere(world.tenant)


def test_every_journal_reversed_twice_at_once_is_reversed_once(house):
    world = World.open(house.tenant().id)
    with worker_scope():
        journals = [commands.grant(world.tenant, n + 1, "purchase", f"g{n}").journal for n in range(10)]

    def reverse(number):
        with worker_scope():
            return commands.reverse(world.tenant, journals[number % 10], "mistake")

    outcomes = at_once(20, reverse)
    assert [outcome.replayed for outcome in outcomes].count(False) == 10
    assert balances(world.tenant)["wallet"] == 0
    holds_everywhere(world.tenant)


def test_first_movements_of_a_new_tenant(house):
    """Accounts that nobody has opened yet: a lock on a row that is not there would hold nothing."""
    tenant = house.tenant().id

    def first(number):
        with tenant_scope(tenant):
            wallet, held = commands.open_accounts(tenant, [("wallet", "", "CREDIT"), ("held", "", "CREDIT")])
        with worker_scope():
            commands.grant(tenant, 10, "purchase", "the only one")
        with tenant_scope(tenant):
            legs = [Leg(wallet, held, 10, number)]
            commands.post(tenant, f"reserve:{number}", "reserve", legs, request={"n": number}, ref_type="x")
            return (wallet, held)

    outcomes = at_once(12, first)
    assert outcomes.count(InsufficientCredits) == 11
    assert len({outcome for outcome in outcomes if outcome is not InsufficientCredits}) == 1
    holds_everywhere(tenant)


def test_readers_always_see_the_same_total(house):
    """The bank: money moves at random between wallets and holds while readers sum them all in one snapshot."""
    tenant = house.tenant().id
    with worker_scope("bank"):
        wallets = commands.open_accounts(tenant, [("wallet", str(n), "CREDIT") for n in range(4)])
        holds = commands.open_accounts(tenant, [("held", str(n), "CREDIT") for n in range(2)])
        (issued,) = commands.open_accounts(tenant, [("credits_issued", "", "CREDIT")])
        for n, wallet in enumerate(wallets):
            commands.post(
                tenant, f"grant:CREDIT:{n}", "grant", [Leg(issued, wallet, 150)], request={}, ref_type="purchase"
            )
    until = time.monotonic() + 4

    def move(number, count, chance, open_legs):
        """Hold some of each of a few wallets, or give a hold back."""
        if open_legs and chance.random() < 0.5:
            hold = open_legs.pop()
            back = [Leg(hold.credit, hold.debit, hold.amount, hold.item)]
            commands.post(tenant, f"refund:{number}.{count}", "refund", back, request={}, ref_type="x")
            return
        legs = [
            Leg(
                chance.choice(wallets), chance.choice(holds), chance.randint(1, 80), number * 1_000_000 + count * 10 + n
            )
            for n in range(chance.randint(1, 3))
        ]
        commands.post(tenant, f"reserve:{number}.{count}", "reserve", legs, request={}, ref_type="x")
        open_legs += legs

    def act(number):
        chance = random.Random(number)
        count = 0
        open_legs = []
        while time.monotonic() < until:
            count += 1
            if number < 4:
                try:
                    with tenant_scope(tenant):
                        move(number, count, chance, open_legs)
                except InsufficientCredits:
                    continue
            else:
                with tenant_scope(tenant):
                    (seen,) = run(
                        "SELECT sum(credits - debits) AS total, min(credits - debits) AS least,"
                        " (SELECT count(*) FROM journal) = (SELECT count(DISTINCT journal) FROM transfer) AS whole"
                        " FROM account WHERE kind IN ('held', 'wallet')"
                    )
                assert (seen["total"], seen["least"] >= 0, seen["whole"]) == (600, True, True)
        return count

    counts = at_once(7, act)
    assert min(counts) > 5
    holds_everywhere(tenant)


@pytest.mark.faults
@pytest.mark.parametrize("wait_ms", [0, 1, 2, 5, 20])
def test_a_connection_cut_after_sending_leaves_all_or_nothing(house, wait_ms):
    """The client cannot know what happened; the key can. Sent again, it stands once."""
    tenant = house.tenant()
    connection = house.connect("ph_web")
    connection.execute("SET ROLE ph_ops")
    connection.pgconn.send_query(
        f"BEGIN; INSERT INTO credit_ledger (user_id, type, ref_type, credits_delta, description) VALUES"
        f" ('{tenant.public_id}', 'add', 'purchase', 25, 'cut'); COMMIT".encode()
    )
    connection.pgconn.flush()
    time.sleep(wait_ms / 1000)
    connection.pgconn.finish()
    with worker_scope():
        again = commands.grant(tenant.id, 25, "purchase", "cut")
    with worker_scope():
        assert commands.grant(tenant.id, 25, "purchase", "cut") == commands.Posted(again.journal, True)
    assert balances(tenant.id)["wallet"] == 25
    holds_everywhere(tenant.id)


@pytest.mark.faults
@pytest.mark.tamper
def test_a_session_ended_by_the_server_before_its_commit_posts_nothing(house):
    world = World.open(house.tenant().id, 100)
    with house.connect("ph_worker") as doomed:
        doomed.execute("BEGIN")
        doomed.execute(
            "WITH j AS (INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, effective_at,"
            " recorded_at, actor, tx) VALUES (%s, 'doomed', 'h', 'reserve', 'batch', (SELECT base.clock_now()),"
            " clock_timestamp(), 't', (SELECT base.tx())) RETURNING id)"
            " INSERT INTO transfer (tenant, journal, debit, credit, amount, kind, item)"
            " SELECT %s, id, %s, %s, 10, 'reserve', 7 FROM j",
            [world.tenant, world.tenant, world.wallet, world.held],
        )
        with house.admin() as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [doomed.info.backend_pid])
        with pytest.raises(psycopg.Error):
            doomed.execute("COMMIT")
        doomed.close()
    with tenant_scope(world.tenant):
        world.move("reserve", [7], "doomed")
    assert balances(world.tenant)["held"] == 10
    holds_everywhere(world.tenant)
