"""LOG_SQL=1 writes statements to the log, console and file alike; without it none is written."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ASKS = """
import django
django.setup()
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
with worker_scope("test"):
    run("SELECT 4711 AS found")
"""


@pytest.mark.house
@pytest.mark.parametrize("on", ["1", "0"])
def test_statements_are_in_the_log_only_when_asked(house: Any, on: str) -> None:
    folder = Path(os.environ["DATA"]) / "logs"
    folder.mkdir(exist_ok=True)
    env = house.env(LOG_SQL=on, PROCESS_NAME=f"probe-{on}")
    done = subprocess.run(
        [sys.executable, "-c", ASKS], env=env, capture_output=True, text=True, timeout=120, check=True
    )
    written = folder / f"probe-{on}.jsonl"
    file = written.read_text() if written.exists() else ""
    assert ("SELECT 4711" in done.stderr, "SELECT 4711" in file) == (on == "1", on == "1")
