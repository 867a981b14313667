"""What happens when a batch's deadline is due."""

from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.commands import arm
from pilothouse.kernel.lifecycle.timers import on_timer

from .endings import end_open

SQL = Statements(__file__)
PAUSED_AGAIN_S = 60.0


@on_timer("batch", "batch_deadline")
def batch_deadline(fired: list[Row]) -> None:
    """End what is still open as `timeout`, with its credits back.

    A batch behind a closed `no_dispatch` gate is not the customer's delay: its deadline waits until the gate opens.
    """
    batches = [row["subject_id"] for row in fired]
    paused = {row["id"] for row in SQL.rows("paused_batches", batches=batches)}
    held = [(row["tenant"], row["subject_id"]) for row in fired if row["subject_id"] in paused]
    if held:
        arm("batch", "batch_deadline", held, PAUSED_AGAIN_S)
    end_open([key for key in batches if key not in paused], reason="timeout", claim=new_id("deadline"))
