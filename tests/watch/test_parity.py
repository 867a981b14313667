"""Parity from what was asked for: a divergence in the normalisation is a P0, and all stays paused until understood."""

import pytest
from test_promises import broken, plant
from world import claim, complete, completed_batch, open_batch

from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run as query
from pilothouse.kernel.watch import commands, promises
from pilothouse.kernel.watch.errors import ResumeRefused
from pilothouse.kernel.watch.gates import reopen_gate
from pilothouse.programs.video import commands as video
from pilothouse.programs.video import intake

pytestmark = [pytest.mark.house, pytest.mark.tamper]
TWO = "one request as given has 2 fingerprints, through api, demo"


def act(person, command, *given, **named):
    """What one operator does, in a transaction of their own."""
    with ops_scope(person):
        return command(*given, **named)


@pytest.fixture
def demo_reads_it_otherwise(monkeypatch):
    """The same code under the same version, in which a batch of the demo is twice as long as one of the API."""
    honest = intake.normalised

    def longer(params, where="item"):
        return {**honest(params, where), "seconds": 8}

    def use(on):
        monkeypatch.setattr(intake, "normalised", longer if on else honest)

    return use


def diverged(house, use, **options):
    """A batch through the API and the same one through a demo that normalises it otherwise."""
    tenant = house.tenant()
    api = completed_batch(house, tenant=tenant, **options)
    use(True)
    demo = open_batch(house, tenant=tenant, request_id="order-2", entry="demo", **options)
    use(False)
    return api, demo


def test_one_request_with_two_fingerprints_is_a_p0_and_stops_everybody(house, demo_reads_it_otherwise):
    api, demo = diverged(house, demo_reads_it_otherwise)
    other = open_batch(house, tenant=house.tenant("Other"), prompt="Another")
    with worker_scope():
        rows = query("SELECT count(DISTINCT given_sha256) AS given FROM batch_request WHERE tenant = %s", [api.tenant])
        assert rows == [{"given": 1}]
    assert broken(["parity"], [api.batch]) == {"parity": TWO}
    with worker_scope():
        (incident,) = query("SELECT public_id, kind, severity, tenant FROM incident")
        (gate,) = query("SELECT public_id, mode, tenant FROM gate WHERE opened_at IS NULL")
    assert (incident["kind"], incident["severity"]) == ("demo_api_divergence", "P0")
    assert (gate["mode"], gate["tenant"]) == ("no_dispatch", None)
    assert claim() == []

    with pytest.raises(ResumeRefused, match="root cause"):
        act("ada", reopen_gate, gate["public_id"])
    act("ada", commands.acknowledge, incident["public_id"])
    act("ada", commands.write_root_cause, incident["public_id"], "The demo set its own length.")
    with pytest.raises(ResumeRefused, match="it finds"):
        act("ada", reopen_gate, gate["public_id"])
    act("bo", commands.accept_findings, incident["public_id"], "The demo's batch was made again.")
    act("bo", reopen_gate, gate["public_id"])
    assert {row["batch"] for row in claim()} == {demo.batch, other.batch}


def test_a_request_that_only_the_demo_made_is_read_again_and_found(house, demo_reads_it_otherwise):
    demo_reads_it_otherwise(True)
    made = open_batch(house, entry="demo")
    demo_reads_it_otherwise(False)
    assert broken(["parity"], [made.batch]) == {"parity": "its parameters are not what was asked for (demo)"}


def test_one_item_in_two_requests_is_compared_too(house, demo_reads_it_otherwise):
    tenant = house.tenant()
    open_batch(house, tenant=tenant, count=10)
    demo_reads_it_otherwise(True)
    open_batch(house, tenant=tenant, count=11, request_id="order-2", entry="demo")
    demo_reads_it_otherwise(False)
    (result,) = promises.run(["parity"])
    found = {row["what"] for row in result.seen.sample}
    assert "one item as given has 2 fingerprints, through api, demo" in found


def test_another_version_of_the_pipeline_is_no_divergence(house, monkeypatch):
    tenant = house.tenant()
    one = completed_batch(house, tenant=tenant)
    honest = video.versions
    with monkeypatch.context() as patch:
        patch.setattr(video, "versions", lambda: {**honest(), "payload_schema": 99})
        patch.setattr(intake, "ASPECT_DEFAULT", "1:1")
        two = complete(open_batch(house, tenant=tenant, request_id="order-2", entry="demo"))
    with worker_scope():
        rows = query("SELECT count(DISTINCT fingerprint) AS n FROM batch WHERE id = ANY(%s)", [[one.batch, two.batch]])
    assert rows == [{"n": 2}]
    assert broken() == {}


def test_what_was_asked_is_kept_as_it_was_given(house):
    tenant = house.tenant()
    made = open_batch(house, tenant=tenant)
    asked = [{"params": {"prompt": f"  A kettle {n} ", "platform": "tiktok", "duration": 4}} for n in range(10)]
    with tenant_scope(tenant.id, "customer"), pytest.raises(Exception, match=r"append-only|permission denied"):
        query("UPDATE batch_request SET given = '[]' WHERE batch = %s", [made.batch])
    with worker_scope():
        video.grant(tenant.id, 100, "pilot_grant", "more")
    with tenant_scope(tenant.id, "customer"):
        second = video.create_batch("order-2", intake.items(asked))
        (row,) = query(
            "SELECT r.given::jsonb AS given, i.params FROM batch b JOIN batch_request r ON r.batch = b.id"
            " JOIN item i ON i.batch = b.id AND i.position = 1 WHERE b.public_id = %s",
            [second.batch_id],
        )
    assert row["given"][0] == {"image_sha256": None, "params": asked[0]["params"]}
    assert row["params"] == {"aspect": "9:16", "prompt": "A kettle 0", "seconds": 4}
    assert broken() == {}


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM batch_request",
        "UPDATE batch_request SET given = replace(given, 'kettle', 'pan')",
        "UPDATE batch_request SET given = 'x', given_sha256 = encode(sha256('x'), 'hex')",
        "UPDATE batch_request SET given = '[1]', given_sha256 = encode(sha256('[1]'), 'hex')",
    ],
)
def test_a_request_that_was_lost_or_changed_is_named(house, statement):
    made = completed_batch(house)
    plant(house, statement)
    assert broken(["parity"], [made.batch]) == {"parity": "what was asked for is lost or was changed"}
