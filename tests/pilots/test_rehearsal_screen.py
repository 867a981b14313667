"""What a rehearsal shows to whoever decides whether to begin: why this verdict, what was late, what to do."""

import copy
from typing import Any

import pytest

from pilothouse.site.rehearsal_screen import next_steps, show

pytestmark = pytest.mark.unit
CRITERION = {
    "id": "completion", "title": "Deals that reach SETTLED", "value": 0.8, "of": 30, "unit": "share",
    "target": "> 0.9", "fail_at": "< 0.5", "verdict": "inconclusive", "sentence": "24 of 30",
}  # fmt: skip
TIMERS = {
    "name": "timers", "title": "Timers fired within a minute of being due", "count": 34, "late": 0, "excused": 0,
    "worst": "", "worst_s": 0.0, "worst_open": False, "counted": "0 of 34 late",
}  # fmt: skip
TOLD: dict[str, Any] = {
    "program": "deals", "days": 42, "seed": 5, "terms": {"name": "MN", "version": 1, "changes": []},
    "business_time": {"from": "2026-03-02T09:00:00Z", "to": "2026-04-13T09:00:00Z"},
    "pilot": {
        "verdict": "inconclusive", "signed": True, "blocked": "", "reasons": ["completion"], "insufficient": False,
        "criteria": [CRITERION], "lines": {"done": 41, "open": ["First feedback heard"]},
    },
    "money": [{"unit": "CREDIT", "into": 300, "parts": {"settled": 260, "held": 0, "available": 40}, "holds": True}],
    "series": [{"at": "", "settled": 0, "in_dispute": 0}, {"at": "", "settled": 4, "in_dispute": 0}],
    "lateness": {"count": 34, "late": 0, "worst_s": 0.0, "kinds": [TIMERS]},
    "faults": {"struck": {}, "planned": []}, "incidents": [], "findings": [], "story": [],
    "acts": {"done": 9, "refused": {"forbidden": 3}, "trespasses": {"forbidden": 2}},
}  # fmt: skip


@pytest.fixture
def told() -> dict[str, Any]:
    """A story that nobody has to play."""
    return copy.deepcopy(TOLD)


def shown(told: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    """The whole screen as one line of words."""
    show(told)
    return " ".join(capsys.readouterr().out.split())


def test_the_verdict_says_why(told: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    words = shown(told, capsys)
    assert "The verdict, signed by an operator: inconclusive." in words
    assert "not so far that it fails: Deals that reach SETTLED (80.0 %, aimed at > 90 %)." in words
    assert "41 lines done, 1 open: · First feedback heard" in words
    assert "in dispute" not in words, "what never happened has no line in the chart"
    assert "what was not theirs to do, 2 times, was refused each time: forbidden × 2." in words
    told["pilot"].update(verdict="failed", signed=False)
    told["pilot"]["criteria"][0].update(verdict="fail", value=0.4)
    words = shown(told, capsys)
    assert "If it ended here, the verdict would be failed." in words
    assert "Deals that reach SETTLED (40.0 %, fails at < 50 %)." in words


def test_money_is_an_equation_that_holds_or_does_not(told: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert "300 credits came in = the sum of these ✓ ■ 260 credits settled" in shown(told, capsys)
    told["money"][0].update(holds=False)
    assert "✗ they have another sum" in shown(told, capsys)


def test_what_was_late_is_counted_and_named(told: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert "Timers fired within a minute of being due 34, none late" in shown(told, capsys)
    late = {"late": 2, "counted": "2 of 34 late", "worst": "auto_approve of deal_1", "worst_s": 7_200.0, "excused": 1}
    told["lateness"]["kinds"][0].update(late)
    words = shown(told, capsys)
    for part in ("2 of 34 late", "the worst by 2.0 h: auto_approve of deal_1", "1 more late, not by our fault"):
        assert part in words


def test_the_next_step_follows_from_what_came_out(told: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    steps = next_steps(told)
    assert "settle before it begins" in steps[0]
    assert steps[-1].endswith("pilothouse rehearse deals --days 42 --seed 5 --faults")
    told["pilot"]["verdict"] = "succeeded"
    assert next_steps(told)[0] == "Nothing here speaks against beginning."
    told["faults"]["struck"] = {"worker_death": 1}
    assert next_steps(told)[-1].endswith("pilothouse rehearse deals --days 42 --seed 6 --faults")
    found = {"check": "stuck", "at": "2026-03-04T08:00:00Z", "rows": 1, "what": "a deal waits", "seed": 5}
    told["findings"] = [found]
    assert next_steps(told) == [
        "Do not begin: 1 thing came out that must not be so.",
        "The same again, act by act: pilothouse rehearse deals --days 42 --seed 5 --faults --story",
    ]
    words = shown(told, capsys)
    assert "✗ 1 thing came out that must not be so; see Checks. The verdict" in words
    assert "stuck day 3, 08:00 a deal waits" in words
