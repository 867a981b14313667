"""Messages and reports of a pilot: a text of its runbook, filled from live data, judged again, sent and kept.

1. `draft` fills the text with one look at the pilot; what it was made from is its inputs, whose hash it carries.
2. `send_message` queues the mail or the post in the open transaction, keeps the message as it was, and tells the
   timeline its hashes, so that a message that is changed later no longer is what was sealed.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.mail import post_mail
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.outbox.notices import Chat, notify
from pilothouse.ui.papers import Paper

from .digests import recipients
from .evaluation import Look, look
from .figures import drawn, figures_of
from .limits import NOTE_MAX_CHARACTERS
from .message_models import PilotMessage
from .pilot_errors import NotForChat, NowhereToPost, OnlyByItsStep
from .pilot_models import Pilot
from .pilot_money import credits_of
from .pilot_reads import text_of
from .pilot_steps import tell
from .runbook import Runbook, Text, pinned
from .slots import SPOKEN, values
from .text_lint import SLOT, check_customer_text, check_letters

# Texts of these channels are sent by a person or a step; the others are read or belong to another room.
CHANNELS = ("chat", "mail", "note")
IN_MAIL_ALONE = "(in the mail alone)"
# What only the step that makes it can fill.
STEP_SLOTS = frozenset({"key_link"})
# A customer's own words in a text of ours.
THEIR_SLOTS = frozenset({"batch_id", "company", "name", "webhook_url"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A text as it would be sent now."""

    text: Text
    paper: Paper
    slots: Mapping[str, str]


def slots_of(text: Text) -> set[str]:
    """The names of the slots of a text."""
    return set(SLOT.findall(f"{text.subject}\n{text.body}"))


def fill(words: str, slots: Mapping[str, str]) -> str:
    """A text with its slots filled; every slot has a value."""
    return SLOT.sub(lambda found: slots[found[1]], words).strip()


def texts_of(runbook: Runbook) -> list[Text]:
    """The texts that are messages and reports, in the runbook's order."""
    return [text for text in runbook.texts.values() if text.channel in CHANNELS]


def text_in(runbook: Runbook, text_id: str) -> Text:
    """One of them; InvalidInput for an unknown one."""
    text = next((each for each in texts_of(runbook) if each.id == text_id), None)
    if text is None:
        raise InvalidInput(reason=f"The runbook has no text {text_id!r}.")
    return text


def draft(pilot: Pilot, text_id: str, spoken: Mapping[str, str] | None = None, seen: Look | None = None) -> Draft:
    """A text of the pilot's runbook filled as of now (operators' or worker's scope).

    `spoken` are slots that a person typed. Raises InvalidInput for an unknown text, and what `check_customer_text`
    raises for words that a customer may not read.
    """
    runbook = pinned(pilot.runbook_hash)
    text = text_in(runbook, text_id)
    told = {name: text_of(words, name, NOTE_MAX_CHARACTERS, required=False) for name, words in (spoken or {}).items()}
    for name, words in told.items():
        check_letters(name, words)
    seen = seen or look(pilot)
    slots = values(pilot, sorted(slots_of(text) - {"boundary"}), told, seen)
    # The statement is used verbatim, so its lines stay lines (requirement ENP-022).
    if "boundary" in slots_of(text):
        slots["boundary"] = runbook.body.get("boundary", "").strip()
    figures = figures_of(seen, credits_of(pilot)) if text.channel == "note" else []
    inputs = {
        "text": text.id, "pilot": pilot.public_id, "attempt": pilot.attempt, "runbook": pilot.runbook_hash,
        "as_of": seen.scope.now.isoformat(), "slots": slots, "figures": figures,
    }  # fmt: skip
    return Draft(text, paper_of(runbook, inputs), slots)


def paper_of(runbook: Runbook, inputs: Mapping[str, Any]) -> Paper:
    """The paper that follows from these inputs, as a draft or as it was kept."""
    text, slots = runbook.texts[inputs["text"]], inputs["slots"]
    _judge(text, slots)
    title = re.sub(r"\s+", " ", fill(text.subject, slots))
    return Paper(
        title, fill(text.body, slots), inputs, [drawn(figure) for figure in inputs["figures"]],
        head=[("Pilot", inputs["pilot"]), ("As of", f"{inputs['as_of'][:16].replace('T', ' ')} UTC")],
    )  # fmt: skip


def _judge(text: Text, slots: Mapping[str, str]) -> None:
    """What a customer will read is judged once more with its values in it; their own words and links are theirs."""
    if text.audience == "customer":
        own = {key: "" if key in THEIR_SLOTS or "://" in value else value for key, value in slots.items()}
        check_customer_text(f"Text {text.id}", fill(f"{text.subject}\n\n{text.body}", own))


def send_message(
    pilot: Pilot, text_id: str, spoken: Mapping[str, str], *, to: Collection[str] = (),
    sealed: Mapping[str, str] | None = None, channel: str = "", key: str = "",
) -> PilotMessage:  # fmt: skip
    """Send a text in the open transaction and keep it; returns what is kept. The same `key` sends once.

    It goes by mail to the pilot's contact, or to us when it is internal, or to `to`; by chat to the addresses in
    ALERT_URLS. The values in `sealed` stand in the mail alone. Raises NotForChat, NowhereToPost and OnlyByItsStep.
    """
    key = key or new_id("once")
    # Whoever holds the pilot's row is the only one who asks whether the key was used.
    Pilot.objects.select_for_update(of=("self",)).get(id=pilot.id)
    known = PilotMessage.objects.filter(pilot_id=pilot.id, key=key).first()
    if known is not None:
        return known
    sealed = sealed or {}
    made = draft(pilot, text_id, {**spoken, **dict.fromkeys(sealed, IN_MAIL_ALONE)})
    text = made.text
    if STEP_SLOTS & slots_of(text) - set(sealed):
        raise OnlyByItsStep(text=text_id)
    channel = channel or ("mail" if text.audience == "customer" else text.channel)
    if channel == "chat":
        _post(pilot, made)
        receivers = ["chat"]
    elif channel == "mail":
        receivers = list(to) or ([pilot.form["contact_email"]] if text.audience == "customer" else recipients())
        _mail(pilot, made, receivers, sealed)
    else:
        receivers = []
    return _keep(pilot, made, channel, receivers, key)


def _post(pilot: Pilot, made: Draft) -> None:
    if made.text.audience == "customer":
        raise NotForChat(text=made.text.id)
    if not settings.ALERT_URLS:
        raise NowhereToPost()
    # The words begin with the subject already where the source's template has it.
    words = f"{made.paper.markdown}{_source(made)}"
    notify([Chat(url, made.paper.title, words) for url in settings.ALERT_URLS])


def _source(made: Draft) -> str:
    """What stands below the words of a message that leaves: the hash of what it was made of."""
    return f"\n\n--\nInputs SHA-256: {made.paper.inputs_sha256}\n"


def _mail(pilot: Pilot, made: Draft, receivers: list[str], sealed: Mapping[str, str]) -> None:
    paper, slots = made.paper, {**made.slots, **sealed}
    words = f"{fill(made.text.body, slots)}{_source(made)}"
    is_theirs = made.text.audience == "customer"
    post_mail(
        receivers, paper.title, words, tenant=pilot.tenant_id if is_theirs else None,
        echoed=(pilot.company, *slots.values()) if is_theirs else (),
    )  # fmt: skip


def _keep(pilot: Pilot, made: Draft, channel: str, receivers: list[str], key: str) -> PilotMessage:
    paper = made.paper
    row = PilotMessage.objects.create(
        tenant_id=pilot.tenant_id, public_id=new_id("msg"), pilot_id=pilot.id, attempt=pilot.attempt,
        text=made.text.id, audience=made.text.audience, channel=channel, recipients=receivers, subject=paper.title,
        body=paper.markdown, inputs=paper.inputs, inputs_sha256=paper.inputs_sha256, body_sha256=paper.body_sha256,
        sent_at=business_now(), sent_by=current_scope().actor, key=key,
    )  # fmt: skip
    told = {
        "text": made.text.id, "message": row.public_id, "subject": row.subject, "channel": channel, "to": receivers,
        "inputs_sha256": row.inputs_sha256, "body_sha256": row.body_sha256, "slots": sorted(made.slots),
    }  # fmt: skip
    tell(pilot, "message", told, made.text.audience)
    return row


def spoken_slots(text: Text) -> list[str]:
    """The slots of a text that a person may type, in the order of SPOKEN."""
    mine = slots_of(text)
    return [name for name in SPOKEN if name in mine]
