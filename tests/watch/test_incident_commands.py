"""An operator takes a P0 from its opening to its end on the command line."""

import json
import os
import subprocess
import sys

import pytest
from command_line import said

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.watch.commands import open_incident

pytestmark = pytest.mark.house


def command(*words) -> tuple[int, str]:
    done = said(*words)
    return done.code, (done.out or done.err).strip()


def process(house, *words) -> tuple[int, str]:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "pilothouse.site.cli", *words],
        env=house.env(PYTHONPATH=os.pathsep.join(sys.path)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, (done.stdout or done.stderr).strip()


def test_a_p0_on_the_command_line(house, tmp_path):
    with worker_scope():
        incident = open_incident("demo_api_divergence", "Two pipelines", program="video")["public_id"]
    code, text = process(house, "gates", "list", "--json")
    (gate,) = [row["public_id"] for row in json.loads(text)]
    code, text = command("gates", "reopen", gate, "--by", "ada")
    assert (code, "the root cause of" in text) == (1, True)
    assert command("incidents", "acknowledge", incident, "--by", "ada")[0] == 0
    assert command("incidents", "cause", incident, "An old worker.", "--by", "ada")[0] == 0
    code, text = command("incidents", "resolve", incident, "Workers replaced.", "--by", "ada")
    assert (code, "second person" in text) == (1, True)
    assert command("gates", "reopen", gate, "--by", "ada") == (0, f"{gate} is open.")
    code, text = command("incidents", "resolve", incident, "Workers replaced.", "--by", "bo")
    assert (code, text) == (0, f"{incident} is P0 and resolved.")
    assert process(house, "incidents", "list") == (0, "No incident is open.")
    code, text = command("incidents", "history", incident, "--json")
    assert [row["actor"] for row in json.loads(text)] == ["worker", "ada", "ada", "bo"]
    code, text = command("incidents", "post-mortem", incident)
    assert (code, text.startswith("# Post-mortem: Two pipelines"), "An old worker." in text) == (0, True, True)
    paper = tmp_path / "paper.pdf"
    code, text = command("incidents", "post-mortem", incident, "--out", str(paper))
    assert (code, paper.read_bytes()[:5]) == (0, b"%PDF-")
    assert command("incidents", "post-mortem", "inc_none")[0] == 1


def test_a_gate_over_one_tenant_on_the_command_line(house):
    tenant = house.tenant()
    assert command("gates", "close", "nothing", "A reason.")[0] == 1
    assert command("gates", "close", "video", "A reason.", "--tenant", "ten_none")[0] == 1
    code, text = command("gates", "close", "video", "A reason.", "--tenant", tenant.public_id, "--no-dispatch")
    assert code == 0
    code, text = command("gates", "list", "--json")
    (row,) = json.loads(text)
    assert (row["tenant"], row["mode"], row["reason"]) == (tenant.public_id, "no_dispatch", "A reason.")
