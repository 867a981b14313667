"""Message texts of a runbook: filled from live data, judged again, queued with the step that they tell about."""

import re
from collections.abc import Collection, Mapping

from django.conf import settings
from django.urls import reverse

from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.mail import post_mail

from .pilot_models import Pilot
from .pilot_steps import tell
from .runbook import pinned
from .text_lint import SLOT, check_customer_text

EMPTY = "—"


def common_slots(pilot: Pilot) -> dict[str, str]:
    """What the texts of a pilot are filled with whatever they tell about."""
    return {
        "product": settings.PRODUCT_NAME,
        "company": pilot.company,
        "name": pilot.form.get("contact_name", pilot.company),
        "docs_url": settings.ENTERPRISE_DOCS_URL,
        "example_url": settings.ENTERPRISE_EXAMPLES_URL,
        "boundary": pinned(pilot.runbook_hash).body.get("boundary", "").strip(),
        "pilot_url": settings.SITE_URL + reverse("pilots:mine"),
    }


def rendered(pilot: Pilot, text_id: str, slots: Mapping[str, str]) -> tuple[str, str]:
    """(subject, body) of a text of the pilot's runbook; a slot that nobody fills is a dash.

    What a customer will read is judged once more with its values in it. Raises InvalidInput for an unknown text, and
    what `check_customer_text` raises.
    """
    text = pinned(pilot.runbook_hash).texts.get(text_id)
    if text is None:
        raise InvalidInput(reason=f"The runbook has no text {text_id!r}.")
    values = {**common_slots(pilot), **slots}

    def fill(words: str, given: Mapping[str, str]) -> str:
        return SLOT.sub(lambda found: given.get(found[1]) or EMPTY, words).strip()

    if text.audience == "customer":
        # Names are the customer's own words; links are ours and hold random letters.
        own = {key: "" if key in ("company", "name", "batch_id") or "://" in v else v for key, v in values.items()}
        check_customer_text(f"Text {text_id}", fill(f"{text.subject}\n\n{text.body}", own))
    return re.sub(r"\s+", " ", fill(text.subject, values)), fill(text.body, values)


def send_message(
    pilot: Pilot, text_id: str, slots: Mapping[str, str], *, to: Collection[str] = (), sealed: Collection[str] = ()
) -> None:
    """Mail a text to the pilot's contact (or `to`) in the open transaction, and tell the timeline that it was sent.

    The values of the slots in `sealed` stand in the mail alone, never in the timeline.
    """
    subject, body = rendered(pilot, text_id, slots)
    receivers = list(to) or [pilot.form["contact_email"]]
    post_mail(receivers, subject, body, tenant=pilot.tenant_id, echoed=(pilot.company, *slots.values()))
    told = {"text": text_id, "subject": subject, "to": receivers, "slots": sorted(set(slots) - set(sealed))}
    tell(pilot, "message", told, "internal")
