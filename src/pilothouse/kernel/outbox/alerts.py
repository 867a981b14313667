"""Word to people about deliveries that ended undelivered."""

from collections.abc import Sequence

from django.conf import settings

from pilothouse.kernel.base.sql import Row, Statements

from .models import Endpoint
from .notices import Chat, notify

SQL = Statements(__file__)


def tell_about_ended(rows: Sequence[Row]) -> None:
    """Tell the operator once for each endpoint and hour, in the transaction that ended the deliveries."""
    if not rows or not settings.ALERT_URLS:
        return
    now = SQL.one("business_now")
    assert now is not None
    counts: dict[int, int] = {}
    for row in rows:
        counts[row["endpoint_id"]] = counts.get(row["endpoint_id"], 0) + 1
    endpoints = Endpoint.objects.filter(id__in=counts).select_related("tenant")
    notify(
        [
            Chat(
                url,
                f"Webhooks to {endpoint.tenant.name} ended undelivered",
                f"{counts[endpoint.id]} deliveries to endpoint {endpoint.public_id} of {endpoint.tenant.public_id}"
                " ended undelivered. They can be replayed when the endpoint is back.",
                dedupe_key=f"undelivered:{number}:{endpoint.id}:{now['at']:%Y-%m-%dT%H}",
            )
            for endpoint in endpoints
            for number, url in enumerate(settings.ALERT_URLS)
        ]
    )
