"""The mails of deals: a row with each step, a row before each timer's end, and the worker that writes what is due.

A command writes rows and no words, in its own transaction; so a mail can neither delay nor fail it, and what was
rolled back tells nobody. The worker writes the words of a whole set for both sides, each in their language, and gives
them to the outbox in the same transaction that marks the rows. A row is written once by its key, and the outbox takes
each of its mails once, so that two workers send one.
"""

import structlog

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sets import halved
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.outbox.notices import notify
from pilothouse.kernel.watch.commands import open_incident

from . import limits
from .mail_words import mails_of

SQL = Statements(__file__)
log = structlog.get_logger(__name__)


def send_due_mails(limit: int = limits.MAILS_CHUNK_ROWS) -> int:
    """Write up to `limit` mails that are due and give them to the outbox; returns how many rows were done.

    1. Lock a set of due rows; another worker's are skipped. 2. Drop the reminders whose timer has ended or moved.
    3. Write the words and queue them, in one statement for all. 4. Mark the rows. When that fails nothing was queued;
    the set is halved until the bad row is alone, which is marked and opens an incident.
    """
    with worker_scope("mail"):
        due = [row["id"] for row in SQL.rows("due_mails", count=limit)]
    done = 0

    def write(ids: list[int]) -> None:
        nonlocal done
        with worker_scope("mail"):
            rows = SQL.rows("lock_mails", ids=ids)
            standing = [row for row in rows if row["stands"]]
            notify(mails_of(standing))
            SQL.execute("mark_mails", ids=[row["id"] for row in standing], outcome="sent", error="")
            gone = [row["id"] for row in rows if not row["stands"]]
            SQL.execute("mark_mails", ids=gone, outcome="dropped", error="")
        done += len(rows)

    def failed(id_: int, error: Exception) -> None:
        log.exception("deal_mail_failed", mail=id_, exc_info=error)
        with worker_scope("mail"):
            SQL.execute("mark_mails", ids=[id_], outcome="failed", error=type(error).__name__)
            row = SQL.one("mail_deal", id=id_)
            assert row is not None
            open_incident(
                "stuck_subject", f"A mail of deal {row['public_id']} could not be written: {type(error).__name__}.",
                tenant=row["tenant"], program="deals", subject=row["public_id"],
            )  # fmt: skip

    halved(due, write, failed)
    return done
