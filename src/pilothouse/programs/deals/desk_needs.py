"""What the desk's first page says of deals: disputes and contested handovers, which operators decide."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.watch.desk_work import DeskNeed, declare_need
from pilothouse.kernel.watch.limits import DESK_HOME_ROWS
from pilothouse.ui.units import amount_text

from . import desk_reads
from .desk_views import coded


def disputes() -> list[Row]:
    """Open disputes, the nearest expiry first."""
    return [
        {
            "title": row["title"], "url": reverse("deals:desk_dispute", args=[row["public_id"]]),
            "state": row["state"], "tone": "held", "label": coded(row["state"]),
            "words": _("%(market)s: %(claimed)s claimed of %(price)s") % {
                "market": row["tenant_name"], "claimed": amount_text(row["claimed"], row["unit"]),
                "price": amount_text(row["price"], row["unit"]),
            },
            "due_at": row["due_at"], "is_late": row["due_at"] < row["now"],
        }
        for row in desk_reads.disputes(count=DESK_HOME_ROWS)
    ]  # fmt: skip


def handovers() -> list[Row]:
    """Contested handovers, the nearest review first."""
    return [
        {
            "title": row["title"], "url": reverse("deals:desk_handover", args=[row["public_id"]]),
            "state": "contested", "tone": "held", "label": _("Contested"),
            "words": f"{row['tenant_name']}: {coded(row['contest_reason'])}",
            "due_at": row["due_at"], "is_late": row["due_at"] < row["now"],
        }
        for row in desk_reads.handovers(count=DESK_HOME_ROWS)
    ]  # fmt: skip


def register() -> None:
    """Make it known to the desk, once."""
    declare_need("disputes", DeskNeed(gettext_lazy("Disputes to decide"), "deals:desk_disputes", disputes))
    declare_need("handovers", DeskNeed(gettext_lazy("Contested handovers"), "deals:desk_disputes", handovers))
