"""Credits in nobody's name: bounded over all accounts by the ledger itself, whatever its writer calls them."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import Error, connections
from test_invariants import offending

from pilothouse.kernel.access.commands import add_operator
from pilothouse.kernel.base.scope import ops_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger import commands, limits
from pilothouse.kernel.ledger.errors import UnsignedGrantsFull
from pilothouse.kernel.ledger.grants import grant_by_shell, request_grant
from pilothouse.kernel.ledger.invariants import FOLDER, read_invariants
from pilothouse.kernel.ledger.queries import unsigned_grants

pytestmark = [pytest.mark.house, pytest.mark.tamper]
MOST = limits.GRANT_UNSIGNED_MAX_CREDITS
JOURNAL = (
    "INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id, description, effective_at,"
    " recorded_at, actor, tx) VALUES (%(tenant)s, 'grant:CREDIT:pilot_grant:x', 'x', 'grant', 'pilot_grant', %(ref)s,"
    " 'x', base.clock_now() + %(late)s::interval, clock_timestamp(), %(actor)s, base.tx()) RETURNING id"
)
TRANSFER = (
    "INSERT INTO transfer (tenant, journal, debit, credit, amount, kind)"
    " VALUES (%(tenant)s, %(journal)s, %(debit)s, %(credit)s, %(amount)s, 'grant')"
)


def filled(house: Any, credits: int = MOST) -> None:
    """So many credits in nobody's name, a thousand to an account at most."""
    while credits > 0:
        part = min(credits, limits.GRANT_ONE_PERSON_MAX_CREDITS)
        with worker_scope("test"):
            commands.grant(house.tenant().id, part, "pilot_grant", "in nobody's name")
        credits -= part


def by_raw_sql(tenant: int, amount: int = 1, **given: Any) -> None:
    """What a worker's process could write if it forgot every command."""
    with worker_scope("raw"):
        debit, credit = commands.open_accounts(tenant, [("credits_issued", "", "CREDIT"), ("wallet", "", "CREDIT")])
        given = {"tenant": tenant, "ref": "", "late": "0", "actor": "worker", **given}
        ((journal),) = run(JOURNAL, given)
        run(TRANSFER, {**given, "journal": journal["id"], "debit": debit, "credit": credit, "amount": amount})


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, "in nobody's name"),
        ({"actor": "operator:ada@ours.example"}, "in nobody's name"),
        ({"actor": "sql:cli:root"}, "a grant by SQL is an INSERT"),
        ({"ref": "grq_1"}, "in nobody's name"),
        ({"late": "-59 seconds"}, "in nobody's name"),
        ({"late": "59 seconds"}, "in nobody's name"),
    ],
)
def test_raw_sql_as_the_worker_does_not_pass_the_bound(house: Any, given: Any, refused: str) -> None:
    tenant = house.tenant().id
    filled(house, MOST - 1)
    with pytest.raises(Error, match=refused):
        by_raw_sql(tenant, 2, **given)
    by_raw_sql(tenant, 1)
    with worker_scope("test"):
        assert unsigned_grants(1)[0] == MOST
        assert offending() == {}


def test_the_bound_is_over_all_accounts_also_for_those_who_come_together(house: Any) -> None:
    filled(house, MOST - 500)
    tenants = [house.tenant().id for _ in range(4)]
    start = Barrier(len(tenants))

    def try_one(tenant: int) -> str:
        try:
            start.wait()
            with worker_scope("test"):
                commands.grant(tenant, 300, "pilot_grant", "twins")
            return "granted"
        except UnsignedGrantsFull as full:
            return full.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(tenants)) as pool:
        assert sorted(pool.map(try_one, tenants)) == ["granted", *["unsigned_grants_full"] * 3]


def test_who_has_a_name_grants_on(house: Any) -> None:
    filled(house)
    tenant = house.tenant().id
    with worker_scope("test"), pytest.raises(UnsignedGrantsFull, match=f"no more than {MOST} credits"):
        commands.grant(tenant, 1, "pilot_grant", "one more")
    with worker_scope("operator:ada@ours.example"):
        operator = add_operator("ada@ours.example", "admin", "Ada").user_id
        assert request_grant(operator, tenant, 300, "purchase", "Invoice 7").state == "granted"
    with ops_scope("cli:root", "test"):
        first, again = (grant_by_shell(tenant, 200, "purchase", "Invoice 8") for _ in range(2))
    assert (first.journal, first.replayed, again.replayed) == (again.journal, False, True)
    with worker_scope("test"):
        commands.grant(tenant, 5_000, "pilot_grant", "without value", test=True)
        assert unsigned_grants()[0] == MOST


def test_the_words_and_the_schema_say_the_same_bound(shared_house: Any) -> None:
    with shared_house.connect() as db:
        source = db.execute("SELECT prosrc FROM pg_proc WHERE proname = 'ledger_by_hand'").fetchone()[0]
    assert f"unsigned_max CONSTANT bigint := {MOST};" in source
    assert f"day CONSTANT interval := interval '{limits.GRANT_WINDOW_HOURS} hours'" in source
    (rule,) = [each for each in read_invariants([FOLDER]) if each.name == "19_unsigned_grants_bounded"]
    assert f"within_a_day > {MOST}" in rule.sql
    assert f"{MOST:,} credits" in rule.title
