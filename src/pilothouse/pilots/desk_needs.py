"""What the desk's first page says of pilots: those that wait for an operator now, over all programs."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.ledger.limits import GRANT_UNSIGNED_MAX_CREDITS, GRANT_WINDOW_HOURS
from pilothouse.kernel.ledger.queries import unsigned_grants
from pilothouse.kernel.watch.desk_work import DeskNeed, declare_need

from .limits import DESK_NEEDS_ROWS, OPEN_PILOTS_MAX_ROWS
from .pilot_models import Pilot
from .pilot_reads import pilots
from .pilot_words import STATES, next_words
from .runbook import pinned
from .self_service import SELF

# In these states the next step is ours; an active pilot moves without us, and a qualified one where its customer has
# something to confirm.
OURS = ("prospect", "locked", "preparing", "retrying", "paused", "review", "failed", "inconclusive")


def needs() -> list[Row]:
    """Pilots whose next step is ours, the nearest due first."""
    rows = pilots(states=OURS, count=DESK_NEEDS_ROWS, by_due=True)
    qualified = pilots(states=("qualified",), count=OPEN_PILOTS_MAX_ROWS, by_due=True)
    rows += [row for row in qualified if not pinned(row["runbook_hash"]).group("expectation")]
    rows = sorted(rows, key=_due)[:DESK_NEEDS_ROWS]
    shown = []
    for row in rows:
        label, tone = STATES[row["state"]]
        due = row["due_at"] or row["timer_at"]
        shown.append(
            {
                "title": row["company"], "url": reverse("pilots:desk_pilot", args=[row["public_id"]]),
                "state": row["state"], "tone": tone, "label": label, "due_at": due,
                "words": next_words(row["state"], confirms=False), "is_late": due is not None and due < row["now"],
            }
        )  # fmt: skip
    return [*_self_service(), *shown]


def _self_service() -> list[Row]:
    """That accounts which begin by themselves wait for the day's credits, or that all of these are given out."""
    waiting = Pilot.objects.filter(state="preparing", owner=SELF).order_by("id")[:DESK_NEEDS_ROWS]
    done, at = unsigned_grants(min((int(pilot.form.get("credits", 0)) for pilot in waiting), default=1))
    if at is None:
        return []
    words = _("%(done)s of %(most)s credits of %(hours)s hours are given out; the next wait. Activate one by hand.")
    said = words % {"done": done, "most": GRANT_UNSIGNED_MAX_CREDITS, "hours": GRANT_WINDOW_HOURS}
    return [
        {
            "title": _("Pilots that begin by themselves"), "url": reverse("pilots:desk_pilots"), "state": "preparing",
            "tone": "held", "label": _("Bound reached"), "due_at": at, "words": said, "is_late": False,
        }
    ]  # fmt: skip


def _due(row: Row) -> tuple[bool, Any]:
    """Sorts the nearest due first, and what has no day last."""
    due = row["due_at"] or row["timer_at"]
    return (due is None, due or row["now"])


def register() -> None:
    """Make it known to the desk, once."""
    declare_need("pilots", DeskNeed(_("Pilots that wait for us"), "pilots:desk_pilots", needs))
