"""The final report of a market's pilot (requirement ESC-051) and its day, in the source's templates."""

import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

sys.path.insert(0, str(Path(__file__).parent))
from test_deals_pilot import Pilot

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.pilots import digests
from pilothouse.pilots.messages import draft, send_message
from pilothouse.pilots.pilot_reads import access_pilot
from pilothouse.programs.deals import commands

pytestmark = pytest.mark.house
REPORT = """# Final Report: Nomad Market

**Duration**: {from_date} - {to_date}
**Verdict**: not signed; the facts say: Success

## 1. Metrics Summary

- Settlement completion rate: 100 % (10 of 10; 10 matured; 95 %: 72.2 % to 100 %; target > 90 %; of all created 100 %): on target
- Average time to settle: {criterion_days_to_settle}
- Dispute frequency: 0 % (0 of 10; 10 matured; 95 %: 0 % to 27.8 %; target < 10 %; of all created 0 %): on target
- Evidence completeness: 100 % (no dispute; 10 matured; target = 100 %): on target

## 2. Feedback Summary

- User confusion points: none reported
- Template concerns: no form of feedback was given
- UI/UX issues: no form of feedback was given

## 3. Template Adjustments

- Changes made (if any): none
- Rationale for changes: none needed
- Impact of changes: no version to compare

## 4. Recommendations

- Expand to more countries/categories? Yes: every criterion is on target.
- Additional template parameters needed? None that a form asked for.
- UI/UX improvements needed? None that a form asked for."""  # noqa: E501


def test_the_final_report_and_the_day_are_the_sources_templates(
    timed_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ALERT_URLS", ["json://localhost"])
    pilot = Pilot(timed_house).active()
    market = pilot.market
    with worker_scope("test"):
        digests.follow("deals", market.tenant.id)
    for _ in range(10):
        deal = market.handed_over(1_000_000_00)
        with market.scope("buyer"):
            commands.approve(deal, market.buyer)
    market.pass_time(days=3)
    with pilot.ours():
        made = draft(access_pilot(pilot.id), "final_report")
        assert made.paper.markdown == REPORT.format(**made.slots)
        assert [figure["kind"] for figure in made.paper.inputs["figures"]] == ["bars", "columns"]
        day = draft(access_pilot(pilot.id), "daily_checklist").paper.markdown
        posted = send_message(access_pilot(pilot.id), "daily_summary", {})
    assert day.startswith("Date: ")
    assert "\n\nMorning Check (9:00 AM):\n[ ] Dispute list reviewed\n[ ] Errors checked\n[x] Admin" in day
    assert day.endswith("Deals Created: 0\nDeals Settled: 10\nDisputes Opened: 0\nIssues Identified: 0")
    assert posted.channel == "chat"
