"""Statements answered from the balances of sealed days say what the rows alone say, for every cut and instant."""

import itertools
import random
from datetime import timedelta

import pytest
from ledger_world import World, seal_all

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger import commands, invariants, queries
from pilothouse.kernel.ledger.statements import Cut, current_cut, statement

pytestmark = pytest.mark.house
DAYS_COUNT = 4


def post_at(world, at, item):
    """A reservation of a few credits that takes effect at an instant of the past, in a transaction of its own."""
    with worker_scope("test"):
        run(
            "WITH j AS (INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, effective_at,"
            " recorded_at, actor, tx) VALUES (%s, %s, 'h', 'reserve', 'batch', %s, clock_timestamp(), 't',"
            " (SELECT base.tx())) RETURNING id)"
            " INSERT INTO transfer (tenant, journal, debit, credit, amount, kind, item)"
            " SELECT %s, id, %s, %s, %s, 'reserve', %s FROM j RETURNING id",
            [
                world.tenant, f"reserve:late {item}", at, world.tenant, world.wallet, world.held, item % 7 + 1, item,
            ],
        )  # fmt: skip


def folded(world, before, cut):
    """The balance before an instant from the rows alone."""
    (row,) = run(
        "SELECT coalesce(sum(x.amount) FILTER (WHERE x.credit = %(wallet)s), 0)"
        " - coalesce(sum(x.amount) FILTER (WHERE x.debit = %(wallet)s), 0) AS available,"
        " coalesce(sum(x.amount) FILTER (WHERE x.credit = %(held)s), 0)"
        " - coalesce(sum(x.amount) FILTER (WHERE x.debit = %(held)s), 0) AS held"
        " FROM journal j JOIN transfer x ON x.journal = j.id"
        " WHERE j.tenant = %(tenant)s AND j.effective_at < %(before)s AND j.recorded_at <= %(as_of)s"
        " AND j.tx < %(high)s AND (j.tx < %(low)s OR j.tx <> ALL(%(open)s::bigint[]))",
        {
            "tenant": world.tenant, "wallet": world.wallet, "held": world.held, "before": before,
            "as_of": cut.as_of, "low": cut.low, "high": cut.high, "open": list(cut.open),
        },
    )  # fmt: skip
    return queries.Balance(int(row["available"]), int(row["held"]))


def test_a_statement_equals_its_rows_whatever_is_sealed(house):
    """Backdated rows, rows above the seal, cuts from before a seal and days that begin in the middle of a UTC day."""
    world = World.open(house.tenant().id, 900)
    other = World.open(house.tenant().id, 900)
    chance = random.Random(8)
    first = (clock.now() - timedelta(days=DAYS_COUNT)).replace(hour=0, minute=0, second=0, microsecond=0)
    instants = [first + timedelta(hours=hours) for hours in (0, 5, 24, 29, 48, 77, 24 * DAYS_COUNT + 48)]
    cuts = []
    for item in range(1, 31):
        # Some begin in the very microsecond at which a statement ends.
        at = chance.choice([*instants[:6], first + timedelta(minutes=chance.randrange(DAYS_COUNT * 24 * 60))])
        post_at(chance.choice([world, world, other]), at, item)
        if item in (7, 8, 19):
            seal_all()
        if item % 5 == 0:
            with tenant_scope(world.tenant):
                cuts.append(current_cut())
    with worker_scope("check"):
        assert len(run("SELECT FROM sealed_day WHERE tenant = %s", [world.tenant])) > DAYS_COUNT
        assert [row["name"] for row in invariants.run_invariants() if row["rows"]] == []
    with tenant_scope(world.tenant):
        throughs = set()
        for cut in (*cuts, Cut(cuts[-2].as_of, cuts[-1].low, cuts[-1].high, cuts[-1].open)):
            sealed = queries.SQL.one("sealed_through", tenant=world.tenant, unit="CREDIT", **cut.params())
            throughs.add(sealed["through"])
            for start, end in itertools.pairwise(instants):
                found = statement(world.tenant, "CREDIT", start, end, cut=Cut.parse(str(cut)))
                assert (found.opening, found.closing) == (folded(world, start, cut), folded(world, end, cut))
                lines = list(found.rows())
                assert found.opening.available + sum(entry.credits_delta for entry, _ in lines) == (
                    found.closing.available
                )
                assert list(found.rows(count=2)) == lines[:2]
        assert len(throughs) > 2, "old cuts are answered from older balances"


def test_a_page_of_a_statement_reads_only_its_rows(house):
    """The page asks for as many rows as it shows, not for a chunk of an export."""
    world = World.open(house.tenant().id, 100)
    with worker_scope("test"):
        for number in range(3):
            commands.grant(world.tenant, 1, "purchase", f"number {number}")
    with tenant_scope(world.tenant):
        now = clock.now()
        found = statement(world.tenant, "CREDIT", now - timedelta(days=1), now + timedelta(days=1))
        assert [after for _, after in found.rows(count=3)] == [100, 101, 102]
        assert [after for _, after in found.rows()] == [100, 101, 102, 103]


def test_a_wallet_that_is_hardly_used_shows_all_its_rows(house):
    """Before a seal, after it, and with a row on each side of it; the other wallet's days do not hide or show any."""
    tenant = house.tenant().id

    def post(unit):
        with worker_scope("test"):
            commands.grant(tenant, 5, "pilot_grant", f"{unit} {len(seen[unit])}", test=unit == "TEST")
        seen[unit].insert(0, f"{unit} {len(seen[unit])}")

    def shown(unit):
        with tenant_scope(tenant):
            return [row["description"] for row in queries.ledger_page(tenant, unit)[0]]

    seen = {"CREDIT": [], "TEST": []}
    for unit, seals in (("TEST", False), ("CREDIT", True), ("CREDIT", True), ("TEST", False), ("CREDIT", False)):
        post(unit)
        if seals:
            seal_all()
        assert {unit: shown(unit) for unit in seen} == seen
