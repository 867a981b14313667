"""The one-time link from which a pilot's key is born: the raw key exists nowhere before it is opened."""

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from pilothouse.kernel.access.commands import create_reveal_link
from pilothouse.kernel.access.limits import REVEAL_LINK_LIFE_HOURS
from pilothouse.kernel.base.mail import post_mail
from pilothouse.kernel.base.scope import current_scope

from .pilot_models import Pilot
from .runbook import pinned


def key_link(pilot: Pilot, kind: str = "pilot", name: str = "") -> tuple[str, str]:
    """Make the link: (its public id, the address that reveals the key once). Raises KeysClosed before the lock."""
    body = pinned(pilot.runbook_hash).body
    row, token = create_reveal_link(
        pilot.tenant_id,
        name or body["key_name"].format(company=pilot.company),
        kind,
        rate_limit_per_min=int(body["key_rate_limit_per_min"]),
        sent_to=pilot.form.get("contact_email", ""),
    )
    return row.public_id, settings.SITE_URL + reverse("access_reveal", args=[token])


def mail_key_link(pilot: Pilot, name: str, link: str) -> None:
    """Mail a link to the pilot's contact, as the page of keys mails one; the account's own page opens it as well."""
    sender = current_scope().actor.removeprefix("operator:")
    words = {
        "account": pilot.company,
        "sender": sender,
        "name": name,
        "url": link,
        "hours": REVEAL_LINK_LIFE_HOURS,
        "product_name": settings.PRODUCT_NAME,
    }
    post_mail(
        [pilot.form["contact_email"]],
        render_to_string("access/email/reveal_subject.txt", words).strip(),
        render_to_string("access/email/reveal_message.txt", words),
        tenant=pilot.tenant_id,
        echoed=(pilot.company, sender, name),
    )
