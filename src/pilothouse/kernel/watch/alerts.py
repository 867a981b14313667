"""Alerts: `[severity] message` lines for the people on call, through whatever apprise can reach.

A line is a notice of the outbox, written in the transaction that changed the incident and sent by the worker, again
and again until each channel took it. It is in the log in any case.
"""

import structlog
from django.conf import settings

from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.outbox.notices import Chat, notify

from .limits import ALERT_LINE_MAX_CHARACTERS

log = structlog.get_logger(__name__)


def alert(severity: str, message: str, dedupe_key: str | None = None) -> None:
    """Queue one line `[severity] message` for each address in ALERT_URLS (worker or operator scope)."""
    line = f"[{severity}] {' '.join(message.split())}"[:ALERT_LINE_MAX_CHARACTERS]
    log.warning("alert", line=line)
    notify(
        [
            Chat(url, f"{settings.PRODUCT_NAME} {severity}", line, dedupe_key=dedupe_key and f"{dedupe_key}:{number}")
            for number, url in enumerate(settings.ALERT_URLS)
        ]
    )


def alert_incident(incident: Row, news: str) -> None:
    """Queue a line about an incident: its kind, what happened to it, its scope and its title."""
    scope = "/".join(filter(None, (incident["program"] or "platform", incident["subject"])))
    alert(
        incident["severity"],
        f"{incident['kind']} {news} ({scope}): {incident['title']} [{incident['public_id']}]",
    )
