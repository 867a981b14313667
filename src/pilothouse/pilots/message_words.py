"""When each text of a runbook is ready to be sent, and what the desk says about it."""

from collections.abc import Collection, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .evaluation import Look, look, open_p0, verdict_of
from .limits import MESSAGES_SHOWN_COUNT
from .message_models import PilotMessage
from .message_reads import sent_messages
from .messages import STEP_SLOTS, Draft, send_message, slots_of, text_in, texts_of
from .pilot_errors import NotYet
from .pilot_reads import access_pilot
from .runbook import Text

CHANNELS = {
    "mail": gettext_lazy("a mail to the customer"),
    "chat": gettext_lazy("our own, for the chat"),
    "note": gettext_lazy("our own report"),
}


def about(text: Text) -> str:
    """What kind of text it is."""
    return str(CHANNELS["mail" if text.audience == "customer" else text.channel])


def why_not_yet(made: Draft | Text, seen: Look) -> str:
    """Why a text cannot be sent at this point of the pilot; empty when it can."""
    text = made if isinstance(made, Text) else made.text
    pilot = seen.pilot
    if STEP_SLOTS & slots_of(text):
        return _("The activation sends it with the one-time link; a renewed link sends it again.")
    if text.audience == "customer" and not pilot.form.get("contact_email"):
        return _("There is no contact yet: answer the qualification first.")
    if text.when and pilot.since is None:
        return _("The pilot has not begun.")
    if text.when == "review" and pilot.review_at is None:
        return _("It is for the review, which has not begun.")
    state = pilot.verdict or (verdict_of(seen, open_p0(pilot)).state if text.when == "succeeded" else "")
    if text.when == "succeeded" and state != "succeeded":
        return _("It says that everything is confirmed, and the facts do not say so.")
    return ""


def send_ready(
    public_id: str, text_id: str, spoken: Mapping[str, str], *, to: Collection[str] = (), channel: str = "",
    key: str = "",
) -> PilotMessage:  # fmt: skip
    """Send a text of a pilot if it is its time, as a person does from the desk or the command line. Raises NotYet."""
    pilot = access_pilot(public_id)
    seen = look(pilot)
    why = why_not_yet(text_in(seen.runbook, text_id), seen)
    if why:
        raise NotYet(text=text_id, reason=why)
    return send_message(pilot, text_id, spoken, to=to, channel=channel, key=key)


def ready(seen: Look) -> list[dict[str, Any]]:
    """Every message and report of a pilot: whether it is ready, and when it was last sent."""
    sent: dict[str, list[Any]] = {}
    for row in sent_messages(pilot=seen.pilot.id, count=MESSAGES_SHOWN_COUNT * len(seen.runbook.texts)):
        sent.setdefault(row["text"], []).append(row)
    shown = []
    for text in texts_of(seen.runbook):
        mine = sent.get(text.id, [])
        why = why_not_yet(text, seen)
        state = ("settled", _("sent")) if mine else ("returned", _("later")) if why else ("held", _("ready"))
        shown.append({
            "id": text.id, "title": text.id.replace("_", " ").capitalize(), "about": about(text), "tone": state[0],
            "label": state[1], "times": len(mine), "last": mine[0]["sent_at"] if mine else None, "why": why,
        })  # fmt: skip
    return shown
