"""`pilothouse rehearse`: what it refuses, and how it compares two rehearsals."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pilothouse.site.rehearsal_screen import compare

pytestmark = pytest.mark.house


def rehearse(house: Any, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as its own process."""
    return subprocess.run(
        [sys.executable, "-m", "pilothouse.site.cli", "rehearse", *words],
        env=house.env(PYTHONPATH=os.pathsep.join(sys.path)), capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_an_unknown_program_and_unreadable_terms_are_refused(shared_house: Any, tmp_path: Path) -> None:
    unknown = rehearse(shared_house, "balloons")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "deals, video" in unknown.stderr
    (tmp_path / "terms.json").write_text("{")
    unread = rehearse(shared_house, "deals", "--terms", str(tmp_path / "terms.json"))
    assert (unread.returncode, unread.stdout) == (1, "")
    assert "cannot be read as terms" in unread.stderr


@pytest.mark.slow
def test_terms_that_cannot_be_used_are_refused_with_their_reason(shared_house: Any, tmp_path: Path) -> None:
    (tmp_path / "terms.json").write_text('{"holdbackRatio": "2.0"}')
    refused = rehearse(shared_house, "deals", "--days", "1", "--terms", str(tmp_path / "terms.json"))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "These terms cannot be used" in refused.stderr
    assert "Traceback" not in refused.stderr


def told(settled: int, verdict: str) -> dict[str, Any]:
    criterion = {"title": "Deals that reach SETTLED", "value": 0.9, "unit": "share"}
    return {
        "pilot": {"verdict": verdict, "criteria": [criterion]},
        "money": [{"unit": "CREDIT", "parts": {"settled": settled}}],
        "incidents": [], "lateness": {"fired": 3, "worst_s": 7_200.0}, "findings": [],
    }  # fmt: skip


def test_a_comparison_shows_both_values_of_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    compare(told(280, "succeeded"), told(150, "failed"), "v2")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    for line in (
        ["Verdict", "succeeded", "failed"],
        ["Settled", "280", "credits", "150", "credits"],
        ["Worst", "lateness", "2.0", "h", "2.0", "h"],
    ):
        assert line in lines
