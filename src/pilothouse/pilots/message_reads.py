"""Finds the messages that were sent of pilots."""

from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.sql import Row, Statements

from .message_models import PilotMessage

SQL = Statements(__file__, "sql/messages")


def access_message(public_id: str, audience: str = "") -> PilotMessage:
    """A message that the open scope may see, of this audience when one is named; NotFound."""
    found = PilotMessage.objects.select_related("pilot").filter(public_id=public_id).first()
    if found is None or (audience and found.audience != audience):
        raise NotFound(what="message")
    return found


def sent_messages(
    *, pilot: int | None = None, text: str = "", audience: str = "", search: str = "", count: int, skip: int = 0
) -> list[Row]:
    """Messages without their inputs, the newest first, with the pilot's company and account."""
    return SQL.rows("sent", pilot=pilot, text=text, audience=audience, search=search, count=count, skip=skip)
