"""Ask, report, answer, and what becomes of a report: an entry of the questions and answers, or an incident."""

from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.watch.commands import open_incident

from .errors import AlreadyAnswered, NoIncident, TooManyReports
from .limits import PLACE_MAX_CHARACTERS, QUESTION_MAX_CHARACTERS, REPORTS_PER_HOUR_MAX_COUNT, WORDS_MAX_CHARACTERS
from .question_models import KINDS, FaqEntry, Report

SQL = Statements(__file__)
INCIDENT_KINDS = {"safety": "user_safety", "security": "security"}


def report(*, person: int, kind: str, words: str, page: str = "", program: str = "", subject: str = "") -> Report:
    """Send what somebody asks or reports to the operators (tenant scope). Raises TooManyReports or InvalidInput.

    What waits for its answer already is sent once.
    """
    tenant = current_scope().tenant
    assert tenant is not None
    if kind not in KINDS:
        raise InvalidInput(reason=f"kind must be one of {', '.join(KINDS)}.")
    said = {
        "kind": kind, "program": program, "subject": subject, "words": _text(words, "words", WORDS_MAX_CHARACTERS),
        "page": _text(page, "page", PLACE_MAX_CHARACTERS, required=False), "sent_by_id": person,
    }  # fmt: skip
    waiting = Report.objects.filter(**said, replied_at=None).first()
    if waiting is not None:
        return waiting
    row = SQL.one("sent_lately", person=person)
    assert row is not None
    if row["count"] >= REPORTS_PER_HOUR_MAX_COUNT:
        raise TooManyReports(maximum=REPORTS_PER_HOUR_MAX_COUNT)
    return Report.objects.create(tenant_id=tenant, public_id=new_id("rep"), **said, sent_at=row["now"])


def answer(public_id: str, reply: str) -> Report:
    """Answer a report, once (operator scope). Raises AlreadyAnswered."""
    found = _locked(public_id)
    if found.replied_at is not None:
        raise AlreadyAnswered(who=found.replied_by)
    SQL.execute(
        "answer", report=found.id, reply=_text(reply, "reply", WORDS_MAX_CHARACTERS), actor=current_scope().actor
    )
    return Report.objects.get(id=found.id)


def make_faq(public_id: str, question: str, words: str) -> int:
    """Keep a question with its answer for everybody in the program; the report stays linked. Returns its row id."""
    found = _locked(public_id)
    entry = {
        "question": _text(question, "question", QUESTION_MAX_CHARACTERS),
        "answer": _text(words, "answer", WORDS_MAX_CHARACTERS),
    }
    if found.faq_id is not None and FaqEntry.objects.filter(id=found.faq_id, **entry).exists():
        return found.faq_id
    row = SQL.one("make_faq", report=found.id, program=found.program, **entry, actor=current_scope().actor)
    assert row is not None
    return int(row["id"])


def make_incident(public_id: str) -> Row:
    """Open the incident of a report about safety or security; it pauses its scope at once. Raises NoIncident."""
    found = _locked(public_id)
    if found.kind not in INCIDENT_KINDS:
        raise NoIncident(kind=found.kind)
    incident = open_incident(
        INCIDENT_KINDS[found.kind],
        f"Reported: {' '.join(found.words.split())[:200]}",
        program=found.program,
        tenant=found.tenant_id,
        subject=found.subject,
    )
    Report.objects.filter(id=found.id).update(incident=incident["public_id"])
    return incident


def _locked(public_id: str) -> Report:
    found = Report.objects.select_for_update(of=("self",)).filter(public_id=public_id).first()
    if found is None:
        raise NotFound(what="report")
    return found


def _text(value: str, name: str, maximum: int, *, required: bool = True) -> str:
    text = value.strip()
    if (required and not text) or len(text) > maximum or "\x00" in text:
        raise InvalidInput(reason=f"{name} must be text of 1 to {maximum} characters.")
    return text
