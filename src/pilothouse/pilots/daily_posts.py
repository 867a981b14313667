"""The updates that go to the chat by themselves: once at the end of each local day of a running pilot."""

from django.conf import settings

from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.scope import worker_scope

from .evaluation import look
from .lifecycle import RUNNING
from .limits import OPEN_PILOTS_MAX_ROWS
from .message_models import PilotMessage
from .message_words import why_not_yet
from .messages import send_message, texts_of
from .pilot_models import Pilot
from .runbook import pinned
from .times import due_at, local_day


def post_daily() -> int:
    """Post what is due today of every running pilot; how many. A day is posted once, whoever runs this how often."""
    if not settings.ALERT_URLS:
        return 0
    with worker_scope("pilots"):
        running = Pilot.objects.select_related("tenant").filter(state__in=RUNNING).order_by("id")
        now = business_now()
        due = [
            (pilot.public_id, local_day(now, pilot.tenant.timezone).isoformat())
            for pilot in running[:OPEN_PILOTS_MAX_ROWS]
            if now >= due_at("evening", local_day(now, pilot.tenant.timezone), pilot.tenant.timezone)
        ]
    return sum(_post(public_id, day) for public_id, day in due)


def _post(public_id: str, day: str) -> int:
    posted = 0
    with worker_scope("pilots"):
        pilot = Pilot.objects.get(public_id=public_id)
        for text in texts_of(pinned(pilot.runbook_hash)):
            key = f"daily:{day}:{text.id}"
            if text.channel != "chat" or PilotMessage.objects.filter(pilot_id=pilot.id, key=key).exists():
                continue
            if not why_not_yet(text, look(pilot)):
                send_message(pilot, text.id, {}, key=key)
                posted += 1
    return posted
