"""What must always hold of deals, and the objectives that they live by."""

from pathlib import Path

from pilothouse.kernel.watch.checks import declare_promises
from pilothouse.kernel.watch.deadlines import Deadline, declare_deadlines
from pilothouse.kernel.watch.slos import API_AVAILABILITY, API_LATENCY, TIMER_LATENESS, Slo, declare_slos, enough_for

FOLDER = Path(__file__).parent / "sql"
PROMISES = declare_promises((), FOLDER / "invariants")
DISPUTES_DECIDED = Slo(
    "disputes_decided", "Disputes ended by people before their time was over", "ratio", 0.95, enough_for(0.95),
    FOLDER / "slos" / "disputes_decided.sql",
)  # fmt: skip
HANDOVERS_DECIDED = Slo(
    "handovers_decided", "Contested handovers ended by people before their time was over", "ratio", 0.95,
    enough_for(0.95), FOLDER / "slos" / "handovers_decided.sql",
)  # fmt: skip
SLOS = declare_slos((API_AVAILABILITY, API_LATENCY, TIMER_LATENESS, DISPUTES_DECIDED, HANDOVERS_DECIDED))
DEADLINES = declare_deadlines(
    (
        Deadline("disputes", "Disputes ended by people before their time was over", FOLDER / "deadlines/disputes.sql"),
        Deadline(
            "handovers", "Contested handovers ended by people before their time was over",
            FOLDER / "deadlines/handovers.sql",
        ),
    )
)  # fmt: skip
