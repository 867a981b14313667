"""`pilothouse demo pilot`: two whole pilots by the command line, and what the command prints of them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from live_tree import cli, data_folder, left_behind

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(1800)]
MOST_S = 1700
FAILURES = (
    "rollback_trigger", "no_batch", "webhook_never_received", "finance_mismatch", "parity_without_proof",
    "parity_with_proof", "promise_breach",
)  # fmt: skip


@pytest.mark.skipif(shutil.which("npm") is None, reason="the internal checklist runs the Node example")
def test_two_pilots_from_prospect_to_signed_verdict() -> None:
    with data_folder() as data:
        done = cli(data, "demo", "pilot", "--data", str(data), "--json", timeout_s=MOST_S)
        assert done.returncode == 0, (done.stdout[-3000:], done.stderr[-3000:])
        found = json.loads(done.stdout)
        assert not left_behind(data)
        for run, phases, criteria in ((found["video"], 6, 3), (found["deals"], 6, 4)):
            assert run["holds"]
            assert run["state"] == run["verdict"] == "succeeded"
            assert run["verdict_by"]
            assert len(run["phases"]) == phases
            assert [each["verdict"] for each in run["criteria"]] == ["pass"] * criteria
            assert all(each["value"] is not None and each["target"] for each in run["criteria"])
            assert all(each["target"].partition(" ")[2] and "target" in each["words"] for each in run["criteria"])
            assert {Path(path).suffix for path in run["reports"]} == {".md", ".pdf"}
            assert run["lines"]["done"]["machine"] > 15
            assert run["lines"]["done"]["ours"] > 5
            by = {line["kind"]: line["by"] for phase in run["phases"] for line in phase["lines"] if line["at"]}
            assert by["machine"] == "machine"
            assert by["ours"].startswith("operator:")
        assert {each["path"]: each["holds"] for each in found["failures"]["paths"]} == dict.fromkeys(FAILURES, True)
        video, deals = found["video"], found["deals"]
        assert video["lines"]["done"]["customer"] == 12
        assert video["parity"]["verdict_when_asked"] == "failed (parity_question)"
        assert video["parity"]["refused_without_proof"] == "parity_not_proven"
        assert video["parity"]["verdict_when_proven"] == "failed (parity_question)"
        assert video["parity"]["verdict_when_accepted"] == "succeeded"
        assert [(each["kind"], each["state"]) for each in video["incidents"]] == [("webhook_signature", "resolved")]
        assert deals["deals"] == 12
        assert deals["invariants_broken"] == []
        assert all(Path(path).stat().st_size for run in (video, deals) for path in run["reports"])
        summary = next(path for path in deals["reports"] if path.endswith("daily_summary.md"))
        assert "Deals created: 0" in Path(summary).read_text(encoding="utf-8")
        # The folder is a demo's: without --demo its house is refused.
        assert video["look"][0] == f"pilothouse up --demo --data {data}"
        assert json.loads((data / "demo.json").read_text())["people"]["operator"] == "operator@pilothouse.example"
        _checked_alone(Path(video["export"]["folder"]))


def _checked_alone(folder: Path) -> None:
    """The verifier in the export agrees by itself, and no longer when a digit is another."""
    alone = [sys.executable, "-I", str(folder / "verify.py"), str(folder)]
    assert subprocess.run(alone, capture_output=True, check=False).returncode == 0
    ledger = folder / "ledger.jsonl"
    ledger.write_text(ledger.read_text(encoding="utf-8").replace("100", "101", 1), encoding="utf-8")
    assert subprocess.run(alone, capture_output=True, check=False).returncode == 1
