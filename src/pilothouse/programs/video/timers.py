"""What happens when a batch's deadline is due."""

from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.commands import arm
from pilothouse.kernel.lifecycle.timers import on_timer

from .endings import end_open
from .limits import BATCH_DEADLINE_S

SQL = Statements(__file__)
PAUSED_AGAIN_S = 60.0


@on_timer("batch", "batch_deadline")
def batch_deadline(fired: list[Row]) -> None:
    """End what is still open as `timeout`, with its credits back.

    Time behind a closed `no_dispatch` gate is not the customer's delay: the deadline moves back by as much.
    """
    batches = [row["subject_id"] for row in fired]
    waits = SQL.rows("paused_batches", batches=batches, deadline_s=BATCH_DEADLINE_S, again_s=PAUSED_AGAIN_S)
    paused = {row["id"]: row["wait_s"] for row in waits}
    for row in fired:
        if row["subject_id"] in paused:
            arm("batch", "batch_deadline", [(row["tenant"], row["subject_id"])], paused[row["subject_id"]])
    if paused:
        SQL.execute("move_deadlines", batches=list(paused), waits=list(paused.values()))
    end_open([key for key in batches if key not in paused], reason="timeout", claim=new_id("deadline"))
