"""What the desk's templates show: the history of a payment or payout in sentences."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.base.sql import Row

SENTENCES = {
    ("payment", "receive"): _("Came in from {source}"),
    ("payment", "match"): _("Paid {subject}"),
    ("payment", "send_back"): _("Sent back, reference {reference}"),
    ("payment", "close"): _("Used up: {subject}{reference}"),
    ("payout", "create"): _("Became due"),
    ("payout", "file"): _("Put into the bank file {bank_file}"),
    ("payout", "send"): _("Sent by the bank, reference {reference}"),
    ("payout", "confirm"): _("Arrived"),
    ("payout", "fail"): _("Did not arrive: {reason}"),
    ("payout", "retry"): _("Due again after {attempts} tries"),
}


class _Told(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def history(kind: str, events: Sequence[Row]) -> list[dict[str, Any]]:
    """Events for the timeline, the newest first; each with the money that it moved."""
    found = []
    for row in reversed(events):
        text = SENTENCES.get((kind, row["type"]))
        said = str(text).format_map(_Told(row["data"])) if text else str(row["type"]).replace("_", " ")
        found.append(
            {
                "at": row["at"], "actor": row["actor"], "type": row["type"], "sentence": said,
                "amount": row["data"].get("amount"),
            }
        )  # fmt: skip
    return found
