"""Word to people about deliveries that ended undelivered."""

from collections import Counter
from collections.abc import Sequence

from django.conf import settings

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.sql import Row, Statements

from .limits import MAIL_RECIPIENTS_MAX
from .models import Endpoint
from .notices import Chat, Mail, notify

SQL = Statements(__file__)
SUBJECT = "Webhooks to {url} were not delivered"
TEXT = """{count} event(s) for your endpoint {endpoint} ({url}) were not delivered{reason}.

Nothing is lost: when the endpoint answers again, send them once more from the list of deliveries or with
POST /v1/webhook-deliveries/DELIVERY/replay. They keep their ids and their bytes.
"""


def tell_about_ended(rows: Sequence[Row]) -> None:
    """Tell the operator once for each endpoint and hour, and the tenant's people once a day.

    Belongs in the transaction that ended the deliveries; needs a worker's scope, because it reads members.
    """
    counts = Counter(row["endpoint_id"] for row in rows)
    if not counts:
        return
    now = clock.business_now()
    endpoints = list(Endpoint.objects.filter(id__in=counts).select_related("tenant").order_by("id"))
    people = {
        row["tenant"]: row["emails"][:MAIL_RECIPIENTS_MAX]
        for row in SQL.rows("people_of_tenants", tenants=[endpoint.tenant_id for endpoint in endpoints])
    }
    notices: list[Chat | Mail] = []
    for endpoint in endpoints:
        tenant, count = endpoint.tenant, counts[endpoint.id]
        for number, url in enumerate(settings.ALERT_URLS):
            line = f"{count} deliveries to endpoint {endpoint.public_id} of {tenant.public_id} ended undelivered."
            key = f"undelivered:{number}:{endpoint.id}:{now:%Y-%m-%dT%H}"
            notices.append(Chat(url, f"Webhooks to {tenant.name} ended undelivered", line, dedupe_key=key))
        if tenant.id in people:
            notices.append(
                Mail(
                    people[tenant.id],
                    SUBJECT.format(url=endpoint.url),
                    TEXT.format(
                        count=count,
                        endpoint=endpoint.public_id,
                        url=endpoint.url,
                        reason=f": {endpoint.reason[:-1]}" if endpoint.reason.endswith(".") else "",
                    ),
                    tenant=tenant.id,
                    echoed=(endpoint.url,),
                    dedupe_key=f"undelivered:mail:{endpoint.id}:{now:%Y-%m-%d}",
                )
            )
    notify(notices)
