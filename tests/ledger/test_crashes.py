"""The server is killed under the ledger: what was acknowledged stands once, what was not can be sent again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pilothouse.kernel.base.postgres import throwaway_postgres

pytestmark = [pytest.mark.faults, pytest.mark.tamper]


def test_backends_killed_in_the_middle_of_transactions_lose_and_double_nothing(tmp_path):
    # A backend that dies by SIGKILL makes the whole server recover, so this test has a server of its own.
    with throwaway_postgres() as server:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PILOTHOUSE_")},
            "DATA": str(server.data),
            "DATABASE_NAME": "crash",
            "DATABASE_POOL": "0",
            "HOUSE_KIND": "test",
            "SEAL_HEAD_FOLDER": str(tmp_path),
            # The throwaway server acknowledges before it has written; a house's server does not.
            "PGOPTIONS": "-c synchronous_commit=on",
        }
        done = subprocess.run(
            [sys.executable, "-c", "import django; django.setup(); import crash_attack; crash_attack.main()"],
            cwd=Path(__file__).parent, env=environment, capture_output=True, text=True, timeout=240,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["killed"] == 3
    assert report["acknowledged"] > 100
    assert report["same"]
    assert (report["available"], report["held"], report["total"]) == (report["expected"], 0, 0)
    assert (report["broken"], report["seals"]) == ([], [])
