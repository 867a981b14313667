"""Four eyes: who asks, who approves, and what one may move in a day. The walls are attacked through the raw roles."""

import threading

import psycopg
import pytest
from ledger_world import World, balances

from pilothouse.kernel.access.commands import add_operator, ensure_person
from pilothouse.kernel.base.errors import Forbidden, InvalidInput, NotFound
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger import commands, invariants
from pilothouse.kernel.ledger.errors import (
    GrantRefused,
    InsufficientCredits,
    KeyConflict,
    NotReversible,
    SecondOperatorNeeded,
)
from pilothouse.kernel.ledger.grants import (
    allowance,
    approve_grant,
    grant_requests,
    refuse_grant,
    request_grant,
    request_reversal,
)
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.lifecycle.errors import TransitionRefused
from pilothouse.kernel.lifecycle.queries import stuck_subjects, timeline
from pilothouse.kernel.lifecycle.timers import fire_due

pytestmark = pytest.mark.house


@pytest.fixture
def tenant(shared_house):
    return shared_house.tenant().id


@pytest.fixture
def people(shared_house):
    return shared_house.operators()


def desk():
    """The scope of the desk's pages: the web's own login."""
    return ops_scope("operator:first@house.example", "grant")


def available(tenant):
    with worker_scope():
        return balance(tenant).available


def test_one_person_grants_what_a_day_holds_and_a_second_one_more(tenant, people):
    first, second = people
    with desk():
        small = request_grant(first, tenant, 600, "pilot_grant", "Pilot")
        assert (small.state, small.replayed, allowance(tenant)) == ("granted", False, 400)
        # Split in two it is not less than what it is.
        large = request_grant(first, tenant, 401, "pilot_grant", "Pilot, the rest")
        assert (large.state, large.journal) == ("requested", None)
        assert balance(tenant).available == 600
        with pytest.raises(SecondOperatorNeeded):
            approve_grant(first, large.request)
        approved = approve_grant(second, large.request)
        assert (approved.state, balance(tenant).available) == ("approved", 1001)
        assert approve_grant(second, large.request).replayed
        # What two approved does not count against one person's day.
        assert allowance(tenant) == 400
    with worker_scope():
        rows = run("SELECT actor, ref_id FROM journal WHERE tenant = %s ORDER BY id", [tenant])
        (request,) = grant_requests("approved", tenant=tenant)
        told = timeline("grant_request", [request["id"]], "internal")
        assert timeline("grant_request", [request["id"]], "customer") == []
    assert [row["actor"] for row in rows] == [
        "operator:first@house.example",
        "operator:first@house.example, approved by operator:second@house.example",
    ]
    assert (rows[1]["ref_id"], request["journal"]) == (large.request, approved.journal)
    assert [(event["type"], event["actor"]) for event in told] == [
        ("approve", "operator:second@house.example"), ("request", "operator:first@house.example"),
    ]  # fmt: skip


def test_the_same_wish_is_answered_once_by_whatever_door(tenant, people):
    first, second = people
    with desk():
        asked = request_grant(first, tenant, 5_000, "purchase", "Invoice 7")
        again = request_grant(second, tenant, 5_000, "purchase", "Invoice 7")
        assert (again.request, again.replayed, again.state) == (asked.request, True, "requested")
        with pytest.raises(KeyConflict):
            request_grant(first, tenant, 5_001, "purchase", "Invoice 7")
        run(
            "INSERT INTO credit_ledger (user_id, type, ref_type, credits_delta, description)"
            " SELECT public_id, 'add', 'purchase', 50, 'Invoice 8' FROM tenant WHERE id = %s",
            [tenant],
        )
        known = request_grant(first, tenant, 50, "purchase", "Invoice 8")
        assert (known.replayed, known.request, known.state) == (True, "", "granted")
        approve_grant(second, asked.request)
    with worker_scope():
        assert commands.grant(tenant, 5_000, "purchase", "Invoice 7").replayed
    assert available(tenant) == 5_050


def test_a_refused_or_expired_request_moves_nothing_and_may_be_asked_again(tenant, people):
    first, second = people
    with desk():
        asked = request_grant(first, tenant, 2_000, "pilot_grant", "Pilot")
        with pytest.raises(InvalidInput):
            refuse_grant(second, asked.request, " ")
        assert refuse_grant(second, asked.request, "No contract yet").state == "refused"
        with pytest.raises(TransitionRefused):
            approve_grant(second, asked.request)
        waiting = request_grant(first, tenant, 2_000, "pilot_grant", "Pilot")
        assert (waiting.state, waiting.request != asked.request) == ("requested", True)
    with worker_scope():
        assert stuck_subjects() == []
        run("UPDATE timer SET due_at = (SELECT base.clock_now()) WHERE state = 'armed'")
    fire_due()
    with desk():
        (row,) = grant_requests("expired", tenant=tenant)
        assert row["public_id"] == waiting.request
        with pytest.raises(TransitionRefused):
            approve_grant(second, waiting.request)
        assert run("SELECT count(*) AS n FROM timer WHERE tenant = %s AND state = 'armed'", [tenant]) == [{"n": 0}]
    assert available(tenant) == 0


def test_only_operators_ask_and_approve(shared_house, tenant, people):
    with worker_scope():
        support = add_operator("support@house.example", "support").user_id
        gone = add_operator("gone@house.example", "operator").user_id
        run("UPDATE auth_user SET is_active = false WHERE id = %s", [gone])
        asked = request_grant(people[0], tenant, 2_000, "pilot_grant", "Pilot")
        for person in (support, gone, 10**9):
            with pytest.raises(Forbidden):
                request_grant(person, tenant, 5, "pilot_grant", "x")
            with pytest.raises(Forbidden):
                approve_grant(person, asked.request)
        with pytest.raises(NotFound):
            approve_grant(people[1], "grq_nothing")
        for wrong in ((0, "pilot_grant", "x"), (5, "gift", "x"), (5, "purchase", ""), (10**7, "purchase", "x")):
            with pytest.raises(GrantRefused):
                request_grant(people[0], tenant, *wrong)
    with pytest.raises(Exception, match="permission denied"), tenant_scope(tenant):
        request_grant(people[0], tenant, 5, "pilot_grant", "as a customer")


def test_the_worker_and_the_sql_editor_share_the_day(shared_house, tenant, people):
    with worker_scope():
        commands.grant(tenant, 700, "pilot_grant", "by a machine")
        with pytest.raises(GrantRefused, match="second operator"):
            commands.grant(tenant, 301, "pilot_grant", "again")
    with pytest.raises(Exception, match="more than 1000 credits by one person"), desk():
        run(
            "INSERT INTO credit_ledger (user_id, type, ref_type, credits_delta, description)"
            " SELECT public_id, 'add', 'purchase', 301, 'by SQL' FROM tenant WHERE id = %s",
            [tenant],
        )
    with worker_scope():
        commands.grant(tenant, 9_000, "pilot_grant", "without value", test=True)
    assert available(tenant) == 700


def test_twins_at_once_do_not_share_the_day_twice(tenant, people):
    gate = threading.Barrier(4)
    states = []

    def ask(number):
        from django.db import connections

        try:
            with desk():
                gate.wait(30)
                states.append(request_grant(people[0], tenant, 600, "pilot_grant", f"part {number}").state)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states) == ["granted", "requested", "requested", "requested"]
    assert available(tenant) == 600


def test_two_who_approve_at_once_approve_once(shared_house, tenant, people):
    with worker_scope():
        third = add_operator("third@house.example", "admin").user_id
        asked = request_grant(people[0], tenant, 4_000, "pilot_grant", "Pilot")
    gate = threading.Barrier(2)
    outcomes = []

    def approve(person):
        from django.db import connections

        try:
            with desk():
                gate.wait(30)
                outcomes.append(approve_grant(person, asked.request).state)
        except TransitionRefused:
            outcomes.append("late")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=approve, args=(person,)) for person in (people[1], third)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["approved", "late"]
    assert available(tenant) == 4_000


def test_a_grant_is_taken_back_under_the_same_rule(shared_house, tenant, people):
    first, second = people
    world, other = World.open(tenant), shared_house.tenant("Other").id
    with desk():
        small = request_grant(first, tenant, 300, "pilot_grant", "Small")
        large = request_grant(first, tenant, 3_000, "pilot_grant", "Large")
        approve_grant(second, large.request)
        back = request_reversal(first, tenant, small.journal, "granted to the wrong account")
        assert (back.state, balance(tenant).available) == ("granted", 3_000)
        assert request_reversal(second, tenant, small.journal, "again").replayed
        (journal,) = [row["journal"] for row in grant_requests("approved", tenant=tenant)]
        waiting = request_reversal(first, tenant, journal, "the whole contract ended")
        assert waiting.state == "requested"
    with worker_scope():
        held = world.move("reserve", [tenant * 1000], "reserve:x", amount=2_500)
    with desk():
        with pytest.raises(InsufficientCredits) as refused:
            approve_grant(second, waiting.request)
        assert refused.value.details == {"needed": 3_000, "available": 500}
        for journal in (held.journal, back.journal):
            with pytest.raises(NotReversible):
                request_reversal(first, tenant, journal, "no")
        with pytest.raises(NotFound):
            request_reversal(first, other, small.journal, "of another")
    with worker_scope():
        world.move("refund", [tenant * 1000], "refund:x", amount=2_500)
        assert approve_grant(second, waiting.request).state == "approved"
        assert [row for row in invariants.run_invariants() if row["rows"]] == []
    assert balances(tenant)["wallet"] == 0


# What an injected statement could write under the desk's role: the state, the people and the amount of its choice.
ASK = (
    "INSERT INTO grant_request (tenant, public_id, kind, unit, amount, source, description, key, state, asked_by,"
    " asked_at, expires_at, decided_by, decided_at) VALUES (%(tenant)s, 'grq_forged', 'grant', 'CREDIT', %(amount)s,"
    " 'pilot_grant', 'forged', %(key)s, %(state)s, %(first)s, now(), now() + interval '1 day', %(decided)s, %(at)s)"
)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"state": "approved", "decided": "second", "at": "now"}, "cannot begin in state"),
        ({"state": "granted", "amount": 1_001}, "grant_request_one_person"),
        ({"state": "granted", "amount": 1_000, "again": True}, "more than 1000 credits"),
        ({"state": "requested", "first": "stranger"}, "operators only"),
        ({"state": "requested", "key": "grant:TEST:pilot_grant:forged"}, "names its own key"),
        ({"state": "requested", "amount": -5}, "amount_positive"),
    ],
)
def test_a_forged_request_is_refused(shared_house, tenant, people, change, says):
    with worker_scope():
        stranger = ensure_person(f"stranger{tenant}@house.example").pk
        if change.get("again"):
            commands.grant(tenant, 1, "pilot_grant", "the first")
    ids = {"first": people[0], "second": people[1], "stranger": stranger, None: None}
    values = {
        "tenant": tenant, "amount": 500, "key": "grant:CREDIT:pilot_grant:forged", "state": "requested", **change,
        "first": ids[change.get("first", "first")], "decided": ids[change.get("decided")],
    }  # fmt: skip
    with shared_house.connect("ph_web") as web, web.transaction(force_rollback=True):
        web.execute("SET LOCAL ROLE ph_ops")
        with pytest.raises(psycopg.Error, match=says):
            web.execute(ASK, {"at": None, **values})


@pytest.mark.parametrize(
    ("update", "says"),
    [
        ("state = 'approved', decided_by = asked_by, decided_at = now()", "four_eyes"),
        ("state = 'approved'", "four_eyes|waits_or_ended"),
        ("state = 'granted'", "cannot go from requested to granted"),
        ("state = 'approved', decided_by = NULL, decided_at = now()", "four_eyes|waits_or_ended"),
        ("amount = 1", "permission denied"),
        ("asked_by = %(second)s", "permission denied"),
        ("tenant = tenant", "permission denied"),
    ],
)
@pytest.mark.parametrize("role", ["ph_ops", "ph_app", "ph_worker"])
def test_no_role_approves_its_own_wish(shared_house, tenant, people, update, says, role):
    with worker_scope():
        asked = request_grant(people[0], tenant, 2_000, "pilot_grant", "Pilot")
    login = "ph_worker" if role == "ph_worker" else "ph_web"
    with shared_house.connect(login) as raw, raw.transaction(force_rollback=True):
        if role != "ph_worker":
            raw.execute("SELECT set_config('role', %s, true), set_config('app.tenant', %s, true)", [role, str(tenant)])
        with pytest.raises(psycopg.Error, match="permission denied" if role == "ph_app" else says):
            raw.execute(
                f"UPDATE grant_request SET {update} WHERE public_id = %(request)s".encode(),
                {"request": asked.request, "second": people[1]},
            )
    assert available(tenant) == 0


def test_an_approved_request_carries_one_journal_of_its_amount(shared_house, tenant, people):
    """The worker may post; a journal that borrows an approved request's name is still one person's."""
    world = World.open(tenant)
    with worker_scope():
        asked = request_grant(people[0], tenant, 2_000, "pilot_grant", "Pilot")
        approve_grant(people[1], asked.request)
    with shared_house.connect("ph_worker") as worker:
        for key in ("grant:CREDIT:pilot_grant:Pilot", "grant:CREDIT:pilot_grant:Pilot 2"):
            with pytest.raises(psycopg.Error, match=r"more than 1000|journal_key_once"):
                worker.execute(
                    "WITH j AS (INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, ref_id,"
                    " effective_at, recorded_at, actor, tx) SELECT %s, %s, 'h', 'grant', 'pilot_grant', %s,"
                    " (SELECT base.clock_now()), clock_timestamp(), 'x', (SELECT base.tx()) RETURNING id)"
                    " INSERT INTO transfer (tenant, journal, debit, credit, amount, kind)"
                    " SELECT %s, id, %s, %s, 2000, 'grant' FROM j",
                    [tenant, key, asked.request, tenant, world.issued, world.wallet],
                )
        for call in (
            "ledger_issue(1, 'CREDIT', 5, 'purchase', 'x', '', 'me')",
            "ledger_turn_round(1, 1, 'x', '', 'me')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                worker.execute(f"SELECT {call}".encode())
    assert available(tenant) == 2_000
