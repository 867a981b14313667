"""`demo pilot` plays how pilots fail: what it prints of each is what the database holds."""

from typing import Any

import pytest

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.watch.models import Incident, ParityProof
from pilothouse.pilots.models import Attestation, Pilot
from pilothouse.site.pilot_demo_failures import failures_told, run_failures
from pilothouse.site.seed import seed

pytestmark = [pytest.mark.house, pytest.mark.tamper, pytest.mark.slow]
# Each path with its verdict, the incidents that it opens, and a state that it goes through.
WANTED = {
    "rollback_trigger": ("", {("P1", "rollback_proposed")}, "paused"),
    "no_batch": ("failed", set(), "active"),
    "webhook_never_received": ("failed", set(), "active"),
    "finance_mismatch": ("failed", {("P1", "ledger_mismatch")}, "active"),
    "parity_without_proof": ("failed", set(), "active"),
    "parity_with_proof": ("succeeded", set(), "active"),
    "promise_breach": ("failed", set(), "paused"),
}


def test_each_failure_is_what_the_database_says(timed_house: Any) -> None:
    seed()
    said: list[str] = []
    found = run_failures(said.append)
    paths = {each["path"]: each for each in found["paths"]}
    assert {name: each["unexpected"] for name, each in paths.items() if each["unexpected"]} == {}
    assert {name: each["verdict"] for name, each in paths.items()} == {k: v[0] for k, v in WANTED.items()}
    for name, each in paths.items():
        with worker_scope("test"):
            pilot = Pilot.objects.get(public_id=each["pilot"])
            opened = list(Incident.objects.filter(tenant_id=pilot.tenant_id))
        assert (pilot.state, pilot.verdict) == (each["state"], each["verdict"])
        assert {one.public_id for one in opened} == {one["incident"] for one in each["incidents"]}
        assert WANTED[name][1] <= {(one.severity, one.kind) for one in opened}
        assert WANTED[name][2] in each["states"]
        assert f"✓ {name}" in failures_told(found)
    assert found["holds"]
    _parity(paths)
    breach = "\n".join(paths["promise_breach"]["happened"])
    assert "resuming without a root cause: refused, resume_refused" in breach
    assert "resuming while it is red: refused, resume_refused" in breach
    assert "its webhook is dead after 9 attempts" in "\n".join(paths["webhook_never_received"]["happened"])


def _parity(paths: dict[str, Any]) -> None:
    """The proof that was accepted is the one that is kept, and without one nothing was."""
    with worker_scope("test"):
        proof = ParityProof.objects.get()
        accepted = Attestation.objects.get(line="parity_accepted")
    assert accepted.proof_id == proof.id
    assert any(proof.public_id in words for words in paths["parity_with_proof"]["happened"])
    for path in ("parity_with_proof", "parity_without_proof"):
        assert "accepting without a proof: refused, parity_not_proven" in paths[path]["happened"]
