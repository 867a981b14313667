"""What people say of their own work once it has ended, by the questions of docs/PILOT_FEEDBACK_FORM.md (ESC-048)."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.errors import Conflict, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.watch.pilot_facts import FeedbackFacts, facts_of

from .daily_models import Feedback
from .limits import FEEDBACK_WORDS_MAX_CHARACTERS

SQL = Statements(__file__)
YES_NO = (("yes", _("Yes")), ("no", _("No")))
LENGTHS = (("short", _("Too short")), ("right", _("Right")), ("long", _("Too long")), ("", _("I cannot say")))


class FeedbackGiven(Conflict):
    """A person says it once for each piece of their work."""

    code = "feedback_given"
    message = "You have filled in this form. It is with us; anything new goes through Ask or report."


def _choice(label: Any, choices: Any = YES_NO, *, required: bool = True) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=choices, widget=forms.RadioSelect, required=required)


def _text(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, max_length=FEEDBACK_WORDS_MAX_CHARACTERS, widget=forms.Textarea(attrs={"rows": 2})
    )


class FeedbackForm(forms.Form):
    """The form of a buyer or seller. Each label is a question of the document; a test compares them."""

    step_unclear = _text(_("At which step did you not know what to do next?"))
    unexpected = _text(_("What did you expect to happen that did not?"))
    timer_seen = _choice(_("Could you see at every moment how much time was left?"))
    timer_unseen_where = _text(_("If not, on which page?"))
    timer_end_known = _choice(_("Did you know what would happen when it ended?"))
    inspection_length = _choice(
        _("Was the time for inspection too short, right, or too long?"), LENGTHS, required=False
    )
    dispute_length = _choice(_("And the time for a dispute?"), LENGTHS, required=False)
    money_known = _choice(_("Did you know where the money was?"))
    money_unknown_when = _text(_("If not, when not?"))
    holdback_known = _choice(_("Could you say what the holdback is, and when it is paid?"))
    amount_expected = _choice(_("Was every amount what you expected?"))
    evidence_added = _choice(_("Could you add every photo and document that you wanted to add?"))
    evidence_refused = _text(_("Was anything refused, and did the sentence say what to do instead?"))


class OperatorForm(forms.Form):
    """The form of an operator who decided: the last part of the document."""

    outcome_missing = _text(_("Which outcome did you need that was not on the menu?"))
    evidence_enough = _choice(_("Was the evidence enough to decide?"))
    evidence_missing = _text(_("What was missing?"))


# The form's parts, as the document heads them.
SECTIONS = (
    (_("What confused you?"), ("step_unclear", "unexpected")),
    (_("The timer"),
     ("timer_seen", "timer_unseen_where", "timer_end_known", "inspection_length", "dispute_length")),
    (_("The money"), ("money_known", "money_unknown_when", "holdback_known", "amount_expected")),
    (_("Evidence"), ("evidence_added", "evidence_refused")),
)  # fmt: skip
OPERATOR_SECTIONS = ((_("For operators: decisions"), tuple(OperatorForm.base_fields)),)
QUESTIONS = {**FeedbackForm.base_fields, **OperatorForm.base_fields}
CHOICES = tuple(name for name, field in QUESTIONS.items() if isinstance(field, forms.ChoiceField))


def access_form(program: str, subject: str, person: int) -> FeedbackFacts:
    """What a person's form is about, in their tenant's scope. Raises NotFound, FeedbackGiven or Conflict."""
    found = facts_of(program).feedback(person, subject)
    if not is_open(subject, person):
        raise FeedbackGiven()
    return found


def access_operator_form(program: str, subject: str, person: int) -> tuple[int, FeedbackFacts]:
    """(tenant, what it is about) of the form of an operator about a decision (operator scope).

    Raises NotFound, FeedbackGiven or Conflict.
    """
    judged = facts_of(program).judged
    if judged is None:
        raise NotFound(what="form")
    found = judged(subject)
    if not is_open(subject, person):
        raise FeedbackGiven()
    return found


def give(program: str, subject: str, person: int, answers: Mapping[str, str]) -> Feedback:
    """Keep what a person answered: `answers` are the cleaned fields of the form."""
    return keep(program, subject, person, access_form(program, subject, person), answers)


def keep(program: str, subject: str, person: int, about: FeedbackFacts, answers: Mapping[str, str]) -> Feedback:
    """Write an answered form down, once for each person and subject (the tenant's scope). Raises FeedbackGiven."""
    tenant = current_scope().tenant
    assert tenant is not None
    given = {
        "choices": {name: answers[name] for name in CHOICES if name in answers},
        "words": {name: value.strip() for name, value in answers.items() if name not in CHOICES and value.strip()},
    }
    found, is_new = Feedback.objects.get_or_create(
        tenant_id=tenant, subject=subject, person_id=person,
        defaults={
            "public_id": new_id("fbk"), "program": program, "role": about.role, "version": about.version,
            "answers": given, "given_at": business_now(),
        },
    )  # fmt: skip
    if not is_new:
        raise FeedbackGiven()
    return found


def is_open(subject: str, person: int) -> bool:
    """Whether the person has not filled in the form of this piece of work."""
    return not Feedback.objects.filter(subject=subject, person_id=person).exists()


def listed(*, search: str = "", words_only: bool = False, skip: int = 0) -> list[Row]:
    """One page of forms of all tenants, the newest first, and one row more (operator scope)."""
    return SQL.rows("feedback", search=search, words_only=words_only, skip=skip, count=DESK_PAGE_ROWS + 1)


def totals() -> list[Row]:
    """How all forms answered each question with choices: {name, answer, count} (operator scope)."""
    return SQL.rows("feedback_totals")


def question(name: str) -> str:
    """The words of a field."""
    return str(QUESTIONS[name].label)


def answer_words(name: str, answer: str) -> str:
    """The words of a choice."""
    field = QUESTIONS[name]
    assert isinstance(field, forms.ChoiceField)
    return str(dict(field.choices).get(answer, answer))  # type: ignore[arg-type]
