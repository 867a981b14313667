"""Each invariant sees its own violation, planted as superuser, and no other one does."""

import pytest
from django.db import Error as DatabaseError
from ledger_world import World, seal_all

from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import Statements, run
from pilothouse.kernel.ledger import commands, invariants
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events
from pilothouse.programs.video import intake
from pilothouse.programs.video import models as video_models
from pilothouse.programs.video.commands import create_batch
from pilothouse.programs.video.endings import Ending, end_items
from pilothouse.programs.video.prices import publish_default_price

pytestmark = [pytest.mark.house, pytest.mark.tamper]
VIDEO = Statements(video_models.__file__, "sql/invariants")


def offending():
    """The names of the invariants that find rows."""
    with worker_scope("check"):
        return {row["name"]: row["rows"] for row in invariants.run_invariants([VIDEO]) if row["rows"]}


@pytest.fixture
def world(house):
    """One batch completed (three good, one refunded), one open, one journal reversed, everything sealed."""
    tenant = house.tenant()
    with worker_scope("test"):
        publish_default_price()
        # A pilot's batch has at least ten items; this tenant's may be smaller.
        Tenant.objects.filter(id=tenant.id).update(settings={"batch_items_min": 1})
        commands.grant(tenant.id, 500, "pilot_grant", "start")
        mistake = commands.grant(tenant.id, 7, "adjustment", "a mistake")
        commands.reverse(tenant.id, mistake.journal, "a mistake")
    with tenant_scope(tenant.id, "customer"):
        for name, count in (("first", 4), ("second", 3)):
            create_batch(name, intake.items([{"params": {"prompt": f"{name} {n}"}} for n in range(count)]))
    with worker_scope("test"):
        claimed = run(
            "UPDATE item SET state = 'running', token = 1, dispatched_at = (SELECT base.clock_now()) WHERE batch ="
            " (SELECT min(id) FROM batch) RETURNING id, token"
        )
        run(
            "UPDATE batch SET state = 'running', pending_count = 0, running_count = total,"
            " started_at = (SELECT base.clock_now()) WHERE id = (SELECT min(id) FROM batch)"
        )
        end_items(
            [
                Ending(row["id"], "refunded", row["token"], reason="model_error")
                if n == 3
                else Ending(row["id"], "succeeded", row["token"], None, f"out/{n}.mp4", 1000, f"{n:064x}")
                for n, row in enumerate(sorted(claimed, key=lambda row: row["id"]))
            ],
            from_state="running",
            claim="test",
        )
    seal_all()
    assert offending() == {}
    return tenant.id


def test_every_invariant_has_a_number_a_title_and_runs(world):
    with worker_scope("check"):
        found = invariants.run_invariants([VIDEO])
    assert [row["name"] for row in found] == sorted(row["name"] for row in found)
    assert {row["name"] for row in found} == set(PLANTS) - OTHERS.keys()
    assert all(row["rows"] == 0 and row["sample"] == [] and len(row["title"]) > 10 for row in found)


# Rows are planted above the sealed point, in a transaction of their own, so that only the rule at hand can see them.
JOURNAL = (
    "INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, effective_at, recorded_at, "
    "actor, tx) "
    "SELECT (SELECT id FROM tenant), 'planted', 'h', '{kind}', '{ref_type}', '{ref_id}', now(), now(), 'x', base.tx()"
)
TRANSFER = (
    "INSERT INTO transfer (tenant, journal, debit, credit, amount, kind, item) "
    "SELECT (SELECT id FROM tenant), max(id), {debit}, {credit}, {amount}, '{kind}', {item} FROM journal"
)
REWRITE_SEAL = """
UPDATE seal s SET sealed_at = x.at, hash = seal_hash(s.tenant, s.stream, s.n, s.from_tx, s.to_tx, s.rows, s.first_id,
    s.last_id, s.previous, x.at,
    (SELECT string_agg(leaf, ''::bytea ORDER BY id) FROM seal_leaves('ledger', s.from_tx, s.to_tx, s.tenant)))
FROM (SELECT max(recorded_at) - interval '1 microsecond' AS at FROM journal) x WHERE s.stream = 'ledger'
"""


def account(kind):
    return f"(SELECT id FROM account WHERE kind = '{kind}' AND unit = 'CREDIT')"


def moved(debit, credit, amount=10):
    return [
        JOURNAL.format(kind="grant", ref_type="adjustment", ref_id=""),
        TRANSFER.format(kind="grant", debit=debit, credit=credit, amount=amount, item="NULL"),
    ]


def counted(kind, counter, amount):
    """What the posting trigger would have done, were it on."""
    return f"UPDATE account SET {counter} = {counter} + {amount} WHERE kind = '{kind}' AND unit = 'CREDIT'"


# `quiet` plants with the triggers off, as an attacker would; the others must pass the triggers to be seen alone.
QUIET = "SET LOCAL session_replication_role = replica"
PLANTS = {
    "01_debits_equal_credits": [QUIET, *moved("987654", account("credits_issued"))],
    "02_counters_equal_rows": ["UPDATE account SET credits = credits + 1 WHERE kind = 'wallet'"],
    "03_batch_money_adds_up": [
        "ALTER TABLE batch DROP CONSTRAINT batch_money_adds_up, DROP CONSTRAINT batch_completed_is_whole",
        "UPDATE batch SET settled = settled + 10, refunded = refunded - 10 WHERE state = 'completed'",
    ],
    "04_item_ends_once": [
        "DROP INDEX transfer_terminal_once",
        QUIET,
        JOURNAL.format(kind="settle", ref_type="other", ref_id=""),
        TRANSFER.format(
            kind="settle", debit=account("credits_issued"), credit=account("credits_earned"), amount=10,
            item="(SELECT min(item) FROM transfer WHERE kind = 'settle')",
        ),
    ],
    "04_item_end_matches_ledger": [
        QUIET, "ALTER TABLE item DROP CONSTRAINT item_end_is_whole",
        "UPDATE item SET state = 'refunded' WHERE id = (SELECT min(id) FROM item WHERE state = 'succeeded')",
    ],
    "05_held_equals_open_items": [
        QUIET, *moved(account("wallet"), account("held")),
        counted("wallet", "debits", 10), counted("held", "credits", 10),
    ],
    "06_no_balance_below_floor": [
        "ALTER TABLE account DROP CONSTRAINT account_floor",
        QUIET, *moved(account("wallet"), account("credits_earned"), 100_000), counted("wallet", "debits", 100_000),
        "ALTER TABLE account ADD CONSTRAINT account_floor CHECK (floor IS NULL OR credits >= debits + floor) NOT VALID",
    ],
    "07_timeline_counts_up": [
        "INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx) "
        "SELECT id, 'deal', 77, 2, now(), now(), 'x', 'create', '{}', 'customer', base.tx() FROM tenant",
    ],
    "08_sealed_days_equal_rows": [
        QUIET, "UPDATE sealed_day SET held = held + 1 WHERE id = (SELECT max(id) FROM sealed_day)",
    ],
    "09_key_used_once": [
        "ALTER TABLE journal DROP CONSTRAINT journal_key_given",
        JOURNAL.format(kind="grant", ref_type="adjustment", ref_id="").replace("'planted'", "''"),
    ],
    "10_one_unit_each_transfer": [
        "INSERT INTO account (tenant, kind, unit) SELECT id, 'credits_issued', 'USD' FROM tenant",
        QUIET, *moved("(SELECT id FROM account WHERE unit = 'USD')", account("credits_earned")),
    ],
    "13_batches_have_journals": [
        JOURNAL.format(kind="reserve", ref_type="batch", ref_id="bat_nowhere"),
    ],
    "13_transfers_have_journals": [
        QUIET,
        TRANSFER.format(
            kind="grant", debit=account("credits_issued"), credit=account("credits_earned"), amount=5, item="NULL"
        ).replace("max(id)", "max(id) + 1000"),
    ],
    "14_seals_verify": [QUIET, "UPDATE journal SET description = 'nicer' WHERE ref_type = 'pilot_grant'"],
    "15_recorded_before_sealed": [QUIET, REWRITE_SEAL],
    "17_reversals_mirror": [
        QUIET,
        "INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, effective_at, recorded_at, actor, "
        "tx, reverses) SELECT tenant, 'planted', 'h', 'reverse', 'adjustment', now(), now(), 'x', base.tx(), id "
        "FROM journal WHERE kind = 'reverse'",
        TRANSFER.format(
            kind="reverse", debit=account("credits_issued"), credit=account("wallet"), amount=6, item="NULL"
        ),
        counted("wallet", "credits", 6),
    ],
    "19_unsigned_grants_bounded": [
        QUIET, *moved(account("credits_issued"), account("wallet"), 3_001), counted("wallet", "credits", 3_001),
    ],
    "18_walls_stand": ["ALTER TABLE transfer DISABLE TRIGGER append_only"],
}  # fmt: skip


# Of rooms above the ledger; the command sees them too (tests/watch).
DEAL = (
    "INSERT INTO deal (tenant, public_id, state, template, terms_version, terms_hash, unit, price, first_price,"
    " immediate, holdback, title, item, creator_side, created_by_id, in_escrow, funded, created_at)"
    " SELECT min(id), 'deal_x', '{state}', 'X', 1, 'x', 'MNT', 100, 100, 85, 15, 'x', '{{}}', 'seller', 1, {money},"
    " {money}, base.clock_now() FROM tenant"
)
OTHERS = {
    "chargebacks_in_suspense": [
        QUIET,
        "INSERT INTO chargeback (tenant, public_id, state, payment_id, dispute_id, amount, unit, reason, opened_at)"
        " SELECT min(id), 'cbk_x', 'open', 1, 'x', 100, 'MNT', '', base.clock_now() FROM tenant",
    ],
    "deal_dispute_and_state_agree": [QUIET, DEAL.format(state="ISSUE", money=0)],
    "deal_escrow_is_where_it_says": [QUIET, DEAL.format(state="FUNDED", money=100)],
    "payments_in_suspense": [
        QUIET,
        "INSERT INTO payment (tenant, public_id, state, source, external_ref, amount, unit, payer, note, received_at,"
        " recorded_by) SELECT min(id), 'pay_x', 'waiting', 'bank', 'x', 100, 'MNT', '', '', base.clock_now(), 'x'"
        " FROM tenant",
    ],
    "payouts_are_owed": [
        QUIET,
        "INSERT INTO payout (tenant, public_id, state, subject_kind, subject_ref, side, person_id, account, amount,"
        " unit, created_at) SELECT tenant, 'out_x', 'due', 'deal', 'deal_x', 'seller', 1, id, 1000000000, unit,"
        " base.clock_now() FROM account ORDER BY id LIMIT 1",
    ],
    "settlements_are_collected": [
        QUIET,
        "INSERT INTO processor_settlement (tenant, public_id, reference, amount, fees, unit, recorded_by, recorded_at)"
        " SELECT min(id), 'stl_x', 'po_x', 100, 2, 'MNT', 'x', base.clock_now() FROM tenant",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_violation_is_seen_by_its_invariant_alone(house, world, name):
    with house.admin() as admin, admin.transaction():
        for statement in PLANTS[name]:
            admin.execute(statement)
    found = offending()
    if name == "04_item_ends_once":
        # Two ends for one item cannot be planted beside a standing index, and its state can match only one of them.
        assert found.pop("18_walls_stand") == 1
    assert found == {name: 1}


def test_the_sample_names_the_tenant_and_the_row(house, world):
    with house.admin() as admin:
        admin.execute("UPDATE account SET credits = credits + 1 WHERE kind = 'wallet'")
    with worker_scope("check"):
        (row,) = [row for row in invariants.run_invariants([VIDEO]) if row["rows"]]
    (sample,) = row["sample"]
    assert (sample["tenant"], sample["kind"], sample["credits"] - sample["credits_by_rows"]) == (world, "wallet", 1)


def test_a_short_end_is_refused_and_planted_it_is_seen(house):
    """The rule about ends over the ledger's own rows, without any program's items."""
    world = World.open(house.tenant().id, 100)
    world.batch("bat_1", 1, 4, 2)
    with worker_scope("test"):
        world.move("reserve", [9], "late")
    with pytest.raises(DatabaseError, match="another amount than was reserved"), worker_scope("test"):
        world.move("settle", [9], "short", amount=5)
    with house.admin() as admin, admin.transaction():
        admin.execute("ALTER TABLE transfer DISABLE TRIGGER append_only")
        admin.execute("UPDATE transfer SET amount = 5 WHERE item = 1 AND kind = 'settle'")
        admin.execute("UPDATE account SET debits = debits - 5 WHERE kind = 'held'")
        admin.execute("ALTER TABLE transfer ENABLE TRIGGER append_only")
    with worker_scope("check"):
        assert {row["name"]: row["rows"] for row in invariants.run_invariants() if row["rows"]} == {
            "04_item_ends_once": 1
        }


def test_events_of_another_subject_do_not_disturb(house):
    tenant = house.tenant().id
    with worker_scope("test"):
        append_events(
            [NewEvent(tenant, "deal", 1, "a"), NewEvent(tenant, "deal", 2, "a"), NewEvent(tenant, "deal", 1, "b")]
        )
    with worker_scope("check"):
        assert not any(row["rows"] for row in invariants.run_invariants())
