"""What happens when a digest, a review or the news of a rollback is due."""

from functools import partial

from django.conf import settings

from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.lifecycle.commands import arm
from pilothouse.kernel.lifecycle.timers import on_timer
from pilothouse.kernel.outbox.notices import Mail, notify

from .daily_models import Rollback
from .digests import KIND, fire, recipients, timer_name
from .limits import ROLLBACK_NEWS_EVERY_S
from .rollback import NEWS
from .rollback_lifecycle import ROLLBACK
from .times import TIMES

for _part in TIMES:
    on_timer(KIND, timer_name(_part))(partial(fire, _part))


@on_timer(ROLLBACK.name, NEWS)
def rollback_news(fired: list[Row]) -> None:
    """Remind the operators that new work stands still, and again as long as it does."""
    ids = [row["subject_id"] for row in fired]
    still = list(Rollback.objects.select_related("tenant").filter(id__in=ids).exclude(state="resumed").order_by("id"))
    to = recipients()
    if to:
        notify(
            [
                Mail(
                    to,
                    f"Still stopped: {one.program} of {one.tenant.name}",
                    f"New work has been stopped since {one.opened_at:%Y-%m-%d %H:%M} UTC: {one.reason}\n\n"
                    f"{settings.SITE_URL}/desk/rollbacks/{one.public_id}/\n",
                )
                for one in still
            ]
        )
    arm(ROLLBACK.name, NEWS, [(one.tenant_id, one.id) for one in still], ROLLBACK_NEWS_EVERY_S)
