"""What the desk's first page says of money in and out: what waits to be matched, to be sent, or for a second person."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.payments import queries
from pilothouse.ui.units import amount_text

from .desk_work import DeskNeed, declare_need
from .limits import DESK_HOME_ROWS


def waiting_payments() -> list[Row]:
    """Money that came in and is in suspense, the nearest due first."""
    return [
        {
            "title": _("%(amount)s from %(payer)s") % {
                "amount": amount_text(each["row"].rest, each["row"].unit),
                "payer": each["row"].payer or each["row"].external_ref,
            },
            "url": reverse("payments:payment", args=[each["row"].public_id]),
            "state": "waiting", "tone": "held", "label": _("In suspense"), "words": each["row"].tenant.name,
            "due_at": each["row"].due_at, "is_late": each["overdue"],
        }
        for each in queries.payments("waiting", count=DESK_HOME_ROWS)
    ]  # fmt: skip


def open_payouts() -> list[Row]:
    """Payouts that failed or are due, those that failed first."""
    labels = {"failed": ("breach", _("Failed")), "due": ("held", _("Due"))}
    rows = [each for state in labels for each in queries.payouts(state, count=DESK_HOME_ROWS)]
    return [
        {
            "title": _("%(amount)s to %(person)s") % {
                "amount": amount_text(each["row"].amount, each["row"].unit), "person": each["row"].person.email,
            },
            "url": reverse("payments:payout", args=[each["row"].public_id]),
            "state": each["row"].state, "tone": labels[each["row"].state][0], "label": labels[each["row"].state][1],
            "words": each["row"].tenant.name, "due_at": each["row"].due_at, "is_late": each["overdue"],
        }
        for each in rows[:DESK_HOME_ROWS]
    ]  # fmt: skip


def requests() -> list[Row]:
    """What one operator asked to send out and another has to look at."""
    return [
        {
            "title": amount_text(row.amount, row.unit),
            "url": reverse("payments:approvals"),
            "state": "waiting", "tone": "held", "label": _("Waiting"),
            "words": _("asked by %(who)s, for %(account)s")
            % {"who": row.asked_by.partition(":")[2], "account": row.tenant.name},
            "due_at": None, "is_late": False,
        }
        for row in queries.requests("requested", count=DESK_HOME_ROWS)
    ]  # fmt: skip


def register() -> None:
    """Make it known to the desk, once."""
    declare_need(
        "send_requests", DeskNeed(gettext_lazy("Money that waits for a second person"), "payments:approvals", requests)
    )
    declare_need("payouts", DeskNeed(gettext_lazy("Payouts to send"), "payments:payouts", open_payouts))
    declare_need("payments", DeskNeed(gettext_lazy("Payments that wait"), "payments:incoming", waiting_payments))
