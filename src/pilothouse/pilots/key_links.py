"""The one-time link from which a pilot's key is born: the raw key exists nowhere before it is opened."""

from django.conf import settings
from django.urls import reverse

from pilothouse.kernel.access.commands import create_reveal_link

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
