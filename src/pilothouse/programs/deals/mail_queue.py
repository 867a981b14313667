"""What a step leaves for the mails: one row, written in the step's own transaction. The worker makes words of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pilothouse.kernel.base.sealing import seal
from pilothouse.kernel.base.sql import Statements

from . import limits

SQL = Statements(__file__)
PURPOSE = "deal_mail"
# The events that both sides hear of. A signature is told only while it waits for the other side.
TOLD = (
    "accept", "approve", "cancel_funded", "cancel_in_inspection", "cancel_in_issue", "confirm_handover",
    "contest_handover", "correct_price", "expire_draft", "expire_funding", "expire_offer", "file_handover", "fund",
    "join", "offer", "raise_issue", "release_holdback", "respond", "settle_approved", "settle_issue", "sign",
    "withdraw",
)  # fmt: skip


def tell(kind: str, deals: Sequence[int], secret: str = "") -> None:
    """Tell of the newest event of these deals (`kind` deal) or of their disputes, and remind before the ends of the
    timers that now run; one statement. `secret` is the invitation's, which the mail to the invited carries."""
    SQL.execute(
        "queue_mails",
        kind=kind,
        deals=list(deals),
        told=list(TOLD),
        before_s=list(limits.REMINDERS_BEFORE_S),
        sealed=seal(PURPOSE, secret.encode()) if secret else "",
    )


def remind(kind: str, deals: Sequence[int]) -> None:
    """Only the reminders, where a timer was armed without an event that is told."""
    SQL.execute(
        "queue_mails", kind=kind, deals=list(deals), told=[], before_s=list(limits.REMINDERS_BEFORE_S), sealed=""
    )


def tell_of_money(public_id: str, about: str, key: str, side: str, data: Mapping[str, Any]) -> None:
    """Tell one side what became of their payment or payout; once for each `key`."""
    SQL.execute(
        "queue_money_mail", deal=public_id, about=about, key=f"{about}:{key}", side=side, data=json.dumps(dict(data))
    )
