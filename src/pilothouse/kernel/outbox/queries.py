"""Reads of the outbox. Each runs in the caller's scope and returns plain rows."""

from collections.abc import Mapping, Sequence

from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.replies import FAILURE_TEXT
from pilothouse.kernel.base.sql import Row, Statements, run

from . import limits
from .commands import access_deliveries

SQL = Statements(__file__)

ERROR_TEXT: Mapping[str, str] = {
    **{failure.value: text for failure, text in FAILURE_TEXT.items()},
    "": "",
    "refused": "The endpoint answered with an error status.",
    "redirected": "The endpoint answered with a redirect; redirects are not followed.",
    "gone": "The endpoint answered 410 Gone and was disabled.",
    "sender_lost": "Our sender stopped in the middle of this attempt; it was repeated.",
    "too_old": "The endpoint did not take it within the time for which a delivery is kept.",
    "aborted": "It was ended by hand before it was sent.",
    "endpoint_gone": "The endpoint was disabled by its own 410 Gone.",
    "endpoint_disabled": "The endpoint was switched off by an operator.",
    "endpoint_deleted": "The endpoint was deleted.",
}
"""The sentence for each stored error code of an attempt or a delivery."""


def webhook_statuses(subject_kind: str, ids: Sequence[int], type_: str) -> dict[int, Row]:
    """What became of the message `type_` of each subject, by subject id.

    Rows: `status` none | pending | delivered | failed, `attempts`, `message_id` (the `webhook-id`), `acknowledged_at`.
    """
    rows = SQL.rows("webhook_statuses", kind=subject_kind, ids=list(ids), type=type_)
    return {row["subject_id"]: row for row in rows}


def endpoints() -> list[Row]:
    """The tenant's registered endpoints, newest first, with the outcome of the last attempt at each."""
    return SQL.rows("endpoints")


def has_endpoints(mode: str) -> bool:
    """Whether the tenant in scope has an endpoint that is told of what happens to work of this mode."""
    found = run(
        "SELECT 1 FROM endpoint WHERE kind = 'registered' AND mode = %s AND state IN ('active', 'paused') LIMIT 1",
        [mode],
    )
    return bool(found)


def deliveries(
    *,
    endpoint: str | None = None,
    state: str | None = None,
    states: Sequence[str] | None = None,
    subject: tuple[str, int] | None = None,
    reference: str | None = None,
    before: int | None = None,
    count: int = limits.PAGE_ROWS_MAX,
) -> list[Row]:
    """A page of deliveries, newest first, below the key `before`; filtered by endpoint id, states or subject.

    `reference` is a subject's public id, such as a batch's.
    """
    kind, subject_id = subject or (None, None)
    return SQL.rows(
        "deliveries",
        endpoint=endpoint,
        states=[state] if state else list(states) if states else None,
        reference=reference,
        subject_kind=kind,
        subject_id=subject_id,
        before=before,
        count=min(count, limits.PAGE_ROWS_MAX),
    )


def attempts(delivery_public_id: str) -> list[Row]:
    """All tries of one delivery, oldest first. Raises NotFound."""
    access_deliveries([delivery_public_id])
    return SQL.rows("attempts", delivery=delivery_public_id)


def endpoint_row(public_id: str) -> Row:
    """One of `endpoints`. Raises NotFound."""
    for row in endpoints():
        if row["public_id"] == public_id:
            return row
    raise NotFound(what="webhook endpoint")


def delivery_row(public_id: str) -> Row:
    """One delivery with its message: the columns of `deliveries`, and body, body_sha256, newest (its newest sending).

    Raises NotFound.
    """
    row = SQL.one("delivery", delivery=public_id) if "\0" not in public_id else None
    if row is None:
        raise NotFound(what="delivery")
    return row
