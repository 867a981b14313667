"""Mail and chat from the row to the service."""

import asyncio
from typing import Any

import pytest
from django.core import mail

from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.outbox import limits
from pilothouse.kernel.outbox.models import Notice
from pilothouse.kernel.outbox.notices import Chat, Mail, NoticePump, notify

pytestmark = pytest.mark.house


def work() -> None:
    async def go() -> None:
        pump = NoticePump()
        rows = await asyncio.to_thread(pump.claim, 10)
        await asyncio.to_thread(pump.renew, rows)
        await asyncio.to_thread(pump.finish, await asyncio.gather(*(pump.act(row) for row in rows)))

    asyncio.run(go())


def test_a_mail_is_sealed_sent_once_and_only_with_its_transaction(house: Any) -> None:
    mail.outbox = []
    tenant = house.tenant()
    letter = Mail(
        ["ann@example.com", "bob@example.com"],
        "Your key\r\nBcc: eve@example.com",
        "https://x/reveal/SECRET",
        html="<p>SECRET</p>",
        tenant=tenant.id,
        dedupe_key="key:1",
    )
    with tenant_scope(tenant.id):
        assert len(notify([letter])) == 1
        assert notify([letter]) == []
        assert Notice.objects.count() == 1
    with house.connect() as db:
        assert "SECRET" not in str(db.execute("SELECT n FROM notice n").fetchall())
    work()
    work()
    (sent,) = mail.outbox
    assert sent.to == ["ann@example.com", "bob@example.com"]
    assert "\n" not in sent.subject
    assert (sent.body, sent.alternatives[0][0]) == ("https://x/reveal/SECRET", "<p>SECRET</p>")
    with tenant_scope(tenant.id):
        assert Notice.objects.get().state == "sent"
    with tenant_scope(house.tenant("Other").id):
        assert Notice.objects.count() == 0


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
def test_one_that_leaves_and_one_that_must_wait_are_written_together(house: Any) -> None:
    mail.outbox = []
    with worker_scope():
        notify([Mail(["ann@example.com"], "Leaves", "text"), Chat("json://127.0.0.1:1", "Waits", "text")])
    work()
    with worker_scope():
        found = {notice.subject: notice.state for notice in Notice.objects.all()}
    assert found == {"Leaves": "sent", "Waits": "waiting"}
    assert len(mail.outbox) == 1


def test_bad_recipients_are_refused(house: Any) -> None:
    with worker_scope():
        for to in ([], ["no address"], ["a@example.com\nBcc: b@example.com"], ["a@example.com"] * 21):
            with pytest.raises(InvalidInput):
                notify([Mail(to, "x", "y")])


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
def test_a_chat_that_fails_is_tried_again_and_given_up(house: Any, receiver: Any) -> None:
    code = 500
    with receiver(answer=lambda seen: (code, {}, 0.0)) as hook, worker_scope():
        notify([Chat(f"json://127.0.0.1:{hook.port}/", "Down", "The house is down"), Chat("nosuch://x", "a", "b")])
    with receiver(port=hook.port, answer=lambda seen: (code, {}, 0.0)) as hook:
        for number in range(1, limits.NOTICE_ATTEMPTS_MAX + 1):
            if number == limits.NOTICE_ATTEMPTS_MAX:
                code = 200
            work()
            with house.connect() as db:
                db.execute("UPDATE notice SET next_run_at = statement_timestamp() WHERE state = 'waiting'")
        assert len(hook.seen) == limits.NOTICE_ATTEMPTS_MAX
    with worker_scope():
        rows = run("SELECT state, last_error FROM notice ORDER BY id")
    assert [(row["state"], row["last_error"]) for row in rows] == [("sent", ""), ("dead", "ChatRefused")]
