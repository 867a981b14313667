"""What the desk's first page says of pilots: those that wait for an operator now, over all programs."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.watch.desk_work import DeskNeed, declare_need

from .limits import DESK_NEEDS_ROWS
from .pilot_reads import pilots
from .pilot_words import NEXT, STATES

# In these states the next step is ours; a qualified prospect and an active pilot move without us.
OURS = ("prospect", "locked", "preparing", "retrying", "paused", "review", "failed", "inconclusive")


def needs() -> list[Row]:
    """Pilots whose next step is ours, the nearest due first."""
    rows = pilots(states=OURS, count=DESK_NEEDS_ROWS, by_due=True)
    shown = []
    for row in rows:
        label, tone = STATES[row["state"]]
        due = row["due_at"] or row["timer_at"]
        shown.append(
            {
                "title": row["company"], "url": reverse("pilots:desk_pilot", args=[row["public_id"]]),
                "state": row["state"], "tone": tone, "label": label, "words": NEXT[row["state"]], "due_at": due,
                "is_late": due is not None and due < row["now"],
            }
        )  # fmt: skip
    return shown


def register() -> None:
    """Make it known to the desk, once."""
    declare_need("pilots", DeskNeed(_("Pilots that wait for us"), "pilots:desk_pilots", needs))
