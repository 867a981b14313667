"""Who may tick which line: facts tick machine lines, each side and each role its own; the schema holds it too."""

import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.pilots.attestations import attest_customer, attest_ours
from pilothouse.pilots.evaluation import look
from pilothouse.pilots.pilot_errors import LineNotYours
from pilothouse.pilots.pilot_reads import access_pilot

sys.path.insert(0, str(Path(__file__).parent))
from pilot_world import VideoPilot

pytestmark = pytest.mark.house


def made_pilot(house: Any) -> VideoPilot:
    """A pilot that runs."""
    return VideoPilot(house).active()


def test_no_command_ticks_a_machines_line(pilot: VideoPilot) -> None:
    machine = [line.id for line in pilot.look().runbook.lines.values() if line.kind == "machine"]
    assert len(machine) > 15
    for line in machine:
        with pilot.ours(), pytest.raises(LineNotYours):
            attest_ours(pilot.id, line, True)
        with pilot.theirs("owner"), pytest.raises(LineNotYours):
            attest_customer(pilot.id, line, "owner", True)


def test_each_side_and_role_speaks_for_itself(pilot: VideoPilot) -> None:
    with pilot.ours(), pytest.raises(LineNotYours):
        attest_ours(pilot.id, "finance_confirms", True)
    for role in ("engineer", "owner"):
        with pilot.theirs(role), pytest.raises(LineNotYours):
            attest_customer(pilot.id, "finance_confirms", role, True)
    with pilot.theirs("finance"), pytest.raises(LineNotYours):
        attest_customer(pilot.id, "engineering_confirms", "finance", True)
    with pilot.theirs("owner"), pytest.raises(LineNotYours):
        attest_customer(pilot.id, "review_held", "owner", True)
    with pilot.theirs("finance"):
        first = attest_customer(pilot.id, "finance_confirms", "finance", True)
    with pilot.theirs("finance"):
        again = attest_customer(pilot.id, "finance_confirms", "finance", True)
    assert first.public_id == again.public_id, "a second click says nothing new"
    with pilot.ours(), pytest.raises(InvalidInput):
        attest_ours(pilot.id, "deliverables", True, applicable=False)


INSERT = (
    "INSERT INTO pilot_attestation (tenant, public_id, pilot_id, attempt, line, side, role, actor, at, agrees)"
    " SELECT tenant, %(id)s, id, attempt, %(line)s, %(side)s, %(role)s, %(actor)s, base.clock_now(), true"
    " FROM pilot WHERE public_id = %(pilot)s RETURNING id"
)
ENGINEER, FINANCE = "user:engineer@northwind.example", "user:finance@northwind.example"
US = "operator:operator@ours.example"
FORGED = {
    "a machine's line by us": ("ph_ops", "batch_completed", "ours", "operator", US),
    "a machine's line by the customer": ("ph_app", "batch_completed", "customer", "engineer", ENGINEER),
    "Finance by us": ("ph_ops", "finance_confirms", "customer", "finance", FINANCE),
    "Finance by the engineer": ("ph_app", "finance_confirms", "customer", "finance", ENGINEER),
    "Finance in the engineer's role": ("ph_app", "finance_confirms", "customer", "engineer", ENGINEER),
    "our line by the customer": ("ph_app", "review_held", "ours", "operator", US),
    "a line that is not there": ("ph_ops", "whatever", "ours", "operator", US),
}  # fmt: skip
TRUE = {
    "Finance by Finance": ("ph_app", "finance_confirms", "customer", "finance", FINANCE),
    "our line by us": ("ph_ops", "review_held", "ours", "operator", US),
}


def insert(pilot: VideoPilot, role: str, line: str, side: str, said_role: str, actor: str) -> Any:
    with pilot.house.connect("ph_web") as web:
        web.execute(f"SET ROLE {role}")
        tenant = str(pilot.tenant.id) if role == "ph_app" else ""
        web.execute("SELECT set_config('app.tenant', %s, false), set_config('app.actor', %s, false)", [tenant, actor])
        given = {
            "id": f"att_{line}_{role}",
            "line": line,
            "side": side,
            "role": said_role,
            "actor": actor,
            "pilot": pilot.id,
        }
        return web.execute(INSERT, given).fetchone()


@pytest.mark.parametrize("what", FORGED)
def test_the_schema_refuses_it_whatever_the_code_forgets(pilot: VideoPilot, what: str) -> None:
    with pytest.raises(psycopg.Error, match="line"):
        insert(pilot, *FORGED[what])


@pytest.mark.parametrize("what", TRUE)
def test_the_schema_takes_what_is_true(pilot: VideoPilot, what: str) -> None:
    assert insert(pilot, *TRUE[what]) is not None


def test_the_customers_look_holds_nothing_internal(pilot: VideoPilot) -> None:
    with pilot.theirs():
        seen = look(access_pilot(pilot.id), "customer")
    assert {each.line.visibility for each in seen.lines} == {"customer"}
    assert {each.metric.visibility for each in seen.metrics} == {"customer"}
