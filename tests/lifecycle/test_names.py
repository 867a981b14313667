"""The names in the transition tables are what the SQL really does: money movements, timers and reasons."""

import sys
from pathlib import Path

import pytest

from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.lifecycle import timers
from pilothouse.kernel.lifecycle.commands import apply
from pilothouse.kernel.lifecycle.errors import ReasonRefused
from pilothouse.kernel.lifecycle.table import REGISTRY
from pilothouse.kernel.watch.commands import open_incident
from pilothouse.kernel.watch.lifecycle import DISMISS_REASONS, INCIDENT
from pilothouse.programs.video.commands import cancel_batch
from pilothouse.programs.video.timers import batch_deadline
from pilothouse.site.programs import load_programs

sys.path.insert(0, str(Path(__file__).parents[1] / "watch"))
from world import completed_batch, open_batch

VIDEO = load_programs()["video"]
pytestmark = pytest.mark.house
# Of what ends an item: the event of its table, and what the test does to make it happen.
ENDS = ("succeed", "fail", "reject", "cancel")


@pytest.fixture
def worked(shared_house):
    """A house in which every transition of the video program that moves money has happened once or more."""
    with worker_scope():
        if run("SELECT FROM batch LIMIT 1"):
            return
    tenant = shared_house.tenant()
    completed_batch(shared_house, tenant=tenant)
    late = open_batch(shared_house, tenant=tenant, request_id="late")
    with worker_scope("timer"):
        batch_deadline([{"tenant": tenant.id, "subject_id": late.batch}])
    waiting = open_batch(shared_house, tenant=tenant, request_id="cancelled")
    with tenant_scope(tenant.id, "customer"):
        cancel_batch(waiting.public_id)
    open_batch(shared_house, tenant=tenant, request_id="open")


def lifecycles():
    return [REGISTRY[name] for name in VIDEO.lifecycles]


def test_each_end_of_an_item_joins_exactly_its_posting(worked):
    with worker_scope():
        rows = run(
            "SELECT CASE WHEN i.state = 'succeeded' THEN 'succeed' WHEN i.failure_reason = 'cancelled' THEN 'cancel'"
            " WHEN i.dispatched_at IS NULL THEN 'reject' ELSE 'fail' END AS event,"
            " array_agg(DISTINCT t.kind) AS kinds, array_agg(DISTINCT i.failure_reason) AS reasons"
            " FROM item i JOIN event e ON e.subject_kind = 'batch_items' AND e.subject_id = i.batch"
            " AND e.type = i.state AND e.data -> 'items' @> to_jsonb(i.position)"
            " JOIN journal j ON j.tx = e.tx JOIN transfer t ON t.journal = j.id AND t.item = i.id"
            " WHERE i.state IN ('succeeded', 'refunded') GROUP BY 1"
        )
    done = {row["event"]: row for row in rows}
    assert sorted(done) == sorted(ENDS)
    for event, row in done.items():
        (transition,) = REGISTRY["item"].events[event]
        assert row["kinds"] == [transition.posting]
        assert set(row["reasons"]) <= set(transition.reasons or (None,))


def test_a_creation_joins_its_posting_in_the_same_transaction(worked):
    (item,) = REGISTRY["item"].events["create"]
    (batch,) = REGISTRY["batch"].events["create"]
    with worker_scope():
        rows = run(
            "SELECT DISTINCT j.kind AS batch, t.kind AS item FROM event e"
            " JOIN journal j ON j.tx = e.tx AND j.ref_type = 'batch' JOIN transfer t ON t.journal = j.id"
            " WHERE e.subject_kind = 'batch' AND e.type = 'create'"
        )
    assert rows == [{"batch": batch.posting, "item": item.posting}]


def test_every_posting_of_a_program_is_a_kind_of_transfer_and_none_is_left_out(worked):
    named = {t.posting for lifecycle in lifecycles() for t in lifecycle.transitions if t.posting}
    with worker_scope():
        moved = {row["kind"] for row in run("SELECT DISTINCT kind FROM transfer WHERE item IS NOT NULL")}
    assert moved == named


def test_every_timer_of_a_program_is_armed_and_has_a_handler(worked):
    named = {(lifecycle.name, t.timer) for lifecycle in lifecycles() for t in lifecycle.transitions if t.timer}
    with worker_scope():
        armed = {(row["kind"], row["name"]) for row in run("SELECT DISTINCT subject_kind AS kind, name FROM timer")}
    assert armed == named
    assert {key for key in timers._handlers if key[0] in VIDEO.lifecycles} == named


def test_the_incidents_timers_are_its_columns():
    named = {t.timer for t in INCIDENT.transitions if t.timer}
    columns = {f.column for f in _model("incident")._meta.local_fields}
    assert named
    assert {f"{timer}_due_at" for timer in named} <= columns


def _model(table: str):
    from django.apps import apps

    return next(model for model in apps.get_models() if model._meta.db_table == table)


@pytest.mark.parametrize("reason", ["", "because"])
def test_a_move_with_listed_reasons_needs_one_of_them(worked, reason):
    with worker_scope("check"):
        incident = open_incident("stuck_subject", "It waits", subject=f"reason {reason}")
        with pytest.raises(ReasonRefused) as refused:
            apply(INCIDENT, "dismiss", [incident["id"]], role="operator", reason=reason)
        assert refused.value.details["allowed"] == ", ".join(DISMISS_REASONS)
        (row,) = run("SELECT state FROM incident WHERE id = %s", [incident["id"]])
    assert row["state"] == "open"
