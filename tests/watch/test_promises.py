"""Each promise is green over a real batch and names one planted violation."""

import pytest
from world import completed_batch, open_batch

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run as query
from pilothouse.kernel.watch import promises
from pilothouse.programs.video.promises import PROMISES

pytestmark = [pytest.mark.house, pytest.mark.tamper]
FOUR = ["execution", "billing", "refund", "parity"]


def broken(names=None, batches=None) -> dict[str, str]:
    """The promises that found something, with the first finding."""
    results = promises.run(names, batches)
    return {result.promise.name: result.seen.sample[0]["what"] for result in results if not result.seen.ok}


def plant(house, *statements) -> None:
    """Act as a superuser behind all triggers."""
    with house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        for statement in statements:
            assert admin.execute(statement).rowcount != 0, statement


def test_a_real_batch_keeps_all_four_promises(house):
    made = completed_batch(house)
    open_batch(house, request_id="order-2", entry="page", prompt="Another")
    assert broken() == {}
    assert broken(batches=[made.batch]) == {}
    with worker_scope():
        runs = query("SELECT name, batches, rows FROM check_run ORDER BY id")
        assert [row["name"] for row in runs[:4]] == [f"video:{name}" for name in FOUR]
        assert [row["batches"] for row in runs] == [None] * 4 + [1] * 4
        assert query("SELECT count(*) AS n FROM incident")[0]["n"] == 0


PLANTS = {
    "item open in a completed batch": (
        "execution",
        "UPDATE item SET state = 'running', finished_at = NULL, output = NULL WHERE id = (SELECT min(id) FROM item)",
    ),
    "second end in the history": (
        "execution",
        "INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)"
        " SELECT tenant, subject_kind, subject_id, 9, at, recorded_at, actor, 'refunded', data, visibility, tx"
        " FROM event WHERE subject_kind = 'batch_items' AND type = 'succeeded' LIMIT 1",
    ),
    "an end that no item has": (
        "execution",
        "UPDATE event SET data = jsonb_set(data, '{items}', data -> 'items' || '77')"
        " WHERE subject_kind = 'batch_items' AND type = 'succeeded'",
    ),
    "an end that is not in the history": (
        "execution",
        "UPDATE event SET data = jsonb_set(data, '{items}', (data -> 'items') - 0)"
        " WHERE subject_kind = 'batch_items' AND type = 'succeeded'",
    ),
    "no message": ("execution", "DELETE FROM message WHERE type = 'batch.completed'"),
    "lost item": ("execution", "DELETE FROM item WHERE id = (SELECT max(id) FROM item)"),
    "settled at another price": (
        "billing",
        "UPDATE transfer SET amount = 11 WHERE id = (SELECT min(id) FROM transfer WHERE kind = 'settle')",
    ),
    "settlement lost": (
        "billing", "DELETE FROM transfer WHERE id = (SELECT min(id) FROM transfer WHERE kind = 'settle')",
    ),
    "reservation lost": (
        "billing", "DELETE FROM transfer WHERE id = (SELECT min(id) FROM transfer WHERE kind = 'reserve')",
    ),
    "reserved after dispatch": (
        "billing",
        "UPDATE journal SET effective_at = effective_at + interval '1 day' WHERE kind = 'reserve'",
    ),
    "wallet below zero": (
        "billing",
        "ALTER TABLE account DROP CONSTRAINT account_floor",
        "UPDATE account SET debits = credits + 5 WHERE kind = 'wallet'",
    ),
    "refund lost": ("refund", "DELETE FROM transfer WHERE id = (SELECT min(id) FROM transfer WHERE kind = 'refund')"),
    "refund in part": (
        "refund", "UPDATE transfer SET amount = 9 WHERE id = (SELECT min(id) FROM transfer WHERE kind = 'refund')",
    ),
    "refund in another transaction": ("refund", "UPDATE journal SET tx = tx + 1 WHERE kind = 'refund'"),
    "another fingerprint": ("parity", "UPDATE item SET fingerprint = 'x' WHERE id = (SELECT min(id) FROM item)"),
    "another batch fingerprint": ("parity", "UPDATE batch SET fingerprint = 'x'"),
    "another body": ("parity", "UPDATE message SET body = '{\"event\":\"batch.completed\"}'"),
    "no JSON": ("parity", "UPDATE message SET body = '\\xff'"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_planted_violation_is_named(house, name):
    made = completed_batch(house)
    promise, *statements = PLANTS[name]
    plant(house, *statements)
    assert promise in broken()
    if "below zero" not in name:
        assert promise in broken(batches=[made.batch])


def test_an_open_batch_past_its_deadline_breaks_execution(house):
    open_batch(house)
    plant(house, "UPDATE batch SET deadline_at = now() - interval '11 minutes'")
    assert broken() == {"execution": "the batch is open ten minutes after its deadline"}


def test_entry_points_that_disagree_break_parity(house):
    tenant = house.tenant()
    completed_batch(house, tenant=tenant)
    completed_batch(house, tenant=tenant, request_id="order-2", entry="demo")
    assert broken() == {}
    plant(
        house,
        "UPDATE item SET media_sha256 = repeat('f', 64) "
        "WHERE id = (SELECT max(id) FROM item WHERE state = 'succeeded')",
    )
    assert broken() == {"parity": "equal fingerprints have 2 different media, through api, demo"}


def test_a_parity_breach_pauses_everybody_in_the_same_transaction(house):
    made = completed_batch(house)
    other = open_batch(house, tenant=house.tenant("Other"))
    plant(house, "UPDATE item SET fingerprint = 'x' WHERE id = (SELECT min(id) FROM item)")
    (result,) = promises.run(["parity"], [made.batch])
    with worker_scope():
        (incident,) = query("SELECT * FROM incident")
        (gate,) = query("SELECT * FROM gate")
    assert result.incidents == (incident["public_id"],)
    assert (incident["kind"], incident["severity"], incident["tenant"]) == ("demo_api_divergence", "P0", None)
    assert incident["check_name"] == "video:parity"
    assert incident["sample"][0]["batch"] == made.public_id
    assert (gate["mode"], gate["tenant"], gate["opened_at"]) == ("no_dispatch", None, None)
    from world import claim

    assert claim() == []
    assert other.items


def test_a_money_breach_pauses_only_the_tenant_it_concerns(house):
    made = completed_batch(house)
    other = open_batch(house, tenant=house.tenant("Other"))
    plant(house, "DELETE FROM transfer WHERE id = (SELECT min(id) FROM transfer WHERE kind = 'settle')")
    promises.run(["billing"])
    from world import claim

    with worker_scope():
        (incident,) = query("SELECT kind, severity, tenant FROM incident")
    assert incident == {"kind": "wrong_charge", "severity": "P0", "tenant": made.tenant}
    assert {row["batch"] for row in claim()} == {other.batch}


def test_the_same_breach_is_one_incident(house):
    completed_batch(house)
    plant(house, "UPDATE batch SET fingerprint = 'x'")
    first, second = promises.run(["parity"])[0], promises.run(["parity"])[0]
    assert first.incidents == second.incidents
    with worker_scope():
        assert query("SELECT seen_count FROM incident") == [{"seen_count": 2}]
        assert query("SELECT count(*) AS n FROM gate_hold") == [{"n": 1}]


def test_a_subject_that_waits_for_nothing_is_found(house):
    made = open_batch(house)
    assert promises.watch_for_stuck() == []
    with worker_scope():
        query("UPDATE item SET next_run_at = NULL WHERE id = %s", [made.items[0]])
    assert [(row["kind"], row["id"]) for row in promises.watch_for_stuck()] == [("item", made.items[0])]
    with worker_scope():
        assert query("SELECT kind, severity, subject FROM incident") == [
            {"kind": "stuck_subject", "severity": "P1", "subject": "item"}
        ]


HOT_TABLES = {"batch", "event", "item", "journal", "message", "transfer"}


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_a_check_on_completion_reads_no_hot_table_whole(house, promise):
    made = completed_batch(house)
    with worker_scope():
        # With the other ways priced out, a whole read that is left means that no index fits the question.
        for way in ("seqscan", "hashjoin", "mergejoin", "material", "memoize"):
            query(f"SET LOCAL enable_{way} = off")
        text = promise.sql.read_text()
        (row,) = query(f"EXPLAIN (FORMAT JSON) {text}", {"batches": [made.batch]})
    scans = [node for node in nodes(row["QUERY PLAN"][0]["Plan"]) if node.get("Relation Name") in HOT_TABLES]
    # An index that is read from end to end has no condition: that is the whole table too.
    whole = {
        (node["Node Type"], node["Relation Name"])
        for node in scans
        if not any("Index Cond" in part for part in nodes(node))
    }
    assert scans
    assert whole == set()


def test_two_batches_of_one_request_id_break_execution(house):
    completed_batch(house)
    plant(
        house,
        "ALTER TABLE batch DROP CONSTRAINT batch_request_once",
        "INSERT INTO batch SELECT (json_populate_record(b, json_build_object('id', b.id + 1000, 'public_id', 'x'))).*"
        " FROM batch b",
    )
    (result,) = promises.run(["execution"])
    assert "its request_id has 2 batches" in {row["what"] for row in result.seen.sample}
