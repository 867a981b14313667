"""Mail and chat: rows beside the webhooks, written in the same transaction as their cause and sent by the worker.

The words are sealed in the database, because a mail may hold a link that signs somebody in.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email

from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.ids import new_ids
from pilothouse.kernel.base.outgoing import may_leave
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sealing import seal, unseal
from pilothouse.kernel.base.sql import Row, Statements

from . import limits

SQL = Statements(__file__)
PURPOSE = "notice"
MAIL, CHAT = "mail", "chat"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one or more people. `tenant` is None for the operator's own; `dedupe_key` sends it once for ever.

    `echoed` are the customer's own values that the words repeat.
    """

    to: Sequence[str]
    subject: str
    text: str
    html: str = ""
    tenant: int | None = None
    dedupe_key: str | None = None
    echoed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chat:
    """A message to a chat or paging service, named by an apprise address such as `slack://…` or `pagerduty://…`."""

    url: str
    subject: str
    text: str
    tenant: int | None = None
    dedupe_key: str | None = None


def notify(notices: Sequence[Mail | Chat]) -> list[str]:
    """Queue notices in the caller's transaction, one statement for all; returns the public ids of the new ones.

    A mail to a customer that a guard of `base.outgoing` refuses is left out. Raises InvalidInput for an address that
    is none.
    """
    notices = [notice for notice in notices if _may_leave(notice)]
    if not notices:
        return []
    rows = SQL.rows(
        "enqueue_notices",
        public_ids=new_ids("ntc", len(notices)),
        tenants=[n.tenant for n in notices],
        channels=[MAIL if isinstance(n, Mail) else CHAT for n in notices],
        addresses=[_recipients(n.to) if isinstance(n, Mail) else seal(PURPOSE, n.url.encode()) for n in notices],
        subjects=[_subject(n.subject) for n in notices],
        contents=[_content(n) for n in notices],
        dedupe_keys=[n.dedupe_key for n in notices],
    )
    return [row["public_id"] for row in rows]


def post(
    to: Sequence[str],
    subject: str,
    text: str,
    *,
    tenant: int | None = None,
    dedupe_key: str | None = None,
    echoed: tuple[str, ...] = (),
) -> None:
    """Queue one mail for a room below this one (`kernel.base.mail`)."""
    notify([Mail(to, subject, text, tenant=tenant, dedupe_key=dedupe_key, echoed=echoed)])


def _may_leave(notice: Mail | Chat) -> bool:
    """Chats and mails without a tenant go to the operator, who may read every name."""
    if not isinstance(notice, Mail) or notice.tenant is None:
        return True
    words = "\n".join((notice.subject, notice.text, notice.html))
    return may_leave("mail", words, echoed=notice.echoed, tenant=notice.tenant, subject=notice.dedupe_key or "")


def _recipients(to: Sequence[str]) -> str:
    if not 0 < len(to) <= limits.MAIL_RECIPIENTS_MAX:
        raise InvalidInput(reason=f"A mail has 1 to {limits.MAIL_RECIPIENTS_MAX} recipients.")
    for address in to:
        try:
            validate_email(address)
        except ValidationError:
            raise InvalidInput(reason="A recipient is not a mail address.") from None
    return ", ".join(to)


def _subject(text: str) -> str:
    """One line: a subject that carries a line break could carry headers."""
    return " ".join(text.replace("\0", "").split())[: limits.MAIL_SUBJECT_MAX_CHARACTERS]


def _content(notice: Mail | Chat) -> str:
    html = notice.html if isinstance(notice, Mail) else ""
    return seal(PURPOSE, json.dumps({"text": notice.text, "html": html}).encode())


@dataclass(frozen=True, slots=True)
class NoticeOutcome:
    """What came of sending one notice."""

    id: int
    token: int
    state: str
    wait_s: float
    error: str


class NoticePump:
    """Sends mail and chat messages in the worker process."""

    name = "notices"
    concurrency = limits.CHANNEL_CONCURRENCY

    def claim(self, limit: int) -> list[Row]:
        """Lease up to `limit` due notices."""
        with worker_scope(self.name):
            return SQL.rows("claim_notices", count=limit, lease_s=limits.NOTICE_LEASE_S)

    async def act(self, row: Row) -> NoticeOutcome:
        """Send one notice; any failure of the service is an outcome, not an exception."""
        words = json.loads(unseal(PURPOSE, row["content"]))
        try:
            async with asyncio.timeout(limits.NOTICE_TIMEOUT_S):
                if row["channel"] == MAIL:
                    await asyncio.to_thread(_send_mail, row, words)
                else:
                    await _send_chat(unseal(PURPOSE, row["address"]).decode(), row["subject"], words["text"])
        except Exception as error:  # the services' libraries raise what they like
            # The class only: a library's words may repeat the address with its credentials.
            return self.failed(row, type(error).__name__)
        return NoticeOutcome(row["id"], row["token"], "sent", 0.0, "")

    @staticmethod
    def failed(row: Row, error: str) -> NoticeOutcome:
        """One more try that did not arrive: it waits for the next, or was the last."""
        if row["attempt"] >= limits.NOTICE_ATTEMPTS_MAX:
            return NoticeOutcome(row["id"], row["token"], "dead", 0.0, error)
        return NoticeOutcome(row["id"], row["token"], "waiting", limits.NOTICE_WAITS_S[row["attempt"] - 1], error)

    def finish(self, results: Sequence[NoticeOutcome]) -> None:
        """Write a set of outcomes."""
        with worker_scope(self.name):
            SQL.rows(
                "finish_notices",
                ids=[r.id for r in results],
                tokens=[r.token for r in results],
                states=[r.state for r in results],
                waits_s=[r.wait_s for r in results],
                errors=[r.error for r in results],
            )

    def renew(self, rows: Sequence[Row]) -> None:
        """Prolong the leases of notices under way."""
        with worker_scope(self.name):
            SQL.execute(
                "renew_notices",
                ids=[row["id"] for row in rows],
                tokens=[row["token"] for row in rows],
                lease_s=limits.NOTICE_LEASE_S,
            )


class ChatRefused(RuntimeError):
    """The chat service did not take the message, or its address is not one that apprise knows."""


def _send_mail(row: Row, words: dict[str, str]) -> None:
    message = EmailMultiAlternatives(row["subject"], words["text"], to=row["address"].split(", "))
    if words["html"]:
        message.attach_alternative(words["html"], "text/html")
    message.send()


async def _send_chat(url: str, subject: str, text: str) -> None:
    # Imported here: apprise loads a hundred services and a web process never sends.
    import apprise

    service = apprise.Apprise()
    if not service.add(url) or not await service.async_notify(title=subject, body=text):
        raise ChatRefused
