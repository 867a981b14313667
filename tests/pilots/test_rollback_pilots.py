"""A rollback stops the clock of the pilot that it rolls back, and its end starts it again."""

from typing import Any

import pytest
from pilot_world import VideoPilot

from pilothouse.pilots.rollback_pilots import pause_pilots, resume_pilots


@pytest.mark.house
def test_the_pilots_clock_stands_still_for_the_rollback(timed_house: Any) -> None:
    pilot = VideoPilot(timed_house).active()
    deadline = pilot.row.deadline_at
    assert deadline is not None
    with pilot.ours():
        assert [pause_pilots("video", pilot.tenant.id) for _ in range(2)] == [1, 0]
    held = pilot.row
    assert (held.state, held.pause_reason, held.deadline_at) == ("paused", "rollback", None)
    with pilot.ours():
        assert [resume_pilots("video", pilot.tenant.id) for _ in range(2)] == [1, 0]
    assert (pilot.row.state, pilot.row.deadline_at) == ("active", deadline)
    with pilot.ours():
        assert pause_pilots("deals", pilot.tenant.id) == 0
