"""The bank workload: random parallel actions on many deals by real processes that are killed in the middle of them.

Afterwards every deal's escrow account is empty or explained by an open deal with an armed timer, every invariant holds,
and once all time has passed and all that is owed is paid out, no account but the world's ever held anything else.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ENDS = {"SETTLED", "REFUNDED", "CANCELLED", "EXPIRED"}


def start(env: dict[str, str], code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", f"import django; django.setup(); import bank_workload; {code}"],
        cwd=HERE, env={**env, "DATABASE_POOL": "0"}, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def report_of(process: subprocess.Popen[str], patience_s: float) -> dict[str, Any]:
    try:
        out, err = process.communicate(timeout=patience_s)
    finally:
        process.kill()
    assert process.returncode == 0, err[-4000:]
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def prove(report: dict[str, Any], deals: int, kills: int) -> None:
    """Nothing is lost, doubled or stuck."""
    assert report["killed"] == kills
    assert report["wrong"] == []
    assert report["middle"] == {"broken": [], "unexplained": []}
    assert (report["broken"], report["unexplained"], report["stuck"], report["open_disputes"]) == ([], [], [], 0)
    assert set(report["ends"]) <= ENDS
    assert sum(report["ends"].values()) == deals
    assert set(report["balances"].values()) == {0}, "all that came in went out again, and nothing lies anywhere"
    assert report["done"].get("pay", 0) > 0
    assert report["done"].get("party", 0) > 0
    assert report["refused"] > 0


@pytest.mark.house
def test_processes_killed_again_and_again(timed_house: Any, tmp_path: Path) -> None:
    code = f"bank_workload.main(deals=10, processes=3, kills=10, seed=4, log_path={str(tmp_path / 'log')!r})"
    prove(report_of(start(timed_house.env(), code), 280), 10, 10)


@pytest.mark.faults
@pytest.mark.slow
def test_the_server_is_killed_as_well(tmp_path: Path) -> None:
    from own_server import own_server

    log = tmp_path / "log"
    code = f"bank_workload.main(deals=60, processes=4, kills=40, seed=9, log_path={str(log)!r})"
    with own_server() as server:
        env = {
            **os.environ, "DATA": str(server.database.data), "DATABASE_NAME": "rehearsal_bank", "HOUSE_KIND": "test",
            "PILOTHOUSE_TEST_SERVER": "1",
        }  # fmt: skip
        process = start(env, f"bank_workload.fresh_house(); {code}")
        for many in (50, 200, 350):
            patience = time.monotonic() + 180
            while process.poll() is None and time.monotonic() < patience:
                if log.exists() and log.read_text().count("\n") >= many:
                    break
                time.sleep(1)
            if process.poll() is None:
                server.kill()
                time.sleep(0.5)
                server.start()
        report = report_of(process, 300)
        assert report["away"] > 0, "the kill was felt"
        prove(report, 60, 40)
