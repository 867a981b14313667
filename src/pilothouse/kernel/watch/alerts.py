"""Alerts: `[severity] message` lines for the people on call, through whatever apprise can reach.

A line is a notice of the outbox, written in the transaction that changed the incident and sent by the worker, again
and again until each channel took it. It is in the log in any case.
"""

from collections.abc import Sequence

import structlog
from django.conf import settings

from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.outbox.notices import Chat, notify

from .limits import ALERT_LINE_MAX_CHARACTERS

log = structlog.get_logger(__name__)


def alert(severity: str, message: str) -> None:
    """Queue one line `[severity] message` for each address in ALERT_URLS (worker or operator scope)."""
    alert_all([(severity, message)])


def alert_all(told: Sequence[tuple[str, str]]) -> None:
    """Queue a line for each (severity, message), in one statement."""
    notices = []
    for severity, message in told:
        line = f"[{severity}] {' '.join(message.split())}"[:ALERT_LINE_MAX_CHARACTERS]
        log.warning("alert", line=line)
        notices += [Chat(url, f"{settings.PRODUCT_NAME} {severity}", line) for url in settings.ALERT_URLS]
    notify(notices)


def alert_incidents(told: Sequence[tuple[Row, str]]) -> None:
    """Queue a line about each incident: its kind, what happened to it (the second value), its scope and its title."""
    lines = []
    for incident, news in told:
        scope = "/".join(filter(None, (incident["program"] or "platform", incident["subject"])))
        message = f"{incident['kind']} {news} ({scope}): {incident['title']} [{incident['public_id']}]"
        lines.append((incident["severity"], message))
    alert_all(lines)
