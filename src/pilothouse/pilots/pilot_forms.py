"""The forms of the pilot desk."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.watch.account_choice import AccountField

from .limits import COMPANY_MAX_CHARACTERS, EMPTY_SLOT, EVIDENCE_MAX_CHARACTERS, NOTE_MAX_CHARACTERS
from .pilot_words import FIX_SIDES, SIGNALS, SPOKEN_LABELS
from .runbook import Runbook

RECOMMENDATIONS = [
    ("Continue", _("Continue: the key works on")),
    ("Pause", _("Pause: the key is switched off, reversibly")),
    ("Close", _("Close: the key ends in seven days")),
]


def _note(label: Any, *, required: bool = True, rows: int = 2, help_text: Any = "") -> forms.CharField:
    area = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(
        label=label, max_length=NOTE_MAX_CHARACTERS, required=required, widget=area, help_text=help_text
    )


class NewPilotForm(forms.Form):
    """A new prospect."""

    company = forms.CharField(label=_("Company"), max_length=COMPANY_MAX_CHARACTERS)
    account = AccountField(help_text=_("Its name, or its id (ten_…). Open one under Accounts first."))
    program = forms.ChoiceField(label=_("Program"))

    def __init__(self, *args: Any, programs: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["program"].choices = programs  # type: ignore[attr-defined]


class SendForm(forms.Form):
    """What a person may say in a text before it is sent; what the data say stands there first."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=40)

    def __init__(self, slots: list[str], values: Mapping[str, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.slots = slots
        for name in slots:
            given = "" if values[name] == EMPTY_SLOT else values[name]
            self.fields[name] = _note(SPOKEN_LABELS[name], required=False)
            self.fields[name].initial = given

    def spoken(self) -> dict[str, str]:
        """What was typed, by slot."""
        return {name: self.cleaned_data[name] for name in self.slots}


class QualifyForm(forms.Form):
    """Every qualification line as yes or no, who the contact is, and what the pilot needs."""

    contact_name = forms.CharField(label=_("Technical contact"), max_length=COMPANY_MAX_CHARACTERS)
    contact_email = forms.EmailField(label=_("Their e-mail"))

    def __init__(self, runbook: Runbook, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scope = runbook.scope
        self.asked = {group: runbook.group(group) for group in ("accept", "reject")}
        if "credits_per_item" in scope:
            self.fields["budget_usd"] = forms.IntegerField(
                label=_("Budget, US dollars"), min_value=0, initial=scope["budget_min_usd"],
                help_text=f"${scope['budget_min_usd']}–${scope['budget_max_usd']}",
            )  # fmt: skip
            self.fields["batches"] = forms.IntegerField(label=_("Batches"), min_value=1, initial=scope["batches"])
            self.fields["items"] = forms.IntegerField(
                label=_("Items of each"), min_value=scope["batch_min_items"], max_value=scope["batch_max_items"],
                initial=scope["items"], help_text=f"{scope['batch_min_items']}–{scope['batch_max_items']}",
            )  # fmt: skip
        for line in (*self.asked["accept"], *self.asked["reject"]):
            self.fields[f"line_{line.id}"] = forms.ChoiceField(
                label=line.text, choices=[("yes", _("Yes")), ("no", _("No"))], widget=forms.RadioSelect
            )
        self.fields["note"] = _note(_("Note"), required=False)

    @property
    def about_fields(self) -> list[forms.BoundField]:
        """The contact and what the pilot needs."""
        return [self[name] for name in self.fields if not name.startswith("line_") and name != "note"]

    @property
    def accept_fields(self) -> list[forms.BoundField]:
        """The lines that all have to be so."""
        return [self[f"line_{line.id}"] for line in self.asked["accept"]]

    @property
    def reject_fields(self) -> list[forms.BoundField]:
        """The lines of which none may be so."""
        return [self[f"line_{line.id}"] for line in self.asked["reject"]]

    def answers(self) -> dict[str, bool]:
        """Each line's answer."""
        lines = (*self.asked["accept"], *self.asked["reject"])
        return {line.id: self.cleaned_data[f"line_{line.id}"] == "yes" for line in lines}


class AskForm(forms.Form):
    """An account that wants a pilot, in its own words."""

    note = _note(_("What you want to do with it, and when we reach you"), rows=4)


class TickForm(forms.Form):
    """One of our own lines, with what shows it."""

    evidence = forms.CharField(label=_("What shows it"), max_length=EVIDENCE_MAX_CHARACTERS, required=False)
    why_not = forms.CharField(label=_("It does not apply, because"), max_length=NOTE_MAX_CHARACTERS, required=False)


class PauseForm(forms.Form):
    """Why a pilot stops."""

    reason = forms.ChoiceField(
        label=_("For whom"), choices=[("operator", _("For us")), ("customer", _("For the customer"))]
    )
    note = _note(_("What the customer reads"))


class SignalForm(forms.Form):
    """What the customer said."""

    kind = forms.ChoiceField(label=_("What it is about"), choices=list(SIGNALS.items()))
    quote = _note(_("Word for word"))
    person = forms.CharField(label=_("Who said it"), max_length=COMPANY_MAX_CHARACTERS)


class FixForm(forms.Form):
    """Why the attempt did not succeed."""

    side = forms.ChoiceField(label=_("Who can mend it"), choices=list(FIX_SIDES.items()))
    cause = _note(_("What went wrong"))


class CloseFixForm(forms.Form):
    """What was changed."""

    fix = forms.CharField(widget=forms.HiddenInput)
    change = _note(_("What was changed"))


class SignForm(forms.Form):
    """A person's name under the computed verdict."""

    expected = forms.CharField(widget=forms.HiddenInput)
    recommendation = forms.ChoiceField(label=_("Recommendation"), choices=RECOMMENDATIONS)
    note = _note(_("Note"), required=False)


class CloseForm(forms.Form):
    """How a judged pilot ends."""

    recommendation = forms.ChoiceField(label=_("End it with"), choices=RECOMMENDATIONS)
    note = _note(_("Note"), required=False)


class AbandonForm(forms.Form):
    """Why a pilot that never ran ends."""

    reason = forms.ChoiceField(
        label=_("Why"),
        choices=[("no_response", _("No response")), ("not_ready", _("Not ready")), ("withdrawn", _("Withdrawn"))],
    )
    note = _note(_("Note"), required=False)
