"""Seals: what is finished is sealed once, and whoever changes it as superuser is named."""

import json
import threading

import pytest
from django.conf import settings
from django.test import override_settings
from ledger_world import World, seal_all, wait_for_horizon

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger import commands, sealing
from pilothouse.kernel.ledger.errors import HeadsUnreadable
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events

pytestmark = [pytest.mark.house]


@pytest.fixture
def heads(tmp_path):
    with override_settings(SEAL_HEAD_FOLDER=str(tmp_path / "heads")):
        yield tmp_path / "heads"


@pytest.fixture
def chain(house, heads):
    """A tenant with four sealed ledger blocks of one batch each, and a timeline."""
    world = World.open(house.tenant().id, 500)
    seal_all()
    for number in range(3):
        world.batch(f"bat_{number}", number * 10 + 1, 10, 9)
        with worker_scope("test"):
            append_events(
                [
                    NewEvent(world.tenant, "batch", number + 1, "create"),
                    NewEvent(world.tenant, "batch", number + 1, "finish"),
                ]
            )
        seal_all()
    assert blocks(world.tenant) == [("ledger", n) for n in (1, 2, 3, 4)] + [("timeline", n) for n in (1, 2, 3)]
    assert sealing.verify() == []
    return world


def blocks(tenant):
    with worker_scope("test"):
        return [
            (row["stream"], row["n"])
            for row in run("SELECT stream, n FROM seal WHERE tenant = %s ORDER BY stream, n", [tenant])
        ]


def broken(tenant=None):
    return [(block.stream, block.n, block.problem) for block in sealing.verify(tenant)]


def tamper(house, *statements):
    """Act as an attacker with the superuser's password who has turned the triggers off first."""
    with house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        for statement in statements:
            assert admin.execute(statement).rowcount > 0


def test_nothing_is_sealed_twice_and_new_rows_go_on(house, chain):
    assert seal_all() == []
    chain.batch("bat_9", 100, 10, 10)
    (block,) = seal_all()
    assert (block["stream"], block["n"], block["rows"]) == ("ledger", 5, 2)
    assert sealing.verify() == []


def test_a_transaction_in_flight_is_not_sealed_over(house, heads):
    """Ids and transaction numbers are drawn before the commit: a late committer must not fall below a seal."""
    tenant = house.tenant().id
    World.open(tenant)
    with (
        house.connect(
            "ph_worker",
        ) as slow,
        slow.transaction(),
    ):
        slow.execute(
            f"INSERT INTO journal ({COLUMNS}) VALUES (%s, 'slow', 'h', 'grant', 'purchase', (SELECT base.clock_now()),"
            " clock_timestamp(), 't', (SELECT base.tx()))",
            [tenant],
        )
        with worker_scope():
            commands.grant(tenant, 5, "purchase", "fast")
        assert sealing.seal() == []
    sealed = seal_all()
    assert sum(block["rows"] for block in sealed) == 2
    assert sealing.verify() == []


def test_small_limits_give_whole_transactions(house, heads):
    world = World.open(house.tenant().id, 500)
    other = World.open(house.tenant("Other").id, 500)
    for number in range(6):
        (world if number % 2 else other).batch(f"bat_{number}", number * 10 + 1, 5, 3)
    wait_for_horizon()
    sealed = sealing.seal(limit=3)
    assert len(sealed) > 4
    assert sum(block["rows"] for block in sealed) == 2 + 6 * 3
    assert sealing.verify() == []


def test_two_workers_never_seal_at_once(house, heads):
    world = World.open(house.tenant().id, 500)
    for number in range(5):
        world.batch(f"bat_{number}", number * 10 + 1, 5, 3)
    wait_for_horizon()
    found = []

    def work():
        from django.db import connections

        try:
            found.append(sum(block["rows"] for block in sealing.seal(limit=2)))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seal_all()
    numbers = [n for _, n in blocks(world.tenant)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert sealing.verify() == []


ENTRY = "item = 11 AND kind = 'settle'"
SETTLED = "idempotency_key = 'settle:bat_1'"
THIRD = "stream = 'ledger' AND n = 3"
CHANGED = [("ledger", 3, "rows_changed")]
COLUMNS = "tenant, idempotency_key, request_hash, kind, ref_type, effective_at, recorded_at, actor, tx"
FORGED = "'forged', 'h', 'grant', 'purchase', effective_at, recorded_at, actor, tx"
ATTACKS = {
    "edit an amount": ([f"UPDATE transfer SET amount = 11 WHERE {ENTRY}"], CHANGED),
    "edit a reference": ([f"UPDATE journal SET ref_id = 'bat_0' WHERE {SETTLED}"], CHANGED),
    "edit a time": (
        [f"UPDATE journal SET effective_at = effective_at - interval '1 microsecond' WHERE {SETTLED}"],
        CHANGED,
    ),
    "turn a leg round": ([f"UPDATE transfer SET debit = credit, credit = debit WHERE {ENTRY}"], CHANGED),
    "swap two rows": (
        [
            f"UPDATE transfer SET item = {new} WHERE item = {old} AND kind = 'settle'"
            for old, new in ((11, -1), (12, 11), (-1, 12))
        ],
        CHANGED,
    ),
    "delete a transfer": ([f"DELETE FROM transfer WHERE {ENTRY}"], CHANGED),
    "delete a journal": ([f"DELETE FROM journal WHERE {SETTLED}"], [("ledger", 3, "rows_deleted")]),
    "insert a transfer": (
        [
            "INSERT INTO transfer (tenant, journal, debit, credit, amount, kind, item)"
            f" SELECT tenant, journal, debit, credit, 10, 'reserve', 999 FROM transfer WHERE {ENTRY}"
        ],
        CHANGED,
    ),
    "insert a journal": (
        [f"INSERT INTO journal ({COLUMNS}) SELECT tenant, {FORGED} FROM journal WHERE {SETTLED}"],
        [("ledger", 3, "rows_inserted")],
    ),
    "move a journal to another block": (
        [f"UPDATE journal SET tx = (SELECT tx FROM journal WHERE idempotency_key = 'settle:bat_2') WHERE {SETTLED}"],
        [("ledger", 3, "rows_deleted"), ("ledger", 4, "rows_inserted")],
    ),
    "rename an account": (
        ["UPDATE account SET kind = 'escrow' WHERE kind = 'credits_earned'"],
        [("ledger", n, "rows_changed") for n in (2, 3, 4)],
    ),
    "edit an event": (
        ["UPDATE event SET data = '{\"a\": 1}' WHERE subject_id = 2 AND seq = 2"],
        [("timeline", 2, "rows_changed")],
    ),
    "delete an event": (
        ["DELETE FROM event WHERE subject_id = 2 AND seq = 2"],
        [("timeline", 2, "rows_deleted")],
    ),
    "delete a middle seal": ([f"DELETE FROM seal WHERE {THIRD}"], [("ledger", 4, "block_missing")]),
    "edit a seal's hash": (
        [f"UPDATE seal SET hash = repeat('0', 64) WHERE {THIRD}"],
        [*CHANGED, ("ledger", 4, "link_broken")],
    ),
    "backdate a seal": ([f"UPDATE seal SET sealed_at = sealed_at - interval '1 day' WHERE {THIRD}"], CHANGED),
}


@pytest.mark.tamper
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_superuser_who_changes_history_is_named(house, chain, attack):
    statements, expected = ATTACKS[attack]
    tamper(house, *statements)
    assert broken() == expected
    assert broken(chain.tenant) == broken()


@pytest.mark.tamper
def test_another_tenants_chain_stays_whole(house, chain):
    other = World.open(house.tenant("Other").id, 100)
    seal_all()
    tamper(house, ATTACKS["edit an amount"][0][0])
    assert broken(other.tenant) == []
    assert len(broken(chain.tenant)) == 1


@pytest.mark.tamper
def test_a_row_slipped_in_between_chains_is_named(house, chain):
    """A tenant that is quiet has no block at the top: a row forged below the top is in no block at all."""
    other = World.open(house.tenant("Other").id, 100)
    seal_all()
    tamper(
        house,
        f"INSERT INTO journal ({COLUMNS}) SELECT {chain.tenant}, {FORGED} FROM journal WHERE tenant = {other.tenant}",
    )
    assert broken() == [("ledger", 0, "rows_inserted")]


@pytest.mark.tamper
def test_a_truncated_tail_is_named_by_the_exported_head(house, chain, heads):
    path = sealing.export_heads()
    assert path.parent.parent == heads
    tamper(
        house,
        "DELETE FROM transfer WHERE journal IN (SELECT id FROM journal WHERE ref_id = 'bat_2')",
        "DELETE FROM journal WHERE ref_id = 'bat_2'",
        "DELETE FROM seal WHERE stream = 'ledger' AND n = 4",
    )
    assert broken() == [("ledger", 4, "tail_truncated")]


REANCHOR = """
DO $$
DECLARE s seal; before text := '';
BEGIN
    FOR s IN SELECT * FROM seal WHERE stream = 'ledger' ORDER BY n LOOP
        UPDATE seal SET previous = before, hash = seal_hash(s.tenant, s.stream, s.n, s.from_tx, s.to_tx, s.rows,
            s.first_id, s.last_id, before, s.sealed_at,
            (SELECT string_agg(leaf, ''::bytea ORDER BY id) FROM seal_leaves('ledger', s.from_tx, s.to_tx, s.tenant)))
        WHERE id = s.id RETURNING hash INTO before;
    END LOOP;
END $$
"""


@pytest.mark.tamper
def test_a_chain_hashed_again_is_named_by_the_exported_head(house, chain):
    sealing.export_heads()
    with house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE transfer SET amount = 11 WHERE item = 11 AND kind = 'settle'")
        admin.execute(REANCHOR)
        assert admin.execute("SELECT count(*) FROM seal_problems(NULL)").fetchone() == (0,)
    assert broken() == [("ledger", 4, "head_differs")]


def test_heads_that_were_changed_or_signed_elsewhere_are_refused(house, chain):
    path = sealing.export_heads()
    whole = path.read_text()
    assert sealing.verify(heads=path) == []
    body = json.loads(whole)
    body["heads"][0]["hash"] = "0" * 64
    path.write_text(json.dumps(body))
    with pytest.raises(HeadsUnreadable):
        sealing.verify()
    path.write_text(whole)
    with override_settings(SECRET_KEY="another"), pytest.raises(HeadsUnreadable):
        sealing.verify()
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert sealing.verify() == []
    path.write_text("{")
    with pytest.raises(HeadsUnreadable):
        sealing.verify()


def test_the_format_is_what_the_documentation_says(house, chain):
    """An outsider's verifier, written from the docstring alone with the standard library."""
    from hashlib import sha256

    with worker_scope("test"):
        seals = run("SELECT *, microseconds(sealed_at) AS at FROM seal WHERE stream = 'ledger' ORDER BY n")
        journals = run(
            "SELECT *, microseconds(effective_at) AS effective, microseconds(recorded_at) AS recorded FROM journal"
            " ORDER BY id"
        )
        legs = run(
            "SELECT t.*, d.kind AS dk, d.ref AS dr, d.unit AS du, c.kind AS ck, c.ref AS cr, c.unit AS cu"
            " FROM transfer t JOIN account d ON d.id = debit JOIN account c ON c.id = credit ORDER BY t.id"
        )
    previous = ""
    for seal in seals:
        leaves = b""
        for j in journals:
            if not seal["from_tx"] <= j["tx"] < seal["to_tx"]:
                continue
            moved = [
                [t["id"], t["tenant"], t["kind"], t["amount"], t["item"], t["debit"], t["dk"], t["dr"], t["du"],
                 t["credit"], t["ck"], t["cr"], t["cu"]]
                for t in legs if t["journal"] == j["id"]
            ]  # fmt: skip
            text = json.dumps(
                ["journal", 1, j["id"], j["tenant"], j["idempotency_key"], j["request_hash"], j["kind"], j["ref_type"],
                 j["ref_id"], j["request_id"], j["description"], j["terms_hash"], j["effective"], j["recorded"],
                 j["actor"], j["reverses"], j["tx"], moved],
                ensure_ascii=False,
            )  # fmt: skip
            leaves += sha256(text.encode()).digest()
        own = json.dumps(
            ["block", 1, seal["tenant"], "ledger", seal["n"], seal["from_tx"], seal["to_tx"], seal["rows"],
             seal["first_id"], seal["last_id"], previous, seal["at"]],
            ensure_ascii=False,
        )  # fmt: skip
        previous = sha256(own.encode() + b"\n" + leaves).hexdigest()
        assert previous == seal["hash"]


def test_no_row_can_be_given_another_stamp_or_added_to_a_closed_journal(house, chain):
    insert = (
        f"INSERT INTO journal ({COLUMNS})"
        " VALUES (%(tenant)s, 'x', 'h', 'grant', 'purchase', (SELECT base.clock_now()), {recorded}, 't', {tx})"
    )
    with house.connect("ph_worker") as connection:
        for recorded, tx in (
            ("clock_timestamp()", "1"),
            ("clock_timestamp()", "(SELECT base.tx()) + 1"),
            ("clock_timestamp() - interval '1 day'", "(SELECT base.tx())"),
            ("clock_timestamp() + interval '1 day'", "(SELECT base.tx())"),
        ):
            with pytest.raises(Exception, match="than its own"):
                connection.execute(insert.format(recorded=recorded, tx=tx), {"tenant": chain.tenant})
        with pytest.raises(Exception, match="already closed"):
            connection.execute(
                "INSERT INTO transfer (tenant, journal, debit, credit, amount, kind)"
                " SELECT tenant, id, %s, %s, 1000, kind FROM journal WHERE kind = 'grant'",
                [chain.issued, chain.wallet],
            )
