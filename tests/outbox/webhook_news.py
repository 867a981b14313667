"""A message about a batch, and what is told of its delivery, for several test files."""

from typing import Any

from pilothouse.kernel.outbox import queries
from pilothouse.kernel.outbox.commands import NewMessage, encode_body

PAYLOAD = {"event": "batch.completed", "batch_id": "bat_1", "request_id": "örder-1", "summary": {"total": 10}}


def news(tenant: int, subject: int = 1, **more: Any) -> NewMessage:
    return NewMessage(tenant, "batch.completed", "batch", subject, encode_body(PAYLOAD), **more)


def status(subject: int = 1) -> str:
    return str(queries.webhook_statuses("batch", [subject], "batch.completed")[subject]["status"])
