"""Verbs on messages and deliveries. `enqueue` belongs in the transaction that makes the news true."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_ids
from pilothouse.kernel.base.outgoing import may_leave
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events

from . import limits
from .endpoints import access_endpoint, ensure_adhoc
from .errors import BodyTooLarge, EndpointOff, NotReplayable
from .models import Delivery

SQL = Statements(__file__)
TEST_TYPE = "test"
TEST_BODY = b'{"event":"test"}'


@dataclass(frozen=True, slots=True)
class NewMessage:
    """News for a tenant's endpoints: the event's type, what it is about, and the exact bytes of the body.

    With `url` it goes to that address only, signed with the tenant's default secret; with `endpoint` (a key) to that
    one; otherwise to every registered endpoint of its `mode`.
    """

    tenant: int
    type: str
    subject_kind: str
    subject_id: int
    body: bytes
    url: str | None = None
    endpoint: int | None = None
    # The subject's public id, by which people look for the message.
    reference: str = ""
    mode: str = "live"


def encode_body(payload: Mapping[str, Any]) -> bytes:
    """A payload as the bytes that are signed and sent: compact UTF-8 JSON with the keys in the given order."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def enqueue(messages: Sequence[NewMessage], *, origin: str = "event") -> list[Row]:
    """Write messages and their deliveries in the caller's transaction: one statement for all of them.

    A (subject, type) that was told before is left alone. Returns {id, public_id, tenant, deliveries} of the new ones,
    `deliveries` being the number of endpoints due. A body that a guard of `base.outgoing` refuses is left out.
    Raises BodyTooLarge.
    """
    if not messages:
        return []
    if len(messages) > limits.MESSAGES_PER_STATEMENT_MAX:
        raise InvalidInput(reason=f"At most {limits.MESSAGES_PER_STATEMENT_MAX} messages at once.")
    for message in messages:
        if len(message.body) > limits.BODY_MAX_BYTES:
            raise BodyTooLarge(size_bytes=len(message.body), max_bytes=limits.BODY_MAX_BYTES)
    messages = [m for m in messages if _may_leave(m)]
    if not messages:
        return []
    ensure_adhoc((m.tenant, m.url) for m in messages if m.url is not None and m.endpoint is None)
    return SQL.prepared(
        "enqueue_messages",
        public_ids=new_ids("evt", len(messages)),
        tenants=[m.tenant for m in messages],
        types=[m.type for m in messages],
        subject_kinds=[m.subject_kind for m in messages],
        subject_ids=[m.subject_id for m in messages],
        bodies=[m.body for m in messages],
        urls=[m.url for m in messages],
        endpoints=[m.endpoint for m in messages],
        references=[m.reference for m in messages],
        modes=[m.mode for m in messages],
        origin=origin,
        actor=current_scope().actor,
    )


def _may_leave(message: NewMessage) -> bool:
    """A body that names an upstream is not written: its cause commits, the incident says what was not told."""
    subject = f"{message.type} {message.subject_kind} {message.subject_id}"
    return may_leave("webhook", message.body.decode(), tenant=message.tenant, subject=subject)


def send_test(endpoint_public_id: str) -> Delivery:
    """Queue the test event `{"event":"test"}` for one endpoint. Raises NotFound or EndpointOff."""
    endpoint = access_endpoint(endpoint_public_id)
    if endpoint.state not in ("active", "paused"):
        raise EndpointOff(state=endpoint.state)
    message = NewMessage(endpoint.tenant_id, TEST_TYPE, "endpoint", endpoint.id, TEST_BODY, endpoint=endpoint.id)
    (row,) = enqueue([message], origin="test")
    return Delivery.objects.get(message_id=row["id"])


def access_deliveries(public_ids: Sequence[str]) -> list[Delivery]:
    """Deliveries of the open scope's tenant in the given order. Raises NotFound when one is not there."""
    if any("\0" in public_id for public_id in public_ids):
        raise NotFound(what="delivery")
    found = {delivery.public_id: delivery for delivery in Delivery.objects.filter(public_id__in=public_ids)}
    if len(found) < len(set(public_ids)):
        raise NotFound(what="delivery")
    return [found[public_id] for public_id in public_ids]


def replay(public_ids: Sequence[str]) -> list[str]:
    """Send ended deliveries again: new rows with the same event id and the same bytes. All of them or none.

    Returns the new deliveries' public ids. Raises NotFound or NotReplayable.
    """
    if len(public_ids) > limits.PAGE_ROWS_MAX:
        raise InvalidInput(reason=f"At most {limits.PAGE_ROWS_MAX} deliveries at once.")
    wanted = list(dict.fromkeys(public_ids))
    deliveries = access_deliveries(wanted)
    rows = SQL.rows(
        "replay_deliveries",
        public_ids=wanted,
        new_ids=new_ids("dlv", len(wanted)),
        actor=current_scope().actor,
    )
    if len(rows) < len(wanted):
        raise NotReplayable(deliveries=[d.public_id for d in deliveries])
    return [row["public_id"] for row in rows]


def abort(public_ids: Sequence[str]) -> int:
    """End open deliveries without sending them; returns how many were still open."""
    ids = [delivery.id for delivery in access_deliveries(public_ids)]
    rows = SQL.rows("abort_deliveries", endpoints=[], deliveries=ids, reason="aborted")
    append_events([NewEvent(row["tenant"], "delivery", row["id"], "abort", data={"reason": "aborted"}) for row in rows])
    return len(rows)
