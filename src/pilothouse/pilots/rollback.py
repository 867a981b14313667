"""Stop a program's new work in one tenant, export what happened, tell everybody concerned once, and go on.

Open work is not touched: its timers run, its disputes are decided. The steps are transactions of their own, each safe
to run again after a kill: `stop` finds the open rollback, `export` writes its files anew under the same names, and a
mail's key and its receipt hold each person to one notice.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from pilothouse.kernel.access.commands import set_flag
from pilothouse.kernel.access.queries import flag
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events, apply, arm, cancel
from pilothouse.kernel.outbox.notices import Mail, notify
from pilothouse.kernel.watch.exports import write_manifest
from pilothouse.kernel.watch.pilot_facts import Party, PilotFacts, facts_of

from .daily_models import Rollback, RollbackReceipt
from .errors import NothingToResume, NotYetTold, RollbackOpen
from .limits import (
    NOTICE_MAX_CHARACTERS,
    NOTICE_SUBJECT_MAX_CHARACTERS,
    RECEIPT_CHUNK_ROWS,
    ROLLBACK_NEWS_EVERY_S,
    WORDS_MAX_CHARACTERS,
)
from .rollback_lifecycle import ROLLBACK

SQL = Statements(__file__)
NEWS = "rollback_news"
FOLDER = "rollbacks"


def plan(program: str, tenant: Tenant) -> dict[str, Any]:
    """What a rollback would do: {program, tenant, is_stopped, open, timers, people, subject, words}."""
    facts = facts_of(program)
    subject, words = draft(facts, tenant)
    return {
        "program": program,
        "tenant": tenant.public_id,
        "tenant_name": tenant.name,
        "is_stopped": flag(facts.flag, tenant.id, default=True) is not True,
        **facts.open_work(tenant.id),
        "people": len(facts.parties(tenant.id)),
        "subject": subject,
        "words": words,
    }


def draft(facts: PilotFacts, tenant: Tenant) -> tuple[str, str]:
    """The notice as it is first proposed, in the account's language and then in ours: (subject, words)."""
    return _in_both(
        tenant,
        lambda named: (
            _("%(tenant)s: new %(subjects)s are paused") % named,
            _(
                "We have paused new %(subjects)s in %(tenant)s.\n\n"
                "Your open %(subjects)s go on as agreed. Nothing is cancelled, every timer runs, disputes are decided, "
                "and payments are made as your pages show them.\n\n"
                "We write again when new %(subjects)s are possible. Questions: %(link)s\n"
            )
            % named,
        ),
        facts,
    )


def resumed_draft(facts: PilotFacts, tenant: Tenant) -> tuple[str, str]:
    """The notice of the end as it is first proposed, in the account's language and then in ours: (subject, words)."""
    return _in_both(
        tenant,
        lambda named: (
            _("%(tenant)s: new %(subjects)s are possible again") % named,
            _(
                "New %(subjects)s in %(tenant)s are possible again.\n\n"
                "Your open %(subjects)s were not touched by the pause.\n\nQuestions: %(link)s\n"
            )
            % named,
        ),
        facts,
    )


def _in_both(tenant: Tenant, say: Callable[[dict[str, str]], tuple[str, str]], facts: PilotFacts) -> tuple[str, str]:
    """One text for people of two languages, which an operator who reads the second one can check."""
    codes = dict.fromkeys((str(tenant.settings.get("language") or settings.LANGUAGE_CODE), settings.LANGUAGE_CODE))
    said = []
    for code in codes:
        with translation.override(code):
            link = f"{settings.SITE_URL}/ask"
            said.append(say({"tenant": tenant.name, "subjects": _(facts.subjects), "link": link}))
    return said[0][0], "\n".join(words for _subject, words in said)


def stop(program: str, tenant: Tenant, reason: str) -> Rollback:
    """Stop new work and open the rollback; one that is open already is given back. Raises InvalidInput.

    The switch and the row commit together, so new work never stands still without somebody who owns it.
    """
    facts = facts_of(program)
    running = open_rollback(program, tenant.id)
    if running is not None:
        return running
    reason = _words(reason, "reason", WORDS_MAX_CHARACTERS)
    subject, words = draft(facts, tenant)
    row = SQL.one(
        "open_rollback", public_id=new_id("rbk"), tenant=tenant.id, program=program, reason=reason, subject=subject,
        words=words, actor=current_scope().actor,
    )  # fmt: skip
    if row is None:
        return Rollback.objects.exclude(state="resumed").get(tenant=tenant, program=program)
    set_flag(facts.flag, False, f"Rollback: {reason}"[:1000], tenant.id)
    _told_of(tenant.id, row["id"], "stop", {"reason": reason})
    arm(ROLLBACK.name, NEWS, [(tenant.id, row["id"])], ROLLBACK_NEWS_EVERY_S)
    return Rollback.objects.get(id=row["id"])


def export(public_id: str) -> Rollback:
    """Write all timelines and ledger rows with their hashes, once; what was exported before stands."""
    found = _locked(public_id)
    if found.state != "stopped":
        return found
    facts = facts_of(found.program)
    folder = export_folder(found)
    files = facts.export(found.tenant_id, folder)
    about = {
        "rollback": found.public_id,
        "program": found.program,
        "tenant": found.tenant.public_id,
        "as_of": clock.iso(business_now()),
        "reason": found.reason,
    }
    digest = write_manifest(folder, about, [dict(one) for one in files])
    kept = {"files": [{key: one[key] for key in ("file", "rows", "sha256")} for one in files], "sha256": digest}
    apply(
        ROLLBACK, "export", [found.id], role="operator", visibility="internal", data={"sha256": digest},
        changes={"export": json.dumps(kept)},
    )  # fmt: skip
    return _fresh(found)


def export_folder(found: Rollback) -> Path:
    """Where the files of a rollback are, on the host that wrote them."""
    return Path(settings.DATA) / FOLDER / found.public_id


def edit_notice(public_id: str, subject: str, words: str) -> Rollback:
    """Change the drafted notice; after it was sent it stands. Raises RollbackOpen or InvalidInput."""
    found = _locked(public_id)
    if found.state not in ("stopped", "exported"):
        raise RollbackOpen(rollback=public_id, state=found.state)
    Rollback.objects.filter(id=found.id).update(
        subject=_words(subject, "subject", NOTICE_SUBJECT_MAX_CHARACTERS),
        words=_words(words, "words", NOTICE_MAX_CHARACTERS),
    )
    return _fresh(found)


def tell(public_id: str) -> Rollback:
    """Send the notice to everybody with open work, once, with a receipt for each; a second call sends nothing."""
    found = _locked(public_id)
    if found.state == "told":
        return found
    if found.state != "exported":
        raise (
            NotYetTold(missing="the export")
            if found.state == "stopped"
            else RollbackOpen(rollback=public_id, state=found.state)
        )
    people = facts_of(found.program).parties(found.tenant_id)
    _send(found, "stop", people, found.subject, found.words)
    told = {"subject": found.subject, "words": found.words, "people": len(people)}
    apply(
        ROLLBACK, "tell", [found.id], role="operator", visibility="internal", data={"people": len(people)},
        changes={"told": json.dumps(told), "told_at": business_now(), "told_by": current_scope().actor},
    )  # fmt: skip
    return _fresh(found)


def resume(public_id: str, subject: str = "", words: str = "") -> Rollback:
    """Let new work go on; tell those who were told of the stop, and who has open work now. Raises NothingToResume."""
    found = _locked(public_id)
    if found.state == "resumed":
        raise NothingToResume(rollback=public_id)
    facts = facts_of(found.program)
    standard = resumed_draft(facts, found.tenant)
    subject = _words(subject or standard[0], "subject", NOTICE_SUBJECT_MAX_CHARACTERS)
    words = _words(words or standard[1], "words", NOTICE_MAX_CHARACTERS)
    people: Sequence[Party] = []
    if found.state == "told":
        before = RollbackReceipt.objects.filter(rollback=found, about="stop").order_by("email")
        by_mail = {one.email: Party(one.email, one.person_id, one.subjects) for one in before}
        by_mail |= {one.email: one for one in facts.parties(found.tenant_id)}
        people = [by_mail[email] for email in sorted(by_mail)]
    set_flag(facts.flag, True, f"End of rollback {found.public_id}", found.tenant_id)
    _send(found, "resume", people, subject, words)
    told = {"subject": subject, "words": words, "people": len(people)}
    cancel(ROLLBACK.name, [found.id])
    apply(
        ROLLBACK, "resume", [found.id], role="operator", visibility="internal", data={"people": len(people)},
        changes={"resumed_told": json.dumps(told), "resumed_at": business_now(), "resumed_by": current_scope().actor},
    )  # fmt: skip
    return _fresh(found)


def access_rollback(public_id: str) -> Rollback:
    """A rollback with its tenant; NotFound."""
    found = Rollback.objects.select_related("tenant").filter(public_id=public_id).first()
    if found is None:
        raise NotFound(what="rollback")
    return found


def open_rollback(program: str, tenant: int) -> Rollback | None:
    """The rollback of a program in a tenant that has not ended."""
    return Rollback.objects.filter(program=program, tenant_id=tenant).exclude(state="resumed").first()


def receipts(found: Rollback) -> list[dict[str, Any]]:
    """Who was told, about what, and what became of the mail: {about, email, subjects, state, ended_at, error}."""
    return SQL.rows("receipts", rollback=found.id)


def _send(found: Rollback, about: str, people: Sequence[Party], subject: str, words: str) -> None:
    for start in range(0, len(people), RECEIPT_CHUNK_ROWS):
        chunk = people[start : start + RECEIPT_CHUNK_ROWS]
        mails = [
            Mail(
                [one.email], subject, words, tenant=found.tenant_id, echoed=(subject, words),
                dedupe_key=f"rollback:{found.public_id}:{about}:{one.email}",
            )
            for one in chunk
        ]  # fmt: skip
        # Each mail by itself: what the outbox refuses to send has no receipt either.
        sent = [(one, notify([mail])) for one, mail in zip(chunk, mails, strict=True)]
        RollbackReceipt.objects.bulk_create(
            RollbackReceipt(
                tenant_id=found.tenant_id, rollback=found, about=about, email=one.email, person_id=one.person,
                subjects=list(one.subjects), notice=ids[0],
            )
            for one, ids in sent
            if ids
        )  # fmt: skip


def _told_of(tenant: int, rollback: int, event: str, data: dict[str, Any]) -> None:
    append_events([NewEvent(tenant, ROLLBACK.name, rollback, event, data=data, visibility="internal")])


def _locked(public_id: str) -> Rollback:
    found = (
        Rollback.objects.select_for_update(of=("self",)).select_related("tenant").filter(public_id=public_id).first()
    )
    if found is None:
        raise NotFound(what="rollback")
    return found


def _fresh(found: Rollback) -> Rollback:
    return Rollback.objects.select_related("tenant").get(id=found.id)


def _words(value: str, name: str, maximum: int) -> str:
    text = value.strip()
    if not text or len(text) > maximum or "\x00" in text:
        raise InvalidInput(reason=f"{name} must be text of 1 to {maximum} characters.")
    return text
